"""How much of an archive is read: limits that a ticket never meets and a bomb does."""

from __future__ import annotations

import time

from msgspec import Struct

from convai_logscan.errors import SourceError


class Limits(Struct, frozen=True):
    """What one archive may cost; a plain log has no limit."""

    depth: int = 3  # archives in archives
    members: int = 10_000
    bytes: int = 2 << 30  # unpacked
    seconds: float = 60.0
    mails: bool = True  # whether a mail is gone into, or refused


class LimitError(SourceError):
    """A limit was met; what was read before it stays."""


class Budget:
    """What is left of the limits of one named input, with all that is nested in it."""

    def __init__(self, limits: Limits) -> None:
        """Begin with nothing spent; the clock runs from here."""
        self._limits = limits
        self._bytes = 0
        self._members = 0
        self._ends = time.monotonic() + limits.seconds
        self._met: str | None = None

    @property
    def depth(self) -> int:
        """How deep archives may be nested."""
        return self._limits.depth

    @property
    def mails(self) -> bool:
        """Whether a mail is gone into."""
        return self._limits.mails

    def unpacked(self, size: int) -> None:
        """Count bytes that were unpacked, as they come and not as a header promises them."""
        self._bytes += size
        if self._bytes > self._limits.bytes:
            self._stop(f"more than {_amount(self._limits.bytes)} unpacked", "--max-bytes")
        self._in_time()

    def member(self) -> None:
        """Count a member of an archive."""
        self._members += 1
        if self._members > self._limits.members:
            self._stop(f"more than {self._limits.members} members", "--max-members")
        self._in_time()

    def nested(self, depth: int) -> None:
        """Refuse an archive that stands in too many others."""
        if depth >= self._limits.depth:
            message = f"nested too deep: more than {self._limits.depth} archives in one another"
            raise SourceError(message, None, "unpack it first, or raise --max-depth")

    def take(self) -> str | None:
        """Return which limit was met, and only the first time it is asked for."""
        met = self._met
        if met:
            self._met = ""
        return met

    @property
    def over(self) -> bool:
        """Whether a limit was met, so that nothing more is read."""
        return self._met is not None

    def _in_time(self) -> None:
        if time.monotonic() > self._ends:
            self._stop(
                f"unpacking took more than {self._limits.seconds:g} seconds", "--max-seconds"
            )

    def _stop(self, what: str, option: str) -> None:
        if self._met is None:
            self._met = f"{what}; the rest is not read ({option} raises the limit)"
        raise LimitError(f"cut short, {what}", None, f"{option} raises the limit")


def _amount(size: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size / unit:g} {name}"
    return f"{size} bytes"
