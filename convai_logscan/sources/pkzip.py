"""The members of a zip archive: by its directory, or by their own headers where it has none.

The directory is read by the standard library; the data are unpacked here, a bounded piece at a
time, so that a header that lies about a size or a checksum costs one member and no memory.
"""

from __future__ import annotations

import bz2
import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from convai_logscan.errors import SourceError
from convai_logscan.model import Skipped
from convai_logscan.sources.inflate import (
    FEED,
    FORMATS,
    MEMORY,
    Decompressor,
    Deflate,
    inflated,
    pieces,
)
from convai_logscan.sources.limits import Budget
from convai_logscan.sources.names import label
from convai_logscan.sources.stream import BLOCK, Section, Stream

_LOCAL = struct.Struct("<4sHHHHHLLLHH")  # the header before a member's data
_SIGNATURE = b"PK\x03\x04"
_END = struct.Struct("<4sHHHHLLH")
_END64 = struct.Struct("<4sQHHLLQQQQ")
_TAIL = _END.size + 65535  # the end record and the longest comment
_MAX_DIRECTORY = 6 << 20  # bytes; beyond it the members are found by their own headers
_LZMA = 14
_ENCRYPTED, _SIZES_BEHIND, _UTF8 = 0x1, 0x8, 0x800
_METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 12: "BZip2", 14: "LZMA", 19: "LZ77",
            93: "Zstandard", 95: "XZ", 96: "JPEG", 97: "WavPack", 98: "PPMd", 99: "AES"}  # fmt: skip
_DAMAGE = (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError, struct.error,
           IndexError, OverflowError, MemoryError)  # fmt: skip

Member = tuple[str, Iterable[bytes]]


def ends_like_one(handle: BinaryIO) -> bool:
    """Say whether a file ends with the directory of a zip archive, whatever it begins with."""
    return _directory_size(handle) is not None


def members(handle: BinaryIO | None, stream: Stream, budget: Budget) -> Iterator[Member | Skipped]:
    """Yield name and blocks of every file, and a `Skipped` for what cannot be read."""
    size = _directory_size(handle) if handle else None
    if handle:
        if size is not None and size <= _MAX_DIRECTORY:
            try:
                directory = zipfile.ZipFile(handle).infolist()
            except _DAMAGE:
                pass
            else:
                yield from _listed(handle, directory, budget)
                return
        handle.seek(0)
        stream = Stream(_from(handle))
        wrong = "missing or damaged" if size is None or size <= _MAX_DIRECTORY else "too large"
        yield Skipped(
            "", f"the directory of the zip archive is {wrong}; its members are read as they come"
        )
    yield from _walked(stream, budget)


# --- by the directory --------------------------------------------------------------------------


def _listed(
    handle: BinaryIO, directory: list[zipfile.ZipInfo], budget: Budget
) -> Iterator[Member | Skipped]:
    taken = _overlapping(directory)
    for info in directory:
        budget.member()
        name = label(info.filename)
        if info.filename.endswith("/"):
            continue
        if info.create_system == 3 and stat.S_ISLNK(info.external_attr >> 16):
            yield Skipped(name, "a link, not followed", minor=True)
        elif info.header_offset in taken and taken[info.header_offset] is not info:
            yield Skipped(name, "it shares its data with another member, as in a zip bomb")
        elif reason := _refused(info.flag_bits, info.compress_type):
            yield Skipped(name, reason)
        else:
            yield name, _data(handle, info, budget)


def _overlapping(directory: list[zipfile.ZipInfo]) -> dict[int, zipfile.ZipInfo | None]:
    """Return, for offsets whose data overlap, the one member that may be read there."""
    found: dict[int, zipfile.ZipInfo | None] = {}
    end = -1
    for info in sorted(directory, key=lambda one: one.header_offset):
        if info.filename.endswith("/") and not info.compress_size:
            continue
        if info.header_offset < end:
            found.setdefault(info.header_offset, None)
        else:
            end = info.header_offset + _LOCAL.size + len(info.orig_filename) + info.compress_size
            found[info.header_offset] = info
    return found


def _data(handle: BinaryIO, info: zipfile.ZipInfo, budget: Budget) -> Iterator[bytes]:
    """Yield a member's content; raises SourceError where it is damaged, behind what was read."""
    raw = b"".join(_from(handle, info.header_offset, _LOCAL.size))
    if len(raw) < _LOCAL.size or not raw.startswith(_SIGNATURE):
        raise SourceError("the zip archive is damaged: nothing stands where this member should be")
    head = _LOCAL.unpack(raw)
    start = info.header_offset + _LOCAL.size + head[9] + head[10]
    packed = _from(handle, start, info.compress_size)
    blocks = _plain(info.compress_type, packed, budget)
    yield from _checked(blocks, info.CRC, info.file_size, info.compress_type)


def _checked(blocks: Iterable[bytes], crc: int, size: int, method: int) -> Iterator[bytes]:
    """Yield all there is, whatever the header promised, then compare."""
    found, total = 0, 0
    for block in blocks:
        found = zlib.crc32(block, found)
        total += len(block)
        yield block
        if method == _LZMA and total == size:
            break  # LZMA need not say where it ends
    if total != size or found != crc:
        raise SourceError("its checksum or size is wrong: the data are damaged")


