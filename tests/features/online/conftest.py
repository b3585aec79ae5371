from __future__ import annotations

from tests.nnet3.conftest import korean

__all__ = ["korean"]
