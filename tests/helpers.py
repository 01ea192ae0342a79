"""What many tests need: a scan of a text, and its answer as plain data."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from convai_logscan import rules
from convai_logscan.model import Report
from convai_logscan.pipeline import Settings, scan
from convai_logscan.reports import json as json_report
from convai_logscan.sources import from_stream
from convai_logscan.sources.text import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convai_logscan.model import SourceReport

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "fixtures"
LOGS = FIXTURES / "logs"
SHARED = ROOT.parent / "shared"


def settings(options: Iterable[str] = (), **changes: Any) -> Settings:
    """Return the settings for a scan; the one option that rows react to is understood."""
    words = list(options)
    test = words[words.index("--livekit-test") + 1] if "--livekit-test" in words else None
    base = Settings(rules.builtin(), livekit_test=test)
    return replace(base, **changes)


def scanned(data: bytes | str, options: Iterable[str] = (), **changes: Any) -> SourceReport:
    """Scan a text as standard input and return what was found."""
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    return scan(from_stream(io.BytesIO(raw)), settings(options, **changes))[0]


def scanned_blocks(blocks: Iterable[bytes], **changes: Any) -> SourceReport:
    """Scan bytes that come in the given blocks."""
    return scan(Source("-", blocks), settings(**changes))[0]


def answer(source: SourceReport) -> dict[str, Any]:
    """Return the JSON report of one source."""
    report = Report("0", "0", sources=[source])
    found: dict[str, Any] = json_report.as_dict(report)["sources"][0]
    return found


def ids(source: SourceReport) -> list[str]:
    """Return the ids that fire."""
    return [d.id for d in source.diagnoses if d.verdict == "fires"]
