"""`convai-logscan explain`: a row, an SDK code, or words; with a log, how far a row got in it."""

from __future__ import annotations

import math
import re
import textwrap
import tomllib
from collections import Counter
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from convai_logscan.cli.street import INCOMPLETE, complain, discreet, paragraph, standard_input
from convai_logscan.reports.safe import one_line

if TYPE_CHECKING:
    from convai_logscan.diagnose import Progress
    from convai_logscan.model import SourceReport
    from convai_logscan.rules import Row, Table

MAX_WIDTH = 96
MAX_HITS = 8
MAX_LINE = 240  # characters of a line or step that are shown
MAX_TRIGGER = 400  # characters of a trigger that are shown


@click.command(name="explain")
@click.argument("words", nargs=-1, required=True, metavar="ID|CODE|WORDS... [PATH]")
@click.option("--table", "tables", multiple=True, metavar="DIR", help="Add the rows of a folder.")
@click.option(
    "--livekit-test",
    type=click.Choice(("passed", "failed")),
    help="What the LiveKit connection test said.",
)
def command(words: tuple[str, ...], tables: tuple[str, ...], livekit_test: str | None) -> int:
    """Explain a diagnosis, an SDK code, or search both by words.

    With PATH: how far the sequence of the diagnosis got in that log, what was missing, and which line
    ended it.
    """
    from convai_logscan import rules

    table = (
        rules.builtin() if not tables else rules.load([rules.builtin_folder(), *map(Path, tables)])
    )
    codes = _data("codes.toml")
    what, path = words[0], None
    if len(words) > 1 and (_is_log(words[-1]) or (len(words) == 2 and _known(what, table, codes))):
        what, path = " ".join(words[:-1]), words[-1]
    elif len(words) > 1:
        what = " ".join(words)
    elif not _known(what, table, codes) and Path(what).suffix and _is_there(what):
        raise click.UsageError(
            f"`{one_line(what)}` is a log: `convai-logscan LOG` diagnoses it, `explain ID LOG` says "
            "how far one diagnosis got in it"
        )
    if path and path != "-" and not re.search("://|!", path) and not _is_there(path):
        from convai_logscan.sources.plain import no_such_file

        raise no_such_file(Path(path))
    if what in table.rows:
        _row(table.rows[what])
        return _progress(table, [what], path, livekit_test) if path else 0
    if what in codes:
        names = [name for name in codes[what]["rows"] if name in table.rows]
        _code(what, codes[what], table, whole=path is None)
        return _progress(table, names, path, livekit_test) if path else 0
    best = _search(what, table, codes)
    named = [one.name.split()[1] for one in best if not one.name.startswith("symptom")]
    rows = [name for name in named if name in table.rows]
    if path and rows == named and len(rows) == 1:
        if question := table.rows[rows[0]].ask:
            _say("Ask", question)
        return _progress(table, rows, path, livekit_test)
    if named:
        click.echo()
        log = f' "{path}"' if path and " " in path else f" {path}" if path else ""
        # Not folded, so that it can be copied.
        click.echo(f"Next      convai-logscan explain {named[0]}{one_line(log)}")
    return 0


def _known(what: str, table: Table, codes: dict[str, Any]) -> bool:
    return what in table.rows or what in codes


def _is_log(word: str) -> bool:
    """Say whether the last word is a log, and not one of the words to search."""
    if word == "-" or "://" in word or word.lower().endswith((".log", ".txt")):
        return True
    return _is_there(word.partition("!")[0]) and not Path(word).is_dir()


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _data(name: str) -> dict[str, Any]:
    text = resources.files("convai_logscan").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def _say(label: str, text: str) -> None:
    """Print a labelled paragraph."""
    paragraph(text, f"{label:9} ", most=MAX_WIDTH)


def _row(row: Row) -> None:
    click.echo(f"{row.id}  ({row.area}, {row.severity}, rank {row.rank})")
    _say("Symptom", row.symptom)
    _say("Cause", row.cause)
    for number, step in enumerate(row.fix, 1):
        _say("Fix" if number == 1 else "", f"{number}. {step}" if len(row.fix) > 1 else step)
    _say("Verify", row.verify)
    _say("Docs", row.docs)
    if row.ask:
        _say("Ask", f"{row.ask} (No line of a log shows this by itself.)")
    triggers = [" then ".join(step.text for step in chain.steps) for chain in row.chains]
    for words in triggers if len(" ".join(triggers)) < MAX_TRIGGER else ():
        _say("Fires on", words)
    if len(" ".join(triggers)) >= MAX_TRIGGER:
        _say("Fires on", f"`convai-logscan table show {row.id}` prints the whole trigger.")
    if row.needs:
        _say("Needs", "the log must be able to show the line: " + ", ".join(row.needs))
    if row.explains:
        _say("Explains", ", ".join(row.explains))


