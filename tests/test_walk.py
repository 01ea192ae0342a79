"""The walk through the parse tables says what Lark says, on every text."""

from __future__ import annotations

import random
from functools import cache

import pytest

from convai_logscan.anchors import leftmost_longest, plain_leftmost_longest
from convai_logscan.grammar import SPEAKERS, samples, speaker
from convai_logscan.walk import Walker
from tests.helpers import LOGS

TEXTS = 100_000 // 9  # for each of the nine start rules
SIGNS = " :;,.()[]{}\"'/\n0aZ\u00e9\u2028"


@cache
def lines() -> list[str]:
    """Return what the fixtures say behind their headers, and the samples of all grammars."""
    said = [sample.text for name in SPEAKERS for sample in samples(name)]
    for path in sorted(LOGS.glob("*.log"))[::5]:
        text = path.read_bytes().decode("utf-8", "replace")
        said += [line.rpartition("]: ")[2][:300] for line in text.splitlines()]
    return said


def bent(chance: random.Random, own: list[str]) -> str:
    """Return a sample or a line, mostly with something wrong with it."""
    text = chance.choice(own if chance.random() < 0.8 else lines())
    at = chance.randint(0, len(text))
    return chance.choice((
        text, text[:at], text[:at] + chance.choice(SIGNS) + text[at:], text[:at] + text[at + 1 :],
        text[:at] + chance.choice(lines())[chance.randint(0, 9) :],
        text + chance.choice(("\n", "; ", " ")) + chance.choice(own), text.swapcase(),
    ))  # fmt: skip


@pytest.mark.parametrize("name", SPEAKERS)
def test_the_walk_and_lark_agree(name: str) -> None:
    lark = speaker(name)
    walker = Walker(lark.tables())
    own = [sample.text for sample in samples(name)]
    chance = random.Random(name)
    accepted = 0
    for start in (*lark.starts, *lark.searches):
        for _ in range(TEXTS):
            text = bent(chance, own)
            form = lark.parse(start, text)
            assert walker.parse(start, text) == form, (start, text)
            accepted += form is not None
    assert accepted > TEXTS / 10
    for start in lark.searches:
        for _ in range(TEXTS // 4):
            text = " ".join((bent(chance, lines()), bent(chance, own), bent(chance, own)))
            assert list(walker.search(start, text)) == list(lark.search(start, text))


def test_openings_are_found_alike_with_the_standard_library() -> None:
    texts = ("Curl error ", "Curl error 6", "error", "\u00e9t\u00e9")
    text = "error Curl error 6 \u00e9t\u00e9 Curl error 7 Curl err"
    assert list(leftmost_longest(texts)(text)) == list(plain_leftmost_longest(texts)(text))
    assert list(leftmost_longest(())(text)) == []
