"""Writing that is whole or not there: everything goes to a temporary name beside its place and is renamed."""

from __future__ import annotations

import hashlib
import io
import os
import platform
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeVar

from asr_prune.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Buffer


T = TypeVar("T")
#: how often a folder may vanish while something is begun in it
_TRIES = 20


class Readable(Protocol):
    """A file or folder to read: on the disk (`Path`), or inside another file."""

    def __truediv__(self, name: str, /) -> Readable: ...

    def is_file(self) -> bool: ...

    def read_bytes(self) -> bytes: ...

    def read_text(self, encoding: str | None = None) -> str: ...


def _refuse(path: Path, error: OSError) -> UserError:
    for place in path.parents:
        if _is_dangling(place):
            return _dangling(place)
    return UserError(
        f"cannot write {path}: {error.strerror or error}; "
        "free space or choose another folder, then run the same command again."
    )


def _is_dangling(path: Path) -> bool:
    try:
        return path.is_symlink() and not path.exists()
    except OSError:  # in a folder that may not be searched
        return False


def _dangling(path: Path) -> UserError:
    what = f"{path} is a link to {os.readlink(path)}, which does not exist"
    return UserError(f"{what}; correct the link or remove it, then run the same command again.")


def present(path: Path) -> bool:
    """Whether there is such a file or folder. Raises UserError if it is a link that leads nowhere,
    which is no less wanted than one that does, and which `Path.exists()` and `is_file()` deny; or if
    its folder may not be searched.
    """
    if _is_dangling(path):
        raise _dangling(path)
    try:
        return path.exists()
    except OSError as error:
        fix = "let this user read it, then run the same command again"
        raise UserError(f"{path} cannot be read: {error.strerror}; {fix}.") from None


class _Raw(io.FileIO):
    """A file that remembers why it could not be written: libraries that write through it may tell something else."""

    refused: OSError | None = None

    def write(self, data: Buffer) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.refused = error
            raise


def _opened(raw: _Raw, mode: str) -> IO[Any]:
    buffered = io.BufferedWriter(raw)
    return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding="utf-8", newline="\n")


def _partial(path: Path) -> Path:
    """A temporary name that no other process has, here or on another machine with the same folder."""
    return path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}.partial")


@contextmanager
def _tidied(folder: Path) -> Iterator[None]:
    """If the block fails, folders that it made, this one or above it, are removed if they are empty."""
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        yield
    except BaseException:
        for place in new:
            with suppress(OSError):
                place.rmdir()
        raise


def _begun(place: Path, make: Callable[[Path], T]) -> T:
    """`make(place)`, in its folder, again if another whose work failed has removed that meanwhile."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError, FileExistsError):
            place.parent.mkdir(parents=True, exist_ok=True)
            return make(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    return make(place)


def _new_folder(place: Path) -> Path:
    place.mkdir()
    return place


@contextmanager
def _beside(path: Path, make: Callable[[Path], T]) -> Iterator[T]:
    """What is made by a temporary name, and becomes `path` after the block."""
    partial = _partial(path)
    with _tidied(path.parent):
        try:
            _remove(partial)
            yield _begun(partial, make)
            os.replace(partial, path)
        finally:
            _remove(partial)


def _remove(partial: Path) -> None:
    with suppress(OSError):
        shutil.rmtree(partial) if partial.is_dir() else partial.unlink()


@contextmanager
def atomic(path: Path | str, mode: str = "w") -> Iterator[IO[Any]]:
    """Yields a file that becomes `path` only when the block ends without an exception.

    mode: "w" (UTF-8 text) or "wb". Folders that were made for it are removed after an exception.
    Raises UserError where the folder cannot be written or the disk is full.
    """
    path = Path(path)
    raw = None
    try:
        with _beside(path, lambda partial: _Raw(str(partial), "w")) as raw, _opened(raw, mode) as file:
            yield file
    except OSError as error:
        raise _refuse(path, error) from error
    except Exception as error:
        if raw is not None and raw.refused is not None:
            raise _refuse(path, raw.refused) from error
        raise


@contextmanager
def atomic_dir(path: Path | str) -> Iterator[Path]:
    """Yields an empty folder that replaces `path`, or the folder that this is a link to, only when
    the block ends without an exception.

    Raises UserError as `atomic` and `present`.
    """
    path = Path(path)
    place = path.resolve() if present(path) and path.is_symlink() else path
    try:
        with _beside(place, _new_folder) as partial:
            yield partial
            if place.exists():
                shutil.rmtree(place)
    except OSError as error:
        raise _refuse(path, error) from error


def files_below(folder: Path) -> list[Path]:
    """All files in `folder` and in folders below it, also where these are links, sorted. Links to a
    folder above them, and dangling ones, are left out.
    """
    return sorted(_below(folder, ()))


def _below(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    own = folder.resolve()
    for path in () if own in above else folder.iterdir():
        if path.is_dir():
            yield from _below(path, (*above, own))
        elif path.is_file():
            yield path


@contextmanager
def scratch_dir(beside: Path | str) -> Iterator[Path]:
    """Yields an empty folder beside a path that is to be written, for what other processes read in
    the meantime; it is gone after the block. Its name is never used again: processes that read from
    it may remember what they have read by its path.

    Raises UserError as `atomic`.
    """
    place = Path(beside)
    folder = place.with_name(f".{place.name}.{uuid.uuid4().hex}.work.partial")
    with ExitStack() as stack:
        try:
            stack.enter_context(_tidied(folder.parent))
            _begun(folder, _new_folder)
        except OSError as error:
            raise _refuse(folder, error) from error
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Removes what killed commands left of `atomic` and `atomic_dir` under `folder`, which no other may be writing."""
    for path in list(folder.rglob(".*.partial")):
        _remove(path)


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listing(places: Iterable[Path]) -> str:
    """A digest of the names, sizes and modification times of all files in `places`."""
    total = hashlib.sha256()
    for path in _files(places):
        stat = path.stat()
        line = f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
        total.update(line.encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def _files(places: Iterable[Path]) -> Iterator[Path]:
    """In a fixed order, one at a time."""
    for place in places:
        if place.is_file():
            yield place
        for folder, inner, names in os.walk(place):
            inner.sort()
            yield from (path for name in sorted(names) if (path := Path(folder, name)).is_file())
