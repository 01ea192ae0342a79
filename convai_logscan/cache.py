"""What is compiled once and kept in the user's own cache folder: parse tables, the table of rows.

Nothing here is needed: where the folder cannot be made, is another user's or is open to others,
everything is compiled anew. `CONVAI_LOGSCAN_CACHE` names another folder; empty, it means none.
"""

from __future__ import annotations

import os
import pickle
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

from convai_logscan import __version__

T = TypeVar("T")


@cache
def folder() -> Path | None:
    """Return the cache folder, made for this user alone; None where there is none to trust."""
    path = _place()
    if path is None:
        return None
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = path.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(info.st_mode):
        return None
    if os.name == "posix" and (info.st_uid != os.getuid() or stat.S_IMODE(info.st_mode) & 0o077):
        return None
    return path


def _place() -> Path | None:
    named = os.environ.get("CONVAI_LOGSCAN_CACHE")
    if named is not None:
        return Path(named) if named else None
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    elif sys.platform == "darwin":
        base = os.path.expanduser("~/Library/Caches")  # noqa: PTH111 (never raises)
    else:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111 (never raises)
    return Path(base) / "convai-logscan" if base and os.path.isabs(base) else None  # noqa: PTH117 (a plain name)


def file(name: str) -> Path | None:
    """Return where a thing is kept for this version of Python."""
    place = folder()
    return place / f"{name}.{sys.implementation.cache_tag}" if place else None


def kept(name: str, made_from: bytes, make: Callable[[], T]) -> T:
    """Return what was made from the same bytes before, or make and keep it."""
    found: T | None = load(name, made_from)
    if found is None:
        found = make()
        keep(name, made_from, found)
    return found


def load(name: str, made_from: bytes) -> Any:  # noqa: ANN401 (whatever was kept)
    """Return what was kept under a name, None where nothing was that was made from the same bytes."""
    path = file(name)
    data = _read(path, _key(made_from)) if path else None
    if data is not None:
        with suppress(Exception):  # whatever is wrong with it, it is made anew
            return pickle.loads(data)  # noqa: S301 (the user's own folder, closed to others)
    return None


def keep(name: str, made_from: bytes, value: object) -> None:
    """Keep a value for the runs to come."""
    if path := file(name):
        data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        _write(path, _key(made_from) + crc32(data).to_bytes(4) + data)


def _key(made_from: bytes) -> bytes:
    # What one version of Python or of this package has made is for that one alone.
    key = f"{__version__} {sys.version}".encode() + made_from
    return len(key).to_bytes(8) + key


def _read(path: Path, key: bytes) -> bytes | None:
    """Return what is kept under a key; None where nothing is, or where it is damaged."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            return None
        with path.open("rb") as stream:
            if stream.read(len(key)) != key:
                return None
            check, data = stream.read(4), stream.read()
    except OSError:
        return None
    return data if crc32(data).to_bytes(4) == check else None


def _write(path: Path, data: bytes) -> None:
    """Write beside the place, then rename into it: a reader never sees half of it."""
    import tempfile  # slow, and rarely needed

    beside = None
    try:
        handle, beside = tempfile.mkstemp(prefix=path.name, dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.replace(beside, path)  # noqa: PTH105 (two plain names)
        beside = None
    except OSError:
        pass  # full, or closed to us in the meantime
    finally:  # an interruption leaves nothing behind either
        if beside:
            with suppress(OSError):
                Path(beside).unlink(missing_ok=True)
