"""The Python of docs/deploy.md, as its readers run it."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/deploy.md"


def block(first: str) -> str:
    """The indented block of the page that begins with the line `first`."""
    blocks = re.findall(r"(?:^    .*\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    [found] = [text for text in map(textwrap.dedent, blocks) if text.startswith(f"{first}\n")]
    return found


def printed(first: str) -> list[str]:
    """The words that the block prints, run in a process of its own in the working folder."""
    command = [sys.executable, "-c", block(first)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
