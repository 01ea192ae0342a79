"""Every row fires on a whole log in a wording, or with a value, that its own file does not hold."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from convai_logscan import rules
from convai_logscan.model import SourceReport
from tests.helpers import scanned
from tests.test_logs import CASES, raw_log

FIRING = [
    row
    for row in rules.builtin().rows.values()
    # The rows of features and of version 3 are proven in every dress by test_features.
    if row.chains and row.area not in {"features", "legacy"}
]
_CLOCK = re.compile(r"\[?\d\d:\d\d:\d\d(?:\.\d+)?\]?")


def _answers(row_id: str) -> list[Path]:
    """Return the logs whose answer, written by hand, has the row firing."""
    return _by_row()[row_id]


@cache
def _by_row() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for case in CASES:
        for one in tomllib.loads(case.read_text(encoding="utf-8")).get("diagnosis", []):
            if one.get("verdict", "fires") == "fires" and case not in found[one["id"]]:
                found[one["id"]].append(case)
    return found


@cache
def _scanned(case: Path) -> SourceReport:
    options = tomllib.loads(case.read_text(encoding="utf-8")).get("options", ())
    return scanned(raw_log(case)[0], options)


@pytest.mark.parametrize("row", FIRING, ids=lambda r: r.id)
def test_a_row_fires_on_a_log_that_its_file_does_not_hold(row: rules.Row) -> None:
    own = Path(row.file).read_text(encoding="utf-8")
    assert _answers(row.id), "no whole log fires this row"
    for case in _answers(row.id):
        texts = {
            _CLOCK.sub("", evidence.text)
            for d in _scanned(case).diagnoses
            if d.id == row.id
            for evidence in d.evidence
        }
        own_texts = _CLOCK.sub("", own)
        if any(text not in own_texts for text in texts):
            return
    pytest.fail("every log that fires this row repeats the row's own example")


def test_every_row_with_needs_has_an_inconclusive_example() -> None:
    assert [
        row.id for row in FIRING if row.needs and all(e.verdict != "inconclusive" for e in row.examples)
    ] == []  # fmt: skip
