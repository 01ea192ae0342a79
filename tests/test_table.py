"""Every row proves itself on its own examples; bad rows are refused with their place."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from convai_logscan import rules
from convai_logscan.asked import Move, asked
from convai_logscan.errors import TableError
from convai_logscan.pipeline import events
from convai_logscan.rules import Example, Row
from convai_logscan.sources.text import Source
from tests.compose import fill
from tests.helpers import LOGS, ROOT, scanned, settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convai_logscan.events import Event

TABLE = rules.builtin()
CASES = [
    pytest.param(row, example, id=f"{row.id}-{number}-{example.verdict}")
    for row in TABLE.rows.values()
    for number, example in enumerate(row.examples)
]
GOOD = '''symptom = "s"
severity = "error"
cause = "c"
fix = ["f"]
verify = "v"
docs = "d"
rank = 900
when = """
  mic_error{kind == "gesture"}
"""
[[example]]
log = "x"
[[counterexample]]
log = "y"
why = "z"
'''


@pytest.mark.parametrize(("row", "example"), CASES)
def test_a_row_answers_its_examples(row: Row, example: Example) -> None:
    log, secrets = fill(example.log)
    source = scanned(log, example.options)
    verdicts = [d.verdict for d in source.diagnoses if d.id == row.id]
    expected = [] if example.verdict == "silent" else [example.verdict]
    assert sorted(set(verdicts)) == expected
    shown = repr(source)
    assert [name for name, value in secrets.items() if name != "@user@" and value in shown] == []


@pytest.mark.parametrize("row", TABLE.rows.values(), ids=lambda r: r.id)
def test_a_row_speaks_in_sentences(row: Row) -> None:
    for text in (row.symptom, row.cause, row.verify, *row.fix):
        assert text.strip() == text
        assert text.endswith((".", "?")), text
    assert row.fix
    assert row.docs.startswith("https://")


def test_fatal_and_error_rows_keep_their_rank_band() -> None:
    wrappers = {
        "retries-exhausted",
        "transport-reason-hidden",
        "reconnect-gave-up",
        "connect-failed-unspecified",
    }
    assert {row.id for row in TABLE.rows.values() if row.rank >= 2000} <= wrappers


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        (("verify", "verfy"), ":5:", "unknown key `verfy`.*did you mean `verify`"),
        (("rank = 900", 'rank = "900"'), ":7:", "`rank` must be a whole number"),
        (('"error"', '"bad"'), ":2:", "`severity` must be one of"),
        (("mic_error", "mic_eror"), ":9:3", "no event `mic_eror`.*did you mean `mic_error`"),
        (("kind ==", "knd =="), ":9:13", "no field `knd`.*did you mean `kind`"),
        (('"gesture"', "gesture"), ":9:21", "must stand in quotes"),
        (('mic_error{kind == "gesture"}', 'mic_error{kind == "gesture"} then'), ":9:", "cannot be read|ends too early"),
        (('mic_error{kind == "gesture"}', "room_details then mic_error{kind == $d.kind}"), ":9:", "not bound"),
        (('mic_error{kind == "gesture"}', "not mic_error"), ":9:", "needs a step that is seen"),
        (('"gesture"', '"genture"'), ":9:21", "never `genture`.*did you mean `gesture`"),
        (('"gesture"', "7"), ":9:21", "is a text"),
        (('mic_error{kind == "gesture"}', 'rest_failed{status == "401"}'), ":9:", "is a number"),
        (('mic_error{kind == "gesture"}', 'session_error{code == "transport.ice_faild"}'), ":9:", "did you mean `transport.ice_failed`"),
        (('mic_error{kind == "gesture"}', "mic_error then connected without connected"), ":9:", "can never fire"),
        (('"gesture"', r'"ges\\dture"'), ":9:", "the text is wrong: unescaped.*for one backslash"),
        (("[[counterexample]]", "[[exampel]]"), ":13:", "unknown key `exampel`"),
        (('severity = "error"', "severity = "), ":2:", "."),
        (("symptom", 'ask = "?"\nsymptom'), ":1:", "either `when` or `ask`"),
    ],
)  # fmt: skip
def test_a_bad_row_is_refused_with_its_place(
    tmp_path: Path, change: tuple[str, str], place: str, words: str
) -> None:
    file = tmp_path / "row.toml"
    text = GOOD.replace(*change, 1)
    assert text != GOOD
    with pytest.raises(TableError, match=words) as caught:
        rules.load_row(text, file)
    assert (caught.value.place or "").startswith(f"{file}{place}")


def test_all_that_is_wrong_with_a_row_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("verify", "verfy", 1).replace('"error"', '"bad"', 1)
    text = text.replace("mic_error", "mic_eror", 1).replace("[[counterexample]]", "[[exampel]]", 1)
    (tmp_path / "row.toml").write_text(text, encoding="utf-8")
    table = rules.load([tmp_path])
    told = [str(error) for error in table.refused]
    for words in ("`severity` must be", "key `verfy`", "no event `mic_eror`", "key `exampel`"):
        assert sum(words in one for one in told) == 1, told
    assert not table.rows


def test_a_good_row_loads(tmp_path: Path) -> None:
    assert rules.load_row(GOOD, tmp_path / "row.toml").chains


def test_a_bad_row_of_a_user_is_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.toml").write_text(GOOD.replace("mic_error", "mic"), encoding="utf-8")
    table = rules.load([tmp_path])
    assert list(table.rows) == ["good"]
    assert [str(tmp_path / "bad.toml") in (e.place or "") for e in table.refused] == [True]


SCHEMA = json.loads((ROOT / "convai_logscan" / "row.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", TABLE.rows.values(), ids=lambda r: r.id)
def test_a_row_file_fits_the_published_schema(row: Row) -> None:
    data = tomllib.loads(Path(row.file).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(data)


def test_the_schema_and_the_loader_know_the_same_keys() -> None:
    assert set(SCHEMA["properties"]) == set(rules._KEYS)
    assert set(SCHEMA["required"]) == set(rules._REQUIRED)
    assert set(SCHEMA["$defs"]["example"]["properties"]) == set(rules._EXAMPLE_KEYS)
    wrong = tomllib.loads(GOOD.replace("verify", "verfy"))
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(wrong)


def test_the_row_of_the_manual_is_true(tmp_path: Path) -> None:
    manual = (ROOT / ".github" / "ROWS.md").read_text(encoding="utf-8")
    row_text = re.search(r"```toml\n(.*?)```", manual, re.DOTALL)
    assert row_text
    row = rules.load_row(row_text[1], tmp_path / "lobby-drops.toml")
    table = rules.Table({**TABLE.rows, row.id: row}, "0")
    for example in row.examples:
        found = scanned(example.log, table=table)
        assert [d.verdict for d in found.diagnoses if d.id == row.id] == (
            ["fires"] if example.verdict == "fires" else []
        )
    log = re.search(r"((?:^    \[.*\n)+)", manual, re.MULTILINE)
    assert log
    found = scanned(re.sub(r"^    ", "", log[1], flags=re.MULTILINE), table=table)
    assert [d.verdict for d in found.diagnoses if d.id == row.id] == ["fires"]


def test_an_entry_that_no_row_asks_for_is_seen_at_one_look() -> None:
    chains = [chain for row in TABLE.rows.values() for chain in row.chains]
    atoms = {a for chain in chains for _, a in chain.places() if a.event == "entry"}
    assert len([a for a in atoms if a.words]) >= 50
    assert len([a for a in atoms if not a.words]) <= 10


def test_what_an_atom_asks_for_is_read_off_its_pattern(tmp_path: Path) -> None:
    def words(test: str) -> object:
        text = GOOD.replace('mic_error{kind == "gesture"}', f"entry{{message {test}}}")
        chain = rules.load_row(text, tmp_path / "row.toml").chains[0]
        return {word for _, atom in chain.places() for word in atom.words}

    assert words('like "No *camera is here*"') == {"camera is here"}
    assert words(r'~= "^\\\\d+ clips? were lost"') == {" clip were lost", " clips were lost"}
    assert words('~= "^(?:one thing|another)$"') == {"one thing", "another"}
    assert words('~= "(?i)any case"') == set()
    assert words('!= "x"') == set()


def may_meet(operands: Iterable[rules.Operand], event: Event) -> bool:
    return any(atom.may_accept(event) for operand in operands for atom in operand.every_atom())


def test_the_answer_to_an_event_is_what_its_atoms_accept() -> None:
    """Whatever is asked of an event is decided at once; each atom alone says the same."""
    for scope in ("session", "source"):
        found = asked(TABLE, scope)
        rows = [row for row in TABLE.rows.values() if row.scope == scope]
        for path in sorted(LOGS.glob("*.log"))[::6]:
            for event in events(Source("-", [path.read_bytes()]), settings()):
                answer = found.of(event)
                moves = {move.place: move for move in answer.moves}
                for place, link in enumerate(found.links):
                    move = moves.get(place) or Move(place)
                    steps = link.chain.steps
                    met = [n for n, step in enumerate(steps) if may_meet([step.operand], event)]
                    assert list(move.steps) == met[::-1], (path.name, event, link)
                    assert move.between == any(may_meet(step.between, event) for step in steps)
                    assert move.without == any(o.accepts(event, {}) for o in link.chain.without)
                against = {row.id for row in rows for o in row.against if o.accepts(event, {})}
                assert against == set(answer.against)
