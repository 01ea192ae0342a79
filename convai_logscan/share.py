"""A copy that is safe to share: of a log, of an archive of logs, of what comes through a pipe.

In: the logs that the sources give. Out: the same without secrets, checked before it is handed over.
What is no log is left out of an archive, and told: what cannot be read cannot be redacted.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import shutil
import sys
import tarfile
import tempfile
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import PurePosixPath
from typing import BinaryIO, Final, Protocol, cast

from msgspec import Struct, field

from convai_logscan.anchors import named_finder
from convai_logscan.errors import LeakError, SourceError
from convai_logscan.late import late
from convai_logscan.model import Skipped
from convai_logscan.redact import Redactor, in_name
from convai_logscan.rewrite import (
    AHEAD,
    Found,
    MixedError,
    Plan,
    Recoded,
    Search,
    carried_out,
    packaged_search,
    plan,
    streamed,
)
from convai_logscan.sources import Source
from convai_logscan.sources.decode import SNIFF, encoding
from convai_logscan.verify import Verifier

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Item = Source | Skipped
Items = Callable[[], Iterable[Item]]  # opens the input anew each time
ARCHIVES: Final = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
SPOOL: Final = 16 << 20  # bytes of a redacted member that are held in memory
_EPOCH = (1980, 1, 1, 0, 0, 0)
MAX_PART = 100  # characters of one part of a member's name
_UNSAFE = late(r'[\x00-\x1f\x7f-\x9f<>:"|?*\\\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]')


class Copy(Struct):
    """What became of one input: by log what was taken out, and what was left out whole."""

    found: list[tuple[str, Found]] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    interrupted: bool = False
    leaks: list[LeakError] = field(default_factory=list)  # of logs that the archive goes without


class _Work:
    """What all logs of one input share: the same secret has the same name in each of them."""

    def __init__(self, options: frozenset[str]) -> None:
        self.redactor = Redactor(options=options)
        self.search: Search = packaged_search(options)


# --- reading twice -------------------------------------------------------------------------------


class _Todo(Struct):
    """What is to be done to one log."""

    name: str
    edits: Plan
    recoded: bool


def learned(items: Items, work: _Work, copy: Copy) -> list[_Todo]:
    """Read every log once and return what is to be done to each; tells what is no log."""
    todo: list[_Todo] = []
    mixed = False
    for item in items():
        if isinstance(item, Skipped):
            copy.skipped.append(item)
            continue
        try:
            todo.append(_learned(item, work, recode=True))
        except MixedError:
            mixed = True
            todo.append(_Todo(item.name, Plan(), recoded=False))
        if item.cut:
            copy.skipped.append(Skipped(item.name, item.cut))
    if mixed:  # UTF-16 and UTF-8 in one file: read again as the bytes that it is
        logs = (item for item in items() if isinstance(item, Source))
        todo = [
            _learned(log, work, recode=one.recoded) for log, one in zip(logs, todo, strict=True)
        ]
    return todo


def _learned(log: Source, work: _Work, *, recode: bool) -> _Todo:
    recoded, blocks = _blocks(log, recode=recode)
    work.redactor.close()
    return _Todo(log.name, plan(blocks, work.redactor, work.search), recoded is not None)


def _blocks(log: Source, *, recode: bool) -> tuple[Recoded | None, Iterator[bytes]]:
    """Return the bytes of a log; those of UTF-16 as UTF-8, with the way back."""
    raw = log.raw()
    head = b""
    for block in raw:
        head += block
        if len(head) >= SNIFF:
            break
    name = encoding(head)[0]
    blocks = _chain(head, raw)
    if not recode or not name.startswith("utf-16"):
        return None, blocks
    recoded = Recoded(name)
    return recoded, recoded.narrow(blocks)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    if first:
        yield first
    yield from rest


def clean(log: Source, todo: _Todo, work: _Work, found: Found) -> Iterator[bytes]:
    """Yield the bytes of a log without secrets, in its own encoding."""
    recoded, blocks = _blocks(log, recode=todo.recoded)
    out = carried_out(blocks, todo.edits, work.redactor, found)
    yield from recoded.wide(out) if recoded else out


# --- checking ------------------------------------------------------------------------------------


def checked(
    pieces: Iterable[bytes], verifier: Verifier, write: Callable[[bytes], object], name: str
) -> None:
    """Write pieces while the check reads them beside; raises LeakError where something is left."""
    with ThreadPoolExecutor(1) as beside:
        waiting: deque[Future[None]] = deque()
        for piece in pieces:
            write(piece)
            waiting.append(beside.submit(verifier.feed, piece))
            if len(waiting) > AHEAD:
                waiting.popleft().result()
                if verifier.leak:
                    break
        for one in waiting:
            one.result()
    refuse(verifier, name)


def refuse(verifier: Verifier, name: str) -> None:
    """Raise LeakError, with the name of the log, where the check found something."""
    if verifier.leak:
        found = f"line {verifier.leak.line} still holds {verifier.leak.what}"
        raise LeakError(
            f"after redaction, {found}, so nothing of it was written",
            name,
            "please report the form of that line, without its value",
        )


def _verifier(work: _Work) -> Verifier:
    return Verifier(_shapes(work.redactor), named_finder)


def _shapes(redactor: Redactor) -> dict[str, str]:
    return {value: name[2:-2].rpartition("-")[0] for value, name in redactor.known.items()}


# --- writing -------------------------------------------------------------------------------------


class Container(Protocol):
    """What the logs of an archive are written into."""

    def add(self, name: str, held: BinaryIO) -> None:
        """Add a log, which is redacted and checked."""

    def close(self) -> None:
        """Finish the archive."""


class _Zip:
    def __init__(self, out: BinaryIO) -> None:
        self._zip = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED)  # closed with the container

    def add(self, name: str, held: BinaryIO) -> None:
        info = zipfile.ZipInfo(name, _EPOCH)
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        with self._zip.open(info, "w", force_zip64=True) as member:
            shutil.copyfileobj(held, member)

    def close(self) -> None:
        self._zip.close()


class _Tar:
    def __init__(self, out: BinaryIO) -> None:
        self._tar = tarfile.TarFile(fileobj=out, mode="w", format=tarfile.PAX_FORMAT)

    def add(self, name: str, held: BinaryIO) -> None:
        info = tarfile.TarInfo(name)
        info.size = held.seek(0, io.SEEK_END)
        held.seek(0)
        self._tar.addfile(info, held)

    def close(self) -> None:
        self._tar.close()


def packed(suffix: str, out: BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Return a stream that compresses into `out` as a suffix says, or `out` itself."""
    if suffix.endswith((".gz", ".tgz")):
        return cast("AbstractContextManager[BinaryIO]", gzip.GzipFile("", "wb", 6, out, 0))
    if suffix.endswith(".bz2"):
        return cast("AbstractContextManager[BinaryIO]", bz2.open(out, "wb"))
    if suffix.endswith(".xz"):
        return cast("AbstractContextManager[BinaryIO]", lzma.open(out, "wb"))
    if suffix.endswith(".zst"):
        return cast("AbstractContextManager[BinaryIO]", zstd.open(out, "wb"))
    return nullcontext(out)


