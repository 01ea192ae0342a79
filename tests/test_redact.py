"""Secrets go, everything else stays: the shapes prove themselves by their samples."""

from __future__ import annotations

import base64
import importlib.util
import json
import pickle
import re
import shutil
import sys
import time
from collections import deque
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convai_logscan.errors import LogscanError
from convai_logscan.redact import Redactor, Shape, TokenClaims, _matches, load_shapes
from tests import compose

if TYPE_CHECKING:
    from collections.abc import Callable

# Wrappers that close a line, too, or that nobody knows.
UNREADABLE = {"logcat-coloured", "list", "unknown-wrapper"}
CASES = Path(__file__).resolve().parents[2] / "shared" / "redaction-cases"
PLACEHOLDER = re.compile(r"\{\{([a-z-]+)-(\d+)\}\}")
HEX = "0123456789abcdef"
BASE57 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PAYLOAD = {
    "exp": 1790000000,
    "nbf": 1789978400,
    "iat": 1789978400,
    "iss": "k",
    "sub": "u",
    "video": {"room": "conv-1"},
}


def chance(alphabet: str, size: int, seed: int = 1) -> str:
    """Return made-up characters, the same for the same seed."""
    out, state = "", seed * 2654435761 % 2**32
    for _ in range(size):
        state = (state * 1664525 + 1013904223) % 2**32
        out += alphabet[(state >> 16) % len(alphabet)]
    return out


def segment(content: Any) -> str:
    raw = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def room_token(seed: int = 1, **claims: Any) -> str:
    header = segment({"alg": "HS256", "typ": "JWT"})
    return f"{header}.{segment({**PAYLOAD, 'jti': chance(HEX, 8, seed), **claims})}.{chance(BASE62, 43, seed)}"


def uuid(seed: int) -> str:
    digits = chance(HEX, 32, seed)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


MADE: dict[str, Callable[[int, int], str]] = {
    "jwt": lambda _, seed: room_token(seed),
    "jwt-cut": lambda _, seed: room_token(seed)[:110],
    "jwt-payload": lambda _, seed: room_token(seed).split(".")[1],
    "b64json": lambda _, seed: base64.b64encode(
        json.dumps({"token": room_token(seed)}).encode()
    ).decode(),
    "b64jwt": lambda _, seed: base64.b64encode(room_token(seed).encode()).decode(),
    "b64line": lambda _, seed: base64.b64encode(
        f"X-API-Key: {chance(HEX, 32, seed)}".encode()
    ).decode(),
    "uuid": lambda _, seed: uuid(seed),
    "user": lambda _, seed: "ada." + chance(HEX, 4, seed) + "k",
    "preview": lambda size, seed: "aB3" + chance(BASE62, size - 3, seed),
    "serial": lambda _, seed: (
        "F4-" + "-".join(chance(BASE57, 20, seed).upper()[n : n + 4] for n in range(0, 20, 4))
    ),
    "hex": lambda size, seed: chance(HEX, size, seed),
    "digits": lambda size, seed: chance("123456789", size, seed),
    "digit": lambda _, seed: chance("123456789", 1, seed),
    "b57x": lambda size, seed: chance(BASE57, size, seed),
    "b62x": lambda size, seed: chance(BASE62, size, seed),
    "b64url": lambda size, seed: chance(BASE62 + "-_", size, seed),
    "b64std": lambda size, seed: chance(BASE62 + "+/", size - 1, seed) + "=",
}


def filled(sample: str) -> tuple[str, list[str]]:
    """Return a sample with made-up values in it, and those values."""
    made: list[str] = []

    def value(name: re.Match[str]) -> str:
        made.append(MADE[name[1]](int(name[2] or 0), len(made) + 1))
        return made[-1]

    return re.sub(
        r"@([a-z][a-z-]*?(?:5[7]x|6[24](?:x|url|std|json|jwt|line))?)(\d*)@", value, sample
    ), made


def explained(clean: str, text: str) -> bool:
    """Say whether the text is the clean one with something in the place of each placeholder."""
    parts = [re.escape(part) for part in re.split(PLACEHOLDER.pattern.replace("(", "(?:"), clean)]
    return re.fullmatch("(.+?)".join(parts), text, re.DOTALL) is not None


