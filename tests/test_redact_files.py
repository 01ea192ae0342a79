"""Copies that are safe to share: every byte but the secrets, however the bytes come, and checked."""

from __future__ import annotations

import base64
import bz2
import gzip
import importlib.util
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convai_logscan import redact, rewrite, share
from convai_logscan.errors import LeakError
from convai_logscan.marks import finder, plain_finder
from convai_logscan.redact import Redactor, load_shapes
from convai_logscan.sources import Source
from convai_logscan.verify import Verifier
from tests.helpers import LOGS, SHARED
from tests.test_cli import run
from tests.test_redact import BASE62, HEX, KILLERS, chance, filled, room_token, uuid

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES = SHARED / "redaction-cases"
NONE: frozenset[str] = frozenset()
SHAPES = load_shapes()


def copied(data: bytes, target: str = "out.log", options: frozenset[str] = NONE) -> bytes:
    """Return the copy of a file of these bytes."""
    out = io.BytesIO()
    share.copy_out(lambda: [Source("in.log", [data])], target, out, options)
    return out.getvalue()


def passed(blocks: Iterable[bytes]) -> bytes:
    """Return what comes out of a pipe into which the blocks go."""
    out: list[bytes] = []
    share.pass_on([Source("-", blocks)], out.append, NONE)
    return b"".join(out)


# --- the development cases, and our own -------------------------------------------------------------


def module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[dict[str, Any]]]:
    if not CASES.is_dir():
        pytest.skip("the development cases are not here")
    folder = tmp_path_factory.mktemp("cases")
    for source in CASES.glob("*.py"):
        shutil.copyfile(source, folder / source.name)
    sys.path.insert(0, str(folder))
    try:
        module(folder / "gen_dev.py")
        score = module(folder / "score.py")
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("fab", None)
    lines = (folder / "cases_dev.jsonl").read_text("utf-8").splitlines()
    return score, [json.loads(line) for line in lines]


NOISE = "Mono path[0] = 'Bank_Data/Managed'\nInitialize engine version: 6000.0.28f1\n{}\nUnloading 5 Unused Serialized files\n"
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-16")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("padded", [False, True])
def test_the_development_cases(
    cases: tuple[Any, list[dict[str, Any]]], encoding: str, padded: bool
) -> None:
    score, every = cases
    wrong = []
    for case in every:
        text = NOISE.format(case["text"]) if padded else case["text"] + "\n"
        data = text.encode(encoding)
        out = copied(data)
        clean = out.decode(encoding)
        grade = score.grade(case, score.decodings(out), clean)
        if grade["leak"] or grade["damage"] or (case["tier"] == "N" and out != data):
            wrong.append((case["id"], grade["leak"], grade["damage"]))
        if copied(out) != out or clean.count("\n") != text.count("\n"):
            wrong.append((case["id"], "twice", ""))
    assert len(every) == 119
    assert not wrong


