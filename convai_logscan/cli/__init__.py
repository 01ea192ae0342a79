"""The door to the street: commands, options, exit codes. Only this room prints."""

from __future__ import annotations

import sys

import click

# What the help lists, so that it imports none of them.
BUILT = {
    "scan": "Say what is wrong in Unity logs: the cause, the fix, the proof.",
    "explain": "Explain a diagnosis, an SDK code, or search both by words.",
    "events": "Print the typed events of a log as JSON lines, CSV or Parquet.",
    "table": "List, show, check and cover the troubleshooting rows.",
    "doctor": "Show versions, optional parts, and the logs in Unity's places.",
    "redact": "Write a copy of a log without secrets and personal data.",
}


class Group(click.Group):
    """Commands whose usage errors say which of them it was."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that is named."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            name = ctx.invoked_subcommand or ""
            command = self.get_command(ctx, name)
            if error.ctx is None and command:
                error.ctx = click.Context(command, ctx, info_name=name)
            raise


class Commands(Group):
    """Commands by name, each imported when asked for; any other first word is a path to scan."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands that exist."""
        del ctx
        return list(BUILT)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and return its command."""
        del ctx
        if cmd_name not in BUILT:
            return None
        from importlib import import_module

        command = import_module(f"convai_logscan.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by their summaries."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(BUILT.items()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `scan` before a call that names no command."""
        own = {"--help", "-h", "--version"}
        if args and args[0] not in BUILT and not (len(args) == 1 and args[0] in own):
            _no_command(args[0])
            args = ["scan", *args]
        elif not args and _piped():
            args = ["scan", "-"]
        elif not args and _on_a_terminal():
            args = ["scan"]  # it offers the logs in Unity's usual places
        return super().parse_args(ctx, args)


def _no_command(word: str) -> None:
    """Refuse a word that is no file and looks like a mistyped command."""
    import os

    if not word.isalpha() or os.path.lexists(word):
        return
    from difflib import get_close_matches

    close = get_close_matches(word, BUILT, 1, 0.7)
    if close:
        message = f"there is no command and no file `{word}`; did you mean `{close[0]}`?"
        raise click.UsageError(message)


def _piped() -> bool:
    """Say whether standard input is a pipe or a file, and not just closed or empty by nature."""
    import os
    import stat

    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _on_a_terminal() -> bool:
    """Say whether someone is there to be asked."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from convai_logscan import __version__

        click.echo(f"convai-logscan {__version__}")
        ctx.exit()


@click.group(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=True
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_version,
    help="Show the version and exit.",
)
def group() -> None:
    """Say why a Convai character does not connect, hear or speak, from a Unity log.

    convai-logscan Player.log is short for convai-logscan scan Player.log; a single - reads standard
    input. A file named like a command is written ./scan.
    """


def main() -> None:
    """Run the command line and exit with its code."""
    from convai_logscan.cli.street import end_tidily, run

    end_tidily()
    sys.exit(run(group, sys.argv[1:]))
