"""Redaction measured: speed beside `cat SRC > DST`, many secrets, recall by shape beside scanners.

`python -m tests.benchmarks.redact [MEGABYTES]` prints tables; nothing here asserts a time.
detect-secrets is asked where it is installed.
"""

from __future__ import annotations

import importlib.util
import io
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from convai_logscan import share
from convai_logscan.redact import load_shapes
from convai_logscan.sources import Source
from tests.benchmarks.inputs import strewn_log
from tests.test_redact import HEX, chance, filled

RUNS = 5


def copied(data: bytes) -> bytes:
    """Return a redacted copy."""
    out = io.BytesIO()
    share.copy_out(lambda: [Source("x", [data])], "x.log", out, frozenset())
    return out.getvalue()


def speed(megabytes: int) -> None:
    """Print medians of a redaction and of a plain copy of the same log, by turns."""
    with tempfile.TemporaryDirectory() as folder:
        log, out = Path(folder) / "in.log", Path(folder) / "out.log"
        strewn_log(log, megabytes)
        ours = [sys.executable, "-m", "convai_logscan", "redact", str(log), "-o", str(out), "-q"]
        plain = ["sh", "-c", f"cat {log} > {out}"]
        times: dict[str, list[float]] = {"redact": [], "cat": []}
        for _ in range(RUNS):
            for name, command in (("cat", plain), ("redact", ours)):
                began = time.perf_counter()
                subprocess.run(command, check=True)
                times[name].append(time.perf_counter() - began)
        medians = {name: statistics.median(values) for name, values in times.items()}
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            f"{megabytes} MB: redact {medians['redact']:.2f} s, cat {medians['cat']:.2f} s, "
            f"ratio {medians['redact'] / medians['cat']:.1f}, peak {peak:.0f} MiB"
        )


def many(count: int = 20_000) -> None:
    """Print how long so many different secrets take."""
    data = "".join(f"api_key={chance(HEX, 32, n)} n\n" for n in range(count)).encode()
    began = time.perf_counter()
    copied(data)
    print(f"{count} different secrets: {time.perf_counter() - began:.2f} s")


def recall() -> None:
    """Print by shape how many positive samples lose their secret, beside a scanner used so."""
    ours, theirs, total = Counter[str](), Counter[str](), Counter[str]()
    other = importlib.util.find_spec("detect_secrets") is not None
    for shape in load_shapes():
        for sample in () if shape.option else shape.positive:
            text, made = filled(sample)
            made = [value for value in made if len(value) > 3]
            total[shape.id] += 1
            clean = copied(text.encode()).decode()
            ours[shape.id] += not any(value in clean for value in made)
            if other:
                theirs[shape.id] += not any(value in _scanner(text) for value in made)
    print(f"{'shape':18} {'cases':>5} {'ours':>5} {'detect-secrets':>15}")
    for shape_id, cases in total.items():
        print(
            f"{shape_id:18} {cases:5} {ours[shape_id]:5} {theirs[shape_id] if other else '-':>15}"
        )


def _scanner(text: str) -> str:
    """Return the text without what detect-secrets finds."""
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings

    with tempfile.TemporaryDirectory() as folder, default_settings():
        path = Path(folder) / "x.log"
        path.write_text(text, encoding="utf-8")
        for found in scan_file(str(path)):
            text = text.replace(found.secret_value or "\0", "")
    return text


if __name__ == "__main__":
    recall()
    many()
    speed(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
