"""What can go wrong: one family of errors, each with a message, a place and a way out."""

from __future__ import annotations


class LogscanError(Exception):
    """Something the user can act on: one sentence, where it is, and what to do."""

    exit_code = 3

    def __init__(self, message: str, place: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        """Return the sentence as it is shown: place, message, hint."""
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text} ({self.hint})" if self.hint else text


class SourceError(LogscanError):
    """An input that cannot be read; the others still are."""


class ReportError(SourceError):
    """A report of this tool, met in place of a log."""


class TableError(LogscanError):
    """A row of the troubleshooting table that is refused; `more` is what else is wrong with it."""

    exit_code = 2
    more: tuple[TableError, ...] = ()


class GrammarError(LogscanError):
    """A grammar file that is refused."""

    exit_code = 2


class LeakError(LogscanError):
    """Something is still readable after redaction; the output is withheld."""

    exit_code = 4
