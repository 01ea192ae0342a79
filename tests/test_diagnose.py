"""The engine: order, windows, absence, joins, sessions; and an oracle that tries everything."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convai_logscan import rules
from convai_logscan.diagnose import Diagnoser
from convai_logscan.events import (
    KINDS,
    Event,
    JoinFallback,
    Reconnecting,
    ReconnectOk,
    Said,
    UsageLimit,
)
from convai_logscan.model import Diagnosis, Stamp, Where
from tests.helpers import scanned
from tests.oracle import Story, fires

if TYPE_CHECKING:
    from collections.abc import Iterable

ROW = '''symptom = "s"
severity = "error"
cause = "c"
fix = ["f"]
verify = "v"
docs = "d"
rank = 900
when = """{when}"""
{more}
[[example]]
log = "x"
[[counterexample]]
log = "y"
'''
LETTERS: dict[str, type[Event]] = {
    "a": JoinFallback,
    "b": Reconnecting,
    "c": ReconnectOk,
    "x": UsageLimit,
}
WORDS = {"a": "join_fallback", "b": "reconnecting", "c": "reconnect_ok", "x": "usage_limit"}


def row(when: str, more: str = "", name: str = "made") -> rules.Row:
    """Return a row; in `when` the letters a, b, c, x stand for four events with a field `room`."""
    return rules.load_row(ROW.format(when=when, more=more), Path(f"area/{name}.toml"))


def spell(when: str) -> str:
    """Write `A then B` for the events that the letters stand for."""
    for letter, word in WORDS.items():
        when = when.replace(letter.upper(), word)
    return when


def event(
    letter: str, line: int, room: str = "r", seconds: float | None = None, level: str = "Info"
) -> Event:
    stamp = None if seconds is None else Stamp(seconds, "local", "")
    where = Where(line, line, stamp, f"{letter}{line}", "convai", level, "SDK")
    if letter == "x":
        return UsageLimit(where=where, type=room)
    return LETTERS[letter](where=where, room=room)  # type: ignore[call-arg]


def diagnoses(rows: Iterable[rules.Row], story: Story, lines: int = 10_000) -> list[Diagnosis]:
    """Run the engine over one session."""
    engine = Diagnoser(rules.Table({r.id: r for r in rows}, "0"))
    attempt = 1
    for number, one in story:
        while attempt < number:
            engine.feed(Said("attempt_end", 1, attempt))
            attempt += 1
        engine.feed(Said("event", 1, number, one))
    engine.feed(Said("attempt_end", 1, attempt))
    engine.feed(Said("session_end", 1, attempt))
    engine.source_ends(lines)
    return engine.finish()


def said(text: str) -> Story:
    """Read `a b2 c@9`: letter, room digit, second; lines count from 1; `|` starts an attempt."""
    story: Story = []
    attempt, line = 1, 0
    for word in text.split():
        if word == "|":
            attempt += 1
            continue
        line += 1
        head, _, second = word.partition("@")
        story.append(
            (attempt, event(head[0], line, head[1:] or "r", float(second) if second else None))
        )
    return story


@pytest.mark.parametrize(
    ("when", "text", "answer"),
    [
        *[("A then B then C", " ".join(p), p == ("a", "b", "c")) for p in itertools.permutations("abc")],
        ("A then B", "a | b", False),
        ("A then B", "a a b", True),
        ("A then B within 5s", "a@1 b@6", True),
        ("A then B within 5s", "a@1 b@6.001", False),
        ("A then B within 5s", "a@1 | b@2", True),
        ("A then B within 2 lines", "a x b", True),
        ("A then B within 2 lines", "a x x b", False),
        ("A then B within 5s or 2 lines", "a x b", True),
        ("A then B within 5s or 2 lines", "a@1 x@2 x@3 x@4 b@5", True),
        ("A without X then B", "a x b", False),
        ("A without X then B", "x a b x", True),
        ("A then B without X", "a b x", False),
        ("A then B without X", "x a b", False),
        ("A then B without X", "a b | x", True),
        ("A x >= 3 within 10s", "a@1 a@2 a@11", True),
        ("A x >= 3 within 10s", "a@1 a@2 a@12", False),
        ("A x >= 3", "a a | a", False),
        ("all(A, B, C)", "c a b", True),
        ("all(A, B, C)", "c a a", False),
        ("A then (B | C)", "a c", True),
        ("A as $a then B{room == $a.room}", "a1 b2", False),
        ("A as $a then B{room == $a.room}", "a1 a2 b1", True),
        ("A then not B", "a c", True),
        ("A then not B", "a c b", False),
        ("A then not B", "a | b", True),
        ("A then not B within 5s", "a@1 c@3 b@7", True),
        ("A then not B within 5s", "a@1 b@6", False),
        ("A then not B within 2 lines", "a c b", False),
        ("A then not B within 2 lines", "a c c b", True),
        ("not B then A", "b a", False),
        ("not B then A", "c a b", True),
        ("A or B then C", "b c", True),
        ("A then B within session", "a | x | b", True),
    ],
)  # fmt: skip
def test_a_sequence_means_what_it_says(when: str, text: str, answer: bool) -> None:
    made = row(spell(when))
    story = [(n, _loud(e)) for n, e in said(text)]
    assert [d.verdict for d in diagnoses([made], story)] == (["fires"] if answer else [])


def _loud(one: Event) -> Event:
    """Return the event as a Debug line of Transport, so that absences could have been seen."""
    where = one.where
    loud = Where(
        where.line, where.last_line, where.stamp, where.text, "convai", "Debug", "Transport"
    )
    fields = {k: getattr(one, k) for k in ("room", "type") if hasattr(one, k)}
    return type(one)(where=loud, **fields)


def test_an_absence_that_could_not_be_seen_is_inconclusive() -> None:
    made = row(spell("A then not B"), 'needs = ["debug"]')
    (found,) = diagnoses([made], said("a c"))
    assert (found.verdict, found.root) == ("inconclusive", False)
    assert "Debug" in found.missing[0]


def test_a_log_that_ends_before_the_wait_is_over_is_inconclusive() -> None:
    made = row(spell("A then not B within 100 lines"))
    engine = Diagnoser(rules.Table({made.id: made}, "0"))
    engine.feed(Said("event", 1, 1, event("a", 1)))
    engine.source_ends(50)
    (found,) = engine.finish()
    assert found.verdict == "inconclusive"
    assert engine.truncated


def test_two_sessions_do_not_mix() -> None:
    engine = Diagnoser(rules.Table({"made": row(spell("A then B"))}, "0"))
    engine.feed(Said("event", 1, 1, event("a", 1)))
    engine.feed(Said("event", 2, 1, event("b", 2)))
    engine.source_ends(9)
    assert engine.finish() == []


def test_the_lowest_rank_is_the_root_and_the_rest_follows() -> None:
    low = row(spell("A"), name="low")
    high = rules.load_row(
        ROW.format(when=spell("B"), more="").replace("rank = 900", "rank = 100"),
        Path("area/high.toml"),
    )
    other = row(spell("C"), name="other")
    wrapper = rules.load_row(
        ROW.format(when=spell("B"), more="").replace("rank = 900", "rank = 2000"),
        Path("area/wrapper.toml"),
    )
    found = {d.id: d for d in diagnoses([low, high, other, wrapper], said("a b | c"))}
    assert found["high"].root
    assert (found["low"].root, found["low"].because_of) == (False, "high")
    assert (found["wrapper"].root, found["wrapper"].because_of) == (False, "high")
    assert found["other"].root
    assert next(d.id for d in found.values()) == "high"


def test_a_wrapper_alone_is_no_root() -> None:
    wrapper = rules.load_row(
        ROW.format(when=spell("B"), more="").replace("rank = 900", "rank = 2000"),
        Path("area/w.toml"),
    )
    (found,) = diagnoses([wrapper], said("b"))
    assert (found.root, found.because_of) == (False, None)


def test_a_feature_never_explains_a_failed_connection() -> None:
    def ranked(when: str, rank: int, name: str) -> rules.Row:
        text = ROW.format(when=spell(when), more="").replace("rank = 900", f"rank = {rank}")
        return rules.load_row(text, Path(f"area/{name}.toml"))

    feature, wrapper = ranked("A", 1100, "feature"), ranked("B", 2000, "wrapper")
    legacy = ranked("C", 1200, "legacy")
    beside = {d.id: d for d in diagnoses([feature, wrapper], said("a b"))}
    assert {(d.root, d.because_of) for d in beside.values()} == {(False, None)}
    (alone,) = diagnoses([feature, wrapper], said("a"))
    assert alone.root
    apart = {d.id: d for d in diagnoses([feature, legacy], said("a | c"))}
    assert (apart["feature"].root, apart["feature"].because_of) == (False, None)
    below = {d.id: d for d in diagnoses([feature, legacy], said("a c"))}
    assert below["legacy"].root
    assert below["feature"].because_of == "legacy"


def test_what_speaks_against_it_makes_it_weaker() -> None:
    made = row(spell("A"), 'against = ["reconnect_ok"]')
    (found,) = diagnoses([made], said("a b c"))
    assert [e.line for e in found.against] == [3]
    (again,) = diagnoses([made], said("a c | a"))
    assert again.against == ()


def test_twenty_runs_give_the_same_answer() -> None:
    rows = [row(spell("A then B"), name=f"r{n}") for n in range(5)]
    story = said("a b | a b a b")
    assert len({repr(diagnoses(rows, story)) for _ in range(20)}) == 1


CHAINS = [
    "A then B", "A then B then C", "A without X then B", "A then B without X", "A x >= 2 then B",
    "all(A, B) then C", "A then (B | C)", "A as $a then B{room == $a.room}", "A then not B",
    "A then not B within 3 lines", "not X then A", "not X within 2 lines then A", "A then not X then B",
    "A then B within 3s", "A then B then C within 4 lines", "A then B within 2s or 1 lines",
    "A then B within session", "A x >= 3 within 3 lines", "A as $a without X then B{room != $a.room}",
    "A then not B within session", "A without X within session", "A then B without X within 3 lines",
]  # fmt: skip
steps = st.tuples(st.sampled_from("abcx|"), st.sampled_from("12"), st.integers(1, 2))


@given(st.sampled_from(CHAINS), st.lists(steps, max_size=9), st.booleans())
def test_the_engine_agrees_with_a_matcher_that_tries_everything(
    when: str, drawn: list[tuple[str, str, int]], clock: bool
) -> None:
    story: Story = []
    attempt, second = 1, 0
    for line, (letter, room, gap) in enumerate(drawn, 1):
        second += gap
        if letter == "|":
            attempt += 1
        else:
            story.append(
                (attempt, _loud(event(letter, line, room, float(second) if clock else None)))
            )
    made = row(spell(when))
    expected = any(fires(chain, story, 10_000) for chain in made.chains)
    assert [d.verdict for d in diagnoses([made], story)] == (["fires"] if expected else [])


def test_letters_are_events() -> None:
    assert {KINDS[word] for word in WORDS.values()} == set(LETTERS.values())


def test_an_editor_that_is_too_old_is_a_warning_where_the_sdk_ran_in_it() -> None:
    log = rules.builtin().rows["unity-too-old"].examples[0].log
    ran = "[12:00:09.000][Info][SDK]: [LiveKitRoomBackend] Room connected: rm-1\n"
    for text, severity in ((log, "fatal"), (log + ran, "warning")):
        found = next(one for one in scanned(text).diagnoses if one.id == "unity-too-old")
        assert found.severity == severity
        assert (found.confidence == "low") == (severity == "warning")
