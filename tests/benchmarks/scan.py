"""Time a scan of a composed log beside `rg -c -F` and `wc -l`, in one run, as ratios.

`python -m tests.benchmarks.scan [MEGABYTES]` prints a table; nothing here asserts a time.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.compose import Entry, fill, noise, render

LITERALS = Path(__file__).with_name("literals.txt")
RUNS = 5


def write_log(path: Path, megabytes: int) -> None:
    """Write noise with a failing session strewn in about every two megabytes."""
    parts = [
        "\n".join(noise(kind, 4000, seed)) + "\n"
        for seed, kind in enumerate(("editor", "player", "player-dev"))
    ]
    entries = [
        Entry(
            "Info",
            "SDK",
            "Room connection attempt 1 (mode=create).",
            "RoomConnectionRuntimeAdapter",
        ),
        Entry(
            "Error",
            "Transport",
            "Room-details request failed with HTTP 401: Convai API returned HTTP 401.",
            "NativeRoomController",
        ),
        Entry(
            "Error",
            "SDK",
            "Room connection failed after retry exhaustion.",
            "RoomConnectionRuntimeAdapter",
        ),
        Entry(
            "Warning", "SDK", "Session error: connection.connect_invalid_api_key", "SessionMetrics"
        ),
    ]
    session = fill("\n".join(render(entries, "player-dev", 1)))[0] + "\n\n"
    size, since, turn = 0, 0, 0
    with path.open("w", encoding="utf-8", newline="\n") as out:
        while size < megabytes << 20:
            part = parts[turn % len(parts)]
            turn += 1
            if since > 2 << 20:
                part, since = part + session, 0
            out.write(part)
            size += len(part)
            since += len(part)


def seconds(command: list[str]) -> float:
    """Return how long a command took."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began


def main(megabytes: int) -> None:
    """Print medians, ratios to the first command, and the peak memory of our scan."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "composed.log"
        write_log(log, megabytes)
        ours = [sys.executable, "-m", "convai_logscan", str(log), "--format", "json"]
        commands = {
            "convai-logscan": ours,
            "wc -l": ["wc", "-l", str(log)],
            "cat": ["cat", str(log)],
        }
        if shutil.which("rg"):
            commands["rg -c -F (61 literals)"] = ["rg", "-c", "-F", "-f", str(LITERALS), str(log)]
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(RUNS):
            for name, command in commands.items():
                times[name].append(seconds(command))
        base = statistics.median(times["convai-logscan"])
        print(f"{log.stat().st_size / 1e6:.0f} MB, median of {RUNS}")
        for name, values in times.items():
            median = statistics.median(values)
            print(f"{name:26} {median:7.3f} s   ours / this = {base / median:6.2f}")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        subprocess.run(ours, stdout=subprocess.DEVNULL, check=False)
        print(f"peak memory of any command {peak / 1024:.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
