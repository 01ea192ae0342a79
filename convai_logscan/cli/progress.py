"""What is being read, on a terminal's standard error, once it takes longer than a second."""

from __future__ import annotations

import sys
from threading import Timer
from types import TracebackType
from typing import TYPE_CHECKING, Self

from convai_logscan.cli.street import discreet
from convai_logscan.reports.safe import one_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

    from convai_logscan.sources import Source

DELAY = 1.0  # seconds


class Progress:
    """A line that comes late, says how far the reading is, and goes away at the end."""

    def __init__(self) -> None:
        """Show nothing yet, and never anything where standard error is no terminal."""
        self._source: Source | None = None
        self._logs = 0
        self._bytes = 0
        self._live: Live | None = None
        self._timer = Timer(DELAY, self._show)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Start the clock."""
        if sys.stderr is not None and sys.stderr.isatty():
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Clear the line."""
        self._timer.cancel()
        if self._timer.is_alive():
            self._timer.join()
        if self._live:
            self._live.stop()

    def reads(self, source: Source) -> None:
        """Say which source is read next."""
        if self._source is not None:
            self._bytes += self._source.bytes
        self._logs += 1
        self._source = source

    def __rich__(self) -> Text:
        """Return the line as it is now."""
        from rich.text import Text

        if self._source is None:
            return Text("reading …")
        size = (self._bytes + self._source.bytes) / 1e6
        return Text(
            f"reading {one_line(discreet(self._source.name))} · log {self._logs} · {size:,.0f} MB",
            overflow="ellipsis",
            no_wrap=True,
        )

    def _show(self) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True, markup=False, highlight=False, emoji=False)
        self._live = Live(self, console=console, transient=True, refresh_per_second=4)
        self._live.start()
