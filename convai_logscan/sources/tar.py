"""The members of a tar archive, read as they come; damage costs one member and not the rest."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator

from convai_logscan.errors import SourceError
from convai_logscan.model import Skipped
from convai_logscan.sources.limits import Budget
from convai_logscan.sources.names import label
from convai_logscan.sources.sniff import BLOCK
from convai_logscan.sources.stream import Section, Stream

_MAX_HEADER = 1 << 20  # bytes of a long name or of a member's extended header
_END = "the tar data end early"
_LONG_NAME, _EXTENDED = tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE
_HEADERS = (
    _LONG_NAME,
    _EXTENDED,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


def members(stream: Stream, budget: Budget) -> Iterator[tuple[str, Iterable[bytes]] | Skipped]:
    """Yield name and blocks of every file, and a `Skipped` for what is no file or damaged."""
    coming: dict[str, str] = {}  # what the headers before a member say about it
    lost = False
    while block := stream.read(BLOCK):
        if not block.strip(b"\0"):
            continue
        if len(block) < BLOCK:
            yield Skipped("", _END)
            return
        info = _header(block)
        if info is None:
            if not lost:
                yield Skipped("", "a part of the tar data is damaged; what follows it is read")
            lost = True
            continue
        lost = False
        if info.type in _HEADERS:
            if info.size > _MAX_HEADER:
                raise SourceError("a header in the tar data is too large to be true")
            content = stream.read(-(-info.size // BLOCK) * BLOCK)[: info.size]
            coming |= _said(info.type, content)
            continue
        name, coming, size = coming.get("path", info.name), {}, _size(coming, info)
        budget.member()
        if info.isdir():
            continue
        if not info.isreg() or info.type == tarfile.GNUTYPE_SPARSE:
            yield _no_file(name, info)
            if info.type != tarfile.GNUTYPE_SPARSE:
                continue
        section = Section(stream, size, _END)
        if info.type != tarfile.GNUTYPE_SPARSE:
            yield label(name), section
        section.skip()
        Section(stream, -size % BLOCK, _END).skip()


def _header(block: bytes) -> tarfile.TarInfo | None:
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return None
    return info if info.size >= 0 else None


def _said(kind: bytes, content: bytes) -> dict[str, str]:
    """Return path and size out of an extended header."""
    if kind == _LONG_NAME:
        return {"path": content.split(b"\0")[0].decode("utf-8", "surrogateescape")}
    if kind != _EXTENDED:
        return {}
    found: dict[str, str] = {}
    at = 0
    while at < len(content):
        length, _, _ = content[at : at + 24].partition(b" ")
        if not length.isdigit() or not int(length):
            break
        key, _, value = content[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        if key in {b"path", b"size"}:
            found[key.decode()] = value.decode("utf-8", "surrogateescape")
        at += int(length)
    return found


def _size(coming: dict[str, str], info: tarfile.TarInfo) -> int:
    size = coming.get("size", "")
    return int(size) if size.isdecimal() and len(size) < 20 else info.size


def _no_file(name: str, info: tarfile.TarInfo) -> Skipped:
    if info.type == tarfile.GNUTYPE_SPARSE:
        return Skipped(
            label(name), "a sparse file of tar cannot be read (pack it without --sparse)"
        )
    what = "a link, not followed" if info.issym() or info.islnk() else "a device, not a log"
    return Skipped(label(name), what, minor=True)
