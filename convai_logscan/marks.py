"""The first look at every byte: which lines could hold a form of the grammar.

In: blocks of UTF-8 bytes, and the literals read off the grammar. Out: marks, in order, each with
its line number and the text behind it. Nothing else of the source becomes an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from types import ModuleType

from convai_logscan.model import Mark

ahocorasick_rs: ModuleType | None
try:
    ahocorasick_rs = import_module("ahocorasick_rs")
except ImportError:  # no wheel for this platform: the standard library finds the same
    ahocorasick_rs = None

LOOKAHEAD = 1 << 16  # bytes that a record may read behind the start of its first line
MAX_LINE = 1 << 18  # bytes of a line that are looked at

Finder = Callable[[bytes, int, int], Iterator[int]]


def finder(literals: Sequence[str | bytes]) -> Finder:
    """Return a search for any of the literals: where each hit starts, left to right."""
    needles = [one.encode() if isinstance(one, str) else one for one in literals]
    if ahocorasick_rs is None:
        return plain_finder(needles)
    # Only LeftmostFirst has the fast path of the library.
    automaton = ahocorasick_rs.BytesAhoCorasick(
        needles, matchkind=ahocorasick_rs.MatchKind.LeftmostFirst
    )

    def find(buffer: bytes, start: int, end: int) -> Iterator[int]:
        view = memoryview(buffer)[start:end]
        return (start + hit[1] for hit in automaton.find_matches_as_indexes(view))

    return find


def plain_finder(needles: Sequence[bytes]) -> Finder:
    """Return the same search with `bytes.find` alone."""

    def find(buffer: bytes, start: int, end: int) -> Iterator[int]:
        hits: set[int] = set()
        for needle in needles:
            at = buffer.find(needle, start, end)
            while at >= 0:
                hits.add(at)
                at = buffer.find(needle, at + len(needle), end)
        return iter(sorted(hits))

    return find


class Marker:
    """Finds the marks of one source, and counts its lines."""

    def __init__(self, find: Finder | None) -> None:
        """Take a search, or None to mark every line."""
        self._find = find
        self.lines = 0  # complete and incomplete lines read, known at the end

    def marks(self, blocks: Iterable[bytes]) -> Iterator[Mark]:
        """Yield the marks of the whole source."""
        buffer, offset, line = b"", 0, 1
        cut = False  # the buffer begins inside a line that was too long
        for block in blocks:
            buffer = buffer + block if buffer else block
            limit = buffer.rfind(b"\n", 0, max(0, len(buffer) - LOOKAHEAD)) + 1
            if limit:
                first = 0
                if cut:  # skip what is left of the long line
                    first = buffer.find(b"\n", 0, limit) + 1
                    line += 1
                    cut = False
                yield from self._in(buffer, first, limit, offset, line)
                line += buffer.count(b"\n", first, limit)
                offset += limit
                buffer = buffer[limit:]
            elif len(buffer) > MAX_LINE + LOOKAHEAD:
                if not cut:
                    yield from self._long(buffer, offset, line)
                    cut = True
                # Keep the end: a newline may come in it.
                newline = buffer.find(b"\n")
                keep = newline if newline >= 0 else len(buffer)
                offset += keep
                buffer = buffer[keep:]
        if buffer:
            first = 0
            if cut:
                first = buffer.find(b"\n") + 1
                if not first:
                    self.lines = line
                    return
                line += 1
            yield from self._in(buffer, first, len(buffer), offset, line)
            line += buffer.count(b"\n", first)
            self.lines = line if not buffer.endswith(b"\n") else line - 1
        else:
            self.lines = line - 1 if not cut else line

    def _long(self, buffer: bytes, offset: int, line: int) -> Iterator[Mark]:
        """Mark the beginning of a line that is too long to be read whole."""
        if self._find is None or next(self._find(buffer, 0, MAX_LINE), None) is not None:
            yield Mark(line, offset, buffer, 0, MAX_LINE, cut=True)

    def _in(self, buffer: bytes, first: int, limit: int, offset: int, line: int) -> Iterator[Mark]:
        """Mark the candidate lines that begin in buffer[first:limit]."""
        counted = first
        if self._find is None:
            start = first
            while start < limit:
                end = buffer.find(b"\n", start, limit)
                end = limit if end < 0 else end
                yield Mark(line, offset + start, buffer, start, len(buffer))
                line += 1
                start = end + 1
            return
        behind = first  # everything before it has been looked at
        for hit in self._find(buffer, first, limit):
            if hit < behind:
                continue
            start = buffer.rfind(b"\n", first, hit) + 1 or first
            end = buffer.find(b"\n", hit, limit)
            behind = limit if end < 0 else end + 1
            line += buffer.count(b"\n", counted, start)
            counted = start
            yield Mark(line, offset + start, buffer, start, len(buffer))
