"""The logs that are timed: noise with sessions strewn in, sparse and dense ones, of any size."""

from __future__ import annotations

import gzip
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING

from convai_logscan import anchors
from tests.compose import Entry, fill, noise, render
from tests.helpers import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MEGABYTE = 1_000_000
APART = 2 * MEGABYTE  # bytes of noise from one session to the next
SPARSE = 2000  # lines of noise to one relevant record

SESSION = (
    Entry("Info", "SDK", "Room connection attempt 1 (mode=create).", "RoomConnectionRuntimeAdapter"),
    Entry("Error", "Transport", "Room-details request failed with HTTP 401: Convai API returned HTTP 401.",
          "NativeRoomController"),
    Entry("Error", "SDK", "Room connection failed after retry exhaustion.", "RoomConnectionRuntimeAdapter"),
    Entry("Warning", "SDK", "Session error: connection.connect_invalid_api_key", "SessionMetrics"),
)  # fmt: skip


@cache
def session() -> bytes:
    """Return a session that fails, as a development player writes it."""
    return (fill("\n".join(render(list(SESSION), "player-dev", 1)))[0] + "\n\n").encode()


@cache
def made_noise() -> tuple[bytes, ...]:
    """Return the noise of the fixtures, of every kind, without lines that say something."""
    rules = anchors.rules()
    kinds = ("editor", "player", "player-dev")
    lines = [[line.encode() for line in noise(kind, 4000, n)] for n, kind in enumerate(kinds)]
    return tuple(b"\n".join(line for line in part if not rules(line)) + b"\n" for part in lines)


@cache
def real_noise() -> tuple[bytes, ...]:
    """Return the real logs beside the project, or made noise where there are none."""
    files = sorted((SHARED / "logs").glob("*.gz"))
    logs = tuple(gzip.decompress(file.read_bytes()) + b"\n" for file in files)
    return tuple(log for log in logs if b"\0" not in log[:1000]) or made_noise()


def strewn(parts: tuple[bytes, ...]) -> Iterator[bytes]:
    """Yield noise without end, a session about every two megabytes."""
    since = 0
    for part in cycle(parts):
        yield part
        since += len(part)
        if since > APART:
            yield session()
            since = 0


def relevant(every: int) -> Iterator[bytes]:
    """Yield made noise without end in which one line of so many is a record of the SDK."""
    lines = [line for part in made_noise() for line in part.splitlines(keepends=True)]
    number = 0
    while True:
        out = []
        for line in lines:
            out.append(line)
            number += 1
            if number % every == 0:
                clock = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.118"
                text = f"[{clock}][Debug][Transport]: Transport state: Connecting {number}\n"
                out.append(text.encode())
        yield b"".join(out)


def write(path: Path, parts: Iterator[bytes], megabytes: float) -> Path:
    """Write a file of this size."""
    left = int(megabytes * MEGABYTE)
    with path.open("wb") as out:
        while left > 0:
            part = next(parts)[:left]
            out.write(part)
            left -= len(part)
    return path


def strewn_log(path: Path, megabytes: float) -> Path:
    """Write real noise with sessions strewn in."""
    return write(path, strewn(real_noise()), megabytes)


def sparse_log(path: Path, megabytes: float) -> Path:
    """Write noise with one relevant record in 2,000 lines."""
    return write(path, relevant(SPARSE), megabytes)


def dense_log(path: Path, megabytes: float) -> Path:
    """Write noise of which 20 % of the lines are relevant."""
    return write(path, relevant(4), megabytes)
