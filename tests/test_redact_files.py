"""Copies that are safe to share: every byte but the secrets, however the bytes come, and checked."""

from __future__ import annotations

import base64
import bz2
import gc
import gzip
import importlib.util
import io
import json
import lzma
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convai_logscan import redact, rewrite, share
from convai_logscan.anchors import named_finder, plain_named_finder
from convai_logscan.errors import LeakError
from convai_logscan.events import KINDS
from convai_logscan.grammar import samples
from convai_logscan.redact import Redactor, load_shapes
from convai_logscan.sources import Limits, Pipe, Source, in_paths
from convai_logscan.verify import Verifier
from tests.helpers import ROOT, SHARED
from tests.test_cli import run
from tests.test_redact import BASE62, HEX, KILLERS, chance, filled, room_token, uuid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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


def test_a_stream_gives_what_a_file_gives(cases: tuple[Any, list[dict[str, Any]]]) -> None:
    _, every = cases
    for case in every:
        data = NOISE.format(case["text"]).encode()
        assert passed([data]) == copied(data), case["id"]


def test_a_stream_gives_the_same_at_every_split(
    cases: tuple[Any, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, every = cases
    texts = {case["id"]: case["text"] for case in every}
    texts |= {
        f"{shape.id}: {sample}": filled(sample)[0] for shape in SHAPES for sample in shape.positive
    }
    # The blocks are taken as they are, and searched when they come.
    monkeypatch.setattr(rewrite, "_sized", iter)
    monkeypatch.setattr(rewrite, "_ahead", lambda search, blocks: ((b, search(b)) for b in blocks))
    search = rewrite.packaged_search(NONE)

    def streamed(*blocks: bytes) -> bytes:
        return b"".join(rewrite.streamed(blocks, Redactor(), search, rewrite.Found()))

    for name, text in texts.items():
        data = text.encode() + b"\n"
        whole = streamed(data)
        assert whole == passed([data]), name
        for cut in range(1, len(data)):
            assert streamed(data[:cut], data[cut:]) == whole, (name, cut)


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
    ("unicode escapes", f"{{\\u0022apiKey\\u0022:\\u0022{KEY}\\u0022,\\u0022b\\u0022:1}}", [KEY], ["b"]),
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
    ("markup inside", f"X-API-Key: {KEY[:8]}<color=#fff>{KEY[8:20]}</color>{KEY[20:]} sent", [KEY[:8], KEY[8:20], KEY[20:]], ["X-API-Key: ", " sent"]),
    ("markup in two", f"Token: <color=cyan>{TOKEN[:110]}</color><color=red>{TOKEN[110:]}</color>; Room Name: a", [TOKEN[60:110], *TOKEN.split(".")[2:]], ["; Room Name: a"]),
    ("markup behind", f"X-API-Key: <b>{KEY}</b>sent", [KEY], ["sent"]),
    ("again in capitals", f"X-API-Key: {KEY}\nretry of {KEY.upper()} failed", [KEY, KEY.upper()], ["retry of ", " failed"]),
    ("again without dashes", f"API-AUTH-TOKEN: {uuid(44)}\nretry of {uuid(44).replace('-', '')} failed", [uuid(44), uuid(44).replace("-", "")], ["retry of ", " failed"]),
    ("again, cut", f"X-API-Key: {KEY}\nretry of {KEY[:20]}… failed, {KEY[:12]}*** and ***{KEY[-14:]} too", [KEY[:12], KEY[-12:]], ["retry of ", "… failed, ", " and ***", " too"]),
    ("again, cut before", f"retry of {KEY[:20]}… failed\nX-API-Key: {KEY}", [KEY[:12]], ["retry of ", "… failed"]),
    ("again, token cut", f"Token: {TOKEN};\nretry of {TOKEN.split('.')[2][:20]}... failed", [TOKEN.split(".")[2][:12]], ["retry of ", "... failed"]),
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


# --- the check before writing -------------------------------------------------------------------------

DETECTORS = [
    pytest.param(n, sample, id=f"{n}-{shape.id}-{k}")
    for n, shape in enumerate(SHAPES)
    if not shape.option
    for k, sample in enumerate(shape.positive)
]


def readable(secrets: list[str], data: bytes) -> list[str]:
    """Return the secrets of which something is still to be read."""
    text = data.decode("utf-8", "replace")
    return [s for s in secrets if len(s) > 3 and (s in text or (len(s) > 40 and s[-30:] in text))]


@pytest.mark.parametrize(("number", "sample"), DETECTORS)
def test_with_any_detector_off_nothing_is_written(
    number: int, sample: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, made = filled(sample)
    data = NOISE.format(text).encode()
    assert not readable(made, copied(data))
    fewer = SHAPES[:number] + SHAPES[number + 1 :]
    monkeypatch.setattr(redact, "_packaged", lambda: fewer)
    out, said = b"", ""
    try:
        out = copied(data)
    except LeakError as error:
        said = str(error)
    assert out or said
    assert not readable(made, out), "neither another detector nor the check took notice"
    assert not readable(made, said.encode())


def test_with_no_detector_at_all_every_credential_is_noticed(
    cases: tuple[Any, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, every = cases
    monkeypatch.setattr(redact, "_packaged", tuple)
    noticed = 0
    for case in every:
        try:
            copied(case["text"].encode())
        except LeakError:
            noticed += 1
            assert case["tier"] != "N", case["id"]
    assert noticed >= 55  # of 72: a check with labels only, to stand behind a redactor with shapes


VIEWS: dict[str, Callable[[str], bytes]] = {
    "raw": lambda s: s.encode(),
    "percent": lambda s: "".join(f"%{ord(c):02x}" for c in s).encode(),
    "percent twice": lambda s: "".join(f"%25{ord(c):02X}" for c in s).encode(),
    "json": lambda s: "".join(f"\\u{ord(c):04x}" for c in s).encode(),
    "json twice": lambda s: "".join(f"\\\\u{ord(c):04x}" for c in s).encode(),
    "html": lambda s: "".join(f"&#{ord(c)};" for c in s).encode(),
    "utf-16": lambda s: s.encode("utf-16-le"),
    "utf-16-be": lambda s: s.encode("utf-16-be"),
    "base64": lambda s: base64.b64encode(f"x{s}y".encode()),
    "base64url": lambda s: base64.urlsafe_b64encode(f"xy{s}z".encode()),
}


@given(
    st.sampled_from([KEY, TOKEN.split(".")[1], chance(BASE62 + "-_", 47, 5)]),
    st.sampled_from(sorted(VIEWS)),
    st.integers(0, 31),
    st.integers(0, 3000),
    st.integers(1, 4000),
)
def test_the_check_reads_twelve_characters_in_every_view(
    secret: str, view: str, start: int, before: int, cut: int
) -> None:
    size = 16 if "base64" in view else 12
    part = secret[min(start, len(secret) - size) :][: size + 2]
    data = b"- " * before + VIEWS[view](part) + b" -" * 40
    verifier = Verifier({secret: "api-key"}, named_finder)
    verifier.feed(data[:cut])
    verifier.feed(data[cut:])
    assert verifier.leak is not None
    clean = Verifier({secret: "api-key"}, named_finder)
    clean.feed(data.replace(VIEWS[view](part), b"{{api-key-1}}"))
    assert clean.leak is None


def test_the_check_finds_the_same_without_the_library() -> None:
    data = NOISE.format(f"x-api-key {KEY}").encode()
    for make in (named_finder, plain_named_finder):
        verifier = Verifier({}, make)
        verifier.feed(data)
        assert verifier.leak is not None
        assert verifier.leak.line == 3


# --- planted anywhere ---------------------------------------------------------------------------------

PLANTS = [
    ("X-API-Key: {}\n", KEY), ('"apiKey":"{}",', KEY), ("[X-API-Key, {}]", KEY), ("?apiKey={}&b=1", KEY),
    ("API-AUTH-TOKEN: {}\n", uuid(44)), ("token={};", TOKEN), ("Token: {}; Room Name: a\n", TOKEN),
    ('\\"token\\":\\"{}\\"', TOKEN), ("-accessToken\n{}\n", chance(BASE62, 43, 6) + "001f"),
    ('"credential":"{}"', chance(BASE62, 43, 7)), ("a=ice-pwd:{}\n", chance(BASE62, 24, 8)),
    ("secret: {}\n", chance(BASE62, 43, 9)), (" {} ", TOKEN),
]  # fmt: skip
FILL = "[Physics::Module] Id: 0x1b2c\nStart importing Assets/A.fbx using Guid(0a1b2c3d4e5f00112233445566778899)\n"


@given(
    st.lists(st.sampled_from(PLANTS), min_size=1, max_size=4),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16-le", "utf-16"]),
    st.integers(0, 400), st.integers(1, 900), st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
def test_a_planted_secret_goes_at_any_offset_split_and_encoding(
    plants: list[tuple[str, str]], encoding: str, before: int, cut: int, end: str
) -> None:
    text = FILL * 2 + "." * before + " "
    text += "".join(form.format(secret) + " " + FILL for form, secret in plants)
    data = text.replace("\n", end).encode(encoding)
    whole = passed([data])
    assert passed([data[:cut], data[cut:]]) == whole
    file = copied(data)
    for out in (file, whole):
        clean = out.decode(encoding)
        assert not [secret for _, secret in plants if secret[-20:] in clean]
        assert clean.count("\n") == text.count("\n")
    assert copied(file) == file


SAMPLES = [filled(s)[0] for shape in SHAPES if not shape.option for s in shape.positive]
SAMPLES += [s for shape in SHAPES for s in shape.negative]


@given(st.lists(st.sampled_from(SAMPLES), min_size=1, max_size=5))
def test_marks_lose_nothing(samples: list[str]) -> None:
    same_without_marks(samples)


def test_marks_lose_no_sample() -> None:
    for sample in SAMPLES:
        same_without_marks([sample])


def same_without_marks(samples: list[str]) -> None:
    text = "\n\n\n".join(samples) + "\n"
    every = [n for n, byte in enumerate(text.encode()) if byte == 10 or not n]
    with_marks, without = Redactor(), Redactor()
    one = rewrite.plan([text.encode()], with_marks, rewrite.packaged_search(NONE))
    two = rewrite.plan([text.encode()], without, lambda _: every)
    names = [
        b"".join(rewrite.carried_out([text.encode()], todo, redactor, rewrite.Found()))
        for todo, redactor in ((one, with_marks), (two, without))
    ]
    assert names[0] == names[1]


# --- the command ---------------------------------------------------------------------------------------

LOG = f"hello\nX-API-Key: {KEY}\nToken: {TOKEN}; Room Name: rm-1\nC:\\Users\\svetlana.k\\x\n"


def test_redact_copies_and_says_what_it_took_out(tmp_path: Path) -> None:
    source, out = tmp_path / "in.log", tmp_path / "out.log"
    source.write_text(LOG, encoding="utf-8", newline="")
    done = run("redact", source, "-o", out)
    assert done.returncode == 0
    assert out.read_text("utf-8") == (
        "hello\nX-API-Key: {{api-key-1}}\nToken: {{room-token-1}}; Room Name: rm-1\nC:\\Users\\{{user-1}}\\x\n"
    )
    assert not done.stdout
    said = done.stderr.decode()
    assert "3 values of 3 shapes" in said
    assert re.search(r"api-key +1 +line 2", said)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.log", "out.log"]
    assert run("redact", source, "-o", out, "-q").stderr == b""


def test_redact_through_a_pipe() -> None:
    done = run("redact", "-", "-o", "-", stdin=LOG.encode())
    assert done.returncode == 0
    assert b"X-API-Key: {{api-key-1}}\n" in done.stdout
    assert KEY.encode() not in done.stdout + done.stderr


def test_check_says_whether_a_file_is_clean(tmp_path: Path) -> None:
    dirty, clean = tmp_path / "dirty.log", tmp_path / "clean.log"
    dirty.write_text(LOG, encoding="utf-8")
    clean.write_text("hello {{api-key-1}}\n", encoding="utf-8")
    done = run("redact", "--check", clean, dirty)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines() == [
        f"{dirty}:2: api-key", f"{dirty}:3: room-token", f"{dirty}:4: user",
    ]  # fmt: skip
    assert run("redact", "--check", clean).returncode == 0
    assert run("redact", "--check", tmp_path / "none.log").returncode == 3
    assert run("redact", "--check", "-", stdin=LOG.encode()).returncode == 1


def test_the_copy_never_takes_the_place_of_the_log(tmp_path: Path) -> None:
    source, link = tmp_path / "in.log", tmp_path / "link.log"
    source.write_text(LOG, encoding="utf-8")
    for target in (source, tmp_path, tmp_path / "no" / "out.log"):
        done = run("redact", source, "-o", target)
        assert done.returncode in {2, 3}
        assert len(done.stderr.decode().strip().splitlines()) == 1
    link.symlink_to(source)
    assert run("redact", source, "-o", link).returncode == 3
    assert source.read_text("utf-8") == LOG
    assert run("redact", source).returncode == 2


def test_a_failed_check_leaves_nothing_behind(tmp_path: Path) -> None:
    source, out = tmp_path / "in.log", tmp_path / "out.log"
    source.write_text(LOG, encoding="utf-8")
    code = (
        "import sys\nfrom convai_logscan import redact\n"
        "kept = tuple(s for s in redact.load_shapes() if s.id not in ('api-key', 'query-secret'))\n"
        "redact._packaged = lambda: kept\n"
        "from convai_logscan.cli import main\n"
        f"sys.argv = ['x', 'redact', {str(source)!r}, '-o', {str(out)!r}]\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 4
    said = done.stderr.decode()
    assert len(said.strip().splitlines()) == 1
    assert "line 2" in said
    assert KEY not in said
    assert [path.name for path in tmp_path.iterdir()] == ["in.log"]


@pytest.mark.parametrize("target", ["x.zip", "x.tar.gz", "x.log"])
def test_a_copy_that_is_interrupted_ends_quietly(tmp_path: Path, target: str) -> None:
    turns = iter(([LOG.encode()], _interrupted()))
    with pytest.raises(KeyboardInterrupt), (tmp_path / target).open("wb") as out:
        share.copy_out(lambda: [Source("in.log", next(turns))], target, out, NONE)
    gc.collect()  # what the libraries complain of when they are cleared away fails the test


def _interrupted() -> Iterator[bytes]:
    yield LOG.encode()
    raise KeyboardInterrupt


def test_transcripts_stay_unless_they_are_to_go(tmp_path: Path) -> None:
    source, out = tmp_path / "in.log", tmp_path / "out.log"
    line = "[14:03:22.118][Info][Player]: [PlayerConversationInput] Player transcription (final): open the door\n"
    source.write_text(line, encoding="utf-8")
    assert run("redact", source, "-o", out).returncode == 0
    assert out.read_text("utf-8") == line
    assert run("redact", source, "-o", out, "--no-transcripts").returncode == 0
    assert out.read_text("utf-8") == line.replace("open the door", "{{transcript-1}}")


PACK: dict[str, Callable[[bytes], bytes]] = {
    ".log.gz": gzip.compress, ".log.bz2": bz2.compress, ".log.xz": lzma.compress,
}  # fmt: skip
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    ".log.gz": gzip.decompress,
    ".log.bz2": bz2.decompress,
    ".log.xz": lzma.decompress,
}


@pytest.mark.parametrize("suffix", sorted(PACK))
def test_a_packed_log_gives_a_packed_copy(tmp_path: Path, suffix: str) -> None:
    source, out = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    source.write_bytes(PACK[suffix](LOG.encode()))
    assert run("redact", source, "-o", out).returncode == 0
    assert UNPACK[suffix](out.read_bytes()) == copied(LOG.encode())
    first = out.read_bytes()
    assert run("redact", source, "-o", out).returncode == 0
    assert out.read_bytes() == first


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz"])
def test_an_archive_gives_a_fresh_archive(tmp_path: Path, suffix: str) -> None:
    members = {
        "../../evil/Player.log": LOG, "C:\\logs\\Editor.log": f"again {KEY}\n", "inner/x\x1b[2J.log": "plain\n",
        "svetlana.k/Player.log": "hello\n",
    }  # fmt: skip
    source, out = tmp_path / "in.zip", tmp_path / f"out{suffix}"
    with zipfile.ZipFile(source, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    done = run("redact", source, "-o", out)
    assert done.returncode == 0, done.stderr
    if suffix == ".zip":
        with zipfile.ZipFile(out) as archive:
            found = {name: archive.read(name).decode() for name in archive.namelist()}
    else:
        with tarfile.open(out) as tar:
            found = {m.name: tar.extractfile(m).read().decode() for m in tar if m.isfile()}  # type: ignore[union-attr] # a file
    assert list(found) == [
        "evil/Player.log",
        "C_/logs/Editor.log",
        "inner/x_[2J.log",
        "{{user-1}}/Player.log",
    ]
    # One secret has one name in all of them, and is known where its label is not.
    assert found["C_/logs/Editor.log"] == "again {{api-key-1}}\n"
    assert "X-API-Key: {{api-key-1}}" in found["evil/Player.log"]
    assert run("redact", source, "-o", tmp_path / "out.log").returncode == 3
    assert not (tmp_path / "out.log").exists()
    assert run("redact", "--check", out).returncode == 0


def test_what_is_no_log_is_told_and_left_out(tmp_path: Path) -> None:
    source, out = tmp_path / "in.zip", tmp_path / "out.zip"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("Player.log", LOG)
        archive.writestr("save.bin", bytes(range(256)) * 40)
    done = run("redact", source, "-o", out)
    assert done.returncode == 3
    assert "save.bin" in done.stderr.decode()
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["Player.log"]


# --- bytes that are no text ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe\x80 X-API-Key: " + KEY.encode() + b"\r\n\xc3\x28 end\r",
        b"a\r\nX-API-Key: " + KEY.encode() + b"\nb\r\rc\x85\xe2\x80\xa8d" + b"\0" * 5000,
        f"привет\nX-API-Key: {KEY}\nпока\n".encode("cp1251"),
        b"\xef\xbb\xbfX-API-Key: " + KEY.encode(),
        f"X-API-Key: {KEY}\n".encode("utf-16-le") + b"\0",
        b"plain\n" * 40 + f"X-API-Key: {KEY}\nnext\n".encode("utf-16-le"),
        f"X-API-Key: {KEY}\nnext\n".encode("utf-16") + f"plain {'x' * 80}\nX-API-Key: {KEY}\n".encode(),
        f"X-API-Key: {KEY}\n".encode("utf-32-le"),
        b"x" * 300_000 + f' {{"apiKey":"{KEY}"}} '.encode() + b"y" * 300_000,
    ],
)  # fmt: skip
def test_every_other_byte_stays(data: bytes) -> None:
    out = copied(data)
    plain = out.replace(b"\0", b"")
    assert KEY.encode() not in plain
    assert b"{{api-key-1}}" in plain
    forms = [
        KEY.encode(),
        KEY.encode("utf-16-le")[:-1],
        KEY.encode("utf-16-le"),
        KEY.encode("utf-32-le")[:-3],
    ]
    names = [
        b"{{api-key-1}}",
        b"\0".join(bytes((c,)) for c in b"{{api-key-1}}"),
        "{{api-key-1}}".encode("utf-16-le"),
        b"\0\0\0".join(bytes((c,)) for c in b"{{api-key-1}}"),
    ]
    expected = data
    for form, name in zip(forms, names, strict=True):
        expected = expected.replace(form, name)
    assert out == expected


def test_a_megabyte_on_one_line_and_a_secret_at_every_seam() -> None:
    parts = []
    for n in range(24):
        parts += ["lorem," * (1800 + 400 * n), f'"apiKey":"{chance(HEX, 32, 900 + n)}","b":1,']
    data = "".join(parts).encode()
    for out in (copied(data), passed([data])):
        assert not [n for n in range(24) if chance(HEX, 32, 900 + n).encode() in out]
        assert re.sub(rb"\{\{api-key-\d+\}\}", b"", out) == re.sub(
            rb"(?<=:\")[0-9a-f]{32}", b"", data
        )


def test_many_secrets_are_many_names() -> None:
    keys = [chance(HEX, 32, n) for n in range(3000)]
    data = "".join(f"api_key={key} n\n" for key in keys).encode()
    out = copied(data)
    assert len(set(re.findall(rb"\{\{api-key-\d+\}\}", out))) == len(set(keys))


@pytest.mark.parametrize("killer", KILLERS)
def test_a_file_is_read_in_linear_time(killer: str) -> None:
    # A piece of a line is bounded, so a file is linear where a piece is; this is the piece.
    data = (killer * (rewrite.LINE // len(killer) + 1)).encode()
    try:
        out = copied(data)
    except LeakError:
        return  # nonsense that looks like a label with its value: nothing is handed out
    assert out.count(b"\n") == data.count(b"\n")


# --- nowhere else --------------------------------------------------------------------------------------

SAID = (
    f"[Debug][Transport]: Token: {TOKEN}; Room Name: rm-1; Room URL: wss://x.livekit.cloud; Session ID: s-1; Character Session ID: c-1",
    f'[Debug][Transport]: Room details received: {{"token":"{TOKEN}","room_name":"rm-1","session_id":"s-1","room_url":"wss://x.livekit.cloud"}}',
    f"[Error][REST]: Invalid API key '{KEY}' provided.",
    f'[Error][Transport]: [NativeRoomController] Room-details request failed with HTTP 401: {{"api_key":"{KEY}"}}',
    f"[Warning][SDK]: [SessionMetrics] Session error: connection.connect_invalid_api_key token={TOKEN}",
    f"[Error][SDK]: [RoomConnectionRuntimeAdapter] Room connection failed: wss://x.livekit.cloud/rtc?access_token={TOKEN}&sdk=unity",
    f"LiveKit: signal client: connect failed: wss://x.livekit.cloud/rtc?access_token={TOKEN}&sdk=unity",
    f"Convai Bootstrapper: API key {KEY} is set",
    f"[Error][SDK]: boom\nSystem.Exception: header X-API-Key: {KEY}\n  at Game.Login () [0x0] in C:\\Users\\svetlana.k\\a.cs:1",
)  # fmt: skip
WRAPPED = (
    "{}", "[14:03:22.118]{}", "<color=red>{}</color>", "2026-02-03T04:05:06.789Z|0x1f804a080|{}",
    LOGCAT + "{}", "I/Unity   ( 4123): {}", "Build.framework.js:9 {}", "2026-02-03T04:05:06.7890123Z {}",
    "\x1b[31m{}\x1b[0m",
)  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_no_secret_is_in_any_output_or_file(tmp_path: Path, encoding: str) -> None:
    lines = [form.format(said) for form in WRAPPED for said in SAID]
    log = tmp_path / "in.log"
    log.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    # A name that brings a secret, too, and a file that is refused.
    (tmp_path / "broken.log").write_bytes(b"\x7fELF" + KEY.encode())
    told = b""
    for args in (
        [log], [log, "-v"], [log, "--format", "json"], [log, "-v", "--color", "always"],
        [log, "-o", tmp_path / "r.json", "-o", tmp_path / "r.txt"], ["events", log],
        ["events", log, "--format", "csv"], ["events", log, "-o", tmp_path / "e.parquet"],
        ["explain", "invalid-api-key", log], ["redact", log, "-o", tmp_path / "out.log"],
        ["redact", log, "-o", tmp_path / "out.zip"], ["redact", log, "-o", "-"],
        ["redact", "--check", log], [log, tmp_path / "broken.log", "-v"],
    ):  # fmt: skip
        done = run(*args, TMPDIR=str(tmp_path))
        assert done.returncode in {0, 1, 3}, done.stderr
        told += done.stdout + done.stderr
    files = [path for path in tmp_path.rglob("*") if path.name not in {"in.log", "broken.log"}]
    assert len(files) >= 5
    verifier = Verifier(
        {KEY: "api-key", **dict.fromkeys(TOKEN.split(".")[1:], "room-token")}, named_finder
    )
    for data in (told, *(path.read_bytes() for path in files if path.suffix != ".zip")):
        verifier.feed(data)
        assert verifier.leak is None or "known" not in verifier.leak.what
        plain = data.replace(b"\0", b"")
        assert not [s for s in (KEY, *TOKEN.split(".")[1:]) if s.encode() in plain]
    # The line is quoted still, with its label.
    report = json.loads((tmp_path / "r.json").read_text("utf-8"))
    texts = [e["text"] for d in report["sources"][0]["diagnoses"] for e in d["evidence"]]
    assert any("{{" in text for text in texts)
    assert report["sources"][0]["redactions"]["room-token"] > 0


def planted() -> Iterator[str]:
    """Yield every sample of every grammar in three dresses, with secrets where text can hold them."""
    url = re.compile(r"(?:wss?|https?)://[^\s\"',)}]+")
    for path in sorted((ROOT / "grammars").glob("*.lark")):
        for sample in samples(path.stem) if path.stem != "when" else ():
            for dress in (
                "{}",
                "[14:03:22.118][Info][SDK]: {}",
                "[14:03:22.118][Error][Transport]: [X] {}",
            ):
                text = url.sub(rf"\g<0>?access_token={TOKEN}", sample.text)
                yield dress.format(text)
                yield dress.format(f"{text} X-API-Key: {KEY}")
                yield dress.format(
                    f'{text} {{"token":"{TOKEN}","apiKey":"{KEY}"}} C:\\Users\\svetlana.k\\x'
                )


def test_no_event_of_any_kind_holds_a_secret_in_any_format(tmp_path: Path) -> None:
    log = tmp_path / "in.log"
    log.write_text("\n\n".join(planted()) + "\n", encoding="utf-8")
    for name in ("e.csv", "e.parquet"):
        assert run("events", log, "-o", tmp_path / name).returncode == 0
    lines = run("events", log).stdout.decode()
    table = pd.read_parquet(tmp_path / "e.parquet")
    cells = table.astype("string").to_csv(sep="\t")  # its own bytes are packed
    kinds = {json.loads(line)["event"] for line in lines.splitlines()}
    assert kinds == set(table["event"])
    assert len(kinds) > 0.9 * len(KINDS)
    for form in (lines, (tmp_path / "e.csv").read_text("utf-8"), cells):
        assert "{{api-key-1}}" in form
        assert "{{room-token-1}}" in form
        for secret in (KEY, *TOKEN.split(".")[1:], "svetlana.k"):
            size = min(12, len(secret))
            assert not [
                at for at in range(len(secret) - size + 1) if secret[at : at + size] in form
            ]


def test_an_exception_shows_no_value() -> None:
    with pytest.raises(LeakError) as raised:
        share.copy_out(
            lambda: [Source("in.log", [LOG.encode()])], "x.log",
            _Refusing(), NONE,
        )  # fmt: skip
    assert KEY not in str(raised.value)


# The middle of a token, which nothing tells from other words, and then the token.
LEAKING = f"{TOKEN.split('.')[1][40:60]}\nToken: {TOKEN}; Room Name: a\n"


@pytest.mark.parametrize("target", ["out.zip", "out.tar", "out.tar.gz"])
@pytest.mark.parametrize("piped", [False, True])
def test_a_log_that_leaks_is_named_and_keeps_no_other_one_back(
    tmp_path: Path, target: str, piped: bool
) -> None:
    source, copy = tmp_path / "in.zip", tmp_path / target
    logs = {"a.log": LOG, "b/leaks.log": LEAKING, "c.log": LOG}
    with zipfile.ZipFile(source, "w") as box:
        for name, text in logs.items():
            box.writestr(name, text)
    read, stdin = ("-", source.read_bytes()) if piped else (str(source), None)
    done = run("redact", read, "-o", copy, stdin=stdin)
    assert done.returncode == 4
    assert "!b/leaks.log: after redaction, line 1 still holds a part of" in done.stderr.decode()
    logs_of = [
        one.name for one in in_paths([str(copy)], Pipe(None), Limits()) if isinstance(one, Source)
    ]
    assert [name.rpartition("!")[2] for name in logs_of] == ["a.log", "c.log"]
    single = tmp_path / "leaks.log"
    single.write_text(LEAKING)
    done = run("redact", single, "-o", tmp_path / "one.log")
    assert (done.returncode, (tmp_path / "one.log").exists()) == (4, False)
    assert "leaks.log: after redaction" in done.stderr.decode()


@pytest.mark.parametrize("first", ["", "\ufeff", " "])
@pytest.mark.parametrize("at", [0, 1, 2, 3, 25, 60])
def test_a_log_may_begin_in_the_middle_of_a_token(first: str, at: int) -> None:
    payload, signature = TOKEN.split(".")[1:]
    cut = f"{payload[30 + at :]}.{signature}"
    for behind in (f"Token: {room_token(7, room='b')}; Room Name: a", f"Token: {TOKEN}; x", "x"):
        log = f'{first}{cut}","room_name":"rm-1"}}\n{behind}\n'
        out = copied(log.encode()).decode()
        assert out.startswith(f'{first}{{{{room-token-1}}}}","room_name":"rm-1"}}\n')
        assert passed([log.encode()]).decode() == out
        assert copied(out.encode()).decode() == out


@pytest.mark.parametrize("line", [
    "com.unity.render-pipelines.universal.0123456789012345678901234567890123456789012",
    "Initialize engine version: 6000.0.80f1 (abc)",
    "0a1b2c3d-0000-4000-8000-0a1b2c3d4e5f",
])  # fmt: skip
def test_other_first_lines_stay(line: str) -> None:
    assert copied(f"{line}\nx\n".encode()) == f"{line}\nx\n".encode()


class _Refusing(io.BytesIO):
    """A place that cannot be written to because the check says so."""

    def write(self, data: Any) -> int:
        raise LeakError(f"withheld {len(data)} bytes")


def test_the_names_of_members_hold_no_secret_either(tmp_path: Path) -> None:
    log, copy = tmp_path / "in.zip", tmp_path / "out.zip"
    names = (f"api_key={KEY}/Player.log", f"{TOKEN}.log", "C:/Users/svetlana.k/Player.log")
    with zipfile.ZipFile(log, "w") as box:
        for name in names:
            box.writestr(name, LOG)
    assert run("redact", log, "-o", copy).returncode == 0
    made = zipfile.ZipFile(copy).namelist()
    assert len(made) == len(names)
    shown = " ".join(made)
    pieces = (KEY, *TOKEN.split(".")[1:], "svetlana")
    assert not [piece for piece in pieces if piece[:12] in shown or piece[-12:] in shown]


def test_a_secret_in_a_name_that_was_met_on_the_way_is_not_shown(tmp_path: Path) -> None:
    box, folder = tmp_path / "in.zip", tmp_path / "logs"
    names = (f"api_key={KEY}/Player.log", f"{TOKEN[:150]}.log", "C:/Users/svetlana.k/Player.log")
    with zipfile.ZipFile(box, "w") as archive:
        for name in names:
            archive.writestr(name, SAID[3] + "\n")
            archive.writestr(f"{name}.bin", b"\x7fELF" + bytes(500))
    inside = folder / f"api_key={KEY}"
    inside.mkdir(parents=True)
    (inside / "Player.log").write_text(SAID[3] + "\n", encoding="utf-8")
    (inside / "bad.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    told = b""
    for args in (
        [box], [box, "--format", "json"], [box, "-v", "-o", tmp_path / "r.json"], ["redact", "--check", box],
        ["redact", box, "-o", tmp_path / "out.zip"], ["events", f"{box}!x.log"], ["events", box],
        [folder], [folder, "--format", "json"], [folder, "-v"], ["redact", "--check", folder],
        ["redact", folder, "-o", tmp_path / "folder.zip"], [f"{folder}/*/*", "--format", "json"],
    ):  # fmt: skip
        done = run(*args)
        assert done.returncode in {0, 1, 3}, done.stderr
        told += done.stdout + done.stderr
    told += (tmp_path / "r.json").read_bytes()
    shown = told.decode().replace("\n", "").replace(" ", "")
    for piece in (KEY, TOKEN.split(".")[1], "svetlana"):
        assert piece[:12] not in shown
    assert "Player.log" in shown
    assert "{{api-key-1}}" in shown


def test_a_path_is_shown_as_it_was_given(tmp_path: Path) -> None:
    log = tmp_path / f"api_key={KEY}.log"
    log.write_text(SAID[3] + "\n", encoding="utf-8")
    for path in (log, f"{tmp_path}/./{log.name}"):
        done = run(path, "--format", "json")
        name = json.loads(done.stdout)["sources"][0]["name"]
        assert Path(name) == log
    done = run(tmp_path / f"{KEY}.log")
    assert KEY in done.stderr.decode().replace("\n", "")


def test_half_a_secret_in_a_long_name_is_not_shown(tmp_path: Path) -> None:
    log = tmp_path / "in.zip"
    with zipfile.ZipFile(log, "w") as box:
        for before in range(0, 300, 20):
            box.writestr(f"{'deep/' * (before // 5)}{TOKEN}/{'deep/' * 30}Player.log", LOG)
            box.writestr(f"{'x' * before}.{TOKEN}.log", LOG)
    for args in (
        [log, "-v"],
        [log, "--format", "json"],
        [f"{log}!no.log"],
        ["redact", "--check", log],
    ):
        done = run(*args, COLUMNS="600")
        told = (done.stdout + done.stderr).decode()
        assert told
        for piece in TOKEN.split("."):
            assert not [n for n in range(len(piece) - 12) if piece[n : n + 12] in told], args
