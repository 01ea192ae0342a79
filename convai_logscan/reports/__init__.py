"""From a `Report` to text: one module a format, found by its name.

Each module has `render(report, look) -> str`. Text that came out of a log is escaped here, once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from convai_logscan.model import Report

FORMATS = ("terminal", "json")
SUFFIXES = {".json": "json", ".txt": "terminal", ".log": "terminal"}


class Look(NamedTuple):  # no Struct: `--help` comes by here, and imports click alone
    """How a report is to look on a terminal."""

    width: int = 80
    colour: bool = False
    quiet: bool = False
    verbose: bool = False
    ascii: bool = False  # the terminal cannot show more
    now: float | None = None  # epoch seconds, where a report is for a reader of this moment


def render(report: Report, name: str, look: Look | None = None) -> str:
    """Return the report in a format; the text ends with a newline."""
    module = import_module(f"convai_logscan.reports.{name}")
    text: str = module.render(report, look or Look())
    return text
