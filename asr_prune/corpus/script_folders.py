"""Folders of local scripts as packages, so that scripts import their neighbours without sys.path.

The package of a folder is named after its path, so any process can import its modules by name:
worker processes that are spawned find a script's functions again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from urllib.parse import quote, unquote_to_bytes

#: makes a package of this module, whose subpackages are folders
__path__: list[str] = []


def package_name(folder: Path) -> str:
    """Name of the package of an absolute `folder`; its path with dots escaped."""
    return f"{__name__}.{quote(os.fsencode(folder)).replace('.', '%2E')}"


class _FolderFinder(MetaPathFinder):
    """Finds the packages that `package_name` names, and nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(f"{__name__}.") or "." in fullname.removeprefix(f"{__name__}."):
            return None
        folder = Path(os.fsdecode(unquote_to_bytes(fullname.removeprefix(f"{__name__}."))))
        init = folder / "__init__.py"
        if init.is_file():
            return spec_from_file_location(fullname, init, submodule_search_locations=[str(folder)])
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        return spec


sys.meta_path.append(_FolderFinder())
