"""The options that say how much of an archive is read, the same for every command."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import click

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def _size(word: str) -> int:
    """Return the bytes that a word like 500M or 2GiB means."""
    found = re.fullmatch(r"(\d{1,15}) ?([KMGT]?)(?:i?B)?", str(word), re.IGNORECASE)
    if not found:
        raise click.BadParameter(f"{word!r} is no size; write it like 500M or 2G")
    return int(found[1]) * _UNITS[found[2].upper()]


def _seconds(word: str) -> float:
    """Return how long a word like 60 or 1.5 means."""
    try:
        seconds = float(word)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise click.BadParameter(f"{word!r} is no time; write it in seconds, like 60")
    return seconds


def limited(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the four `--max-…` options: max_depth, max_members, max_bytes, max_seconds."""
    options = (
        click.option("--max-depth", type=click.IntRange(0), default=3, show_default=True,
                     help="Go this deep into archives in archives."),
        click.option("--max-members", type=click.IntRange(0), default=10_000, show_default=True,
                     help="Read this many members of one archive."),
        click.option("--max-bytes", type=_size, default="2G", metavar="SIZE", show_default=True,
                     help="Unpack this much of one archive."),
        click.option("--max-seconds", type=_seconds, default="60", metavar="SECONDS", show_default=True,
                     help="Spend this long on one archive."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function
