"""Small logs for one rule each: what belongs to a session, how it ended, what speaks for a cause."""

from __future__ import annotations

import itertools

import pytest

from convai_logscan.model import Diagnosis, SourceReport
from tests.helpers import ids, scanned

FRAMES = "UnityEngine.StackTraceUtility:ExtractStackTrace ()\nUnityEngine.Debug:Log (object)\n\n"


def log(*entries: str, frames: str = "") -> SourceReport:
    """Scan entries, written as `Level/Category Message`, a second apart; others stand as they are."""
    lines = []
    clock = itertools.count(12 * 3600)
    for entry in entries:
        head, _, message = entry.partition(" ")
        level, slash, category = head.partition("/")
        if slash and level in {"Debug", "Info", "Warning", "Error"}:
            at = next(clock)
            stamp = f"{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}.000"
            lines.append(f"[{stamp}][{level}][{category}]: {message}\n{frames}")
        else:
            lines.append(f"{entry}\n")
    return scanned("".join(lines))


def found(source: SourceReport, row: str) -> Diagnosis:
    """Return the one diagnosis of a row."""
    (only,) = [d for d in source.diagnoses if d.id == row]
    return only


ATTEMPT = "Info/SDK Room connection attempt 1 (mode=create)."
JOINED = "Info/SDK [LiveKitRoomBackend] Room connected: rm-1"


def test_what_people_say_is_no_evidence() -> None:
    source = log(
        ATTEMPT,
        JOINED,
        "Info/Player Player transcription (final): Unable to load DLL 'livekit_ffi'",
        "Info/Character Character transcription (BotOutput) for participant PA_1: Curl error 6: Could not resolve host: live.convai.com",
        frames=FRAMES,
    )
    assert ids(source) == ["transport-debug-off"]


def test_a_session_ends_with_its_own_last_line() -> None:
    source = log(
        ATTEMPT,
        JOINED,
        "Curl error 6: Could not resolve host: cdp.cloud.unity3d.com",
        "[Error][Network]: handshake with server 12 failed",
    )
    (session,) = source.sessions
    assert (session.first_line, session.last_line) == (1, 2)


def test_the_error_code_is_the_first_that_was_printed() -> None:
    source = log(
        "Info/SDK Attempt 1 connecting character 3f1c-77 (mode=create)",
        "Error/Transport Error: HTTP 401 (Unauthorized)",
        "Warning/SDK [SessionMetrics] Session error: connection.failed",
    )
    (session,) = source.sessions
    assert (session.error_code, session.http_status) == ("connection.failed", 401)


DROP = (
    "Info/SDK [LiveKitRoomBackend] Room disconnected: rm-1",
    "Info/SDK [ConvaiRoomManager] Room disconnected unexpectedly; clearing runtime media/session state.",
)


def test_a_new_room_after_a_loss_is_a_new_session() -> None:
    source = log(
        ATTEMPT,
        JOINED,
        *DROP,
        "Debug/SDK [RoomConnectionCoordinator] ConnectAsync starting...",
        "Info/SDK Attempting room create.",
        ATTEMPT,
        JOINED.replace("rm-1", "rm-2"),
    )
    assert [(s.outcome, s.first_line, s.attempts, s.room_name) for s in source.sessions] == [
        ("dropped", 1, 1, "rm-1"),
        ("connected", 5, 1, "rm-2"),
    ]


def test_joining_the_lost_room_again_is_the_same_session() -> None:
    source = log(
        ATTEMPT,
        JOINED,
        *DROP,
        "Debug/SDK [RoomConnectionCoordinator] ConnectAsync starting...",
        "Info/SDK Attempting room rejoin.",
        "Info/SDK Room connection attempt 1 (mode=join).",
        JOINED,
    )
    assert [(s.outcome, s.attempts) for s in source.sessions] == [("connected", 2)]
    assert found(source, "unexpected-drop").recovered


def test_a_request_at_the_very_end_is_not_lost() -> None:
    source = log(ATTEMPT, JOINED, *DROP, "Debug/SDK ConnectAsync starting...")
    assert [(s.outcome, s.first_line) for s in source.sessions] == [("dropped", 1), ("unknown", 5)]


def test_two_characters_that_connect_at_once_are_two_sessions() -> None:
    source = log(
        "Info/SDK Attempting create for character: Mira via https://live.convai.com",
        "Info/SDK Attempting create for character: Odin via https://live.convai.com",
        "Info/SDK Attempt 1 connecting character 5be2-44 (mode=create)",
        "Info/SDK Attempt 1 connecting character c81d-07 (mode=create)",
        "Info/SDK [LiveKitRoomBackend] Connecting to LiveKit endpoint: wss://x.livekit.cloud",
        JOINED,
        "Error/Transport Room-details request failed with HTTP 404: Convai API returned HTTP 404.",
        "Error/SDK Failed to connect character c81d-07 after retry exhaustion.",
        "Info/SDK Character 5be2-44 connected successfully (mode=create).",
    )
    assert [(s.character_id, s.outcome, s.http_status) for s in source.sessions] == [
        ("5be2-44", "connected", None),
        ("c81d-07", "failed", 404),
    ]


