"""Which rows of the table a session meets, and which of them is the cause.

In: the steps of the sessions stage. Out: diagnoses. One slot a row, step and key, and deadlines on a
heap, so that memory does not grow with the log. A row fires, stays silent, or is inconclusive
because an absence that is its evidence could not have been seen.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterator
from itertools import count

from msgspec import Struct, field

from convai_logscan.asked import Asked, Move, asked
from convai_logscan.events import (
    KINDS,
    AuthTokenError,
    ClientRefusal,
    ConnectFailed,
    ConnectGiveup,
    CredentialsMissing,
    Event,
    LkConnectFailed,
    Reason,
    RestFailed,
    RoomDetails,
    RoomInitOutcome,
    Said,
    SessionError,
    SessionTransition,
    StartupError,
    StartupTimeout,
    UnclassifiedConnect,
)
from convai_logscan.model import (
    CONFIDENCES,
    FEATURE_RANKS,
    SEVERITIES,
    TEXT_LIMIT,
    WRAPPER_RANK,
    Confidence,
    Diagnosis,
    Evidence,
    Severity,
    Stamp,
    Where,
)
from convai_logscan.rules import Chain, Operand, Row, Span, Step, Table

DEBUG_ADVICE = (
    "Convai lines of level Debug: in Edit > Project Settings > Convai SDK > Diagnostics set "
    "the Transport category to Debug, use the Editor or a Development Build, and run again."
)
MAX_EVIDENCE = 5
MAX_MET = 2000  # texts of one row that are remembered as explained
MAX_SLOTS = 64  # pending starts of one step with different join values
# It works after all: the session connected, the microphone opened, the player was heard.
RECOVERY = frozenset(["connected", "character_ready", "mic_event", "audio_event", "speech"])
DEFAULT_LINES = 2000  # stands for a window in seconds where there is no clock

# How an attempt fails: it can do so once, in however many lines.
_ONCE = (
    RestFailed, RoomInitOutcome, UnclassifiedConnect, LkConnectFailed, ConnectFailed, ConnectGiveup,
    SessionError, SessionTransition, ClientRefusal, StartupError, StartupTimeout,
    CredentialsMissing, AuthTokenError,
)  # fmt: skip

_Key = tuple[object, ...]


class _Partial(Struct):
    """A chain on its way: the events that met its steps so far.

    The latest event of a step decides, because it lies nearest to what is still missing; the first
    one is shown as evidence.
    """

    events: tuple[Event, ...]
    bound: dict[str, Event]
    attempt: int
    shown: tuple[Event, ...] = ()

    def with_more(self, *events: Event, bound: dict[str, Event] | None = None) -> _Partial:
        """Return the chain with the events of its next step."""
        return _Partial(
            (*self.events, *events), self.bound if bound is None else bound, self.attempt,
            (*self.shown, *events),
        )  # fmt: skip


class _Hit(Struct):
    """A completed match; `absent` says that an absence is part of the evidence."""

    chain: int
    events: tuple[Event, ...]
    shown: tuple[Event, ...]
    attempt: int
    absent: tuple[Operand, ...] = ()
    cut: bool = False  # the log ended before the wait for the absence was over
    times: int = 1  # matches that this one stands for


class _Wait(Struct):
    """A match that waits for something not to come."""

    hit: _Hit
    step: Step
    bound: dict[str, Event]
    over: bool = False


class _Count(Struct):
    """The latest occurrences of a counted step."""

    events: list[Event] = field(default_factory=list)


class _Chain(Struct):
    """One chain of one row in one session."""

    row: Row
    number: int
    chain: Chain
    slots: dict[tuple[int, _Key], _Partial] = field(default_factory=dict)
    counts: dict[tuple[int, _Key], _Count] = field(default_factory=dict)
    parts: dict[tuple[int, _Key], dict[int, Event]] = field(default_factory=dict)
    absent_at: dict[tuple[int, int], Event] = field(default_factory=dict)
    excluded: set[int] = field(default_factory=set)
    held: dict[int, list[_Hit]] = field(default_factory=dict)
    waits: list[_Wait] = field(default_factory=list)
    furthest: tuple[int, _Partial] | None = None  # the last step that was met, for `explain`
    ended_by: Event | None = None


class Progress(Struct, frozen=True):
    """How far one chain of a row got in one session."""

    session: int
    chain: int
    steps: tuple[tuple[str, Evidence | None], ...]  # each step as written, and the line that met it
    ended_by: Evidence | None  # what excluded or cancelled the match
    fired: bool


class _Tally(Struct):
    """How often something was found, and where last."""

    times: int
    last: Where


class _Found(Struct):
    """What a row has found in one session."""

    row: Row
    hits: dict[tuple[int, int, str], _Tally] = field(default_factory=dict)  # attempt, chain, kind
    evidence: dict[tuple[int, int], Event] = field(default_factory=dict)  # chain, step: first event
    first: _Hit | None = None
    weight: int = len(CONFIDENCES) - 1  # the best of its matches, an index of CONFIDENCES
    last_line: int = 0
    attempts: set[int] = field(default_factory=set)
    absent: tuple[Operand, ...] = ()
    seen_plainly: bool = False  # some hit needed no absence
    cut: bool = False


class _Room:
    """Everything about one session: its chains, what they found, what could be seen."""

    def __init__(self, number: int, asked: Asked, watch: str | None = None) -> None:
        self.number = number
        self.asked = asked
        # By place among the links; a chain that nothing has moved yet is not there, unless watched.
        self.chains: dict[int, _Chain] = {}
        for place, link in enumerate(asked.links):
            if link.row.id == watch:
                self.chain(place)
        self.met: dict[str, set[str]] = defaultdict(set)  # by row: lines that met one of its steps
        # Of each row, the latest of what speaks against it: a match may be decided after it.
        self.seen_against: dict[str, deque[Event]] = defaultdict(lambda: deque(maxlen=MAX_SLOTS))
        self.found: dict[str, _Found] = {}
        self.debug = self.transport_debug = self.livekit_native = False
        self.by_line: list[tuple[int, int, _Chain, _Wait]] = []
        self.by_time: dict[str, list[tuple[float, int, _Chain, _Wait]]] = defaultdict(list)

    def chain(self, place: int) -> _Chain:
        """Return the state of a chain."""
        if place not in self.chains:
            link = self.asked.links[place]
            self.chains[place] = _Chain(link.row, link.number, link.chain)
        return self.chains[place]


class Diagnoser:
    """Follows the rows through the sessions of one source."""

    def __init__(self, table: Table, watch: str | None = None) -> None:
        """Take the loaded table; `watch` is a row whose progress is kept."""
        self._watch = watch
        self.progress: list[Progress] = []
        self._asked, of_source = asked(table, "session"), asked(table, "source")
        self._source = _Room(0, of_source, watch)
        self._rooms: dict[int, _Room] = {0: _Room(0, self._asked, watch)}
        self._order = count()
        self.diagnoses: list[Diagnosis] = []
        self.used: set[str] = set()  # texts that a firing row rests on
        self.truncated = False
        self._lines: int | None = None  # of the whole source, once its end is known

    def source_ends(self, lines: int) -> None:
        """Take the number of lines: what ends from here on ends because the source does."""
        self._lines = lines

    def feed(self, said: Said) -> None:
        """Take one step of the sessions stage."""
        room = self._rooms.get(said.session)
        if room is None:
            room = self._rooms[said.session] = _Room(said.session, self._asked, self._watch)
        if said.what == "event" and said.event is not None:
            self._event(room, said.event, said.attempt)
            self._event(self._source, said.event, 0)
        elif said.what == "attempt_end":
            self._end_attempt(room, said.attempt)
        elif said.what == "session_end":
            self._end_session(room)
            del self._rooms[said.session]

    def finish(self) -> list[Diagnosis]:
        """End everything at the end of the source and return the diagnoses, causes decided."""
        for room in (*self._rooms.values(), self._source):
            self._end_attempt(room, 0)
            self._end_session(room)
        _decide_roots(self.diagnoses)
        self.diagnoses.sort(key=_order)
        return self.diagnoses

    # --- one event -----------------------------------------------------------------------------

    def _event(self, room: _Room, event: Event, attempt: int) -> None:
        where = event.where
        if where.speaker == "convai" and where.level in {"Debug", "Trace"}:
            room.debug = True
            room.transport_debug = room.transport_debug or where.category == "Transport"
        room.livekit_native = room.livekit_native or event.kind_name == "lk_rust"
        self._expire(room, where.line, where.stamp)
        answer = room.asked.of(event)
        for move in answer.moves:
            chain = room.chain(move.place)
            self._advance(room, chain, event, attempt, move)
            if move.meets and where.speaker != "other":
                met = room.met[chain.row.id]
                if len(met) < MAX_MET:
                    met.add(where.text)
        for row in answer.against:
            room.seen_against[row].append(event)

    def _advance(self, room: _Room, one: _Chain, event: Event, attempt: int, move: Move) -> None:
        chain = one.chain
        scope = attempt if chain.scope == "attempt" else 0
        if move.without:
            one.excluded.add(attempt)
            one.held.pop(attempt, None)
            one.ended_by = event
        for wait in one.waits:
            if not wait.over and wait.step.operand.accepts(event, wait.bound):
                wait.over = True
                one.ended_by = event
        if one.waits:
            one.waits = [wait for wait in one.waits if not wait.over]
        if move.between:
            self._forget(one, event)
        # Last step first, so that one event never meets two steps in a row.
        for index in move.steps:
            step = chain.steps[index]
            if step.kind == "absent":
                if step.operand.accepts(event, {}):
                    one.absent_at[index, scope] = event
                    for key in [k for k in one.slots if k[0] == index - 1]:
                        if step.operand.accepts(event, one.slots[key].bound):
                            del one.slots[key]
                continue
            for partial in self._before(one, index, scope, event):
                advanced = self._meet(one, index, step, partial, event, scope)
                if advanced is not None:
                    self._reached(room, one, index, advanced, attempt)

    def _forget(self, one: _Chain, event: Event) -> None:
        """Drop the slots whose next step may not come behind this event."""
        for key in list(one.slots):
            step = one.chain.steps[key[0]]
            if any(operand.accepts(event, one.slots[key].bound) for operand in step.between):
                del one.slots[key]
                one.ended_by = event

    def _before(self, one: _Chain, index: int, scope: int, event: Event) -> Iterator[_Partial]:
        """Yield the partial matches that this step would continue."""
        steps = one.chain.steps
        previous = index - 1
        while previous >= 0 and steps[previous].kind == "absent":
            seen = one.absent_at.get((previous, scope))
            if seen is not None and previous == 0 and _inside(steps[previous].span, seen, event):
                return
            previous -= 1
        if previous < 0:
            yield _Partial((), {}, scope)
            return
        for key, partial in list(one.slots.items()):
            if key[0] != previous or partial.attempt != scope:
                continue
            if one.chain.span and not _inside(one.chain.span, partial.events[0], event):
                del one.slots[key]
                continue
            yield partial

    def _meet(
        self, one: _Chain, index: int, step: Step, partial: _Partial, event: Event, scope: int
    ) -> _Partial | None:
        """Return the partial match with this event, or None."""
        if step.operand.all_of:
            fits = [n for n, o in enumerate(step.operand.all_of) if o.accepts(event, partial.bound)]
            if not fits:
                return None
            key = (index, (scope, *_joined(partial)))
            parts = one.parts.setdefault(key, {})
            # The newest of each part dominates: it lies nearer to what is still missing.
            parts[next((n for n in fits if n not in parts), fits[0])] = event
            if len(parts) < len(step.operand.all_of):
                return None
            events = tuple(sorted(parts.values(), key=lambda e: e.where.line))
            if one.chain.span and not _inside(one.chain.span, (*partial.events, *events)[0], event):
                return None
            del one.parts[key]
            return partial.with_more(*events)
        atom = step.operand.accepts(event, partial.bound)
        if atom is None:
            return None
        bound = {**partial.bound, atom.bind: event} if atom.bind else partial.bound
        if step.kind == "counted":
            key = (index, (scope, *_joined(partial)))
            seen = one.counts.setdefault(key, _Count())
            seen.events.append(event)
            while step.span and not _inside(step.span, seen.events[0], event):
                seen.events.pop(0)
            if len(seen.events) < step.count:
                return None
            first = seen.events[0]
            seen.events.clear()
            return partial.with_more(first, event, bound=bound)
        return partial.with_more(event, bound=bound)

    def _reached(
        self, room: _Room, one: _Chain, index: int, partial: _Partial, attempt: int
    ) -> None:
        """Store a partial match, or finish the chain."""
        steps = one.chain.steps
        if one.furthest is None or index >= one.furthest[0]:
            one.furthest = (index, partial)
        rest = steps[index + 1 :]
        if any(step.kind != "absent" for step in rest):
            key = (index, (partial.attempt, *_joined(partial)))
            if key in one.slots:
                partial.shown = one.slots[key].shown
            elif len(one.slots) >= MAX_SLOTS:
                same_step = [k for k in one.slots if k[0] == index]
                if len(same_step) >= MAX_SLOTS:
                    del one.slots[same_step[0]]
            one.slots[key] = partial
            return
        absent = tuple(step.operand for step in steps if step.kind == "absent")
        first = partial.shown[0]
        near = one.chain.span is None or _inside(one.chain.span, first, partial.events[-1])
        shown = partial.shown if near else partial.events
        hit = _Hit(one.number, partial.events, shown, attempt, absent)
        if rest:
            self._wait(room, one, _Wait(hit, rest[0], partial.bound))
        elif one.chain.without:
            if attempt not in one.excluded:
                _hold(one, attempt, hit)
        else:
            self._spend(one, partial, index)
            self._hit(room, one.row, hit)

    def _spend(self, one: _Chain, partial: _Partial, index: int) -> None:
        """Forget what led to a definite match: its steps are counted once."""
        own = _joined(partial)
        for key in list(one.slots):
            begun = _joined(one.slots[key])
            if (
                key[0] < index
                and one.slots[key].attempt == partial.attempt
                and set(begun) <= set(own)
            ):
                del one.slots[key]

    # --- waiting -------------------------------------------------------------------------------

    def _wait(self, room: _Room, one: _Chain, wait: _Wait) -> None:
        one.waits.append(wait)
        span, last = wait.step.span, wait.hit.events[-1].where
        if span is None or span.session:
            return  # until the attempt or the session ends
        if span.seconds is not None and last.stamp:
            heap = room.by_time[last.stamp.clock]
            heapq.heappush(heap, (last.stamp.seconds + span.seconds, next(self._order), one, wait))
        else:
            lines = span.lines if span.lines is not None else DEFAULT_LINES
            heapq.heappush(room.by_line, (last.line + lines, next(self._order), one, wait))

    def _expire(self, room: _Room, line: int, stamp: Stamp | None) -> None:
        """Let the waits fire whose deadline lies strictly before this moment."""
        while room.by_line and room.by_line[0][0] < line:
            self._elapsed(room, *heapq.heappop(room.by_line)[2:])
        heap = room.by_time.get(stamp.clock) if stamp else None
        while heap and stamp and heap[0][0] < stamp.seconds:
            self._elapsed(room, *heapq.heappop(heap)[2:])

    def _elapsed(self, room: _Room, one: _Chain, wait: _Wait) -> None:
        if not wait.over:
            wait.over = True
            self._settle(room, one, wait.hit)

    def _settle(self, room: _Room, one: _Chain, hit: _Hit) -> None:
        """Count a match whose absence is decided, unless the attempt excludes it."""
        if one.chain.without:
            if hit.attempt not in one.excluded:
                _hold(one, hit.attempt, hit)
        else:
            self._hit(room, one.row, hit)

    def _end_attempt(self, room: _Room, attempt: int) -> None:
        for one in room.chains.values():
            if not (one.waits or one.held or one.slots or one.counts or one.parts):
                continue
            for wait in one.waits:
                if (
                    wait.step.span is None
                    and wait.hit.attempt == attempt
                    and one.chain.scope == "attempt"
                ):
                    wait.over = True
                    self._settle(room, one, wait.hit)
            one.waits = [wait for wait in one.waits if not wait.over]
            if one.chain.scope == "session":
                continue
            for hit in one.held.pop(attempt, ()):
                self._hit(room, one.row, hit)
            for key in [k for k, partial in one.slots.items() if partial.attempt == attempt]:
                del one.slots[key]
            one.counts = {k: v for k, v in one.counts.items() if k[1][0] != attempt}
            one.parts = {k: v for k, v in one.parts.items() if k[1][0] != attempt}

    def _end_session(self, room: _Room) -> None:
        """Decide what is left."""
        for one in room.chains.values():
            for wait in one.waits:
                if wait.over:
                    continue
                span, last = wait.step.span, wait.hit.events[-1].where
                if self._lines is not None and span and not span.session:
                    allowed = span.lines if span.lines is not None else DEFAULT_LINES
                    wait.hit.cut = last.line + allowed >= self._lines
                    self.truncated = self.truncated or wait.hit.cut
                self._settle(room, one, wait.hit)
            excluded = one.excluded if one.chain.scope == "session" else set()
            for hits in one.held.values():
                for hit in hits:
                    if not excluded:
                        self._hit(room, one.row, hit)
        for one in room.chains.values():
            if one.row.id == self._watch:
                self._watched(room, one)
        for found in room.found.values():
            self._conclude(room, found)

    def _watched(self, room: _Room, one: _Chain) -> None:
        """Keep how far a chain got."""
        found = room.found.get(one.row.id)
        fired = found is not None and any(chain == one.number for _, chain, _ in found.hits)
        if found is not None and fired:  # the lines that the report names
            places = sorted(place for place in found.evidence if place[0] == one.number)
            met = [found.evidence[place] for place in places]
        else:
            met = list(one.furthest[1].shown) if one.furthest else []
        steps: list[tuple[str, Evidence | None]] = []
        for step in one.chain.steps:
            if step.kind == "absent":
                steps.append((step.text, None))
                continue
            size = 2 if step.kind == "counted" else max(1, len(step.operand.all_of))
            steps.append((step.text, _evidence(met[0]) if met else None))
            met = met[size:]
        ended = _evidence(one.ended_by) if one.ended_by and not fired else None
        self.progress.append(Progress(room.number, one.number, tuple(steps), ended, fired))

    # --- what was found ------------------------------------------------------------------------

    def _hit(self, room: _Room, row: Row, hit: _Hit) -> None:
        found = room.found.setdefault(row.id, _Found(row))
        chain, last = row.chains[hit.chain], hit.events[-1]
        whole = chain.scope == "session" and bool(chain.without)  # a statement about all of it
        key = (hit.attempt, hit.chain, last.kind_name)
        tally = found.hits.setdefault(key, _Tally(0, last.where))
        if not tally.times or not (whole or _same_failure(tally.last, last)):
            tally.times += 1 if whole else hit.times
        tally.last = last.where
        for number, event in enumerate(hit.shown):
            found.evidence.setdefault((hit.chain, number), event)
        if found.first is None or hit.events[0].where.line < found.first.events[0].where.line:
            found.first = hit
        found.weight = min(found.weight, _weight(hit))
        found.last_line = max(found.last_line, hit.events[-1].where.line)
        found.attempts.add(hit.attempt)
        found.cut = found.cut or hit.cut
        if hit.absent:
            found.absent = hit.absent
        else:
            found.seen_plainly = True

    def _conclude(self, room: _Room, found: _Found) -> None:
        row, first = found.row, found.first
        if first is None:
            return
        missing = [] if found.seen_plainly else self._missing(room, found)
        self.used |= room.met[row.id]
        severity: Severity = row.severity
        confidence = self._confidence(found)
        seen = room.seen_against.get(row.id, ())
        against = next((event for event in seen if event.where.line >= found.last_line), None)
        recovered = against is not None and against.kind_name in RECOVERY
        if recovered:
            severity = SEVERITIES[max(SEVERITIES.index(severity), SEVERITIES.index("warning"))]
            confidence = "low"
        self.diagnoses.append(
            Diagnosis(
                id=row.id, severity=severity, confidence="low" if missing else confidence,
                verdict="inconclusive" if missing else "fires", session=room.number or None,
                times=_times(found), symptom=row.symptom, cause=row.cause, fix=row.fix,
                verify=row.verify, docs=row.docs, rank=row.rank,
                evidence=_lines(list(found.evidence.values())),
                against=(_evidence(against),) if against else (),
                missing=tuple(missing), attempts=frozenset(found.attempts), explains=row.explains,
                recovered=recovered,
            )
        )  # fmt: skip

    def _missing(self, room: _Room, found: _Found) -> list[str]:
        """Return what would settle an absence that could not have been seen."""
        missing: list[str] = []
        transport = any(
            KINDS[name].transport for operand in found.absent for name in operand.events()
        )
        wanted = bool(found.row.needs) or found.row.chains[0].steps[0].kind == "absent"
        if wanted and "livekit_native" in found.row.needs and not room.livekit_native:
            missing.append(
                "The native LiveKit lines: they are printed by SDK versions from 4.2 on."
            )
        if wanted and not (room.transport_debug if transport else room.debug):
            missing.append(DEBUG_ADVICE)
        if found.cut:
            missing.append("The rest of the log: it ends before the wait for this line was over.")
        return missing

    def _confidence(self, found: _Found) -> Confidence:
        weight = found.weight if found.seen_plainly else CONFIDENCES.index("low")
        return CONFIDENCES[max(CONFIDENCES.index(found.row.confidence), weight)]


def _weight(hit: _Hit) -> int:
    """Return how far a match carries, as an index of CONFIDENCES: by the line that completes it."""
    weight = CONFIDENCES.index(hit.events[-1].weight)
    if any(isinstance(event, RoomDetails) and event.inferred for event in hit.events):
        weight = max(weight, CONFIDENCES.index("medium"))
    return weight


def _hold(one: _Chain, attempt: int, hit: _Hit) -> None:
    """Keep a match until its attempt is over; of very many the first ones and the last."""
    held = one.held.setdefault(attempt, [])
    if len(held) == MAX_SLOTS:
        hit.times += held.pop().times
    held.append(hit)


def _joined(partial: _Partial) -> tuple[object, ...]:
    """Return what keeps matches of one step apart: the events that later steps may refer to."""
    return tuple(sorted((name, event.where.line) for name, event in partial.bound.items()))


def _inside(span: Span | None, start: Event, end: Event) -> bool:
    """Say whether two events lie within a span: by time on a shared clock, else by lines."""
    if span is None or span.session:
        return True
    one, other = start.where.stamp, end.where.stamp
    if span.seconds is not None and one and other and one.clock == other.clock:
        return abs(other.seconds - one.seconds) <= span.seconds
    lines = (
        span.lines
        if span.lines is not None
        else (DEFAULT_LINES if span.seconds is not None else None)
    )
    return lines is None or end.where.line - start.where.line <= lines


def _same_failure(before: Where, event: Event) -> bool:
    """Say whether a line tells once more what the one before it of its kind has told."""
    if isinstance(event, _ONCE):
        return True
    if isinstance(event, Reason):
        return before.near(event.where)  # each layer repeats the reason of the one below
    return before.line == event.where.line


def _times(found: _Found) -> int:
    """Count matches; in one attempt, different lines about the same failure are one."""
    best: dict[int, int] = defaultdict(int)
    for (attempt, _, _), tally in found.hits.items():
        best[attempt] = max(best[attempt], tally.times)
    return sum(best.values())


def _evidence(event: Event) -> Evidence:
    return Evidence(event.where.line, event.kind_name, quoted(event.where.text))


def quoted(text: str) -> str:
    """Return a line short enough for a report."""
    text = text.strip()
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def _lines(events: list[Event]) -> tuple[Evidence, ...]:
    """Return the first evidence of each line, in file order, at most five."""
    by_line: dict[int, Evidence] = {}
    for event in sorted(events, key=lambda e: e.where.line):
        by_line[event.where.line] = _evidence(event)
    return tuple(by_line.values())[:MAX_EVIDENCE]


def _order(one: Diagnosis) -> tuple[object, ...]:
    return (
        one.verdict == "inconclusive",
        not one.root,
        SEVERITIES.index(one.severity),
        one.first_line,
        one.id,
    )


def _decide_roots(diagnoses: list[Diagnosis]) -> None:
    """Find the causes in each session, and fold under them what follows from them."""
    by_session: dict[int | None, list[Diagnosis]] = defaultdict(list)
    for one in diagnoses:
        if one.verdict == "fires":
            by_session[one.session].append(one)
    whole: list[Diagnosis] = []  # the causes that stand outside of sessions
    for session in sorted(by_session, key=lambda number: number or 0):
        firing = by_session[session]
        roots: list[Diagnosis] = []
        failing = [one for one in firing if _fails(one)]
        only_features = all(map(_beside, failing))
        # A broken feature explains no lost connection: it comes last, behind the wrappers too.
        for one in sorted(failing, key=lambda d: (_beside(d), d.rank, d.first_line, d.id)):
            root = next((r for r in roots if one.id in r.explains or _same_attempt(r, one)), None)
            if root is None:
                root = next(
                    (r for r in whole if one.id in r.explains and r.first_line <= one.first_line),
                    None,
                )
            if root is not None:
                one.because_of = root.id
            elif one.rank < WRAPPER_RANK and (only_features or not _beside(one)):
                one.root = True
                roots.append(one)
        # A warning is never a cause, and belongs to one only where the cause names it.
        for one in firing:
            if not _fails(one) and not one.recovered:
                one.because_of = next((r.id for r in roots if one.id in r.explains), None)
        if session is None:
            whole = roots


def _fails(one: Diagnosis) -> bool:
    return one.severity in {"fatal", "error"} and not one.recovered


def _beside(one: Diagnosis) -> bool:
    """Say whether it is about a feature beside the conversation, and stops no session."""
    return one.rank in FEATURE_RANKS and not one.explains


def _same_attempt(one: Diagnosis, other: Diagnosis) -> bool:
    """Say whether two failures stand in one attempt; what lies outside of sessions has none."""
    return one.session is not None and bool(one.attempts & other.attempts)
