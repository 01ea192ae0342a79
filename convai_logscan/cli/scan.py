"""`convai-logscan scan PATH...`: diagnose files and standard input."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from msgspec.structs import replace

from convai_logscan.cli.limits import limited
from convai_logscan.cli.street import (
    FOUND,
    INCOMPLETE,
    INTERRUPTED,
    USAGE,
    complain,
    discreet,
    spare,
    standard_input,
    width,
    written,
)
from convai_logscan.errors import ReportError, SourceError
from convai_logscan.model import SEVERITIES, Diagnosis, Report, Severity, Skipped, SourceReport

if TYPE_CHECKING:
    from convai_logscan.pipeline import Settings
    from convai_logscan.rules import Table
    from convai_logscan.sources import Limits

MAX_COMPLAINTS = 20  # sentences on standard error
KINDS = ("editor", "player", "logcat", "webgl", "ios", "console", "ci", "other")


@click.command(name="scan")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option(
    "--format",
    "form",
    type=click.Choice(("terminal", "json")),
    help="Format on standard output.  [default: terminal]",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FILE",
    help="Write the report to FILE too; the suffix gives the format (.json, .txt).",
)
@click.option("--as", "kind", type=click.Choice(KINDS), help="Take the log for this kind.")
@click.option(
    "--session",
    "which",
    default="all",
    metavar="N|last|all",
    help="Report these sessions only.  [default: all]",
)
@click.option("--select", multiple=True, metavar="ID", help="Report only these diagnoses.")
@click.option("--ignore", multiple=True, metavar="ID", help="Leave these diagnoses out.")
@click.option(
    "--table", "tables", multiple=True, metavar="DIR", help="Add the rows of a folder to the table."
)
@click.option("--strict", is_flag=True, help="Stop when a row of --table is bad.")
@click.option(
    "--livekit-test",
    type=click.Choice(("passed", "failed")),
    help="What the LiveKit connection test said.",
)
@click.option(
    "--fail-on",
    type=click.Choice((*SEVERITIES, "never")),
    default="error",
    show_default=True,
    help="Exit with 1 when something at least this severe fires.",
)
@click.option(
    "--color",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
    show_default=True,
    help="Colours on the terminal; NO_COLOR is honoured.",
)
@limited
@click.option(
    "--no-marks", is_flag=True, hidden=True, help="Parse every line (slow; to check the marks)."
)
@click.option("-q", "--quiet", is_flag=True, help="Verdicts only.")
@click.option(
    "-v", "--verbose", is_flag=True, help="Ids, timeline and everything else that was seen."
)
@click.pass_context
def command(
    ctx: click.Context, paths: tuple[str, ...], form: str | None, outputs: tuple[str, ...],
    kind: str | None, which: str, select: tuple[str, ...], ignore: tuple[str, ...],
    tables: tuple[str, ...], strict: bool, livekit_test: str | None, fail_on: str, color: str,
    max_depth: int, max_members: int, max_bytes: int, max_seconds: float, no_marks: bool,
    quiet: bool, verbose: bool,
) -> int:  # fmt: skip
    """Say what is wrong in Unity logs: the cause, how sure it is, the fix, how to verify it.

    PATH is a file, a folder, a pattern like logs/*.log, an archive (zip, tar, 7z, nested too), a mail,
    a compressed file (gz, bz2, xz, zst), a URL, @FILE for a list of paths, or - for standard input.
    What a file is shows in its content; its name does not matter.
    """
    if not paths:
        from convai_logscan.cli.doctor import choose

        path = choose()
        if path is None:
            click.echo(ctx.find_root().get_help())
            return USAGE
        paths = (path,)
    from convai_logscan import __version__
    from convai_logscan.pipeline import Settings
    from convai_logscan.reports import SUFFIXES
    from convai_logscan.sources import Limits

    for output in outputs:
        spare(output, paths)
        if Path(output).suffix.lower() not in SUFFIXES:
            message = f"-o {output}: the suffix must be one of {', '.join(SUFFIXES)}"
            raise click.UsageError(message)
    if which not in {"all", "last"} and not (
        which.isascii() and which.isdigit() and int(which) > 0
    ):
        message = f"--session {which}: give a number, last or all"
        raise click.UsageError(message)
    table, refused = _table(tables, select + ignore, strict=strict)
    settings = Settings(
        table, marks=not no_marks, kind=kind, livekit_test=livekit_test, ignored=frozenset(ignore)
    )
    report = Report(__version__, table.hash, skipped=refused)
    _read(paths, settings, report, Limits(max_depth, max_members, max_bytes, max_seconds))
    _known_session(report, which)
    for source in report.sources:
        _narrow(source, which, select, ignore)
    for output in outputs:
        spare(output, [one.name for one in report.sources])
    _name_discreetly(report)
    unwritten: list[SourceError] = []
    for output in outputs:
        try:
            _write(report, output, SUFFIXES[Path(output).suffix.lower()])
        except SourceError as error:  # what was found is printed all the same
            unwritten.append(error)
    _print(report, form or "terminal", color=color, quiet=quiet, verbose=verbose)
    for one in unwritten:
        complain(str(one))
    code = _exit_code(report, fail_on)
    return max(code, INCOMPLETE) if unwritten else code


def _table(
    folders: tuple[str, ...], ids: tuple[str, ...], *, strict: bool
) -> tuple[Table, list[Skipped]]:
    from convai_logscan import rules

    table = rules.builtin()
    refused: list[Skipped] = []
    if folders:
        own = rules.builtin_folder()
        table = rules.load([own, *map(Path, folders)])
        for error in table.refused:
            if strict:
                raise error
            refused.append(
                Skipped(
                    error.place or "table",
                    error.message + (f" ({error.hint})" if error.hint else ""),
                )
            )
    for one in ids:
        if one not in table.rows:
            raise click.UsageError(
                f"there is no diagnosis `{one}`"
                + (f"; {hint}" if (hint := rules.nearest(one, table.rows)) else "")
            )
    return table, refused


def _read(paths: tuple[str, ...], settings: Settings, report: Report, limits: Limits) -> None:
    """Scan every log that the paths lead to; Ctrl-C keeps what was read."""
    from convai_logscan.cli.progress import Progress
    from convai_logscan.pipeline import scan
    from convai_logscan.sources import Pipe, in_paths

    stdin = Pipe(standard_input())
    given = {str(Path(path)) for path in paths}
    try:
        with Progress() as progress:
            for item in in_paths(paths, stdin, limits):
                if isinstance(item, Skipped):
                    report.skipped.append(item)
                    continue
                progress.reads(item)
                try:
                    found, skipped = scan(item, settings)
                except SourceError as error:
                    hint = f" ({error.hint})" if error.hint else ""
                    met = isinstance(error, ReportError) and item.name not in given
                    report.skipped.append(Skipped(item.name, error.message + hint, met))
                    continue
                report.sources.append(found)
                report.skipped.extend(skipped)
    except KeyboardInterrupt:
        report.interrupted = True
    report.interrupted = report.interrupted or stdin.interrupted
    if report.skipped and not report.sources and all(one.minor for one in report.skipped):
        report.skipped += [Skipped(path, "no log is in it") for path in paths]


def _name_discreetly(report: Report) -> None:
    """Take secrets out of the names of what was met on the way."""
    for source in report.sources:
        source.name = discreet(source.name)
    report.skipped = [
        replace(one, source=discreet(one.source), reason=discreet(one.reason))
        for one in report.skipped
    ]


def _known_session(report: Report, which: str) -> None:
    """Refuse the number of a session that no log has: its report would look like a clean one."""
    numbers = {session.number for source in report.sources for session in source.sessions}
    if numbers and which.isdigit() and int(which) not in numbers:
        many = f"1 to {max(numbers)}" if len(numbers) > 1 else "1"
        raise click.UsageError(f"--session {which}: there is none; the sessions are {many}")


def _narrow(
    source: SourceReport, which: str, select: tuple[str, ...], ignore: tuple[str, ...]
) -> None:
    """Keep the sessions and diagnoses that were asked for."""
    if which != "all" and source.sessions:
        number = source.sessions[-1].number if which == "last" else int(which)
        source.sessions = [one for one in source.sessions if one.number == number]
        source.diagnoses = [d for d in source.diagnoses if d.session in {number, None}]
    kept: list[Diagnosis] = []
    for one in source.diagnoses:
        option = "--ignore" if one.id in ignore else "--select"
        if one.id in ignore or (select and one.id not in select):
            source.left_out.setdefault(option, []).append(one)
        else:
            kept.append(one)
    source.diagnoses = kept


def _write(report: Report, output: str, name: str) -> None:
    """Write a report file beside its place, then rename it into it."""
    from convai_logscan.reports import render

    with written(output, "the report") as path:
        path.write_text(
            render(report, name), encoding="utf-8", errors="backslashreplace", newline="\n"
        )


def _print(report: Report, name: str, *, color: str, quiet: bool, verbose: bool) -> None:
    from convai_logscan.reports import Look, render

    terminal = sys.stdout.isatty()
    colour = color == "always" or (
        color == "auto"
        and terminal
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
    )
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    look = Look(
        width(), colour=colour, quiet=quiet, verbose=verbose, ascii=not encoding.startswith("utf"),
        now=time.time(),
    )  # fmt: skip
    if name == "json" or report.sources or not report.skipped:
        sys.stdout.write(render(report, name, look))
    if name == "json" or not report.sources:
        _complain(report.skipped)
    if report.interrupted:
        complain("interrupted; what was read until then is reported")
    sys.stdout.flush()


def _complain(skipped: list[Skipped]) -> None:
    """Say what was left out on standard error; what is plainly no log is counted."""
    wrong = [one for one in skipped if not one.minor]
    for one in wrong[:MAX_COMPLAINTS]:
        complain(f"{one.source}: {one.reason}")
    if len(wrong) > MAX_COMPLAINTS:
        more = len(wrong) - MAX_COMPLAINTS
        complain(f"{more} more inputs were not read; --format json lists them")


def _exit_code(report: Report, fail_on: str) -> int:
    if report.interrupted:
        return INTERRUPTED
    if any(not one.minor for one in report.skipped):
        return INCOMPLETE
    worst = report.worst()
    if fail_on == "never" or worst is None:
        return 0
    order: tuple[str, ...] = get_args(Severity)
    return FOUND if order.index(worst) <= order.index(fail_on) else 0
