"""A call pays only for what it needs, and what is kept in the cache folder is never trusted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import resources
from typing import TYPE_CHECKING

import click
import pytest

from convai_logscan import late
from convai_logscan.cli import BUILT, group
from convai_logscan.envelopes import ENVELOPES
from convai_logscan.late import Late
from convai_logscan.parser import speaker
from convai_logscan.redact import load_shapes

if TYPE_CHECKING:
    from pathlib import Path

SLOW = (
    "lark",
    "rich",
    "pandas",
    "numpy",
    "ahocorasick_rs",
    "importlib.metadata",
    "msgspec",
    "pathlib",
)
PROBE = (
    "import sys\n"
    "from convai_logscan.cli import group\n"
    "from convai_logscan.cli.street import run\n"
    "run(group, sys.argv[1:])\n"
    "print(*sorted(sys.modules), file=sys.stderr)\n"
)
QUIET = "Initializing input.\nUnloading 5 unused Assets\n"
SPEAKING = "[14:03:22.118][Error][SDK]: Failed to connect character 3f1c-77 after 3 attempts.\n"


def call(cache: Path | str, *arguments: str, text: str = "") -> tuple[str, set[str]]:
    """Return what a call prints, and the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], input=text, capture_output=True, text=True,
        check=True, env={**os.environ, "CONVAI_LOGSCAN_CACHE": str(cache)},
    )  # fmt: skip
    return done.stdout, set(done.stderr.split())


def test_help_imports_click_and_nothing_slow(tmp_path: Path) -> None:
    _, modules = call(tmp_path / "kept", "--help")
    assert modules.isdisjoint(SLOW)
    assert not (tmp_path / "kept").exists()


def test_every_command_that_the_help_lists_exists() -> None:
    for name, summary in BUILT.items():
        command = group.get_command(click.Context(group), name)
        assert command is not None
        assert (command.help or "").split()[:2] == summary.split()[:2]


