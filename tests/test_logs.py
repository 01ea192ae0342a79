"""Whole logs: the answers were written by hand, from the facts, before the first run."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from convai_logscan import rules
from tests.compose import fill
from tests.helpers import LOGS, answer, scanned

CASES = sorted(LOGS.glob("*.expect.toml"))
KNOWN = rules.builtin().rows


def raw_log(case: Path) -> tuple[bytes, dict[str, str]]:
    """Return a fixture's bytes with its secrets filled in, in its own encoding."""
    raw = case.with_name(case.name.replace(".expect.toml", ".log")).read_bytes()
    encoding = (
        "utf-16"
        if raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        else "utf-8-sig"
        if raw.startswith(b"\xef\xbb\xbf")
        else "utf-8"
    )
    text, secrets = fill(raw.decode(encoding, "surrogateescape"))
    return text.encode(encoding, "surrogateescape"), secrets


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name.removesuffix(".expect.toml"))
def test_a_log_gets_its_answer(case: Path) -> None:
    expected = tomllib.loads(case.read_text(encoding="utf-8"))
    raw, secrets = raw_log(case)
    source = scanned(raw, expected.get("options", ()))
    found = answer(source)
    wanted = expected.get("diagnosis", [])
    assert _heads(found["diagnoses"]) == _heads(wanted)
    assert found["visibility"]["convai"] == expected["activity"]
    assert found["visibility"]["debug"] == expected["debug"]
    sessions = expected.get("session", [])
    assert [
        {key: s[key] for key in one} for one, s in zip(sessions, found["sessions"], strict=False)
    ] == sessions
    assert len(found["sessions"]) == len(sessions)
    if "kind" in expected:
        assert found["kind"] == expected["kind"]
    for group, key in (("facts", "unity"), ("facts", "build"), ("visibility", "truncated")):
        if key in expected:
            assert found[group][key] == expected[key], key
    for one in wanted:
        if one["id"] in KNOWN:
            same = [
                d
                for d in found["diagnoses"]
                if d["id"] == one["id"] and d["session"] == one.get("session")
            ]
            assert _details(one) in [{key: _detail(d, key) for key in _details(one)} for d in same]
    shown = repr(found)
    assert [name for name, value in secrets.items() if name != "@user@" and value in shown] == []


_DETAILS = ("line", "times", "severity", "confidence", "against")


def _details(wanted: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer says of a diagnosis beyond its place in the tree."""
    return {key: wanted[key] for key in _DETAILS if key in wanted}


def _detail(found: dict[str, Any], key: str) -> Any:
    """Return the same of a report: the first line of evidence; whether something speaks against it."""
    if key == "line":
        return found["evidence"][0]["line"]
    return bool(found["against"]) if key == "against" else found[key]


def _heads(diagnoses: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what is compared of diagnoses: of the rows that the table holds."""
    return sorted(
        (
            (
                d["id"], d.get("session"), d.get("verdict", "fires"), d.get("root", False),
                d.get("because_of") if d.get("because_of") in KNOWN else None,
            )
            for d in diagnoses
            if d["id"] in KNOWN
        ),
        key=str,
    )  # fmt: skip


def test_there_are_enough_logs() -> None:
    quiet = [
        c
        for c in CASES
        if not [
            d
            for d in tomllib.loads(c.read_text(encoding="utf-8")).get("diagnosis", [])
            if d["id"] != "transport-debug-off"
        ]
    ]
    assert len(CASES) >= 60
    assert len(quiet) >= 15
