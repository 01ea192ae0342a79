"""Rows about features answer to the SDK's lines in every dress, and to nobody else's."""

from __future__ import annotations

import re

import pytest

from convai_logscan import rules
from convai_logscan.events import Latency
from convai_logscan.pipeline import events
from convai_logscan.rules import Example, Row
from convai_logscan.sources.text import Source
from tests.compose import fill
from tests.helpers import answer, ids, scanned, settings

ROWS = [row for row in rules.builtin().rows.values() if row.area == "features"]
CASES = [
    pytest.param(row, example, id=f"{row.id}-{number}")
    for row in ROWS
    for number, example in enumerate(row.examples)
    if example.verdict == "fires"
]
# The words of these lines say too little without the class that prints them.
NEEDS_TAG = {"scene-metadata-not-injected", "vision-quest-unavailable"}
HEADER = re.compile(r"\[\d\d:\d\d:\d\d\.\d{3}\](\[\w+\]\[\w+\]: )")
TAG = re.compile(r"(\]: )(\[[A-Z][a-z]\w+\] )")


@pytest.mark.parametrize(("row", "example"), CASES)
def test_tags_stand_once_twice_or_not_at_all(row: Row, example: Example) -> None:
    log, _ = fill(example.log)
    assert row.id in ids(scanned(TAG.sub(r"\1\2\2", log)))
    if row.id not in NEEDS_TAG:
        assert row.id in ids(scanned(TAG.sub(r"\1", log)))


@pytest.mark.parametrize(("row", "example"), CASES)
def test_clock_and_envelope_do_not_matter(row: Row, example: Example) -> None:
    log, _ = fill(example.log)
    assert row.id in ids(scanned(HEADER.sub(r"\1", log)))
    lines = [
        f"07-24 12:04:{second:02}.810 19117 19178 W Unity   : {line}"
        for second, line in enumerate(log.splitlines())
    ]
    assert row.id in ids(scanned("\n".join(lines)))


HEADED = [
    case
    for case in CASES
    if all(map(HEADER.search, case.values[1].log.splitlines()))  # type: ignore[union-attr] # an Example
]


@pytest.mark.parametrize(("row", "example"), HEADED)
def test_the_same_words_of_another_program_are_silent(row: Row, example: Example) -> None:
    lines = example.log.splitlines()
    own = [line for line in lines if "Room connected" not in line and "bot-ready" not in line]
    foreign = [re.sub(r"^\S*?\]: (?:\[[^\]]+\] )*", "[Game] ", line) for line in own]
    log = "\n".join([line for line in lines if line not in own] + foreign)
    assert row.id not in ids(scanned(log))


LATENCY = "[10:00:0{n}.000][Info][SDK]: [ClientLatency] {text}\n"


def test_the_parts_of_a_latency_line_are_numbers() -> None:
    text = (
        "Player: stop→finalTranscript=120ms | Character: stop→firstTranscript=450ms "
        "stop→audioPlaying=650ms (audioHoldForLipSync=130ms)"
    )
    source = Source("-", [LATENCY.format(n=1, text=text).encode()])
    (event,) = events(source, settings())
    assert isinstance(event, Latency)
    assert dict(event.parts()) == {
        "final_transcript": 120.0, "first_transcript": 450.0, "audio_playing": 650.0, "audio_hold": 130.0,
    }  # fmt: skip


def test_a_session_keeps_median_and_worst_of_each_part() -> None:
    log = "".join(
        LATENCY.format(n=n, text=f"Character: stop→firstTranscript={ms}ms")
        for n, ms in enumerate((400, 2000, 300))
    )
    report = scanned(log)
    (spread,) = report.sessions[0].latency.values()
    assert (spread.times, spread.median, spread.worst) == (3, 400.0, 2000.0)
    assert "latency" not in answer(report)["sessions"][0]
