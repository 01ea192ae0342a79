"""Patterns that are compiled when they are first used, and kept for the runs to come.

Most logs need few of them, and compiling those is the slowest thing that a short run does. `re` has
no public way to take out what it made of a pattern: where its own parts are not as they were, the
pattern is compiled anew.
"""

from __future__ import annotations

import atexit
import re
from array import array
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, AnyStr

from convai_logscan.cache import keep, load

_NAME, _MADE_FROM = "patterns", b"1"  # what is kept, and its form
_STEP = "I"  # how a step of a compiled pattern is stored
_MANY = 4096  # patterns that are kept
# Flags, steps, number of groups, groups by name, names by group.
_Made = tuple[int, bytes, int, dict[str, int], tuple[str | None, ...]]
_Key = tuple[str | bytes, int]


class Late:
    """A pattern, not compiled yet; what it can do is bound to it then."""

    def __init__(self, source: str | bytes, flags: int = 0) -> None:
        """Take what `re.compile` takes."""
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a pattern has)
        if name.startswith("__"):  # what copying asks for
            raise AttributeError(name)
        value = self.__dict__[name] = getattr(_pattern(self._source, self._flags), name)
        return value  # found at once the next time

    def __reduce__(self) -> tuple[object, ...]:
        return Late, (self._source, self._flags)


@cache
def _pattern(source: str | bytes, flags: int) -> re.Pattern[Any]:
    patterns, key = _kept(), (source, flags)
    made = patterns.get(key)
    if made is None:
        made = _made(source, flags)
        if made and len(patterns) < _MANY:
            patterns[key] = made
            _keep_at_exit()
    return (made and _again(source, made)) or re.compile(source, flags)


@cache
def _kept() -> dict[_Key, _Made]:
    found: dict[_Key, _Made] | None = load(_NAME, _MADE_FROM)
    return found or {}


@cache
def _keep_at_exit() -> None:
    atexit.register(_keep_all)


def _keep_all() -> None:
    """Keep what was made; the run has given its answer, so an end by Ctrl-C or a signal is quiet."""
    with suppress(BaseException):
        keep(_NAME, _MADE_FROM, _kept())


def _made(source: str | bytes, flags: int) -> _Made | None:
    """Return what `re` makes of a pattern, None where it cannot be taken out."""
    try:
        from re import _compiler, _parser  # type: ignore[attr-defined] # private: not in the stubs

        parsed = _parser.parse(source, flags)
        steps = array(_STEP, _compiler._code(parsed, flags))  # noqa: SLF001 (there is no public way)
        numbers = dict(parsed.state.groupdict)
        names: list[str | None] = [None] * parsed.state.groups
    except (ImportError, AttributeError, OverflowError):
        return None
    for name, number in numbers.items():
        names[number] = name
    return flags | parsed.state.flags, steps.tobytes(), len(names) - 1, numbers, tuple(names)


def _again(source: str | bytes, made: _Made) -> re.Pattern[Any] | None:
    """Return the pattern that was made before; `re` itself checks every step of it."""
    flags, code, groups, numbers, names = made
    try:
        import _sre  # type: ignore[import-not-found] # private: it has no stub

        steps = array(_STEP, code).tolist()
        pattern: re.Pattern[Any] = _sre.compile(source, flags, steps, groups, numbers, names)
    except (ImportError, AttributeError, TypeError, ValueError, RuntimeError):
        return None
    return pattern


if TYPE_CHECKING:

    def late(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
        """Return a pattern that is compiled when it is first used."""
else:
    late = Late
