"""`convai-logscan explain`: a row, an SDK code, or words; with a log, how far a row got in it."""

from __future__ import annotations

import re
import sys
import textwrap
import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convai_logscan.cli.street import INCOMPLETE, complain
from convai_logscan.errors import SourceError
from convai_logscan.reports.safe import one_line

if TYPE_CHECKING:
    from convai_logscan.diagnose import Progress
    from convai_logscan.rules import Row, Table

WIDTH = 96
MAX_HITS = 6


@click.command(name="explain")
@click.argument("what", metavar="ID|CODE|WORDS")
@click.argument("path", required=False, metavar="[PATH]")
@click.option("--table", "tables", multiple=True, metavar="DIR", help="Add the rows of a folder.")
@click.option(
    "--livekit-test",
    type=click.Choice(("passed", "failed")),
    help="What the LiveKit connection test said.",
)
def command(what: str, path: str | None, tables: tuple[str, ...], livekit_test: str | None) -> int:
    """Explain a diagnosis, an SDK code, or search both by words.

    With PATH: how far the sequence of the diagnosis got in that log, what was missing, and which line
    ended it.
    """
    from convai_logscan import rules

    table = (
        rules.builtin() if not tables else rules.load([rules.builtin_folder(), *map(Path, tables)])
    )
    codes = _data("codes.toml")
    if what in table.rows:
        _row(table.rows[what])
        return _progress(table, what, path, livekit_test) if path else 0
    if what in codes:
        _code(what, codes[what], table)
        if path:
            for name in codes[what]["rows"]:
                if name in table.rows and table.rows[name].chains:
                    return _progress(table, name, path, livekit_test)
        return 0
    if path:
        hint = rules.nearest(what, [*table.rows, *codes])
        raise click.UsageError(
            f"there is no diagnosis or code `{what}`" + (f"; {hint}" if hint else "")
        )
    return _search(what, table, codes)


def _data(name: str) -> dict[str, Any]:
    text = resources.files("convai_logscan").joinpath(name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def _say(label: str, text: str) -> None:
    """Print a labelled paragraph."""
    lines = textwrap.wrap(text, WIDTH - 10, break_long_words=False, break_on_hyphens=False) or [""]
    for number, line in enumerate(lines):
        click.echo(f"{label if not number else '':9} {line}")


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
    for chain in row.chains:
        words = " then ".join(step.text for step in chain.steps)
        _say("Fires on", words)
    if row.needs:
        _say("Needs", "the log must be able to show the line: " + ", ".join(row.needs))
    if row.explains:
        _say("Explains", ", ".join(row.explains))


def _code(code: str, entry: dict[str, Any], table: Table) -> None:
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
    for row in rows:
        click.echo()
        _row(row)


def _progress(table: Table, name: str, path: str, livekit_test: str | None) -> int:
    """Print how far a row's sequence got in a log."""
    from convai_logscan.pipeline import Settings, watched
    from convai_logscan.sources import from_file, from_stream

    row = table.rows[name]
    click.echo()
    if not row.chains:
        click.echo("A log cannot show this; ask the question above.")
        return 0
    try:
        source = from_stream(sys.stdin.buffer) if path == "-" else from_file(Path(path))
        report, progress = watched(source, Settings(table, livekit_test=livekit_test, watch=name))
    except SourceError as error:
        complain(str(error))
        return INCOMPLETE
    verdicts = {d.session or 0: d for d in report.diagnoses if d.id == name}
    sessions = sorted({p.session for p in progress})
    if not report.visibility.convai:
        click.echo(f"{one_line(path)}: no Convai activity.")
    for session in sessions:
        mine = [p for p in progress if p.session == session]
        if not session and not any(e for p in mine for _, e in p.steps) and len(sessions) > 1:
            continue
        found = verdicts.get(session)
        where = f"session {session}" if session else "outside of any session"
        click.echo(f"{one_line(path)}, {where}: {found.verdict if found else 'silent'}")
        for one in mine:
            _chain(one)
        for text in found.missing if found else ():
            _say("  missing", text)
    return 0


def _chain(one: Progress) -> None:
    click.echo(f"  {'fires' if one.fired else 'does not fire'}:")
    for text, evidence in one.steps:
        if evidence:
            click.echo(f"    met      {text}")
            click.echo(f"             line {evidence.line}: {one_line(evidence.text)[:160]}")
        elif text.startswith("not "):
            click.echo(f"    absence  {text}")
        else:
            click.echo(f"    not met  {text}")
    if one.ended_by:
        click.echo(
            f"    ended by line {one.ended_by.line} ({one.ended_by.event}): {one_line(one.ended_by.text)[:160]}"
        )


def _search(words: str, table: Table, codes: dict[str, Any]) -> int:
    """Print the rows, codes and symptoms that share the most words with a question."""
    from convai_logscan.rules import nearest

    hits: list[tuple[float, str, str]] = []
    wanted = _words(words)
    for row in table.rows.values():
        head = f"{row.id.replace('-', ' ')} {row.symptom}"
        hits.append(
            (
                _score(wanted, head, f"{row.cause} {' '.join(row.fix)} {row.ask or ''}"),
                f"diagnosis  {row.id}",
                row.symptom,
            )
        )
    for code, entry in codes.items():
        head = re.sub(r"[._]", " ", code)
        hits.append(
            (
                _score(wanted, f"{head} {entry['meaning']}", entry["printed"]),
                f"code       {code}",
                entry["meaning"],
            )
        )
    for entry in _data("symptoms.toml")["symptom"]:
        text = f"{entry['cause']} {entry['fix']}"
        hits.append(
            (_score(wanted, entry["symptom"], text), "symptom", f"{entry['symptom']} {text}")
        )
    best = sorted((hit for hit in hits if hit[0] > 0), key=lambda hit: (-hit[0], hit[1], hit[2]))[
        :MAX_HITS
    ]
    hint = nearest(words, [*table.rows, *codes])
    if not best:
        raise click.UsageError(f"nothing is known about `{words}`" + (f"; {hint}" if hint else ""))
    if hint:
        click.echo(hint.replace("?", "?\n"))
    for _, name, text in best:
        click.echo(name)
        _say("", text)
    return 0


_STOP = frozenset(
    [
        "the",
        "a",
        "an",
        "is",
        "it",
        "in",
        "on",
        "of",
        "to",
        "and",
        "or",
        "not",
        "does",
        "do",
        "did",
        "no",
        "my",
        "i",
        "with",
        "for",
        "at",
        "be",
        "are",
        "was",
    ]
)


def _words(text: str) -> set[str]:
    found = re.findall(r"[a-z0-9]+", text.lower())
    return {
        re.sub(r"(?:ing|ed|es|s)$", "", word) if len(word) > 4 else word
        for word in found
        if word not in _STOP
    }


def _score(wanted: set[str], head: str, rest: str) -> float:
    """Return how well a text answers: words in its head count more than words behind."""
    if not wanted:
        return 0.0
    first, second = _words(head), _words(rest)
    score = sum(2.0 if w in first else 0.7 if w in second else 0.0 for w in wanted)
    return score / len(wanted) if score >= 0.5 * len(wanted) else 0.0
