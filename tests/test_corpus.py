"""Real Unity logs without Convai: nothing in them may crash, hang or be misread."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from tests.compose import WRAPPED, Entry, render
from tests.helpers import SHARED, scanned

LOGS = sorted((SHARED / "logs").glob("*.log.gz")) if (SHARED / "logs").is_dir() else []
pytestmark = pytest.mark.skipif(not LOGS, reason="the real logs are not beside this checkout")
# The only snippet that names the SDK: a stack through its code, under an exception of LiveKit.
NAMES_CONVAI = "snippet-x-135.log.gz"
OF_THE_SNIPPET = {"ffi-version-mismatch", "remote-audio-off"}  # true of it, once it is Convai's


@pytest.mark.parametrize("path", LOGS, ids=lambda p: p.name)
def test_a_real_log_has_no_convai_activity(path: Path) -> None:
    source = scanned(gzip.decompress(path.read_bytes()))
    assert [
        d.id
        for d in source.diagnoses
        if d.severity in {"fatal", "error"} and path.name != NAMES_CONVAI
    ] == []
    assert source.visibility.convai is False
    assert source.sessions == []
    if path.name != NAMES_CONVAI:
        assert source.diagnoses == []


START = [
    Entry("Info", "Bootstrap", "Convai Bootstrapper: Initializing..."),
    Entry("Info", "Bootstrap", "Convai Bootstrapper: Initialization complete."),
]
ATTEMPT = [
    *START,
    Entry("Info", "SDK", "Attempting room create.", "RoomConnectionRuntimeAdapter"),
    Entry("Info", "SDK", "Room connection attempt 1 (mode=create).", "RoomConnectionRuntimeAdapter"),
]  # fmt: skip
GAVE_UP = Entry("Error", "SDK", "Room connection failed after retry exhaustion.", "RoomConnectionRuntimeAdapter")  # fmt: skip
ENDPOINT = Entry("Info", "SDK", "Connecting to LiveKit endpoint: wss://x.livekit.cloud", "LiveKitRoomBackend")  # fmt: skip
JOINED = [*ATTEMPT, ENDPOINT, Entry("Info", "SDK", "Room connected: rm-1", "LiveKitRoomBackend")]
READY = [*JOINED, Entry("Info", "Events", "Published CharacterReady event: characterId=3f1c-77", "RTVIHandler")]  # fmt: skip
# One failing session a section of the table: what it says, and what it must be called.
SECTIONS: dict[str, tuple[list[Entry | str], set[str]]] = {
    "setup": (
        [START[0], Entry("Error", "Bootstrap", "Convai Bootstrapper: ConvaiSettings not found! Please configure settings via Edit > Project Settings > Convai SDK."), START[1]],
        {"settings-missing"},
    ),
    "credentials": (
        [*ATTEMPT,
         Entry("Error", "Transport", 'Room-details request failed with HTTP 401: Convai API returned HTTP 401. Service response: {"detail":"Invalid API key"}', "NativeRoomController"),
         Entry("Error", "Transport", "Failed to connect to Convai and LiveKit room: Invalid API key", "NativeRoomController"),
         GAVE_UP, Entry("Warning", "SDK", "Session error: connection.connect_invalid_api_key", "SessionMetrics")],
        {"invalid-api-key", "retries-exhausted"},
    ),
    "connect": (
        [*ATTEMPT,
         Entry("Error", "Transport", 'Room-details request failed with HTTP 429: Convai API returned HTTP 429. Service response: {"detail":"too many"}', "NativeRoomController"),
         GAVE_UP, Entry("Warning", "SDK", "Session error: connection.connect_concurrency_limit_reached", "SessionMetrics")],
        {"concurrency-limit", "retries-exhausted"},
    ),
    "network": (
        [*ATTEMPT, ENDPOINT,
         'LiveKit: failed to connect: Connection("wait_pc_connection timed out"), retrying... (1/3)',
         "LiveKit: error while connecting to a room: engine: connection error: wait_pc_connection timed out",
         Entry("Error", "SDK", "Connect failed: LiveKit.ConnectInstruction", "LiveKitRoomBackend"),
         GAVE_UP, Entry("Warning", "SDK", "Session error: transport.livekit_error", "SessionMetrics")],
        {"livekit-media-blocked", "retries-exhausted"},
    ),
    "session": (
        [*READY, Entry("Warning", "Transport", "Usage limit reached: monthly - quota used up", "RTVIHandler")],
        {"usage-limit-reached"},
    ),
    "microphone": (
        [*READY, Entry("Warning", "SDK", "Microphone publish aborted because audio playback requires a user gesture.", "RoomAudioRuntimeAdapter")],
        {"mic-gesture-required"},
    ),
    "audio": (
        [*READY, Entry("Error", "Audio", "[ConvaiAudioOutput] ConvaiCharacter component not found on Speaker")],
        {"audio-output-wrong-object"},
    ),
    "native": (
        [*ATTEMPT, ENDPOINT,
         Entry("Error", "SDK", "Unexpected connect exception: Unable to load DLL 'livekit_ffi'. Tried the load the following dynamic libraries: Unable to load dynamic library 'livekit_ffi'", "LiveKitRoomBackend"),
         GAVE_UP],
        {"ffi-library-missing", "retries-exhausted"},
    ),
    "install": (
        ["Assets/Convai/Runtime/Net.cs(4,7): error CS0246: The type or namespace name 'Newtonsoft' could not be found (are you missing a using directive or an assembly reference?)"],
        {"newtonsoft-missing"},
    ),
}  # fmt: skip


def _lines(said: list[Entry | str], envelope: str) -> list[str]:
    """Return the lines of a section's session; what is no entry is printed by others, as it stands."""
    return [
        line
        for one in said
        for line in ([one, ""] if isinstance(one, str) else render([one], envelope, 1))
    ]


@pytest.mark.parametrize(("number", "path"), list(enumerate(LOGS)), ids=[p.name for p in LOGS])
def test_a_failing_session_in_a_real_log_is_diagnosed_wherever_it_stands(
    number: int, path: Path
) -> None:
    raw = gzip.decompress(path.read_bytes())
    encoding = "utf-16" if raw.startswith(b"\xff\xfe") else "utf-8"
    lines = raw.decode(encoding, "surrogateescape").split("\n")
    dice = random.Random(path.name)
    # Between two records: behind an empty line, or at an end.
    places = [0, len(lines), *(i + 1 for i, line in enumerate(lines) if not line.strip())]
    names = list(SECTIONS)
    third = [names[(number + step) % len(names)] for step in (0, 3, 6)]
    wrapper = random.Random(f"{path.name}, wrapped").choice(WRAPPED)
    for name, envelope in zip(
        ["credentials", *third], [wrapper, "player-release", "player-dev", "docs"], strict=True
    ):
        said, expected = SECTIONS[name]
        at = dice.choice(places)
        text = "\n".join([*lines[:at], "", *_lines(said, envelope), "", *lines[at:]])
        source = scanned(text.encode(encoding, "surrogateescape"))
        found = {
            d.id
            for d in source.diagnoses
            if d.verdict == "fires"
            and d.id != "transport-debug-off"
            and (path.name != NAMES_CONVAI or d.id not in OF_THE_SNIPPET)
        }
        assert found == expected, (name, envelope, at)
        assert [d.id for d in source.diagnoses if d.root][:1] == [
            one for one in found if one != "retries-exhausted" and path.name != NAMES_CONVAI
        ] or path.name == NAMES_CONVAI
