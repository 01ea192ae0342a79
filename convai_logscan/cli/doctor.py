"""`convai-logscan doctor`: versions, extras, and the logs in Unity's usual places. No network."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from convai_logscan.cache import folder
from convai_logscan.cli.street import paragraph, width
from convai_logscan.reports.safe import one_line
from convai_logscan.sources.places import found, looked_in

# What each optional part needs, and what it is for.
EXTRAS = (
    ("7z", ("py7zr",), "7z archives"),
    ("remote", ("fsspec", "aiohttp"), "logs behind URLs"),
    ("parquet", ("pyarrow",), "events as Parquet"),
)
NEEDED = (
    "click", "lark", "msgspec", "rich", "python-dateutil", "pandas", "numpy", "ahocorasick-rs",
    "hyperscan", "zlib-ng", "backports.zstd",
)  # fmt: skip
MAX_OFFERED = 9
MARGIN = 7  # columns beside a log's name
FOLD = "\n      "


@click.command(name="doctor")
def command() -> int:
    """Show versions, optional parts, and the logs in Unity's usual places. Nothing is sent anywhere."""
    from convai_logscan import __version__

    click.echo(f"convai-logscan {__version__}")
    paragraph(f"Python {platform.python_version()} on {platform.platform()}")
    click.echo("\nLibraries")
    for name in NEEDED:
        click.echo(f"  {name:16} {_version(name) or 'not installed'}")
    click.echo("\nOptional parts")
    for extra, names, purpose in EXTRAS:
        there = [f"{name} {found}" for name in names if (found := _version(name))]
        state = ", ".join(there) if len(there) == len(names) else _install(extra)
        click.echo(f"  {extra:8} {purpose}: {state}")
    place = folder()
    click.echo("\nKept for the next run")
    none = "nothing: CONVAI_LOGSCAN_CACHE is empty, or no folder is yours alone"
    click.echo(f"  {_shown(place) if place else none}")
    click.echo("\nUnity's places for logs")
    for one in _in_places(looked_in):
        click.echo(f"  {_shown(one)}")
    found_logs = logs()
    click.echo("\nLogs found, newest first" if found_logs else "\nNo log was found there.")
    for path in found_logs:
        click.echo(f"  {_line(path)}")
    return 0


def logs() -> list[Path]:
    """Return the logs in Unity's usual places on this computer, newest first."""
    return _in_places(found)


def _in_places(search: Callable[[str, Path, Path, Mapping[str, str]], list[Path]]) -> list[Path]:
    try:
        home = Path.home()
    except RuntimeError:
        return []  # no home folder, no usual places
    return search(sys.platform, home, Path(), os.environ)


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
    about = f"{when:%Y-%m-%d %H:%M}  {info.st_size / 1e6:8.1f} MB"
    fits = len(str(path)) + len(about) + MARGIN <= width()
    return f"{about}{'  ' if fits else FOLD}{one_line(str(path))}"


def _shown(path: Path) -> str:
    """Return a folder as people write it, with `~` for the home."""
    with suppress(ValueError, RuntimeError):
        return str(Path("~") / path.relative_to(Path.home()))
    return str(path) if path.is_absolute() else f".{os.sep}{path}"
