"""The JSON report, schema 1: keys in a fixed order, the same bytes for the same input."""

from __future__ import annotations

import json
from typing import Any

from convai_logscan.model import (
    ChecklistStep,
    Diagnosis,
    Evidence,
    Report,
    Session,
    SourceReport,
)
from convai_logscan.reports import Look
from convai_logscan.reports.safe import one_line

SCHEMA = 1


def render(report: Report, look: Look) -> str:
    """Return the report as one JSON object."""
    del look
    return json.dumps(as_dict(report), indent=2, ensure_ascii=False) + "\n"


def as_dict(report: Report) -> dict[str, Any]:
    """Return the report as plain data, in the order of the contract."""
    return {
        "schema": SCHEMA,
        "tool": {"name": "convai-logscan", "version": report.version, "table": report.table},
        "sources": [_source(source) for source in report.sources],
        "skipped": [
            {"source": one_line(one.source), "reason": one_line(one.reason)}
            for one in report.skipped
        ],
        "summary": {
            "sources": len(report.sources),
            "sessions": sum(len(source.sessions) for source in report.sources),
            "diagnoses": report.counts(),
            "worst": report.worst(),
        },
    }


def _source(source: SourceReport) -> dict[str, Any]:
    facts, visible = source.facts, source.visibility
    return {
        "name": one_line(source.name),
        "kind": source.kind,
        "encoding": source.encoding,
        "bytes": source.bytes,
        "facts": {
            "unity": _text(facts.unity), "sdk": _text(facts.sdk), "platform": facts.platform,
            "os": _text(facts.os), "build": facts.build,
        },
        "visibility": {
            "convai": visible.convai, "debug": visible.debug,
            "livekit_native": visible.livekit_native, "truncated": visible.truncated,
        },
        "sessions": [_session(session) for session in source.sessions],
        "diagnoses": [_diagnosis(diagnosis) for diagnosis in source.diagnoses],
        "checklist": [_step(step) for step in source.checklist],
        "unexplained": [
            {"text": one_line(one.text), "times": one.times, "line": one.line}
            for one in source.unexplained
        ],
        "redactions": source.redactions,
    }  # fmt: skip


def _session(session: Session) -> dict[str, Any]:
    token = session.room_token
    return {
        "number": session.number,
        "first_line": session.first_line,
        "last_line": session.last_line,
        "outcome": session.outcome,
        "attempts": session.attempts,
        "reconnects": session.reconnects,
        "character_id": _text(session.character_id),
        "room_url": _text(session.room_url),
        "room_name": _text(session.room_name),
        "session_id": _text(session.session_id),
        "character_session_id": _text(session.character_session_id),
        "request_trace_id": _text(session.request_trace_id),
        "error_code": session.error_code,
        "http_status": session.http_status,
        "room_token": None if token is None else {
            "issued_at": token.issued_at, "not_before": token.not_before,
            "expires_at": token.expires_at, "room": _text(token.room), "expired": token.expired,
        },
        "timeline": [
            {"line": m.line, "time": m.time, "phase": m.phase, "event": m.event}
            for m in session.timeline
        ],
    }  # fmt: skip


def _diagnosis(one: Diagnosis) -> dict[str, Any]:
    return {
        "id": one.id,
        "severity": one.severity,
        "confidence": one.confidence,
        "verdict": one.verdict,
        "session": one.session,
        "root": one.root,
        "because_of": one.because_of,
        "times": one.times,
        "symptom": one.symptom,
        "cause": one.cause,
        "fix": list(one.fix),
        "verify": one.verify,
        "docs": one.docs,
        "evidence": [_evidence(e) for e in one.evidence],
        "against": [_evidence(e) for e in one.against],
        "missing": list(one.missing),
    }


def _evidence(one: Evidence) -> dict[str, Any]:
    return {"line": one.line, "event": one.event, "text": one_line(one.text)}


def _step(one: ChecklistStep) -> dict[str, Any]:
    return {"step": one.step, "verdict": one.verdict, "why": one.why, "line": one.line}


def _text(text: str | None) -> str | None:
    return None if text is None else one_line(text)
