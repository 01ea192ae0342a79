"""What holds for every input."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convai_logscan import parser
from convai_logscan.model import Report
from convai_logscan.pipeline import _Ear, _Walk, events
from convai_logscan.reports import Look, render
from convai_logscan.sources.text import Source
from tests.compose import fill
from tests.helpers import FIXTURES, LOGS, answer, scanned, scanned_blocks, settings
from tests.strategies import HEADS, logs

if TYPE_CHECKING:
    from convai_logscan.events import Event


@given(st.binary(max_size=3000))
def test_any_bytes_give_a_report(data: bytes) -> None:
    text = b"Initialize engine version: 6000.0.80f1 (abc)\n" * 40 + data
    report = Report("0", "0", sources=[scanned(text)])
    assert render(report, "json")
    assert render(report, "terminal")


@given(logs, st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_any_split_of_the_bytes_gives_the_same_answer(text: str, sizes: list[int]) -> None:
    raw = text.encode("utf-8", "replace")
    blocks: list[bytes] = []
    at = 0
    while at < len(raw):
        size = sizes[len(blocks) % len(sizes)]
        blocks.append(raw[at : at + size])
        at += size
    assert answer(scanned_blocks(blocks)) == answer(scanned_blocks([raw]))


def _events(text: str, *, with_marks: bool) -> list[Event]:
    return list(events(Source("-", [text.encode("utf-8", "replace")]), settings(marks=with_marks)))


@given(logs)
def test_with_and_without_marks_the_same_events(text: str) -> None:
    assert _events(text, with_marks=True) == _events(text, with_marks=False)


def test_with_and_without_marks_the_same_answer_on_every_fixture() -> None:
    for path in sorted((FIXTURES / "logs").glob("*.log")):
        raw = path.read_bytes()
        if len(raw) < 200_000:
            marked, whole = answer(scanned(raw)), answer(scanned(raw, marks=False))
            # Redactions are counted over the records read, and without marks all lines are.
            del marked["redactions"], whole["redactions"]
            # So is where a stack ends between lines of other threads.
            for session in (*marked["sessions"], *whole["sessions"]):
                del session["last_line"]
            assert marked == whole, path.name


@given(st.sampled_from(HEADS), logs, st.integers(1, 10_000))
def test_a_planted_token_is_in_no_output_and_its_line_is_still_quoted(
    head: str, text: str, seed: int
) -> None:
    line = (
        '[14:03:22.118][Error][SDK]: [X] boom {"token":"@room-token@","room_name":"rm-neighbour"}'
    )
    log, secrets = fill(f"{text}\n\n{line}\n{head}token: @room-token@ rm-after\n", seed)
    report = Report("0", "0", sources=[scanned(log)])
    token = secrets["@room-token@"]
    for name in ("json", "terminal"):
        shown = render(report, name, Look(width=400, verbose=True)).replace("\n", "")
        assert token not in shown
        for part in token.split(".")[1:]:
            assert not any(part[i : i + 12] in shown for i in range(0, len(part) - 12, 6))
    unexplained = [one.text for one in report.sources[0].unexplained]
    assert any("{{room-token-1}}" in one and "rm-neighbour" in one for one in unexplained)


@pytest.mark.parametrize(
    ("log", "clean"),
    [
        (
            (
                "[11:09:58.350][Error][Transport]: odd @api-key@ seen\n"
                "[11:09:58.360][Error][Transport]: X-API-Key: @api-key@\n"
            ),
            "odd {{api-key-1}} seen",
        ),
        (
            (
                "[11:09:57.759][Info][SDK]: [RoomConnectionRuntimeAdapter] Attempting room create.\n"
                "GAME_API_KEY: @api-key@\n"
                "[11:09:58.350][Error][Transport]: [NativeRoomController] Room-details request failed with "
                "HTTP 401: key @api-key@ refused\n"
            ),
            "key {{api-key-1}} refused",
        ),
    ],
    ids=["labelled later", "labelled by a line of no speaker"],
)
def test_a_key_that_another_line_labels_is_in_no_report(log: str, clean: str) -> None:
    text, made = fill(log)
    shown = json.dumps(answer(scanned(text)))
    assert clean in shown
    assert made["@api-key@"] not in shown


def test_the_rest_of_a_value_that_a_record_cuts_is_in_no_quote() -> None:
    token = fill("@room-token@")[0]
    rest = token[-5:]
    for wrap in (
        "[14:03:22.118][Error][SDK]: ", "[14:03:22.118][Error][SDK]: [NativeRoomController] ",
        "[Error][SDK][ab12cd]: ", "E/Unity   ( 7578): [Error][SDK]: ",
        "2026-02-03T04:05:06.7890123Z [Error][SDK]: ",
    ):  # fmt: skip
        text = f"{wrap}token: {token[:-5]}\n{wrap}{rest} was sent\n"
        quotes = [event.where.text for event in events(Source("-", [text.encode()]), settings())]
        assert quotes == [
            f"{wrap}token: {{{{room-token-1}}}}",
            f"{wrap}{{{{room-token-1}}}} was sent",
        ]


def test_the_room_that_a_token_names_is_text_of_a_stranger() -> None:
    def token(room: str) -> str:
        parts = ({"alg": "HS256", "typ": "JWT"}, {"exp": 1770091200, "video": {"room": room}})
        coded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts]
        return b".".join((*coded, b"s1G" * 14 + b"a")).decode()

    for room, left in (("rm-1", "rm-1"), ("ada@example.net", "{{email-1}}"), (token("rm-1"), "")):
        line = json.dumps({"token": token(room), "room_name": "rm", "room_url": "wss://x"})
        found = scanned(f"[11:09:58.350][Debug][Transport]: Room details received: {line}\n")
        shown = answer(found)["sessions"][0]["room_token"]["room"]
        assert shown == left or (not left and shown.startswith("{{room-token-"))


def test_a_record_that_repeats_says_what_it_said_before() -> None:
    again = 0
    for path in sorted(LOGS.glob("*.log")):
        raw = path.read_bytes()
        ear = _Ear()
        records = list(_Walk(Source("-", [raw, b"\n", raw]), settings()).records())
        for platform in (None, "android"):
            for record in records:
                said = list(parser.events(record, platform))
                assert list(ear.events(record, platform)) == said, (path.name, record)
        again += 2 * len(records) - len(ear._memory._known)
    assert again > 1000


def test_many_short_records_are_remembered_in_little_memory() -> None:
    log = b"".join(b"[Error][SDK]: %x\n" % n for n in range(16_000))
    walk = _Walk(Source("-", [log]), settings())
    tracemalloc.start()
    try:
        count = sum(1 for _ in walk.events())
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert count == 16_000
    assert held < 13 << 20