SHAPES = load_shapes()
POSITIVES = [
    pytest.param(shape, s, id=f"{n}-{shape.id}-{k}")
    for n, shape in enumerate(SHAPES)
    for k, s in enumerate(shape.positive)
]
NEGATIVES = [
    pytest.param(s, id=f"{n}-{shape.id}-{k}")
    for n, shape in enumerate(SHAPES)
    for k, s in enumerate(shape.negative)
]


@pytest.mark.parametrize(("shape", "sample"), POSITIVES)
def test_a_secret_goes_and_its_neighbours_stay(shape: Shape, sample: str) -> None:
    text, made = filled(sample)
    redactor = Redactor(options=frozenset({shape.option} if shape.option else ()))
    clean = redactor.redact(text)
    assert made, "a positive sample holds a made-up value"
    assert not [value for value in made if len(value) > 3 and value in clean]
    assert redactor.counts[shape.id]
    assert clean.count("\n") == text.count("\n")
    assert "PRIVATE KEY" in text or explained(clean, text)
    assert Redactor().redact(clean) == clean


@pytest.mark.parametrize("sample", NEGATIVES)
def test_what_is_no_secret_stays(sample: str) -> None:
    redactor = Redactor()
    assert redactor.redact(sample) == sample
    assert not redactor.counts


def test_every_shape_has_samples() -> None:
    assert all(shape.positive and shape.negative and shape.literals for shape in SHAPES)


@pytest.mark.parametrize(
    "text", ["[[shape]]\nid = ", '[[shape]]\nid = "x"', '[[shape]]\nid = "x"\ncolour = 1']
)
def test_a_bad_file_of_shapes_says_where(text: str) -> None:
    with pytest.raises(LogscanError) as raised:
        load_shapes(text)
    assert raised.value.place is not None
    assert raised.value.place.startswith("secrets.toml")


@pytest.mark.parametrize(
    "line", ["pattern = '('", "pattern = 'a'", "pattern = '(?P<secret>a)'\ncheck = 'guess'"]
)
def test_a_bad_shape_is_refused(line: str) -> None:
    with pytest.raises(LogscanError):
        load_shapes(f"not_value = 'none'\n[[shape]]\nid = 'x'\nliterals = ['a']\n{line}\n")


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_numbers_go_by_first_sight() -> None:
    one, two = chance(HEX, 32, 1), chance(HEX, 32, 2)
    redactor = Redactor()
    assert redactor.redact(f"api_key={one}") == "api_key={{api-key-1}}"
    assert (
        redactor.redact(f"X-API-Key: {two}, {one} again")
        == "X-API-Key: {{api-key-2}}, {{api-key-1}} again"
    )
    assert redactor.counts == {"api-key": 3}


def test_a_value_is_one_however_it_is_written() -> None:
    token = room_token()
    redactor = Redactor()
    for written in (
        token,
        token.replace(".", "%2E"),
        token.replace(".", "\\u002e"),
        token.replace(".", "%252e"),
    ):
        assert redactor.redact(f"token={written}; x") == "token={{room-token-1}}; x"


def test_placeholders_of_the_input_keep_their_number() -> None:
    redactor = Redactor()
    text = f"Token: {{{{room-token-1}}}}; and Token: {room_token()};"
    assert redactor.redact(text) == "Token: {{room-token-1}}; and Token: {{room-token-2}};"


def test_a_label_may_come_after_its_value() -> None:
    key = chance(HEX, 32)
    assert (
        Redactor().redact(f"trace {key} start\nUsing API key: {key}")
        == "trace {{api-key-1}} start\nUsing API key: {{api-key-1}}"
    )


def test_a_part_of_a_known_token_goes() -> None:
    redactor = Redactor()
    _, payload, signature = room_token().split(".")
    redactor.redact(f"Token: {room_token()}; Room Name: a")
    assert (
        redactor.redact(f"retry with {signature} of {payload}")
        == "retry with {{room-token-1}} of {{room-token-1}}"
    )


def test_many_known_values_are_known_again() -> None:
    redactor = Redactor()
    keys = [chance(HEX, 32, seed) for seed in range(1, 200)]
    for key in keys:
        redactor.redact(f"api-key: {key}")
    assert redactor.redact(f"/x/{keys[150]}?{keys[3]}_y") == "/x/{{api-key-151}}?{{api-key-4}}_y"


