"""The line forms: `grammars/*.lark`, compiled when first needed, and what can be read off them.

In: a message, without envelope and markup. Out: a `Form` (which kind of event, which fields) or
None. A rule is named like its event class; `-> event__word` on an alternative sets the event's
`kind` to `word`; every other rule is a field, named like that of the class.

The first comment of a file declares its start rules: `// start: said bare` are parsed from the
first character of the text, `// search: reason` may stand anywhere in it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import LarkError
from lark.grammar import NonTerminal, Rule, Symbol
from lark.grammar import Terminal as TerminalSymbol
from lark.lexer import PatternStr, TerminalDef
from msgspec import Struct, field

from convai_logscan.anchors import plain_leftmost_longest
from convai_logscan.errors import GrammarError
from convai_logscan.events import KINDS
from convai_logscan.files import grammar_text
from convai_logscan.late import late
from convai_logscan.literals import Demand, demands
from convai_logscan.walk import Form, Reduction, Tables, Terminal

try:  # names moved between Python versions
    from re import _parser as sre
except ImportError:  # pragma: no cover (3.11 and later have it)
    import sre_parse as sre

SPEAKERS = ("convai", "livekit", "unity", "browser", "reasons")
MIN_ANCHOR = 6


class Sample(Struct, frozen=True):
    """A sample line of a grammar file, the kind it must become and fields it must have."""

    file: str
    line: int
    text: str
    kind: str
    start: str
    fields: dict[str, str] = field(default_factory=dict)


class Speaker:
    """One grammar file, compiled."""

    def __init__(self, name: str, text: str | None = None) -> None:
        """Compile the grammar `name`; `text` replaces the file in tests."""
        self.name = name
        own = grammar_text(name) if text is None else text
        self.starts = _declared(own, "start")
        self.searches = _declared(own, "search")
        source = f"{own}\n{grammar_text('common')}"
        try:
            self._lark = Lark(
                source,
                parser="lalr",
                lexer="contextual",
                start=[*self.starts, *self.searches],
                transformer=_transformer(source),
                maybe_placeholders=False,
            )
        except LarkError as error:
            raise GrammarError(str(error).splitlines()[0], f"grammars/{name}.lark") from error
        self.rules: list[Rule] = self._lark.rules
        self.terminals: dict[str, TerminalDef] = {t.name: t for t in self._lark.terminals}
        self._openings = {
            start: plain_leftmost_longest(sorted(self.openings(start))) for start in self.searches
        }

    def parse(self, start: str, text: str) -> Form | None:
        """Return the form of the whole `text`, or None."""
        try:
            return self._lark.parse(text, start=start)  # type: ignore[return-value] # a Form: the transformer is embedded
        except UnexpectedInput:
            return None

    def search(self, start: str, text: str) -> Iterator[Form]:
        """Yield the forms of a search rule that stand anywhere in `text`, left to right."""
        for at in self._openings[start](text):
            form = self.parse(start, text[at:])
            if form is not None:
                yield Form(form.kind, form.fields, at)

    def openings(self, start: str) -> set[str]:
        """Return the literals with which the forms of `start` can begin."""
        found: set[str] = set()
        for rule in self._forms(start):
            literals = self._first_literals(rule.expansion)
            if not literals or min(map(len, literals)) < MIN_ANCHOR:
                message = f"a form of {rule.origin.name} does not begin with a literal of {MIN_ANCHOR} characters: {rule}"
                raise GrammarError(message, f"grammars/{self.name}.lark")
            found |= literals
        return found

    def demands(self, start: str) -> list[list[Demand]]:
        """Return for every form of `start` what its texts contain; refuse one without a literal."""
        found: list[list[Demand]] = []
        for rule in self._forms(start):
            form = demands(rule.expansion, self.rules, self.terminals)
            if not any(min(map(len, demand)) >= MIN_ANCHOR for demand in form):
                message = f"a form of {rule.origin.name} has no literal to find it by: {rule}"
                raise GrammarError(message, f"grammars/{self.name}.lark")
            found.append(form)
        return found

    def tables(self) -> Tables:
        """Return the parse tables, for a walk without Lark."""
        table = self._lark.parser.parser._parse_table  # noqa: SLF001 (there is no public way to them)
        places = {state: place for place, state in enumerate(table.states)}
        rules = {rule: number for number, rule in enumerate(self.rules)}
        names = {name: number for number, name in enumerate(self.terminals)}
        lexers = self._lark.parser.lexer.lexers
        return Tables(
            starts={
                str(start): (places[state], places[table.end_states[start]])
                for start, state in table.start_states.items()
            },
            openings={start: tuple(sorted(self.openings(start))) for start in self.searches},
            actions=[
                {
                    str(token): ~rules[arg] if isinstance(arg, Rule) else places[arg]
                    for token, (_, arg) in found.items()
                }
                for found in table.states.values()
            ],
            tries=[tuple(names[t.name] for t in _tried(lexers[s].terminals)) for s in table.states],
            terminals=[_terminal(t, self.terminals) for t in self.terminals.values()],
            reductions=[_reduction(rule) for rule in self.rules],
        )

    def _forms(self, start: str) -> Iterator[Rule]:
        """Yield the alternatives of every kind that is reachable from `start`."""
        seen: set[str] = set()
        todo = [start]
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            for rule in self.rules:
                if rule.origin.name != name:
                    continue
                if name in KINDS or (rule.alias or "").partition("__")[0] in KINDS:
                    yield rule
                else:
                    todo.extend(s.name for s in rule.expansion if isinstance(s, NonTerminal))

    def _first_literals(self, expansion: Sequence[Symbol]) -> set[str]:
        if not expansion:
            return set()
        first = expansion[0]
        if isinstance(first, NonTerminal):
            found: set[str] = set()
            for rule in self.rules:
                if rule.origin == first:
                    inner = self._first_literals(rule.expansion)
                    if not inner:
                        return set()
                    found |= inner
            return found
        pattern = self.terminals[first.name].pattern
        if isinstance(pattern, PatternStr):
            return {pattern.value}
        return _prefixes(pattern.value)


@functools.cache
def speaker(name: str) -> Speaker:
    """Return a compiled grammar; compiled once, when first asked for."""
    return Speaker(name)


def samples(name: str, text: str | None = None) -> list[Sample]:
    """Return the sample lines of a grammar file (`// > line`, `// = field=value | …`)."""
    own = grammar_text(name) if text is None else text
    declared = [*_declared(own, "start"), *_declared(own, "search")]
    found: list[Sample] = []
    pending: list[tuple[int, str, dict[str, str]]] = []
    kind = ""
    for number, line in enumerate(own.splitlines(), 1):
        if line.startswith("// > "):
            pending.append((number, line[5:].replace("\\n", "\n"), {}))
        elif line.startswith("// = "):
            pairs = (part.split("=", 1) for part in line[5:].split(" | "))
            pending[-1][2].update({key.strip(): value for key, value in pairs})
        elif line.strip() and not line.startswith("//"):
            opened = re.match(r"[!?]*([a-z]\w*)(?:\.-?\d+)?:", line)
            kind = opened[1] if opened else kind
            alias = re.search(r"->\s*(\w+)\s*$", line)
            made, _, word = alias[1].partition("__") if alias else (kind, "", "")
            if word:
                for _, _, expected in pending:
                    expected.setdefault("kind", word)
            own_kind = made if made in KINDS else kind  # `-> connect_ok` in a rule of several kinds
            found += [Sample(name, n, t, own_kind, declared[0], f) for n, t, f in pending]
            pending = []
    return found


def _terminal(terminal: TerminalDef, every: dict[str, TerminalDef]) -> Terminal:
    pattern = terminal.pattern
    if isinstance(pattern, PatternStr):
        return Terminal(str(terminal.name), pattern.value, None, (pattern.value,), {})
    leads = tuple(sorted(_prefixes(pattern.value)))
    unless = {t.pattern.value: str(t.name) for t in every.values() if _hidden(t, terminal)}
    return Terminal(str(terminal.name), None, late(pattern.to_regexp()), leads, unless)


def _hidden(text: TerminalDef, pattern: TerminalDef) -> bool:
    """Say whether Lark finds a text by a pattern that accepts it whole."""
    if not isinstance(text.pattern, PatternStr) or isinstance(pattern.pattern, PatternStr):
        return False
    found = re.match(pattern.pattern.to_regexp(), text.pattern.value)
    return text.priority == pattern.priority and bool(found and found[0] == text.pattern.value)


def _tried(terminals: Sequence[TerminalDef]) -> list[TerminalDef]:
    """Return the terminals of a state without those that another one finds."""
    return [t for t in terminals if not any(_hidden(t, other) for other in terminals)]


def _reduction(rule: Rule) -> Reduction:
    kept = [
        None if not symbol.is_term and symbol.name.startswith("_")
        else rule.options.keep_all_tokens or not (isinstance(symbol, TerminalSymbol) and symbol.filter_out)
        for symbol in rule.expansion
    ]  # fmt: skip
    origin, alias = str(rule.origin.name), str(rule.alias or "")
    name, _, word = (alias or origin).partition("__")
    made = name in KINDS
    return Reduction(
        origin=origin, size=len(rule.expansion), keep=tuple(kept),
        lifts=rule.options.expand1 and not alias,
        splices=origin.startswith("_") and not alias,
        name=name if made else alias or origin, kind=made, word=word if made else "",
    )  # fmt: skip


def _declared(text: str, what: str) -> tuple[str, ...]:
    found = re.search(rf"^// {what}: (.+)$", text, re.MULTILINE)
    return tuple(found[1].split()) if found else ()


def _transformer(source: str) -> Transformer[Token, Any]:
    """Build the callbacks: a kind's rule gives a Form, a field's rule a pair."""
    names = set(re.findall(r"^[!?]*([a-z]\w*)(?:\.-?\d+)?\s*:", source, re.MULTILINE))
    aliases = set(re.findall(r"->\s*(\w+)", source))
    methods: dict[str, Callable[..., Any]] = {}
    for name in names | aliases:
        kind, _, word = name.partition("__")
        if kind in KINDS:
            methods[name] = _form_callback(kind, word)
        else:
            methods[name] = _field_callback(name)
    return type("Forms", (Transformer,), methods)()  # type: ignore[no-any-return]


def _form_callback(kind: str, word: str) -> Callable[..., Form]:
    def callback(_self: object, children: list[Any]) -> Form:
        found = dict(child for child in children if isinstance(child, tuple))
        if word:
            found["kind"] = word
        return Form(kind, found)

    return callback


def _field_callback(name: str) -> Callable[..., Any]:
    def callback(_self: object, children: list[Any]) -> Any:  # noqa: ANN401 (Form or pair)
        for child in children:
            if isinstance(child, Form):  # a start rule
                return child
        return name, "".join(str(child) for child in children)

    return callback


def _prefixes(pattern: str) -> set[str]:
    """Return the literals with which a regular expression begins, empty if it has none."""
    parsed = list(sre.parse(pattern))
    whole = _spelled(parsed)
    if whole:
        return whole
    text = ""
    for op, arg in parsed:
        if str(op) == "LITERAL":
            text += chr(arg)
        elif str(op) in {"BRANCH", "SUBPATTERN"} and not text:
            branches = arg[1] if str(op) == "BRANCH" else [arg[3]]
            if str(op) == "SUBPATTERN" and len(arg[3]) == 1 and str(arg[3][0][0]) == "BRANCH":
                branches = arg[3][0][1][1]
            found = {_run_at_start(branch) for branch in branches}
            return found if all(found) else set()
        else:
            break
    return {text} if text else set()


def _spelled(items: Any) -> set[str]:  # noqa: ANN401 (sre's own tree)
    """Return all texts that a pattern of literals and branches spells, empty for any other."""
    texts = {""}
    for op, arg in items:
        if str(op) == "LITERAL":
            more = {chr(arg)}
        elif str(op) == "SUBPATTERN":
            more = _spelled(arg[3])
        elif str(op) == "BRANCH":
            parts = [_spelled(branch) for branch in arg[1]]
            more = set().union(*parts) if all(parts) else set()
        elif str(op) in {"ASSERT", "ASSERT_NOT"}:
            continue
        else:
            return set()
        texts = {one + other for one in texts for other in more}
    return texts


def _run_at_start(items: Any) -> str:  # noqa: ANN401 (sre's own tree)
    text = ""
    for op, arg in items:
        if str(op) != "LITERAL":
            break
        text += chr(arg)
    return text
