"""From the words of a command line to inputs: files, folders, patterns, lists, URLs, standard input."""

from __future__ import annotations

import glob
import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from convai_logscan.errors import SourceError
from convai_logscan.model import Skipped
from convai_logscan.sources.limits import Budget, Limits
from convai_logscan.sources.opener import Item, opened, said, several
from convai_logscan.sources.plain import Pipe, from_file, from_stream, in_file, in_folder
from convai_logscan.sources.remote import in_url, shown
from convai_logscan.sources.stream import Stream
from convai_logscan.sources.text import Source

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|.*::[A-Za-z][A-Za-z0-9+.-]+://")
MAX_TOLD = 5  # logs of an archive that are named where another one was asked for
MAX_LIST = 1 << 24  # bytes of a list of paths


def one_log(path: str, stdin: Pipe, limits: Limits | None = None) -> Source:
    """Return the one log that a path leads to, for commands that read one.

    Raises SourceError where there is none or there are several.
    """
    if path == "-":
        return from_stream(stdin)
    if not (_URL.match(path) or _in_archive(path)):
        return from_file(Path(path), limits)
    rest = _in_path(path, stdin, limits or Limits(), lists=False)
    for item in rest:
        if isinstance(item, Source):
            if item.name.startswith(f"{shown(path)}!"):
                raise several(shown(path), item.name)
            return item.closed_with(rest.close)
        if not item.minor:
            raise SourceError(item.reason, item.source)
    raise SourceError("no log is in it", shown(path))


def in_paths(paths: Sequence[str], stdin: Pipe, limits: Limits) -> Iterator[Item]:
    """Yield every log that the paths lead to, in their order, and what was left out."""
    for path in paths:
        found = False  # a log, or a reason that is the user's business
        for item in _in_path(path, stdin, limits, lists=True):
            found = found or isinstance(item, Source) or not item.minor
            yield item
        if not found:
            yield Skipped(shown(path), "no log is in it")


def _in_path(path: str, stdin: Pipe, limits: Limits, *, lists: bool) -> Generator[Item]:
    if path == "-":
        yield from opened("-", Stream(stdin), Budget(limits), named=True)
    elif lists and path.startswith("@"):
        yield from _in_list(path, stdin, limits)
    elif not path:  # never the folder that one happens to be in
        yield Skipped('""', "an empty name, as of a variable that is not set")
    elif _URL.match(path):
        yield from _in_web(path, limits)
    else:
        yield from _in_place(path, limits)


def _in_place(path: str, limits: Limits) -> Iterator[Item]:
    """Yield what a file, a folder or a pattern leads to; a file may be named like a pattern."""
    place = Path(path)
    try:
        there = place.exists()
    except (OSError, ValueError):
        there = False
    if not there and glob.has_magic(path):
        matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 (absolute patterns too)
        if not matches:
            yield Skipped(path, "no file matches this pattern")
        for match in matches:
            if Path(match).is_dir() and "**" in path:
                continue  # its files match by themselves
            yield from _in_place(match, limits)
    elif there and place.is_dir():
        yield from in_folder(place, limits)
    elif archive := _in_archive(path):
        yield from _member(path, archive, in_file(Path(archive), limits, named=True))
    else:
        yield from in_file(place, limits, named=True)


def _in_web(url: str, limits: Limits) -> Iterator[Item]:
    """Yield what a URL leads to; behind a `!` that is no part of it stands a member."""
    items = in_url(url, limits)
    first = next(items, None)
    base, sign, inside = url.partition("!")
    if sign and isinstance(first, Skipped):
        archive = shown(base)
        yield from _member(f"{archive}!{inside}", archive, in_url(base, limits))
        return
    if first is not None:
        yield first
    yield from items


def _in_archive(path: str) -> str | None:
    """Return the archive of `bundle.zip!inner.tar.gz!Player.log`, or None for a path that is a file's."""
    if "!" not in path or _is_file(path):
        return None
    signs = [found.start() for found in re.finditer("!", path)]
    return next((path[:at] for at in signs if _is_file(path[:at])), None)


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def _member(path: str, archive: str, items: Iterator[Item]) -> Iterator[Item]:
    """Yield one member of an archive, with all that is in it; or why it could not be got at."""
    others: list[str] = []
    found = False
    for item in items:
        name = item.name if isinstance(item, Source) else item.source
        if name == path or name.startswith(f"{path}!"):
            found = True
            yield item if isinstance(item, Source) else Skipped(name, item.reason)
        elif isinstance(item, Source):
            others.append(name)
        elif path.startswith(f"{name}!") and not item.minor:
            found = True
            yield item
    if not found:
        more = ", …" if len(others) > MAX_TOLD else ""
        told = f": {', '.join(others[:MAX_TOLD])}{more}" if others else ""
        yield Skipped(path, f"there is no such log in {archive} (it holds {len(others)}{told})")


def _in_list(path: str, stdin: Pipe, limits: Limits) -> Iterator[Item]:
    """Yield what the lines of a list lead to."""
    try:
        lines = _lines(Path(path[1:]))
    except SourceError as error:
        yield Skipped(path, said(error))
        return
    if not lines:
        yield Skipped(path, "the list is empty")
    for line in lines:
        yield from _in_path(line, stdin, limits, lists=False)


def _lines(path: Path) -> list[str]:
    """Return the paths of a list, one a line, in any encoding that a log may have."""
    text = b""
    for block in from_file(path).text():
        text += block
        if len(text) > MAX_LIST:
            raise SourceError("the list is too long to be one of paths")
    lines = text.decode("utf-8", "surrogateescape").split("\n")
    return [line.strip().strip('"') for line in lines if line.strip()]
