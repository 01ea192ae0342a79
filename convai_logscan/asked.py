"""What the rows ask of an event: which chains it can move, decided once for all that say the same.

In: an event. Out: an `Answer`. Most events of most logs move nothing, and a log repeats itself: a
chain is touched only by what one of its atoms accepts. Comparisons with what an earlier step bound
are left to the engine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from operator import attrgetter

from msgspec import Struct, field

from convai_logscan import anchors
from convai_logscan.events import KINDS, Entry, Event, own_fields
from convai_logscan.rules import BETWEEN, WITHOUT, Atom, Chain, Row, Table

REMEMBERED = 4096  # answers that are kept for one kind of event

_Part = Callable[[Event], object]


class Link(Struct, frozen=True):
    """One chain of one row."""

    row: Row
    number: int  # among the chains of the row
    chain: Chain


class Move(Struct, frozen=True):
    """What an event can be to one chain, whatever earlier steps have bound."""

    place: int  # of the chain among the links
    steps: tuple[int, ...] = ()  # those it can meet, or whose absence it ends, the last one first
    between: bool = False  # it may not come between two of the steps
    without: bool = False  # it is what must not be in the attempt
    meets: bool = False  # it is what a step looks for


class Answer(Struct, frozen=True):
    """What an event is to the rows."""

    moves: tuple[Move, ...] = ()
    against: tuple[str, ...] = ()  # the rows it speaks against, by id


NOTHING = Answer()


class _Uses(Struct, frozen=True):
    """Where one atom stands."""

    moves: set[tuple[int, int]] = field(default_factory=set)  # the chain and its step
    meets: set[int] = field(default_factory=set)
    against: set[str] = field(default_factory=set)


class Asked:
    """The chains of some rows, and what they ask for."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """Take the rows; what they ask of a kind of event is read off when its first one comes."""
        rows = tuple(rows)
        self.links = tuple(
            Link(row, number, chain) for row in rows for number, chain in enumerate(row.chains)
        )
        self._uses: dict[str, dict[Atom, _Uses]] = defaultdict(
            lambda: defaultdict(_Uses)
        )  # by event
        for place, link in enumerate(self.links):
            for step, atom in link.chain.places():
                self._uses[atom.event][atom].moves.add((place, step))
            for atom in _sought(link.chain):
                self._uses[atom.event][atom].meets.add(place)
        for row in rows:
            for operand in row.against:
                for atom in operand.atoms:
                    self._uses[atom.event][atom].against.add(row.id)
        self._kinds: dict[type[Event], _Kind] = {}

    def of(self, event: Event) -> Answer:
        """Return what the event is to the rows."""
        kind = type(event)
        known = self._kinds.get(kind)
        if known is None:
            uses: dict[Atom, _Uses] = {}
            for name, one in KINDS.items():
                if issubclass(kind, one):
                    uses |= self._uses.get(name, {})
            known = self._kinds[kind] = (_Entries if kind is Entry else _Kind)(kind, uses)
        return known.of(event) if known.uses else NOTHING


@lru_cache(8)
def asked(table: Table, scope: str) -> Asked:
    """Return what the rows of one scope ask for; all sources of a call share it."""
    return Asked(row for row in table.rows.values() if row.scope == scope)


class _Kind:
    """What is asked of one kind of event; the same fields get the same answer."""

    def __init__(self, kind: type[Event], uses: dict[Atom, _Uses]) -> None:
        self.uses = uses
        self.open = [atom for atom in uses if not atom.words]
        fields = {test.field for atom in self.open for test in atom.tests}
        self._parts = list(_parts(kind, sorted(fields)))
        self._answers: dict[tuple[object, ...], Answer] = {}

    def of(self, event: Event) -> Answer:
        said = tuple([part(event) for part in self._parts])
        answer = self._answers.get(said)
        if answer is None:
            if len(self._answers) >= REMEMBERED:
                self._answers.clear()
            answer = self._answers[said] = self.decided(self.open, event)
        return answer

    def decided(self, atoms: Iterable[Atom], event: Event) -> Answer:
        moves: defaultdict[int, set[int]] = defaultdict(set)
        meets: set[int] = set()
        against: set[str] = set()
        for atom in atoms:
            if atom.may_accept(event):
                uses, accepted = self.uses[atom], atom.accepts(event, {})
                for place, step in uses.moves:
                    if accepted or step != WITHOUT:
                        moves[place].add(step)
                if accepted:
                    meets |= uses.meets
                    against |= uses.against
        return Answer(
            tuple(
                Move(
                    place, tuple(sorted((n for n in steps if n >= 0), reverse=True)),
                    BETWEEN in steps, WITHOUT in steps, place in meets,
                )
                for place, steps in sorted(moves.items())
            ),
            tuple(sorted(against)),
        )  # fmt: skip


class _Entries(_Kind):
    """Entries are of endless variety: one look at the message finds the atoms that ask for it."""

    def __init__(self, kind: type[Event], uses: dict[Atom, _Uses]) -> None:
        super().__init__(kind, uses)
        owners: dict[bytes, frozenset[Atom]] = {}
        for atom in uses:
            for word in atom.words:
                text = word.encode()
                owners[text] = owners.get(text, frozenset()) | {atom}
        self._wanting = anchors.owners_in(owners)

    def of(self, event: Event) -> Answer:
        message = getattr(event, "message", "").encode("utf-8", "surrogatepass")
        if wanting := self._wanting(message):
            return self.decided((*self.open, *wanting), event)
        return super().of(event)


def _sought(chain: Chain) -> Iterator[Atom]:
    """Yield the atoms of the steps that must be seen."""
    for step in chain.steps:
        if step.kind != "absent":
            yield from step.operand.every_atom()


def _parts(kind: type[Event], fields: Iterable[str]) -> Iterator[_Part]:
    """Yield what reads a field of an event, for those that it has."""
    own = own_fields(kind)
    for name in fields:
        if name == "tag":
            yield attrgetter("where.tags")
        elif name in own or isinstance(getattr(kind, name, None), property):
            yield attrgetter(name)
        elif name in {"level", "category", "text", "speaker", "platform"}:
            yield attrgetter(f"where.{name}")