def _code(code: str, entry: dict[str, Any], table: Table, *, whole: bool) -> None:
    click.echo(code)
    _say("Means", entry["meaning"])
    _say("Printed", entry["printed"])
    _say(
        "Retried",
        {
            "yes": "The SDK tries again by itself.",
            "no": "The SDK does not try again by itself.",
        }.get(entry["retry"], "Not known."),
    )
    rows = [table.rows[name] for name in entry["rows"] if name in table.rows]
    for row in rows if whole else ():
        click.echo()
        _row(row)


def _progress(table: Table, names: list[str], path: str, livekit_test: str | None) -> int:
    """Print how far the sequences of rows got in a log; of several rows, one line each first."""
    from convai_logscan.pipeline import Settings, watched
    from convai_logscan.sources import Pipe, one_log

    click.echo()
    told = [name for name in names if table.rows[name].chains]
    if not told:
        click.echo("A log cannot show this; ask the question above.")
        return 0
    code, shown = 0, told
    if len(told) > 1:
        if path == "-":
            raise click.UsageError(
                "name one diagnosis, or give a file: standard input is read once"
            )
        source = one_log(path, Pipe(None))
        report, _ = watched(source, Settings(table, livekit_test=livekit_test))
        verdicts = {d.id: d.verdict for d in report.diagnoses}
        for name in told:
            click.echo(f"{one_line(discreet(source.name))}: {name} {verdicts.get(name, 'silent')}")
        shown = [name for name in told if name in verdicts] or told[:1]
        click.echo()
    for name in shown:
        source = one_log(path, Pipe(standard_input()))
        report, progress = watched(source, Settings(table, livekit_test=livekit_test, watch=name))
        if source.cut:
            complain(f"{source.name}: {source.cut}")
            code = INCOMPLETE
        _got(name, source.name, report, progress)
    return code


def _got(name: str, path: str, report: SourceReport, progress: list[Progress]) -> None:
    """Print how far one row's alternatives got in each session."""
    verdicts = {d.session or 0: d for d in report.diagnoses if d.id == name}
    sessions = sorted({p.session for p in progress})
    if not report.visibility.convai:
        click.echo(f"{one_line(discreet(path))}: no Convai activity.")
    for session in sessions:
        mine = [p for p in progress if p.session == session]
        if not session and not any(e for p in mine for _, e in p.steps) and len(sessions) > 1:
            continue
        found = verdicts.get(session)
        where = f"session {session}" if session else "outside of any session"
        click.echo(
            f"{one_line(discreet(path))}, {where}: {name} {found.verdict if found else 'is silent'}"
        )
        for number, one in enumerate(mine, 1):
            _chain(one, f" (way {number} of {len(mine)})" if len(mine) > 1 else "")
        for text in found.missing if found else ():
            _say("  missing", text)


def _chain(one: Progress, which: str) -> None:
    click.echo(f"  {'fires' if one.fired else 'does not fire'}{which}:")
    for text, evidence in one.steps:
        if evidence:
            _step("met", f"line {evidence.line} ({evidence.event}): {evidence.text}")
        else:
            _step("absence" if text.startswith("not ") else "not met", text)
    if one.ended_by:
        ended = one.ended_by
        _step("ended", f"line {ended.line} ({ended.event}): {ended.text}")


def _step(label: str, text: str) -> None:
    paragraph(textwrap.shorten(text, MAX_LINE, placeholder=" …"), f"    {label:9}", most=MAX_WIDTH)


