"""Anchors are in step and sound; lines are counted, long ones cut, records cross blocks whole."""

from __future__ import annotations

import gzip
import random
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from convai_logscan import anchors
from convai_logscan.envelopes import plain
from convai_logscan.marks import MAX_LINE, Marker
from convai_logscan.pipeline import _worth, events
from convai_logscan.records import Framer
from convai_logscan.sources.text import Source
from tests import anchors as made
from tests.compose import fill, noise
from tests.helpers import LOGS, SHARED, settings
from tests.strategies import HEADS, MESSAGES, NOISE

if TYPE_CHECKING:
    from convai_logscan.events import Event

NEEDLE = b"[Error]["
TEDDY = 64  # needles of one search, above which it is several times slower


def told(text: bytes, *, marks: bool) -> list[Event]:
    return list(events(Source("-", [text]), settings(marks=marks)))


# Lines of several threads in no order: a frame may belong to a line that only one of both reads.
STRAY = r"last_line=\d+|seconds=[\d.]+|(?:peer|owner|stack)='[^']*'"


def bare(event: Event, stray: str) -> str:
    """Return an event as text without what depends on the other lines that are read.

    That is the number of a placeholder, where a stack ends between lines of other threads, and how
    many midnights their clocks have passed.
    """
    text = re.sub(stray, "", repr(event))
    return re.sub(r"\{\{[a-z-]+\}\}", "@", re.sub(r"-\d+\}\}", "}}", text))


def assert_sound(text: bytes, stray: str = r"last_line=\d+|seconds=[\d.]+") -> int:
    """Assert that the marks lose nothing; return how many events there are."""
    quick, slow = told(text, marks=True), told(text, marks=False)
    for one, other in zip(quick, slow, strict=False):
        assert bare(one, stray) == bare(other, stray)
    assert len(quick) == len(slow)
    return len(slow)


def test_the_anchors_are_in_step_with_the_grammars() -> None:
    shipped = made.shipped()
    assert shipped["made_from"] == made.fingerprint(), "run `python -m tests.anchors`"
    assert list(made.unmet()) == []
    texts = [text for group in shipped["windows"] for text in group]
    assert shipped["literals"] == made.literals(texts)


def test_no_search_is_beyond_what_is_fast() -> None:
    groups = made.shipped()["windows"]
    assert len(groups) <= made.GROUPS
    assert all(len(group) <= TEDDY for group in groups)
    assert all(len(text.encode()) >= made.SHORTEST for group in groups for text in group)


def test_every_sample_is_found_in_whatever_it_is_wrapped() -> None:
    find, rules = anchors.windows(), anchors.rules()
    for sample in made.samples_alone():
        for head in ("", "07-24 12:04:56.810 19117 19178 I Unity   : ", "<b>"):
            lines = [line.encode() for line in (head + sample.text).split("\n")]
            assert any(find(line, 0, len(line)) and rules(line) for line in lines), sample


def test_mutated_lines_give_the_same_events_with_and_without_marks() -> None:
    chance = random.Random(7)
    lines: list[str] = []
    while len(lines) < 60_000:
        text = chance.choice(MESSAGES) if chance.random() < 0.4 else chance.choice(NOISE)
        line = chance.choice(HEADS) + text if chance.random() < 0.5 else text
        if chance.random() < 0.5 and line:
            at = chance.randrange(len(line))
            line = line[:at] + chance.choice(["", " ", "x", "é", "[", "\x1b[0m"]) + line[at + 1 :]
        lines.append(line)
    for start in range(0, len(lines), 6_000):
        part = "\n".join(lines[start : start + 6_000])
        assert assert_sound(fill(part, start)[0].encode("utf-8", "replace"), STRAY) > 500


def test_fixtures_give_the_same_events_with_and_without_marks() -> None:
    for path in sorted(LOGS.glob("*.log")):
        assert_sound(path.read_bytes())


@pytest.mark.skipif(not (SHARED / "logs").is_dir(), reason="needs the folder of real logs")
def test_real_logs_give_the_same_events_and_few_false_candidates() -> None:
    lines = candidates = 0
    said: set[tuple[str, int]] = set()
    for path in sorted((SHARED / "logs").glob("*.gz")):
        raw = gzip.decompress(path.read_bytes())
        if len(raw) < 400_000:
            assert_sound(raw)
        marker = Marker(anchors.windows(), plain, _worth)
        candidates += sum(1 for _ in marker.marks(Source("-", [raw]).text()))
        lines += marker.lines
        said |= {(path.name, event.where.line) for event in told(raw, marks=True)}
    assert candidates - len(said) < lines / 300


