"""The report over HTTP: what it serves, that it follows the runs, and whom it refuses."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.segments import Segment
from asr_prune.errors import UserError
from asr_prune.layout import Layout
from asr_prune.report.served import ServedReport
from asr_prune.report.server import is_loopback, open_server
from asr_prune.report.write import write_report
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score
from asr_prune.score.write import write_score
from tests.report.conftest import invented_row, run_files


def project(root: Path) -> Layout:
    """A project with one run, and of test one utterance, half of a recording, and a lost one."""
    layout = Layout("demo", root)
    add_run(layout, "dense", "none")
    layout.set("test").mkdir(parents=True)
    soundfile.write(root / "talk.wav", np.arange(16000, dtype=np.int16), 16000)
    wavs = {"u2": str(root / "talk.wav"), "v": str(root / "lost.wav")}
    parts = {"u2": Segment("talk", 0.5, 1.0), "v": Segment("lost", 0.5, 1.0)}
    DataDir(layout.set("test"), wavs, {"u2": ["A"], "v": ["A"]}, {"u2": "s", "v": "s"}, parts).write()
    return layout


def add_run(layout: Layout, name: str, method: str, said: str = "A") -> None:
    """A finished run that recognised `said` in both utterances."""
    run = layout.run(name)
    run.path.mkdir(parents=True)
    hyps, refs = {"u2": [said], "v": [said]}, {"u2": ["A"], "v": ["A"]}
    write_score(run.score("test"), score(hyps, refs, dict.fromkeys(refs, "s"), ScoreOptions(bootstrap=0)))
    run.result.write_text(json.dumps(invented_row(name, method, 512, 11.0)))


@contextmanager
def serving(layout: Layout) -> Iterator[ThreadingHTTPServer]:
    """A server of the report of `layout` at a free port."""
    report = ServedReport(layout, lambda out: write_report(run_files(layout.exp), out, "demo"), [layout.set("test")])
    with report, open_server(report, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadingHTTPServer]:
    with serving(project(tmp_path_factory.mktemp("served"))) as server:
        yield server


def answer(server: ThreadingHTTPServer, path: str, host: str = "localhost") -> tuple[int, str, bytes]:
    """Status, type and content."""
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.request("GET", path, headers={"Host": host})
    found = connection.getresponse()
    return found.status, found.getheader("Content-Type", ""), found.read()


def test_page_files_and_audio(server: ThreadingHTTPServer) -> None:
    status, kind, page = answer(server, "/")
    assert (status, kind) == (200, "text/html")
    version = answer(server, "/version")[2].decode()
    assert f'data-served="{version}"' in page.decode()
    assert answer(server, "/costs.svg")[1] == "image/svg+xml"
    status, kind, wav = answer(server, "/audio/u2")
    samples, rate = soundfile.read(io.BytesIO(wav), dtype="int16")
    assert (status, kind, rate) == (200, "audio/wav", 16000)
    np.testing.assert_array_equal(samples, np.arange(8000, 16000))


@pytest.mark.parametrize("path", ["/audio/none", "/audio/", "/../dense", "/runs/dense/result.json", "/audio/..%2f"])
def test_nothing_else(server: ThreadingHTTPServer, path: str) -> None:
    assert answer(server, path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8765", "", "localhost.evil.example", "10.0.0.1"])
def test_a_page_from_elsewhere_cannot_read_it(server: ThreadingHTTPServer, host: str) -> None:
    assert answer(server, "/", host)[0] == 403
    assert answer(server, "/version", host)[0] == 403


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8765"])
def test_this_machine_can(server: ThreadingHTTPServer, host: str) -> None:
    assert answer(server, "/version", host)[0] == 200


def test_missing_audio_is_not_found_and_says_so(server: ThreadingHTTPServer) -> None:
    status, _, text = answer(server, "/audio/v")
    assert status == 404
    assert "lost.wav" in text.decode()


def test_a_run_that_finishes_appears(tmp_path: Path) -> None:
    layout = project(tmp_path)
    with serving(layout) as server:
        before = answer(server, "/version")[2]
        add_run(layout, "half", "l2")
        end = time.monotonic() + 120
        while answer(server, "/version")[2] == before and time.monotonic() < end:
            time.sleep(0.2)
        assert b'data-run="half"' in answer(server, "/")[2]
    assert not layout.report.exists()


def test_a_look_at_files_that_go_away_is_not_the_last(tmp_path: Path) -> None:
    layout, drawn = project(tmp_path), list[str]()

    def draw(out: Path) -> None:
        drawn.append("once")
        if len(drawn) == 2:
            raise FileNotFoundError("recipe.yaml of a run that is just being removed")
        write_report(run_files(layout.exp), out, "demo")

    with ServedReport(layout, draw, []) as report:
        add_run(layout, "half", "l2")
        end = time.monotonic() + 120
        while len(drawn) < 3 and time.monotonic() < end:
            time.sleep(0.1)
    assert b'data-run="half"' in report.files["index.html"]


def test_an_address_of_ipv6() -> None:
    report = ServedReport(Layout("none"), lambda out: None, [])
    report.version = "new"
    try:
        server = open_server(report, "::1", 0)
    except UserError:
        pytest.skip("this machine has no IPv6")
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connection = HTTPConnection("::1", server.server_port, timeout=60)
        connection.request("GET", "/version")
        assert connection.getresponse().read() == b"new"
        server.shutdown()


def test_without_runs_it_waits(tmp_path: Path) -> None:
    layout = Layout("none", tmp_path)
    with ServedReport(layout, lambda out: write_report([], out, "none"), []) as report:
        page = report.files["index.html"].decode()
    assert "there is no finished run to report" in page
    assert 'fetch("version")' in page
    assert not list(tmp_path.iterdir())


def test_an_address_that_cannot_be_used(server: ThreadingHTTPServer) -> None:
    report = ServedReport(Layout("none"), lambda out: None, [])
    with pytest.raises(
        UserError, match=r"cannot serve at 127.0.0.1:\d+ \(Address already in use\); give another --port"
    ):
        open_server(report, "127.0.0.1", server.server_port)
    for host, port in (("127.0.0.1", 99999), ("no.such.host.invalid", 0)):
        with pytest.raises(UserError, match="give another --port or --host"):
            open_server(report, host, port)


def test_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "localhost.com", "")))
