"""A web server for one report, on this machine alone unless asked otherwise."""

from __future__ import annotations

import ipaddress
import mimetypes
import socket
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from asr_prune.errors import UserError
from asr_prune.report.served import ServedReport


def open_server(report: ServedReport, host: str, port: int) -> ThreadingHTTPServer:
    """A server at an address; port 0 takes a free one. Raises UserError if the address cannot be
    used.
    """
    kind = _SixServer if ":" in host else ThreadingHTTPServer
    try:
        return kind((host, port), partial(_Handler, report, is_loopback(host)))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot serve at {host}:{port} ({reason}); give another --port or --host.") from None


class _SixServer(ThreadingHTTPServer):
    """At an address of IPv6."""

    address_family = socket.AF_INET6


def is_loopback(host: str) -> bool:
    """Whether an address or name can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


class _Handler(BaseHTTPRequestHandler):
    """Answers GET of the report's files, of `version` and of `audio/UTTERANCE`.

    At a loopback address other names of this machine are refused: a page from elsewhere could let
    its own name lead here, and read the report.
    """

    def __init__(self, report: ServedReport, local: bool, *request: Any) -> None:
        self.report, self.local = report, local
        super().__init__(*request)

    def do_GET(self) -> None:
        asked = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        if self.local and not is_loopback(asked):
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        name = unquote(urlsplit(self.path).path).removeprefix("/") or "index.html"
        try:
            content = self._content(name)
        except UserError as error:
            self.send_error(HTTPStatus.NOT_FOUND, explain=str(error))
            return
        if content is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self._answer(content, "audio/wav" if name.startswith("audio/") else _kind(name))

    def _content(self, name: str) -> bytes | None:
        if name == "version":
            return self.report.version.encode()
        folder, _, utterance = name.partition("/")
        return self.report.audio(utterance) if folder == "audio" else self.report.files.get(name)

    def _answer(self, content: bytes, kind: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *words: Any) -> None:
        """Nothing: the page asks every two seconds."""


def _kind(name: str) -> str:
    return mimetypes.guess_type(name)[0] or "text/plain; charset=utf-8"
