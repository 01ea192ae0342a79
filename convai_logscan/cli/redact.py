"""`convai-logscan redact PATH -o OUT`: a copy that is safe to share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convai_logscan.cli.limits import limited
from convai_logscan.cli.street import (
    FOUND,
    INCOMPLETE,
    INTERRUPTED,
    complain,
    discreet,
    spare,
    standard_input,
    written,
)
from convai_logscan.errors import LeakError, SourceError
from convai_logscan.reports.safe import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convai_logscan.share import Copy, Item
    from convai_logscan.sources import Limits

MANY = 1_000_000  # lines of a shape that `--check` lists


@click.command(name="redact")
@click.argument("paths", nargs=-1, required=True, metavar="PATH")
@click.option("-o", "--output", metavar="OUT", help="Write the copy to OUT; - is standard output.")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is not clean.")
@click.option("--no-transcripts", is_flag=True, help="Take out what was said, too.")
@click.option("-q", "--quiet", is_flag=True, help="No summary on standard error.")
@limited
def command(
    paths: tuple[str, ...], output: str | None, check: bool, no_transcripts: bool, quiet: bool,
    max_depth: int, max_members: int, max_bytes: int, max_seconds: float,
) -> int:  # fmt: skip
    """Write a copy of a log without secrets and personal data.

    PATH is a log, an archive of logs (its copy is an archive), or - for standard input. Every other
    byte of the log stays as it is: encoding, line ends, number of lines. A secret becomes
    {{room-token-1}}, the same secret the same name. The copy is searched for what was taken out before
    it gets its name; where something is left nothing of that log is written and the exit code is 4.

    With --check, PATH may be given several times, and lines that hold something are listed.
    """
    from convai_logscan.sources import Limits

    # No copy of a mail is made: it would have to be encoded again, byte by byte as it was.
    limits = Limits(max_depth, max_members, max_bytes, max_seconds, mails=False)
    options = frozenset({"transcripts"} if no_transcripts else ())
    if check:
        if output:
            raise click.UsageError("--check writes nothing; leave -o out")
        return max(_check(path, options, limits, quiet=quiet) for path in paths)
    if output is None:
        raise click.UsageError("name the copy with -o OUT, or - for standard output")
    if len(paths) > 1:
        raise click.UsageError("one PATH at a time; a folder goes into one archive, -o OUT.zip")
    return _copy(paths[0], output, options, limits, quiet=quiet)


def _copy(path: str, output: str, options: frozenset[str], limits: Limits, *, quiet: bool) -> int:
    from convai_logscan import share

    once = path == "-"
    if output == "-":
        if once:
            copy = share.pass_on(_stdin(limits), sys.stdout.buffer.write, options)
        else:
            copy = share.pass_out(lambda: _items(path, limits), sys.stdout.buffer.write, options)
        sys.stdout.buffer.flush()
        return _ended(path, copy, quiet=quiet)
    _refuse_same(path, output)
    with written(output, "the copy") as beside, beside.open("wb") as out:
        if once:
            copy = share.copy_once(_stdin(limits), output, out, options)
        else:
            copy = share.copy_out(lambda: _items(path, limits), output, out, options)
        if not copy.found:
            raise _nothing(path, copy)
        leaking = [leak.place for leak in copy.leaks if leak.place]
        spare(output, [*(name for name, _ in copy.found), *leaking])
    return _ended(path, copy, quiet=quiet)


def _nothing(path: str, copy: Copy) -> SourceError:
    """Return why there is nothing to write."""
    reason = next((one.reason for one in copy.skipped), "there is no log in it")
    return SourceError(reason, path)


def _items(path: str, limits: Limits) -> Iterable[Item]:
    from convai_logscan.sources import Pipe, in_paths

    return in_paths([path], Pipe(standard_input()), limits)


def _stdin(limits: Limits) -> Iterable[Item]:
    return _items("-", limits)


def _refuse_same(path: str, output: str) -> None:
    """Refuse to write over what is read, or through a link."""
    source, target = Path(path), Path(output)
    if target.is_symlink():
        raise SourceError("the copy is not written through a link", output, "name its target")
    if target.is_dir():
        raise SourceError("this is a folder", output, "name the file to write")
    if path != "-" and source.is_dir() and target.resolve().is_relative_to(source.resolve()):
        message = "this lies in the folder that is read, and would be read as a log"
        raise SourceError(message, output, "choose another folder")
    try:
        same = path != "-" and source.samefile(target)
    except OSError:
        same = False
    if same:
        raise SourceError(
            "the copy cannot take the place of the log", output, "choose another name"
        )


def _ended(path: str, copy: Copy, *, quiet: bool) -> int:
    """Say what was taken out, by shape and line, and what was left out; return the exit code."""
    for one in copy.skipped:
        complain(f"{one.source}: {one.reason}")
    if not quiet:
        for name, found in copy.found:
            total = found.counts.total()
            shapes = len(found.counts)
            what = (
                f"{total} value{'s' * (total != 1)} of {shapes} shape{'s' * (shapes != 1)} replaced"
            )
            click.echo(f"{one_line(discreet(name))}: {what}; the check found none left", err=True)
            for shape, count in sorted(found.counts.items(), key=lambda item: (-item[1], item[0])):
                lines = found.lines[shape]
                more = ", …" if count > len(lines) else ""
                click.echo(
                    f"  {shape:16} {count:6}  line {', '.join(map(str, lines))}{more}", err=True
                )
    del path
    for leak in copy.leaks:
        complain(str(leak))
    if copy.interrupted:
        return INTERRUPTED
    if copy.leaks:
        return LeakError.exit_code
    return INCOMPLETE if any(not one.minor for one in copy.skipped) else 0


def _check(path: str, options: frozenset[str], limits: Limits, *, quiet: bool) -> int:
    """List where a file holds something; return the exit code."""
    from convai_logscan import share

    if path == "-":
        copy = share.looked_at_once(_stdin(limits), options, MANY)
    else:
        copy = share.looked_at(lambda: _items(path, limits), options, MANY)
    dirty = False
    for name, found in copy.found:
        dirty = dirty or bool(found.counts)
        if not quiet:
            places = [(line, shape) for shape, lines in found.lines.items() for line in lines]
            for line, shape in sorted(places):
                click.echo(f"{one_line(discreet(name))}:{line}: {shape}")
            if not places and sys.stderr.isatty():
                click.echo(f"{one_line(discreet(name))}: clean", err=True)
    for one in copy.skipped:
        complain(f"{one.source}: {one.reason}")
    if any(not one.minor for one in copy.skipped) or not copy.found:
        return INCOMPLETE
    return FOUND if dirty else 0
