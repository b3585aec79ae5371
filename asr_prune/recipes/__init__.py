"""The recipes as part of the package, in a checkout; a wheel carries them in this folder."""

from __future__ import annotations

from pathlib import Path

__path__ = [str(Path(__file__).resolve().parents[2] / "recipes")]
