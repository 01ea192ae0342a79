"""The report for a terminal: verdict first, then why, the fix, how to verify, and the lines."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from io import StringIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from convai_logscan.checklist import TITLES
from convai_logscan.diagnose import DEBUG_ADVICE
from convai_logscan.envelopes import plain
from convai_logscan.model import (
    ChecklistStep,
    Diagnosis,
    Evidence,
    Moment,
    Report,
    RoomToken,
    Session,
    Skipped,
    SourceReport,
)
from convai_logscan.reports import Look
from convai_logscan.reports.safe import one_line
from convai_logscan.reports.words import WORDS

_COLOURS = {
    "fatal": "bold red", "error": "red", "warning": "yellow", "info": "cyan",
    "inconclusive": "magenta", "good": "green", "quiet": "bright_black", "plain": "",
}  # fmt: skip
_SIGNS = {"proven": ("✓", "good"), "disproven": ("✗", "error"), "unknown": ("?", "quiet")}
_ASCII = str.maketrans(
    {
        "✓": "+",
        "✗": "x",
        "…": "...",
        "–": "-",
        "·": "|",
        "—": "-",
        "“": '"',
        "”": '"',
        "→": "->",
        "×": "x",
    }
)
_DEBUG_OFF = "transport-debug-off"
_NO_ACTIVITY = ("no Convai activity", _COLOURS["quiet"])
_AT_THE_END = "Convai lines of level Debug; the end of this report says how to get them."
MAX_DETAIL = 5  # sources that are shown whole
MAX_SKIPPED = 20  # inputs left out that are named


def render(report: Report, look: Look) -> str:
    """Return the report as text of the given width."""
    out = StringIO()
    console = Console(
        file=out, width=max(look.width, 40), force_terminal=look.colour, no_color=not look.colour,
        color_system="standard" if look.colour else None, markup=False, highlight=False, emoji=False,
        legacy_windows=False, soft_wrap=False,
    )  # fmt: skip
    page = _Page(console, look, several=len(report.sources) > 1)
    if len(report.sources) == 1:
        page.source(report.sources[0])
    elif len(report.sources) <= MAX_DETAIL:
        for number, source in enumerate(report.sources):
            if number:
                console.print()
            page.source(source)
        if report.sources:
            page.counts(report)
    else:
        page.overview(report)
    page.skipped(report)
    text = "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
    return text.translate(_ASCII) if look.ascii else text


class _Page:
    """Writes a report on a console."""

    def __init__(self, console: Console, look: Look, *, several: bool) -> None:
        self._console = console
        self._look = look
        self._several = several

    # --- one source ----------------------------------------------------------------------------

    def source(self, source: SourceReport) -> None:
        """Print one source whole."""
        self._hang(self._fingerprint(source), 0, 2)
        if self._quiet_end(source):
            return
        for session in source.sessions:
            self._session(session, source)
        self._filtered(source)
        shown = [
            d
            for d in source.diagnoses
            if d.verdict == "fires"
            and _told_under(d, source) is None
            and (self._look.verbose or not _of_the_log(d))
        ]
        if self._look.quiet:
            for one in shown:
                self._headline(one)
            return
        told: dict[str, int | None] = {}  # by id, the session it was told of
        for one in shown:
            if one.id in told and not self._look.verbose:
                self._again(one, told[one.id])
            else:
                self._diagnosis(one, source)
            told.setdefault(one.id, one.session)
        told.clear()
        for one in (d for d in source.diagnoses if d.verdict == "inconclusive"):
            if one.id in told and not self._look.verbose:
                self._again(one, told[one.id])
            else:
                self._inconclusive(one, source)
            told.setdefault(one.id, one.session)
        self._no_cause(source)
        self._unexplained(source)
        self._checklist(source)
        self._unseen(source)

    def _quiet_end(self, source: SourceReport) -> bool:
        """Say the short answers; return whether that was all."""
        firing = [d for d in source.diagnoses if d.verdict == "fires"]
        if not source.visibility.convai:
            why = (
                "The file is empty."
                if not source.bytes
                else "No line of the Convai SDK is in this log."
            )
            if firing:
                why += " What follows is about lines of LiveKit that name a host of its cloud."
            self._hang(Text("No Convai activity. ", "bold") + Text(why), 0, 2)
            if source.bytes and not firing and not self._look.quiet and not self._several:
                self._wrap(
                    "If a Convai character should have spoken in this run, check that this is the log of that "
                    "run (Player-prev.log and Editor-prev.log hold the run before) and that the SDK is in the scene."
                )
            if not firing:
                self._filtered(source)
            return not firing
        return False

    def _filtered(self, *sources: SourceReport) -> None:
        """Say what the command line left out, so that nobody takes the rest for the whole."""
        for option in sorted({option for source in sources for option in source.left_out}):
            ids = [d.id for source in sources for d in source.left_out.get(option, ())]
            noun = "diagnosis is" if len(ids) == 1 else "diagnoses are"
            names = ", ".join(dict.fromkeys(ids)) if option == "--ignore" else ""
            told = f": {names}" if names else ""
            if any(d.because_of in ids for source in sources for d in source.diagnoses):
                told += ", with what follows from it"
            self._wrap(f"{len(ids)} {noun} left out by {option}{told}", 0, "warning")

    def _fingerprint(self, source: SourceReport) -> Text:
        facts = source.facts
        parts = [
            f"Unity {facts.unity}" if facts.unity else "Unity version not in the log",
            f"Convai SDK {facts.sdk}" if facts.sdk else ("Convai SDK version not in the log" if source.visibility.convai else None),
            facts.platform, f"{facts.build} build" if facts.build in {"development", "release"} else None,
            f"{source.kind} log",
        ]  # fmt: skip
        line = Text(one_line(source.name), "bold")
        line.append("  " + " · ".join(one_line(part) for part in parts if part), _style("quiet"))
        return line

    def _session(self, session: Session, source: SourceReport) -> None:
        words = {
            "connected": "connected",
            "failed": "did not connect",
            "dropped": "connected, then lost",
            "unknown": "no connection was seen to succeed or fail",
        }
        style = {"connected": "good", "failed": "error", "dropped": "error", "unknown": "warning"}[
            session.outcome
        ]
        line = Text(f"Session {session.number}  ")
        line.append(words[session.outcome], _style(style))
        attempts = f"{session.attempts} attempt{'s' if session.attempts != 1 else ''}"
        extra = [attempts, f"lines {session.first_line}–{session.last_line}"]
        if session.reconnects:
            extra.insert(
                1, f"{session.reconnects} reconnect{'s' if session.reconnects != 1 else ''}"
            )
        if session.error_code:
            extra.append(session.error_code)
        line.append("  " + " · ".join(extra), _style("quiet"))
        self._hang(line, 0, 11)
        mine = [
            d
            for d in source.diagnoses
            if d.session == session.number
            and d.verdict == "fires"
            # A note explains how a session ended; of one that connected it is no fault.
            and (d.severity != "info" or session.outcome == "dropped")
            and not _of_the_log(d)
        ]
        hidden = {d.id for d in source.unshown() if d.session == session.number}
        mine = [d for d in mine if d.because_of not in hidden]
        if not mine and hidden:
            if not self._look.quiet:
                self._wrap("What was found in this session is left out.", 11, "warning")
        elif not mine:
            unsure = any(
                d.session == session.number and d.verdict == "inconclusive"
                for d in source.diagnoses
            )
            noted = any(
                d.session in {session.number, None}
                and d.verdict == "fires"
                and d.severity == "info"
                for d in source.diagnoses
                if not _of_the_log(d)
            )
            if session.outcome == "connected" and unsure:
                self._wrap("Nothing was seen to fail, but not everything could be seen.", 11)
            elif session.outcome == "connected" and noted:
                self._wrap(
                    "Nothing wrong was found in this session, only what is noted below.", 11, "good"
                )
            elif session.outcome != "connected" and unsure and not self._look.quiet:
                self._wrap("A possible reason is below; this log cannot prove it.", 11)
            elif session.outcome == "connected":
                self._wrap("Nothing wrong was found in this session.", 11, "good")
            elif not self._look.quiet:
                self._wrap("No row of the table explains this.", 11)
        if session.room_token and not self._look.quiet:
            self._token(session, session.room_token)
        if self._look.verbose and not self._look.quiet:
            ids = [
                (name, getattr(session, key))
                for name, key in (
                    ("request trace id", "request_trace_id"), ("session id", "session_id"),
                    ("character session id", "character_session_id"), ("room", "room_name"),
                    ("room url", "room_url"), ("character", "character_id"),
                )
            ]  # fmt: skip
            for name, value in ids:
                if value:
                    self._wrap(f"{name}: {one_line(value)}", 11, "quiet")
            if token := session.room_token:
                told = (
                    ("issued at", token.issued_at), ("not before", token.not_before),
                    ("expires at", token.expires_at), ("room", token.room),
                )  # fmt: skip
                facts = ", ".join(f"{name} {value or 'not in it'}" for name, value in told)
                self._wrap(f"room token: {facts}", 11, "quiet")
            for part, spread in session.latency.items():
                times = "once" if spread.times == 1 else f"{spread.times} times"
                self._wrap(
                    f"latency, {part.replace('_', ' ')}: median {spread.median:.0f} ms, "
                    f"worst {spread.worst:.0f} ms, measured {times}",
                    11,
                    "quiet",
                )
            self._timeline(session, source)

    def _token(self, session: Session, token: RoomToken) -> None:
        """Print what is odd about a room token, and warn the sender of one that is still good."""
        if token.expired:
            self._wrap("room token: expired before the join", 11, "warning")
        if token.room and session.room_name and token.room != session.room_name:
            self._wrap("room token: its room differs from room_name", 11, "warning")
        if self._look.now is None or token.expires_at is None:
            return
        ends = datetime.fromisoformat(token.expires_at).timestamp()
        minutes = int((ends - self._look.now) // 60)
        if minutes > 0:
            left = f"{minutes} more minute{'s' if minutes != 1 else ''}"
            self._wrap(
                f"This log holds a room token that is valid for {left}: send a copy made by "
                "`convai-logscan redact`.",
                11,
                "warning",
            )

    def _timeline(self, session: Session, source: SourceReport) -> None:
        """Print the steps of a session, and how long each took where a clock tells."""
        if source.anchor:
            self._wrap(
                f"times in UTC, anchored on the {source.anchor.told_by} of this log", 11, "quiet"
            )
        before: Moment | None = None
        for moment in session.timeline:
            when = f"{moment.time}  " if moment.time else ""
            what = WORDS.get(moment.event, moment.event)
            text = f"line {moment.line}  {when}{moment.phase}: {what}"
            if (
                before
                and before.stamp
                and moment.stamp
                and before.stamp.clock == moment.stamp.clock
            ):
                text += f"  (+{moment.stamp.seconds - before.stamp.seconds:.1f} s)"
            self._wrap(text, 11, "quiet")
            before = moment if moment.stamp else before

    def _headline(self, one: Diagnosis, *more: str) -> None:
        unsure = one.verdict == "inconclusive"
        sign = "?" if unsure else {"warning": "!", "info": "i"}.get(one.severity, "✗")
        head = Text(f"{sign} ", _style("inconclusive" if unsure else one.severity))
        head.append(one_line(one.symptom), "bold")
        self._hang(head, 0, 2)
        where = f"session {one.session}" if one.session else "whole log"
        facts = [one.id, one.severity, f"{one.confidence} confidence", where]
        if unsure:
            facts = [one.id, "inconclusive", where]
        if one.times > 1:
            facts.append(f"{one.times} times")
        if one.recovered:
            joined = one.against[0].event in {"connected", "character_ready"}
            facts.append("the session connected afterwards" if joined else "it worked afterwards")
        self._wrap(" · ".join((*facts, *more)), 2, "quiet")

    def _again(self, one: Diagnosis, session: int | None) -> None:
        """Print of a diagnosis that an earlier session had only what is its own."""
        self._console.print()
        self._headline(one, f"as in session {session}" if session else "as above")
        rows = _labelled()
        rows.add_row("Log", self._lines(one.evidence[-1:]))
        self._print(Padding(rows, (0, 0, 0, 2)))

    def _diagnosis(self, one: Diagnosis, source: SourceReport) -> None:
        self._console.print()
        self._headline(one)
        rows = _labelled()
        rows.add_row("Cause", Text(one.cause))
        for number, step in enumerate(one.fix, 1):
            rows.add_row("Fix" if number == 1 else "", _numbered(number, step, len(one.fix)))
        rows.add_row("Verify", Text(one.verify))
        self._print(Padding(rows, (0, 0, 0, 2)))
        # A link that is broken over two lines can be neither clicked nor copied.
        link = Text("  Docs    ", _style("quiet")) + Text(one.docs, _style("plain"))
        self._console.print(link, no_wrap=True, overflow="ignore", crop=False)
        rows = _labelled()
        rows.add_row("Log", self._lines(one.evidence))
        if one.against:
            rows.add_row("But", self._lines(one.against))
        followed = [
            d
            for d in source.diagnoses
            if d.session == one.session and _told_under(d, source) == one.id
        ]
        if followed:
            rows.add_row(
                "Led to", Text(", ".join(f"{d.id} (line {d.first_line})" for d in followed))
            )
        self._print(Padding(rows, (0, 0, 0, 2)))

    def _inconclusive(self, one: Diagnosis, source: SourceReport) -> None:
        self._console.print()
        head = Text("? ", _style("inconclusive"))
        head.append(one_line(one.symptom), "bold")
        self._hang(head, 0, 2)
        self._wrap(
            f"{one.id} · inconclusive: this log cannot tell. What would settle it:", 2, "quiet"
        )
        for text in one.missing:
            again = text == DEBUG_ADVICE and self._advice(source)
            self._wrap(_AT_THE_END if again else text, 4)

    def _lines(self, evidence: tuple[Evidence, ...]) -> Table:
        lines = Table.grid(padding=(0, 1))
        lines.add_column(justify="right", style=_style("quiet"), no_wrap=True)
        lines.add_column(overflow="fold")
        for one in evidence:
            lines.add_row(f"line {one.line}", Text(_quote(one.text)))
        return lines

    def _no_cause(self, source: SourceReport) -> None:
        for session in source.sessions:
            firing = [
                d for d in (*source.diagnoses, *source.unshown())
                if d.session == session.number and d.verdict == "fires"
            ]  # fmt: skip
            # The cause of a consequence is known: a warning, or one that is left out, too.
            failing = [
                d for d in firing
                if d.severity in {"fatal", "error"} and not d.recovered and d.because_of is None
                and not any(d.id in other.explains for other in firing)
            ]  # fmt: skip
            if failing and not any(d.root for d in failing):
                self._console.print()
                self._wrap(
                    f"The cause is not in this log: session {session.number} shows only that something else failed.",
                    0,
                    "warning",
                )

    def _unexplained(self, source: SourceReport) -> None:
        if not source.unexplained:
            return
        self._console.print()
        self._print(Text("Other warnings and errors of the SDK", "bold"))
        limit = None if self._look.verbose else 5
        for one in source.unexplained[:limit]:
            times = f" ({one.times} times)" if one.times > 1 else ""
            self._hang(Text(f"line {one.line}  {_quote(one.text)}{times}"), 2, 2)
        more = len(source.unexplained) - 5
        if limit and more > 0:
            self._wrap(f"… and {more} more (-v shows them)", 2, "quiet")

    def _checklist(self, source: SourceReport) -> None:
        """Print the six steps of the session that says most about the network; `-v` those of all."""
        shown = [s for s in source.sessions if self._look.verbose or _about_network(s)]
        most = max(shown, key=lambda s: sum(map(_decided, s.checklist[:5])), default=None)
        for session in shown if self._look.verbose or most is None else [most]:
            where = f" of session {session.number}" if len(source.sessions) > 1 else ""
            self._steps(where, session.checklist)
        if len(shown) > 1 and not self._look.verbose:
            self._wrap(f"-v shows those of {len(source.sessions) - 1} more sessions.", 2, "quiet")

    def _steps(self, where: str, steps: list[ChecklistStep]) -> None:
        self._console.print()
        self._print(Text(f"Firewall checklist{where}", "bold"))
        rows = Table.grid(padding=(0, 1))
        rows.add_column(no_wrap=True)
        rows.add_column()
        for step, title in zip(steps, TITLES, strict=True):
            sign, style = _SIGNS[step.verdict]
            text = Text(f"{step.step} {title}: ")
            text.append(step.verdict, _style(style))
            line = f" (line {step.line})" if step.line else ""
            text.append(f". {one_line(step.why)}{line}", _style("quiet"))
            rows.add_row(Text(sign, _style(style)), text)
        self._print(Padding(rows, (0, 0, 0, 2)))

    def _advice(self, source: SourceReport) -> str | None:
        """Return how to make the room's lines be printed, where they are missed."""
        off = _debug_off(source)
        explained = {d.session for d in (*source.diagnoses, *source.unshown()) if d.root}
        told = any(s.outcome != "connected" and s.number not in explained for s in source.sessions)
        handed_out = any(s.step == 5 and s.verdict == "proven" for s in source.checklist)
        if off and (self._look.verbose or (told and not handed_out)):
            return f"{off.symptom} {' '.join(off.fix)}"
        return None

    def _unseen(self, source: SourceReport) -> None:
        advice = self._advice(source)
        lines = [advice] if advice else []
        if source.visibility.truncated:
            lines.append("The log ends in the middle of something: a longer log would say more.")
        if lines:
            self._console.print()
            self._print(Text("What this log could not show", "bold"))
            for line in lines:
                self._wrap(line, 2)
        elif _debug_off(source):
            self._console.print()
            self._wrap(
                f"The ids of the room are not printed in this log ({_DEBUG_OFF}); -v says how to turn them on.",
                0,
                "quiet",
            )

    # --- several sources -----------------------------------------------------------------------

    def overview(self, report: Report) -> None:
        """Print one line a source, then the counts; of many that are about nothing, the first ones."""
        left = len(report.sources) if self._look.verbose else MAX_SKIPPED
        for source in report.sources:
            verdict = self._short(source)
            left -= verdict == _NO_ACTIVITY
            if left < 0 and verdict == _NO_ACTIVITY:
                continue
            line = Text(one_line(source.name), "bold")
            line.append("  ")
            line.append(*verdict)
            self._hang(line, 0, 2)
        if left < 0:
            self._wrap(f"… and {-left} more without Convai activity (-v lists them)", 0, "quiet")
        self.counts(report)

    def _short(self, source: SourceReport) -> tuple[str, str]:
        failing = [
            d
            for d in source.diagnoses
            if d.verdict == "fires" and (d.root or d.severity in {"fatal", "error"})
        ]
        if failing:
            roots = [d for d in failing if d.root] or failing
            return ", ".join(dict.fromkeys(d.id for d in roots)), _style(roots[0].severity)
        if not source.visibility.convai:
            return _NO_ACTIVITY
        warnings = [
            d.id for d in source.diagnoses if d.verdict == "fires" and d.severity == "warning"
        ]
        if warnings:
            return ", ".join(dict.fromkeys(warnings)), _style("warning")
        if any(d.severity != "info" for d in source.unshown()):
            return "what was found is left out", _style("warning")
        if any(s.outcome != "connected" for s in source.sessions):
            return "no verdict: no connection was seen to succeed or fail", _style("warning")
        return "nothing wrong", _style("good")

    def counts(self, report: Report) -> None:
        """Print how often each cause was found; what only follows from one is not counted."""
        causes: Counter[str] = Counter()
        symptoms: dict[str, str] = {}
        for source in report.sources:
            found = [
                d
                for d in source.diagnoses
                if d.verdict == "fires" and d.because_of is None and d.severity != "info"
            ]
            causes.update(d.id for d in found)
            symptoms |= {d.id: d.symptom for d in found}
            if not found:
                causes[self._short(source)[0]] += 1
        self._console.print()
        noun = f"{len(report.sources)} source{'s' if len(report.sources) != 1 else ''}"
        self._print(Text(f"{noun}, by cause", "bold"))
        rows = Table.grid(padding=(0, 2))
        for _ in range(3):
            rows.add_column(justify="left" if rows.columns else "right")
        ordered = sorted(causes.items(), key=lambda one: (one[0] not in symptoms, -one[1], one[0]))
        for name, times in ordered:
            rows.add_row(str(times), name, Text(symptoms.get(name, ""), _style("quiet")))
        self._print(Padding(rows, (0, 0, 0, 2)))
        if len(report.sources) > MAX_DETAIL:
            self._filtered(*report.sources)

    def skipped(self, report: Report) -> None:
        """Print what could not be read, and, more quietly, what is plainly no log."""
        if report.sources and report.skipped:
            self._console.print()
        wrong = [one for one in report.skipped if not one.minor]
        for one in wrong[:MAX_SKIPPED]:
            self._left_out(one, "warning")
        if len(wrong) > MAX_SKIPPED:
            more = len(wrong) - MAX_SKIPPED
            self._wrap(f"skipped {more} more (--format json lists them)", 0, "warning")
        minor = [one for one in report.skipped if one.minor]
        if len(minor) <= MAX_DETAIL or self._look.verbose:
            for one in minor:
                self._left_out(one, "quiet")
            return
        reasons = Counter(one.reason for one in minor).most_common(MAX_DETAIL)
        told = ", ".join(f"{times} × {reason}" for reason, times in reasons)
        self._wrap(
            f"skipped {len(minor)} files that are no logs: {told} (-v lists them)", 0, "quiet"
        )

    def _left_out(self, one: Skipped, style: str) -> None:
        text = f"skipped {one_line(one.source)}: {one_line(one.reason)}"
        self._hang(Text(text, _style(style)), 0, 2)

    # --- helpers -------------------------------------------------------------------------------

    def _print(self, what: Text | Padding) -> None:
        self._console.print(what)

    def _wrap(self, text: str, indent: int = 0, style: str | None = None) -> None:
        self._print(
            Padding(Text(one_line(text), _style(style) if style else ""), (0, 0, 0, indent))
        )

    def _hang(self, text: Text, indent: int, hang: int) -> None:
        """Print text whose further lines are indented by `hang` more."""
        width = max(20, self._console.width - indent - hang)
        first = text.wrap(self._console, width, overflow="fold")
        for number, line in enumerate(first):
            line.rstrip()
            self._print(Padding(line, (0, 0, 0, indent + (hang if number else 0))))


