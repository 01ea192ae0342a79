"""What every text of a form must contain: the literals read off a compiled grammar.

In: a form's expansion, or a regular expression. Out: demands, each a set of literals of which one
stands in every text that is accepted. A form without any demand cannot be found, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from re import _constants as op  # the parser of `re` itself
from re import _parser as sre
from typing import Any

from lark.grammar import NonTerminal, Rule, Symbol
from lark.lexer import PatternStr, TerminalDef
from msgspec import Struct

Demand = frozenset[str]
MANY = 40  # spellings of one place that are written out


class Text(Struct, frozen=True):
    """Exactly this text."""

    text: str


class Row(Struct, frozen=True):
    """The parts one behind the other."""

    parts: tuple[Part, ...] = ()


class Choice(Struct, frozen=True):
    """One of the parts."""

    parts: tuple[Part, ...]


class Often(Struct, frozen=True):
    """The part once or more."""

    part: Part


class Ahead(Struct, frozen=True):
    """The part stands here, but what follows begins at the same place."""

    part: Part


class Anything(Struct, frozen=True):
    """Nothing is known."""


Part = Text | Row | Choice | Often | Ahead | Anything


def demands(
    expansion: Sequence[Symbol], rules: Sequence[Rule], terminals: dict[str, TerminalDef]
) -> list[Demand]:
    """Return what every text of a rule's expansion contains."""
    return _demands(_of_symbols(expansion, rules, terminals, frozenset()))


@cache
def in_pattern(pattern: str) -> frozenset[str]:
    """Return literals of which one stands in every match of a regular expression, if there are any."""
    return max(_demands(_of_pattern(sre.parse(pattern))), key=worth, default=frozenset())


def _of_symbols(
    expansion: Iterable[Symbol], rules: Sequence[Rule], terminals: dict[str, TerminalDef],
    busy: frozenset[str],
) -> Part:  # fmt: skip
    parts: list[Part] = []
    for symbol in expansion:
        if not isinstance(symbol, NonTerminal):
            pattern = terminals[symbol.name].pattern
            plain = isinstance(pattern, PatternStr)
            parts.append(Text(pattern.value) if plain else _of_pattern(sre.parse(pattern.value)))
        elif symbol.name in busy:
            parts.append(Anything())
        else:
            inner = busy | {symbol.name}
            own = (rule.expansion for rule in rules if rule.origin == symbol)
            parts.append(Choice(tuple(_of_symbols(e, rules, terminals, inner) for e in own)))
    return Row(tuple(parts))


def _of_pattern(items: Any) -> Part:  # noqa: ANN401 (the tree of `re`)
    return Row(tuple(_of_item(code, argument) for code, argument in items))


def _of_item(code: Any, argument: Any) -> Part:  # noqa: ANN401 (the tree of `re`)
    if code is op.LITERAL:
        return Text(chr(argument))
    if code is op.IN and len(argument) <= 3 and all(c is op.LITERAL for c, _ in argument):
        return Choice(tuple(Text(chr(letter)) for _, letter in argument))
    if code is op.BRANCH:
        return Choice(tuple(_of_pattern(branch) for branch in argument[1]))
    if code is op.SUBPATTERN:
        return _of_pattern(argument[3])
    if code in {op.MAX_REPEAT, op.MIN_REPEAT}:
        least, most, inner = argument
        if (least, most) == (0, 1):
            return Choice((Row(), _of_pattern(inner)))
        return Often(_of_pattern(inner)) if least else Anything()
    if code is op.ASSERT and argument[0] > 0:
        return Ahead(_of_pattern(argument[1]))
    if code in {op.ASSERT, op.ASSERT_NOT, op.AT}:
        return Row()
    return Anything()


def _spellings(part: Part) -> set[str] | None:
    """Return every text of a part, None where they are too many."""
    if isinstance(part, Text):
        return {part.text}
    if isinstance(part, Choice):
        options = [_spellings(one) for one in part.parts]
        if any(option is None for option in options):
            return None
        found = {text for option in options for text in option or ()}
        return found if len(found) <= MANY else None
    if isinstance(part, Row):
        found = {""}
        for one in part.parts:
            more = _spellings(one)
            if more is None or len(found) * len(more) > MANY:
                return None
            found = {text + tail for text in found for tail in more}
        return found
    return None


def _demands(part: Part) -> list[Demand]:
    found: list[set[str]] = []
    if isinstance(part, Row):
        run = {""}
        for one in _flat(part):
            spelled = _spellings(one.part if isinstance(one, Ahead) else one)
            joined = spelled and len(run) * len(spelled) <= MANY
            grown = {text + tail for text in run for tail in spelled or ()} if joined else {""}
            if isinstance(one, Ahead) and joined:
                found.append(grown)
            elif joined:
                run = grown
            else:
                found += [run, *map(set, _demands(one))]
                run = run if isinstance(one, Ahead) else {""}
        found.append(run)
    elif isinstance(part, Choice):
        options = [_demands(one) for one in part.parts]
        if all(options):
            found.append({text for option in options for text in max(option, key=worth)})
    elif isinstance(part, Text):
        found.append({part.text})
    elif isinstance(part, (Often, Ahead)):
        found += map(set, _demands(part.part))
    return [frozenset(one) for one in found if one and all(one)]


def _flat(row: Row) -> Iterable[Part]:
    for one in row.parts:
        if isinstance(one, Row):
            yield from _flat(one)
        else:
            yield one


def worth(demand: Demand) -> tuple[int, int, list[str]]:
    """Order demands: the longest shortest literal, then the fewest literals."""
    return min(map(len, demand)), -len(demand), sorted(demand)
