"""The nouns every room shares: marks, records, sessions, rows, diagnoses, reports.

Nothing here holds a secret: text has passed the redactor before it gets into any of these.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from msgspec import Struct, field

Severity = Literal["fatal", "error", "warning", "info"]
Confidence = Literal["high", "medium", "low"]
Verdict = Literal["fires", "inconclusive"]
Outcome = Literal["connected", "failed", "dropped", "unknown"]
StepVerdict = Literal["proven", "disproven", "unknown"]

SEVERITIES: tuple[Severity, ...] = ("fatal", "error", "warning", "info")
CONFIDENCES: tuple[Confidence, ...] = ("high", "medium", "low")
# Rows from this rank on only say that something else failed; they are never a root.
WRAPPER_RANK = 2000
# Rows of these ranks say that a feature beside the conversation is broken.
FEATURE_RANKS = range(1100, 1200)
TEXT_LIMIT = 400
NEAR_LINES = 80  # how far from a failure a line may stand and still be about it
NEAR_SECONDS = 5.0
LIVEKIT = "LiveKit: "  # how the native LiveKit client begins its lines
V3_STACK = "[Stack Trace - Method: "  # how SDK version 3 ends its entries


class Mark(Struct, frozen=True):
    """A line where some form of the grammar could match, and where its bytes are."""

    line: int  # 1-based
    offset: int  # of the line's first byte, in the decoded source
    buffer: bytes | bytearray  # holds the line and what followed it, as far as it was read
    start: int  # of the line in the buffer
    end: int  # of what may be read in the buffer
    cut: bool = False  # the line was longer than the limit


class Stamp(Struct, frozen=True):
    """A moment as the log gives it; two stamps compare only on the same clock."""

    seconds: float  # epoch seconds on "utc", seconds since some midnight on "local"
    clock: Literal["utc", "local"]
    printed: str  # as printed, `HH:MM:SS.mmm`, or ISO 8601 for "utc"


Speaker = Literal["convai", "livekit", "other"]


class Record(Struct, frozen=True):
    """One log entry: what its envelope and header said, and the message without markup."""

    line: int  # 1-based, first line
    last_line: int
    end: int  # offset behind the record, in the decoded source
    quote: str  # the first line as it stands in the log, for the reader
    message: str  # after envelope, header and tags; several lines where the message has them
    frames: tuple[str, ...]  # exception heads and stack frames that follow the message
    speaker: Speaker
    stamp: Stamp | None
    level: str | None
    category: str | None
    tags: tuple[str, ...]
    correlation: str | None
    envelope: str
    open: bool  # the source ended before the record was complete


class Where(Struct, frozen=True):
    """Where and how an event was said."""

    line: int
    last_line: int
    stamp: Stamp | None
    text: str  # redacted first line of the record
    speaker: Speaker
    level: str | None = None
    category: str | None = None
    tags: tuple[str, ...] = ()
    correlation: str | None = None
    quoted: bool = False  # inside a line that only repeats a failure
    platform: str | None = None  # of the whole source, as its header and envelope tell

    def near(self, other: Where) -> bool:
        """Say whether two lines are about the same moment: by a shared clock, else by distance."""
        one, two = self.stamp, other.stamp
        if one and two and one.clock == two.clock:
            return abs(one.seconds - two.seconds) <= NEAR_SECONDS
        return abs(self.line - other.line) <= NEAR_LINES


class TokenClaims(Struct, frozen=True):
    """The four facts that outlive a room token."""

    issued_at: int | None  # epoch seconds
    not_before: int | None
    expires_at: int | None
    room: str | None


class Evidence(Struct, frozen=True):
    """A line that speaks for or against a diagnosis."""

    line: int
    event: str
    text: str


class Diagnosis(Struct):
    """One row of the table, said about one session (or about the whole source)."""

    id: str
    severity: Severity
    confidence: Confidence
    verdict: Verdict
    session: int | None
    times: int
    symptom: str
    cause: str
    fix: tuple[str, ...]
    verify: str
    docs: str
    rank: int
    evidence: tuple[Evidence, ...]
    against: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()
    attempts: frozenset[int] = frozenset()
    explains: tuple[str, ...] = ()
    recovered: bool = False
    root: bool = False
    because_of: str | None = None

    @property
    def first_line(self) -> int:
        """Return the line of the first evidence, or 0."""
        return self.evidence[0].line if self.evidence else 0


class Anchor(Struct, frozen=True):
    """What turns the source's local clock into UTC, and what told it."""

    offset: float  # epoch seconds where the local clock shows 0
    told_by: str  # "##utp", "Date" or "room token"


