"""From bytes to the same bytes without secrets: the path up to the redactor, and back.

Every byte is searched for the marks of the shapes; only the lines around a hit become text and go
through the redactor. What lies between is copied as it stands. Nothing is decoded and written anew:
an edit is a place in the original bytes, so encoding, line ends and line count stay.
"""

from __future__ import annotations

import re
import threading
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from itertools import islice
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from convai_logscan.anchors import Named, finder, named_finder
from convai_logscan.late import late
from convai_logscan.redact import (
    LONG,
    Edit,
    Redactor,
    Shape,
    cut_token,
    ends,
    grown,
    load_shapes,
    shrunk,
)

BLOCK: Final = 1 << 19  # bytes searched at once; small enough for the caches
LINE: Final = 1 << 16  # bytes of a line, or of lines that belong together, looked at as one text
HOLD: Final = 1 << 20  # bytes of a stream that wait for what comes behind them
AHEAD: Final = 4  # blocks that are searched while others are worked on
GROUP: Final = 24  # literals of one search: measured; with fewer or more it takes longer
MEMO: Final = 8192  # lines that are remembered as harmless, each of at most MEMO_TEXT bytes
MEMO_TEXT: Final = 1024
MEMO_BYTES: Final = 1 << 24  # of texts whose edits are remembered, as logs repeat themselves
PATIENCE: Final = 16  # lines of other processes that may stand between two of one
SHOWN: Final = 5  # lines of a shape that a summary names

