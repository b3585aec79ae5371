"""What must be alike in all processes that work on the same results."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import asr_prune

#: libraries whose version can change a result: module -> distribution
LIBRARIES = {
    "kaldi_hmm_gmm": "kaldi-hmm-gmm",
    "kaldi_native_fbank": "kaldi-native-fbank",
    "kaldifst": "kaldifst",
    "kaldilm": "kaldilm",
    "numba": "numba",
    "numpy": "numpy",
    "scipy": "scipy",
    "sentencepiece": "sentencepiece",
    "soundfile": "soundfile",
    "torch": "torch",
    "torchaudio": "torchaudio",
}
#: what a process must have in its environment before it loads numpy, see `process.ENVIRONMENT`
_ONE_THREAD = "OPENBLAS_NUM_THREADS"


@cache
def version_of(distribution: str) -> str:
    """The version of a distribution that is installed here, or "absent"."""
    try:
        return importlib.metadata.version(distribution).partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return "absent"


@cache
def identity() -> dict[str, str]:
    """Versions here: of asr_prune, with a digest of its code; of LIBRARIES; of Python."""
    versions = {name: version_of(name) for name in LIBRARIES.values()}
    python = ".".join(platform.python_version_tuple()[:2])
    return {"asr_prune": f"{asr_prune.__version__} ({_code()})", **versions, "python": python}


def _code() -> str:
    total, root = hashlib.sha256(), Path(asr_prune.__file__).parent
    for path in sorted(root.rglob("*.py")):
        total.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return total.hexdigest()[:8]


def single_threaded() -> bool:
    """Whether numpy computes in one thread here."""
    return os.environ.get(_ONE_THREAD) == "1"


def version_difference(mine: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """The first thing that differs, in words; "" if nothing does."""
    for name, own in mine.items():
        if theirs.get(name) != own:
            return f"{name} {theirs.get(name, 'absent')}, and this machine {name} {own}"
    return ""
