"""The troubleshooting table, loaded: one `Row` a TOML file, its `when` compiled.

In: folders of row files. Out: a `Table`. A row that is wrong is refused with file, line, column and
the nearest right word; the built-in table must load whole, a user's table skips its bad rows.
"""

from __future__ import annotations

import fnmatch
import functools
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

from msgspec import Struct
from msgspec.structs import replace

from convai_logscan import cache, events
from convai_logscan.errors import TableError
from convai_logscan.events import (
    CODES,
    KINDS,
    Event,
    field_names,
    field_type,
    field_value,
    kind_words,
)
from convai_logscan.files import grammar_text
from convai_logscan.model import Confidence, Severity

if TYPE_CHECKING:  # a table that is kept needs no parser
    from lark import Lark, Token, Tree

DOCS_BASE = "https://docs.convai.com/api-docs/plugins-and-integrations/convai-unity-sdk/"
_WITH_CODE = frozenset(
    ["session_error", "session_transition", "room_init_outcome", "rest_failed", "unclassified_connect", "reconnect_failed"]
)  # fmt: skip
NEEDS = ("debug", "livekit_native")
BETWEEN, WITHOUT = -1, -2  # where an atom stands that is in no step


class Test(Struct, frozen=True):
    """One comparison of an atom's filter; `value` may be a (bind, field) reference."""

    field: str
    op: str
    value: Any
    reference: bool = False

    def holds(self, event: Event, bound: dict[str, Event]) -> bool:
        """Say whether the event passes, given what earlier steps bound."""
        actual = field_value(event, self.field)
        if self.op == "has":
            return actual is not None
        wanted = self.value
        if self.reference:
            bind, name = self.value
            wanted = field_value(bound[bind], name) if bind in bound else None
            if wanted is None:
                return False
        if isinstance(actual, tuple):  # tags: any of them
            return any(_compare(self.op, one, wanted) for one in actual) or (
                not actual and self.op == "!="
            )
        return _compare(self.op, actual, wanted)


class Atom(Struct, frozen=True):
    """An event name, a filter on its fields, and a name to remember it by."""

    event: str
    tests: tuple[Test, ...] = ()
    bind: str | None = None
    words: tuple[str, ...] = ()  # every entry it accepts holds one of them; none: not known

    def accepts(self, event: Event, bound: dict[str, Event]) -> bool:
        """Say whether this event is one of the kind, and passes the filter."""
        return isinstance(event, KINDS[self.event]) and all(
            t.holds(event, bound) for t in self.tests
        )

    def may_accept(self, event: Event) -> bool:
        """Say the same, whatever earlier steps bind."""
        return isinstance(event, KINDS[self.event]) and all(
            t.reference or t.holds(event, {}) for t in self.tests
        )


class Operand(Struct, frozen=True, dict=True):
    """Any of the atoms; or, with `all_of`, every operand in any order."""

    atoms: tuple[Atom, ...] = ()
    all_of: tuple[Operand, ...] = ()

    def accepts(self, event: Event, bound: dict[str, Event]) -> Atom | None:
        """Return the atom that accepts the event, or None."""
        kind = type(event)
        atoms = self._by_kind.get(kind)
        if atoms is None:
            atoms = tuple(atom for atom in self.atoms if issubclass(kind, KINDS[atom.event]))
            self._by_kind[kind] = atoms
        for atom in atoms:
            if atom.accepts(event, bound):
                return atom
        return None

    @cached_property
    def _by_kind(self) -> dict[type[Event], tuple[Atom, ...]]:
        """Return the atoms that one kind of event could meet, as far as it was asked for."""
        return {}

    def events(self) -> Iterator[str]:
        """Yield the event names in it."""
        yield from (atom.event for atom in self.atoms)
        for part in self.all_of:
            yield from part.events()

    def every_atom(self) -> Iterator[Atom]:
        """Yield the atoms in it."""
        yield from self.atoms
        for part in self.all_of:
            yield from part.every_atom()


class Span(Struct, frozen=True):
    """A window: seconds, lines, both (time where both ends share a clock), or the session."""

    seconds: float | None = None
    lines: int | None = None
    session: bool = False


class Step(Struct, frozen=True):
    """One step of a chain."""

    operand: Operand
    kind: Literal["seen", "absent", "counted"] = "seen"
    count: int = 1
    span: Span | None = None
    between: tuple[Operand, ...] = ()  # none of these between this step and the next
    text: str = ""  # as written