RESET = (
    "LiveKit: signal connection failed on v1 path: "
    'WsError(Io(Os { code: 104, kind: ConnectionReset, message: "Connection reset by peer" }))'
)


def test_a_match_that_is_decided_later_has_recovered_too() -> None:
    source = log(
        ATTEMPT,
        "Info/SDK [LiveKitRoomBackend] Connecting to LiveKit endpoint: wss://x.livekit.cloud",
        RESET,
        JOINED,
    )
    one = found(source, "livekit-signal-blocked")
    assert (one.severity, one.confidence, one.root) == ("warning", "low", False)
    assert [e.line for e in one.against] == [4]


def test_a_healed_reconnect_has_recovered() -> None:
    source = log(
        ATTEMPT,
        JOINED,
        "LiveKit: Publisher pc state failed",
        "Info/SDK [LiveKitRoomBackend] Room reconnecting: rm-1",
        "Info/SDK [LiveKitRoomBackend] Room reconnected: rm-1",
    )
    assert [e.line for e in found(source, "media-fallback-blocked").against] == [5]


def test_a_character_that_is_ready_after_all_has_recovered() -> None:
    source = log(
        ATTEMPT,
        JOINED,
        "Warning/SDK [ConvaiCharacter] [Mira] Character ready timeout after 30s",
        "Info/Events Published CharacterReady event: characterId=5be2-44",
    )
    one = found(source, "character-not-ready")
    assert (one.severity, one.confidence, one.root) == ("warning", "low", False)


def test_a_failure_after_the_recovery_stays_a_failure() -> None:
    source = log(
        "Info/SDK Attempt 1 connecting character 3f1c-77 (mode=create)",
        "Error/Transport Error: HTTP 503 (Service Unavailable) - busy",
        "Info/SDK Attempt 2 connecting character 3f1c-77 (mode=create)",
        JOINED,
        "Info/SDK Attempt 3 connecting character 3f1c-77 (mode=join)",
        "Error/Transport Error: HTTP 503 (Service Unavailable) - busy",
    )
    one = found(source, "convai-unavailable")
    assert (one.times, one.against, one.root) == (2, (), True)


def test_a_warning_is_folded_only_under_a_cause_that_names_it() -> None:
    source = log(
        ATTEMPT,
        JOINED,
        "Warning/Transport [RTVIHandler] Pipeline error: slow",
        "Error/Transport [RTVIHandler] Fatal pipeline error: gone",
    )
    assert [(d.id, d.root, d.because_of) for d in source.diagnoses] == [
        ("pipeline-fatal-error", True, None),
        ("pipeline-error", False, "pipeline-fatal-error"),
        ("transport-debug-off", False, None),
    ]


def test_compiler_errors_outside_of_sessions_are_causes_of_their_own() -> None:
    head = (
        "Library/PackageCache/com.convai.convai-sdk-for-unity@1/Runtime/A.cs(3,7): error CS0246: "
    )
    source = log(
        f"{head}The type or namespace name 'Newtonsoft' could not be found",
        f"{head}The type or namespace name 'InputSystem' could not be found",
    )
    assert {(d.id, d.root) for d in source.diagnoses} == {
        ("newtonsoft-missing", True),
        ("inputsystem-missing", True),
    }


@pytest.mark.parametrize(
    ("row", "confidence", "entry"),
    [
        (
            "invalid-api-key",
            "high",
            "Warning/SDK Session error: connection.connect_invalid_api_key",
        ),
        ("invalid-api-key", "high", "Error/Transport Error: HTTP 401 (Unauthorized)"),
        ("character-not-found", "low", "Warning/SDK Session error: connection.not_found"),
        (
            "livekit-signal-blocked",
            "medium",
            "Warning/SDK Session error: transport.signal_disconnected",
        ),
        (
            "transport-reason-hidden",
            "low",
            "Error/SDK [LiveKitRoomBackend] Connect failed: LiveKit.ConnectInstruction",
        ),
        ("transport-reason-hidden", "low", "Warning/SDK Session error: transport.livekit_error"),
        ("convai-endpoint-blocked", "medium", "Warning/SDK Session error: connection.timeout"),
        ("connect-failed-unspecified", "low", "Warning/SDK Session error: connection.failed"),
        ("settings-missing", "medium", "Error/Bootstrap Convai Bootstrapper: ConvaiSettings not found!"),
    ],
)  # fmt: skip
def test_a_diagnosis_is_as_sure_as_its_line(row: str, confidence: str, entry: str) -> None:
    assert found(log(ATTEMPT, entry), row).confidence == confidence


