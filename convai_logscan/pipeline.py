"""The path, once, for one source: bytes, marks, records, redact, events, sessions, diagnoses, report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from convai_logscan import anchors, parser
from convai_logscan.checklist import Proofs
from convai_logscan.diagnose import Diagnoser, Progress
from convai_logscan.envelopes import CATEGORIES, plain
from convai_logscan.errors import ReportError
from convai_logscan.events import Event, Package, RoomDetails, Said
from convai_logscan.facts import HEAD, SelfDescription
from convai_logscan.late import late
from convai_logscan.marks import Marker
from convai_logscan.model import (
    Anchor,
    ChecklistStep,
    Diagnosis,
    Evidence,
    Moment,
    Record,
    Session,
    Skipped,
    SourceReport,
    Unexplained,
)
from convai_logscan.records import Framer, whole_lines
from convai_logscan.redact import Redactor
from convai_logscan.rules import Table
from convai_logscan.sessions import Sessions, room_token
from convai_logscan.sources import Source

# What a report shows of a session in the log's own words.
_SHOWN = (
    "character_id", "room_url", "room_name", "session_id", "character_session_id",
    "request_trace_id",
)  # fmt: skip


# How the JSON report begins, however it is indented.
_OWN_REPORT = late(
    rb'\s*\{\s*"schema"\s*:\s*\d+\s*,\s*"tool"\s*:\s*\{\s*"name"\s*:\s*"convai-logscan"'
)


# The header of a line of the SDK, with a category of its own and without tags.
_LABELS_NOTHING = late(
    r"(?:\[\d{1,2}:\d\d:\d\d[.,]\d{1,3}\] ?)?\[[A-Z][a-z]+\] ?\[(?:"
    + "|".join(sorted(CATEGORIES))
    + r")\]:? ?"
)

T = TypeVar("T")


class Settings(Struct, frozen=True):
    """What a scan is told beside its sources."""

    table: Table
    marks: bool = True
    kind: str | None = None
    livekit_test: str | None = None
    watch: str | None = None  # a row whose progress is kept, for `explain`
    ignored: frozenset[str] = frozenset()  # rows that the checklist says nothing of


def scan(source: Source, settings: Settings) -> tuple[SourceReport, list[Skipped]]:
    """Diagnose one source; raises SourceError when nothing of it could be read."""
    walk = _Walk(source, settings)
    for _ in walk.events():
        pass
    skipped: list[Skipped] = []
    if source.cut:
        skipped.append(Skipped(source.name, f"{source.cut}; what was read before is reported"))
    return walk.report(), skipped


def scan_text(text: str, settings: Settings) -> SourceReport:
    """Diagnose a text, as the examples of a row are."""
    return scan(Source("example", [text.encode("utf-8", "backslashreplace")]), settings)[0]


def watched(source: Source, settings: Settings) -> tuple[SourceReport, list[Progress]]:
    """Diagnose one source and return how far the watched row got in each session."""
    walk = _Walk(source, settings)
    for _ in walk.events():
        pass
    return walk.report(), walk.progress()


LONG = 2048  # bytes of a line that is read without a second thought


def _worth(rules: frozenset[str], line: bytes) -> bool:
    """Say whether a line that holds literals of these rules could become an event."""
    if parser.speaks(rules):
        return True
    return len(line) > LONG or any(parser.opens(rules, *piece) for piece in whole_lines(line))


KEPT, EACH = 1 << 22, 1 << 10  # bytes of records that are remembered, and of one beside its letters


class _Memory(Generic[T]):
    """What was made of records without secrets, as far as there is room: a log repeats itself."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], T] = {}
        self._bytes = 0
        self.get = self._known.get

    def keep(self, key: tuple[object, ...], value: T, letters: int) -> None:
        """Remember something that takes about so many letters."""
        self._bytes += EACH + letters
        if self._bytes > KEPT:
            self._known.clear()
            self._bytes = EACH + letters
        self._known[key] = value


class _Kept(Struct, frozen=True):
    """How a record was redacted, what that counted for, and how many values were known then."""

    message: str
    frames: tuple[str, ...]
    quote: str
    tags: tuple[str, ...]
    counts: Counter[str]
    known: int


