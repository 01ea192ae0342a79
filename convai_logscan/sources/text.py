"""A source: a name, and its bytes as UTF-8 lines.

In: blocks of raw bytes. Out: blocks of UTF-8 bytes without byte order mark, NUL bytes and UTF-16;
line ends stay as they are, save that a source with bare carriage returns gets newlines.
Bytes that are not UTF-8 stay, so that nothing is lost before it is shown.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator

from convai_logscan.errors import SourceError

SNIFF = 65536
_MAGIC = (
    (b"\x7fELF", "a program"), (b"MZ\x90", "a program"), (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"), (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive"), (b"\x1f\x8b", "gzip data"), (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ", "xz data"), (b"(\xb5/\xfd", "zstd data"), (b"7z\xbc\xaf", "a 7z archive"),
    (b"SQLite format 3", "a database"), (b"\x00asm", "a WebAssembly module"),
)  # fmt: skip
_CONTROL = bytes(c for c in range(32) if c not in b"\0\a\b\t\n\v\f\r\x1b")
_MAX_CONTROL = 0.04  # share of control bytes above which a file is no log


class Source:
    """One input: its name, and its text as blocks of UTF-8 bytes, read once."""

    def __init__(
        self, name: str, blocks: Iterable[bytes], close: Callable[[], None] | None = None
    ) -> None:
        """Wrap raw blocks; nothing is read yet."""
        self.name = name
        self.encoding = "utf-8"
        self.bytes = 0  # raw bytes read so far
        self.nul_bytes = 0
        self.interrupted = False
        self._raw = iter(blocks)
        self._close = close

    def text(self) -> Iterator[bytes]:
        """Yield the decoded blocks; raises SourceError for what is no log."""
        try:
            yield from self._decoded()
        finally:
            if self._close:
                self._close()

    def _blocks(self) -> Iterator[bytes]:
        for block in self._raw:
            self.bytes += len(block)
            if block:
                yield block

    def _decoded(self) -> Iterator[bytes]:
        blocks = self._blocks()
        head = b""
        for block in blocks:
            head += block
            if len(head) >= SNIFF:
                break
        if not head:
            self.encoding = "empty"
            return
        self.encoding, skip = _encoding(head)
        if self.encoding.startswith("utf-16"):
            decoder = codecs.getincrementaldecoder(self.encoding)("replace")
            parts: Iterator[bytes] = (
                decoder.decode(b).encode("utf-8", "replace") for b in _chain(head[skip:], blocks)
            )
        else:
            _refuse_binary(self.name, head)
            parts = _chain(head[skip:], blocks)
        yield from self._lines(parts)

    def _lines(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Drop NUL bytes; where no newline has come yet, a carriage return ends a line."""
        newline_seen = False
        for part in parts:
            block = part
            if b"\0" in block:
                self.nul_bytes += block.count(b"\0")
                block = block.replace(b"\0", b"")
            if not newline_seen:
                newline_seen = b"\n" in block
                if not newline_seen:
                    block = block.replace(b"\r", b"\n")
            yield block


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _encoding(head: bytes) -> tuple[str, int]:
    """Return the encoding by byte order mark or by where the NUL bytes stand, and the mark's size."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):  # fmt: skip
        if head.startswith(mark):
            return name, len(mark)
    sample = head[: SNIFF - SNIFF % 2]
    pairs = len(sample) // 2
    if pairs:
        even, odd = sample[0::2].count(0), sample[1::2].count(0)
        # A run of NUL bytes fills both places; UTF-16 text of Latin letters only one.
        if odd > pairs * 0.4 and even < odd * 0.1:
            return "utf-16-le", 0
        if even > pairs * 0.4 and odd < even * 0.1:
            return "utf-16-be", 0
    return "utf-8", 0


def _refuse_binary(name: str, head: bytes) -> None:
    for magic, what in _MAGIC:
        if head.startswith(magic):
            message = f"this is {what}, not a log"
            raise SourceError(message, name)
    sample = head[:SNIFF].replace(b"\0", b"")
    control = len(sample) - len(sample.translate(None, _CONTROL))
    if control > len(sample) * _MAX_CONTROL:
        message = "this is binary data, not a log"
        raise SourceError(message, name, "give the Editor.log or Player.log itself")
