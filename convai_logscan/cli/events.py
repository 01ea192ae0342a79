"""`convai-logscan events PATH`: the typed events of a log, redacted, one object a line."""

from __future__ import annotations

import csv
import json
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from convai_logscan.cli.street import (
    INCOMPLETE,
    INTERRUPTED,
    complain,
    paragraph,
    spare,
    standard_input,
    written,
)
from convai_logscan.errors import LogscanError, SourceError
from convai_logscan.reports.safe import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convai_logscan.events import Event
    from convai_logscan.redact import Redactor

HELD = 10_000  # events of a stream that wait for what may still give away a secret in them
TABLES = {".csv": "csv", ".parquet": "parquet", ".jsonl": "jsonl"}
# What every event has, before its own fields.
COMMON = ("line", "time", "event", "speaker", "level", "category", "tags", "text")


@click.command(name="events")
@click.argument("path", metavar="PATH", required=False)
@click.option(
    "--fields", "glossary", is_flag=True, help="Print every kind of event and its fields."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(("jsonl", "csv")),
    help="Format on standard output.  [default: jsonl]",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write to FILE; the suffix gives the format (.jsonl, .csv, .parquet).",
)
@click.option("--kind", "kinds", multiple=True, metavar="EVENT", help="Only these kinds of event.")
def command(
    path: str | None, glossary: bool, form: str | None, output: str | None, kinds: tuple[str, ...]
) -> int:
    """Print the typed events of a log as JSON lines, CSV or Parquet.

    PATH is a log, plain or compressed, one in an archive (bundle.zip!Player.log), a URL, or - for
    standard input.

    Every event has line, time, event, speaker, level, category, tags and text, then the fields of its
    kind. Secrets are replaced before any event is made.
    """
    from convai_logscan import rules
    from convai_logscan.events import KINDS
    from convai_logscan.pipeline import Settings, events, learn
    from convai_logscan.redact import Redactor
    from convai_logscan.sources import Pipe, one_log

    if glossary:
        _glossary()
        return 0
    if path is None:
        raise click.UsageError("give a log file, or - for standard input")
    for kind in kinds:
        if kind not in KINDS:
            hint = rules.nearest(kind, KINDS)
            raise click.UsageError(f"there is no event `{kind}`" + (f"; {hint}" if hint else ""))
    name = form or "jsonl"
    if output:
        suffix = Path(output).suffix.lower()
        if suffix not in TABLES:
            raise click.UsageError(f"-o {output}: the suffix must be one of {', '.join(TABLES)}")
        name = TABLES[suffix]
        spare(output, [path])
    how, redactor = Settings(rules.builtin()), Redactor()
    if Path(path.partition("!")[0]).is_file():  # what can be read twice is
        learn(one_log(path, Pipe(None)), how, redactor)
    source = one_log(path, Pipe(standard_input()))
    found = _held(
        (as_dict(e) for e in events(source, how, redactor) if not kinds or e.kind_name in kinds),
        redactor,
    )
    try:
        if name == "jsonl":
            _json_lines(found, output)
        else:
            _table(list(found), name, output)
    except SourceError as error:
        complain(str(error))
        return INCOMPLETE
    if source.cut:
        complain(f"{source.name}: {source.cut}")
    return INTERRUPTED if source.interrupted else INCOMPLETE if source.cut else 0


def as_dict(event: Event) -> dict[str, Any]:
    """Return an event as plain data: the common fields, then its own."""
    from convai_logscan.events import own_fields

    where = event.where
    found: dict[str, Any] = {
        "line": where.line, "time": where.stamp.printed if where.stamp else None,
        "event": event.kind_name, "speaker": where.speaker, "level": where.level,
        "category": where.category, "tags": [one_line(tag) for tag in where.tags],
        "text": one_line(where.text),
    }  # fmt: skip
    for name in own_fields(type(event)):
        value = getattr(event, name)
        # A field that is called like a common one keeps the event's own value.
        found[name] = one_line(value) if isinstance(value, str) else value
    return found


def _held(found: Iterator[dict[str, Any]], redactor: Redactor) -> Iterator[dict[str, Any]]:
    """Hand events on with a delay: a line further on may tell that one before held a secret."""
    waiting: deque[dict[str, Any]] = deque()
    for one in found:
        waiting.append(one)
        if len(waiting) > HELD:
            yield _again(waiting.popleft(), redactor)
    while waiting:
        yield _again(waiting.popleft(), redactor)


def _again(one: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    clean = {k: redactor.again(v) if isinstance(v, str) else v for k, v in one.items()}
    return {**clean, "tags": [redactor.again(tag) for tag in one["tags"]]}


def _json_lines(found: Iterator[dict[str, Any]], output: str | None) -> None:
    lines = (json.dumps(one, ensure_ascii=False) + "\n" for one in found)
    if output is None:
        sys.stdout.writelines(lines)
        return
    with (
        written(output, "the events") as path,
        path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as out,
    ):
        out.writelines(lines)


def _table(rows: list[dict[str, Any]], name: str, output: str | None) -> None:
    """Write a table with the same columns and types for every log."""
    import pandas as pd

    types = {**dict.fromkeys(COMMON, "string"), "line": "Int64", **_field_types()}
    flat = [{**row, "tags": " ".join(row["tags"])} for row in rows]
    frame = pd.DataFrame(flat, columns=list(types)).astype(types)
    if name == "parquet":
        try:
            with written(str(output), "the events") as path:
                frame.to_parquet(path, index=False)
        except ImportError as error:
            message = "Parquet needs pyarrow"
            raise LogscanError(message, output, "pip install 'convai-logscan[parquet]'") from error
        return
    texts = [column for column, kind in types.items() if kind == "string"]
    frame[texts] = frame[texts].map(_no_formula, na_action="ignore")
    text = frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_ALL)
    if output is None:
        sys.stdout.write(text)
        return
    with written(output, "the events") as path:
        path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def _field_types() -> dict[str, str]:
    """Return the pandas type of every field that any kind of event has of its own, by name."""
    from convai_logscan.events import KINDS, own_fields

    found: dict[str, str] = {}
    for kind in KINDS.values():
        for name, said in own_fields(kind).items():
            if name not in COMMON:
                word = said.partition(" ")[0]
                found[name] = {"int": "Int64", "float": "Float64", "bool": "boolean"}.get(
                    word, "string"
                )
    return dict(sorted(found.items()))


def _glossary() -> None:
    """Print every kind of event: what it says, and its own fields."""
    from convai_logscan.events import KINDS, own_fields

    paragraph(", ".join(COMMON), "every event  ")
    for name, kind in KINDS.items():
        said = (kind.__doc__ or "").strip().replace("``", "`")
        click.echo(f"\n{name}")
        for part in said.split("\n\n"):
            paragraph(" ".join(part.split()), "    ")
        for field, written_as in own_fields(kind).items():
            click.echo(f"    {field}: {written_as}")


def _no_formula(value: object) -> object:
    """Keep a spreadsheet from taking a text for a formula."""
    if isinstance(value, str) and value.lstrip()[:1] in set("=+-@\t\r＝＋－＠"):
        return "'" + value
    return value
