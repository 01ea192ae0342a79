"""Time the tool beside others: `python -m tests.benchmarks [MEGABYTES] [RUNS]`.

Every row is one pair of commands run in turn; the ratio is the median over the pairs, so that a
busy machine slows both. Nothing here asserts a time.
"""

from __future__ import annotations

import gzip
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from itertools import islice
from pathlib import Path

from tests.benchmarks import redact
from tests.benchmarks.inputs import MEGABYTE, dense_log, sparse_log, strewn_log

LITERALS = Path(__file__).with_name("literals.txt")
PER_LINE = (
    "import re,sys\n"
    "known=[re.compile(re.escape(line.rstrip(b'\\n'))) for line in open(sys.argv[1],'rb')]\n"
    "print(sum(any(one.search(line) for one in known) for line in open(sys.argv[2],'rb')))\n"
)
SMALL = 10  # megabytes that a slow way is timed on


# Started from a small process: the peak of a child begins with its parent's.
PEAK = (
    "import resource,subprocess,sys\n"
    "subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL)\n"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)\n"
)


def seconds(command: list[str]) -> float:
    """Return how long a command takes."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.perf_counter() - began


def peak(command: list[str]) -> float:
    """Return the memory that a command holds at most, in MiB."""
    found = subprocess.run(
        [sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=True
    )
    return float(found.stdout)


def pair(name: str, one: list[str], other: list[str], runs: int, scale: float = 1.0) -> float:
    """Run two commands in turn and print them; `scale` stretches the other one's time."""
    times = [(seconds(one), seconds(other) * scale) for _ in range(runs)]
    ratio = statistics.median(a / b for a, b in times)
    first, second = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{name:46}{first:9.3f} s{second:9.3f} s{ratio:9.3f}{peak(one):7.0f} MiB", flush=True)
    return ratio


def ours(path: Path, *options: str) -> list[str]:
    """Return the call of the tool on a file, to JSON."""
    return [sys.executable, "-m", "convai_logscan", str(path), "--format", "json", *options]


def main(megabytes: int, runs: int) -> None:
    """Print the table: our time, the other's, ours / theirs, our peak memory."""
    rg = shutil.which("rg")
    python = sys.executable
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        print(f"{'':46}{'ours':>11}{'other':>11}{'ratio':>9}{'peak':>11}")
        five = strewn_log(here / "5.log", 5)
        pair("--help / python -c pass", [python, "-m", "convai_logscan", "--help"],
             [python, "-c", "pass"], 2 * runs)  # fmt: skip
        pair("5 MB to verdict / python -c pass", ours(five), [python, "-c", "pass"], 2 * runs)
        size = 1
        while size <= megabytes:
            log = strewn_log(here / "real.log", size)
            pair(f"noise, {size} MB / wc -l", ours(log), ["wc", "-l", str(log)], runs)
            if rg:
                search = [rg, "-a", "-c", "-F", "-f", str(LITERALS)]
                pair(f"noise, {size} MB / rg -c -F", ours(log), [*search, str(log)], runs)
            size = size * 10 if size * 10 <= megabytes or size == megabytes else megabytes
        pair(f"noise, {megabytes} MB / cat", ours(log), ["cat", str(log)], runs)
        packed = here / "real.log.gz"
        for size in dict.fromkeys((min(100, megabytes), megabytes)):
            with log.open("rb") as plain, gzip.open(packed, "wb", 6) as out:
                for part in islice(iter(partial(plain.read, MEGABYTE), b""), size):
                    out.write(part)
            if rg:
                pair(f"noise, gzip of {size} MB / rg -z", ours(packed),
                     [rg, "-z", *search[1:], str(packed)], runs)  # fmt: skip
        log.unlink()
        for name, make in (("sparse", sparse_log), ("dense", dense_log)):
            full = megabytes if name == "sparse" else min(megabytes, 20)
            log, small = make(here / "log", full), make(here / "small", SMALL)
            scale = full / SMALL
            every = [python, "-m", "tests.benchmarks.lark_lines", str(small)]
            pair(f"{name}, {full} MB / Lark on every line", ours(log), every, min(runs, 5), scale)
            pair(f"{name}, {full} MB / 61 regular expressions a line", ours(log),
                 [python, "-c", PER_LINE, str(LITERALS), str(small)], min(runs, 5), scale)  # fmt: skip
            if rg:
                pair(f"{name}, {full} MB / rg -c -F", ours(log), [*search, str(log)], runs)

    print()
    redact.main(megabytes)


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    main(*arguments, *(100, 5)[len(arguments) :])
