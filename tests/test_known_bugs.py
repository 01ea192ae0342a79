"""Thirty bugs that log tools have shipped: each one's test here, or the reason why it cannot occur."""

from __future__ import annotations

import importlib
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.compose import Entry, fill, noise, render
from tests.helpers import ROOT, answer, ids, scanned

if TYPE_CHECKING:
    from pathlib import Path

# Bug: where it is tested, as module:function, or why it cannot occur.
BUGS: dict[str, str] = {
    "order is checked against the first step only": "test_diagnose:test_a_sequence_means_what_it_says",
    "a join of events ignores the group": "test_diagnose:test_two_sessions_do_not_mix",
    "a window lets in events outside of it": "test_diagnose:test_a_sequence_means_what_it_says",
    "late matches reach the engine out of order": "cannot occur: one thread, one generator, file order",
    "results differ between runs": "test_diagnose:test_twenty_runs_give_the_same_answer",
    "several missing steps crash the engine": "test_mutations:test_engine_and_oracle_agree_on_every_bent_example",
    "a deadline is checked more strictly than it is dropped": "test_diagnose:test_a_sequence_means_what_it_says",
    "events of one second have no order": "test_known_bugs:test_equal_times_keep_the_order_of_lines",
    "a number is taken for a time": "test_known_bugs:test_a_number_is_no_time",
    "lines before the first time are lost or moved": "test_known_bugs:test_lines_without_a_time_keep_their_place",
    "a zone in a time is ignored": "test_clock:test_a_time_is_utc_where_the_log_gives_a_date",
    "a new year or an impossible date stops the parsing": "test_known_bugs:test_an_impossible_date_is_only_text",
    "lines without a stamp are dropped": "test_known_bugs:test_frames_without_a_stamp_stay_with_their_record",
    "one line too many shifts everything": "test_known_bugs:test_a_line_in_between_changes_nothing",
    "a value is read from the neighbour's line": "test_known_bugs:test_two_connects_in_one_another_keep_their_own_ids",
    "versions are redacted as addresses": "test_redact:test_what_is_no_secret_stays",
    "a changed prefix breaks the recognition": "test_records:test_header_forms_of_every_generation",
    "a path that support needs holds the user's name": "test_known_bugs:test_a_path_stays_without_its_user",
    "some messages go around the masking": "test_properties:test_a_planted_token_is_in_no_output_and_its_line_is_still_quoted",
    "hidden hosts make support impossible": "test_known_bugs:test_hosts_stay_readable",
    "cleaning hangs on a large log": "test_redact:test_the_redactor_is_linear",
    "a long uniform text takes quadratic time": "test_redact:test_the_redactor_is_linear",
    "a pattern over lines swallows the log": "cannot occur: a form sees one record, which is bounded",
    "brackets and escapes of a log are taken for markup": "test_reports:test_text_of_a_log_is_shown_as_data",
    "members of an archive escape": "cannot occur: nothing is extracted to disk",
    "programs and pictures are read as logs": "test_sources:test_what_is_no_log_is_refused",
    "a replaced file goes unnoticed": "cannot occur: a log is read once, from its beginning to its end",
    "an open handle keeps the engine from renaming its log": "cannot occur: a log is never mapped, and closed when read",
    "a failing rule test exits with 0": "test_known_bugs:test_a_failing_example_fails_the_check",
    "an absence is reported where nothing could be seen": "test_diagnose:test_an_absence_that_could_not_be_seen_is_inconclusive",
}  # fmt: skip

ATTEMPT = "[{clock}][Info][SDK]: [RoomConnectionRuntimeAdapter] Attempt 1 connecting character {who} (mode=create)"
REFUSED = '[{clock}][Error][Transport]: [NativeRoomController] Room-details request failed with HTTP 401: Convai API returned HTTP 401. Service response: {{"detail":"Invalid API key"}}'
ADA = "3f1c77aa-1111-11ef-9b0a-42010a7be016"
BOB = "7c1f9a52-3e0b-4c7d-9a41-0d5a6be0c3f1"


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_has_its_test_or_its_reason(bug: str) -> None:
    where = BUGS[bug]
    if where.startswith("cannot occur: "):
        return
    module, _, name = where.partition(":")
    assert callable(getattr(importlib.import_module(f"tests.{module}"), name))


def test_there_are_thirty() -> None:
    assert len(BUGS) == 30


def test_equal_times_keep_the_order_of_lines() -> None:
    lines = [ATTEMPT.format(clock="10:00:00.000", who=ADA), REFUSED.format(clock="10:00:00.000")]
    assert "invalid-api-key" in ids(scanned("\n".join(lines)))
    source = scanned("\n".join(lines))
    assert [m.line for m in source.sessions[0].timeline] == [1, 2]


def test_a_number_is_no_time() -> None:
    source = scanned(
        "[Info][Bootstrap]: Convai Bootstrapper: Initialization complete. 69.01998901367188 11:22:33.444"
    )
    assert [m.time for m in source.sessions[0].timeline] == [None]