class Moment(Struct, frozen=True):
    """A step of a session's timeline."""

    line: int
    time: str | None
    phase: str
    event: str
    stamp: Stamp | None = None


class Spread(Struct):
    """Times of one kind, in milliseconds: how many, the worst, and the latest for the median."""

    times: int = 0
    worst: float = 0.0
    latest: deque[float] = field(default_factory=lambda: deque(maxlen=1000))

    def add(self, value: float) -> None:
        """Take one time."""
        self.times += 1
        self.worst = max(self.worst, value)
        self.latest.append(value)

    @property
    def median(self) -> float:
        """Return the median of the latest thousand times."""
        from statistics import median  # a slow import that only few reports need

        return median(self.latest)


class Session(Struct):
    """One character's conversation, from connect to its end."""

    number: int
    first_line: int
    last_line: int
    outcome: Outcome = "unknown"
    attempts: int = 0
    reconnects: int = 0
    character_id: str | None = None
    room_url: str | None = None
    room_name: str | None = None
    session_id: str | None = None
    character_session_id: str | None = None
    request_trace_id: str | None = None
    error_code: str | None = None
    http_status: int | None = None
    room_token: RoomToken | None = None
    claims: TokenClaims | None = None  # of the last room token
    joined: Stamp | None = None  # when that token was used
    timeline: list[Moment] = field(default_factory=list)
    # Not in the JSON report:
    latency: dict[str, Spread] = field(default_factory=dict)  # by part
    checklist: list[ChecklistStep] = field(default_factory=list)  # as if the log held no other


class RoomToken(Struct, frozen=True):
    """What a report says about a session's room token; never the token."""

    issued_at: str | None
    not_before: str | None
    expires_at: str | None
    room: str | None
    expired: bool | None


class ChecklistStep(Struct, frozen=True):
    """One step of the firewall checklist."""

    step: int
    verdict: StepVerdict
    why: str
    line: int | None


class Unexplained(Struct, frozen=True):
    """A warning or error of a Convai or LiveKit speaker that no row used."""

    text: str
    times: int
    line: int


class Facts(Struct):
    """What the log says about itself."""

    unity: str | None = None
    sdk: str | None = None
    platform: str | None = None
    os: str | None = None
    build: str | None = None


class Visibility(Struct):
    """What this log could have shown at all."""

    convai: bool = False
    debug: bool = False
    livekit_native: bool = False
    truncated: bool = False


class SourceReport(Struct):
    """Everything found in one source."""

    name: str
    kind: str
    encoding: str
    bytes: int
    facts: Facts
    visibility: Visibility
    sessions: list[Session]
    diagnoses: list[Diagnosis]
    checklist: list[ChecklistStep]
    unexplained: list[Unexplained]
    redactions: dict[str, int]
    anchor: Anchor | None = None
    # By option of the command line, what the report was told not to show; not in the JSON report:
    left_out: dict[str, list[Diagnosis]] = field(default_factory=dict)

    def unshown(self) -> list[Diagnosis]:
        """Return what fires and was left out."""
        return [d for left in self.left_out.values() for d in left if d.verdict == "fires"]


class Skipped(Struct, frozen=True):
    """An input or a row that was left out, and why."""

    source: str
    reason: str
    minor: bool = False  # plainly no log, and met on the way: nothing is missing from the answer


class Report(Struct):
    """The answer to one call."""

    version: str
    table: str  # hash of the loaded table
    sources: list[SourceReport] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    interrupted: bool = False

    def counts(self) -> dict[str, int]:
        """Return how many diagnoses fire, by id, most frequent first."""
        found: dict[str, int] = {}
        for source in self.sources:
            for diagnosis in source.diagnoses:
                if diagnosis.verdict == "fires":
                    found[diagnosis.id] = found.get(diagnosis.id, 0) + 1
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def worst(self) -> Severity | None:
        """Return the worst severity that fires, or None."""
        firing = {d.severity for s in self.sources for d in s.diagnoses if d.verdict == "fires"}
        return next((severity for severity in SEVERITIES if severity in firing), None)