def test_a_user_name_goes_from_the_rest_of_the_log_as_a_word() -> None:
    redactor = Redactor()
    redactor.redact(r"C:\Users\svetlana\x and C:\Users\Player\y")
    assert (
        redactor.redact("svetlana's svetlanas Player ready")
        == "{{user-1}}'s svetlanas Player ready"
    )


# --- room tokens -----------------------------------------------------------------------------------------------------


def test_four_facts_outlive_a_room_token() -> None:
    redactor = Redactor()
    redactor.redact(f"Token: {room_token()};")
    assert redactor.claims == {
        "{{room-token-1}}": TokenClaims(1789978400, 1789978400, 1790000000, "conv-1")
    }


@pytest.mark.parametrize(
    "claims", [{"exp": "soon", "video": 7}, {"exp": 1e99, "video": {"room": 1}}, {"exp": None}]
)
def test_odd_claims_are_none(claims: dict[str, Any]) -> None:
    redactor = Redactor()
    redactor.redact(f"Token: {room_token(**claims)};")
    assert redactor.claims["{{room-token-1}}"].expires_at is None


def test_a_token_cut_between_two_records() -> None:
    token = room_token()
    for cut in range(len(token.split(".")[0]) + 4, len(token) - 1):
        redactor = Redactor()
        first = redactor.redact(f"Token: {token[:cut]}")
        second = redactor.redact(f"{token[cut:]}; Room Name: a")
        if len(token) - cut >= 16:  # a shorter rest of a payload says nothing, and there is none
            assert (first, second) in {
                ("Token: {{room-token-1}}", "; Room Name: a"),
                ("Token: {{room-token-1}}.", "; Room Name: a"),
            }, cut
        assert token[cut:] not in second
        assert redactor.claims["{{room-token-1}}"].room == "conv-1"


def test_a_value_on_the_next_line_or_in_the_next_record() -> None:
    value = chance(BASE62 + "-_", 43) + "001f"
    assert Redactor().redact(f"-accessToken\n{value}\n-x") == "-accessToken\n{{access-token-1}}\n-x"
    redactor = Redactor()
    assert redactor.redact("-accessToken") == "-accessToken"
    assert redactor.redact(value) == "{{access-token-1}}"
    assert (
        redactor.redact("Initialize engine version: 6000.0.28f1")
        == "Initialize engine version: 6000.0.28f1"
    )


@pytest.mark.parametrize("step", [1, 4, 30])
def test_a_private_key_goes_over_many_records(step: int) -> None:
    lines = [chance(BASE62 + "+/", 64, seed) for seed in range(3, 28)] + [
        chance(BASE62, 26, 28) + "=="
    ]
    whole = [
        "x -----BEGIN RSA PRIVATE KEY-----",
        *lines,
        "-----END RSA PRIVATE KEY-----",
        "thanks AbCdEf",
    ]
    redactor = Redactor()
    records = ["\n".join(whole[at : at + step]) for at in range(0, len(whole), step)]
    clean = "\n".join(map(redactor.redact, records)).split("\n")
    assert clean == [whole[0], "{{private-key-1}}", *[""] * 25, *whole[-2:]]
    assert redactor.redact(f"line {lines[7]} again") == "line {{private-key-1}} again"
    assert not redactor.open


@pytest.mark.parametrize("cut", range(8, 32))
def test_a_key_that_the_end_of_a_record_cuts_goes_on_in_the_next_one(cut: int) -> None:
    key, redactor = chance(HEX, 32, 7), Redactor()
    assert redactor.redact(f"X-API-Key: {key[:cut]}") == "X-API-Key: {{api-key-1}}"
    assert redactor.redact(f"{key[cut:]} sent") == ("" if 32 - cut >= 4 else key[cut:]) + " sent"


def test_a_whole_key_at_the_end_of_a_record_leaves_the_next_one_alone() -> None:
    redactor = Redactor()
    redactor.redact(f"X-API-Key: {chance(HEX, 32)}")
    assert redactor.redact("0a1b2c3d4e5f") == "0a1b2c3d4e5f"


