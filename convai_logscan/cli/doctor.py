"""`convai-logscan doctor`: versions, extras, and the logs in Unity's usual places. No network."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from convai_logscan.reports.safe import one_line

# What each optional part needs, and what it is for.
EXTRAS = (
    ("7z", ("py7zr",), "7z archives"),
    ("remote", ("fsspec", "aiohttp"), "logs behind URLs"),
    ("parquet", ("pyarrow",), "events as Parquet"),
)
NEEDED = ("click", "lark", "rich", "python-dateutil", "pandas", "ahocorasick-rs", "backports.zstd")
MAX_OFFERED = 9


@click.command(name="doctor")
def command() -> int:
    """Show versions, optional parts, and the logs in Unity's usual places. Nothing is sent anywhere."""
    from convai_logscan import __version__

    click.echo(f"convai-logscan {__version__}")
    click.echo(f"Python {platform.python_version()} on {platform.platform()}")
    click.echo("\nLibraries")
    for name in NEEDED:
        click.echo(f"  {name:16} {_version(name) or 'not installed'}")
    click.echo("\nOptional parts")
    for extra, names, purpose in EXTRAS:
        there = [f"{name} {found}" for name in names if (found := _version(name))]
        state = ", ".join(there) if len(there) == len(names) else _install(extra)
        click.echo(f"  {extra:8} {purpose}: {state}")
    found_logs = logs()
    click.echo(
        "\nLogs found, newest first" if found_logs else "\nNo log was found in Unity's places."
    )
    for path in found_logs:
        click.echo(f"  {_line(path)}")
    return 0


def logs() -> list[Path]:
    """Return the logs in Unity's usual places on this computer, newest first."""
    from convai_logscan.sources.places import found

    try:
        home = Path.home()
    except RuntimeError:
        return []  # no home folder, no usual places
    return found(sys.platform, home, Path(), os.environ)


def choose() -> str | None:
    """Offer the logs that were found; return the one that is wanted, or None when there is none."""
    offered = logs()[:MAX_OFFERED]
    if not offered or not all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout)):
        return None
    click.echo("No log was named. These are in Unity's usual places, newest first:")
    for number, path in enumerate(offered, 1):
        click.echo(f"  {number}  {_line(path)}")
    number = click.prompt("Which one", type=click.IntRange(1, len(offered)), default=1)
    return str(offered[number - 1])


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _install(extra: str) -> str:
    return f"not installed (pip install 'convai-logscan[{extra}]')"


def _line(path: Path) -> str:
    info = path.stat()
    when = datetime.fromtimestamp(info.st_mtime).astimezone()
    return f"{when:%Y-%m-%d %H:%M}  {info.st_size / 1e6:8.1f} MB  {one_line(str(path))}"
