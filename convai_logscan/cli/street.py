"""How a run ends: errors in one sentence on standard error, exit codes, closed pipes."""

from __future__ import annotations

import os
import re
import signal
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

import click

from convai_logscan.errors import LogscanError, SourceError
from convai_logscan.reports.safe import one_line

if TYPE_CHECKING:
    from pathlib import Path

    from convai_logscan.redact import Redactor

FOUND = 1
USAGE = 2
INCOMPLETE = 3
INTERRUPTED = 130
_given: ContextVar[tuple[str, ...]] = ContextVar("given", default=())  # the words of the call
MAX_WIDTH = 2000  # columns; a terminal that claims more is not believed


def run(command: click.Command, args: Sequence[str]) -> int:
    """Run a command; return the exit code. Nothing gets past as a traceback."""
    _give_streams()
    _given.set(tuple(args))
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")
    out = sys.stdout
    try:
        code = command.main(list(args), prog_name="convai-logscan", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help())
        return USAGE
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        called = context.command_path if context else "convai-logscan"
        complain(error.format_message(), f"`{called} --help` lists the options")
        return USAGE
    except LogscanError as error:
        complain(str(error))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return closed_pipe()
    except SystemExit:
        if sys.stdout is not out:  # click has met the closed pipe first, and wrapped what is left
            return closed_pipe()
        raise
    except OSError as error:
        complain(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}")
        return INCOMPLETE
    return code if isinstance(code, int) else 0


def end_tidily() -> None:
    """Leave no half-written file behind when the process is told to end."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda told, _: sys.exit(128 + told))


def _give_streams() -> None:
    """Write nowhere where the caller has closed standard output or standard error."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # Open to the end; a log that is opened later must not get the number of the closed one.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 (open to the end)


def standard_input() -> BinaryIO | None:
    """Return the bytes of standard input, or None where it is closed."""
    return sys.stdin.buffer if sys.stdin else None


def spare(output: str, names: Iterable[str]) -> None:
    """Refuse to write over a log that is read; a name may lead into an archive."""
    from pathlib import Path

    for name in names:
        for path in {name, name.partition("!")[0]}:
            try:
                same = Path(output).samefile(path)
            except (OSError, ValueError):
                continue  # one of them is no file
            if same:
                raise click.UsageError(f"-o {output}: this is a log that is read")


def width() -> int:
    """Return the columns to write for: the terminal's, or what COLUMNS says, else 80."""
    if not (sys.stdout.isatty() or os.environ.get("COLUMNS")):
        return 80
    import shutil  # slow, and not for `--help`

    return min(MAX_WIDTH, shutil.get_terminal_size((80, 24)).columns)


def paragraph(text: str, first: str = "", indent: int | None = None, most: int = MAX_WIDTH) -> None:
    """Print text that fits: behind `first`, and its further lines under it or by `indent`."""
    hang = len(first) if indent is None else indent
    room = max(hang + 20, min(most, width()))
    lines = textwrap.wrap(
        one_line(text), room, initial_indent=first, subsequent_indent=" " * hang,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    click.echo("\n".join(lines) if lines else first.rstrip())


def discreet(text: str) -> str:
    """Return a name, or a sentence with names, without secrets; what the caller wrote stays.

    Behind a `!` it comes out of an archive: there the names of people go, too.
    """
    from convai_logscan.redact import in_name

    outside, inside = _keepers()
    given = sorted(map(re.escape, _words(_given.get())), key=len, reverse=True)
    pieces = re.split(f"({'|'.join(given)})", text) if given else [text]
    for place in range(0, len(pieces), 2):  # what was given stands between them
        before, sign, behind = pieces[place].partition("!")
        pieces[place] = in_name(before, outside) + sign + in_name(behind, inside)
    return "".join(pieces)


@cache
def _keepers() -> tuple[Redactor, Redactor]:
    """Return what redacts names of files, and names out of archives."""
    from convai_logscan.redact import Redactor, load_shapes

    shapes = tuple(shape for shape in load_shapes() if not shape.option)
    return Redactor(tuple(shape for shape in shapes if shape.id != "user")), Redactor(shapes)


@cache
def _words(args: tuple[str, ...]) -> frozenset[str]:
    """Return the paths that the words of a command line may be, as they are shown."""
    from pathlib import PurePath  # slow, and not for `--help`

    words = {part for arg in args for part in (arg, arg.partition("=")[2])}
    words |= {re.split(r"[^/\\]*[*?\[]", word)[0] for word in words}  # of a pattern, its folder
    words |= {str(PurePath(word)) for word in words if word}
    return frozenset(word for word in words if len(word) > 1)


def complain(sentence: str, hint: str | None = None) -> None:
    """Write one sentence to standard error."""
    sentence, hint = discreet(sentence), discreet(hint) if hint else None
    text = one_line(sentence.strip().rstrip("."))
    click.echo(f"convai-logscan: {text}" + (f" ({hint})" if hint else ""), err=True)


@contextmanager
def written(output: str, what: str) -> Iterator[Path]:
    """Give a path beside `output` to write to, and rename it into place when all went well.

    It is new, for its owner only while it is written, and no link; what is at `output` stays until
    the whole is written.
    """
    from pathlib import Path

    path = Path(output)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise SourceError("this is a device or a pipe, not a file", output, "name a file")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        os.close(os.open(beside, flags, 0o600))
        yield beside
        with beside.open("rb+") as whole:
            os.fsync(whole.fileno())
        mask = os.umask(0o077)
        os.umask(mask)
        beside.chmod(0o666 & ~mask)  # as any other new file of this user
        beside.replace(path)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        message = f"{what} cannot be written: {reason}"
        raise SourceError(message, output, "choose a folder that exists and has room") from error
    finally:
        beside.unlink(missing_ok=True)


def closed_pipe() -> int:
    """End cleanly when the reader has gone, without a second complaint at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
