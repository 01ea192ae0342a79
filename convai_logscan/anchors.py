"""The anchors: what a line must contain to be worth a look, as data read off the grammars.

`anchors.json` is made by `python -m tests.anchors`. Its `windows`, in groups that are searched one
after the other, are pieces of its `literals`; a line without a window holds no literal, and a line
without a literal holds no form of the grammar, no header and no tag.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources

try:
    from ahocorasick_rs import BytesAhoCorasick, MatchKind
except ImportError:  # no wheel for this platform: the standard library finds the same
    BytesAhoCorasick = None

FILE = resources.files("convai_logscan").joinpath("anchors.json")

Finder = Callable[[bytearray | bytes, int, int], list[int]]  # buffer, start, end: where hits start
Rules = Callable[[bytes], frozenset[str]]


@cache
def _data() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


@cache
def windows() -> Finder:
    """Return the search for any window."""
    return finder([[text.encode() for text in group] for group in _data()["windows"]])


@cache
def rules() -> Rules:
    """Return the search for literals: which rules have one in a line or text."""
    owners: dict[bytes, frozenset[str]] = {}
    for rule, literals in _data()["literals"].items():
        for literal in literals:
            text = literal.encode()
            owners[text] = owners.get(text, frozenset()) | {rule}
    return owners_in(owners)


def finder(groups: Sequence[Sequence[bytes]]) -> Finder:
    """Return a search for groups of needles; each is fast up to 64."""
    if BytesAhoCorasick is None:
        return plain_finder([needle for group in groups for needle in group])
    # Only LeftmostFirst has the fast path of the library. It may pass over a needle that overlaps
    # another one: the line is found all the same.
    automata = [BytesAhoCorasick(group, matchkind=MatchKind.LeftmostFirst) for group in groups]

    def find(buffer: bytearray | bytes, start: int, end: int) -> list[int]:
        with memoryview(buffer) as whole, whole[start:end] as view:
            hits = [hit for each in automata for hit in each.find_matches_as_indexes(view)]
        return sorted(start + hit[1] for hit in hits)

    return find


def plain_finder(needles: Sequence[bytes]) -> Finder:
    """Return the same search with `bytes.find` alone."""

    def find(buffer: bytearray | bytes, start: int, end: int) -> list[int]:
        hits: set[int] = set()
        for needle in needles:
            at = buffer.find(needle, start, end)
            while at >= 0:
                hits.add(at)
                at = buffer.find(needle, at + len(needle), end)
        return sorted(hits)

    return find


def owners_in(owners: dict[bytes, frozenset[str]]) -> Rules:
    """Return a search for the owners of the needles that stand in a text."""
    if BytesAhoCorasick is None:
        return plain_owners_in(owners)
    automaton = BytesAhoCorasick(list(owners))
    values = list(owners.values())

    def find(text: bytes) -> frozenset[str]:
        hits = automaton.find_matches_as_indexes(text, overlapping=True)
        return frozenset().union(*(values[hit[0]] for hit in hits)) if hits else frozenset()

    return find


def plain_owners_in(owners: dict[bytes, frozenset[str]]) -> Rules:
    """Return the same search with `in` alone."""

    def find(text: bytes) -> frozenset[str]:
        return frozenset().union(*(owner for needle, owner in owners.items() if needle in text))

    return find