def test_lines_without_a_time_keep_their_place() -> None:
    text = "\n".join(
        ["Initialize engine version: 6000.0.80f1 (0a1b2c3d4e5f)", "[Info][Bootstrap]: Convai Bootstrapper: Initializing...",
         ATTEMPT.format(clock="10:00:00.000", who=ADA), REFUSED.format(clock="10:00:01.000")]
    )  # fmt: skip
    (session,) = scanned(text).sessions
    assert [(m.line, m.time) for m in session.timeline] == [
        (2, None), (3, "10:00:00.000"), (4, "10:00:01.000")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "stamp",
    ["2026-02-30T25:61:61.000Z|0x1f|", "2025-12-31T23:59:59.999Z|0x1f|", "2028-02-29T00:00:00.000Z|0x1f|", "02-30 25:61:61.000  1  1 I Unity   : "],
)  # fmt: skip
def test_an_impossible_date_is_only_text(stamp: str) -> None:
    text = "\n".join(
        stamp + line.format(clock="10:00:00.000", who=ADA) for line in (ATTEMPT, REFUSED)
    )
    assert "invalid-api-key" in ids(scanned(text))


def test_frames_without_a_stamp_stay_with_their_record() -> None:
    text = (
        "2026-02-03T04:05:06.789Z|0x1f804a080|" + REFUSED.format(clock="04:05:06.789") + "\n"
        "UnityEngine.Debug:LogError (object)\nConvai.Runtime.X:Connect () (at ./Packages/x/X.cs:12)\n\n"
        "2026-02-03T04:05:07.789Z|0x1f804a080|Refreshing native plugins"
    )  # fmt: skip
    source = scanned(text)
    assert "invalid-api-key" in ids(source)
    assert source.sessions[0].last_line == 3


SESSION = [
    Entry("Info", "Bootstrap", "Convai Bootstrapper: Initializing...", "ConvaiCoreInitializer"),
    Entry("Info", "SDK", "Room connection attempt 1 (mode=create).", "RoomConnectionRuntimeAdapter"),
    Entry("Error", "Transport", 'Room-details request failed with HTTP 403: Convai API returned HTTP 403. Service response: {"detail":"no"}', "NativeRoomController"),
    Entry("Error", "SDK", "Room connection failed after retry exhaustion.", "RoomConnectionRuntimeAdapter"),
]  # fmt: skip


@pytest.mark.parametrize("envelope", ["player-release", "docs", "sink"])
def test_a_line_in_between_changes_nothing(envelope: str) -> None:
    dice = random.Random(envelope)
    lines = render(SESSION, envelope)
    expected = ids(scanned("\n".join(lines)))
    assert "realtime-not-allowed" in expected
    for _ in range(40):
        mixed = list(lines)
        for line in noise("player", 6, dice.randrange(1000)):
            mixed.insert(dice.randrange(len(mixed) + 1), line)
        assert ids(scanned("\n".join(mixed))) == expected, mixed


def test_two_connects_in_one_another_keep_their_own_ids() -> None:
    lines = [
        ATTEMPT.format(clock="10:00:00.000", who=ADA),
        ATTEMPT.format(clock="10:00:00.010", who=BOB),
        '[10:00:00.500][Debug][Transport]: Room details received: {"room_name":"rm-ada","session_id":"s-ada"}',
        '[10:00:00.600][Debug][Transport]: Room details received: {"room_name":"rm-bob","session_id":"s-bob"}',
        f"[10:00:01.000][Info][SDK]: [RoomConnectionRuntimeAdapter] Character {BOB} connected successfully (mode=create).",
        f"[10:00:01.100][Info][SDK]: [RoomConnectionRuntimeAdapter] Character {ADA} connected successfully (mode=create).",
    ]
    found = {s["character_id"]: s for s in answer(scanned("\n".join(lines)))["sessions"]}
    assert found[ADA]["session_id"] == "s-ada"
    assert found[BOB]["session_id"] == "s-bob"
    assert {s["outcome"] for s in found.values()} == {"connected"}


def test_a_path_stays_without_its_user() -> None:
    text, secrets = fill(
        r"[Error][SDK]: [ConvaiManager] boom in C:\Users\@user@\Projects\Sample\Assets\A.cs"
    )
    (one,) = scanned(text).unexplained
    assert secrets["@user@"] not in one.text
    assert r"C:\Users\{{user-1}}\Projects\Sample\Assets\A.cs" in one.text


def test_hosts_stay_readable() -> None:
    text = (
        "[Info][SDK]: [LiveKitRoomBackend] Connecting to LiveKit endpoint: wss://convai-technologies-lfslae7c.livekit.cloud\n"
        "[Error][SDK]: [X] no route to live.convai.com, api.convai.com, x.turn.livekit.cloud:443\n"
    )
    found = answer(scanned(text))
    assert found["sessions"][0]["room_url"] == "wss://convai-technologies-lfslae7c.livekit.cloud"
    assert (
        "live.convai.com, api.convai.com, x.turn.livekit.cloud:443"
        in found["unexplained"][0]["text"]
    )


def test_a_failing_example_fails_the_check(tmp_path: Path) -> None:
    row = (
        'symptom = "S."\nseverity = "warning"\ncause = "C."\nfix = ["F."]\nverify = "V."\ndocs = "d"\nrank = 900\n'
        'when = "connect_giveup"\n[[example]]\nlog = "nothing of the kind"\n[[counterexample]]\nlog = "y"\nwhy = "z"\n'
    )
    (tmp_path / "mine.toml").write_text(row, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "convai_logscan", "table", "check", str(tmp_path)],
        capture_output=True, check=False, cwd=ROOT, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2
    assert "example 1 should be fires" in done.stderr.decode()