def test_the_standard_library_finds_what_the_automata_find() -> None:
    data = anchors._data()
    needles = [text.encode() for group in data["windows"] for text in group]
    owners = {t.encode(): frozenset({r}) for r, texts in data["literals"].items() for t in texts}
    text = "\n".join((*noise("editor", 2000, 1), *MESSAGES)).encode()
    slow = anchors.plain_finder(needles)(text, 0, len(text))
    quick = anchors.windows()(text, 0, len(text))
    assert {text.count(b"\n", 0, at) for at in quick} == {text.count(b"\n", 0, at) for at in slow}
    for line in text.split(b"\n"):
        assert anchors.owners_in(owners)(line) == anchors.plain_owners_in(owners)(line)


def failed(*_: object) -> list[int]:
    pytest.fail("the wide search was not used")


def test_the_search_for_large_logs_finds_the_same_lines() -> None:
    data = anchors._data()
    wide = anchors.wide_finder(
        [text.encode() for group in data["windows"] for text in group], failed
    )
    assert wide is not None
    text = "\n".join((*noise("editor", 2000, 1), *MESSAGES)).encode()
    for start, end in ((0, len(text)), (977, len(text) - 977), (5, 5)):
        near = {text.count(b"\n", 0, at) for at in anchors.plain_finder(
            [w.encode() for group in data["windows"] for w in group])(text, start, end)}  # fmt: skip
        assert {text.count(b"\n", 0, at) for at in wide(bytearray(text), start, end)} == near


def test_threads_search_large_logs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (b"noise here and there\n" * 400 + f"{MESSAGES[0]}\n".encode() * 20) * 40
    anchors.windows.cache_clear()
    lines = {text.count(b"\n", 0, at) for at in anchors.windows()(text, 0, len(text))}
    monkeypatch.setattr(anchors, "LARGE", 0)
    anchors.windows.cache_clear()
    find = anchors.windows()
    find(text, 0, len(text))
    with ThreadPoolExecutor(4) as pool:
        for hits in pool.map(lambda _: find(bytearray(text), 0, len(text)), range(24)):
            assert {text.count(b"\n", 0, at) for at in hits[:: len(hits) // 9]} <= lines
            assert text.count(b"\n", 0, hits[-1]) == max(lines)
    anchors.windows.cache_clear()


def test_a_log_changes_its_search_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"".join(
        b"noise %d\n" % i if i % 7 else b"[10:00:00.000][Error][SDK]: x %d\n" % i
        for i in range(30_000)
    )
    blocks = [text[at : at + 65_536] for at in range(0, len(text), 65_536)]

    def found() -> tuple[list[tuple[int, str]], int]:
        anchors.windows.cache_clear()
        marker = Marker(anchors.windows(), plain, _worth)
        records = [(r.line, r.message) for r in Framer().records(marker.marks(blocks))]
        return records, marker.lines

    before = found()
    assert before[0][-1] == (29_996, "x 29995")
    assert before[1] == 30_000
    monkeypatch.setattr(anchors, "LARGE", 200_000)
    assert found() == before
    monkeypatch.setattr(anchors, "wide_finder", lambda *_: None)
    assert found() == before
    monkeypatch.undo()
    anchors.windows.cache_clear()


def marked(blocks: list[bytes]) -> tuple[list[tuple[int, str]], int]:
    marker = Marker(anchors.finder([NEEDLE]))
    found = [(r.line, r.quote[:20]) for r in Framer().records(marker.marks(blocks))]
    return found, marker.lines


def test_line_numbers_do_not_depend_on_blocks() -> None:
    text = b"".join(
        b"noise %d\n" % i if i % 7 else b"[Error][SDK]: x %d\n" % i for i in range(20000)
    )
    whole = marked([text])
    assert whole[0][:2] == [(1, "[Error][SDK]: x 0"), (8, "[Error][SDK]: x 7")]
    assert whole[1] == 20000
    for size in (1, 1000, 65536, 1 << 20):
        if size > 1:
            assert marked([text[i : i + size] for i in range(0, len(text), size)]) == whole


def test_a_line_of_megabytes_is_cut_and_the_next_one_found() -> None:
    long = b"[Error][SDK]: " + b"A" * (5 * MAX_LINE) + b"[Error][SDK]: inside"
    text = b"first\n" + long + b"\n[Error][SDK]: after\nlast\n"
    blocks = [text[i : i + 100_000] for i in range(0, len(text), 100_000)]
    found, lines = marked(blocks)
    assert [line for line, _ in found] == [2, 3]
    assert lines == 4


def test_memory_is_bounded_by_the_longest_line_that_is_kept() -> None:
    marker = Marker(anchors.finder([NEEDLE]))
    blocks = (b"A" * 1_000_000 for _ in range(50))
    assert list(marker.marks(blocks)) == []
    assert marker.lines == 1
