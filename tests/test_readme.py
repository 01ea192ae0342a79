"""The manual is true: commands, options, rows and secret shapes it names exist, and none is missing."""

from __future__ import annotations

import re
import tomllib

from click import Group

from convai_logscan import rules
from convai_logscan.cli import BUILT, group
from tests.helpers import LOGS, ROOT
from tests.test_cli import run

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_command_is_in_the_readme() -> None:
    for name in BUILT:
        assert re.search(rf"convai-logscan {name}\b", README), name


def test_every_option_of_scan_is_in_the_readme() -> None:
    assert isinstance(group, Group)
    command = group.get_command(None, "scan")  # type: ignore[arg-type] # the context is not used
    assert command is not None
    options = [
        o
        for p in command.params
        for o in p.opts
        if o.startswith("--") and not getattr(p, "hidden", False)
    ]
    assert [option for option in options if option not in README] == []


def test_every_row_is_in_the_readme() -> None:
    assert [name for name in rules.builtin().rows if f"`{name}`" not in README] == []


def test_every_secret_shape_is_in_the_readme() -> None:
    text = (ROOT / "convai_logscan" / "secrets.toml").read_text(encoding="utf-8")
    shapes = {shape["id"] for shape in tomllib.loads(text)["shape"]}
    assert [shape for shape in sorted(shapes) if f"`{shape}`" not in README] == []


def test_the_log_of_the_first_command_exists() -> None:
    named = re.findall(r"fixtures/logs/([\w.-]+\.log)", README)
    assert named
    assert [name for name in named if not (LOGS / name).exists()] == []


def test_the_ci_script_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "python -m pytest" in README
    assert "python -m pytest" in script
    assert "'.[test]'" in README
    assert "'.[test]'" in script


def test_the_first_report_is_real() -> None:
    shown = re.search(r"```text\n\$ convai-logscan (\S+)\n(.*?)\n```", README, re.DOTALL)
    assert shown
    report = run(shown[1], COLUMNS="80").stdout.decode()
    assert report.rstrip("\n") == shown[2]
