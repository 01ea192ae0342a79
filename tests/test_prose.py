"""What people write about lines of a log is no line of a log."""

from __future__ import annotations

import pytest

from convai_logscan.pipeline import events
from convai_logscan.sources import Source
from tests.helpers import settings

SAYINGS = (
    "Curl error 6: Could not resolve host: live.convai.com",
    "wait_pc_connection timed out",
    "Session error: connection.connect_invalid_api_key",
    "error code connection.rate_limited",
)


def _kinds(line: str) -> list[str]:
    text = f"Hi team,\n\n{line}\n\nthanks\n".encode()
    return [event.kind_name for event in events(Source("-", [text]), settings())]


@pytest.mark.parametrize("said", SAYINGS)
@pytest.mark.parametrize(
    "line",
    ['Anna wrote: is "{}" in it?', 'do you see "{}"?', "> do you see '{}' ?", "- Is it {}?", "  {}??",
     'I searched for "{}" and found nothing', "see “{}” in the docs", "You may meet `{}` then."],
)  # fmt: skip
def test_a_sentence_that_asks_or_quotes_is_no_evidence(line: str, said: str) -> None:
    assert _kinds(line.format(said)) == []


@pytest.mark.parametrize("said", SAYINGS)
@pytest.mark.parametrize(
    "line",
    ["{}", '"{}"', '{{"error":"{}"}}', '{{ error = "{}", retry = true }}', "[Game] Login failed: {}",
     'Uncaught (in promise) "{}"', 'Login failed with "{}"', 'message="{}" code=3', "It prints: '{}'",
     "System.Exception: {}, is it right?", 'after "room" was left: {}', "{} https://example.net/a?"],
)  # fmt: skip
def test_a_line_of_a_program_stays_evidence(line: str, said: str) -> None:
    assert _kinds(line.format(said))