def _debug_off(source: SourceReport) -> Diagnosis | None:
    """Return that the room's lines were not printed; where one session printed them, they were."""
    if source.visibility.debug:
        return None
    off = (d for d in source.diagnoses if _of_the_log(d) and d.verdict == "fires")
    return next(off, None)


def _of_the_log(one: Diagnosis) -> bool:
    """Say whether a row is about what the log can show, and not about how a session went."""
    return one.id == _DEBUG_OFF


def _told_under(one: Diagnosis, source: SourceReport) -> str | None:
    """Return the diagnosis that a consequence is told under; without a root, whatever explains it."""
    if one.because_of or one.root or one.verdict != "fires":
        return one.because_of
    mine = [d for d in source.diagnoses if d.session == one.session and d.verdict == "fires"]
    if any(d.root for d in mine):
        return None
    return next((d.id for d in mine if one.id in d.explains and d.rank < one.rank), None)


def _quote(text: str) -> str:
    """Return a line of the log; one that was cut ends at a word."""
    shown = one_line(plain(text))
    if shown.endswith("…") and (end := shown.rfind(" ", len(shown) // 2)) > 0:
        return f"{shown[:end].rstrip()} …"
    return shown


def _decided(step: ChecklistStep) -> bool:
    return step.verdict != "unknown"


def _about_network(session: Session) -> bool:
    """Say whether a session did not connect and stay so, or something stood in its way."""
    return session.outcome != "connected" or any(
        step.verdict == "disproven" for step in session.checklist[:5]
    )


def _labelled() -> Table:
    """Return a grid with a column of labels."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True, style=_style("quiet"), min_width=6)
    rows.add_column()
    return rows


def _numbered(number: int, step: str, total: int) -> Text | Table:
    if total == 1:
        return Text(step)
    line = Table.grid(padding=(0, 1))
    line.add_column(no_wrap=True)
    line.add_column()
    line.add_row(f"{number}.", Text(step))
    return line


def _style(name: str) -> str:
    return _COLOURS[name]
