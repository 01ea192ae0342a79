"""From a record to what it says: typed events, by the grammar.

In: redacted records. Out: events. A record gives its own event first, then the reasons that its
text names (a refused certificate, an unknown host, a failed socket, …).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from convai_logscan import anchors
from convai_logscan.cache import kept
from convai_logscan.events import (
    CODES,
    KINDS,
    AuthTokenError,
    CharReadyTimeout,
    ClientRefusal,
    ConnectFailed,
    CredentialsMissing,
    Curl,
    Entry,
    Event,
    ExceptionRaised,
    LkConnectFailed,
    LkDial,
    LkJs,
    LkRust,
    MicError,
    Reason,
    RestFailed,
    RoomInitOutcome,
    SessionError,
    Speech,
    StartupError,
    StartupTimeout,
    StateForced,
    UnclassifiedConnect,
    Unrecognised,
    V3Event,
    own_fields,
)
from convai_logscan.files import grammar_text
from convai_logscan.late import late
from convai_logscan.model import LIVEKIT, Record, Where
from convai_logscan.walk import Form, Tables, Walker

_WHOLE_LINES = {"convai.bare": ("convai", "bare"), "unity.unity": ("unity", "unity")}
_TAGS = late(r"^(?:\[[^\]\n]{1,80}\] )+")
_CONTEXT = late(r" \{\w+=[^{}]*\}$")
_ONE_LINE = 8192
_MAX_STACK = 20
_REMEMBERED, _LONG = 4096, 1024  # texts whose form is remembered, and from which length none is


def events(record: Record, platform: str | None = None) -> Iterator[Event]:
    """Yield what a record says, its own event first; `platform` is that of its source."""
    where = Where(
        line=record.line, last_line=record.last_line, stamp=record.stamp, text=record.quote,
        speaker=record.speaker, level=record.level, category=record.category, tags=record.tags,
        correlation=record.correlation, platform=platform,
    )  # fmt: skip
    message = (
        record.message[:_ONE_LINE] if not record.message.startswith("Room") else record.message
    )
    if record.speaker == "convai":
        yield from _convai(record, message, where)
    elif record.speaker == "livekit":
        yield from _livekit(record, message[len(LIVEKIT) :], where)
    else:
        yield from _bare(record, message, where)


def _convai(record: Record, message: str, where: Where) -> Iterator[Event]:
    text = _CONTEXT.sub("", message) if message.endswith("}") else message
    form = _form("convai", "said", text)
    event = _event(form, where) if form else None
    if event is None:
        event = Entry(
            where=where, level=record.level, category=record.category, message=text[:2000]
        )
        form = None
    if isinstance(event, MicError) and event.kind == "failed":
        event = _inner(event, where)
    yield event
    if isinstance(event, Speech):
        return  # what people say is no reason of a failure
    if isinstance(event, ConnectFailed):
        yield from _quoted(event.reason, where)
        if record.frames:  # its own reason was printed before; an exception behind it may say more
            yield from _within(_heads(record), where, _owner(record))
        return
    for frame in record.frames:
        if head := _EXCEPTION_HEAD.match(frame):
            yield from _thrown(frame[head.end() :], where)
    if form is None and record.level not in {"Warning", "Error"}:
        return
    if form is None:
        yield from _coded(text, where)
    if isinstance(
        event,
        (
            Entry,
            RestFailed,
            RoomInitOutcome,
            UnclassifiedConnect,
            LkConnectFailed,
            SessionError,
            MicError,
        ),
    ):
        peer = (
            "livekit"
            if isinstance(event, LkConnectFailed)
            else "convai"
            if not isinstance(event, (Entry, SessionError, MicError))
            else "unknown"
        )
        yield from _reasons(record, where, peer)
    elif record.frames:
        theirs = _owner(record) == "other"
        yield from _within(_heads(record), where, "other" if theirs else "unknown")


def _reasons(record: Record, where: Where, peer: str) -> Iterator[Event]:
    """Yield the reasons that a record of the SDK names; an exception of the game is its own."""
    if record.frames and _owner(record) == "other":
        yield from _within(record.message[:_ONE_LINE], where, peer)
        yield from _within(_heads(record), where, "other")
    else:
        yield from _within(_full(record), where, peer)


def _inner(outer: MicError, where: Where) -> MicError:
    """Return the failure that a line passes on, where its words have a form of their own."""
    form = _form("convai", "said", outer.message) if outer.message else None
    event = _event(form, where) if form else None
    return event if isinstance(event, MicError) else outer


def _quoted(reason: str | None, where: Where) -> Iterator[Event]:
    """Yield what the reason of a failed connect says in words that have a form of their own."""
    text = _TAGS.sub("", reason or "")
    form = _form("convai", "said", text) if text else None
    event = _event(form, replace(where, quoted=True)) if form else None
    if (
        isinstance(
            event,
            (AuthTokenError, ClientRefusal, CharReadyTimeout, CredentialsMissing, StartupTimeout),
        )
        or (isinstance(event, StartupError) and event.kind != "controller")
        or (isinstance(event, StateForced) and event.kind == "error")
    ):
        yield event


# A code counts where words announce it; a path, a file name or a line of dialogue does not.
_ANNOUNCED = late(
    r"(?:error|code|fail(?:ed|ure)?|reason|exception|because)\w*[^\w\n/\\.]{1,12}(?:\w{1,12}[^\w\n/\\.]{1,4}){0,2}$",
    re.IGNORECASE,
)
_DIALOGUE = late(r"\b(?:chat|transcript\w*|subtitles?|dialogue?|captions?|speech)\b", re.IGNORECASE)

_EXAMPLE = late(r"\b(?:such as|like|e\.g\.|for example|for instance)\W{1,4}$", re.IGNORECASE)


# What people write around the lines of a log, a sentence of theirs that asks, and one that quotes:
# `I searched for "…"`, but not `the request failed with "…"`, `{"error":"…"}` or `(in promise) "…"`.
_THROWN = late(r"[\w.]{0,200}(?:Exception|Error): ")
_SENTENCE = 200  # characters before a form in which a quotation of it begins
_BY_PEOPLE = frozenset(["plain", "quote", "bullet", "indent", "emphasis", "html"])
_QUESTION = late(r"(?<!\S)[^\s/]*\?[\"'`”’»]?\s*\Z")
_QUOTES = late(r"\w,? (?:[\"“„«][^\"“”„«»]*|`[^`]*|['‘][^'‘’]*)\Z")
_FAILED = late(
    r"\b(?:fail|refus|reject|return|reason|because|threw)\w*[^.\w]{0,3}(?:\w{1,12} ){0,2}\Z"
)


def _mentioned(text: str, at: int) -> bool:
    """Say whether what stands at a place in a text is only spoken of: asked for, or quoted."""
    start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    if _QUESTION.search(text, start, len(text) if end < 0 else end):
        return True
    before = text[max(start, at - _SENTENCE) : at]
    quote = _QUOTES.search(before)
    return quote is not None and not _FAILED.search(before[: quote.start() + 2])


def _in_prose(record: Record, message: str) -> bool:
    """Say whether a record of no known speaker may be a sentence of somebody."""
    return (
        record.envelope in _BY_PEOPLE
        and record.level is None
        and not record.frames
        and not _THROWN.match(message)
    )


def _coded(text: str, where: Where, *, prose: bool = False) -> Iterator[Event]:
    """Yield the first code of the known list that some listener announces in its own words."""
    if "convai.coded" not in _may(text):
        return
    for form in _found("convai", "coded", text):
        if prose and _mentioned(text, form.end):
            continue
        before, behind = text[: form.end], text[form.end + len(form.fields["code"]) :]
        said = before.rpartition("\n")[2][-400:]
        if (
            _ANNOUNCED.search(said)
            and not _DIALOGUE.search(said)
            and not _EXAMPLE.search(said)
            and behind[:1] not in tuple("/\\(-")
        ):
            event = _event(form, where)
            if event is not None:
                yield event
                return


def _livekit(record: Record, text: str, where: Where) -> Iterator[Event]:
    form = _form("livekit", "native", text)
    event = _event(form, where) if form else None
    yield event or Unrecognised(where=where, message=text[:2000])
    yield from _within("\n".join((text, *record.frames)), where, "livekit")


def speaks(rules: frozenset[str]) -> bool:
    """Say whether the literals in a line speak for it alone: of search rules, headers and tags."""
    return not rules <= _WHOLE_LINES.keys()


def opens(rules: frozenset[str], message: str, line: str) -> bool:
    """Say whether a line of no known speaker could be an event by the rules it has literals of.

    Takes the line behind its tags, and with them, and rules for whole lines.
    """
    thrown = _EXCEPTION_HEAD.match(message)
    bare = [message, _TAGS.sub("", message[thrown.end() :])] if thrown else [message]
    texts = {"convai.bare": bare, "unity.unity": [line]}
    return any(
        _form(*_WHOLE_LINES[rule], text) is not None for rule in rules for text in texts[rule]
    )


def _bare(record: Record, message: str, where: Where) -> Iterator[Event]:
    own, prose = None, _in_prose(record, message)
    for rule, (name, start) in _WHOLE_LINES.items():
        text = message if name == "convai" else _untagged(record, message)
        if rule in _may(text):
            form = _form(name, start, text)
            own = _event(form, where) if form and not (prose and _mentioned(text, 0)) else None
            if own is not None:
                if isinstance(own, ExceptionRaised) and record.frames:
                    own = replace(own, stack="\n".join(record.frames[:_MAX_STACK]))
                if name == "convai":
                    own = replace(own, where=replace(where, speaker="convai"))
                if isinstance(own, ExceptionRaised):
                    own = replace(own, owner=_owner(record))
                yield own
                break
    if isinstance(own, (RestFailed, LkConnectFailed, UnclassifiedConnect)):
        yield from _within(
            _full(record), where, "livekit" if isinstance(own, LkConnectFailed) else "convai"
        )
        return
    thrown = _EXCEPTION_HEAD.match(message)
    if thrown:
        yield from _thrown(message[thrown.end() :], where)
    elif own is None:
        yield from _coded(_untagged(record, message), where, prose=prose)
    owner = _owner(record)
    if own is None or isinstance(own, ExceptionRaised):
        found = _within(_full(record), where, owner, prose=prose)
        yield from (_signed(event, record) for event in found)


_SDK_FRAME = late(r"\bConvai[\w./\\]*[.:/\\]")


def _signed(event: Event, record: Record) -> Event:
    """Return a gRPC status as Convai's where frames of the SDK stand under it."""
    if isinstance(event, V3Event) and any(map(_SDK_FRAME.search, record.frames)):
        return replace(event, where=replace(event.where, speaker="convai"))
    return event


