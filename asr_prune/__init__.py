"""Makes acoustic models of speech recognisers small without losing words.

From Python (docs/python.md): `prune`, `shrink` and `verify` for any PyTorch module inside your own
training loop, `load_run` for the pruned network of a run, and `load` for a model packed into one
file. They are imported when they are first used, so that `import asr_prune` stays light.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

#: what the package offers: the module that defines it, and its name there
_PUBLIC = {
    "prune": ("asr_prune.pruning.modules", "prune_module"),
    "shrink": ("asr_prune.pruning.modules", "shrink_module"),
    "verify": ("asr_prune.pruning.modules", "verify_module"),
    "load_run": ("asr_prune.api", "load_run"),
    "load": ("asr_prune.api", "load_packed"),
}


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
