"""The anchors: what a line must contain to be worth a look, as data read off the grammars.

`anchors.json` is made by `python -m tests.anchors`. Its `windows`, in groups that are searched one
after the other, are pieces of its `literals`; a line without a window holds no literal, and a line
without a literal holds no form of the grammar, no header and no tag.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

ahocorasick_rs: ModuleType | None
try:
    ahocorasick_rs = import_module("ahocorasick_rs")
except ImportError:  # no wheel for this platform: the standard library finds the same
    ahocorasick_rs = None

LARGE = 1 << 26  # bytes that are searched before the wide search is loaded, some 30 ms
MANY = 4096  # needles whose table is still small
FILE = Path(__file__).with_name("anchors.json")

Buffer = bytearray | bytes | memoryview
Finder = Callable[[Buffer, int, int], list[int]]  # buffer, start, end: a place in every hit
Named = Callable[[bytes], list[tuple[int, int]]]  # buffer: which needle, and where it starts
Owner = TypeVar("Owner", bound=Hashable)
Rules = Callable[[bytes], frozenset[str]]


@cache
def _data() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


@cache
def windows() -> Finder:
    """Return the search for any window; much to read is searched in the way that is slow to load."""
    groups = _data()["windows"]
    near = together([finder(list(group)) for group in groups])
    every = [window.encode() for group in groups for window in group]
    find, searched = near, 0

    def search(buffer: Buffer, start: int, end: int) -> list[int]:
        nonlocal find, searched
        if searched <= LARGE < searched + end - start:
            find = wide_finder(every, near) or near
        searched += end - start
        return find(buffer, start, end)

    return search


@cache
def rules() -> Rules:
    """Return the search for literals: which rules have one in a line or text."""
    owners: dict[bytes, frozenset[str]] = {}
    for rule, literals in _data()["literals"].items():
        for literal in literals:
            text = literal.encode()
            owners[text] = owners.get(text, frozenset()) | {rule}
    return owners_in(owners)


def finder(literals: Sequence[str | bytes]) -> Finder:
    """Return a search for any of the literals; it is fast up to 64."""
    needles = [one.encode() if isinstance(one, str) else one for one in literals]
    if ahocorasick_rs is None:
        return plain_finder(needles)
    # It may pass over a needle that overlaps another one: the line is found all the same.
    automaton = _automaton(ahocorasick_rs, needles)

    def find(buffer: Buffer, start: int, end: int) -> list[int]:
        with memoryview(buffer) as whole, whole[start:end] as view:
            return [start + hit[1] for hit in automaton.find_matches_as_indexes(view)]

    return find


def _automaton(library: ModuleType, needles: list[bytes]) -> Any:  # noqa: ANN401 (the library is not typed)
    # Only LeftmostFirst has the fast path of the library, and only up to 64 needles; behind that a
    # full table is twice as fast as what it would choose, while it is small.
    table = library.Implementation.DFA if 64 < len(needles) <= MANY else None
    return library.BytesAhoCorasick(
        needles, matchkind=library.MatchKind.LeftmostFirst, implementation=table
    )


def wide_finder(needles: Sequence[bytes], near: Finder) -> Finder | None:
    """Return the same search by Hyperscan, which more than 64 needles make no slower; None without it.

    It searches for one thread at a time: the others, and whoever it fails, search `near`.
    """
    try:
        hyperscan = import_module("hyperscan")
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        flags, numbers = [0] * len(needles), list(range(len(needles)))
        database.compile(expressions=list(needles), ids=numbers, flags=flags, literal=True)
    except Exception:  # noqa: BLE001 (no wheel for this platform, or a processor that it cannot run on)
        return None

    def find(buffer: Buffer, start: int, end: int) -> list[int]:
        hits: list[int] = []
        try:
            with memoryview(buffer) as whole, whole[start:end] as view:
                database.scan(view, lambda _number, _from, to, _flags, _context: hits.append(to))
        except hyperscan.error:
            return near(buffer, start, end)
        return [start + hit - 1 for hit in hits]

    return find


def named_finder(needles: Sequence[bytes]) -> Named:
    """Return a search that says which of the needles stands where: the first of the list wins."""
    if ahocorasick_rs is None:
        return plain_named_finder(needles)
    automaton = _automaton(ahocorasick_rs, list(needles))
    search: Callable[[bytes], list[tuple[int, int, int]]] = automaton.find_matches_as_indexes
    return lambda buffer: [(which, start) for which, start, _ in search(buffer)]


def plain_named_finder(needles: Sequence[bytes]) -> Named:
    """Return the same search with `re` alone."""
    if not needles:
        return lambda _: []
    number = {needle: n for n, needle in reversed(list(enumerate(needles)))}
    any_of = re.compile(b"|".join(map(re.escape, needles)))
    return lambda buffer: [(number[hit[0]], hit.start()) for hit in any_of.finditer(buffer)]


def together(finders: Sequence[Finder]) -> Finder:
    """Return the searches as one."""

    def find(buffer: Buffer, start: int, end: int) -> list[int]:
        return sorted(hit for each in finders for hit in each(buffer, start, end))

    return find


def plain_finder(needles: Sequence[bytes]) -> Finder:
    """Return the same search with `bytes.find` alone."""

    def find(buffer: Buffer, start: int, end: int) -> list[int]:
        buffer = bytes(buffer) if isinstance(buffer, memoryview) else buffer
        hits: set[int] = set()
        for needle in needles:
            at = buffer.find(needle, start, end)
            while at >= 0:
                hits.add(at)
                at = buffer.find(needle, at + len(needle), end)
        return sorted(hits)

    return find


def owners_in(owners: dict[bytes, frozenset[Owner]]) -> Callable[[bytes], frozenset[Owner]]:
    """Return a search for the owners of the needles that stand in a text."""
    if ahocorasick_rs is None:
        return plain_owners_in(owners)
    automaton = ahocorasick_rs.BytesAhoCorasick(list(owners))
    values = list(owners.values())

    def find(text: bytes) -> frozenset[Owner]:
        hits = automaton.find_matches_as_indexes(text, overlapping=True)
        return frozenset().union(*(values[hit[0]] for hit in hits)) if hits else frozenset()

    return find


def leftmost_longest(texts: Sequence[str]) -> Callable[[str], Iterator[int]]:
    """Return a search for where the texts stand, left to right; one inside of another is passed over."""
    if ahocorasick_rs is None or not texts:
        return plain_leftmost_longest(texts)
    automaton = ahocorasick_rs.AhoCorasick(
        texts, matchkind=ahocorasick_rs.MatchKind.LeftmostLongest
    )
    return lambda text: (start for _, start, _ in automaton.find_matches_as_indexes(text))


def plain_leftmost_longest(texts: Sequence[str]) -> Callable[[str], Iterator[int]]:
    """Return the same search with `re` alone."""
    ordered = sorted(texts, key=lambda text: (-len(text), text))
    pattern = re.compile("|".join(map(re.escape, ordered)) or r"(?!)")
    return lambda text: (found.start() for found in pattern.finditer(text))


def plain_owners_in(
    owners: dict[bytes, frozenset[Owner]],
) -> Callable[[bytes], frozenset[Owner]]:
    """Return the same search with `in` alone."""

    def find(text: bytes) -> frozenset[Owner]:
        return frozenset().union(*(owner for needle, owner in owners.items() if needle in text))

    return find
