"""Redaction measured: speed beside `cat SRC > DST`, many secrets, recall by shape beside scanners.

`python -m tests.benchmarks.redact [MEGABYTES]` prints tables; nothing here asserts a time.
detect-secrets and CredSweeper are asked where they are installed (`pip install -e '.[bench]'`).
"""

from __future__ import annotations

import importlib.util
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
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
    """Print medians of a redaction and of a plain copy of the same log, by turns: wall and processor."""
    with tempfile.TemporaryDirectory() as folder:
        log, out = Path(folder) / "in.log", Path(folder) / "out.log"
        strewn_log(log, megabytes)
        ours = [sys.executable, "-m", "convai_logscan", "redact", str(log), "-o", str(out), "-q"]
        plain = ["sh", "-c", f"cat {log} > {out}"]
        pairs = [(timed(plain), timed(ours)) for _ in range(RUNS)]
    for n, what in enumerate(("wall", "processor")):
        cat, redact = (statistics.median(pair[k][n] for pair in pairs) for k in (0, 1))
        print(
            f"{megabytes} MB, {what}: redact {redact:.2f} s, cat {cat:.2f} s, ratio {redact / cat:.1f}"
        )


def timed(command: list[str]) -> tuple[float, float]:
    """Return the seconds that a command takes, on the wall and of the processors."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def many(count: int = 20_000) -> None:
    """Print how long so many different secrets take."""
    data = "".join(f"api_key={chance(HEX, 32, n)} n\n" for n in range(count)).encode()
    began = time.perf_counter()
    copied(data)
    print(f"{count} different secrets: {time.perf_counter() - began:.2f} s")


def recall() -> None:
    """Print by shape how many positive samples lose their secrets, beside scanners used so."""
    cases = [
        (shape.id, *filled(sample))
        for shape in load_shapes()
        for sample in (() if shape.option else shape.positive)
        if any(len(value) > 3 for value in filled(sample)[1])
    ]
    texts = [text for _, text, _ in cases]
    columns: dict[str, list[str] | None] = {
        "ours": [copied(text.encode()).decode() for text in texts],
        "detect-secrets": _detect_secrets(texts),
        "CredSweeper": _credsweeper(texts),
    }
    print(f"{'shape':18} {'cases':>5}", *(f"{name:>15}" for name in columns))
    for shape_id in dict.fromkeys(shape_id for shape_id, _, _ in cases):
        rows = [n for n, case in enumerate(cases) if case[0] == shape_id]
        lost = [_lost(cases, column, rows) for column in columns.values()]
        print(f"{shape_id:18} {len(rows):5}", *(f"{one:>15}" for one in lost))
    every = [_lost(cases, column, list(range(len(cases)))) for column in columns.values()]
    print(f"{'all':18} {len(cases):5}", *(f"{one:>15}" for one in every))


def _lost(cases: list[tuple[str, str, list[str]]], clean: list[str] | None, rows: list[int]) -> str:
    """Return of how many cases nothing can be read any more; a dash for a scanner that is absent."""
    if clean is None:
        return "-"
    return str(sum(not any(v in clean[n] for v in cases[n][2] if len(v) > 3) for n in rows))


def _detect_secrets(texts: list[str]) -> list[str] | None:
    """Return the texts without what detect-secrets finds."""
    if importlib.util.find_spec("detect_secrets") is None:
        return None
    from detect_secrets.core.scan import scan_file
    from detect_secrets.settings import default_settings

    clean = []
    with tempfile.TemporaryDirectory() as folder, default_settings():
        for text in texts:
            path = Path(folder) / "x.log"
            path.write_text(text, encoding="utf-8")
            clean.append(_without(text, [one.secret_value for one in scan_file(str(path))]))
    return clean


def _credsweeper(texts: list[str]) -> list[str] | None:
    """Return the texts without what CredSweeper finds."""
    if importlib.util.find_spec("credsweeper") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        logs, out = Path(folder) / "logs", Path(folder) / "found.json"
        logs.mkdir()
        for number, text in enumerate(texts):
            (logs / f"{number}.log").write_text(text, encoding="utf-8")
        call = [sys.executable, "-m", "credsweeper", "--path", str(logs), "--save-json", str(out)]
        subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
        found: dict[int, list[str | None]] = {}
        for one in json.loads(out.read_text("utf-8")):
            for line in one["line_data_list"]:
                found.setdefault(int(Path(line["path"]).stem), []).append(line["value"])
    return [_without(text, found.get(number, [])) for number, text in enumerate(texts)]


def _without(text: str, values: list[str | None]) -> str:
    for value in values:
        text = text.replace(value or "\0", "")
    return text


def main(megabytes: int) -> None:
    """Print all three."""
    recall()
    many()
    speed(megabytes)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
