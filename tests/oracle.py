"""A matcher that tries everything: what a chain means, written without the engine.

It shares no code with `diagnose`: it reads the compiled chain and a list of events, and asks for every
choice of events whether it is a match.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convai_logscan.events import Event
    from convai_logscan.rules import Chain, Operand, Span, Step

Story = list[tuple[int, "Event"]]  # (attempt, event), in order, of one session


def fires(chain: Chain, story: Story, last_line: int) -> bool:
    """Say whether some choice of events is a match of the chain."""
    steps = list(chain.steps)
    absents: dict[int, Step] = {}  # how many seen steps stand before the absence
    seen: list[Step] = []
    for step in steps:
        if step.kind == "absent":
            absents[len(seen)] = step
        else:
            seen.append(step)
    return _search(chain, seen, absents, story, [], {}, last_line)


def _search(
    chain: Chain, seen: list[Step], absents: dict[int, Step], story: Story,
    chosen: list[tuple[int, ...]], bound: dict[str, Event], last_line: int,
) -> bool:  # fmt: skip
    number = len(chosen)
    if number == len(seen):
        return _holds(chain, seen, absents, story, chosen, bound)
    start = chosen[-1][-1] + 1 if chosen else 0
    step = seen[number]
    size = step.count if step.kind == "counted" else max(1, len(step.operand.all_of))
    for places in combinations(range(start, len(story)), size):
        now = dict(bound)
        if not _meets(step, [story[p][1] for p in places], now):
            continue
        if (
            step.kind == "counted"
            and step.span
            and not _inside(step.span, story[places[0]][1], story[places[-1]][1])
        ):
            continue
        if _search(chain, seen, absents, story, [*chosen, places], now, last_line):
            return True
    return False


def _meets(step: Step, events: list[Event], bound: dict[str, Event]) -> bool:
    if step.operand.all_of:
        return _assign(list(step.operand.all_of), events, bound)
    for event in events:
        atom = next((a for a in step.operand.atoms if a.accepts(event, bound)), None)
        if atom is None:
            return False
        if atom.bind:
            bound[atom.bind] = event
    return True


def _assign(operands: list[Operand], events: list[Event], bound: dict[str, Event]) -> bool:
    if not operands:
        return True
    return any(
        operands[0].accepts(event, bound) is not None
        and _assign(operands[1:], events[:i] + events[i + 1 :], bound)
        for i, event in enumerate(events)
    )


def _holds(
    chain: Chain, seen: list[Step], absents: dict[int, Step], story: Story,
    chosen: list[tuple[int, ...]], bound: dict[str, Event],
) -> bool:  # fmt: skip
    flat = [place for places in chosen for place in places]
    attempts = {story[p][0] for p in flat}
    whole = chain.span is not None
    if not whole and len(attempts) > 1:
        return False
    if chain.span and not _inside(chain.span, story[flat[0]][1], story[flat[-1]][1]):
        return False
    attempt = story[flat[-1]][0]
    for operand in chain.without:
        if any(operand.accepts(e, {}) for a, e in story if whole or a == attempt):
            return False
    for number, step in enumerate(seen[:-1]):
        gap = range(chosen[number][-1] + 1, chosen[number + 1][0])
        if any(operand.accepts(story[p][1], bound) for p in gap for operand in step.between):
            return False
    for number, step in absents.items():
        if 0 < number < len(seen):
            gap = range(chosen[number - 1][-1] + 1, chosen[number][0])
            if any(step.operand.accepts(story[p][1], bound) for p in gap):
                return False
        elif number == 0:
            first = story[chosen[0][0]][1]
            before = [story[p] for p in range(chosen[0][0])]
            if any(
                step.operand.accepts(e, {})
                and (whole or a == attempt)
                and (step.span is None or _inside(step.span, e, first))
                for a, e in before
            ):
                return False
        else:
            last = story[flat[-1]][1]
            after = story[flat[-1] + 1 :]
            for a, e in after:
                inside = (
                    _inside(step.span, last, e)
                    if step.span and not step.span.session
                    else (whole or step.span is not None or a == attempt)
                )
                if inside and step.operand.accepts(e, bound):
                    return False
    return True


def _inside(span: Span, one: Event, other: Event) -> bool:
    if span.session:
        return True
    a, b = one.where.stamp, other.where.stamp
    if span.seconds is not None and a and b:
        return abs(b.seconds - a.seconds) <= span.seconds
    lines = span.lines if span.lines is not None else 2000
    return other.where.line - one.where.line <= lines
