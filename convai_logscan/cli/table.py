"""`convai-logscan table`: the troubleshooting table, and the workbench of those who write rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from convai_logscan.cli import Group
from convai_logscan.cli.street import USAGE, complain, paragraph
from convai_logscan.reports.safe import one_line

if TYPE_CHECKING:
    from convai_logscan.rules import Row, Table


@click.group(name="table", cls=Group)
def command() -> None:
    """List, show, check and cover the rows of the troubleshooting table."""


@command.command(name="list")
@click.option("--table", "tables", multiple=True, metavar="DIR", help="Add the rows of a folder.")
def list_rows(tables: tuple[str, ...]) -> int:
    """List every row by area: id, severity, rank, symptom."""
    loaded = _load(tables)
    longest = max((len(row.id) for row in loaded.rows.values()), default=0)
    area = None
    for row in sorted(loaded.rows.values(), key=lambda r: (r.area, r.rank, r.id)):
        if row.area != area:
            click.echo(("" if area is None else "\n") + one_line(row.area))
            area = row.area
        how = row.severity if row.chains else "ask"
        paragraph(row.symptom, f"{row.id:{longest}} {how:7} {row.rank:4} ")
    return _complaints(loaded)


@command.command()
@click.argument("row_id", metavar="ID")
@click.option("--table", "tables", multiple=True, metavar="DIR", help="Add the rows of a folder.")
def show(row_id: str, tables: tuple[str, ...]) -> int:
    """Show one row file as it stands."""
    from convai_logscan.rules import nearest

    loaded = _load(tables)
    row = loaded.rows.get(row_id)
    if row is None:
        hint = nearest(row_id, loaded.rows)
        raise click.UsageError(f"there is no row `{row_id}`" + (f"; {hint}" if hint else ""))
    click.echo(Path(row.file).read_text(encoding="utf-8").rstrip())
    return 0


@command.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def check(folder: Path) -> int:
    """Check the rows of a folder: words, places, examples; exit 2 when one is wrong."""
    from convai_logscan import rules

    loaded = rules.load([rules.builtin_folder(), folder])
    for error in loaded.refused:
        complain(str(error))
    bad = len(loaded.refused)
    own = [row for row in loaded.rows.values() if Path(row.file).is_relative_to(folder)]
    for row in own:
        for sentence in _problems(row, loaded):
            complain(f"{row.file}: {sentence}")
            bad += 1
    click.echo(
        f"{len(own)} row{'s' if len(own) != 1 else ''}, {bad} problem{'s' if bad != 1 else ''}"
    )
    return USAGE if bad else 0


@command.command()
@click.option("--table", "tables", multiple=True, metavar="DIR", help="Add the rows of a folder.")
def coverage(tables: tuple[str, ...]) -> int:
    """Run every row on its examples: how many fire, stay silent, are inconclusive."""
    loaded = _load(tables)
    wrong = 0
    click.echo(f"{'row':34} {'fires':>6} {'silent':>7} {'inconclusive':>13}")
    for row in sorted(loaded.rows.values(), key=lambda r: r.id):
        if not row.chains:
            click.echo(f"{row.id:34} {'ask':>6}")
            continue
        counts = {
            verdict: sum(e.verdict == verdict for e in row.examples)
            for verdict in ("fires", "silent", "inconclusive")
        }
        problems = _problems(row, loaded)
        wrong += len(problems)
        note = "" if not problems else "  " + "; ".join(problems)
        click.echo(
            f"{row.id:34} {counts['fires']:6} {counts['silent']:7} {counts['inconclusive']:13}{note}"
        )
    firing = sum(bool(row.chains) for row in loaded.rows.values())
    click.echo(
        f"{len(loaded.rows)} rows, {firing} with a trigger, {len(loaded.rows) - firing} questions, {wrong} problems"
    )
    return USAGE if wrong else _complaints(loaded)


def _load(folders: tuple[str, ...]) -> Table:
    from convai_logscan import rules

    if not folders:
        return rules.builtin()
    return rules.load([rules.builtin_folder(), *map(Path, folders)])


def _complaints(loaded: Table) -> int:
    for error in loaded.refused:
        complain(str(error))
    return USAGE if loaded.refused else 0


def _problems(row: Row, table: Table) -> list[str]:
    """Run a row on its examples; return what does not come out as it says."""
    from convai_logscan.pipeline import Settings, scan_text

    found: list[str] = []
    for number, example in enumerate(row.examples, 1):
        words = list(example.options)
        test = words[words.index("--livekit-test") + 1] if "--livekit-test" in words else None
        source = scan_text(example.log, Settings(table, livekit_test=test))
        verdicts = {d.verdict for d in source.diagnoses if d.id == row.id}
        wanted = set() if example.verdict == "silent" else {example.verdict}
        if verdicts != wanted:
            got = " and ".join(sorted(verdicts)) or "is silent"
            found.append(f"example {number} should be {example.verdict}, but the row {got}")
    if row.needs and row.chains and not any(e.verdict == "inconclusive" for e in row.examples):
        found.append('a row with `needs` has an [[example]] with verdict = "inconclusive"')
    return found