_EXCEPTION_HEAD = late(r"(?:\w+\.){0,8}[A-Z]\w{0,80}Exception: ")


def _thrown(message: str, where: Where) -> Iterator[Event]:
    """Yield what the message of an exception says, where only the SDK says it so."""
    text = _TAGS.sub("", message)
    own = message.startswith("[Convai")
    form = _form("convai", "said" if own else "bare", text)
    event = _event(form, replace(where, speaker="convai", quoted=True)) if form else None
    if event is not None:
        yield event


def _untagged(record: Record, message: str) -> str:
    """Return the line as Unity wrote it: its own brackets are no tags."""
    if record.tags and not record.category:
        return "".join(f"[{tag}] " for tag in record.tags) + message
    return message


def _full(record: Record) -> str:
    return f"{record.message[:_ONE_LINE]}\n{_heads(record)}"


def _heads(record: Record) -> str:
    """Return what the exceptions behind a message say, without their stacks."""
    return "\n".join(f for f in record.frames if "Exception" in f or "rror" in f or "--->" in f)


def _owner(record: Record) -> str:
    """Return whose code failed, by the namespaces of the stack: `other` where it is the game's."""
    text = "\n".join(record.frames)
    if "Convai." in text or "Convai:" in text or _SDK_FRAME.search(text):
        return "unknown"  # the SDK's, REST or transport: the session decides
    if "LiveKit." in text:
        return "livekit"
    frames = [
        f
        for f in record.frames
        if re.match(r"\s*(?:at )?[\w.<>`/+]+[:.(]", f)
        and not f.startswith("(Filename")
        and not _EXCEPTION_HEAD.match(f)
    ]
    own = [
        f
        for f in frames
        if not re.match(
            r"\s*(?:at )?\(?(?:System|Mono|Grpc|UnityEngine|UnityEditor|wrapper|Rethrow|Microsoft|---)",
            f,
        )
    ]
    return "other" if own else "unknown"


