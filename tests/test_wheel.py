"""The wheel, installed in a clean environment, scans a fixture with its own grammars and table."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.helpers import LOGS, ROOT


@pytest.mark.slow
def test_the_wheel_scans_a_fixture_in_a_clean_environment(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("grammars/convai.lark", "grammars/when.lark", "secrets.toml", "py.typed"):
        assert f"convai_logscan/{needed}" in names
    assert any(name.startswith("convai_logscan/table/network/") for name in names)
    assert not any(name.startswith(("tests/", "fixtures/")) for name in names)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=300)
    scripts = venv / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run(
        [str(scripts / "python"), "-m", "pip", "install", "--quiet", str(wheel)],
        check=True, capture_output=True, timeout=600,
    )  # fmt: skip
    log = next(iter(sorted(LOGS.glob("invalid-api-key*.log"))))
    done = subprocess.run(
        [str(scripts / "convai-logscan"), str(log)],
        check=False, capture_output=True, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr.decode()
    assert "invalid-api-key" in done.stdout.decode()
