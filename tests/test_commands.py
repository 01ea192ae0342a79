"""explain, events and table, as a user calls them."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from convai_logscan import rules
from convai_logscan.events import CODES, KINDS
from convai_logscan.pipeline import watched
from convai_logscan.sources import from_stream
from tests.compose import fill
from tests.helpers import LOGS, ROOT, scanned, settings
from tests.test_cli import REFUSED, run
from tests.test_logs import raw_log

if TYPE_CHECKING:
    from pathlib import Path

SYMPTOMS = tomllib.loads((ROOT / "convai_logscan" / "symptoms.toml").read_text(encoding="utf-8"))


def out(*args: str | Path, code: int = 0, stdin: bytes | None = None) -> str:
    done = run(*args, stdin=stdin)
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    return done.stdout.decode()


def test_explain_a_row_says_cause_fix_and_proof() -> None:
    text = out("explain", "livekit-media-blocked")
    for word in ("Symptom", "Cause", "Fix", "Verify", "https://docs.convai.com/", "Explains"):
        assert word in text


def test_every_code_of_the_sdk_has_an_answer() -> None:
    codes = tomllib.loads((ROOT / "convai_logscan" / "codes.toml").read_text(encoding="utf-8"))
    assert set(codes) == CODES
    known = set(rules.builtin().rows)
    for code, entry in codes.items():
        assert entry["meaning"].endswith(".")
        assert entry["printed"].endswith((".", "'")), code
        assert set(entry["rows"]) <= known
    text = out("explain", "transport.ice_failed")
    assert "livekit-media-blocked" in text
    assert "Printed" in text


@pytest.mark.parametrize("entry", SYMPTOMS["symptom"], ids=lambda e: e["symptom"][:50])
def test_a_symptom_is_found_by_its_own_words(entry: dict[str, Any]) -> None:
    from convai_logscan.cli.explain import _best, _Text, _words

    texts = [_Text("symptom", s["symptom"], s["symptom"], f"{s['cause']} {s['fix']}") for s in SYMPTOMS["symptom"]]  # fmt: skip
    best = _best(_words(entry["symptom"]), texts, SYMPTOMS["means"])
    assert entry["symptom"] in [one.shown for one in best]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("character does not hear", "mic-none"), ("the npc is silent", "silent-with-transcript"),
        ("no sound in browser", "webgl-audio-locked"), ("tls inspection", "tls-inspection-convai"),
        ("api key", "invalid-api-key"), ("invalid-api-kei", "did you mean `invalid-api-key`"),
        ("401", "auth-token-rejected"), ("429", "rate-limited"), ("429", "concurrency-limit"),
        ("getUserMedia", "mic-denied-browser"), ("company firewall", "convai-endpoint-blocked"),
        ("company firewall", "livekit-media-blocked"), ("no sound", "audio-output-wrong-object"),
        ("NotAllowedError", "mic-denied-iframe"), ("Access-Control-Allow-Origin", "webgl-insecure-origin"),
        ("conection.timeout", "did you mean `connection.timeout`"), ("stuck connecting", "StartWaitTimeoutMs"),
    ],
)  # fmt: skip
def test_explain_answers_words(words: str, answer: str) -> None:
    assert answer in " ".join(out("explain", words).split())


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("character does not answer", "character-not-ready"), ("character not responding", "character-not-ready"),
        ("character not responding", "silent-with-transcript"), ("character does not answer", "push-to-talk-muted"),
        ("can't connect", "connect-failed-unspecified"), ("Character can’t connect", "invalid-api-key"),
        ("cannot connect", "convai-endpoint-blocked"), ("stuck on connecting", "connect-failed-unspecified"),
        ("Curl error 60", "tls-inspection-convai"), ("Curl error 60: Cert verify failed: UNITYTLS_X509VERIFY_FLAG_UNKNOWN_ERROR", "root-certificates-missing"),
        ("microphone not working on quest", "mic-denied-android"), ("mic doesn't work", "mic-none"),
        ("the bot isn't replying", "character-not-ready"), ("I can't hear her", "silent-with-transcript"),
    ],
)  # fmt: skip
def test_the_words_of_a_customer_name_what_is_meant_first(question: str, first: str) -> None:
    text = out("explain", question)
    found = [line.split()[1] for line in text.splitlines() if line.startswith("diagnosis ")]
    assert first in found[:4]
    assert text.endswith(f"Next      convai-logscan explain {found[0]}\n")


def test_what_customers_mean_is_in_the_table() -> None:
    named = {row for entry in SYMPTOMS["asked"] for row in entry["rows"]}
    assert named <= set(rules.builtin().rows)


def test_words_with_a_log_lead_on_to_it(tmp_path: Path) -> None:
    log = tmp_path / "Player 1.log"
    log.write_text(REFUSED, encoding="utf-8")
    for words in (["no sound"], ["no", "sound"], ["401"]):
        text = out("explain", *words, log)
        assert re.search(
            rf'^Next      convai-logscan explain [a-z-]+ "{re.escape(str(log))}"$',
            text,
            re.MULTILINE,
        ), text
    assert out("explain", "no", "sound", "-", stdin=b"").endswith(" -\n")
    assert re.search(
        r"^Ask +\S.*ask the question above", out("explain", "urp", log), re.MULTILINE | re.DOTALL
    )
    assert "protobuf-missing is silent" in out("explain", "protobuf", log)


def test_explain_that_finds_nothing_says_where_to_look() -> None:
    done = run("explain", "xyzzy")
    assert done.returncode == 2
    assert "table list" in done.stderr.decode()


def test_explain_with_a_log_shows_how_far_it_got(tmp_path: Path) -> None:
    log = tmp_path / "p.log"
    log.write_text(
        "[10:00:00.000][Info][SDK]: [RoomConnectionRuntimeAdapter] Room connection attempt 1 (mode=create).\n"
        "[10:00:01.000][Info][SDK]: [LiveKitRoomBackend] Connecting to LiveKit endpoint: wss://x.livekit.cloud\n"
        "[10:00:02.000][Info][SDK]: [LiveKitRoomBackend] Room connected: rm-1\n",
        encoding="utf-8",
    )
    text = out("explain", "livekit-media-blocked", log)
    assert "session 1: livekit-media-blocked is silent" in text
    assert "met      line 2 (room_details)" in text or "met      line 2 (endpoint)" in text
    assert "not met  ice_evidence" in text
    assert "ended    line 3 (connected)" in text or "ended    line 3 (lk_connected)" in text
    fired = tmp_path / "r.log"
    fired.write_text(REFUSED, encoding="utf-8")
    assert "session 1: invalid-api-key fires" in out("explain", "invalid-api-key", fired)


@pytest.mark.parametrize(
    "name",
    ["conn-invalid-key-release", "cred-auth-token-rejected-text", "conn-endpoint-blocked-old-four", "cred-manager-adapter"],
)  # fmt: skip
def test_explain_names_the_lines_that_scan_names(name: str) -> None:
    raw = raw_log(LOGS / f"{name}.expect.toml")[0]
    for one in scanned(raw).diagnoses:
        _, progress = watched(from_stream(io.BytesIO(raw)), settings(watch=one.id))
        mine = [p for p in progress if p.fired and p.session == (one.session or 0)]
        lines = {met.line for p in mine for _, met in p.steps if met}
        assert lines, one.id
        assert lines <= {e.line for e in one.evidence}, one.id


def test_events_are_json_lines() -> None:
    found = [json.loads(line) for line in out("events", "-", stdin=REFUSED.encode()).splitlines()]
    assert [e["event"] for e in found] == ["connect_attempt", "rest_failed", "session_error"]
    assert found[1]["status"] == 401
    assert found[0]["time"] == "14:03:21.000"
    only = out("events", "-", "--kind", "session_error", stdin=REFUSED.encode())
    assert [json.loads(line)["code"] for line in only.splitlines()] == [
        "connection.connect_invalid_api_key"
    ]


def test_events_have_the_same_columns_for_every_log(tmp_path: Path) -> None:
    tables = []
    for number, log in enumerate(sorted(LOGS.glob("*.log"))[:2]):
        path = tmp_path / f"{number}.parquet"
        out("events", log, "-o", path)
        tables.append(pd.read_parquet(path).dtypes)
        rows = list(csv.DictReader(io.StringIO(out("events", log, "--format", "csv"))))
        assert list(rows[0]) == list(tables[-1].index)
        assert {row["event"] for row in rows} <= set(KINDS)
    assert tables[0].equals(tables[1])


def test_a_spreadsheet_gets_no_formula() -> None:
    text = "[Error][SDK]: [X] boom\n[Error][SDK]: =HYPERLINK(1)\n"
    rows = list(
        csv.DictReader(io.StringIO(out("events", "-", "--format", "csv", stdin=text.encode())))
    )
    assert rows[1]["message"] == "'=HYPERLINK(1)"


def test_every_field_of_every_event_is_documented() -> None:
    text = out("events", "--fields")
    for name, kind in KINDS.items():
        assert f"\n{name}\n" in text
        assert kind.__doc__


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["events"], "give a log file"), (["events", "x", "-o", "x.xlsx"], "the suffix must be one of"),
        (["events", "x", "--kind", "session_eror"], "did you mean `session_error`"),
        (["events", "no-such.log"], "there is no such file"), (["table", "show", "dns-convay"], "did you mean `dns-convai`"),
        (["table", "check", "no-such-dir"], "no such folder"), (["explain", "xyzzy", "x.log"], "no such file"), (["explain", "README.md"], "`README.md` is a log: `convai-logscan LOG` diagnoses it"), (["explain", "xyzzy", "README.md"], "nothing in the table answers"),
    ],
)  # fmt: skip
def test_trouble_is_one_sentence(args: list[str], words: str) -> None:
    done = run(*args)
    assert done.returncode in {2, 3}
    assert words in done.stderr.decode()
    assert len(done.stderr.decode().strip().splitlines()) == 1


def test_table_lists_shows_and_covers_every_row() -> None:
    listed = out("table", "list")
    for name, row in rules.builtin().rows.items():
        assert f"\n{name} " in f"\n{listed}"
        assert row.area in listed
    assert "rank     = 230" in out("table", "show", "invalid-api-key")
    covered = out("table", "coverage")
    assert ", 0 problems" in covered


def test_table_check_names_file_line_and_column(tmp_path: Path) -> None:
    row = out("table", "show", "invalid-api-key")
    (tmp_path / "my-row.toml").write_text(row, encoding="utf-8")
    assert "1 row, 0 problems" in out("table", "check", tmp_path)
    (tmp_path / "my-row.toml").write_text(row.replace("room_init_outcome{code", "room_init_outcome{cod"), encoding="utf-8")  # fmt: skip
    done = run("table", "check", tmp_path)
    assert done.returncode == 2
    assert "my-row.toml:13:" in done.stderr.decode()
    assert "did you mean `code`" in done.stderr.decode()


@pytest.mark.parametrize("command", [["events"], ["explain", "invalid-api-key"]])
def test_what_a_later_line_gives_away_is_in_no_earlier_one(
    command: list[str], tmp_path: Path
) -> None:
    text, made = fill(
        "[11:09:57.759][Info][SDK]: [RoomConnectionRuntimeAdapter] Attempting room create.\n"
        "[11:09:58.000][Error][Transport]: [NativeRoomController] Room-details request failed with "
        "HTTP 401: key @api-key@ refused\n"
        "[11:09:58.350][Error][Transport]: X-API-Key: @api-key@\n"
    )
    log = tmp_path / "Player.log"
    log.write_text(text, encoding="utf-8")
    for shown in (out(*command, log), out(*command, "-", stdin=text.encode())):
        assert "key {{api-key-1}} refused" in " ".join(shown.split())
        assert made["@api-key@"] not in shown