def test_a_stream_gives_what_a_file_gives_at_every_split(
    cases: tuple[Any, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, every = cases
    for case in every:
        data = NOISE.format(case["text"]).encode()
        whole = copied(data)
        assert passed([data]) == whole, case["id"]
    # Blocks so small that every place of every case is at the edge of one.
    monkeypatch.setattr(rewrite, "BLOCK", 1)
    for case in every:
        data = case["text"].encode() + b"\n"
        whole = passed([data])
        for cut in range(0, len(data), 1 + len(data) // 40):
            assert passed([data[:cut], data[cut:]]) == whole, case["id"]


@pytest.mark.parametrize("size", [1, 7, 64, 300])
def test_the_size_of_a_block_changes_nothing(
    cases: tuple[Any, list[dict[str, Any]]], size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, every = cases
    data = "\n".join(case["text"] for case in every).encode() + b"\n"
    whole = copied(data)
    assert passed([data]) == whole
    monkeypatch.setattr(rewrite, "BLOCK", size)
    assert copied(data) == whole


KEY = chance(HEX, 32, 71)
TOKEN = room_token(72)
LOGCAT = "08-14 10:21:33.123  4123  4178 I Unity   : "
OTHER = "08-14 10:21:33.124   812   901 D Wifi    : scan done\n"
# Text with its secrets, and what must stay beside them.
OWN: list[tuple[str, str, list[str], list[str]]] = [
    ("json", f'{{"x-api-key":"{KEY}","session_id":"{uuid(5)}"}}', [KEY], [uuid(5)]),
    ("json in json", json.dumps(json.dumps({"api_key": KEY, "b": 1})), [KEY], ["b"]),
    ("json three times", json.dumps(json.dumps(json.dumps({"api_key": KEY, "b": 1}))), [KEY], ["b"]),
    ("unicode escapes", f'{{\\u0022apiKey\\u0022:\\u0022{KEY}\\u0022,\\u0022b\\u0022:1}}', [KEY], ["b"]),
    ("percent", quote(f"https://h/c?apiKey={KEY}&charID=7", safe=""), [KEY], ["charID%3D7"]),
    ("percent twice", quote(quote(f"https://h/c?token={TOKEN}&b=7", safe=""), safe=""), TOKEN.split(".")[1:], ["b%253D7"]),
    ("html", f"&quot;apiKey&quot;:&quot;{KEY}&quot;,&quot;b&quot;:1", [KEY], ["b"]),
    ("csharp", f"Headers: [Content-Type, application/json], [CONVAI-API-KEY, {KEY}]", [KEY], ["application/json]"]),
    ("curl", f"curl -H 'X-API-Key: {KEY}' https://live.convai.com/connect", [KEY], ["https://live.convai.com/connect"]),
    ("yaml", f"ConvaiSettings:\n  _apiKey: {KEY}\n  region: eu", [KEY], ["region: eu"]),
    ("next line", f'"apiKey":\n    "{KEY}",\n"b": 1', [KEY], ['"b": 1']),
    ("next line, crlf", f"-accessToken\r\n{chance(BASE62, 43, 3)}001f\r\n-quit\r\n", [chance(BASE62, 43, 3)], ["-quit\r\n"]),
    ("quoted mail", f"> token: {TOKEN[:70]}\n> {TOKEN[70:140]}\n> {TOKEN[140:]}\n> thanks", TOKEN.split(".")[1:], ["> thanks"]),
    ("soft breaks", f"token: {TOKEN[:75]}=\n{TOKEN[75:150]}=\n{TOKEN[150:]}\nthanks", TOKEN.split(".")[1:], ["thanks"]),
    ("logcat cut", f"{LOGCAT}Token: {TOKEN[:99]}\n{LOGCAT}{TOKEN[99:]}; Room Name: a\n", TOKEN.split(".")[1:], ["; Room Name: a"]),
    ("logcat cut, another process between", f"{LOGCAT}Token: {TOKEN[:99]}\n{OTHER}{LOGCAT}{TOKEN[99:]}; Room Name: a\n", TOKEN.split(".")[1:], ["; Room Name: a", OTHER]),
    ("key cut by logcat", f"{LOGCAT}X-API-Key: {KEY[:20]}\n{LOGCAT}{KEY[20:]}\n{LOGCAT}next", [KEY[:20], KEY[20:]], ["next"]),
    ("key cut early", f"{LOGCAT}X-API-Key: {KEY[:9]}\n{LOGCAT}{KEY[9:]}\n{LOGCAT}next", [KEY[9:]], ["next"]),
    ("colour", f"\x1b[36mX-API-Key\x1b[0m: \x1b[1m{KEY}\x1b[0m sent", [KEY], ["sent"]),
    ("colour inside", f"X-API-Key: {KEY[:8]}\x1b[0m{KEY[8:]} sent", [KEY[8:]], ["sent"]),
    ("zero width inside", f"X-API-Key: {KEY[:8]}\u200b{KEY[8:]} sent", [KEY[8:]], ["sent"]),
    ("zero width in the label", f"X-API\u200b-Key: {KEY} sent", [KEY], ["sent"]),
    ("nul inside", f"X-API-Key: {KEY[:8]}\0{KEY[8:]} sent", [KEY[8:]], ["sent"]),
    ("cr only", f"a\rX-API-Key: {KEY}\rb\r", [KEY], ["\rb\r"]),
    ("next line, cr only", f"a\r-accessToken\r{chance(BASE62, 43, 3)}001f\r-quit\r", [chance(BASE62, 43, 3)], ["\r-quit\r"]),
    ("label behind", f"retry of {KEY} failed\n{'x' * 300}\napi_key={KEY}\n", [KEY], ["retry of ", " failed"]),
    ("twice the same key", f'{{"token":"{TOKEN}","token":"{room_token(73)}","n":1}}', [TOKEN.split(".")[1], room_token(73).split(".")[1]], ['"n":1']),
    ("livekit.yaml", f"keys:\n  APIabcdefghjkmn: {chance(BASE62, 43, 8)}\n  APIabcdefghjkmp: {chance(BASE62, 43, 9)}\nport: 7880", [chance(BASE62, 43, 8), chance(BASE62, 43, 9)], ["port: 7880"]),
    ("cut short", f"X-API-Key: {KEY[:26]}", [KEY[:26]], ["X-API-Key: "]),
    ("basic in base64", "Authorization: Basic " + base64.b64encode(b"ada:s3cret-of-ada").decode(), [base64.b64encode(b"ada:s3cret-of-ada").decode()], ["Basic"]),
    ("user elsewhere", "C:\\Users\\svetlana.k\\AppData\nwelcome svetlana.k!\n", ["svetlana.k"], ["welcome ", "!"]),
    ("ids", f"session_id: {uuid(1)} character_session_id={uuid(2)} request_trace_id: {uuid(3)} room_name=conv-1 PA_abcdefghjkmn RM_abcdefghjkmn", [], [uuid(1), uuid(2), uuid(3), "conv-1", "PA_abcdefghjkmn"]),
    ("hosts and codes", "wss://x.livekit.cloud/rtc connection.connect_invalid_api_key HTTP 401 6000.0.28f1", [], ["wss://x.livekit.cloud/rtc", "connection.connect_invalid_api_key"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "secrets", "stays"), [case[1:] for case in OWN], ids=[case[0] for case in OWN]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16"])
def test_our_own_cases(text: str, secrets: list[str], stays: list[str], encoding: str) -> None:
    data = text.encode(encoding)
    out = copied(data)
    clean = out.decode(encoding)
    seen = re.sub("[\0\u200b]|\x1b\\[[0-9;]*m", "", clean)
    assert not [secret for secret in secrets if secret in seen]
    assert not [one for one in stays if one not in clean]
    assert [clean.count(end) for end in "\r\n"] == [text.count(end) for end in "\r\n"]
    if not secrets:
        assert out == data
    assert copied(out) == out
    assert passed([data[n : n + 5] for n in range(0, len(data), 5)]) == (
        out if not encoding.startswith("utf-16") else passed([data])
    )
