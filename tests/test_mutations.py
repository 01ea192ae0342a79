"""Every row's own example, bent: each event dropped, swapped, doubled, delayed, moved; engine and oracle agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from convai_logscan import parser, rules
from convai_logscan.diagnose import Diagnoser
from convai_logscan.events import Event, Said
from convai_logscan.marks import Marker
from convai_logscan.records import Framer
from convai_logscan.rules import Example, Row
from convai_logscan.sessions import Sessions
from tests.compose import fill
from tests.oracle import Story, fires

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = [row for row in rules.builtin().rows.values() if row.chains]
LAST = 100_000  # the line at which a story ends: every wait is over by then


def stories(example: Example) -> dict[int, Story]:
    """Return what each session of an example says; 0 is outside of sessions."""
    words = list(example.options)
    test = words[words.index("--livekit-test") + 1] if "--livekit-test" in words else None
    sessions = Sessions({}, test)
    found: dict[int, Story] = {}

    def keep(said: Said) -> None:
        if said.event is not None:
            found.setdefault(said.session, []).append((said.attempt, said.event))

    log = fill(example.log)[0].encode()
    for record in Framer().records(Marker(None).marks([log])):
        for event in parser.events(record):
            for said in sessions.feed(event):
                keep(said)
    for said in sessions.finish():
        keep(said)
    return found


def moved(event: Event, line: int, seconds: float = 0.0) -> Event:
    """Return the event at another line, and so much later."""
    where = event.where
    stamp = replace(where.stamp, seconds=where.stamp.seconds + seconds) if where.stamp else None
    last = line + where.last_line - where.line
    return replace(event, where=replace(where, line=line, last_line=last, stamp=stamp))


def bent(story: Story) -> Iterator[tuple[str, Story]]:
    """Yield the story as it is, and with each event dropped, swapped, doubled, delayed."""
    yield "as it is", story
    for n, (attempt, event) in enumerate(story):
        before, after = story[:n], story[n + 1 :]
        line = event.where.line
        yield f"without event {n}", before + after
        twice = (attempt, moved(event, line))
        yield f"event {n} twice", [*before, (attempt, event), twice, *after]
        if after:
            other_attempt, other = after[0]
            swapped = [
                (other_attempt, moved(other, line)),
                (attempt, moved(event, other.where.line)),
            ]
            yield f"event {n} behind the next", before + swapped + after[1:]
        for lines, seconds in ((50, 4.0), (3000, 130.0)):
            late = [(a, moved(e, e.where.line + lines, seconds)) for a, e in story[n:]]
            yield f"from event {n} on {lines} lines later", before + late
        yield f"event {n} in the next attempt", before + [(a + 1, e) for a, e in story[n:]]


def engine(row: Row, tales: dict[int, Story]) -> set[int]:
    """Return the sessions in which the engine finds the row (0: the whole source)."""
    diagnoser = Diagnoser(rules.Table({row.id: row}, "0"))
    for session, story in tales.items():
        current = 0
        for attempt, event in story:
            for ended in range(current, attempt):
                diagnoser.feed(Said("attempt_end", session, ended))
            current = max(current, attempt)
            diagnoser.feed(Said("event", session, attempt, event))
        if session:
            diagnoser.feed(Said("attempt_end", session, current))
            diagnoser.feed(Said("session_end", session, current))
    diagnoser.source_ends(LAST)
    return {found.session or 0 for found in diagnoser.finish()}


def oracle(row: Row, tales: dict[int, Story]) -> set[int]:
    """Return the same by trying everything."""
    if row.scope == "source":
        whole = [(0, event) for story in tales.values() for _, event in story]
        return {0} if any(fires(chain, whole, LAST) for chain in row.chains) else set()
    return {
        session
        for session, story in tales.items()
        if any(fires(chain, story, LAST) for chain in row.chains)
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.id)
def test_engine_and_oracle_agree_on_every_bent_example(row: Row) -> None:
    cases = 0
    for example in row.examples:
        tales = stories(example)
        for session, story in tales.items():
            if len(story) > 14:
                continue  # the oracle tries every choice
            for what, tale in bent(story):
                bent_tales = {**tales, session: tale}
                assert engine(row, bent_tales) == oracle(row, bent_tales), (session, what)
                cases += 1
            for n, (attempt, event) in enumerate(story):
                apart = {**tales, session: story[:n] + story[n + 1 :], 99: [(attempt, event)]}
                assert engine(row, apart) == oracle(row, apart), (session, f"event {n} elsewhere")
    assert cases or all(len(s) > 14 for e in row.examples for s in stories(e).values())