_NATIVE = frozenset(["windows", "macos", "linux", "android", "ios"])


def _within(text: str, where: Where, peer: str, *, prose: bool = False) -> Iterator[Event]:
    """Yield the reasons, curl, browser and LiveKit JavaScript forms that stand in a text."""
    may = _may(text)
    for name, start in (
        ("livekit", "js"),
        ("unity", "glued"),
        ("browser", "browser"),
        ("reasons", "reason"),
    ):
        if f"{name}.{start}" not in may:
            continue
        seen: set[tuple[str, str | None]] = set()
        for form in _found(name, start, text):
            if prose and _mentioned(text, form.end):
                continue
            event = _event(form, where)
            if event is None or (form.kind, form.fields.get("kind")) in seen:
                continue
            seen.add((form.kind, form.fields.get("kind")))
            if isinstance(event, V3Event) and peer == "other":
                continue  # another program's gRPC
            if isinstance(event, (LkJs, LkDial)):
                if where.speaker == "other" and where.platform in _NATIVE:
                    return  # no browser runs here: another program has the same words
                peer = "livekit"
            if isinstance(event, Reason):
                host = event.host or _host_in(text)
                event = replace(
                    event, host=host, peer=_peer_of(host) or ("other" if peer == "other" else peer)
                )
            yield event