def is_archive(target: str) -> bool:
    """Say whether a name is that of an archive."""
    return target.lower().endswith(ARCHIVES)


def member_name(name: str, taken: set[str]) -> str:
    """Return a name for a member of a new archive: relative, plain, and not used yet."""
    parts = [_UNSAFE.sub("_", part) for part in re.split(r"[/\\!]+", name)]
    parts = [part[-MAX_PART:].strip() for part in parts if part not in {"", ".", ".."}] or ["log"]
    path = PurePosixPath(*parts)
    number = 1
    while str(path) in taken:
        number += 1
        path = path.with_name(f"{PurePosixPath(*parts).stem}-{number}{path.suffix}")
    taken.add(str(path))
    return str(path)


# --- the three ways ------------------------------------------------------------------------------


def copy_out(items: Items, target: str, out: BinaryIO, options: frozenset[str]) -> Copy:
    """Write a copy of an input that can be read twice; raises LeakError where something is left."""
    work, copy = _Work(options), Copy()
    todo = learned(items, work, copy)
    if not todo:
        return copy
    archive = is_archive(target)
    inside = [one.name.partition("!")[2] for one in todo]
    if not archive and any(inside):
        raise _no_archive(target)
    with packed(target.lower(), out) as stream, _box(target, stream) as box:
        taken: set[str] = set()
        logs = (item for item in items() if isinstance(item, Source))
        for log, one in zip(logs, todo, strict=True):
            found = Found()
            pieces = clean(log, one, work, found)
            # Each log is checked by itself: what one taught is known for all.
            if box is None:
                checked(pieces, _verifier(work), stream.write, one.name)
            else:
                name = one.name.partition("!")[2] or PurePosixPath(one.name.replace("\\", "/")).name
                with _held(pieces, _verifier(work), one.name, copy) as held:
                    if held is None:
                        continue
                    box.add(member_name(in_name(name, work.redactor), taken), held)
            copy.found.append((one.name, found))
    return _unless_all_leak(copy)


@contextmanager
def _held(
    pieces: Iterable[bytes], verifier: Verifier | None, name: str, copy: Copy
) -> Iterator[BinaryIO | None]:
    """Give a log that an archive takes: redacted, and held until all of it is checked.

    Nothing is given where something is left in it: that keeps the others from nobody.
    """
    with tempfile.SpooledTemporaryFile(SPOOL) as held:
        try:
            if verifier:
                checked(pieces, verifier, held.write, name)
            else:
                for piece in pieces:
                    held.write(piece)
        except LeakError as error:
            copy.leaks.append(error)
            yield None
            return
        held.seek(0)
        yield cast("BinaryIO", held)


