"""Whatever bytes come in, an answer comes out: one target for each stage that meets a stranger's bytes.

In CI all targets together take some two minutes, by the same chances each time; elsewhere a tenth of
that, by new ones. `FUZZ=5 python -m pytest tests/test_fuzz.py` takes five times the two minutes.
What a target fails on is kept in `.hypothesis/fuzz/TARGET`, the smallest last; it goes to
`fixtures/fuzz/TARGET/` with what mends it, and is tried for ever after.
"""

from __future__ import annotations

import io
import json
import os
import re
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from convai_logscan import parser, share
from convai_logscan.envelopes import plain
from convai_logscan.errors import LeakError, SourceError
from convai_logscan.events import KINDS
from convai_logscan.marks import Marker
from convai_logscan.model import Report, Skipped
from convai_logscan.pipeline import events, scan
from convai_logscan.records import Framer
from convai_logscan.redact import Redactor
from convai_logscan.reports import Look, render
from convai_logscan.sources import Limits, Pipe, Source, in_paths
from tests.bent import PACKED, TEXTS, bent
from tests.helpers import FIXTURES, ROOT, answer
from tests.helpers import settings as scanning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from convai_logscan.model import Record

FOUND = FIXTURES / "fuzz"
KEPT = ROOT / ".hypothesis" / "fuzz"
CI = bool(os.environ.get("CI"))
SEARCH = float(os.environ.get("FUZZ", "1" if CI else "0.1"))
LIMITS = Limits(members=50, bytes=4 << 20, seconds=20)
_CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def _records(raw: bytes) -> list[Record]:
    return list(Framer().records(Marker(None).marks([raw])))


def records(raw: bytes) -> None:
    """Frame every line: records are in order, hold no line twice, and lie in the text."""
    found = _records(raw)
    lines = raw.count(b"\n") + 1
    assert all(1 <= one.line <= one.last_line <= lines and one.end <= len(raw) for one in found)
    assert [one.line for one in found] == sorted(one.line for one in found)
    half = len(raw) // 2
    assert list(Framer().records(Marker(None).marks([raw[:half], raw[half:]]))) == found


def parsed(raw: bytes) -> None:
    """Parse every record: events of known kinds, at the record's line; marks lose none."""
    for record in _records(raw):
        for event in parser.events(record):
            assert event.where.line == record.line
            assert event.kind_name in KINDS
    if plain(raw.decode("utf-8", "replace")).encode() == raw:  # nothing invisible inside of words
        assert _events(raw, marks=True) == _events(raw, marks=False)


def _events(raw: bytes, *, marks: bool) -> list[tuple[int, str]]:
    """Return line and kind; with every line read, more secrets are known, and stacks end elsewhere."""
    try:
        found = list(events(Source("-", [raw]), scanning(marks=marks)))
    except SourceError:
        return []
    return [(one.where.line, one.kind_name) for one in found]


def _read(items: Iterable[Source | Skipped]) -> None:
    for item in items:
        if isinstance(item, Skipped):
            assert item.reason
            continue
        with suppress(SourceError):
            for _ in item.text():
                pass


def archive(raw: bytes) -> None:
    """Open whatever it is: from a pipe, and as a file, where directories are read."""
    _read(in_paths(["-"], Pipe(io.BytesIO(raw)), LIMITS))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bent.bin"
        path.write_bytes(raw)
        _read(in_paths([str(path)], Pipe(io.BytesIO()), LIMITS))


def redactor(raw: bytes) -> None:
    """Redact records, a pipe and a file: no line is lost, and a second run changes nothing."""
    first, second = Redactor(), Redactor()
    for record in _records(raw):
        clean = first.redact(record.message)
        assert clean.count("\n") == record.message.count("\n")
        assert second.redact(clean) == clean
    try:
        whole = _passed([raw])
        half = len(raw) // 2
        assert _passed([raw[:half], raw[half:]]) == whole
        copy = _copied(raw)
        assert _copied(copy) == copy
    except (LeakError, SourceError):
        return  # nothing is handed out
    assert copy.count(b"\n") == raw.count(b"\n")


def _passed(blocks: list[bytes]) -> bytes:
    out: list[bytes] = []
    share.pass_on([Source("-", blocks)], out.append, frozenset())
    return b"".join(out)


def _copied(raw: bytes) -> bytes:
    out = io.BytesIO()
    share.copy_out(lambda: [Source("in.log", [raw])], "out.log", out, frozenset())
    return out.getvalue()


def whole(raw: bytes) -> None:
    """Scan whatever it is: both reports are made, the JSON is JSON, and nothing moves the cursor."""
    report = Report("0", "0")
    for item in in_paths(["-"], Pipe(io.BytesIO(raw)), LIMITS):
        if isinstance(item, Skipped):
            report.skipped.append(item)
            continue
        try:
            source, skipped = scan(item, scanning())
        except SourceError as error:
            report.skipped.append(Skipped(item.name, error.message))
            continue
        report.sources.append(source)
        report.skipped += skipped
    found = json.loads(render(report, "json"))
    assert len(found["sources"]) == len(report.sources)
    for text in (render(report, "json"), render(report, "terminal", Look(verbose=True))):
        assert not _CONTROL.search(text)
    for source in report.sources:
        lines = [
            step["line"] for session in answer(source)["sessions"] for step in session["timeline"]
        ]
        assert all(line > 0 for line in lines)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "records": records, "parser": parsed, "archive": archive, "redactor": redactor, "scan": whole,
}  # fmt: skip


@pytest.mark.parametrize(
    "path", sorted(FOUND.glob("*/*")), ids=lambda p: f"{p.parent.name}-{p.stem}"
)
def test_what_was_found_once_is_answered(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())


def test_every_target_has_a_place_for_what_it_finds() -> None:
    assert {path.name for path in FOUND.iterdir()} <= TARGETS.keys()


def _tried(target: str, raw: bytes) -> None:
    """Run a target; keep what it fails on: the last one, after shrinking, is the smallest."""
    try:
        TARGETS[target](raw)
    except BaseException:
        KEPT.mkdir(parents=True, exist_ok=True)
        (KEPT / target).write_bytes(raw)
        raise


def _fuzzed(examples: int) -> settings:
    """Return how long to search, given the examples of a search in CI."""
    same = CI and "FUZZ" not in os.environ
    return settings(max_examples=max(10, int(examples * SEARCH)), derandomize=same)


@_fuzzed(4000)
@given(bent(TEXTS, 4000))
def test_records(raw: bytes) -> None:
    _tried("records", raw)


@_fuzzed(2500)
@given(bent(TEXTS, 4000))
def test_parser(raw: bytes) -> None:
    _tried("parser", raw)


@_fuzzed(4000)
@given(bent(PACKED, 1 << 16))
def test_archive(raw: bytes) -> None:
    _tried("archive", raw)


@_fuzzed(2400)
@given(bent(TEXTS, 3000))
def test_redactor(raw: bytes) -> None:
    _tried("redactor", raw)


@_fuzzed(2400)
@given(bent([*TEXTS, *PACKED], 4000))
def test_scan(raw: bytes) -> None:
    _tried("scan", raw)