def test_a_label_is_open_for_one_record_only() -> None:
    redactor = Redactor()
    redactor.redact("-password")
    assert redactor.redact("-quit") == "-quit"
    assert redactor.redact("hunter2") == "hunter2"


def test_other_words_about_a_record_are_not_counted() -> None:
    redactor = Redactor()
    redactor.redact("-accessToken")
    assert redactor.again(f"api_key={chance(HEX, 32)}") == "api_key={{api-key-1}}"
    assert not redactor.counts
    assert redactor.redact(chance(BASE62, 43)) == "{{access-token-1}}"


def test_what_it_knows_is_not_shown() -> None:
    redactor = Redactor()
    key = chance(HEX, 32)
    redactor.redact(f"api_key={key}")
    assert key not in repr(redactor)
    with pytest.raises(TypeError) as raised:
        pickle.dumps(redactor)
    assert key not in str(raised.value)


# --- laws ------------------------------------------------------------------------------------------------------------

SCRAPS = [
    "Token: ", "token", "=", ": ", '"', '\\"', "'", "\n", " ", ";", "&", "?", "%3D", "://", "@", ".", "/", "-accessToken\n",
    "-password ", "-serial ", "password=", "api_key", "X-API-Key", "[", ", ", "]", "C:\\Users\\", "/home/", "ada", "username",
    "{{room-token-1}}", "{{user-3}}", "@api-key@", "credential", "ice-pwd:", "eyJ", "Bearer ", "null", "...", "1.2.3.4", "<b>",
    "example.com", "end_user_id", "LicenseClient-", "{", "}", "join_request=", "I/Unity   ( 4123): ", "hunter22", "%", "&quot;",
    chance(HEX, 32), room_token(), room_token()[:90], room_token()[-30:], chance(BASE62, 43), uuid(9), "81.2.69.142",
]  # fmt: skip
SCRAP_TEXT = st.lists(st.sampled_from(SCRAPS) | st.text(max_size=3), max_size=14).map("".join)
LABELS = [
    "X-API-Key: {}", '"apiKey":"{}"', "[X-API-Key, {}]", "api_key={}&x=1", "API-AUTH-TOKEN: {}", '\\"token\\":\\"{}\\"',
    "Authorization: Bearer {}", "-accessToken\n{}", '"credential": "{}"', "/rtc?access_token={}&sdk=js", "API key '{}'",
    "token%3D{}%26x", "<b>Token:</b> <i>{}</i>", "LIVEKIT_API_SECRET={}", "| X-API-Key | {} |",
]  # fmt: skip
VALUES = (
    st.sampled_from([32, 64])
    .flatmap(lambda n: st.text(HEX, min_size=n, max_size=n))
    .filter(lambda v: len(set(v)) > 6)
)


@given(SCRAP_TEXT)
def test_a_second_run_changes_nothing(text: str) -> None:
    clean = Redactor().redact(text)
    assert Redactor().redact(clean) == clean
    assert clean.count("\n") == text.count("\n")


@given(st.lists(SCRAP_TEXT, min_size=2, max_size=4))
def test_a_second_run_over_records_changes_nothing(records: list[str]) -> None:
    first, second = Redactor(), Redactor()
    clean = [first.redact(record) for record in records]
    assert [second.redact(record) for record in clean] == clean


@given(st.text(max_size=40), st.sampled_from(LABELS), VALUES, st.text(max_size=40))
def test_a_planted_secret_is_found(before: str, label: str, value: str, after: str) -> None:
    redactor = Redactor()
    clean = redactor.redact(f"{before}\n{label.format(value)}\n{after}")
    assert value not in clean
    assert value not in redactor.redact(f"and {value} again")


KILLERS = [
    "A", "eyJ", "eyJ.", "eyJhbGciOi\n", "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.", "\\", '"', " ", "token ", "token:", "api_key=",
    "://a:", "@", "a@b.", "1.", "2a02:", "C:\\Users\\", "turn:", 'turn:a"username:"', "-----BEGIN PRIVATE KEY-----", "&quot;",
    "%25", "\\u002e", "{{room-token-1}}", "{{", "?key=", "token:\n", "\r\n", "licenseclient-", "F4-AAAA-", "-serial\n",
    "username=", '"end_user_metadata":{"a":"b",', '"api_keys":["a",', "<b>a", "\u200ba", "API key for ", "pass=a1-",
]  # fmt: skip