def _unless_all_leak(copy: Copy) -> Copy:
    if copy.leaks and not copy.found:
        raise copy.leaks[0]
    return copy


@contextmanager
def _box(target: str, stream: BinaryIO) -> Iterator[Container | None]:
    """Give what the logs are written into where the target is an archive, and finish it.

    It is finished in any case: left open, the library would do so by itself, behind the closed file.
    """
    if not is_archive(target):
        yield None
        return
    box: Container = _Zip(stream) if target.lower().endswith(".zip") else _Tar(stream)
    try:
        yield box
    finally:
        box.close()


def pass_out(items: Items, write: Callable[[bytes], object], options: frozenset[str]) -> Copy:
    """Write a copy of an input that can be read twice, piece by piece, each checked before."""
    work, copy = _Work(options), Copy()
    todo = learned(items, work, copy)
    logs = (item for item in items() if isinstance(item, Source))
    for log, one in zip(logs, todo, strict=True):
        found, verifier = Found(), _verifier(work)
        for piece in clean(log, one, work, found):
            verifier.feed(piece)
            refuse(verifier, one.name)
            write(piece)
        copy.found.append((one.name, found))
    return copy


def pass_on(
    items: Iterable[Item], write: Callable[[bytes], object], options: frozenset[str]
) -> Copy:
    """Write a copy of an input that is read once, as it comes; every piece is checked before."""
    work, copy = _Work(options), Copy()
    for log in _logs(items, copy):
        found = Found()
        for piece in _once(log, work, found):
            write(piece)
        _noted(log, found, copy)
    return copy


def copy_once(items: Iterable[Item], target: str, out: BinaryIO, options: frozenset[str]) -> Copy:
    """Write a copy of an input that is read once into a file or an archive."""
    work, copy = _Work(options), Copy()
    with packed(target.lower(), out) as stream, _box(target, stream) as box:
        taken: set[str] = set()
        for log in _logs(items, copy):
            found = Found()
            inside = log.name.partition("!")[2]
            pieces = _once(log, work, found)
            if box is not None:
                with _held(pieces, None, log.name, copy) as held:
                    if held is None:
                        continue
                    box.add(member_name(in_name(inside or "log", work.redactor), taken), held)
            elif inside:
                raise _no_archive(target)
            else:
                for piece in pieces:
                    stream.write(piece)
            _noted(log, found, copy)
    return _unless_all_leak(copy)


def _logs(items: Iterable[Item], copy: Copy) -> Iterator[Source]:
    for item in items:
        if isinstance(item, Skipped):
            copy.skipped.append(item)
        else:
            yield item


def _once(log: Source, work: _Work, found: Found) -> Iterator[bytes]:
    work.redactor.close()
    verifier = _verifier(work)
    for piece in streamed(log.raw(), work.redactor, work.search, found):
        verifier.learn(_shapes(work.redactor))
        verifier.feed(piece)
        refuse(verifier, log.name)
        yield piece


def _noted(log: Source, found: Found, copy: Copy) -> None:
    copy.found.append((log.name, found))
    if log.cut:
        copy.skipped.append(Skipped(log.name, log.cut))
    copy.interrupted = copy.interrupted or log.interrupted


def _no_archive(target: str) -> SourceError:
    hint = f"name it like {ARCHIVES[0]} or {ARCHIVES[3]}"
    return SourceError("this is an archive, and its copy is one too", target, hint)


def looked_at(items: Items, options: frozenset[str], shown: int) -> Copy:
    """Say what an input that can be read twice holds; nothing is written."""
    work, copy = _Work(options), Copy()
    todo = learned(items, work, copy)
    logs = (item for item in items() if isinstance(item, Source))
    for log, one in zip(logs, todo, strict=True):
        found, verifier = Found(shown), _verifier(work)
        for piece in clean(log, one, work, found):
            verifier.feed(piece)
        copy.found.append((one.name, found))
        if verifier.leak:
            found.leak(verifier.leak.what, verifier.leak.line)
    return copy


def looked_at_once(items: Iterable[Item], options: frozenset[str], shown: int) -> Copy:
    """Say what an input that is read once holds."""
    work, copy = _Work(options), Copy()
    for log in _logs(items, copy):
        found, verifier = Found(shown), _verifier(work)
        for piece in streamed(log.raw(), work.redactor, work.search, found):
            verifier.learn(_shapes(work.redactor))
            verifier.feed(piece)
        if verifier.leak:
            found.leak(verifier.leak.what, verifier.leak.line)
        _noted(log, found, copy)
    return copy
