"""From bytes to the same bytes without secrets: the path up to the redactor, and back.

Every byte is searched for the marks of the shapes; only the lines around a hit become text and go
through the redactor. What lies between is copied as it stands. Nothing is decoded and written anew:
an edit is a place in the original bytes, so encoding, line ends and line count stay.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import islice
from typing import Final

import numpy as np

from convai_logscan.anchors import Finder, finder
from convai_logscan.redact import LONG, Edit, Redactor, Shape, load_shapes

BLOCK: Final = 1 << 18  # bytes searched at once; small enough for the caches
LINE: Final = 1 << 16  # bytes of a line, or of lines that belong together, looked at as one text
HOLD: Final = 1 << 20  # bytes of a stream that wait for what comes behind them
AHEAD: Final = 4  # blocks that are searched while others are worked on
GROUP: Final = 16  # literals of one search: several with few are faster than one with many
MEMO: Final = 8192  # texts whose edits are remembered, each of at most MEMO_TEXT bytes
MEMO_TEXT: Final = 1024
PATIENCE: Final = 16  # lines of other processes that may stand between two of one
SHOWN: Final = 5  # lines of a shape that a summary names

# Zero-width signs: a literal may hide behind one.
_UNSEEN = (re.compile(rb"\xe2(?:\x80[\x8b-\x8d]|\x81\xa0)"), re.compile(rb"\xef\xbb\xbf"))
# A folder's next name, or a number, that a known value may be the whole of.
_NAME = re.compile(
    rb"/?(?:users|home)[\\/]{1,4}([^\s\\/:*?\"'<>|,;()\[\]{}]+)[\\/]|(\d{16,})", re.IGNORECASE
)
_DOTTED = re.compile(rb"\.\d{1,3}\.\d{1,3}\.\d")
_COLONS = re.compile(rb":(?<=[23][0-9a-f]{3}:)[0-9a-f]{0,4}:", re.IGNORECASE)
_LOGCAT = re.compile(
    rb"(?:\d{4}-)?\d\d-\d\d \d\d:\d\d:\d\d\.\d{3,6} +(\d+ +\d+) [A-Z] |[A-Z]/([^\n(:]{1,40}\( *\d+\)): "
)
_LATIN = re.compile(rb"[\t\r\n -~]{24}")
_SIZES: Final = {0xC: 2, 0xD: 2, 0xE: 3, 0xF: 4}  # of a UTF-8 letter, by its first four bits
# What a value may look like that stands in a line of its own.
_VALUES = ("aB3dE5gH7jK9mN2pQ4sT6vX8z", "0a1b2c3d4e5f60718293a4b5c6d7e8f9", "12345678-ab12cd34")
_SEPARATORS = (b"\r", b" ", b";", b",", b"&", b'"', b"}")
_NUMBERED = re.compile(rb"\{\x00*\{\x00*([a-z\x00-]+)-\x00*[\d\x00]+\}\x00*\}")

Hits = list[int]
Search = Callable[[bytes], Hits]
ByteEdit = tuple[int, int, bytes]  # start, end, what stands there instead


class Found:
    """What was taken out: how often each shape, and in which lines first. Never a value."""

    def __init__(self, shown: int = SHOWN) -> None:
        """Begin with nothing; `shown` lines of a shape are kept."""
        self.counts: Counter[str] = Counter()
        self.lines: dict[str, list[int]] = {}
        self._shown = shown

    def add(self, new: bytes, line: int) -> None:
        """Note the placeholders that were written into a line."""
        for match in _NUMBERED.finditer(new):
            shape = match[1].replace(b"\0", b"").decode()
            self.counts[shape] += 1
            lines = self.lines.setdefault(shape, [])
            if len(lines) < self._shown and line not in lines[-1:]:
                lines.append(line)

    def leak(self, what: str, line: int) -> None:
        """Note what only the check found."""
        self.counts[what] += 1
        self.lines.setdefault(what, []).append(line)


# --- search --------------------------------------------------------------------------------------


def folded(block: bytes) -> bytes:
    """Return the block with bit 5 set everywhere: letters in lower case, at the speed of memory."""
    return (np.frombuffer(block, np.uint8) | 32).tobytes()


def literal_search(literals: Iterable[str]) -> Search:
    """Return a search for literals in any case: where the hits start."""
    needles = {folded(literal.encode()) for literal in literals}
    fewest = sorted(n for n in needles if not any(o != n and o in n for o in needles))
    # A short literal makes the search for all that are sought with it a slow one.
    short, long = [n for n in fewest if len(n) < 4], [n for n in fewest if len(n) >= 4]
    groups = [finder(g[n : n + GROUP]) for g in (short, long) for n in range(0, len(g), GROUP)]

    def search(block: bytes) -> Hits:
        low = folded(block)
        return [hit for find in groups for hit in find(low, 0, len(low))]

    return search


def dotted(block: bytes) -> Hits:
    """Return where numbers stand between dots, as in 1.2.3.4."""
    data = np.frombuffer(block, np.uint8)
    dots = np.flatnonzero(data == 46)
    if len(dots) < 3:
        return []
    first = dots[:-2][dots[2:] - dots[:-2] <= 8]
    first = first[(first > 0) & (data[first - 1] - 48 < 10) & (data[first + 1] - 48 < 10)]
    return [int(at) for at in first if _DOTTED.match(block, at)]


def colons(block: bytes) -> Hits:
    """Return where the second group of an IPv6 address of the open net could begin."""
    data = np.frombuffer(block, np.uint8)
    found = np.flatnonzero(data == 58)
    found = found[found >= 4]
    found = found[data[found - 4] | 1 == 51]
    return [int(at) for at in found if _COLONS.match(block, at)]


NEAR: Final[dict[str, Search]] = {"dotted": dotted, "colons": colons}


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


def _ahead(search: Search, blocks: Iterable[bytes]) -> Iterator[tuple[bytes, Hits]]:
    """Yield every block with its hits; the next ones are searched meanwhile."""
    with ThreadPoolExecutor(2) as pool:
        waiting: deque[tuple[bytes, Future[Hits]]] = deque()
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
        self._other = Redactor(redactor.shapes)  # for lines that are tried, not read
        self._search = search
        self._memo: dict[bytes, list[ByteEdit]] = {}
        self._closed: set[bytes] = set()
        self._known: set[bytes] = set()
        self._who: bytes | None = None  # the process that the last line with a hit is of
        self._patience = 0

    def chunks(self, blocks: Iterable[bytes]) -> Iterator[tuple[bytes, list[ByteEdit]]]:
        """Yield all the bytes in chunks of whole lines, each with its edits."""
        held, behind = b"", list[int]()
        for block, hits in _ahead(self._search, whole_lines(blocks)):
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
        if any(self._other.edits(f"{text}\n{value}") for value in _VALUES):
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
            found = byte_edits(self._redactor.edits, raw)
            if fresh and not self._redactor.open and len(raw) <= MEMO_TEXT:
                if len(self._memo) >= MEMO:
                    self._memo.clear()
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


class _Recall:
    """Finds values that are known by now where they stand without a label."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._find: Finder | None = None
        self._names: dict[bytes, str] = {}
        self._longest: list[bytes] = []

    def edits(self, chunk: bytes, edits: list[ByteEdit]) -> list[ByteEdit]:
        """Return the edits with those of known values among them."""
        if len(self._names) != len(self._redactor.known):
            self._learn()
        if self._find is None:
            return edits
        if b"\0" in chunk:
            return self._through(self._find, chunk, edits)
        hits = list(self._find(chunk, 0, len(chunk)))
        if not hits:
            return edits
        more: list[ByteEdit] = []
        turn = last = 0
        for hit in hits:
            while turn < len(edits) and edits[turn][1] <= hit:
                last = max(last, edits[turn][1])
                turn += 1
            if hit < last:
                continue
            value = self._value(chunk, hit)
            end = hit + len(value)
            if turn < len(edits) and edits[turn][0] < end:
                continue
            if self._named(chunk, hit, value):
                more.append((hit, end, self._names[value].encode()))
                last = end
        return sorted(edits + more) if more else edits

    def _learn(self) -> None:
        self._names = {
            value.encode("utf-8", "surrogateescape"): name
            for value, name in self._redactor.known.items()
        }
        # Where two values begin together, the longer one is meant.
        self._longest = sorted(self._names, key=lambda value: (-len(value), value))
        self._find = finder(self._longest)
        self._sizes: dict[bytes, list[int]] = {}
        for value in self._longest:
            sizes = self._sizes.setdefault(value[:4], [])
            if len(value) not in sizes:
                sizes.append(len(value))

    def _value(self, chunk: bytes, hit: int) -> bytes:
        sizes = self._sizes[chunk[hit : hit + 4]]
        return next(v for n in sizes if (v := chunk[hit : hit + n]) in self._names)

    def _named(self, chunk: bytes, hit: int, value: bytes) -> bool:
        """Ask the redactor, with the letters on both sides."""
        if len(value) >= LONG:
            return True
        before = chunk[max(0, hit - 4) : hit].decode("utf-8", "replace")[-1:]
        after = chunk[hit + len(value) : hit + len(value) + 4].decode("utf-8", "replace")[:1]
        text = value.decode("utf-8", "surrogateescape")
        return self._redactor.named(text, before + text + after, len(before))

    def _through(self, find: Finder, chunk: bytes, edits: list[ByteEdit]) -> list[ByteEdit]:
        """Do the same in a chunk with NUL bytes: the lines with a value go through the redactor."""
        kept = np.flatnonzero(np.frombuffer(chunk, np.uint8))
        plain = chunk.translate(None, b"\0")
        out = list(edits)
        done = 0
        for hit in find(plain, 0, len(plain)):
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
        self._recall = _Recall(redactor)
        self._found = found
        self._line = 1

    def copy(self, chunk: bytes, edits: list[ByteEdit]) -> bytes:
        """Return the chunk with its edits and those of known values."""
        edits = self._recall.edits(chunk, edits)
        if not edits:
            self._line += int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == 10))
            return chunk
        pieces: list[bytes] = []
        at = 0
        for start, end, new in edits:
            self._line += chunk.count(b"\n", at, start)
            self._found.add(new, self._line)
            pieces += (chunk[at:start], new)
            at = end
        self._line += chunk.count(b"\n", at)
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
    for chunk in whole_lines(blocks):
        yield copier.copy(chunk, todo.within(offset, len(chunk)))
        offset += len(chunk)


def streamed(
    blocks: Iterable[bytes], redactor: Redactor, search: Search, found: Found
) -> Iterator[bytes]:
    """Yield a source that is read once: a value is known from one hold before its label on."""
    copier = _Copier(redactor, found)
    waiting: deque[tuple[bytes, list[ByteEdit]]] = deque()
    held = 0
    for chunk, edits in _Sweep(redactor, search).chunks(blocks):
        waiting.append((chunk, edits))
        held += len(chunk)
        while held - len(waiting[0][0]) >= HOLD:
            held -= len(waiting[0][0])
            yield copier.copy(*waiting.popleft())
    for chunk, edits in waiting:
        yield copier.copy(chunk, edits)