class Chain(Struct, frozen=True):
    """Steps in order, a window over all of them, and what must not be in the same attempt."""

    steps: tuple[Step, ...]
    span: Span | None = None
    without: tuple[Operand, ...] = ()

    @property
    def scope(self) -> Literal["attempt", "session"]:
        """Return what the steps must share."""
        return "session" if self.span is not None else "attempt"

    def places(self) -> Iterator[tuple[int, Atom]]:
        """Yield every atom in it, and where it stands: in which step, BETWEEN steps, or WITHOUT."""
        for number, step in enumerate(self.steps):
            yield from ((number, atom) for atom in step.operand.every_atom())
            for operand in step.between:
                yield from ((BETWEEN, atom) for atom in operand.every_atom())
        for operand in self.without:
            yield from ((WITHOUT, atom) for atom in operand.every_atom())


class Example(Struct, frozen=True):
    """A log text with the answer a row must give on it."""

    log: str
    verdict: str  # fires, inconclusive, or silent
    why: str = ""
    options: tuple[str, ...] = ()


class Row(Struct, frozen=True):
    """One diagnosis of the table."""

    id: str
    area: str
    file: str
    symptom: str
    severity: Severity
    cause: str
    fix: tuple[str, ...]
    verify: str
    docs: str
    rank: int
    chains: tuple[Chain, ...]
    ask: str | None = None
    explains: tuple[str, ...] = ()
    against: tuple[Operand, ...] = ()
    needs: tuple[str, ...] = ()
    confidence: Confidence = "high"  # never said with more than this
    scope: Literal["session", "source"] = "session"
    examples: tuple[Example, ...] = ()


class Table(Struct, frozen=True, eq=False):
    """The rows, by id, and a hash of the files they came from."""

    rows: dict[str, Row]
    hash: str
    refused: tuple[TableError, ...] = ()


_KEYS: dict[str, type | tuple[type, ...]] = {
    "symptom": str, "severity": str, "cause": str, "fix": list, "verify": str, "docs": str,
    "when": str, "ask": str, "rank": int, "explains": list, "against": list, "needs": list,
    "confidence": str, "scope": str, "example": list, "counterexample": list,
}  # fmt: skip
_REQUIRED = ("symptom", "severity", "cause", "fix", "verify", "docs", "rank")
_EXAMPLE_KEYS = ("log", "why", "verdict", "options")


@functools.cache
def builtin() -> Table:
    """Return the table of the package; a bad row there is an error."""
    here = builtin_folder()
    made_from = [grammar_text("when").encode()]
    for file in (__file__, events.__file__, *_row_files(here)):
        with open(file, "rb") as stream:  # noqa: PTH123 (so many files at each start)
            made_from += [os.fsencode(file), stream.read()]
    table = cache.kept("table", b"\0".join(made_from), lambda: load([here]))
    if table.refused:
        raise table.refused[0]
    return table


def _row_files(folder: Path) -> list[str]:
    """Return the row files of a folder and the folders in it, in order of their names."""
    found = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]  # noqa: PTH118 (as many path objects take ten times as long)
    return sorted(file for file in found if file.endswith(".toml"))


def builtin_folder() -> Path:
    """Return where the package keeps its rows."""
    return Path(__file__).with_name("table")


def load(folders: list[Path]) -> Table:
    """Load the rows of the folders, later folders over earlier ones; bad rows are kept aside."""
    rows: dict[str, Row] = {}
    refused: list[TableError] = []
    import hashlib  # a table that is kept needs none

    digest = hashlib.sha256()
    for folder in folders:
        if not folder.is_dir():
            message = "there is no such folder of rows"
            raise TableError(message, str(folder))
        for file in sorted(folder.rglob("*.toml"), key=lambda f: f.relative_to(folder).as_posix()):
            if file.exists() and not file.is_file():  # reading a pipe would wait for ever
                refused.append(TableError("this is no file", str(file)))
                continue
            try:
                text = file.read_text(encoding="utf-8").replace("\r\n", "\n")
                row = load_row(text, file)
            except TableError as error:
                refused += [error, *error.more]
                continue
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or error
                refused.append(TableError(f"it cannot be read: {reason}", str(file)))
                continue
            digest.update(f"{row.id}\0{text}\0".encode())
            rows[row.id] = row
    return Table(rows, digest.hexdigest()[:16], (*refused, *_dangling(rows)))


