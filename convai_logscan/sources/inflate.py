"""Packed bytes to plain bytes, a bounded piece at a time: gzip, bzip2, xz, zstd, deflate."""

from __future__ import annotations

import bz2
import lzma
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Protocol

from zlib_ng import zlib_ng  # twice as fast as zlib, and the same otherwise

from convai_logscan.errors import SourceError
from convai_logscan.sources.limits import Budget
from convai_logscan.sources.sniff import COMPRESSED

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 1 << 18  # bytes that are unpacked at once
FEED = 1 << 12  # packed bytes that are handed over at once
_CHECKSUM = 64  # bytes at the end that hold the checksum, in every format
MEMORY = 96 << 20  # bytes of dictionary that packed data may ask for
_WINDOW = 26  # the same for zstd, as a power of two: the window and what stands around it


class Decompressor(Protocol):
    """What bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...  # noqa: D102 (the standard library's own)
    @property
    def needs_input(self) -> bool: ...  # noqa: D102 (the standard library's own)
    @property
    def unused_data(self) -> bytes: ...  # noqa: D102 (the standard library's own)
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...  # noqa: D102 (the standard library's own)


class Deflate:
    """A zlib decompressor with the same four parts."""

    def __init__(self, bits: int) -> None:
        """Take zlib's `wbits`: 31 for gzip, -15 for bare deflate."""
        self._zlib = zlib_ng.decompressobj(bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        """Whether the data are complete."""
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        """What came behind the end."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """Return at most `max_length` bytes; the rest comes with the next call."""
        out = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.needs_input = not self._zlib.unconsumed_tail and len(out) < max_length
        return out


def _zstd() -> Decompressor:
    return zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW})


# What unpacks one piece of a compressed file.
FORMATS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: Deflate(31),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY),
    "zstd": _zstd,
}
_DEFLATE_FAULT: type[Exception] = zlib_ng.error  # type: ignore[assignment] # its stub has a value
FAULTS = (
    _DEFLATE_FAULT, lzma.LZMAError, zstd.ZstdError, OSError, EOFError, ValueError, MemoryError,
)  # fmt: skip


def unpacked(name: str, blocks: Iterable[bytes], budget: Budget) -> Iterator[bytes]:
    """Yield the content of a compressed file: every member of it, one behind the other.

    Raises SourceError where something else follows; padding with NUL bytes is none.
    """
    magic, new = COMPRESSED[name], FORMATS[name]
    rest = pieces(blocks)
    left = b""
    first = True
    while True:
        while len(left) < 8 and (piece := next(rest, b"")):
            left += piece
            left = left if first else left.lstrip(b"\0")
        if not first:
            if not left:
                return
            if not left.startswith(magic):
                raise SourceError(f"something that is not {name} stands behind the {name} data")
        budget.unpacked(0)  # many empty members take time too
        one = new()
        # `chain`, for a generator would close `rest` with itself, and the next member needs it.
        yield from inflated(one, chain([left] if left else [], rest), name, budget)
        left = one.unused_data.lstrip(b"\0")
        first = False


def inflated(
    one: Decompressor, parts: Iterable[bytes], name: str, budget: Budget
) -> Iterator[bytes]:
    """Yield what one decompressor makes of small pieces, up to its own end.

    Raises SourceError where the data end early or are damaged; what came before was handed on.
    """
    try:
        for part in parts:
            fed = part
            while True:
                out = one.decompress(fed, PIECE)
                if out:
                    budget.unpacked(len(out))
                    yield out
                if one.eof:
                    return
                if one.needs_input:
                    break
                fed = b""
    except FAULTS as error:
        if "memory" in str(error).lower():
            raise SourceError(
                f"unpacking it takes more than {MEMORY >> 20} MiB of memory",
                None,
                "unpack it first",
            ) from error
        raise SourceError(f"the {name} data are damaged") from error
    raise SourceError(f"the {name} data end early")


def pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield blocks in small pieces, and the last bytes one by one.

    A decompressor that finds damage gives nothing of the piece it found it in, and the checksum, which
    is where damage shows, stands at the end.
    """
    end = b""
    for block in blocks:
        whole = end + block
        end = whole[-_CHECKSUM:]
        for at in range(0, len(whole) - _CHECKSUM, FEED):
            yield whole[at : min(at + FEED, len(whole) - _CHECKSUM)]
    for at in range(len(end)):
        yield end[at : at + 1]