MEGABYTE = 1_000_000


def doubled(work: Callable[[str], object], killer: str) -> float:
    """Return how much longer a megabyte takes than its half; 0 where it is done at once."""

    def seconds(size: int) -> float:
        text = (killer * (size // len(killer) + 1))[:size]
        began = time.thread_time()
        work(text)
        return time.thread_time() - began

    # A square is met before it takes minutes: eight times the text, and 64 times the time.
    small, more = (min(seconds(MEGABYTE // part) for _ in range(2)) for part in (128, 16))
    assert more < max(24 * small, 0.5), f"{small:.3f} s, eight times as much {more:.3f} s"
    large = seconds(MEGABYTE)
    if large < 0.5:  # too short for a square of that size
        return 0
    half = seconds(MEGABYTE // 2)
    for _ in range(4):
        if large / half < 2.5:
            break
        half, large = min(half, seconds(MEGABYTE // 2)), min(large, seconds(MEGABYTE))
    return large / half


def killers(shape: Shape) -> list[str]:
    """Return texts that a shape is tried on, and that begin what it looks for again and again."""
    whole = [filled(sample) for sample in shape.positive]
    begun = [text[: text.find(made[0])] for text, made in whole]
    texts = {*KILLERS, *shape.literals, *(text for text, _ in whole), *begun} - {""}
    long = {text: (text * 99)[:99].lower() for text in texts}  # a literal may be at the seam
    return sorted(text for text in texts if any(one in long[text] for one in shape.literals))


def _run(pattern: re.Pattern[str], text: str) -> None:
    deque(pattern.finditer(text), 0)


@pytest.mark.parametrize(
    "number", range(len(SHAPES)), ids=[f"{n}-{s.id}" for n, s in enumerate(SHAPES)]
)
def test_every_pattern_is_linear(number: int) -> None:
    shape = SHAPES[number]
    for killer in killers(shape):
        text = killer if shape.case else killer.lower()
        for pattern in (shape.pattern, shape.split, shape.opens):
            if pattern is not None:
                assert doubled(partial(_run, pattern), text) < 2.5, killer
        if shape.more is not None:
            assert doubled(lambda t: deque(_matches(shape, t), 0), text) < 2.5, killer


@pytest.mark.parametrize("killer", KILLERS)
def test_the_redactor_is_linear(killer: str) -> None:
    assert doubled(lambda text: Redactor().redact(text), killer) < 2.5


# --- the development cases ---------------------------------------------------------------------------------------------


def module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.mark.skipif(not CASES.is_dir(), reason="the development cases are not here")
def test_the_development_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for source in CASES.glob("*.py"):
        shutil.copyfile(source, tmp_path / source.name)
    monkeypatch.syspath_prepend(tmp_path)
    module(tmp_path / "gen_dev.py")
    sys.modules.pop("fab", None)
    score = module(tmp_path / "score.py")
    lines = (tmp_path / "cases_dev.jsonl").read_text("utf-8").splitlines()
    wrong = []
    for case in map(json.loads, lines):
        clean = Redactor().redact(case["text"])
        grade = score.grade(case, {clean}, clean)
        if (
            grade["leak"]
            or grade["damage"]
            or Redactor().redact(clean) != clean
            or (case["tier"] == "N" and clean != case["text"])
        ):
            wrong.append((case["id"], grade["leak"], grade["damage"]))
    assert len(lines) == 119
    assert not wrong


@pytest.mark.parametrize("envelope", [e for e in compose.EACH if e not in UNREADABLE])
def test_a_token_goes_on_behind_what_a_tool_puts_before_the_next_line(envelope: str) -> None:
    token = room_token()
    line = compose.EACH[envelope].format
    said = {
        "clock": "13:05:06.789",
        "whole": "13:05:06",
        "epoch": "1770091506.789",
        "p": "E",
        "word": "Error",
    }
    text = "\n".join(
        line(line=part, **said) for part in (f"Token: {token[:150]}", f"{token[150:]} rm-after")
    )
    clean = Redactor().redact(text)
    assert not any(token[at : at + 12] in clean for at in range(0, len(token) - 12, 6))
    assert "rm-after" in clean