def load_row(text: str, file: Path) -> Row:
    """Read one row file; raises TableError with its place."""
    import tomllib

    try:
        data = tomllib.loads(text)
    except RecursionError as error:
        raise TableError("it is nested too deep to be a row", str(file)) from error
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = f"{file}:{place[1]}:{place[2]}" if place else str(file)
        raise TableError(str(error).split(" (at ")[0], where) from error
    here = _Place(file, text)
    _check_keys(data, here)
    chains = _compile(data["when"], here, "when") if isinstance(data.get("when"), str) else ()
    against = []
    for one in _texts(data, "against"):
        with here.noting():
            against.append(_operand(one, here))
    examples = _examples(data, here)
    here.settle()
    return Row(
        id=file.stem, area=file.parent.name, file=str(file), symptom=data["symptom"],
        severity=data["severity"], cause=data["cause"], fix=tuple(data["fix"]),
        verify=data["verify"], docs=_docs(data["docs"]), rank=data["rank"], chains=chains,
        ask=data.get("ask"), explains=tuple(data.get("explains", [])),
        against=tuple(against),
        needs=tuple(data.get("needs", [])), confidence=data.get("confidence", "high"),
        scope=data.get("scope", "session"), examples=examples,
    )  # fmt: skip


def _check_keys(data: dict[str, Any], here: _Place) -> None:
    """Note keys that are unknown or missing, and values of a wrong kind."""
    import difflib

    meant: set[str] = set()
    for key, value in data.items():
        if key not in _KEYS:
            meant.update(difflib.get_close_matches(key, list(_KEYS), 1, 0.6))
            here.note(key, f"unknown key `{key}`", nearest(key, _KEYS))
        elif not isinstance(value, _KEYS[key]) or isinstance(value, bool):
            wanted, is_now = _type_name(_KEYS[key]), _type_name(type(value))
            here.note(key, f"`{key}` must be {wanted}, not {is_now}")
    for key in _REQUIRED:
        if key not in data and key not in meant:
            here.note("", f"the key `{key}` is missing")
    if ("when" in data) == ("ask" in data) and "when" not in meant:
        here.note("ask" if "ask" in data else "", "a row has either `when` or `ask`")
    for key in ("fix", "explains", "against", "needs"):
        if isinstance(data.get(key), list) and len(_texts(data, key)) < len(data[key]):
            here.note(key, f"`{key}` must be a list of texts")
    here.one_of("severity", data.get("severity", "error"), get_args(Severity))
    here.one_of("confidence", data.get("confidence", "high"), get_args(Confidence))
    here.one_of("scope", data.get("scope", "session"), ("session", "source"))
    for need in _texts(data, "needs"):
        here.one_of("needs", need, NEEDS)


def _texts(data: dict[str, Any], key: str) -> list[str]:
    """Return the texts of a list, if it is one."""
    found = data.get(key, [])
    return [one for one in found if isinstance(one, str)] if isinstance(found, list) else []


def _docs(path: str) -> str:
    return path if path.startswith("https://") else DOCS_BASE + path


def _examples(data: dict[str, Any], here: _Place) -> tuple[Example, ...]:
    found: list[Example] = []
    for key in ("example", "counterexample"):
        entries = data.get(key, [])
        for entry in entries if isinstance(entries, list) else ():
            if not isinstance(entry, dict) or not isinstance(entry.get("log"), str):
                here.note(key, f"every [[{key}]] needs a text `log`")
                continue
            for name in entry:
                if name not in _EXAMPLE_KEYS:
                    hint = nearest(name, _EXAMPLE_KEYS)
                    here.note(name, f"unknown key `{name}` in [[{key}]]", hint)
            verdict = entry.get("verdict", "fires" if key == "example" else "silent")
            here.one_of("verdict", verdict, ("fires", "inconclusive", "silent"))
            found.append(
                Example(
                    entry["log"], verdict, entry.get("why", ""), tuple(entry.get("options", []))
                )
            )
    if "when" in data:
        for verdict, key in (("fires", "example"), ("silent", "counterexample")):
            if not any(example.verdict == verdict for example in found):
                here.note("", f"the row has no [[{key}]]")
    return tuple(found)


