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


@pytest.mark.parametrize(
    ("name", "number", "why", "says"),
    [
        (
            "multi-mic-denied-and-ice",
            3,
            "The media path failed, in a session in which",
            "pc connection",
        ),
        (
            "net-cert-expired-curl-text",
            4,
            "A certificate was refused for another reason",
            "Curl error 60",
        ),
        (
            "net-cert-expired-curl-text",
            1,
            "The connect request failed, and no answer",
            "Unclassified response",
        ),
        (
            "net-firewall-bad-access",
            1,
            "The connect request failed, and no answer",
            "Unclassified response",
        ),
    ],
)
def test_a_step_that_stays_open_names_the_line_that_is_about_it(
    name: str, number: int, why: str, says: str
) -> None:
    raw = raw_log(LOGS / f"{name}.expect.toml")[0]
    step = next(one for one in scanned(raw).checklist if one.step == number)
    assert step.verdict == "unknown"
    assert step.why.startswith(why)
    assert step.line
    assert says in raw.decode().split("\n")[step.line - 1]


@pytest.mark.parametrize("name", ["transport-reason-hidden-closed", "conn-stale-session-stays"])
def test_a_session_that_failed_did_not_connect(name: str) -> None:
    source = scanned(raw_log(LOGS / f"{name}.expect.toml")[0])
    assert source.sessions[0].outcome == "failed"
    for found in (source.checklist, source.sessions[0].checklist):
        assert (found[5].verdict, found[5].why) == ("disproven", "The session did not connect.")
