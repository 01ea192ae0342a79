"""The parse tables of a grammar, walked: what Lark accepts, without what Lark costs to start.

In: `Tables`, read off a grammar that Lark has compiled, and a text. Out: its `Form`, or None. The
lexer is Lark's contextual one: in every state the terminals that it allows are tried in Lark's order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from convai_logscan import anchors

END = "$END"
_KEY = 3  # characters by which terminals are found


class Form(Struct, frozen=True):
    """A recognised message: the kind of event and its fields, as text."""

    kind: str
    fields: dict[str, str]
    end: int = 0  # for searched forms: where the form's text begins in the searched text


class Terminal(Struct, frozen=True):
    """What one token looks like."""

    name: str
    text: str | None  # None: the pattern says it
    pattern: re.Pattern[str] | None
    leads: tuple[str, ...]  # every match begins with one of these; none: not known
    unless: dict[str, str]  # matches that are another token where that is allowed


class Reduction(Struct, frozen=True):
    """What becomes of the children of a rule."""

    origin: str
    size: int
    keep: tuple[bool | None, ...]  # of each child: kept, None: its own children, False: dropped
    lifts: bool  # an only child takes the rule's place
    splices: bool  # the children go into the parent
    name: str  # of the field, or of the kind of event
    kind: bool
    word: str  # what the field `kind` of the event holds


class Tables(Struct, frozen=True):
    """A grammar, compiled: states are numbers, an action from 0 on is a shift, below 0 a reduction."""

    starts: dict[str, tuple[int, int]]  # first and last state
    openings: dict[str, tuple[str, ...]]  # of the rules that are searched: how their texts begin
    actions: list[dict[str, int]]
    tries: list[tuple[int, ...]]  # by state: its terminals in order
    terminals: list[Terminal]
    reductions: list[Reduction]


class Walker:
    """Walks the tables of one grammar."""

    def __init__(self, tables: Tables) -> None:
        """Take the tables; what a state needs is prepared when it is first entered."""
        self._tables = tables
        self._lexers: dict[int, _Lexer] = {}
        self._openings = {
            start: anchors.leftmost_longest(texts) for start, texts in tables.openings.items()
        }

    def parse(self, start: str, text: str) -> Form | None:
        """Return the form of the whole `text`, or None."""
        actions, reductions = self._tables.actions, self._tables.reductions
        first, last = self._tables.starts[start]
        states = [first]
        values: list[Any] = []
        at, size = 0, len(text)
        while True:
            token, behind = self._token(states[-1], text, at) if at < size else (END, at)
            while True:
                action = actions[states[-1]].get(token)
                if action is None:
                    return None
                if action >= 0:
                    states.append(action)
                    values.append(text[at:behind])
                    at = behind
                    break
                rule = reductions[~action]
                children = values[len(values) - rule.size :]
                if rule.size:
                    del values[-rule.size :], states[-rule.size :]
                values.append(_made(rule, children))
                states.append(actions[states[-1]][rule.origin])
                if token == END and states[-1] == last:
                    return values[-1] if isinstance(values[-1], Form) else None

    def search(self, start: str, text: str) -> Iterator[Form]:
        """Yield the forms of a search rule that stand anywhere in `text`, left to right."""
        for at in self._openings[start](text):
            form = self.parse(start, text[at:])
            if form is not None:
                yield Form(form.kind, form.fields, at)

    def _token(self, state: int, text: str, at: int) -> tuple[str, int]:
        lexer = self._lexers.get(state)
        if lexer is None:
            lexer = self._lexers[state] = _Lexer(self._tables, state)
        return lexer.token(text, at)


class _Lexer:
    """The terminals of one state, by how they begin."""

    def __init__(self, tables: Tables, state: int) -> None:
        self._terminals = tables.terminals
        self._allowed = tables.actions[state]
        self._by_key: dict[str, list[int]] = defaultdict(list)
        self._always: list[int] = []
        order = {number: place for place, number in enumerate(tables.tries[state])}
        for number in order:
            leads = self._terminals[number].leads
            if leads and min(map(len, leads)) >= _KEY:
                for key in {lead[:_KEY] for lead in leads}:
                    self._by_key[key].append(number)
            else:
                self._always.append(number)
        for numbers in self._by_key.values():
            numbers.extend(self._always)
            numbers.sort(key=order.__getitem__)

    def token(self, text: str, at: int) -> tuple[str, int]:
        for number in self._by_key.get(text[at : at + _KEY], self._always):
            terminal = self._terminals[number]
            if terminal.text is not None:
                if text.startswith(terminal.text, at):
                    return terminal.name, at + len(terminal.text)
            elif terminal.pattern and (found := terminal.pattern.match(text, at)):
                other = terminal.unless.get(found[0])
                return other if other in self._allowed else terminal.name, found.end()
        return "", at  # no action is for it


def _made(rule: Reduction, children: list[Any]) -> Any:  # noqa: ANN401 (a Form, a pair, or parts)
    """Return what a rule makes of its children: a form, a named field, or the children alone."""
    kept: list[Any] = []
    for keep, child in zip(rule.keep, children, strict=True):
        if keep is None:
            kept += child
        elif keep:
            kept.append(child)
    if rule.lifts and len(kept) == 1:
        return kept[0]
    if rule.splices:
        return kept
    if rule.kind:
        fields: dict[str, str] = dict(child for child in kept if isinstance(child, tuple))
        return Form(rule.name, {**fields, "kind": rule.word} if rule.word else fields)
    form = next((child for child in kept if isinstance(child, Form)), None)
    return form or (rule.name, "".join(str(child) for child in kept))