def _dangling(rows: dict[str, Row]) -> Iterator[TableError]:
    """Complain of rows that explain a row which does not exist."""
    for row in rows.values():
        for other in row.explains:
            if other not in rows:
                message = f"`explains` names `{other}`, which is no row"
                yield TableError(message, row.file, nearest(other, rows))


class _Place(Struct, frozen=True):
    """A row file: finds the line and column of what is refused."""

    file: Path
    text: str
    problems: list[TableError] = []  # msgspec makes a new one for each

    def note(self, key: str, message: str, hint: str | None = None) -> None:
        """Note a problem, and go on to find the others."""
        self.problems.append(TableError(message, f"{self.file}:{self.line_of(key)}:1", hint))

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note what is refused inside."""
        try:
            yield
        except TableError as error:
            self.problems.append(error)

    def settle(self) -> None:
        """Raise the first problem, with the others, if there is any."""
        if self.problems:
            first, *others = self.problems
            first.more = tuple(others)
            raise first

    def line_of(self, key: str) -> int:
        found = (
            re.search(
                rf"^\s*{re.escape(key)}\s*=|^\[\[{re.escape(key)}\]\]", self.text, re.MULTILINE
            )
            if key
            else None
        )
        return self.text.count("\n", 0, found.start()) + 1 if found else 1

    def one_of(self, key: str, value: object, allowed: tuple[str, ...]) -> None:
        if value not in allowed:
            hint = nearest(str(value), allowed)
            self.note(key, f"`{key}` must be one of {', '.join(allowed)}", hint)

    def inside(self, key: str, token_line: int, token_column: int) -> str:
        """Return the place in the file of a position inside the text of `key`."""
        found = re.search(rf"^\s*{key}\s*=\s*('''|\"\"\"|'|\")(\n?)", self.text, re.MULTILINE)
        if not found:
            return f"{self.file}:1:1"
        line = self.text.count("\n", 0, found.end(1)) + 1
        if found[2]:  # TOML drops a newline right after the opening quotes
            return f"{self.file}:{line + token_line}:{token_column}"
        column = found.end(1) - self.text.rfind("\n", 0, found.end(1)) - 1
        return f"{self.file}:{line + token_line - 1}:{token_column + (column if token_line == 1 else 0)}"


@functools.cache
def _when_parser() -> Lark:
    from lark import Lark

    return Lark(
        grammar_text("when"), parser="lalr", lexer="contextual", propagate_positions=True,
        maybe_placeholders=False, start=["start", "operand"],
    )  # fmt: skip


def _parse(text: str, here: _Place, key: str, start: str) -> Tree[Token]:
    from lark import UnexpectedInput

    try:
        return _when_parser().parse(text, start=start)
    except UnexpectedInput as error:
        line, column = max(error.line, 1), max(error.column, 1)
        what = (
            text.splitlines()[line - 1][column - 1 :][:20]
            if text.strip() and line <= len(text.splitlines())
            else ""
        )
        message = f"`{key}` cannot be read at `{what}`" if what else f"`{key}` ends too early"
        raise TableError(message, here.inside(key, line, column)) from error


def _compile(text: str, here: _Place, key: str) -> tuple[Chain, ...]:
    chains: list[Chain] = []
    with here.noting():
        for child in _parse(text, here, key, "start").children:
            if not isinstance(child, str):
                with here.noting():
                    chains.append(_Compiler(here, key, text).chain(child))
    return tuple(chains)


def _operand(text: str, here: _Place) -> Operand:
    return _Compiler(here, "against", text).operand(_parse(text, here, "against", "operand"))


class _Compiler:
    """Turns the tree of a `when` into chains, and checks every word in it."""

    def __init__(self, here: _Place, key: str, text: str) -> None:
        self._here = here
        self._key = key
        self._text = text
        self._bound: dict[str, str] = {}

    def chain(self, tree: Tree[Token]) -> Chain:
        self._bound = {}
        steps: list[Step] = []
        span: Span | None = None
        without: tuple[Operand, ...] = ()
        items = [child for child in tree.children if not isinstance(child, str)]
        for child in items:
            if child.data == "within":
                span = self._span(child)
                continue
            parts = child.children if child.data == "item" else [child]
            step = self._step(parts[0])
            between = tuple(
                self.operand(w.children[0]) for w in parts[1:] if not isinstance(w, str)
            )
            steps.append(replace(step, between=between, text=self._written(child)))
        if steps[-1].between:  # behind the last step: not anywhere in the attempt
            without = steps[-1].between
            steps[-1] = replace(steps[-1], between=())
        if not any(step.kind != "absent" for step in steps):
            self._refuse(tree, "a chain needs a step that is seen")
        for step in steps:
            if step.kind != "absent" and _excludes(without, step.operand):
                self._refuse(
                    tree, "the chain can never fire: `without` excludes one of its own steps"
                )
        if len(steps) > 1 and steps[-1].kind == steps[-2].kind == "absent":
            self._refuse(items[-1], "only one `not` may stand behind the last step that is seen")
        return Chain(tuple(steps), span, without)

    def _written(self, tree: Tree[Token]) -> str:
        return " ".join(self._text[tree.meta.start_pos : tree.meta.end_pos].split())

    def _step(self, tree: Any) -> Step:  # noqa: ANN401 (lark's tree)
        if tree.data == "absent":
            span = self._span(tree.children[1]) if len(tree.children) > 1 else None
            return Step(self.operand(tree.children[0]), "absent", span=span)
        if tree.data == "counted":
            operand, compare, number, *rest = tree.children
            count = int(number) + (1 if compare == ">" else 0)
            return Step(
                self.operand(operand), "counted", count, self._span(rest[0]) if rest else None
            )
        return Step(self.operand(tree.children[0]))

    def operand(self, tree: Any) -> Operand:  # noqa: ANN401 (lark's tree)
        if tree.data == "atom":
            return Operand((self._atom(tree),))
        parts = [self.operand(child) for child in tree.children]
        if tree.data == "all_of":
            return Operand(all_of=tuple(parts))
        if tree.data == "any_of":
            if any(part.all_of for part in parts):
                self._refuse(tree, "`all(…)` cannot stand between `|`")
            return Operand(tuple(atom for part in parts for atom in part.atoms))
        return parts[0]

    def _atom(self, tree: Tree[Token]) -> Atom:
        name, *rest = tree.children
        event = str(name)
        if event not in KINDS:
            self._refuse(name, f"there is no event `{event}`", nearest(event, KINDS))
        tests: tuple[Test, ...] = ()
        bind: str | None = None
        for part in rest:
            if not isinstance(part, str) and part.data == "filter":
                tests = tuple(self._test(event, t) for t in part.children)
            elif not isinstance(part, str):
                bind = str(part.children[0])
                self._bound[bind] = event
        return Atom(event, tests, bind, _words(tests) if event == "entry" else ())

    def _test(self, event: str, tree: Any) -> Test:  # noqa: ANN401 (lark's tree)
        name = tree.children[0]
        field_name = str(name)
        allowed = field_names(event)
        if field_name not in allowed:
            self._refuse(
                name, f"`{event}` has no field `{field_name}`", nearest(field_name, allowed)
            )
        if tree.data == "has":
            return Test(field_name, "has", None)
        _, op, value = tree.children
        if value.data == "reference":
            bind, other = (str(child) for child in value.children)
            if bind not in self._bound:
                self._refuse(
                    value, f"`${bind}` is not bound by an earlier step", nearest(bind, self._bound)
                )
            if other not in field_names(self._bound[bind]):
                self._refuse(
                    value,
                    f"`{self._bound[bind]}` has no field `{other}`",
                    nearest(other, field_names(self._bound[bind])),
                )
            return Test(field_name, str(op), (bind, other), reference=True)
        wanted = self._value(value)
        if str(op) == "in" and not isinstance(wanted, list):
            self._refuse(value, '`in` takes a list, as in ["a", "b"]')
        if str(op) in {"like", "~="} and not isinstance(wanted, str):
            self._refuse(value, f"`{op}` takes a text")
        for one in wanted if isinstance(wanted, list) else [wanted]:
            self._check(event, field_name, str(op), one, value)
        if str(op) == "~=":
            try:
                re.compile(str(wanted))
            except re.error as error:
                self._refuse(value, f"the pattern is wrong: {error}")
        return Test(field_name, str(op), tuple(wanted) if isinstance(wanted, list) else wanted)

    def _check(self, event: str, name: str, op: str, wanted: object, at: Any) -> None:  # noqa: ANN401 (lark's tree)
        """Refuse a value that the field can never have."""
        kinds = {"number": float, "bool": bool, "text": str}
        kind = field_type(event, name)
        if op in {"like", "~=", "<", "<=", ">", ">="} or wanted is None:
            return
        if not isinstance(wanted, kinds[kind]):
            self._refuse(at, f"`{name}` of `{event}` is a {kind}; it never equals this")
        allowed: tuple[str, ...] | frozenset[str] = ()
        if name == "kind":
            allowed = kind_words(event)
        elif name == "code" and event in _WITH_CODE:
            allowed = CODES
        if allowed and wanted not in allowed:
            self._refuse(
                at, f"`{name}` of `{event}` is never `{wanted}`", nearest(str(wanted), allowed)
            )

    def _value(self, tree: Any) -> Any:  # noqa: ANN401 (lark's tree)
        if tree.data == "text":
            import tomllib

            try:
                return tomllib.loads(f"v = {tree.children[0]}")["v"]
            except tomllib.TOMLDecodeError as error:
                message = f"the text is wrong: {str(error).split(' (at ')[0].lower()}"
                self._refuse(tree, message, "write `\\\\` for one backslash")
        if tree.data == "number":
            return float(tree.children[0])
        if tree.data == "many":
            return [self._value(child) for child in tree.children]
        words = {"true": True, "false": False, "null": None}
        if str(tree.children[0]) not in words:
            self._refuse(tree, f"`{tree.children[0]}` must stand in quotes")
        return words[str(tree.children[0])]

    def _span(self, tree: Any) -> Span:  # noqa: ANN401 (lark's tree)
        span = tree.children[0]
        if span.data == "session":
            return Span(session=True)
        if span.data == "lines":
            return Span(lines=int(span.children[0]))
        seconds = _seconds(str(span.children[0]))
        return Span(seconds, int(span.children[1]) if span.data == "both" else None)

    def _refuse(self, at: Any, message: str, hint: str | None = None) -> NoReturn:  # noqa: ANN401 (lark's tree)
        meta = getattr(at, "meta", at)
        place = self._here.inside(self._key, getattr(meta, "line", 1), getattr(meta, "column", 1))
        raise TableError(message, place, hint)


def _excludes(without: tuple[Operand, ...], operand: Operand) -> bool:
    """Say whether everything that could meet a step is excluded."""
    banned = [atom for one in without for atom in one.every_atom()]

    def gone(atom: Atom) -> bool:
        return any(
            other.event == atom.event and (not other.tests or other.tests == atom.tests)
            for other in banned
        )

    if operand.all_of:
        return any(_excludes(without, part) for part in operand.all_of)
    return all(gone(atom) for atom in operand.atoms)


def _seconds(text: str) -> float:
    factors = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    unit = "ms" if text.endswith("ms") else text[-1]
    return float(text[: -len(unit)]) * factors[unit]


def _words(tests: Iterable[Test]) -> tuple[str, ...]:
    """Return texts of which every message that passes the tests holds one; none where unknown."""
    for test in tests:
        if test.field != "message" or test.reference:
            continue
        if test.op == "==":
            return (str(test.value),)
        if test.op == "like":
            return tuple({max(test.value.split("*"), key=len)} - {""})
        if test.op == "~=" and "(?i" not in test.value:
            from convai_logscan.literals import in_pattern  # a table that is kept needs no parser

            return tuple(sorted(in_pattern(test.value)))
    return ()


def _compare(op: str, actual: Any, wanted: Any) -> bool:  # noqa: ANN401 (fields differ by kind)
    if op == "==":
        return bool(actual == wanted)
    if op == "!=":
        return bool(actual != wanted)
    if op == "in":
        return actual in wanted
    if actual is None:
        return False
    if op == "like":
        return fnmatch.fnmatchcase(str(actual), _glob(str(wanted)))
    if op == "~=":
        return re.search(str(wanted), str(actual)[:4096]) is not None
    try:
        left, right = float(actual), float(wanted)
    except (TypeError, ValueError):
        return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]


def _glob(pattern: str) -> str:
    """Keep only `*` special: brackets and question marks are common in messages."""
    return pattern.replace("[", "[[]").replace("?", "[?]")


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return `did you mean …?` for a mistyped word, or None."""
    import difflib

    close = difflib.get_close_matches(word, list(words), 1, 0.6)
    return f"did you mean `{close[0]}`?" if close else None


def _type_name(kind: Any) -> str:  # noqa: ANN401 (a type or several)
    return {str: "a text", int: "a whole number", list: "a list"}.get(
        kind, getattr(kind, "__name__", str(kind))
    )
