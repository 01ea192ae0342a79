"""Terminal reports of six situations, as goldens; log text is data, never markup."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from convai_logscan.events import KINDS
from convai_logscan.model import Report
from convai_logscan.reports import Look, render
from convai_logscan.reports.words import WORDS
from tests.compose import ISSUED, LIFETIME, fill
from tests.helpers import FIXTURES, LOGS, scanned
from tests.test_logs import raw_log

GOLDENS = FIXTURES / "reports"
SITUATIONS: dict[str, str] = {}  # golden name: fixture
for _name, _prefix in (
    ("refused-key", "invalid-api-key"), ("media-blocked", "ice-blocked"), ("healthy", "healthy"),
    ("no-convai", "no-convai"), ("several-causes", "multi-independent-roots"), ("reason-hidden", "transport-reason-hidden"),
):  # fmt: skip
    _found = sorted(LOGS.glob(f"{_prefix}*.expect.toml"))
    if _found:
        SITUATIONS[_name] = _found[0].name


@pytest.mark.parametrize("colour", [False, True], ids=["plain", "colour"])
@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("name", SITUATIONS)
def test_a_terminal_report_is_as_it_was_accepted(
    name: str, width: int, colour: bool, accept: bool
) -> None:
    source = scanned(raw_log(LOGS / SITUATIONS[name])[0])
    source.name = "Player.log"
    report = Report("0", "0", sources=[source])
    text = render(report, "terminal", Look(width=width, colour=colour))
    golden = GOLDENS / f"{name}.{width}{'.colour' if colour else ''}.txt"
    if accept:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8", newline="\n")
    assert text == golden.read_text(encoding="utf-8")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    links = [line for line in plain.splitlines() if line.startswith("  Docs    https://")]
    assert max(len(line) for line in plain.splitlines() if line not in links) <= width


def test_there_are_six_situations() -> None:
    assert len(SITUATIONS) == 6


HOSTILE = "[14:03:22.118][Error][SDK]: [X] [bold]b[/bold] [transport.ice_failed] \x1b]8;;http://x\x1b\\ \x9b31m \u202e <script> [link=x]"


@pytest.mark.parametrize("colour", [False, True])
def test_text_of_a_log_is_shown_as_data(colour: bool) -> None:
    text = render(
        Report("0", "0", sources=[scanned(HOSTILE)]), "terminal", Look(width=200, colour=colour)
    )
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "[bold]b[/bold] [transport.ice_failed]" in plain
    assert not re.search("[\x1b\x9b\u202e]", plain)


def test_json_holds_no_control_character() -> None:
    text = render(Report("0", "0", sources=[scanned(HOSTILE)]), "json")
    assert "[transport.ice_failed]" in json.loads(text)["sources"][0]["unexplained"][0]["text"]
    assert not re.search("[\x1b\x9b\u202e]", text)


def page(text: str) -> str:
    """Return the plain terminal report of a log."""
    return render(Report("0", "0", sources=[scanned(text)]), "terminal", Look(width=200))


HEAD = """[12:00:00.000][Info][Bootstrap]: Convai Bootstrapper: Initializing...
[12:00:01.000][Info][SDK]: [RoomConnectionRuntimeAdapter] Room connection attempt 1 (mode=create).
"""


def test_a_wrapper_without_a_root_is_told_under_what_explains_it() -> None:
    text = page(
        HEAD
        + "[12:00:02.000][Error][SDK]: [LiveKitRoomBackend] Connect failed: LiveKit.ConnectInstruction\n"
        "[12:00:03.000][Error][SDK]: Room connection failed after retry exhaustion.\n"
    )
    assert text.count("✗ ") - text.count("  ✗ ") == 1
    assert "Led to  retries-exhausted (line 4)" in text
    assert "The cause is not in this log" in text


def test_an_inconclusive_session_is_not_called_right() -> None:
    text = page(
        HEAD + "[12:00:02.000][Info][SDK]: [LiveKitRoomBackend] Room connected: rm-1\n"
        "[12:00:03.000][Info][SDK]: [ConvaiCharacter] [Mira] Connection successful, waiting for character ready signal...\n"
    )
    assert "Nothing wrong" not in text
    assert "not everything could be seen" in text


def test_what_is_not_sure_is_not_called_unexplained_and_advised_once() -> None:
    text = shown("inconclusive-never-called.expect.toml")
    assert "No row of the table explains this" not in text
    assert "A possible reason is below" in text
    assert text.count("Transport category to Debug") == 1


def test_notes_are_not_called_nothing() -> None:
    text = shown("feat-gaze-unreachable.expect.toml")
    assert "Nothing wrong was found in this session, only what is noted below." in text
    assert "i The character cannot turn far enough" in text
    assert "Nothing wrong was found in this session.\n" in shown("healthy-docs-form.expect.toml")


def test_nobody_is_told_to_switch_on_what_was_on() -> None:
    key = "[12:00:02.000][Warning][SDK]: [SessionMetrics] Session error: config.api_key_missing\n"
    debug = "[12:00:02.000][Debug][Transport]: [NativeRoomController] Room create mode (new room)\n"
    assert "set the override" in page(HEAD)
    assert "set the override" not in page(HEAD + HEAD + debug)
    assert "set the override" not in page(HEAD + key), "the cause is known"


def test_the_sender_is_told_of_a_token_that_is_still_good() -> None:
    text, _ = fill(
        "[Debug][Transport]: Token: @room-token@; Room Name: rm-other; Room URL: wss://x.livekit.cloud; "
        "Session ID: s-1; Character Session ID: c-1\n"
    )
    report = Report("0", "0", sources=[scanned(text)])
    before = render(report, "terminal", Look(now=float(ISSUED + LIFETIME - 41 * 60)))
    assert "valid for 41 more minutes" in " ".join(before.split())
    assert "its room differs from room_name" in " ".join(before.split())
    after = render(report, "terminal", Look(now=float(ISSUED + LIFETIME + 60)))
    assert "more minute" not in after
    assert "more minute" not in render(report, "terminal")
    assert render(report, "json", Look(now=1.0)) == render(report, "json")


def test_the_four_facts_of_a_room_token_are_told_with_the_ids() -> None:
    text, _ = fill(
        "[Debug][Transport]: Token: @room-token@; Room Name: rm-other; Room URL: wss://x.livekit.cloud; "
        "Session ID: s-1; Character Session ID: c-1\n"
    )
    source = scanned(text)
    token = source.sessions[0].room_token
    assert token
    verbose = render(Report("0", "0", sources=[source]), "terminal", Look(width=400, verbose=True))
    line = next(line for line in verbose.splitlines() if "room token: issued at" in line)
    assert f"issued at {token.issued_at}, " in line
    assert f"expires at {token.expires_at}, room {token.room}" in line
    assert "not before" in line
    assert "issued at" not in render(Report("0", "0", sources=[source]), "terminal")


def test_what_later_sessions_repeat_is_told_once() -> None:
    refused = HEAD + (
        "[12:00:02.000][Error][Transport]: [NativeRoomController] Room-details request failed with HTTP 401: Convai API returned HTTP 401.\n"
        "[12:00:03.000][Error][SDK]: Room connection failed after retry exhaustion.\n"
    )
    source = scanned(refused * 5)
    text = render(Report("0", "0", sources=[source]), "terminal", Look(width=200))
    assert [
        text.count(f"  {label} ") for label in ("Cause", "Fix", "Verify", "Docs", "Led to")
    ] == [1] * 5
    assert text.count("✗ Convai rejects") == 5
    for session in range(2, 6):
        line = 3 + 5 * (session - 1)
        assert f"session {session} · as in session 1\n  Log     line {line - session + 1} " in text
    verbose = render(Report("0", "0", sources=[source]), "terminal", Look(width=200, verbose=True))
    assert verbose.count("  Cause ") == 5
    assert "as in session" not in verbose


def test_a_note_that_explains_the_loss_is_an_explanation() -> None:
    lost = (
        "[12:00:02.000][Info][SDK]: [LiveKitRoomBackend] Room connected: rm-1\n"
        "[12:05:00.000][Warning][Transport]: [RTVIHandler] User idle warning: remaining_seconds=10, message=idle\n"
        "[12:05:10.000][Info][SDK]: [ConvaiRoomManager] Room disconnected unexpectedly; clearing runtime media/session state.\n"
    )
    shown = page(HEAD + lost)
    assert "idle-timeout" in shown
    assert "No row of the table explains this" not in shown


def shown(name: str, **look: Any) -> str:
    source = scanned(raw_log(LOGS / name)[0])
    return render(Report("0", "0", sources=[source]), "terminal", Look(width=400, **look))


def test_the_checklist_is_told_of_the_session_that_did_not_connect() -> None:
    text = shown("conn-invalid-key-then-fixed.expect.toml")
    assert "Firewall checklist of session 1" in text
    assert "✗ 6 Connected, and the character responds: disproven." in text
    assert "of session 2" not in text
    verbose = shown("conn-invalid-key-then-fixed.expect.toml", verbose=True)
    second = verbose.partition("Firewall checklist of session 2")[2]
    assert "✓ 6 Connected, and the character responds: proven." in second


def test_a_session_that_connected_has_no_checklist_and_no_step_disproven() -> None:
    for log in sorted(LOGS.glob("mic-denied-*.log")):
        source = scanned(raw_log(log.with_suffix(".expect.toml"))[0])
        text = render(Report("0", "0", sources=[source]), "terminal", Look(width=400))
        if all(session.outcome == "connected" for session in source.sessions):
            assert "Firewall checklist" not in text, log.name
            assert all(step.verdict != "disproven" for step in source.checklist), log.name


def test_a_line_that_is_cut_ends_at_a_word() -> None:
    log = f"[14:03:22.118][Error][SDK]: [X] boom {'onetwothree ' * 60}"
    text = render(Report("0", "0", sources=[scanned(log)]), "terminal", Look(width=600))
    assert "onetwothree …" in text


def test_the_timeline_is_told_in_plain_words() -> None:
    assert {name for name, kind in KINDS.items() if kind.phase} == WORDS.keys()
    text = shown("conn-invalid-key-then-fixed.expect.toml", verbose=True)
    steps = [
        line
        for line in text.splitlines()
        if re.match(r" +line \d+ .*(?:start|connect|media): ", line)
    ]
    assert len(steps) > 5
    assert not [line for line in steps if re.search(r": \w+_\w+", line)]
