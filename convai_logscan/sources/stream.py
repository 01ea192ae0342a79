"""Bytes that come in order, with a look ahead; an error waits behind what came before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from convai_logscan.errors import SourceError

BLOCK = 1 << 17  # bytes read at once: what the caches of a processor hold


class Stream:
    """Blocks of bytes that can be peeked at, read in pieces and handed on.

    `random` is the same input as a file that can be sought, where there is one.
    """

    def __init__(self, blocks: Iterable[bytes], random: BinaryIO | None = None) -> None:
        """Wrap blocks; nothing is read yet."""
        self.random = random
        self._blocks = iter(blocks)
        self._ready: deque[bytes] = deque()
        self._size = 0  # bytes in `_ready`
        self._error: SourceError | None = None
        self._ended = False

    def peek(self, size: int) -> bytes:
        """Return the next bytes, at most `size`, and leave them; raises SourceError for none."""
        while self._size < size and self._more():
            pass
        if not self._size and self._error:
            raise self._error
        if len(self._ready) > 1:
            joined = b"".join(self._ready)
            self._ready = deque([joined])
        return self._ready[0][:size] if self._ready else b""

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer at the end; raises SourceError where they stop."""
        parts: list[bytes] = []
        while size > 0:
            part = self.some(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def some(self, size: int) -> bytes:
        """Return at least one and at most `size` bytes, or none at the end."""
        if not self._ready and not self._more():
            if self._error:
                raise self._error
            return b""
        block = self._ready.popleft()
        if len(block) > size:
            self._ready.appendleft(block[size:])
            block = block[:size]
        self._size -= len(block)
        return block

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Yield what is left, in blocks of at most `size` bytes."""
        while block := self.some(size):
            yield block

    def back(self, block: bytes) -> None:
        """Put back what was taken too much."""
        if block:
            self._ready.appendleft(block)
            self._size += len(block)

    def _more(self) -> bool:
        """Fetch one block; return whether there was one."""
        if self._ended:
            return False
        try:
            for block in self._blocks:
                if block:
                    self._ready.append(block)
                    self._size += len(block)
                    return True
        except SourceError as error:
            self._error = error
        self._ended = True
        return False


class Section:
    """The next `size` bytes of a stream, as blocks; knows how many were not taken."""

    def __init__(self, stream: Stream, size: int, what: str) -> None:
        """Take no more than `size` bytes; `what` is said when they end early."""
        self._stream = stream
        self._what = what
        self.left = size

    def __iter__(self) -> Iterator[bytes]:
        """Yield the section's blocks."""
        while self.left > 0:
            block = self._stream.some(min(self.left, BLOCK))
            if not block:
                raise SourceError(self._what)
            self.left -= len(block)
            yield block

    def skip(self) -> None:
        """Pass over what was not taken."""
        for _ in self:
            pass