# Zero-width signs: a literal may hide behind one.
_UNSEEN = (late(rb"\xe2(?:\x80[\x8b-\x8d]|\x81\xa0)"), late(rb"\xef\xbb\xbf"))
# A folder's next name, or a number, that a known value may be the whole of.
_NAME = late(
    rb"/?(?:users|home)[\\/]{1,4}([^\s\\/:*?\"'<>|,;()\[\]{}]+)[\\/]|(\d{16,})", re.IGNORECASE
)
_BLANK = late(rb"[\s/\\\"<>]")
_DOTTED = late(rb"\.(?<=\d\.)\d{1,3}\.\d{1,3}\.\d")
_COLONS = late(rb":(?<=[23][0-9a-f]{3}:)[0-9a-f]{0,4}:", re.IGNORECASE)
_LOGCAT = late(
    rb"(?:\d{4}-)?\d\d-\d\d \d\d:\d\d:\d\d\.\d{3,6} +(\d+ +\d+) [A-Z] |[A-Z]/([^\n(:]{1,40}\( *\d+\)): "
)
_LATIN = late(rb"[\t\r\n -~]{24}")
_SIZES: Final = {0xC: 2, 0xD: 2, 0xE: 3, 0xF: 4}  # of a UTF-8 letter, by its first four bits
# What a value may look like that stands in a line of its own.
_VALUES = ("aB3dE5gH7jK9mN2pQ4sT6vX8z", "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "12345678-ab12cd34")
_SEPARATORS = (b"\r", b" ", b";", b",", b"&", b'"', b"}")
_NUMBERED = late(rb"\{\x00*\{\x00*([a-z\x00-]+)-\x00*[\d\x00]+\}\x00*\}")

Bits = npt.NDArray[np.uint64]  # one bit a byte of a block, 64 of them a number
Hits = list[int]
Search = Callable[[bytes], Hits]
ByteEdit = tuple[int, int, bytes]  # start, end, what stands there instead
T = TypeVar("T")
_SIGNS: Final = bytes(c for c in range(128) if not chr(c).isalnum() and chr(c) != "_")


class Found:
    """What was taken out: how often each shape, and in which lines first. Never a value."""

    def __init__(self, shown: int = SHOWN) -> None:
        """Begin with nothing; `shown` lines of a shape are kept."""
        self.counts: Counter[str] = Counter()
        self.lines: dict[str, list[int]] = {}
        self._named: dict[bytes, list[str]] = {}
        self._shown = shown

    def wants(self, shape: str) -> bool:
        """Say whether the line of the next value of a shape is to be kept."""
        return len(self.lines.get(shape, ())) < self._shown

    def add(self, shape: str, line: int) -> None:
        """Count a value that was replaced, and keep its line where it is wanted."""
        self.counts[shape] += 1
        if self.wants(shape):
            lines = self.lines.setdefault(shape, [])
            if line not in lines[-1:]:
                lines.append(line)

    def shapes(self, new: bytes) -> list[str]:
        """Return the shapes of the placeholders in what is written."""
        shapes = self._named.get(new)
        if shapes is None:
            found = _NUMBERED.finditer(new)
            shapes = [match[1].replace(b"\0", b"").decode() for match in found]
            if len(self._named) < MEMO:
                self._named[new] = shapes
        return shapes

    def leak(self, what: str, line: int) -> None:
        """Note what only the check found."""
        self.counts[what] += 1
        self.lines.setdefault(what, []).append(line)


# --- search --------------------------------------------------------------------------------------


class _Room(threading.local):
    """Memory that a thread works in: to ask for it anew for each block takes longer than the work."""

    def __init__(self) -> None:
        self._low = np.empty(0, np.uint8)
        self._mask = np.empty(0, np.bool_)

    def _sized(self, size: int) -> None:
        if len(self._low) < size:
            self._low = np.empty(size, np.uint8)
            self._mask = np.empty(size + 64, np.bool_)

    def lower(self, block: bytes) -> memoryview:
        """Return a block with bit 5 set everywhere: letters in lower case, until the next one."""
        self._sized(len(block))
        low = self._low[: len(block)]
        np.bitwise_or(np.frombuffer(block, np.uint8), 32, out=low)
        return low.data

    def newlines(self, block: bytes) -> int:
        """Return how many lines end in a block."""
        self._sized(len(block))
        mask = np.equal(np.frombuffer(block, np.uint8), 10, out=self._mask[: len(block)])
        return int(np.count_nonzero(mask))

    def dots(self, block: bytes) -> Bits:
        """Return where dots stand in a block, one bit a byte."""
        size = len(block)
        self._sized(size)
        whole = self._mask[: size + -size % 64]
        whole[size:] = False
        np.equal(np.frombuffer(block, np.uint8), 46, out=whole[:size])
        return np.packbits(whole, bitorder="little").view("<u8")

    def colons(self, block: bytes) -> list[int]:
        """Return where a colon stands four places behind a 2 or a 3."""
        size = max(0, len(block) - 4)
        self._sized(size)
        low, mask, data = self._low[:size], self._mask[:size], np.frombuffer(block, np.uint8)
        np.equal(np.bitwise_or(data[:size], 1, out=low), 51, out=mask)
        mask &= np.equal(data[4:], 58, out=low.view(np.bool_))
        return (np.flatnonzero(mask) + 4).tolist()


_room = _Room()


def literal_search(literals: Iterable[str]) -> Search:
    """Return a search for literals in any case: where the hits start."""
    needles = {bytes(_room.lower(literal.encode())) for literal in literals}
    fewest = sorted(n for n in needles if not any(o != n and o in n for o in needles))
    # A short literal makes the search for all that are sought with it a slow one.
    short, long = [n for n in fewest if len(n) < 4], [n for n in fewest if len(n) >= 4]
    groups = [finder(g[n : n + GROUP]) for g in (short, long) for n in range(0, len(g), GROUP)]

    def search(block: bytes) -> Hits:
        low = _room.lower(block)
        return [hit for find in groups for hit in find(low, 0, len(low))]

    return search


def _near(bits: Bits, behind: Bits) -> Bits:
    """Return the bits behind which another one follows two to four places on."""
    out = np.zeros_like(bits)
    for places in (2, 3, 4):
        out |= (bits >> np.uint64(places)) | (behind << np.uint64(64 - places))
    return out & bits


def dotted(block: bytes) -> Hits:
    """Return where numbers stand between dots, as in 1.2.3.4."""
    bits = _room.dots(block)
    # Most words have dots only far apart; those at their end may go on in the next one.
    close = (bits >> np.uint64(2)) | (bits >> np.uint64(3)) | (bits >> np.uint64(4))
    close &= bits
    close |= bits >> np.uint64(56)
    words = np.flatnonzero(close)
    more = np.append(bits, np.zeros(2, np.uint64))
    one, two, three = (more[words + n] for n in range(3))
    pairs = _near(one, two)
    trios = _near(pairs, _near(two, three))
    rows = np.flatnonzero(trios)
    if not rows.size:
        return []
    row, bit = np.nonzero(np.unpackbits(trios[rows, None].view(np.uint8), 1, bitorder="little"))
    return [at for at in (words[rows[row]] * 64 + bit).tolist() if _DOTTED.match(block, at)]


def colons(block: bytes) -> Hits:
    """Return where the second group of an IPv6 address of the open net could begin."""
    return [at for at in _room.colons(block) if _COLONS.match(block, at)]


def userinfo(block: bytes) -> Hits:
    """Return where a URL names somebody before its host."""
    hits: Hits = []
    at = block.find(b"@")
    while at >= 0:
        start = block.rfind(b"://", max(0, at - 400), at)
        if start >= 0 and not _BLANK.search(block, start + 3, at):
            hits.append(start)
        at = block.find(b"@", at + 1)
    return hits


NEAR: Final[dict[str, Search]] = {"dotted": dotted, "colons": colons, "userinfo": userinfo}


def mark_search(shapes: Iterable[Shape]) -> Search:
    """Return a search for the marks of shapes, in order; NUL bytes are looked through."""
    shapes = tuple(shapes)
    literals = literal_search(["{{", *(mark for shape in shapes for mark in shape.marks)])
    near = [NEAR[shape.near] for shape in shapes if shape.near]
    # A block without the sign itself is passed over at once.
    signs = [(b"\xe2", _UNSEEN[0]), (b"\xef", _UNSEEN[1])]
    signs += [(shape.sign.encode(), shape.seek) for shape in shapes if shape.seek]

    def search(block: bytes) -> Hits:
        kept = None
        if b"\0" in block:
            kept = np.flatnonzero(np.frombuffer(block, np.uint8))
            block = block.translate(None, b"\0")
        hits = literals(block)
        for sign, pattern in signs:
            if sign in block:
                hits += [match.start() for match in pattern.finditer(block)]
        for look in near:
            hits += look(block)
        hits = sorted(set(hits))
        return hits if kept is None else kept[hits].tolist()

    return search


@cache
def packaged_search(options: frozenset[str]) -> Search:
    """Return the search for the shapes that come with the program."""
    return mark_search(s for s in load_shapes() if s.option is None or s.option in options)


# --- lines ---------------------------------------------------------------------------------------


def line_stop(buffer: bytes, start: int) -> int:
    """Return where the line at `start` ends; a line that is too long ends at a separator."""
    newline = buffer.find(b"\n", start, start + LINE)
    if newline >= 0:
        return newline + 1
    if len(buffer) - start < LINE:
        return len(buffer)
    cut = max(buffer.rfind(sign, start + LINE // 2, start + LINE) for sign in _SEPARATORS)
    return cut + 1 if cut >= 0 else start + LINE


def _who(buffer: bytes, start: int) -> bytes | None:
    """Return which process of a phone a line is of, as far as logcat says it."""
    line = buffer[start : start + 200].translate(None, b"\0").removeprefix(b"\xef\xbb\xbf")
    found = _LOGCAT.match(line)
    return found and (found[1] or found[2])


def _in_key(buffer: bytes, start: int, stop: int) -> bool:
    """Say whether lines end inside of a private key."""
    begin = buffer.rfind(b"PRIVATE KEY-----", start, stop)
    return begin >= 0 and buffer.rfind(b"-----BEGIN", start, begin) >= 0


def _others(one: bytes | None, two: bytes | None) -> bool:
    return one is not None and two is not None and one != two


def whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes in blocks that end with a line, the same ones however they come in."""
    rest = b""
    for block in _sized(blocks):
        end = block.rfind(b"\n") + 1
        if end and len(block) - end < LINE:
            yield b"".join((rest, memoryview(block)[:end]))
            rest = block[end:]
            continue
        rest = rest + block if rest else block
        end = rest.rfind(b"\n") + 1
        while len(rest) - end >= LINE:
            end = line_stop(rest, end)
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _sized(blocks: Iterable[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = []
    size = 0
    for block in blocks:
        parts.append(block)
        size += len(block)
        if size >= BLOCK:
            whole = b"".join(parts)
            full = size - size % BLOCK
            for start in range(0, full, BLOCK):
                yield whole[start : start + BLOCK]
            parts, size = [whole[full:]], size - full
    if size:
        yield b"".join(parts)


def _ahead(search: Callable[[bytes], T], blocks: Iterable[bytes]) -> Iterator[tuple[bytes, T]]:
    """Yield every block with its hits; the next ones are searched meanwhile."""
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[tuple[bytes, Future[T]]] = deque()
        for block in blocks:
            waiting.append((block, pool.submit(search, block)))
            if len(waiting) > AHEAD:
                first, hits = waiting.popleft()
                yield first, hits.result()
        for first, hits in waiting:
            yield first, hits.result()


class MixedError(Exception):
    """The bytes that began as UTF-16 go on as something else."""


class Recoded:
    """UTF-16 as UTF-8 and back, byte for byte: lone surrogates and an odd last byte included."""

    def __init__(self, name: str) -> None:
        """Take `utf-16-le` or `utf-16-be`."""
        self._name = name
        self._odd = b""

    def narrow(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield UTF-16 as UTF-8; raises MixedError where it is no longer UTF-16."""
        rest = b""
        for block in blocks:
            if _LATIN.search(block):
                raise MixedError
            whole = rest + block
            even = len(whole) - len(whole) % 2
            rest = whole[even:]
            yield whole[:even].decode(self._name, "surrogatepass").encode("utf-8", "surrogatepass")
        self._odd = rest

    def wide(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield UTF-8 that came out of `narrow` as UTF-16 again; a piece ends with a whole letter."""
        rest = b""
        for piece in pieces:
            whole = rest + piece
            # A letter of several bytes may be cut where a line is too long.
            end = len(whole)
            for back in range(1, min(4, end + 1)):
                if whole[end - back] >= 0xC0:
                    end -= back if back < _SIZES[whole[end - back] >> 4] else 0
                    break
            rest = whole[end:]
            yield whole[:end].decode("utf-8", "surrogatepass").encode(self._name, "surrogatepass")
        yield self._odd


# --- labels --------------------------------------------------------------------------------------


class _Sweep:
    """Finds what labels and forms give away; values known from elsewhere come later."""

    def __init__(self, redactor: Redactor, search: Search) -> None:
        self._redactor = redactor
        self._begun = False
        self._other = Redactor(redactor.shapes)  # for lines that are tried, not read
        self._search = search
        self._memo: dict[bytes, list[ByteEdit]] = {}
        self._held = 0  # bytes of it, more or less
        self._closed: set[bytes] = set()
        self._known: set[bytes] = set()
        self._who: bytes | None = None  # the process that the last line with a hit is of
        self._patience = 0

    def chunks(self, blocks: Iterable[bytes]) -> Iterator[tuple[bytes, list[ByteEdit]]]:
        """Yield all the bytes in chunks of whole lines, each with its edits."""
        held, behind = b"", list[int]()
        for block, hits in _ahead(self._search, whole_lines(blocks)):
            if not self._begun:
                self._begun = True
                if cut_token(block[: line_stop(block, 0)].decode("utf-8", "replace")):
                    self._redactor.begin()
                    hits.insert(0, 0)
            buffer = held + block if held else block
            here = behind + [hit + len(held) for hit in hits] if held else hits
            done, edits = self._decide(buffer, here, last=False)
            yield buffer[:done], edits
            held = buffer[done:]
            behind = [hit - done for hit in here if hit >= done]
        if held:
            yield held, self._decide(held, behind, last=True)[1]

    def _decide(self, buffer: bytes, hits: Hits, *, last: bool) -> tuple[int, list[ByteEdit]]:
        """Return how far the buffer is dealt with, and the edits up to there."""
        edits: list[ByteEdit] = []
        at, turn, size = 0, 0, len(buffer)
        while True:
            while self._redactor.open:  # the next line may begin with the rest of a value
                if at == size:
                    return at, edits
                stop = line_stop(buffer, at)
                other = self._patience > 0 and _others(self._who, _who(buffer, at))
                self._patience -= other
                edits += self._region(buffer, at, stop, aside=other)
                at = stop
            turn = self._from(buffer, hits, turn, at)
            if turn == len(hits):
                return size, edits
            start = buffer.rfind(b"\n", at, hits[turn]) + 1 or at
            while (stop := line_stop(buffer, start)) <= hits[turn]:
                start = stop
            self._who, self._patience = _who(buffer, start), PATIENCE
            # Lines with hits that follow one another belong together, and one line behind them.
            follows = True
            while follows and stop - start < LINE:
                turn = self._from(buffer, hits, turn, stop)
                if stop == size:
                    if not last:
                        return start, edits
                    break
                following = line_stop(buffer, stop)
                if _others(self._who, _who(buffer, stop)):
                    break
                follows = turn < len(hits) and hits[turn] < following
                follows = follows or _in_key(buffer, start, stop)
                stop = following
            here = self._region(buffer, start, stop)
            edits += here
            if not here and not self._redactor.open:
                self._close(buffer[start : buffer.find(b"\n", start, stop)])
            at = stop

    def _close(self, line: bytes) -> None:
        """Remember a line with a hit that holds nothing, and behind which no value can begin."""
        if len(line) > MEMO_TEXT or line in self._closed or b"\0" in line:
            return
        text = line.decode("utf-8", "surrogateescape")
        if self._redactor.goes_on(text) and any(
            self._other.edits(f"{text}\n{value}") for value in _VALUES
        ):
            self._other = Redactor(self._redactor.shapes)  # it has learnt what is no secret
        else:
            self._other.close()
            if len(self._closed) >= MEMO:
                self._closed.clear()
            self._closed.add(line)

    def _from(self, buffer: bytes, hits: Hits, turn: int, at: int) -> int:
        """Return which hit is the first from a place on that says something new."""
        if len(self._known) < len(self._redactor.known):
            fresh = islice(self._redactor.known, len(self._known), None)
            self._known.update(value.encode("utf-8", "surrogateescape") for value in fresh)
        while turn < len(hits):
            hit = hits[turn]
            if hit >= at:
                # A known value is taken out wherever it stands; what is left of the path is none.
                name = _NAME.match(buffer, hit)
                if not name or (name[1] or name[2]) not in self._known:
                    start = buffer.rfind(b"\n", 0, hit) + 1
                    if buffer[start : buffer.find(b"\n", hit)] not in self._closed:
                        break
            turn += 1
        return turn

    def _region(
        self, buffer: bytes, start: int, stop: int, *, aside: bool = False
    ) -> list[ByteEdit]:
        """Return the edits of lines that are looked at as one text; `aside` leaves open what is."""
        raw = buffer[start:stop]
        if aside:
            other = byte_edits(self._redactor.aside, raw)
            return [(start + a, start + b, new) for a, b, new in other]
        fresh = not self._redactor.open
        found = self._memo.get(raw) if fresh else None
        if found is None:
            found = byte_edits(partial(self._redactor.edits, recall=False), raw)
            if fresh and not self._redactor.open:
                self._held += len(raw) + 200 * len(found)
                if self._held > MEMO_BYTES:
                    self._memo.clear()
                    self._held = 0
                self._memo[raw] = found
        return [(start + a, start + b, new) for a, b, new in found]


def byte_edits(look: Callable[[str], list[Edit]], raw: bytes) -> list[ByteEdit]:
    """Return the edits of some lines as places in their bytes."""
    text = raw.decode("utf-8", "surrogateescape")
    edits = look(text.rstrip("\r\n"))
    if len(text) == len(raw):
        return [(start, end, new.encode("utf-8", "surrogateescape")) for start, end, new in edits]
    out: list[ByteEdit] = []
    at = where = 0
    for start, end, new in edits:
        first = where + len(text[at:start].encode("utf-8", "surrogateescape"))
        behind = first + len(text[start:end].encode("utf-8", "surrogateescape"))
        out.append((first, behind, new.encode("utf-8", "surrogateescape")))
        at, where = end, behind
    return out


# --- known values, and the copy --------------------------------------------------------------------


class _Known(NamedTuple):
    """A value that is known: all of it, or an end by which it is known where it was cut."""

    value: bytes
    name: bytes
    end: bool | None = None  # of a cut one: is it the first end


class _Recall:
    """Finds values that are known by now where they stand without a label."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._size = 0
        self._known: list[_Known] = []
        self._find: Named | None = None

    def hits(self, chunk: bytes) -> list[tuple[int, int]]:
        """Return which known values stand where in a chunk; NUL bytes are looked through later."""
        return self._find(chunk) if self._find and b"\0" not in chunk else []

    def edits(
        self, chunk: bytes, edits: list[ByteEdit], hits: list[tuple[int, int]]
    ) -> list[ByteEdit]:
        """Return the edits with those of known values among them."""
        if self._find is not None and b"\0" in chunk:
            return self._through(self._find, chunk, edits)
        if not hits:
            return edits
        known, more = self._known, list[ByteEdit]()
        turn = last = 0
        for which, hit in hits:
            if hit < last:
                continue
            value, name, end = known[which]
            start, stop = hit, hit + len(value)
            if end is not None:
                start, stop = (grown if end else shrunk)(value, chunk, hit)
            while turn < len(edits) and edits[turn][1] <= start:
                last = max(last, edits[turn][1])
                turn += 1
            if start < last or (turn < len(edits) and edits[turn][0] < stop):
                continue
            if end is not None or len(value) >= LONG or self._named(chunk, start, stop):
                more.append((start, stop, name))
                last = stop
        return sorted(edits + more) if more else edits

    def learn(self) -> None:
        """Take the values that are known by now."""
        if self._size == len(self._redactor.known):
            return
        self._size = len(self._redactor.known)
        needles: dict[bytes, _Known] = {}
        # Where two values begin together, the longer one is meant.
        for text, name in sorted(self._redactor.known.items(), key=lambda item: -len(item[0])):
            value = text.encode("utf-8", "surrogateescape")
            cut = list(ends(text, name[2:-2].rpartition("-")[0], self._size))
            for end, first in cut:
                if end.isascii():
                    needles.setdefault(end.encode(), _Known(value, name.encode(), first))
            if not cut:
                needles.setdefault(value, _Known(value, name.encode()))
        order = sorted(needles, key=lambda needle: (-len(needle), needle))
        self._known = [needles[needle] for needle in order]
        self._find = named_finder(order)

    def _named(self, chunk: bytes, start: int, stop: int) -> bool:
        """Say whether a known value is meant: it is no part of a longer word."""
        around = chunk[max(0, start - 1) : start] + chunk[stop : stop + 1]
        if around.isascii():
            return not around.translate(None, _SIGNS)
        before = chunk[max(0, start - 4) : start].decode("utf-8", "replace")[-1:]
        after = chunk[stop : stop + 4].decode("utf-8", "replace")[:1]
        text = chunk[start:stop].decode("utf-8", "surrogateescape")
        return self._redactor.named(text, before + text + after, len(before))

    def _through(self, find: Named, chunk: bytes, edits: list[ByteEdit]) -> list[ByteEdit]:
        """Do the same in a chunk with NUL bytes: the lines with a value go through the redactor."""
        kept = np.flatnonzero(np.frombuffer(chunk, np.uint8))
        plain = chunk.translate(None, b"\0")
        out = list(edits)
        done = 0
        for _, hit in find(plain):
            at = int(kept[hit])
            if at < done:
                continue
            start = chunk.rfind(b"\n", 0, at) + 1
            while (done := line_stop(chunk, start)) <= at:
                start = done
            if any(start <= edit[0] < done for edit in edits):
                continue  # the redactor has seen this line
            self._redactor.close()
            out += [
                (start + a, start + b, n)
                for a, b, n in byte_edits(self._redactor.edits, chunk[start:done])
            ]
            self._redactor.close()
        return sorted(out)


class _Copier:
    """Writes chunks with their edits, and keeps count of lines."""

    def __init__(self, redactor: Redactor, found: Found) -> None:
        self.recall = _Recall(redactor)
        self._found = found
        self._line = 1

    def copy(self, chunk: bytes, edits: list[ByteEdit], hits: list[tuple[int, int]]) -> bytes:
        """Return the chunk with its edits and those of known values."""
        edits = self.recall.edits(chunk, edits, hits)
        first, self._line = self._line, self._line + _room.newlines(chunk)
        if not edits:
            return chunk
        pieces: list[bytes] = []
        at = counted = 0
        for start, end, new in edits:
            for shape in self._found.shapes(new):
                if self._found.wants(shape):
                    first += chunk.count(b"\n", counted, start)
                    counted = start
                self._found.add(shape, first)
            pieces += (chunk[at:start], new)
            at = end
        return b"".join((*pieces, chunk[at:]))


class Plan:
    """The edits of a whole source by their places: no value, no line of it."""

    def __init__(self) -> None:
        """Begin without an edit."""
        self._starts, self._ends = array("Q"), array("Q")
        self._new: list[bytes] = []
        self._same: dict[bytes, bytes] = {}
        self._turn = 0

    def add(self, offset: int, edits: list[ByteEdit]) -> None:
        """Note edits, in order."""
        for start, end, new in edits:
            self._starts.append(offset + start)
            self._ends.append(offset + end)
            self._new.append(self._same.setdefault(new, new))

    def within(self, offset: int, size: int) -> list[ByteEdit]:
        """Return the next edits, which lie in the given chunk."""
        first = self._turn
        while self._turn < len(self._starts) and self._starts[self._turn] < offset + size:
            self._turn += 1
        return [
            (self._starts[n] - offset, self._ends[n] - offset, self._new[n])
            for n in range(first, self._turn)
        ]


def plan(blocks: Iterable[bytes], redactor: Redactor, search: Search) -> Plan:
    """Read a source for the first time: learn its secrets, and where they stand by their labels."""
    found, offset = Plan(), 0
    for chunk, edits in _Sweep(redactor, search).chunks(blocks):
        found.add(offset, edits)
        offset += len(chunk)
    return found


def carried_out(
    blocks: Iterable[bytes], todo: Plan, redactor: Redactor, found: Found
) -> Iterator[bytes]:
    """Read a source for the second time: yield it without its secrets, wherever they stand."""
    copier, offset = _Copier(redactor, found), 0
    copier.recall.learn()
    for chunk, hits in _ahead(copier.recall.hits, whole_lines(blocks)):
        yield copier.copy(chunk, todo.within(offset, len(chunk)), hits)
        offset += len(chunk)


def streamed(
    blocks: Iterable[bytes], redactor: Redactor, search: Search, found: Found
) -> Iterator[bytes]:
    """Yield a source that is read once: a value is known from one hold before its label on."""
    copier = _Copier(redactor, found)
    waiting: deque[tuple[bytes, list[ByteEdit]]] = deque()
    held = 0

    def copied(chunk: bytes, edits: list[ByteEdit]) -> bytes:
        copier.recall.learn()
        return copier.copy(chunk, edits, copier.recall.hits(chunk))

    for chunk, edits in _Sweep(redactor, search).chunks(blocks):
        waiting.append((chunk, edits))
        held += len(chunk)
        while held - len(waiting[0][0]) >= HOLD:
            held -= len(waiting[0][0])
            yield copied(*waiting.popleft())
    for chunk, edits in waiting:
        yield copied(chunk, edits)
