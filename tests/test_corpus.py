"""Real Unity logs without Convai: nothing in them may crash, hang or be misread."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from tests.compose import Entry, fill, render
from tests.helpers import SHARED, ids, scanned

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


def _session(envelope: str) -> list[str]:
    """Return a session that fails because the API key is refused."""
    entries = [
        Entry("Info", "Bootstrap", "Convai Bootstrapper: Initializing..."),
        Entry("Info", "Bootstrap", "Convai Bootstrapper: Initialization complete."),
        Entry("Info", "SDK", "Attempting room create.", "RoomConnectionRuntimeAdapter"),
        Entry(
            "Info",
            "SDK",
            "Room connection attempt 1 (mode=create).",
            "RoomConnectionRuntimeAdapter",
        ),
        Entry(
            "Error",
            "Transport",
            'Room-details request failed with HTTP 401: Convai API returned HTTP 401. Service response: {"detail":"Invalid API key"}',
            "NativeRoomController",
        ),
        Entry(
            "Error",
            "Transport",
            "Failed to connect to Convai and LiveKit room: Invalid API key",
            "NativeRoomController",
        ),
        Entry(
            "Error",
            "SDK",
            "Room connection failed after retry exhaustion.",
            "RoomConnectionRuntimeAdapter",
        ),
        Entry(
            "Warning", "SDK", "Session error: connection.connect_invalid_api_key", "SessionMetrics"
        ),
    ]
    return fill("\n".join(render(entries, envelope, 1)))[0].split("\n")


@pytest.mark.parametrize("path", LOGS, ids=lambda p: p.name)
def test_a_failing_session_in_a_real_log_is_diagnosed_wherever_it_stands(path: Path) -> None:
    raw = gzip.decompress(path.read_bytes())
    encoding = "utf-16" if raw.startswith(b"\xff\xfe") else "utf-8"
    lines = raw.decode(encoding, "surrogateescape").split("\n")
    dice = random.Random(path.name)
    answers = set()
    for envelope in ("player-release", "player-dev", "docs"):
        # Between two records: behind an empty line, or at an end.
        places = [0, len(lines), *(i + 1 for i, line in enumerate(lines) if not line.strip())]
        at = dice.choice(places)
        text = "\n".join([*lines[:at], *_session(envelope), "", *lines[at:]])
        source = scanned(text.encode(encoding, "surrogateescape"))
        found = {d for d in ids(source) if path.name != NAMES_CONVAI or d not in OF_THE_SNIPPET}
        answers.add((tuple(sorted(found)), len(source.sessions), source.sessions[0].outcome))
    assert answers == {(("invalid-api-key", "retries-exhausted"), 1, "failed")}
