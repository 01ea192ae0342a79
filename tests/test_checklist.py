"""The firewall checklist says nothing that a finding denies."""

from __future__ import annotations

import pytest

from tests.helpers import LOGS, scanned
from tests.test_logs import raw_log

HEAD = "[12:00:01.000][Info][SDK]: [RoomConnectionRuntimeAdapter] Room connection attempt 1 (mode=create).\n"


def steps(text: bytes | str) -> dict[int, tuple[str, str]]:
    return {one.step: (one.verdict, one.why) for one in scanned(text).checklist}


@pytest.mark.parametrize(
    ("name", "first"), [("conn-captive-portal", "disproven"), ("conn-unclassified", "unknown")]
)
def test_an_answer_that_may_not_be_convais_proves_nothing_about_convai(
    name: str, first: str
) -> None:
    found = steps(raw_log(LOGS / f"{name}.expect.toml")[0])
    assert found[1][0] == first
    assert found[5] == ("disproven", "The answer to the connect request holds no room details.")


@pytest.mark.parametrize(("status", "first"), [(401, "proven"), (302, "unknown"), (511, "unknown")])
def test_a_refusal_with_an_error_status_is_convais(status: int, first: str) -> None:
    line = f"[12:00:02.000][Error][Transport]: [NativeRoomController] Room-details request failed with HTTP {status}: Convai API returned HTTP {status}.\n"
    assert steps(HEAD + line)[1][0] == first


def test_a_room_that_was_joined_had_its_details() -> None:
    failed = "[12:00:02.000][Error][Transport]: [NativeRoomController] Room-details request failed with HTTP 503: Convai API returned HTTP 503.\n"
    joined = "[12:00:09.000][Info][SDK]: [LiveKitRoomBackend] Room connected: rm-1\n"
    assert steps(HEAD + failed)[5][0] == "disproven"
    assert steps(HEAD + failed + joined)[5][0] == "unknown"