def _may(text: str) -> frozenset[str]:
    """Return the rules that could accept a text: one of their literals stands in it."""
    return anchors.rules()(text.encode("utf-8", "replace"))


@lru_cache(_REMEMBERED)
def _remembered(name: str, start: str, text: str) -> Form | None:
    return speaker(name).parse(start, text)


def _form(name: str, start: str, text: str) -> Form | None:
    """Return the form of a text; the same text is parsed once, as long as it is remembered."""
    if len(text) > _LONG:
        return speaker(name).parse(start, text)
    return _remembered(name, start, text)


@lru_cache(_REMEMBERED)
def _searched(name: str, start: str, text: str) -> tuple[Form, ...]:
    return tuple(speaker(name).search(start, text))


def _found(name: str, start: str, text: str) -> Iterable[Form]:
    """Return the forms of a search rule in a text, remembered in the same way."""
    return speaker(name).search(start, text) if len(text) > _LONG else _searched(name, start, text)


@cache
def speaker(name: str) -> Walker:
    """Return a grammar; Lark compiles it where its tables are not kept from before."""
    here = Path(__file__)
    code = b"".join(here.with_name(file).read_bytes() for file in ("grammar.py", "walk.py"))
    texts = grammar_text(name) + grammar_text("common")

    def compiled() -> Tables:
        from convai_logscan import grammar  # a grammar that is kept needs no Lark

        return grammar.speaker(name).tables()

    return Walker(kept(name, code + texts.encode(), compiled))


_HOST = late(
    r"(?:[a-z]{2,5}://|host: |Failed to connect to |resolve host: )([A-Za-z0-9.-]+\.[A-Za-z]{2,}|127\.0\.0\.1)"
)


def _host_in(text: str) -> str | None:
    found = _HOST.search(text)
    return found[1].lower() if found else None


def _peer_of(host: str | None) -> str | None:
    """Return whose host it is, None where no host is named."""
    if host is None:
        return None
    bare = host.lower().rstrip(".")
    if bare == "convai.com" or bare.endswith(".convai.com"):
        return "convai"
    if bare.endswith(".livekit.cloud"):
        return "livekit"
    return "other"


# --- From a form to an event -------------------------------------------------------------------