@pytest.mark.parametrize(
    ("row", "times", "entries"),
    [
        ("unexpected-drop", 1, [ATTEMPT, JOINED, *DROP, "Info/SDK Handled unexpected room disconnect"]),
        ("livekit-signal-blocked", 1, [
            ATTEMPT, "Info/SDK Connecting to LiveKit endpoint: wss://x.livekit.cloud", RESET,
            RESET.replace("signal connection failed on v1 path", "failed to connect")]),
        ("invalid-api-key", 1, [
            ATTEMPT, "Error/Transport HTTP request failed: HTTP/1.1 401 Unauthorized (Code: 401)",
            "Error/Transport REST API call failed with exception: Exception: HTTP request failed: 401 (Code: 401)"]),
        ("transport-debug-off", 1, [ATTEMPT, JOINED, "Info/Player Player started speaking"]),
        ("pipeline-error", 3, [ATTEMPT, JOINED, *["Warning/Transport Pipeline error: slow"] * 3]),
        ("invalid-api-key", 2, [
            "Info/SDK Attempt 1 connecting character 3f1c-77 (mode=create)",
            "Error/Transport Error: HTTP 401 (Unauthorized)",
            "Info/SDK Attempt 2 connecting character 3f1c-77 (mode=create)",
            "Error/Transport Error: HTTP 401 (Unauthorized)"]),
    ],
)  # fmt: skip
def test_lines_about_one_failure_are_counted_once(row: str, times: int, entries: list[str]) -> None:
    assert found(log(*entries), row).times == times


def test_a_long_timeline_keeps_its_beginning_and_its_end() -> None:
    hops = ("Info/SDK Room reconnecting: rm-1", "Info/SDK Room reconnected: rm-1") * 60
    (session,) = log(ATTEMPT, JOINED, *hops, "Info/SDK DisconnectAsync called.").sessions
    assert session.reconnects == 60
    assert len(session.timeline) == 40
    assert [m.event for m in session.timeline[:2]] == ["connect_attempt", "lk_connected"]
    assert session.timeline[-1].phase == "end"


def test_phases_follow_the_way_of_a_connect() -> None:
    (session,) = log(
        "Info/Bootstrap Convai Bootstrapper: Initializing...",
        ATTEMPT,
        'Debug/Transport Room details received: {"room_name":"rm-1"}',
        "Info/SDK [LiveKitRoomBackend] Connecting to LiveKit endpoint: wss://x.livekit.cloud",
        JOINED,
        "Info/SDK Room connection succeeded (mode=create).",
        "Info/Events Published CharacterReady event: characterId=5be2-44",
        "Info/Player Player started speaking",
        "Info/SDK DisconnectAsync called.",
    ).sessions
    assert list(dict.fromkeys(m.phase for m in session.timeline)) == [
        "start", "connect", "room", "signal", "media", "ready", "talk", "end",
    ]  # fmt: skip


def test_what_works_is_not_said_of_a_session_that_gave_up() -> None:
    source = log(
        "Info/SDK Attempt 1 connecting character 5be2-44 (mode=create)",
        "Info/SDK [LiveKitRoomBackend] Connecting to LiveKit endpoint: wss://x.livekit.cloud",
        "Info/SDK Attempt 1 connecting character c81d-07 (mode=create)",
        JOINED,
        "Error/Transport Room-details request failed with HTTP 429: Convai API returned HTTP 429.",
        "Error/SDK Failed to connect character c81d-07 after retry exhaustion.",
        "Warning/SDK [SessionMetrics] Session error: connection.connect_concurrency_limit_reached",
        "Info/Character Received bot-ready for participant: PA_1",
        "Debug/SDK [SessionStateMachine] State transition: Connecting -> Connected",
        "Info/SDK [AudioTrackManager] Microphone published successfully",
    )
    assert [(s.outcome, s.error_code is None) for s in source.sessions] == [
        ("connected", True),
        ("failed", False),
    ]


def test_a_line_that_met_a_row_is_not_unexplained() -> None:
    again = RESET.replace("signal connection failed on v1 path", "failed to connect")
    source = log(
        ATTEMPT,
        "Info/SDK Connecting to LiveKit endpoint: wss://x.livekit.cloud",
        RESET,
        again,
        "LiveKit: MicrophoneSource: something new",
    )
    assert [one.line for one in source.unexplained] == [5]
