"""Local times are anchored where the log gives a date, and only there."""

from __future__ import annotations

import pytest

from tests.compose import ISSUED, fill
from tests.helpers import scanned

START = "[04:05:10.500][Info][Bootstrap]: Convai Bootstrapper: Initializing..."
DETAILS = (
    "[{clock}.250][Debug][Transport]: Token: @room-token@; Room Name: rm-1; "
    "Room URL: wss://x.livekit.cloud; Session ID: s-1; Character Session ID: c-1"
)
UTP = '##utp:{"type":"ProjectInfo","version":2,"phase":"Immediate","time":1770091508000,"processId":77}'


def times(text: str) -> tuple[str | None, str | None]:
    source = scanned(fill(text)[0])
    return source.sessions[0].timeline[0].time, source.anchor.told_by if source.anchor else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (START, ("04:05:10.500", None)),
        (f"Date: 2026-02-03T04:05:06Z\n{START}", ("2026-02-03T04:05:10.500Z", "Date")),
        # The clock is not in UTC, and nothing says which zone it is in.
        (f"Date: 2026-02-03T02:05:06Z\n{START}", ("04:05:10.500", None)),
        (f"{UTP}\n{START}", ("2026-02-03T04:05:10.500Z", "##utp")),
        (f"{UTP}\n{START.replace('04:05:10', '13:05:10')}", ("2026-02-03T04:05:10.500Z", "##utp")),
        (DETAILS.format(clock="09:30:01"), ("2026-02-03T04:00:01.250Z", "room token")),
        # Seven minutes between the token's begin and the line: the clocks cannot be compared.
        (DETAILS.format(clock="09:37:01"), ("09:37:01.250", None)),
    ],
)  # fmt: skip
def test_a_time_is_utc_where_the_log_gives_a_date(
    text: str, expected: tuple[str | None, str | None]
) -> None:
    assert ISSUED == 1770091200
    assert times(text) == expected


def test_a_clock_taken_from_a_token_never_judges_that_token() -> None:
    source = scanned(fill(DETAILS.format(clock="09:30:01"))[0])
    token = source.sessions[0].room_token
    assert token is not None
    assert token.expires_at == "2026-02-03T10:00:00Z"
    assert token.expired is None


def test_a_clock_of_the_log_judges_the_token() -> None:
    stamped = "2026-02-03T{}Z|0x1f804a080|" + DETAILS.format(clock="04:10:00")
    joined = "2026-02-03T{}Z|0x1f804a080|[04:10:01.000][Info][SDK]: [LiveKitRoomBackend] Room connected: rm-1"
    for clock, expired in (("04:10:00.000", False), ("10:00:01.000", True)):
        source = scanned(fill(f"{stamped.format(clock)}\n{joined.format(clock)}")[0])
        token = source.sessions[0].room_token
        assert token is not None
        assert token.expired is expired
