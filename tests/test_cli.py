"""The command line: exit codes, one sentence for every trouble, options."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import IO, Any

import pytest

from convai_logscan import rules
from tests.compose import fill
from tests.helpers import LOGS, ROOT

REFUSED = """[14:03:21.000][Info][SDK]: [RoomConnectionRuntimeAdapter] Room connection attempt 1 (mode=create).
[14:03:22.118][Error][Transport]: [NativeRoomController] Room-details request failed with HTTP 401: Convai API returned HTTP 401.
[14:03:22.120][Warning][SDK]: [SessionMetrics] Session error: connection.connect_invalid_api_key
"""
HEALTHY = """[14:03:21.000][Info][SDK]: [RoomConnectionRuntimeAdapter] Room connection attempt 1 (mode=create).
[14:03:22.118][Info][SDK]: [LiveKitRoomBackend] Room connected: rm-1
[14:03:22.120][Info][SDK]: [RoomConnectionRuntimeAdapter] Room connection succeeded (mode=create).
"""


def run(
    *args: str | Path, stdin: bytes | None = None, **env: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "convai_logscan", *map(str, args)],
        input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
        # Wide, so that no sentence is folded by the length of a path.
        check=False, cwd=ROOT, env={**os.environ, "COLUMNS": "600", **env}, timeout=120,
    )  # fmt: skip


def report(*args: str | Path, stdin: bytes | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*args, "--format", "json", stdin=stdin).stdout)
    return found


@pytest.fixture
def refused(tmp_path: Path) -> Path:
    path = tmp_path / "refused.log"
    path.write_text(REFUSED, encoding="utf-8")
    return path


def test_exit_codes_say_what_was_found(tmp_path: Path, refused: Path) -> None:
    healthy = tmp_path / "healthy.log"
    healthy.write_text(HEALTHY, encoding="utf-8")
    assert run(healthy).returncode == 0
    assert run(refused).returncode == 1
    assert run(refused, "--fail-on", "never").returncode == 0
    assert run(healthy, "--fail-on", "info").returncode == 1
    assert run(tmp_path / "missing.log").returncode == 3
    assert run(refused, tmp_path / "missing.log").returncode == 3
    assert run(refused, "--no-such-option").returncode == 2
    assert run().returncode == 2


def test_a_report_of_ours_is_no_log(tmp_path: Path, refused: Path) -> None:
    own = tmp_path / "report.json"
    run(refused, "-o", own)
    met = run(tmp_path)
    assert met.returncode == 1
    assert "Session 2" not in met.stdout.decode()
    told = "this is a report of convai-logscan, not a log"
    assert f"skipped {own}: {told}" in met.stdout.decode()
    found = report(tmp_path)
    assert [one["name"] for one in found["sources"]] == [str(refused)]
    assert found["skipped"][0]["source"] == str(own)
    own.write_text(own.read_text(encoding="utf-8"), encoding="utf-16")  # as PowerShell's > does
    assert run(tmp_path).returncode == 1
    for command in (["scan"], ["events"], ["explain", "invalid-api-key"]):
        named = run(*command, own)
        assert named.returncode == 3, command
        assert told in named.stderr.decode()
    assert run("redact", "--check", own).returncode == 0
    refused.unlink()
    alone = run(tmp_path)
    assert alone.returncode == 3
    assert "no log is in it" in alone.stderr.decode()
    own.write_text(f"I ran it:\n{own.read_text(encoding='utf-16')}\n{REFUSED}", encoding="utf-8")
    assert run(own).returncode == 1, "a ticket that quotes a report"


def test_an_empty_file_is_a_report_with_nothing_in_it(tmp_path: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.touch()
    done = run(empty, "--format", "json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["sources"][0]["sessions"] == found["sources"][0]["diagnoses"] == []


@pytest.mark.parametrize(
    "args",
    [
        ["no-such.log"], ["grammars/*.none"], ["@no-such-list.txt"], ["--format", "yaml", "x"], ["x", "--session", "zero"],
        ["x", "--select", "invalid-api-kee"], ["x", "-o", "report.docx"], ["x", "--table", "no-dir"],
        ["--fail-on", "loud", "x"], ["x\0y.log"][:0] or ["-"],
    ],
)  # fmt: skip
def test_trouble_is_one_sentence_without_a_traceback(args: list[str]) -> None:
    done = run(*args, stdin=b"\x7fELF" + bytes(100) if args == ["-"] else None)
    assert done.returncode in {2, 3}
    text = done.stderr.decode()
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) == 1, text
    assert text.startswith("convai-logscan: ")


def test_a_mistyped_id_is_answered_with_the_right_one(refused: Path) -> None:
    assert (
        "did you mean `invalid-api-key`"
        in run(refused, "--select", "invalid-api-kee").stderr.decode()
    )


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="everything is readable for root"
)
def test_a_file_without_rights_is_skipped(refused: Path) -> None:
    refused.chmod(0)
    done = run(refused)
    assert done.returncode == 3
    assert "not allowed" in done.stderr.decode()


def test_standard_input_is_read_with_and_without_a_dash() -> None:
    for args in (["-"], []):
        done = run(*args, stdin=REFUSED.encode())
        assert done.returncode == 1
        assert "invalid-api-key" in done.stdout.decode()


def test_scan_is_the_command_of_a_bare_path(refused: Path) -> None:
    assert run(refused).stdout == run("scan", refused).stdout


def test_the_json_report_is_the_same_every_time(refused: Path) -> None:
    assert run(refused, "--format", "json").stdout == run(refused, "--format", "json").stdout


def test_the_json_report_has_the_keys_of_the_contract_in_order(refused: Path) -> None:
    found = report(refused)
    assert list(found) == ["schema", "tool", "sources", "skipped", "summary"]
    source = found["sources"][0]
    assert list(source) == [
        "name", "kind", "encoding", "bytes", "facts", "visibility", "sessions", "diagnoses",
        "checklist", "unexplained", "redactions",
    ]  # fmt: skip
    assert list(source["sessions"][0]) == [
        "number", "first_line", "last_line", "outcome", "attempts", "reconnects", "character_id",
        "room_url", "room_name", "session_id", "character_session_id", "request_trace_id",
        "error_code", "http_status", "room_token", "timeline",
    ]  # fmt: skip
    assert list(source["diagnoses"][0]) == [
        "id", "severity", "confidence", "verdict", "session", "root", "because_of", "times",
        "symptom", "cause", "fix", "verify", "docs", "evidence", "against", "missing",
    ]  # fmt: skip
    assert [step["step"] for step in source["checklist"]] == [1, 2, 3, 4, 5, 6]
    assert found["summary"]["diagnoses"] == {"invalid-api-key": 1}
    assert found["summary"]["worst"] == "fatal"


def test_reports_are_written_to_files_too(tmp_path: Path, refused: Path) -> None:
    out, text = tmp_path / "r.json", tmp_path / "r.txt"
    run(refused, "-o", out, "-o", text)
    assert json.loads(out.read_text(encoding="utf-8"))["schema"] == 1
    assert "invalid-api-key" in text.read_text(encoding="utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r.json", "r.txt", "refused.log"]


def test_sessions_and_diagnoses_can_be_picked(tmp_path: Path) -> None:
    path = tmp_path / "two.log"
    path.write_text(REFUSED + "Reloading assemblies for play mode.\n" + HEALTHY, encoding="utf-8")
    assert [s["number"] for s in report(path)["sources"][0]["sessions"]] == [1, 2]
    assert [s["number"] for s in report(path, "--session", "last")["sources"][0]["sessions"]] == [2]
    assert (
        report(path, "--session", "1", "--ignore", "invalid-api-key")["summary"]["diagnoses"] == {}
    )
    assert list(report(path, "--select", "invalid-api-key")["summary"]["diagnoses"]) == [
        "invalid-api-key"
    ]


def test_a_users_rows_are_added_and_bad_ones_reported(tmp_path: Path, refused: Path) -> None:
    folder = tmp_path / "rows"
    folder.mkdir()
    good = (
        'symptom = "S."\nseverity = "warning"\ncause = "C."\nfix = ["F."]\nverify = "V."\ndocs = "d"\nrank = 900\n'
        'when = "connect_attempt then rest_failed{status == 401}"\n[[example]]\nlog = "x"\n[[counterexample]]\nlog = "y"\nwhy = "z"\n'
    )
    (folder / "my-row.toml").write_text(good, encoding="utf-8")
    (folder / "bad.toml").write_text(good.replace("rest_failed", "rest_faild"), encoding="utf-8")
    done = run(refused, "--table", folder, "--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 3
    assert found["summary"]["diagnoses"]["my-row"] == 1
    assert "did you mean `rest_failed`" in found["skipped"][0]["reason"]
    assert run(refused, "--table", folder, "--strict").returncode == 2


def test_colours_are_off_in_a_pipe_and_on_when_asked(refused: Path) -> None:
    assert b"\x1b[" not in run(refused).stdout
    assert b"\x1b[" in run(refused, "--color", "always").stdout


def test_a_terminal_without_unicode_gets_plain_letters(refused: Path) -> None:
    done = run(refused, PYTHONIOENCODING="cp1252", PYTHONUTF8="0")
    assert done.returncode == 1
    assert done.stdout.decode("ascii")


def test_a_closed_pipe_is_a_clean_end(refused: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m convai_logscan {refused} --format json | head -c 10; echo"],
        capture_output=True, check=False, cwd=ROOT, timeout=120,
    )  # fmt: skip
    assert done.stderr == b""
    for words in (f"events {refused}", "table list", "doctor", f"{refused} --fail-on never"):
        done = subprocess.run(
            ["/bin/bash", "-c", f"{sys.executable} -m convai_logscan {words} | true; exit ${{PIPESTATUS[0]}}"],
            capture_output=True, check=False, cwd=ROOT, timeout=120,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, b""), words


def _drained(pipe: IO[bytes]) -> None:
    """Wait until the other end has read everything, and has had time to think about it."""
    import fcntl
    import termios

    left = b"\1\0\0\0"
    for _ in range(600):
        left = fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0")
        if not any(left):
            break
        time.sleep(0.1)
    assert not any(left)
    time.sleep(3)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_on_standard_input_prints_the_report_so_far() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "convai_logscan", "-"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(REFUSED.encode())
    process.stdin.flush()
    _drained(process.stdin)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "invalid-api-key" in out.decode()
    assert b"Traceback" not in err


def test_help_imports_click_only() -> None:
    code = (
        "import sys\nfrom convai_logscan.cli import group\n"
        "group.main(['--help'], standalone_mode=False)\n"
        "print(sorted({'lark','rich','pandas','numpy','dateutil','ahocorasick_rs'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, timeout=60
    )
    assert done.stdout.decode().strip().endswith("[]")


def test_a_scan_never_imports_pandas(refused: Path) -> None:
    code = (
        "import sys\nfrom convai_logscan.cli import group\n"
        f"group.main([{str(refused)!r}, '--format', 'json'], standalone_mode=False)\n"
        "print(sorted({'rich','pandas','numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, timeout=60
    )
    assert done.stdout.decode().strip().endswith("[]")


def test_every_row_can_be_selected() -> None:
    log = next(iter(sorted(LOGS.glob("*.log"))))
    done = run(log, *[word for name in rules.builtin().rows for word in ("--select", name)])
    assert done.returncode in {0, 1}


def test_filled_secrets_stay_out_of_the_output(tmp_path: Path) -> None:
    text, secrets = fill(
        "[Debug][Transport]: Token: @room-token@; Room Name: rm-1; Room URL: wss://x.livekit.cloud; Session ID: s-1; Character Session ID: c-1\n"
    )
    path = tmp_path / "t.log"
    path.write_text(text, encoding="utf-8")
    done = run(path, "-v")
    assert secrets["@room-token@"] not in done.stdout.decode()
    assert report(path)["sources"][0]["redactions"] == {"room-token": 1}


def test_doctor_names_versions_extras_and_the_logs_it_finds(tmp_path: Path) -> None:
    log = tmp_path / "Logs" / "Editor.log"
    log.parent.mkdir()
    log.write_text(HEALTHY, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "convai_logscan", "doctor"], capture_output=True, check=False,
        cwd=tmp_path, timeout=60, env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    text = done.stdout.decode()
    assert done.returncode == 0
    for word in ("convai-logscan 0.", "Python 3.", "lark", "7z", "remote", "parquet"):
        assert word in text
    assert str(Path("Logs") / "Editor.log") in text
    places = text.partition("Unity's places")[2].partition("Logs found")[0].splitlines()
    assert f"  .{os.sep}Logs" in places
    assert any("nity" in place and place.startswith(f"  ~{os.sep}") for place in places)
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    for requirement in needed:
        assert f"\n  {re.split('[>=; ]', requirement)[0]} " in text
    assert "\nKept for the next run\n  " in text


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are made otherwise there")
def test_on_a_terminal_without_a_path_the_logs_are_offered(tmp_path: Path) -> None:
    import pty

    log = tmp_path / "Logs" / "Editor.log"
    log.parent.mkdir()
    log.write_text(REFUSED, encoding="utf-8")
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "convai_logscan"], stdin=end, stdout=end, stderr=end, cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "TERM": "dumb"},
    )  # fmt: skip
    os.close(end)
    os.write(terminal, b"1\n")  # it waits there until it is asked for
    shown = b""
    while True:
        try:
            block = os.read(terminal, 4096)
        except OSError:  # the other end has gone
            break
        if not block:
            break
        shown += block
    os.close(terminal)
    assert process.wait(timeout=60) == 1
    assert b"Logs/Editor.log" in shown
    assert b"invalid-api-key" in shown


def test_what_is_being_read_is_said_in_one_safe_line() -> None:
    from convai_logscan.cli.progress import Progress
    from convai_logscan.sources import Source

    progress = Progress()
    for name in ("a.log", "b\x1b[2J.log"):
        source = Source(name, [])
        source.bytes = 2_000_000
        progress.reads(source)
    assert progress.__rich__().plain == "reading b\\x1b[2J.log · log 2 · 4 MB"
    with progress:  # standard error is no terminal here, and nothing is shown
        pass


def test_limits_take_sizes_as_people_write_them(tmp_path: Path, refused: Path) -> None:
    packed = tmp_path / "x.gz"
    packed.write_bytes(gzip.compress(refused.read_bytes()))
    assert run(packed, "--max-bytes", "1MiB").returncode == 1
    done = run(packed, "--max-bytes", "1", "--format", "json")
    assert done.returncode == 3
    assert "--max-bytes raises the limit" in done.stderr.decode()
    done = run(packed, "--max-bytes", "much")
    assert done.returncode == 2
    assert "write it like 500M or 2G" in done.stderr.decode()
    for seconds in ("nan", "inf", "-1", "1e999", "soon"):
        done = run(packed, f"--max-seconds={seconds}")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "write it in seconds" in done.stderr.decode()


def test_a_log_that_ends_early_is_told_by_every_command(tmp_path: Path, refused: Path) -> None:
    packed = tmp_path / "x.gz"
    packed.write_bytes(gzip.compress(refused.read_bytes())[:-10])
    for args in (["scan"], ["events"], ["explain", "invalid-api-key"]):
        done = run(*args, packed)
        assert done.returncode == 3
        assert "end early" in (done.stdout + done.stderr).decode()
        assert done.stdout


def test_many_sources_are_a_line_each_and_what_is_no_log_is_counted(
    tmp_path: Path, refused: Path
) -> None:
    folder = tmp_path / "ticket"
    folder.mkdir()
    for number in range(7):
        (folder / f"{number}.log").write_bytes(refused.read_bytes())
        (folder / f"{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    text = run(folder, COLUMNS="300").stdout.decode()
    assert sum(line.endswith(".log  invalid-api-key") for line in text.splitlines()) == 7
    assert re.search(r"7 sources, by cause\n +7  invalid-api-key  +Convai rejects", text)
    assert "skipped 7 files that are no logs: 7 × this is a picture" in text
    assert text.count(".png") == 0
    assert run(folder, "-v").stdout.decode().count(".png") == 7


def test_a_diagnosis_that_is_ignored_is_not_quoted_either(refused: Path) -> None:
    symptom = "does not accept the API key"
    for args in ([], ["--format", "json"]):
        assert symptom in run(refused, *args).stdout.decode()
        done = run(refused, "--ignore", "invalid-api-key", *args).stdout.decode()
        assert symptom not in done
        assert "The cause is not in this log" not in done


@pytest.mark.parametrize(
    ("word", "meant"), [("expain", "explain"), ("scn", "scan"), ("tabel", "table")]
)
def test_a_mistyped_command_is_told(tmp_path: Path, word: str, meant: str) -> None:
    done = run(word, "x")
    assert (done.returncode, f"did you mean `{meant}`?" in done.stderr.decode()) == (2, True)
    log = tmp_path / word  # a log that is called so is read
    log.write_text(REFUSED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "convai_logscan", word], capture_output=True, check=False,
        cwd=tmp_path, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1


@pytest.mark.parametrize(
    "args", [["table", "list"], ["events", "--fields"], ["doctor"], ["explain", "no sound"]]
)
def test_lists_fit_a_terminal(args: list[str]) -> None:
    done = run(*args, COLUMNS="80")
    assert done.returncode == 0
    assert max(map(len, done.stdout.decode().splitlines())) <= 80


def test_an_excerpt_does_not_say_which_build_it_is_of() -> None:
    line = "02-03 04:05:06.789 19117 19178 I Unity   : [14:03:21.000][Info][SDK]: [X] Session error: connection.timeout"
    header = "02-03 04:05:06.789 19117 19178 I Unity   : Built from '6000.2/staging' branch, Version '6000.2.10f1 (d3d30d158480)', Build type 'Release', Scripting Backend 'il2cpp', CPU 'arm64-v8a', Stripping 'Enabled'"
    for text, build in ((line, None), (f"{header}\n{line}", "release")):
        found = json.loads(run("-", "--format", "json", stdin=text.encode()).stdout)
        assert found["sources"][0]["facts"]["build"] == build


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are made otherwise there")
def test_a_clean_file_is_told_on_a_terminal_only(tmp_path: Path) -> None:
    import pty

    log = tmp_path / "a.log"
    log.write_text("nothing of note\n", encoding="utf-8")
    for args, said in (([], b"a.log: clean"), (["-q"], b"")):
        ours, theirs = pty.openpty()
        words = [sys.executable, "-m", "convai_logscan", "redact", "--check", str(log), *args]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=theirs, check=False, timeout=60)
        os.close(theirs)
        told = b""
        with contextlib.suppress(OSError):  # Linux ends a terminal that nobody holds with an error
            told = os.read(ours, 1000)
        os.close(ours)
        assert (done.returncode, done.stdout, told.strip().endswith(said)) == (0, b"", True)
        assert bool(told) == bool(said)
    assert run("redact", "--check", log).stderr == b""


def test_what_was_left_out_is_told(refused: Path, tmp_path: Path) -> None:
    text = run(refused, "--ignore", "invalid-api-key").stdout.decode()
    assert "1 diagnosis is left out by --ignore: invalid-api-key" in text
    assert "What was found in this session is left out." in text
    assert "No row of the table explains this." not in text
    quiet = run(refused, "--select", "mic-none", "-q").stdout.decode()
    assert re.search(r"\d diagnos[ei]s (?:is|are) left out by --select", quiet)
    whole = run(
        refused, "--select", "invalid-api-key", "--ignore", "mic-none", "-v"
    ).stdout.decode()
    assert "by --ignore" not in whole
    for number in range(6):
        (tmp_path / f"{number}.log").write_text(REFUSED, encoding="utf-8")
    many = run(tmp_path, "--ignore", "invalid-api-key").stdout.decode()
    assert "nothing wrong" not in many
    assert "7 diagnoses are left out by --ignore" in many


@pytest.mark.parametrize(
    ("args", "command"),
    [
        (["x.log", "--session", "zero"], " scan"), (["x.log", "--no-such"], " scan"), (["explain", "xyzzy"], " explain"),
        (["events", "x", "--kind", "none"], " events"), (["table", "show", "none"], " table show"),
        (["table", "none"], " table"), (["redact", "x"], " redact"), (["scn"], ""),
    ],
)  # fmt: skip
def test_a_usage_error_names_the_command_that_was_called(args: list[str], command: str) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert f"(`convai-logscan{command} --help` lists the options)" in done.stderr.decode()


def test_a_mistyped_path_gets_the_name_beside_it(tmp_path: Path) -> None:
    (tmp_path / "Player.log").write_text(REFUSED, encoding="utf-8")
    (tmp_path / "other.txt").touch()
    meant = f"there is no such file (did you mean {tmp_path / 'Player.log'}?)"
    for args in (["scan"], ["events"], ["explain", "invalid-api-key"], ["redact", "-o", "-"]):
        done = run(*args, tmp_path / "Playr.log")
        assert done.returncode == 3, args
        assert meant in done.stderr.decode(), args
    assert "did you mean" not in run(tmp_path / "nothing-like-it").stderr.decode()
    assert "did you mean" not in run(tmp_path / "none" / "Player.log").stderr.decode()