class _Door:
    """Takes the secrets out of records: nothing behind it has seen one.

    A log repeats itself: the same record is redacted in the same way, until a value is learned.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._memory = _Memory[_Kept]()

    def redacted(self, record: Record) -> Record:
        """Return the record without secrets."""
        redactor = self._redactor
        key = (record.message, record.frames, record.quote, record.tags)
        kept = self._memory.get(key)
        if kept is None or kept.known != len(redactor.known) or redactor.open:
            before, was_open = dict(redactor.counts), redactor.open
            known = len(redactor.known)
            kept = self._anew(record)
            if redactor.counts != before:
                kept.counts.update(redactor.counts)
                kept.counts.subtract(before)
            # One that taught a value may be redacted in another way by who knows it.
            if not was_open and not redactor.open and kept.known == known:
                self._memory.keep(key, kept, 2 * _size(record))
        elif kept.counts:
            redactor.counts.update(kept.counts)
        return replace(
            record, message=kept.message, frames=kept.frames, quote=kept.quote, tags=kept.tags
        )

    def _anew(self, record: Record) -> _Kept:
        again, was_open, cut = self._redactor.again, self._redactor.open, self._redactor.cut
        clean = self._redactor.redact("\n".join((record.message, *record.frames)))
        lines = clean.split("\n")
        first = record.message.partition("\n")[0]
        before = record.quote.removesuffix(first)
        # The message goes without the rest of a value, a reader sees where that was.
        shown = cut + lines[0] if first != lines[0] and first.endswith(lines[0]) else lines[0]
        if not before or (before != record.quote and _LABELS_NOTHING.fullmatch(before)):
            quote = before + shown  # nothing that labels a secret stands before the message
        elif was_open and before != record.quote:
            quote = again(before) + shown  # by itself, the rest of a value is no secret to see
        else:
            quote = again(record.quote)
        size = record.message.count("\n") + 1
        tags = tuple(map(again, record.tags))
        known = len(self._redactor.known)
        return _Kept("\n".join(lines[:size]), tuple(lines[size:]), quote, tags, Counter(), known)


def _size(record: Record) -> int:
    return len(record.message) + len(record.quote) + sum(map(len, record.frames))


class _Ear:
    """Hears what records say; one that repeats says the same again."""

    def __init__(self) -> None:
        self._memory = _Memory[list[Event]]()

    def events(self, record: Record, platform: str | None) -> Iterator[Event]:
        """Yield the events of a record without secrets; `platform` is that of its source."""
        key = (
            record.message, record.frames, record.tags, record.speaker, record.level,
            record.category, record.envelope, platform,
        )  # fmt: skip
        heard = self._memory.get(key)
        if heard is None:
            heard = list(parser.events(record, platform))
            self._memory.keep(key, heard, _size(record))
            yield from heard
            return
        known = where = None
        for event in heard:
            if event.where is not known:
                known = event.where
                where = replace(
                    known, line=record.line, last_line=record.last_line, text=record.quote,
                    stamp=record.stamp, correlation=record.correlation,
                )  # fmt: skip
            yield replace(event, where=where)


class _Walk:
    """One source on its way through the stages."""

    def __init__(
        self, source: Source, settings: Settings, redactor: Redactor | None = None
    ) -> None:
        self._source = source
        self._settings = settings
        self._redactor = redactor or Redactor()
        self._door = _Door(self._redactor)
        self._ear = _Ear()
        self._marker = Marker(anchors.windows() if settings.marks else None, plain, _worth)
        self._about = SelfDescription()
        self._proofs: dict[int, Proofs] = {}  # by session
        self._sessions = Sessions(self._redactor.claims, settings.livekit_test)
        self._diagnoser = Diagnoser(settings.table, settings.watch)
        self._packages: dict[str, Package] = {}  # by name, as the last list has them
        self._open_record = False
        self.lines = 0

    def _blocks(self) -> Iterator[bytes]:
        blocks = self._source.text()
        head = b""
        for block in blocks:  # however small they come, the head is the same
            head += block
            if len(head) >= HEAD:
                break
        if _OWN_REPORT.match(head):
            hint = "scan the log that it was made from"
            raise ReportError(
                "this is a report of convai-logscan, not a log", self._source.name, hint
            )
        if head:
            self._about.head(head, self._settings.kind)
            self.lines = 1
            yield head
        yield from blocks

    def records(self) -> Iterator[Record]:
        """Yield every record, without secrets."""
        for record in Framer().records(self._marker.marks(self._blocks())):
            yield self._door.redacted(record)

    def events(self) -> Iterator[Event]:
        """Yield every event, feeding the later stages on the way."""
        for clean in self.records():
            self._about.record(clean)
            self._open_record = clean.open
            for event in self._ear.events(clean, self._about.facts.platform):
                self._about.event(event)
                if isinstance(event, RoomDetails) and event.token in self._redactor.claims:
                    self._token(event)
                if isinstance(event, Package) and event.kind == "registered":
                    self._packages[event.name] = event
                else:
                    self._tell(self._sessions.feed(event))
                yield event

    def _tell(self, story: Iterable[Said]) -> None:
        """Hand steps of the story to the stages that follow it."""
        for said in story:
            if said.event is not None and said.session:
                proofs = self._proofs.get(said.session)
                if proofs is None:
                    proofs = self._proofs[said.session] = Proofs()
                proofs.event(said.event)
            self._diagnoser.feed(said)

    def _token(self, event: RoomDetails) -> None:
        stamp = event.where.stamp
        if stamp and stamp.clock == "local":
            self._about.clocks.token(self._redactor.claims[str(event.token)], stamp)

    def progress(self) -> list[Progress]:
        """Return how far the watched row got; after `report`."""
        return [
            replace(
                one,
                steps=tuple((text, self._clean(met)) for text, met in one.steps),
                ended_by=self._clean(one.ended_by),
            )
            for one in self._diagnoser.progress
        ]

    def _clean(self, one: Evidence | None) -> Evidence | None:
        """Return a line without what only a later one gave away as a secret."""
        return replace(one, text=self._redactor.again(one.text)) if one else None

    def report(self) -> SourceReport:
        """Finish every stage and return what was found."""
        self.lines = self._marker.lines
        self._diagnoser.source_ends(self.lines)
        self._tell(self._sessions.finish())
        # A package counts as the last list has it, so its row is asked when no list can follow.
        self._tell(Said("event", 0, 0, package) for package in self._packages.values())
        diagnoses = self._diagnoser.finish()
        about = self._about
        about.finish()
        about.visibility.truncated = (
            self._diagnoser.truncated or self._open_record or self._source.cut is not None
        )
        sessions = sorted(self._sessions.done, key=lambda session: session.number)
        anchor = about.clocks.anchor()
        for session in sessions:
            session.room_token = room_token(session, anchor)
            if anchor:
                session.timeline = [_dated(moment, anchor) for moment in session.timeline]
        if not about.visibility.convai:
            # Only LiveKit lines that name a host of its cloud are about Convai at all.
            diagnoses = [
                d for d in diagnoses if any(".livekit.cloud" in e.text for e in d.evidence)
            ]
            for one in diagnoses:
                one.session = None
            sessions = []
        self._last_look(sessions, diagnoses)
        return SourceReport(
            name=self._source.name, kind=about.kind, encoding=self._source.encoding,
            bytes=self._source.bytes, facts=about.facts, visibility=about.visibility,
            sessions=sessions, diagnoses=diagnoses, checklist=self._checklist(sessions, diagnoses),
            unexplained=self._unexplained() if about.visibility.convai else [],
            redactions=dict(sorted(self._redactor.counts.items())),
            anchor=anchor,
        )  # fmt: skip

    def _checklist(
        self, sessions: list[Session], diagnoses: list[Diagnosis]
    ) -> list[ChecklistStep]:
        """Give each session its steps, and return those of the whole log."""
        told = [one for one in diagnoses if one.id not in self._settings.ignored]
        by_session: dict[int | None, list[Diagnosis]] = {}
        for one in told:
            by_session.setdefault(one.session, []).append(one)
        connected = {session.number for session in sessions if session.outcome == "connected"}
        for session in sessions:
            proofs = self._proofs.get(session.number, Proofs())
            mine = [*by_session.get(session.number, ()), *by_session.get(None, ())]
            failed = session.last_line if session.outcome == "failed" else None
            session.checklist = proofs.steps(mine, connected, failed)
        outcomes = {session.outcome for session in sessions}
        failed = sessions[-1].last_line if outcomes == {"failed"} else None
        return Proofs.of_all(self._proofs.values()).steps(told, connected, failed)

    def _last_look(self, sessions: list[Session], diagnoses: list[Diagnosis]) -> None:
        """Take out what only a later line gave away as a secret, and what a token's own claim holds."""
        again = self._redactor.again
        for session in sessions:
            for name in _SHOWN:
                setattr(session, name, again(getattr(session, name) or "") or None)
            token = session.room_token
            if token and token.room:
                session.room_token = replace(token, room=again(token.room))
        for one in diagnoses:
            one.evidence = tuple(filter(None, map(self._clean, one.evidence)))
            one.against = tuple(filter(None, map(self._clean, one.against)))

    def _unexplained(self) -> list[Unexplained]:
        left = self._about.unexplained(self._diagnoser.used)
        return [replace(one, text=self._redactor.again(one.text)) for one in left]


def _dated(moment: Moment, anchor: Anchor) -> Moment:
    """Return a moment of the local clock in UTC."""
    if moment.stamp is None or moment.stamp.clock != "local":
        return moment
    utc = datetime.fromtimestamp(anchor.offset + moment.stamp.seconds, UTC)
    return replace(moment, time=utc.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def events(source: Source, settings: Settings, redactor: Redactor | None = None) -> Iterator[Event]:
    """Yield the typed events of one source; `redactor` may know its secrets from a first reading."""
    yield from _Walk(source, settings, redactor).events()


def learn(source: Source, settings: Settings, redactor: Redactor) -> None:
    """Read a source for its secrets alone, so that they are known from its first line on."""
    for _ in _Walk(source, settings, redactor).records():
        pass
    redactor.close()


__all__: Sequence[str] = ["Settings", "events", "learn", "scan", "scan_text", "watched"]
