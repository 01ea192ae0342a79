"""Plain files and standard input, in blocks of fixed size."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from convai_logscan.errors import SourceError
from convai_logscan.sources.text import Source

BLOCK = 1 << 20


def from_file(path: Path) -> Source:
    """Open a file; raises SourceError when it is missing, a folder, a device or unreadable."""
    name = str(path)
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            message = "this is a folder"
            raise SourceError(message, name, "name the log files in it")
        if not (stat.S_ISREG(info.st_mode) or stat.S_ISFIFO(info.st_mode)):
            message = "this is a device, not a log"
            raise SourceError(message, name)
        # Unbuffered and never mapped: Unity must stay able to rename or cut a log that is read.
        handle = path.open("rb", buffering=0)
    except FileNotFoundError as error:
        message = "there is no such file"
        raise SourceError(message, name) from error
    except PermissionError as error:
        message = "reading it is not allowed"
        raise SourceError(message, name, "check its permissions") from error
    except (OSError, ValueError) as error:
        message = f"it cannot be opened: {_reason(error)}"
        raise SourceError(message, name) from error
    return Source(name, _file_blocks(handle, name), handle.close)


def from_stream(stream: BinaryIO, name: str = "-") -> Source:
    """Read standard input (or any pipe) as it comes; Ctrl-C ends it, what came is kept."""
    source = Source(name, ())
    source._raw = _stream_blocks(stream, source)  # noqa: SLF001 (its own room)
    return source


def _file_blocks(handle: BinaryIO, name: str) -> Iterator[bytes]:
    while True:
        try:
            block = handle.read(BLOCK)
        except OSError as error:
            message = f"reading stopped: {_reason(error)}"
            raise SourceError(message, name) from error
        if not block:
            return
        yield block


def _stream_blocks(stream: BinaryIO, source: Source) -> Iterator[bytes]:
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        descriptor = -1  # a stream without a descriptor, as tests hand in
    while True:
        try:
            block = os.read(descriptor, BLOCK) if descriptor >= 0 else stream.read(BLOCK)
        except KeyboardInterrupt:
            source.interrupted = True
            return
        except OSError as error:
            message = f"reading stopped: {_reason(error)}"
            raise SourceError(message, source.name) from error
        if not block:
            return
        yield block


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