def _event(form: Form, where: Where) -> Event | None:
    """Build the event of a form; None where the fields say that it is none after all."""
    values: dict[str, Any] = dict(form.fields)
    shape = _SHAPES.get(form.kind)
    if shape:
        shaped = shape(values)
        if shaped is None:
            return None
        values = shaped
    kind = KINDS[form.kind]
    types_of = _types(form.kind)
    known = {
        name: _convert(value, types_of[name]) for name, value in values.items() if name in types_of
    }
    try:
        return kind(where=where, **known)
    except TypeError:  # a required field is missing: the line was cut short
        return None


@cache
def _types(kind: str) -> dict[str, type]:
    words = {"int": int, "float": float, "bool": bool}
    own = own_fields(KINDS[kind])
    return {name: words.get(said.partition(" ")[0], str) for name, said in own.items()}


def _convert(value: Any, kind: type) -> Any:  # noqa: ANN401 (fields differ by kind)
    """Return a field's text as the type of the field; None for empty and `<none>`."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text in {"", "<none>", "null", "(none)"}:
        return None
    try:
        if kind is bool:
            return text == "True"
        if kind is int:
            return int(text)
        if kind is float:
            return float(text.replace(",", "."))
    except ValueError:
        return None
    return text


_ROOM_KEYS = (
    "token",
    "room_name",
    "room_url",
    "session_id",
    "character_session_id",
    "request_trace_id",
)
_SUMMARY = {
    "Token": "token", "Room Name": "room_name", "Room URL": "room_url", "Session ID": "session_id",
    "Character Session ID": "character_session_id", "Request Trace ID": "request_trace_id",
}  # fmt: skip
_PAIR = late(r'"(\w+)"\s*:\s*"((?:[^"\\]|\\.)*)"')
_MAX_JSON = 1 << 20
_MAX_DEPTH = 60


def _room_details(values: dict[str, Any]) -> dict[str, Any] | None:
    if "json" not in values:
        return values
    text = values["json"]
    found = _json_object(text)
    if found is None:  # cut short or damaged: the pairs that can still be read, top level first
        found = {}
        for key, value in _PAIR.findall(text[:_MAX_JSON]):
            found.setdefault(key, value.replace("\\/", "/"))
    if not any(key in found for key in _ROOM_KEYS):
        return None
    return {key: str(found[key]) for key in _ROOM_KEYS if isinstance(found.get(key), str)}


def _json_object(text: str) -> dict[str, Any] | None:
    if len(text) > _MAX_JSON or text.count("{") + text.count("[") > 20 * _MAX_DEPTH:
        return None
    try:
        data, _ = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).raw_decode(
            text
        )
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _room_summary(values: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    for part in values.get("summary", "").split("\n")[0].split("; "):
        key, colon, value = part.partition(": ")
        name = _SUMMARY.get(key.strip().rstrip(":"))
        if colon and name:
            found[name] = value
    return found or None


_OUTCOME = late(r"\b(category|responseCode|sessionErrorCode|sessionErrorRecoverable)=([^;{}]*)")
_OUTCOME_TEXT = late(r"\bsessionErrorMessage=(.*?)(?:; recovery=|$)", re.DOTALL)
_OUTCOME_NAMES = {
    "category": "category", "responseCode": "status", "sessionErrorCode": "code",
    "sessionErrorRecoverable": "recoverable",
}  # fmt: skip


def _room_init_outcome(values: dict[str, Any]) -> dict[str, Any] | None:
    """Read the fields by name: the message in the middle is free text."""
    text = values.pop("outcome", "")
    for name, value in _OUTCOME.findall(text):
        values.setdefault(_OUTCOME_NAMES[name], value)
    if values.get("code") not in CODES:
        values.pop("code", None)
    if values.get("status") == "0":
        values.pop("status")
    if message := _OUTCOME_TEXT.search(text):
        values["message"] = message[1][:1000]
    return values


_REFUSALS = (
    ("character_id", "character id is required"), ("service_url", "service url is required"),
    ("service_url", "base url is required"), ("action_config", "action_config"),
    ("end_user_id", "require end_user_id"), ("roster", "characters entr"),
    ("roster", "multi-character"), ("other", "transport type is required"),
    ("other", "connection_type must be"), ("roster", "provide exactly one of character_id"),
    ("roster", "within a roster"), ("end_user_id", "requires end_user_id"), ("roster", "character_id"),
)  # fmt: skip


def _rest_failed(values: dict[str, Any]) -> dict[str, Any] | None:
    """Give the failure its HTTP status, kind and the code that they mean."""
    message = values.get("message") or ""
    detail = values.get("detail") or ""
    both = f"{message} {detail}"
    answered = (
        "answered" in values
    )  # the Connect API's own answer; other lines may be any REST call
    status = int(values.pop("answered", None) or values.get("status") or 0)
    if not status and (found := re.search(r"\bHTTP (\d{3})\b|HTTP/[\d.]+ (\d{3})\b", both)):
        status = int(found[1] or found[2])
    values["status"] = status or None
    kind = values.get("kind", "other")
    if kind == "other":
        low = both.lower()
        if "did not match the pinned contract" in low:
            kind = "contract"
        elif status:
            kind = "http"
        elif any(word in low for _, word in _REFUSALS):
            kind = "refused"
        elif "timed out" in low or "timeout" in low:
            kind = "timeout"
        elif (
            detail
            or "could not reach" in low
            or "transport" in low
            or "http request failed" in low
            or "network" in low
        ):
            kind = "network"
    values["kind"] = kind
    if status >= 400:
        values["code"] = code_of(status, detail or message, connect=answered)
    elif kind in {"network", "timeout"}:
        values["code"] = "connection.network_error"
    elif status or kind == "contract":
        values["code"] = "connection.failed"
    return values


def code_of(status: int, body: str, *, connect: bool) -> str:
    """Return the SDK's code for an HTTP answer, in the order of its own tests.

    `connect` says that the Connect API gave it; the SDK's map for other REST calls is coarser.
    """
    low = body.lower()
    if status == 422:
        return "connection.connect_validation_error"
    if status == 400:
        stale = (
            "invalid uuid",
            "invalid session id",
            "invalid session_id",
            "invalid character_session_id",
        )
        return (
            "connection.connect_invalid_session_id"
            if any(s in low for s in stale)
            else "connection.bad_request"
        )
    if status == 401:
        return "connection.connect_invalid_api_key"
    if status == 403:
        if "multi_character_v0_disabled" in low or "holds more than one character" in low:
            return "connection.connect_multi_character_not_allowed"
        if "multi_character_roster_limit_exceeded" in low or "holds more characters than" in low:
            return "connection.connect_multi_character_roster_limit"
        return "connection.connect_realtime_not_allowed" if connect else "connection.auth_failed"
    if status == 404:
        return "connection.connect_character_not_found"
    if status == 429:
        if "speaker" in low:
            return "connection.connect_speaker_limit_reached"
        return (
            "connection.connect_concurrency_limit_reached" if connect else "connection.rate_limited"
        )
    if status == 500:
        if "failed to start bot" in low:
            return "connection.connect_bot_start_failed"
        return (
            "connection.connect_unhandled_server_exception"
            if connect
            else "connection.server_error"
        )
    if status == 503:
        return "connection.service_unavailable"
    return "connection.server_error" if status > 500 else "connection.bad_request"


_STATES = {
    "transport connecting": "Connecting", "character ready": "Connected",
    "transport reconnecting": "Reconnecting", "disconnecting": "Disconnecting",
    "disconnected": "Disconnected", "error": "Error",
}  # fmt: skip


def _session_transition(values: dict[str, Any]) -> dict[str, Any] | None:
    for key in ("from_state", "to_state"):
        word = str(values.get(key, "")).strip().rstrip(".")
        values[key] = _STATES.get(word, word)
    return values


def _known_code(values: dict[str, Any]) -> dict[str, Any] | None:
    return values if values.get("code") in CODES else None


def _curl(values: dict[str, Any]) -> dict[str, Any] | None:
    if values.get("host"):
        values["host"] = str(values["host"]).lower()
    return values


_SHAPES: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
    "room_details": _room_details, "room_summary": _room_summary,
    "room_init_outcome": _room_init_outcome, "rest_failed": _rest_failed,
    "session_transition": _session_transition, "session_error": _known_code, "curl": _curl,
}  # fmt: skip

__all__ = ["Curl", "LkRust", "code_of", "events", "opens"]
