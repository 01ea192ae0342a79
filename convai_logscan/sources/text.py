"""A source: a name, and its bytes as UTF-8 lines, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Self

from convai_logscan.errors import SourceError
from convai_logscan.sources.decode import SNIFF, Decoder
from convai_logscan.sources.sniff import no_log


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
        self.cut: str | None = None  # why the source ended before its end
        self._raw = iter(blocks)
        self._close = close

    def closed_with(self, close: Callable[[], None]) -> Self:
        """Call this once the source was read; what it came from is kept open until then."""
        self._close = close
        return self

    def text(self) -> Iterator[bytes]:
        """Yield the decoded blocks; raises SourceError for what is no log.

        Where reading stops early, what came is handed on and `cut` says why.
        """
        try:
            yield from self._decoded()
        finally:
            if self._close:
                self._close()

    def raw(self) -> Iterator[bytes]:
        """Yield the bytes as they stand, in place of `text`; `cut` says why they end early."""
        try:
            yield from self._blocks()
        finally:
            if self._close:
                self._close()

    def _blocks(self) -> Iterator[bytes]:
        try:
            for block in self._raw:
                self.bytes += len(block)
                if block:
                    yield block
        except SourceError as error:
            if not self.bytes:
                raise
            self.cut = error.message + (f" ({error.hint})" if error.hint else "")

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
        if reason := no_log(head):
            raise SourceError(f"this is {reason.what}, not a log", self.name, reason.hint)
        decoder = Decoder(head)
        self.encoding = decoder.encodings[0]
        for text in decoder.text(_chain(head, blocks)):
            yield text
            self.encoding = "+".join(decoder.encodings)
        self.nul_bytes = decoder.nul_bytes


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
