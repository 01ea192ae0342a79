"""The plain way to use a grammar: Lark on every line. `python -m tests.benchmarks.lark_lines LOG`."""

from __future__ import annotations

import sys
from pathlib import Path

from convai_logscan.envelopes import peel
from convai_logscan.grammar import speaker
from convai_logscan.model import LIVEKIT
from convai_logscan.records import shown


def count(log: Path) -> int:
    """Return how many lines of a log have a form."""
    convai, livekit, unity = (speaker(name) for name in ("convai", "livekit", "unity"))
    found = 0
    with log.open("rb") as lines:
        for raw in lines:
            line = peel(shown(raw.rstrip(b"\r\n")))
            if line.header:
                found += convai.parse("said", line.header["rest"]) is not None
            elif line.text.startswith(LIVEKIT):
                found += livekit.parse("native", line.text[len(LIVEKIT) :]) is not None
            else:
                found += any(
                    one.parse(start, line.text) is not None
                    for one, start in ((convai, "bare"), (unity, "unity"))
                )
    return found


if __name__ == "__main__":
    print(count(Path(sys.argv[1])))
