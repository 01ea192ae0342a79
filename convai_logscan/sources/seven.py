"""The members of a 7z archive; needs the extra `7z`. Nothing is written, and memory is bounded."""

from __future__ import annotations

import stat
import zlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from convai_logscan.errors import SourceError
from convai_logscan.model import Skipped
from convai_logscan.sources.inflate import MEMORY, PIECE
from convai_logscan.sources.limits import Budget
from convai_logscan.sources.names import label

if TYPE_CHECKING:
    from py7zr import SevenZipFile

INSTALL = "pip install 'convai-logscan[7z]'"
_HEADER = 32  # bytes before the data
_MAX_DIRECTORY = 4 << 20  # bytes of the directory, packed or not
_LZMA, _LZMA2, _PPMD = b"\x03\x01\x01", b"\x21", b"\x03\x04\x01"


def members(
    handle: BinaryIO | None, budget: Budget
) -> Iterator[tuple[str, Iterable[bytes]] | Skipped]:
    """Yield name and blocks of every file, and a `Skipped` for what cannot be read."""
    try:
        import py7zr
        from py7zr import archiveinfo
    except ImportError as error:
        raise SourceError("reading 7z archives needs py7zr", None, INSTALL) from error
    if handle is None:
        raise SourceError(
            "a large 7z archive inside another archive is not read", None, "unpack the outer one"
        )
    _look_at_header(handle)
    # The library's own guards, set for a tool that must stay small.
    archiveinfo.MAX_HEADER_SIZE = _MAX_DIRECTORY
    archiveinfo.MAX_NUMFILES = 1 << 16
    try:
        archive = py7zr.SevenZipFile(handle)
    except py7zr.PasswordRequired as error:
        raise SourceError("encrypted, not read", None, "unpack it with its password") from error
    except Exception as error:  # the library raises what its parts raise
        raise SourceError("the directory of the 7z archive is damaged or too large") from error
    yield from _files(archive, handle, budget)


def _look_at_header(handle: BinaryIO) -> None:
    """Refuse a directory that would not fit; raises SourceError."""
    handle.seek(0)
    head = handle.read(_HEADER)
    if len(head) < _HEADER:
        raise SourceError("the 7z data end early")
    size, total = int.from_bytes(head[20:28], "little"), handle.seek(0, 2)
    if int.from_bytes(head[12:20], "little") + size + _HEADER > total:
        raise SourceError("the 7z data end early: the directory at their end is missing")
    if size > _MAX_DIRECTORY:
        raise SourceError("the directory of the 7z archive is too large", None, "unpack it first")
    handle.seek(0)


def _files(
    archive: SevenZipFile, handle: BinaryIO, budget: Budget
) -> Iterator[tuple[str, Iterable[bytes]] | Skipped]:
    """Go through the folders, as 7z calls what is packed as one, and the files in each."""
    streams = getattr(archive.header, "main_streams", None)
    positions = streams.packinfo.packpositions if streams else []
    first = 0
    folders: dict[int, _Folder] = {}
    for number, folder in enumerate(streams.unpackinfo.folders if streams else []):
        start = archive.afterheader + positions[first]
        folders[id(folder)] = _Folder(folder, handle, start, f"folder {number}")
        first += max(1, len(folder.packed_indices))
    for one in archive.files:
        budget.member()
        name = label(one.filename)
        folder = folders.get(id(one.folder))
        if one.is_directory:
            continue
        if folder is None:
            yield name, ()
            continue
        if folder.refused:
            yield Skipped(name, folder.refused)
            continue
        content = folder.file(one, budget)
        if _is_link(one):
            yield Skipped(name, "a link, not followed", minor=True)
        else:
            yield name, content
        for _ in content:  # the next file stands behind this one
            pass


def _is_link(one: Any) -> bool:  # noqa: ANN401 (the library has no types for it)
    mode = one.posix_mode
    return bool(one.is_symlink or one.is_junction or (mode and stat.S_ISLNK(mode)))


class _Folder:
    """What was packed as one: its files come out in order."""

    def __init__(self, folder: Any, handle: BinaryIO, start: int, name: str) -> None:  # noqa: ANN401
        self._folder = folder
        self._handle = handle
        self._at = start
        self._name = name
        self.refused = _refused(folder)

    def file(self, one: Any, budget: Budget) -> Iterator[bytes]:  # noqa: ANN401
        """Yield the next file's content; a fault in it ends the whole folder."""
        left, crc = one.uncompressed, 0
        while left > 0:
            block = self._next(one, min(left, PIECE))
            left -= len(block)
            crc = zlib.crc32(block, crc)
            budget.unpacked(len(block))
            if block:
                yield block
        if one.crc32 is not None and crc != one.crc32:
            raise SourceError("its checksum is wrong: the data are damaged")

    def _next(self, one: Any, size: int) -> bytes:  # noqa: ANN401
        """Return the next bytes of the folder, or none when it has to be asked again."""
        try:
            decompressor = self._folder.get_decompressor(one.compressed)
            self._handle.seek(self._at)
            block = bytes(decompressor.decompress(self._handle, size))
            moved = self._handle.tell() - self._at
        except Exception as error:  # the library raises what its parts raise
            self.refused = "the archive is damaged before this member"
            raise SourceError("the 7z data are damaged") from error
        if not block and not moved:
            self.refused = "the archive ends before this member"
            raise SourceError("the 7z data end early")
        self._at += moved
        return block


def _refused(folder: Any) -> str | None:  # noqa: ANN401
    """Return why a folder is not read: encrypted, or a dictionary that takes too much memory."""
    from py7zr.compressor import SupportedMethods

    if SupportedMethods.needs_password(folder.coders):
        return "encrypted, not read (unpack it with its password)"
    need = max((_memory(coder) for coder in folder.coders), default=0)
    if need > MEMORY:
        return f"unpacking it takes {need >> 20} MiB of memory (unpack it first)"
    return None


def _memory(coder: dict[str, Any]) -> int:
    """Return how large a dictionary a coder asks for, in bytes."""
    method, properties = coder["method"], coder.get("properties") or b""
    if method in {_LZMA, _PPMD} and len(properties) >= 5:
        return int.from_bytes(properties[1:5], "little")
    if method == _LZMA2 and properties:
        bits = properties[0] & 0x3F
        return 0xFFFFFFFF if bits >= 40 else (2 | bits & 1) << (bits // 2 + 11)
    return 0
