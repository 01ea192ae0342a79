"""The first look at every byte: which lines could hold a form of the grammar.

In: blocks of UTF-8 bytes. Out: marks, in order, each with its line number and the text around it.
Nothing else of the source becomes an object. The blocks pass through one buffer that is used again:
a mark is good until the next one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator

from convai_logscan import anchors
from convai_logscan.anchors import Finder
from convai_logscan.late import late
from convai_logscan.model import Mark

LOOKAHEAD = 1 << 16  # bytes that a record may read behind the start of its first line
LOOKBACK = 1 << 12  # bytes in front of a line in which its record may begin
MAX_LINE = 1 << 18  # bytes of a line that are looked at
KNOWN, MAX_KNOWN = 1 << 13, 256  # candidates that are remembered, and their bytes
Worth = Callable[[frozenset[str], bytes], bool]

_DRESS = late(rb"[<\x1b\xe2\xef]")  # how markup, escapes and invisible signs begin


class Marker:
    """Finds the marks of one source, and counts its lines."""

    def __init__(
        self, find: Finder | None, plain: Callable[[str], str] = str, worth: Worth | None = None
    ) -> None:
        """Take a search, or None to mark every line.

        `plain` takes markup off a line; `worth` is the last word on a line with literals of rules.
        """
        self._find = find
        self._plain = plain
        self._worth = worth
        self._rules = anchors.rules()
        self._known: dict[bytes, bool] = {}  # lines that repeat
        self.lines = 0  # complete and incomplete lines read, known at the end

    def marks(self, blocks: Iterable[bytes]) -> Iterator[Mark]:
        """Yield the marks of the whole source."""
        buffer = bytearray()
        first = 0  # where in the buffer the part begins that is still to be looked at
        offset, line = 0, 1  # of the buffer's first byte in the source; of the line at `first`
        cut = False  # the part to be looked at begins inside a line that was too long
        for block in blocks:
            buffer += block
            limit = buffer.rfind(b"\n", first, max(first, len(buffer) - LOOKAHEAD)) + 1
            if limit:
                if cut:  # skip what is left of the long line
                    first = buffer.find(b"\n", first, limit) + 1
                    line += 1
                    cut = False
                line = yield from self._in(buffer, first, limit, offset, line)
                first = limit
            elif len(buffer) - first > MAX_LINE + LOOKAHEAD:
                if not cut:
                    yield from self._long(buffer, first, offset, line)
                    cut = True
                # Keep the end: a newline may come in it.
                newline = buffer.find(b"\n", first)
                first = newline if newline >= 0 else len(buffer)
            gone = max(0, first - LOOKBACK)
            del buffer[:gone]
            offset += gone
            first -= gone
        if first < len(buffer) and cut:
            first = (buffer.find(b"\n", first) + 1) or len(buffer)
            line += buffer.endswith(b"\n", first - 1, first)
            cut = first == len(buffer) and not buffer.endswith(b"\n")
        if first < len(buffer):
            line = yield from self._in(buffer, first, len(buffer), offset, line)
            cut = not buffer.endswith(b"\n")
        self.lines = line if cut else line - 1

    def _long(self, buffer: bytearray, first: int, offset: int, line: int) -> Iterator[Mark]:
        """Mark the beginning of a line that is too long to be read whole."""
        end = first + MAX_LINE
        if self._find is None or self._holds(buffer, first, end):
            yield Mark(line, offset + first, buffer, first, end, cut=True)

    def _in(
        self, buffer: bytearray, first: int, limit: int, offset: int, line: int
    ) -> Generator[Mark, None, int]:
        """Mark the candidate lines that begin in buffer[first:limit]; return the next line's number."""
        counted = first
        for start in self._candidates(buffer, first, limit):
            line += buffer.count(b"\n", counted, start)
            counted = start
            yield Mark(line, offset + start, buffer, start, len(buffer))
        return line + buffer.count(b"\n", counted, limit)

    def _candidates(self, buffer: bytearray, first: int, limit: int) -> Iterator[int]:
        """Yield where the lines start that hold a literal; every line without a search."""
        if self._find is None:
            start = first
            while start < limit:
                yield start
                start = (buffer.find(b"\n", start, limit) + 1) or limit
            return
        behind = first  # everything before it has been looked at
        for hit in self._find(buffer, first, limit):
            if hit < behind:
                continue
            start = (buffer.rfind(b"\n", behind, hit) + 1) or behind
            end = buffer.find(b"\n", hit, limit)
            behind = limit if end < 0 else end + 1
            if self._holds(buffer, start, behind):
                yield start

    def _holds(self, buffer: bytearray, start: int, end: int) -> bool:
        """Say whether a line holds a literal, with or without what it is dressed in."""
        text = bytes(buffer[start:end]).rstrip(b"\r\n")
        known = self._known.get(text)
        if known is None:
            known = self._speaks(text)
            if len(text) <= MAX_KNOWN:
                if len(self._known) >= KNOWN:
                    self._known.clear()
                self._known[text] = known
        return known

    def _speaks(self, text: bytes) -> bool:
        found = self._rules(text)
        if not found and _DRESS.search(text):
            found = self._rules(self._plain(text.decode("utf-8", "backslashreplace")).encode())
        return bool(found) and (self._worth is None or self._worth(found, text))
