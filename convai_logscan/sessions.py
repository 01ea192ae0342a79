"""Which run, which conversation and which connect attempt an event belongs to.

In: events, in file order. Out: `Said` steps: an event with its session and attempt, an attempt that
ended, a session that ended. On the way the session's own facts are collected (ids, outcome, timeline)
and evidence that names no host is given the peer that was in flight when a connect failed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TypeGuard

from msgspec import Struct, field
from msgspec.structs import replace

from convai_logscan.events import (
    CODES,
    AudioEvent,
    BootInit,
    BrowserPage,
    CharacterReady,
    ClientRefusal,
    CompileError,
    ConnectAttempt,
    Connected,
    ConnectFailed,
    ConnectGiveup,
    ConnectOk,
    ConnectRequest,
    CredentialsMissing,
    Curl,
    DisconnectRequested,
    Dropped,
    Endpoint,
    EngineStart,
    Entry,
    Event,
    ExceptionRaised,
    IceEvidence,
    IdleWarning,
    Interaction,
    JoinFallback,
    Latency,
    LinkState,
    LivekitTest,
    LkConnected,
    LkConnectFailed,
    LkDial,
    LkJs,
    LkRust,
    MicEvent,
    Package,
    PackageError,
    PipelineError,
    PlayMode,
    Reason,
    ReconnectFailed,
    Reconnecting,
    ReconnectOk,
    RestFailed,
    RoomDetails,
    RoomDisconnected,
    RoomInitOutcome,
    Said,
    SessionEnded,
    SessionError,
    SessionTransition,
    SignalEvidence,
    Speech,
    StartupError,
    StartupTimeout,
    StoredSession,
    UnclassifiedConnect,
    UnexpectedDrop,
    UnityBuild,
    UnityDate,
    UnityHeader,
    UnityOs,
    UsageLimit,
    V3Event,
)
from convai_logscan.model import Anchor, Moment, RoomToken, Session, Spread, TokenClaims, Where

MAX_TIMELINE = 40
MAX_HOSTS = 8  # hosts whose failures before a session are remembered
MAX_EARLY = 16  # events of a connect that are kept before its first line of the SDK
_UNDECIDED = frozenset(["starting", "waiting", "initializing"])  # requests that name no room
_LOBBY = 0  # the number of "no session"
_PROGRESS = (
    LinkState, ConnectOk, CharacterReady, SessionTransition, Speech, Interaction, MicEvent, AudioEvent,
    Reconnecting, ReconnectOk, UsageLimit, PipelineError, IdleWarning,
)  # fmt: skip
# Lines that stand among those of a conversation and are not part of it.
_NEIGHBOURS = (
    Curl, ExceptionRaised, Package, PackageError, CompileError, UnityHeader, UnityOs, UnityBuild, UnityDate,
)  # fmt: skip


class _Live(Struct):
    """A session as it runs."""

    facts: Session
    names: set[str] = field(default_factory=set)
    correlations: set[str] = field(default_factory=set)
    rooms: set[str] = field(default_factory=set)
    opened: bool = False  # a connect or bootstrap event was seen
    page_told: bool = False  # it knows which page it runs on
    machine_told: bool = False  # it knows what failed on this machine before it
    drop_told: bool = False  # the SDK has said that this connection was lost
    ended: bool = False
    attempt: int = 0
    numbered: bool = False  # the attempt has its own line with a number
    result: bool = False  # the attempt has succeeded or failed
    details: bool = False  # the attempt's room details were seen or follow from something
    dialled: bool = False
    joined: bool = False
    ready: bool = False
    status: str = "none"  # none connected failed dropped
    reconnecting: bool = False
    leaving: bool = False  # the disconnect was asked for
    resuming: bool = False  # the lost room is being joined again
    failure: tuple[str, Where] | None = None  # which peer failed last, and where
    rest_failed: bool = False
    signal_failed: bool = False
    join: Where | None = None
    told: set[str] = field(default_factory=set)  # kinds of event of this attempt
    printed_code: bool = (
        False  # the error code stands in the log, and is not our reading of a status
    )


class Sessions:
    """Follows the conversations of one source."""

    def __init__(self, claims: Mapping[str, TokenClaims], livekit_test: str | None = None) -> None:
        """Take the claims of the room tokens by placeholder, and what the user's own test said."""
        self._claims = claims
        self._livekit_test = livekit_test
        self._live: list[_Live] = []  # open sessions, most recently active last
        self._next = 1
        self._page: BrowserPage | None = None  # printed by the loader, before any session
        self._machine: dict[str, Reason] = {}  # by host: what failed before any session
        self._waiting: deque[Event] = deque(maxlen=8)  # evidence without a peer
        self._early: deque[Event] = deque()  # of a connect whose first lines were not printed
        self._asked: list[ConnectRequest] = []  # after a loss: for a new room or the lost one?
        self.done: list[Session] = []

    def feed(self, event: Event) -> Iterator[Said]:
        """Take one event; yield what it means, in order."""
        if self._may_resume(event):
            self._asked.append(event)
            return
        yield from self._decide(event)
        yield from self._take(event)

    def _may_resume(self, event: Event) -> TypeGuard[ConnectRequest]:
        """Say whether a connect is asked for after a loss, and only what follows tells which."""
        lost = bool(self._live) and self._live[-1].status == "dropped"
        return lost and isinstance(event, ConnectRequest) and event.kind in _UNDECIDED

    def _decide(self, event: Event | None) -> Iterator[Said]:
        """Hand on the connect requests that waited: a lost room is resumed, or a session begins."""
        asked, self._asked = self._asked, []
        if asked and _resumes(event):
            self._live[-1].resuming = True
        for one in asked:
            yield from self._take(one)

    def _take(self, event: Event) -> Iterator[Said]:
        if isinstance(event, (EngineStart, PlayMode)) or (
            # `Built from …` stands in the same header as the line that starts the run.
            isinstance(event, UnityHeader) and "Built from" not in event.where.text
        ):
            yield from self._close_all()
            yield from self._let_go()
            if not isinstance(event, PlayMode):
                self._machine.clear()
            yield Said("event", _LOBBY, 0, event)
            return
        if isinstance(event, (BootInit, ConnectRequest, ConnectAttempt)):
            yield from self._open_for(event)
        live = self._choose(event)
        if live is None:
            if isinstance(event, BrowserPage):
                self._page = event
                return
            if event.where.speaker != "convai" and not isinstance(event, RoomDetails):
                if _may_be_early(event):
                    yield from self._let_go(MAX_EARLY - 1)
                    self._early.append(event)
                    return
                self._remember(event)
                yield Said("event", _LOBBY, 0, event)
                return
            live = self._open(event)
            yield from self._begun_unseen(live, event)
        elif self._begins_anew(live, event):
            yield from self._close(live)
            live = self._open(event)
        yield from self._let_go()
        yield from self._in(live, event)

    def _begun_unseen(self, live: _Live, event: Event) -> Iterator[Said]:
        """Give a failure that opens its session what was said just before it.

        Where only warnings and errors are shown, LiveKit and the browser speak before the SDK.
        """
        if _failed_peer(live, event) is None:
            return
        near = [one for one in self._early if one.where.near(event.where)]
        if not near:
            return
        self._early = deque(one for one in self._early if one not in near)
        yield from self._let_go()
        yield from self._attempt(live, event)
        live.facts.first_line = near[0].where.line
        for one in near:
            yield from self._in(live, one)

    def _let_go(self, kept: int = 0) -> Iterator[Said]:
        """Hand on the oldest of what was said before any session, as part of none."""
        while len(self._early) > kept:
            yield Said("event", _LOBBY, 0, self._early.popleft())

    def finish(self) -> Iterator[Said]:
        """End every session that is still open."""
        yield from self._decide(None)
        yield from self._let_go()
        yield from self._close_all()

    def _remember(self, event: Event) -> None:
        """Keep what this machine could not reach: a session that fails later may fail for it."""
        if isinstance(event, Reason) and event.peer == "other" and event.host:
            self._machine.pop(event.host, None)
            self._machine[event.host] = event
            if len(self._machine) > MAX_HOSTS:
                del self._machine[next(iter(self._machine))]

    # --- opening and closing -------------------------------------------------------------------

    def _open(self, event: Event) -> _Live:
        line = event.where.line
        live = _Live(Session(self._next, line, line))
        self._next += 1
        self._live.append(live)
        return live

    def _close_all(self) -> Iterator[Said]:
        for live in list(self._live):
            yield from self._close(live)
        self._waiting.clear()

    def _close(self, live: _Live) -> Iterator[Said]:
        facts = live.facts
        if self._livekit_test:
            where = live.join or Where(
                facts.last_line,
                facts.last_line,
                None,
                f"LiveKit connection test: {self._livekit_test}",
                "other",
            )
            where = replace(
                where,
                line=facts.last_line,
                text=f"LiveKit connection test: {self._livekit_test} (your answer)",
            )
            test = LivekitTest(where=where, result=self._livekit_test)
            yield Said("event", facts.number, live.attempt, test)
        yield Said("attempt_end", facts.number, live.attempt)
        lost = live.reconnecting and live.status == "connected"
        outcomes = {
            "none": "unknown",
            "connected": "connected",
            "failed": "failed",
            "dropped": "dropped",
        }
        facts.outcome = "dropped" if lost else outcomes[live.status]  # type: ignore[assignment] # the four words
        self._live.remove(live)
        self.done.append(facts)
        yield Said("session_end", facts.number, live.attempt)

    def _open_for(self, event: Event) -> Iterator[Said]:
        """Open a session for a bootstrap or connect event where it begins one."""
        if isinstance(event, BootInit):
            if not (len(self._live) == 1 and not self._live[0].opened):
                yield from self._close_all()
            if not self._live:
                self._open(event)
            return
        own = self._named_by(event)
        current = own or (self._live[-1] if self._live else None)
        if current is not None and current.status == "dropped" and not current.ended:
            current.resuming = current.resuming or _resumes(event)
            if not current.resuming:
                yield from self._close(current)
                self._open(event)
                return
        if own is not None and not own.ended:
            self._touch(own)
            return
        if current is not None and not current.ended:
            if getattr(event, "character", None) and self._taken(current, event):
                self._open(event)
            return
        for live in [one for one in self._live if one.ended]:
            yield from self._close(live)
        self._open(event)

    def _named_by(self, event: Event) -> _Live | None:
        """Return the session a connect line speaks of, where it says so or only one can be meant."""
        character = getattr(event, "character", None)
        own = self._correlated(event) or (self._by_character(character) if character else None)
        if own is None and character and isinstance(event, ConnectAttempt):
            # A request gives the name, its attempt the id: the oldest request without an id.
            own = next((o for o in self._in_order() if o.names and not o.facts.character_id), None)
        return own

    def _correlated(self, event: Event) -> _Live | None:
        correlation = event.where.correlation
        return next((o for o in self._live if correlation and correlation in o.correlations), None)

    def _in_order(self) -> list[_Live]:
        """Return the sessions that have not ended, the oldest first."""
        return sorted((o for o in self._live if not o.ended), key=lambda o: o.facts.number)

    def _taken(self, live: _Live, event: Event) -> bool:
        """Say whether a session already belongs to another character than the event's."""
        if isinstance(event, ConnectAttempt):
            return live.facts.character_id is not None and live.attempt > 0
        return bool(live.names) and live.attempt > 0

    def _begins_anew(self, live: _Live, event: Event) -> bool:
        """Say whether an ended session is over for good: the next connect speaks without opening."""
        if not live.ended or live.status == "none":
            return False
        if isinstance(event, RoomDetails) and not event.inferred:
            return event.session_id is None or event.session_id != live.facts.session_id
        return False

    # --- choosing ------------------------------------------------------------------------------

    def _choose(self, event: Event) -> _Live | None:
        if len(self._live) <= 1:
            return self._live[0] if self._live else None
        if correlated := self._correlated(event):
            return self._touch(correlated)
        for name in (getattr(event, "character", None), *event.where.tags[1:2]):
            if name and (found := self._by_character(name)):
                return self._touch(found)
        keys = [
            getattr(event, key, None)
            for key in ("room", "room_name", "session_id", "character_session_id")
        ]
        for live in self._live:
            if any(key and key in live.rooms for key in keys):
                return self._touch(live)
        waiting = self._waiting_for(event)
        if waiting is None and isinstance(event, _PROGRESS) and not _becomes(event, "Error"):
            # What works is said of a conversation that goes on, not of one that has ended.
            waiting = next((o for o in reversed(self._live) if not o.ended), None)
        return self._touch(waiting) if waiting else self._live[-1]

    def _waiting_for(self, event: Event) -> _Live | None:
        """Return the session that has waited longest for such a line."""
        by_number = self._in_order()
        asking = [o for o in by_number if o.attempt and not o.details and not o.rest_failed]
        if isinstance(event, RoomInitOutcome) and self._live[-1].rest_failed:
            return self._live[-1]  # it says again what has just failed
        if isinstance(event, (RoomDetails, RestFailed, RoomInitOutcome, UnclassifiedConnect)):
            return next(iter(asking), None)
        if isinstance(event, Endpoint):
            answered = [o for o in by_number if o.details and not o.dialled]
            return next(iter(answered + asking), None)
        if isinstance(event, (LkConnected, LkConnectFailed, LkRust, LkJs, LkDial, Reason)):
            return next((o for o in by_number if o.details and not o.joined), None)
        if isinstance(event, CharacterReady) or _becomes(event, "Connected"):
            return next((o for o in by_number if o.joined and not o.ready), None)
        if _becomes(event, "Error") or isinstance(
            event, (ConnectFailed, SessionError, ConnectGiveup)
        ):
            return next(
                (o for o in by_number if o.status == "failed" or o.rest_failed or o.signal_failed),
                None,
            )
        return None

    def _by_character(self, name: str) -> _Live | None:
        return next(
            (o for o in reversed(self._live) if o.facts.character_id == name or name in o.names),
            None,
        )

    def _touch(self, live: _Live) -> _Live:
        if self._live[-1] is not live:
            self._live.remove(live)
            self._live.append(live)
        return live

    # --- inside a session ----------------------------------------------------------------------

    def _in(self, live: _Live, event: Event) -> Iterator[Said]:
        facts = live.facts
        if event.where.correlation:
            live.correlations.add(event.where.correlation)
        if self._page and not live.page_told:
            live.page_told = True
            yield Said("event", facts.number, live.attempt, self._page)
        if not live.machine_told:
            live.machine_told = True
            for reason in self._machine.values():
                yield Said("event", facts.number, live.attempt, reason)
        if event.where.quoted and event.kind_name in live.told:
            return
        if isinstance(event, Entry):  # it begins, ends and fails nothing
            facts.last_line = max(facts.last_line, event.where.last_line)
            self._collect(live, event)
            yield Said("event", facts.number, live.attempt, event)
            return
        yield from self._attempt(live, event)
        live.told.add(event.kind_name)
        if isinstance(event, Reason) and event.peer in {"unknown", "other"}:
            resolved = self._resolve(live, event)
            if resolved is None:
                self._waiting.append(event)
                return
            event = resolved
        if not isinstance(event, _NEIGHBOURS) and getattr(event, "peer", None) != "other":
            facts.last_line = max(facts.last_line, event.where.last_line)
        if isinstance(event, UnexpectedDrop):
            if live.drop_told:
                return  # the SDK prints one line as it begins to clean up, and one when it is done
            live.drop_told = True
        yield from self._imply(live, event)
        self._collect(live, event)
        yield Said("event", facts.number, live.attempt, event)
        yield from self._state(live, event)
        self._moment(live, event)
        yield from self._release(live, event)

    def _attempt(self, live: _Live, event: Event) -> Iterator[Said]:
        """Begin a new attempt where the event says so."""
        if isinstance(event, (BootInit, ConnectRequest, ConnectAttempt)) and not live.opened:
            live.facts.first_line = event.where.line
            live.opened = True
        starts = False
        if isinstance(event, ConnectAttempt):
            starts = live.attempt == 0 or live.numbered or live.result
        elif isinstance(event, ConnectRequest):
            starts = live.attempt == 0 or (live.result and event.kind != "waiting")
        elif isinstance(event, V3Event) and event.kind == "session_start":
            starts = live.attempt == 0 or live.result
        elif isinstance(
            event,
            (
                RestFailed,
                UnclassifiedConnect,
                RoomInitOutcome,
                RoomDetails,
                Endpoint,
                LkConnectFailed,
                ConnectFailed,
                LkConnected,
            ),
        ):
            starts = live.attempt == 0 and not (
                isinstance(event, ConnectFailed) and event.kind != "room"
            )
            if starts and not live.opened:
                live.opened = True
                live.facts.first_line = event.where.line
        if starts:
            if live.attempt:
                yield Said("attempt_end", live.facts.number, live.attempt)
            live.attempt += 1
            live.facts.attempts = live.attempt
            live.result = live.details = live.dialled = live.joined = live.ready = False
            live.rest_failed = live.signal_failed = live.numbered = live.leaving = False
            live.told.clear()
        if isinstance(event, ConnectAttempt):
            live.numbered = True

    def _imply(self, live: _Live, event: Event) -> Iterator[Said]:
        """Say that the connect was answered where only its consequence is printed."""
        if isinstance(event, RoomDetails):
            live.details = True
            return
        consequence = (
            isinstance(event, (Endpoint, LkConnected))
            or (isinstance(event, (IceEvidence, SignalEvidence)) and event.peer != "other")
            or (isinstance(event, LkDial) and not _is_convai(event.host))
            or (
                isinstance(event, LkRust)
                and event.kind not in {"other", "panic", "init_failed", "roots_missing"}
            )
            or (isinstance(event, Reason) and event.peer == "livekit")
        )
        if consequence and not live.details and live.attempt and not live.rest_failed:
            live.details = True
            implied = RoomDetails(where=event.where, inferred=True)
            yield Said("event", live.facts.number, live.attempt, implied)

    def _resolve(self, live: _Live, event: Reason) -> Reason | None:
        """Return evidence with its peer, or None while nobody can tell."""
        if event.host and live.facts.room_url and event.host in live.facts.room_url:
            return replace(event, peer="livekit")
        if event.peer == "other":
            return event
        if live.failure and live.failure[1].near(event.where):
            return replace(event, peer=live.failure[0])
        return None

    def _release(self, live: _Live, event: Event) -> Iterator[Said]:
        """Hand on the evidence that waited for this failure."""
        peer = _failed_peer(live, event)
        if peer is None:
            return
        live.failure = (peer, event.where)
        waiting = [one for one in self._waiting if one.where.near(event.where)]
        self._waiting.clear()
        for one in waiting:
            if isinstance(one, Reason):
                known = replace(one, peer=peer)
                yield from self._imply(live, known)
                yield Said("event", live.facts.number, live.attempt, known)

    def _state(self, live: _Live, event: Event) -> Iterator[Said]:
        """Follow success, failure, loss and end."""
        if (
            isinstance(event, (LkConnected, ConnectOk, ReconnectOk))
            or (isinstance(event, SessionTransition) and event.to_state == "Connected")
            or (isinstance(event, LkRust) and event.kind == "recovered")
            or (isinstance(event, V3Event) and event.kind == "session_ok")
            or (
                isinstance(event, CharacterReady)
                and live.status != "connected"
                and event.kind == "published"
            )
        ):
            yield from self._connected(live, event)
        elif isinstance(event, (Reconnecting,)) or (
            isinstance(event, SessionTransition) and event.to_state == "Reconnecting"
        ):
            if not live.reconnecting:
                live.reconnecting = True
                live.facts.reconnects += 1
        elif (
            isinstance(event, (UnexpectedDrop, ReconnectFailed))
            or (isinstance(event, (LkRust, LkJs)) and event.kind == "gave_up")
            or (isinstance(event, RoomDisconnected) and not live.leaving)
            or (
                live.status == "connected"
                and isinstance(event, SessionError)
                and event.code.startswith("transport.")
                and "SessionMetrics" in event.where.tags  # printed on a change of state only
            )
            or (
                isinstance(event, SessionTransition)
                and event.from_state in {"Connected", "Reconnecting"}
                and event.to_state in {"Disconnected", "Error"}
            )
        ):
            if live.status == "connected":
                live.status = "dropped"
                live.result = True
                live.reconnecting = False
                dropped = Dropped(where=event.where)
                yield Said("event", live.facts.number, live.attempt, dropped)
        elif isinstance(event, (DisconnectRequested, SessionEnded)):
            live.leaving = True
            live.ended = True
        elif isinstance(event, ConnectGiveup):
            live.result = True
            live.ended = True
            self._failed(live)
        elif _is_failure(event):
            live.result = live.result or not isinstance(event, (UnclassifiedConnect, SessionError))
            self._failed(live)
        if isinstance(event, RestFailed):
            live.rest_failed = True
        if isinstance(event, Endpoint):
            live.dialled = True
        if isinstance(event, CharacterReady) or _becomes(event, "Connected"):
            live.ready = True
        if isinstance(event, LkConnectFailed):
            live.signal_failed = True

    def _failed(self, live: _Live) -> None:
        if live.status in {"none", "failed"}:
            live.status = "failed"

    def _connected(self, live: _Live, event: Event) -> Iterator[Said]:
        if isinstance(event, LkConnected):
            live.joined = True
        again = live.status != "connected" or live.reconnecting
        live.reconnecting = live.resuming = live.drop_told = False
        if isinstance(event, (ConnectOk, V3Event)):
            live.result = True
        if live.join is None:
            live.join = event.where
        live.status = "connected"
        if again:
            yield Said("event", live.facts.number, live.attempt, Connected(where=event.where))

    def _collect(self, live: _Live, event: Event) -> None:
        """Keep the ids and codes that support needs."""
        facts = live.facts
        if isinstance(event, RoomDetails):
            for key in (
                "room_name",
                "room_url",
                "session_id",
                "character_session_id",
                "request_trace_id",
            ):
                value = getattr(event, key)
                if value:
                    setattr(facts, key, value)
                    live.rooms.add(value)
            if event.token in self._claims:
                facts.claims = self._claims[str(event.token)]
                facts.joined = None
        elif isinstance(event, ConnectAttempt) and event.character:
            facts.character_id = event.character
        elif isinstance(event, ConnectRequest) and event.character:
            live.names.add(event.character)
        elif isinstance(event, StoredSession):
            facts.character_session_id = event.character_session_id
            facts.character_id = facts.character_id or event.character
        elif isinstance(event, Interaction):
            facts.character_session_id = event.character_session_id or facts.character_session_id
        elif isinstance(event, Endpoint) and event.host and facts.room_url is None:
            facts.room_url = event.host
        elif (
            isinstance(event, (LkConnected, Reconnecting))
            and event.room
            and event.room.lower() != "unknown"
        ):
            facts.room_name = facts.room_name or event.room
            live.rooms.add(event.room)
        elif isinstance(event, CharacterReady) and event.character:
            facts.character_id = facts.character_id or event.character
        elif isinstance(event, Latency):
            for part, value in event.parts():
                facts.latency.setdefault(part, Spread()).add(value)
        if event.where.tags[:1] == ("ConvaiCharacter",) and len(event.where.tags) > 1:
            live.names.add(event.where.tags[1])
        if isinstance(event, (Endpoint, LkDial, LkConnected, LkConnectFailed)):
            facts.joined = facts.joined or event.where.stamp
        code = getattr(event, "code", None)
        if isinstance(code, str) and code in CODES and not live.printed_code:
            live.printed_code = not isinstance(event, RestFailed)
            if live.printed_code or facts.error_code is None:
                facts.error_code = code
        status = getattr(event, "status", None)
        if status and isinstance(event, (RestFailed, RoomInitOutcome, UnclassifiedConnect)):
            facts.http_status = status

    def _moment(self, live: _Live, event: Event) -> None:
        timeline = live.facts.timeline
        if event.phase is None or getattr(event, "peer", None) == "other":
            return
        name = event.kind_name
        if timeline and (timeline[-1].event == name or timeline[-1].line == event.where.line):
            return
        if isinstance(event, (Speech, Interaction)) and any(m.event == name for m in timeline):
            return  # the first word is enough
        if len(timeline) >= MAX_TIMELINE:
            del timeline[MAX_TIMELINE // 2]  # how it began and how it ended are told in any case
        stamp = event.where.stamp
        timeline.append(
            Moment(event.where.line, stamp.printed if stamp else None, event.phase, name, stamp)
        )


def room_token(session: Session, anchor: Anchor | None) -> RoomToken | None:
    """Say what may be said of a session's token; `expired` only by a clock that is not the token's own."""
    claims, joined = session.claims, session.joined
    if claims is None:
        return None
    at = joined.seconds if joined and joined.clock == "utc" else None
    if joined and joined.clock == "local" and anchor and anchor.told_by != "room token":
        at = anchor.offset + joined.seconds
    expired = None if at is None or claims.expires_at is None else at > claims.expires_at
    return RoomToken(
        _iso(claims.issued_at), _iso(claims.not_before), _iso(claims.expires_at), claims.room, expired
    )  # fmt: skip


def _iso(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return None


def _may_be_early(event: Event) -> bool:
    """Say whether a line of no session may be of a connect that the SDK has not spoken of yet."""
    if isinstance(event, Reason):
        return event.peer != "other"
    return isinstance(event, (LkRust, LkJs, LkDial))


def _becomes(event: Event, state: str) -> bool:
    return isinstance(event, SessionTransition) and event.to_state == state


def _resumes(event: Event | None) -> bool:
    """Say whether a connect asks for the room that was there before."""
    if isinstance(event, ConnectAttempt):
        return event.mode in {"join", "rejoin"}
    return isinstance(event, ConnectRequest) and event.kind == "rejoin"


def _is_convai(host: str | None) -> bool:
    return host is not None and host.endswith("convai.com")


_V3_FAILURES = ("session_failed", "key_format", "unavailable", "http1", "denied")
_CONVAI_CODES = ("connection.network_error", "connection.timeout", "connection.failed")


def _failed_peer(live: _Live, event: Event) -> str | None:
    """Return which peer a failure line says could not be reached, None where it says neither."""
    if isinstance(event, RestFailed):
        return "convai" if event.status is None and event.kind != "refused" else None
    if isinstance(event, UnclassifiedConnect):
        return "convai" if event.status == 0 else None
    if isinstance(event, LkConnectFailed):
        return "livekit"
    if isinstance(event, ConnectFailed) and event.kind == "transport":
        return "livekit"
    if isinstance(event, SessionError):
        if event.code.startswith("transport."):
            return "livekit"
        if event.code in _CONVAI_CODES and not live.details:
            return "convai"
    return None


def _is_failure(event: Event) -> bool:
    if isinstance(event, SessionError):
        return event.code.startswith(("config.", "connection.", "transport.", "session.token"))
    if isinstance(event, SessionTransition):
        return event.to_state == "Error"
    if isinstance(event, V3Event):
        return event.where.speaker == "convai" and event.kind in _V3_FAILURES
    if isinstance(event, ConnectFailed):
        return event.kind in {"room", "transport", "attempt", "character", "coordinator"}
    return isinstance(
        event,
        (
            RestFailed,
            RoomInitOutcome,
            UnclassifiedConnect,
            LkConnectFailed,
            JoinFallback,
            StartupError,
            StartupTimeout,
            CredentialsMissing,
            ClientRefusal,
        ),
    )
