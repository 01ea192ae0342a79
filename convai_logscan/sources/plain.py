"""Files, folders and standard input."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from convai_logscan.errors import SourceError
from convai_logscan.model import Skipped
from convai_logscan.sources.limits import Budget, Limits
from convai_logscan.sources.opener import Item, only, opened
from convai_logscan.sources.stream import BLOCK, Stream
from convai_logscan.sources.text import Source

MAX_BESIDE = 10_000  # names of a folder that a mistyped one is compared with
_JUNCTION = 0xA0000003  # the tag of a mount point, on Windows


def from_file(path: Path, limits: Limits | None = None) -> Source:
    """Open a file that is one log, plain or compressed; raises SourceError when it cannot be read."""
    name = str(path)
    handle, stream = _open(path)
    return Source(name, only(name, stream, Budget(limits or Limits())), handle.close)


def from_stream(
    stream: BinaryIO | Pipe | None, name: str = "-", limits: Limits | None = None
) -> Source:
    """Read standard input (or any pipe) as it comes; Ctrl-C ends it, what came is kept."""
    pipe = stream if isinstance(stream, Pipe) else Pipe(stream, name)
    source = Source(name, only(name, Stream(pipe), Budget(limits or Limits())))
    pipe.source = source
    return source


def in_file(path: Path, limits: Limits, *, named: bool) -> Iterator[Item]:
    """Yield what a file holds: itself, or the logs packed in it."""
    try:
        handle, stream = _open(path)
    except SourceError as error:
        yield Skipped(str(path), f"{error.message}" + (f" ({error.hint})" if error.hint else ""))
        return
    with handle:
        yield from opened(str(path), stream, Budget(limits), named=named)


def in_folder(folder: Path, limits: Limits) -> Iterator[Item]:
    """Yield what the files of a folder and of all folders in it hold, in order of their names."""
    entries = [folder]
    while entries:  # a stack, for folders may be nested deeper than calls
        entry = entries.pop()
        if entry is not folder and _is_link(entry):
            yield Skipped(str(entry), "a link, not followed (name it to read it)", minor=True)
        elif entry.is_dir():
            if entry is not folder and entry.name.startswith("."):
                yield Skipped(str(entry), "a hidden folder (name it to read it)", minor=True)
                continue
            try:
                entries += sorted(entry.iterdir(), reverse=True)
            except OSError as error:
                yield Skipped(str(entry), f"the folder cannot be read: {reason(error)}")
        elif _is_special(entry):
            yield Skipped(str(entry), "a pipe, socket or device, not a log", minor=True)
        else:
            yield from in_file(entry, limits, named=False)


class Pipe:
    """The blocks of standard input; Ctrl-C ends them."""

    def __init__(self, stream: BinaryIO | None, name: str = "-") -> None:
        """Wrap a stream, or None where it is closed; nothing is read yet."""
        self._stream = stream
        self._name = name
        self.interrupted = False
        self.source: Source | None = None  # the one that is told of an interruption

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks as they come."""
        if self._stream is None:
            raise SourceError("standard input is closed", self._name)
        try:
            descriptor = self._stream.fileno()
        except (OSError, ValueError):
            descriptor = -1  # a stream without a descriptor, as tests hand in
        while True:
            try:
                block = os.read(descriptor, BLOCK) if descriptor >= 0 else self._stream.read(BLOCK)
            except KeyboardInterrupt:
                self.interrupted = True
                if self.source:
                    self.source.interrupted = True
                return
            except OSError as error:
                message = f"reading stopped: {reason(error)}"
                raise SourceError(message, self._name) from error
            if not block:
                return
            yield block


def reason(error: Exception) -> str:
    """Return what the system said, in small letters."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _open(path: Path) -> tuple[BinaryIO, Stream]:
    """Open a file for reading; raises SourceError when it is missing, a folder or a device."""
    name = str(path)
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            raise SourceError("this is a folder", name, "name the log files in it")
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISFIFO(info.st_mode)):
            raise SourceError("this is a device, not a log", name)
        # Unbuffered and never mapped: Unity must stay able to rename or cut a log that is read.
        handle = path.open("rb", buffering=0)
    except FileNotFoundError as error:
        raise no_such_file(path) from error
    except PermissionError as error:
        raise SourceError("reading it is not allowed", name, "check its permissions") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"it cannot be opened: {reason(error)}", name) from error
    regular = stat.S_ISREG(info.st_mode)
    size = info.st_size if regular else 0
    return handle, Stream(_file_blocks(handle, name, size), handle if regular else None)


def no_such_file(path: Path) -> SourceError:
    """Return what to say of a path that leads nowhere, with the name beside it that is nearest."""
    from difflib import get_close_matches  # only for those who mistype

    try:
        beside = [entry.name for entry in islice(path.parent.iterdir(), MAX_BESIDE)]
    except (OSError, ValueError):
        beside = []
    near = get_close_matches(path.name, beside, 1, 0.75)
    hint = f"did you mean {path.with_name(near[0])}?" if near else None
    return SourceError("there is no such file", str(path), hint)


def _file_blocks(handle: BinaryIO, name: str, size: int) -> Iterator[bytes]:
    """Yield a file's blocks; raises SourceError where it ends before the size it had."""
    total = 0
    while True:
        try:
            block = handle.read(BLOCK)
        except OSError as error:
            raise SourceError(f"reading stopped: {reason(error)}", name) from error
        if not block:
            break
        total += len(block)
        yield block
    if total < size:
        message = f"it became shorter while it was read: {total} of {size} bytes were there"
        raise SourceError(message, name)


def _is_link(path: Path) -> bool:
    """Say whether a path is a link, or what Windows calls a junction."""
    try:
        info = path.lstat()
    except OSError:
        return False  # opening it will say why
    return stat.S_ISLNK(info.st_mode) or getattr(info, "st_reparse_tag", 0) == _JUNCTION


def _is_special(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # opening it will say why
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
