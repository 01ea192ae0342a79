"""Terminal reports of six situations, as goldens; log text is data, never markup."""

from __future__ import annotations

import json
import re

import pytest

from convai_logscan.model import Report
from convai_logscan.reports import Look, render
from tests.helpers import FIXTURES, LOGS, scanned
from tests.test_logs import raw_log

GOLDENS = FIXTURES / "reports"
SITUATIONS: dict[str, str] = {}  # golden name: fixture
for _name, _prefix in (
    ("refused-key", "invalid-api-key"), ("media-blocked", "ice-blocked"), ("healthy", "healthy"),
    ("no-convai", "no-convai"), ("several-causes", "multi"), ("reason-hidden", "transport-reason-hidden"),
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
    assert max(map(len, plain.splitlines())) <= width


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