def test_a_log_that_says_nothing_needs_no_parser(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    call(kept, "-", "--format", "json", text=QUIET)
    _, modules = call(kept, "-", "--format", "json", text=QUIET)
    assert modules.isdisjoint({"lark", "rich", "pandas", "numpy"})


def test_a_plain_log_needs_no_reader_of_mails(tmp_path: Path) -> None:
    _, modules = call(tmp_path / "kept", "-", "--format", "json", text=SPEAKING)
    _, more = call(tmp_path / "kept", "-", "--format", "json", text="MIME-Version: 1\nFrom: x\n\nx")
    reader = {"email.feedparser", "email.policy", "convai_logscan.sources.mail"}
    assert modules.isdisjoint(reader)
    assert reader <= more


def test_a_log_that_speaks_needs_lark_once(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first, modules = call(kept, "-", "--format", "json", text=SPEAKING)
    assert "lark" in modules
    second, modules = call(kept, "-", "--format", "json", text=SPEAKING)
    assert modules.isdisjoint({"lark", "rich", "pandas", "numpy"})
    assert first == second


def test_a_damaged_or_missing_cache_changes_no_answer(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    fresh, _ = call(kept, "-", "--format", "json", text=SPEAKING)
    files = sorted(kept.iterdir())
    assert files
    for damage in (b"", b"\0" * 40, files[0].read_bytes()[:-9]):
        for file in files:
            file.write_bytes(damage)
        assert call(kept, "-", "--format", "json", text=SPEAKING)[0] == fresh
    assert call("", "-", "--format", "json", text=SPEAKING)[0] == fresh


def test_a_flipped_bit_in_the_cache_is_noticed(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    said, _ = call(kept, "-", "--format", "json", text=SPEAKING)
    for file in kept.iterdir():
        raw = bytearray(file.read_bytes())
        raw[-len(raw) // 50] ^= 0x40
        file.write_bytes(raw)
    again, modules = call(kept, "-", "--format", "json", text=SPEAKING)
    assert again == said
    assert "lark" in modules  # made anew


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_place_of_a_kept_file_is_passed_over(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    call(kept, "-", "--format", "json", text=SPEAKING)
    for file in kept.iterdir():
        file.unlink()
        os.mkfifo(file)
    call(kept, "-", "--format", "json", text=SPEAKING)


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_cache_folder_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    kept.chmod(0o777)
    call(kept, "-", "--format", "json", text=SPEAKING)
    assert list(kept.iterdir()) == []
    call(tmp_path / "own", "-", "--format", "json", text=SPEAKING)
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_patterns_are_kept_is_no_traceback(tmp_path: Path, name: str) -> None:
    if os.name != "posix":
        pytest.skip("signals are those of POSIX")
    probe = (
        "import os, signal, sys\n"
        "from convai_logscan import cache\n"
        "from convai_logscan.__main__ import main\n"
        "replace = os.replace\n"
        "def late(source, target):\n"
        f"    if 'patterns' in os.path.basename(target): os.kill(os.getpid(), signal.{name})\n"
        "    replace(source, target)\n"
        "os.replace = late\n"
        "sys.argv[1:] = ['-', '--format', 'json']\n"
        "main()"
    )
    kept = tmp_path / "kept"
    done = subprocess.run(
        [sys.executable, "-c", probe], input=SPEAKING, capture_output=True, text=True, check=False,
        env={**os.environ, "CONVAI_LOGSCAN_CACHE": str(kept)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert not [file.name for file in kept.iterdir() if "patterns" in file.name]


def test_every_packaged_shape_compiles_and_none_does_before_it_is_needed() -> None:
    text = resources.files("convai_logscan").joinpath("secrets.toml").read_text(encoding="utf-8")
    assert [shape.id for shape in load_shapes(text)] == [shape.id for shape in load_shapes()]
    probe = "from convai_logscan.redact import load_shapes as l; print(sum(len(vars(s.pattern)) > 2 for s in l()))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def every_late_pattern() -> dict[tuple[str | bytes, int], Late]:
    """Return the patterns of the shapes, the grammars and the code, by what they are made of."""
    shapes = [getattr(s, name) for s in load_shapes() for name in s.__struct_fields__]
    tables = [
        speaker(name)._tables for name in ("convai", "livekit", "unity", "browser", "reasons")
    ]
    terminals = [terminal.pattern for table in tables for terminal in table.terminals]
    code = [
        value
        for name, module in sorted(sys.modules.items())
        if name.startswith("convai_logscan")
        for value in vars(module).values()
    ]
    envelopes = [getattr(e, name) for e in ENVELOPES for name in ("pattern", "tail")]
    return {
        (one._source, one._flags): one
        for one in (*shapes, *terminals, *code, *envelopes)
        if isinstance(one, Late)
    }


def test_a_pattern_that_was_kept_is_the_one_that_re_compiles() -> None:
    found = every_late_pattern()
    assert len(found) > 300
    for source, flags in found:
        compiled, made = re.compile(source, flags), late._made(source, flags)
        assert made is not None
        again = late._again(source, made)
        assert again == compiled  # `re` compares every step
        assert again.groupindex == compiled.groupindex
        assert again.flags == compiled.flags


def test_kept_steps_that_are_none_are_refused() -> None:
    assert late._again("a", (32, b"\xff" * 8, 0, {}, (None,))) is None
    assert late._again("a", (32, b"\0" * 3, 0, {}, (None,))) is None


def test_a_second_call_compiles_none_of_the_patterns_it_has_kept(tmp_path: Path) -> None:
    probe = (
        "import re._compiler as c, sys\n"
        "from convai_logscan.cli import group\n"
        "from convai_logscan.cli.street import run\n"
        "code = c._code; made = []; c._code = lambda p, f: (made.append(p), code(p, f))[1]\n"
        "run(group, ['-', '--format', 'json'])\n"
        "sys.stderr.write(str(len(made)))"
    )
    counts = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", probe], input=SPEAKING, capture_output=True, text=True, check=True,
            encoding="utf-8", env={**os.environ, "CONVAI_LOGSCAN_CACHE": str(tmp_path / "kept")},
        )  # fmt: skip
        counts.append(int(done.stderr))
    assert counts[0] > 50
    assert counts[1] < counts[0] / 2  # what modules need as they are imported