def _search(words: str, table: Table, codes: dict[str, Any]) -> list[_Text]:
    """Print the rows, codes and symptoms that answer a question best, and return them."""
    from convai_logscan.rules import nearest

    symptoms = _data("symptoms.toml")
    texts = [
        *(_of_row(row, codes) for row in table.rows.values()),
        *(
            _Text(f"code       {code}", entry["meaning"], f"{code} {entry['meaning']}", entry["printed"])
            for code, entry in codes.items()
        ),
        *(
            _Text("symptom", f"{entry['symptom']} {entry['cause']} {entry['fix']}", f"{entry['symptom']} {entry.get('words', '')}", f"{entry['cause']} {entry['fix']}")
            for entry in symptoms["symptom"]
        ),
    ]  # fmt: skip
    meant = [_of_row(table.rows[name], codes) for name in _meant(words, symptoms["asked"])]
    best = list(dict.fromkeys([*meant, *_best(_words(words), texts, symptoms["means"])]))
    best = best[:MAX_HITS] or _in_logs(words, table)
    hint = nearest(words, [*table.rows, *codes]) if " " not in words.strip() else None
    if not best:
        raise click.UsageError(
            f"nothing in the table answers `{words}`"
            + (f"; {hint}" if hint else "; `convai-logscan table list` shows all rows")
        )
    if hint:
        click.echo(hint + "\n")
    for one in best:
        click.echo(one.name)
        _say("", one.shown)
    return best


def _meant(words: str, asked: list[dict[str, list[str]]]) -> list[str]:
    """Return the rows that a question names in the words of those who ask it.

    The longest phrase that is in the question counts, where it is more than half of it.
    """
    wanted = set(_words(words))
    fits = [
        (len(phrase), entry["rows"])
        for entry in asked
        for phrase in (set(_words(one)) for one in entry["words"])
        if phrase <= wanted and 2 * len(phrase) > len(wanted)
    ]
    longest = max((size for size, _ in fits), default=0)
    return list(dict.fromkeys(row for size, rows in fits if size == longest for row in rows))


def _of_row(row: Row, codes: dict[str, Any]) -> _Text:
    """Return a row with all that the table says of it, and of the codes that it answers."""
    triggers = " ".join(step.text for chain in row.chains for step in chain.steps)
    told = [e["meaning"] + e["printed"] for e in codes.values() if row.id in e["rows"]]
    rest = (row.cause, *row.fix, row.verify, row.ask or "", triggers, *told)
    return _Text(f"diagnosis  {row.id}", row.symptom, f"{row.id} {row.symptom}", " ".join(rest))


def _in_logs(words: str, table: Table) -> list[_Text]:
    """Return the rows that have the words, as they are, in a log they fire on."""
    wanted = words.lower()
    return [
        _Text(f"diagnosis  {row.id}", row.symptom, "", "")
        for row in table.rows.values()
        if any(e.verdict == "fires" and wanted in e.log.lower() for e in row.examples)
    ][:MAX_HITS]


class _Text(NamedTuple):
    """Something that can answer a question: what is printed, and the words it is found by."""

    name: str
    shown: str
    head: str
    rest: str


def _words(text: str) -> list[str]:
    """Return the words that count, without their endings."""
    found = re.findall(r"[a-z0-9]+", re.sub("(?<=[a-z])['’](?=[a-z])", "", text.lower()))
    return [_stem(word) for word in found if word not in _small()]


@cache
def _small() -> frozenset[str]:
    """Return the words that say nothing about the trouble."""
    return frozenset(_data("symptoms.toml")["small"].split())


def _stem(word: str) -> str:
    """Return what connect, connects, connected, connecting and connection share."""
    if len(word) < 4:
        return word
    return re.sub(r"(.)\1$", r"\1", re.sub(r"(?:ions?|ing|ed|es|s|e)$", "", word))


def _best(wanted: list[str], texts: list[_Text], means: dict[str, list[str]]) -> list[_Text]:
    """Return the texts that share the rarest words with the question, best first.

    A word in the head counts twice as much as one behind it; a word that only means the same, half.
    """
    held = [(one, set(_words(one.head)), set(_words(one.rest))) for one in texts]
    often = Counter(word for _, head, rest in held for word in head | rest)
    weights = dict.fromkeys(wanted, 1.0)
    others = {_stem(word): words for word, words in means.items()}
    for word in wanted:
        for other in others.get(word, ()):
            weights.setdefault(_stem(other), 0.5)
    scores: list[tuple[float, int, str, _Text]] = []
    for one, head, rest in held:
        score = sum(
            weight * (2.0 if word in head else 1.0) * math.log(1 + len(texts) / often[word])
            for word, weight in weights.items()
            if word in head or word in rest
        )
        if score:
            order = ("diagnosis", "symptom", "code").index(one.name.split()[0])
            scores.append((-score, order, one.name, one))
    scores.sort(key=lambda found: found[:3])
    return [one for score, _, _, one in scores if score <= scores[0][0] * 0.4][:MAX_HITS]