def _from(handle: BinaryIO, start: int = 0, size: int | None = None) -> Iterator[bytes]:
    """Yield a range of a file that others read too."""
    at, left = start, size
    while left is None or left > 0:
        try:
            handle.seek(at)
            block = handle.read(BLOCK if left is None else min(left, BLOCK))
        except (OSError, ValueError, OverflowError) as error:  # a place that no file has
            raise SourceError("reading the archive stopped") from error
        if not block:
            return
        at += len(block)
        left = None if left is None else left - len(block)
        yield block


# --- without a directory -----------------------------------------------------------------------


def _walked(stream: Stream, budget: Budget) -> Iterator[Member | Skipped]:
    """Follow the members' own headers to where they end."""
    while (raw := stream.read(_LOCAL.size)).startswith(_SIGNATURE):
        if len(raw) < _LOCAL.size:
            yield Skipped("", "the zip data end early")
            return
        _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = _LOCAL.unpack(raw)
        written = stream.read(name_size)
        name = label(written.decode("utf-8" if flags & _UTF8 else "cp437", "replace"))
        extra = stream.read(extra_size)
        packed, size = _zip64(extra, packed, size)
        budget.member()
        behind = bool(flags & _SIZES_BEHIND)
        reason = _refused(flags, method)
        if behind and (reason or method not in {8, 12}):
            yield Skipped(
                name, reason or "its size is not known without the directory of the archive"
            )
            return
        section = Section(stream, packed, "the zip data end early")
        if reason:
            yield Skipped(name, reason)
        elif name.endswith("/"):
            pass
        elif behind:
            # The data say themselves where they end; what stands behind them is left in the stream.
            one = _METHOD[method]()
            content = _until_end(one, stream, budget)
            yield name, content
            for _ in content:
                pass
            if not one.eof:
                raise SourceError("the zip data end early")
            _skip_descriptor(stream)
            continue
        else:
            yield name, _checked(_plain(method, section, budget), crc, size, method)
        section.skip()
    if raw and not raw.startswith((b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x08")):
        yield Skipped("", "the zip data are damaged here; what stands behind is not read")


def _until_end(one: Decompressor, stream: Stream, budget: Budget) -> Iterator[bytes]:
    yield from inflated(one, stream.blocks(FEED), "zip", budget)
    stream.back(one.unused_data)


def _skip_descriptor(stream: Stream) -> None:
    """Pass over checksum and sizes behind a member: with or without a signature, short or long."""
    raw = stream.peek(24)
    at = 4 if raw.startswith(b"PK\x07\x08") else 0
    short = raw[at + 12 : at + 14] == b"PK"
    stream.read(at + (12 if short else 20))


def _zip64(extra: bytes, packed: int, size: int) -> tuple[int, int]:
    """Return the sizes of a member that is larger than four gigabytes."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1 and length >= 16 and at + 20 <= len(extra):
            whole, part = struct.unpack_from("<QQ", extra, at + 4)
            return (part if packed == 0xFFFFFFFF else packed), (
                whole if size == 0xFFFFFFFF else size
            )
        at += 4 + length
    return packed, size


# --- both --------------------------------------------------------------------------------------


def _refused(flags: int, method: int) -> str | None:
    if flags & _ENCRYPTED:
        return "encrypted, not read (unpack it with its password)"
    if method not in _METHOD and method not in {0, _LZMA}:
        name = _METHODS.get(method, f"method {method}")
        return f"packed with {name}, which is not supported (unpack it first)"
    return None


def _plain(method: int, packed: Iterable[bytes], budget: Budget) -> Iterator[bytes]:
    """Unpack a member by its method; what is stored counts as unpacked too, for it may be shared."""
    if method == 0:
        for block in packed:
            budget.unpacked(len(block))
            yield block
        return
    parts = pieces(packed)
    if method == _LZMA:
        # Two bytes of version, two of the size of the properties, then the properties.
        head = b""
        while len(head) < 9 and (part := next(parts, b"")):
            head += part
        if len(head) < 9:
            raise SourceError("the zip data end early")
        yield from inflated(lzma_raw(head[4:9]), chain([head[9:]], parts), "zip", budget)
        return
    yield from inflated(_METHOD[method](), parts, "zip", budget)


def lzma_raw(properties: bytes) -> lzma.LZMADecompressor:
    """Return the decompressor for bare LZMA data; raises SourceError for too large a dictionary."""
    first, size = properties[0], int.from_bytes(properties[1:5], "little")
    if size > MEMORY:
        raise SourceError(f"unpacking it takes {size >> 20} MiB of memory (unpack it first)")
    bits = {"lc": first % 9, "lp": first // 9 % 5, "pb": first // 45, "dict_size": max(size, 4096)}
    try:
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, **bits}])
    except (lzma.LZMAError, ValueError) as error:  # bits that no decoder takes
        raise SourceError("the LZMA data are damaged") from error


_METHOD: dict[int, Callable[[], Decompressor]] = {
    8: lambda: Deflate(-15),
    12: bz2.BZ2Decompressor,
    93: FORMATS["zstd"],
    95: FORMATS["xz"],
}


def _directory_size(handle: BinaryIO) -> int | None:
    """Return how large the directory says it is, or None when the archive has none."""
    try:
        size = handle.seek(0, 2)
        start = max(0, size - _TAIL - 76)
        handle.seek(start)
        tail = handle.read(_TAIL + 76)
    except OSError:
        return None
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        return None
    found: int = _END.unpack_from(tail, at)[5]
    if found == 0xFFFFFFFF:
        end64 = tail.rfind(b"PK\x06\x06", 0, at)
        found = _END64.unpack_from(tail, end64)[8] if end64 >= 0 and end64 + 56 <= at else found
    return found
