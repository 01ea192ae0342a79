"""From a mark to the record around it: message lines, stack, trailer; envelope and markup peeled.

In: marks. Out: records, in order, that never overlap. Envelopes are data: a pattern with the named
parts it carries, and a sample that is its test.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from convai_logscan.model import LIVEKIT, Mark, Record, Speaker, Stamp

MAX_TAIL = 400  # lines a record may go on
_MAX_QUOTE = 4096


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a tool puts around a line: groups `utc`, `clock`, `level`, `rest`."""

    name: str
    kind: str | None  # the kind of log it proves
    pattern: re.Pattern[str]
    sample: str


def _envelope(name: str, kind: str | None, pattern: str, sample: str) -> Envelope:
    return Envelope(name, kind, re.compile(pattern + r"(?P<rest>.*)", re.DOTALL), sample)


_ISO = r"(?P<utc>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z)"
ENVELOPES: tuple[Envelope, ...] = (
    _envelope("timestamps", "editor", _ISO + r"\|0x[0-9a-f]+\|",
              "2026-02-03T04:05:06.789Z|0x1f804a080|Convai Bootstrapper: Initializing..."),
    _envelope("github-actions", "ci", _ISO + " ",
              "2026-02-03T04:05:06.7890123Z Convai Bootstrapper: Initializing..."),
    _envelope("cloud-build", "ci", r"\[" + _ISO + r" - Unity\] ",
              "[2026-02-03T04:05:06.789Z - Unity] Convai Bootstrapper: Initializing..."),
    _envelope("logcat-threadtime", "logcat",
              r"\d\d-\d\d (?P<clock>\d\d:\d\d:\d\d\.\d{3})\d* +\d+ +\d+ (?P<level>[VDIWEF]) [^:]{1,60}: ?",
              "07-24 12:04:56.810 19117 19178 I Unity   : Convai Bootstrapper: Initializing..."),
    _envelope("logcat-brief", "logcat", r"(?P<level>[VDIWEF])/[\w.]+ *\( *\d+\): ?",
              "I/Unity   ( 7578): Convai Bootstrapper: Initializing..."),
    _envelope("browser", "webgl", r"(?:\d\d:\d\d:\d\d\.\d{3} )?[^\[{(\n]{1,120}?\.js(?:\.gz|\.br|\.unityweb)?:\d+ +",
              "Gym Build.framework.js.gz:9 Convai Bootstrapper: Initializing..."),
    _envelope("memory", None, r"\[ *\d+ MB \]",
              "[     69 MB ]Reloading assemblies for play mode."),
    _envelope("console", None, r"\[(?P<clock>\d\d:\d\d:\d\d)\] ",
              "[14:03:22] Convai Bootstrapper: Initializing..."),
)  # fmt: skip

# The header of the Convai logger, in every generation: with or without time and colon.
HEADER = re.compile(
    r"(?:\[(?P<clock>\d{1,2}:\d\d:\d\d[.,]\d{1,3})\] ?)?"
    r"\[(?P<level>Trace|Debug|Info|Warning|Error|Exception)\] ?\[(?P<category>[A-Za-z]+)\]"
    r"(?:\[(?P<correlation>[^\]\s]{1,64})\])?(?P<colon>:)? ?(?P<rest>.*)",
    re.DOTALL,
)
CATEGORIES = frozenset(
    [
        "SDK",
        "Character",
        "Audio",
        "UI",
        "REST",
        "Transport",
        "Events",
        "Player",
        "Editor",
        "Vision",
        "Bootstrap",
        "Transcript",
        "Narrative",
        "LipSync",
        "Animation",
        "Gaze",
        "BodyLanguage",
        "Actions",
        "GRPC",
    ]
)
_TAG = re.compile(r"\[([^\]\n]{1,80})\] ?")
# Classes that print under their own name; a tag that begins with `Convai` is one too.
CLASSES = frozenset(
    [
        "RoomConnectionRuntimeAdapter",
        "RoomConnectionCoordinator",
        "RoomDisconnectRuntimeAdapter",
        "RoomAudioRuntimeAdapter",
        "AudioTrackManager",
        "NativeRoomController",
        "NativeTransport",
        "NativeRealtimeTransport",
        "LiveKitRoomBackend",
        "WebGLRoomController",
        "WebGLRealtimeTransport",
        "WebGLTransportBootstrap",
        "ConnectionStateMachine",
        "SessionStateMachine",
        "SessionMetrics",
        "RTVIHandler",
        "PlayerConversationInput",
        "PlatformNetworkingBootstrap",
        "UnityConvaiAdapter",
        "SceneCharacterDiscovery",
        "ConnectAPI",
        "ClientLatency",
        "NotificationHandler",
        "ChatTranscriptUI",
    ]
)

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_MARKUP = re.compile(
    r"</?(?:color|b|i|size|material|a|noparse)(?:[ =][^<>\n]{0,80})?>", re.IGNORECASE
)
_INVISIBLE = re.compile("[\u200b-\u200d\u2060\ufeff]")
_FRAME = re.compile(
    r"\s*[\w.<>`+|\[\],$/@=~-]+:[\w.<>`|\[\]$=,~-]+ ?\(.*\)(?: \(at .+:\d+\))?\s*$"
    r"|\s+at \S|\s*at \S+\.cs:\d+\s*$|\s*---+ (?:End|>)|Rethrow as |.{1,200} \(at [^()]+:\d+\)\s*$"
)
_TRAILER = re.compile(r"\(Filename: .* Line: -?\d+\)\s*$|\[[^\]]+ line -?\d+\]\s*$")
_FFI = re.compile(r"(?:Source|Module|Target): \S")
_EXCEPTION = re.compile(r"(?:[A-Z]\w*\.)*[A-Z]\w*(?:Exception|Error)\b(?!\])")
_LEVEL_FRAME = re.compile(
    r"UnityEngine\.Debug:(Log(?:Warning|Error|Exception|Assertion)?)(?:Format)? ?\("
)
_LEVELS = {
    "Log": None, "LogWarning": "Warning", "LogError": "Error", "LogException": "Error",
    "LogAssertion": "Error", "V": "Trace", "D": "Debug", "I": "Info", "W": "Warning", "E": "Error",
    "F": "Error",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Peeled:
    """One line without its envelopes."""

    text: str
    names: tuple[str, ...] = ()
    stamp: Stamp | None = None
    level: str | None = None


class Framer:
    """Turns the marks of one source into records; remembers which clock it is in."""

    def __init__(self) -> None:
        """Begin before the first record."""
        self._end = 0  # offset behind the last record
        self._day = 0.0  # seconds added for midnights passed
        self._last_clock = 0.0
        self.envelopes: dict[str, int] = {}

    def records(self, marks: Iterable[Mark]) -> Iterator[Record]:
        """Yield the record of every mark that no earlier record holds."""
        for mark in marks:
            if mark.offset >= self._end:
                record = self._record(mark)
                self._end = record.end
                yield record

    def _record(self, mark: Mark) -> Record:
        at, raw = _line(mark, mark.start)
        quote = shown(raw)
        first = peel(quote)
        for name in first.names:
            self.envelopes[name] = self.envelopes.get(name, 0) + 1
        coloured = quote.count("<color") > quote.count("</color>")
        header = HEADER.match(first.text)
        known = header is not None and (header["category"] in CATEGORIES or bool(header["clock"]))
        head = header["rest"] if header and known else first.text
        stamp, level = first.stamp, first.level
        if header and known:
            stamp = self._local(header["clock"]) if header["clock"] and not stamp else stamp
            level = header["level"].replace("Exception", "Error")
        tags, message = _tags(head)
        speaker = _speaker(message, tags, header["category"] if header else None)
        body, frames, lines, at, still_open = _widen(mark, at, message, coloured, speaker)
        if level is None:
            level = _level(frames)
        return Record(
            line=mark.line, last_line=mark.line + lines, end=mark.offset + (at - mark.start),
            quote=quote[:_MAX_QUOTE], message=body.rstrip(), frames=frames, speaker=speaker,
            stamp=stamp or self._local_of(first), level=level,
            category=header["category"] if header and known else None, tags=tags,
            correlation=header["correlation"] if header and known else None,
            envelope="convai" if known else (first.names[-1] if first.names else "plain"),
            open=still_open or mark.cut,
        )  # fmt: skip

    def _local_of(self, first: _Peeled) -> Stamp | None:
        return first.stamp

    def _local(self, clock: str) -> Stamp:
        """Return a time of day on the source's own clock; a jump back over noon is a midnight."""
        hours, minutes, seconds = clock.replace(",", ".").split(":")
        of_day = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        if of_day < self._last_clock - 43200:
            self._day += 86400
        self._last_clock = of_day
        return Stamp(self._day + of_day, "local", clock.replace(",", "."))


def shown(raw: bytes) -> str:
    r"""Return a line as text; bytes that are not UTF-8 as `\xNN`."""
    return raw.rstrip(b"\r").decode("utf-8", "backslashreplace")


def plain(text: str) -> str:
    """Return text without ANSI escapes, rich-text markup and invisible characters."""
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "<" in text:
        text = _MARKUP.sub("", text)
    return text if text.isascii() else _INVISIBLE.sub("", text)


def peel(line: str) -> _Peeled:
    """Return a line without its envelopes, which may stand in one another."""
    text, names, stamp, level = plain(line), [], None, None
    for _ in range(3):
        peeled = next(((e, m) for e in ENVELOPES if (m := e.pattern.match(text))), None)
        if peeled is None:
            break
        envelope, found = peeled
        names.append(envelope.name)
        parts = found.groupdict()
        text = parts["rest"]
        stamp = stamp or _utc(parts.get("utc"))
        level = level or _LEVELS.get(parts.get("level") or "")
    return _Peeled(text, tuple(names), stamp, level)


def _utc(text: str | None) -> Stamp | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text[:26].rstrip("Z").replace(" ", "T")).replace(tzinfo=UTC)
    except ValueError:
        return None
    printed = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Stamp(moment.timestamp(), "utc", printed)


def _tags(head: str) -> tuple[tuple[str, ...], str]:
    """Return the leading `[Class] ` tags and what follows them."""
    tags: list[str] = []
    text = head
    while found := _TAG.match(text):
        if found[1][:1].isdigit() or found[1].startswith(("{", '"')):
            break  # a number or a list, not a tag
        tags.append(found[1])
        text = text[found.end() :]
    return tuple(tags), text


def _speaker(message: str, tags: tuple[str, ...], category: str | None) -> Speaker:
    if category in CATEGORIES or any(t in CLASSES or t.startswith("Convai") for t in tags):
        return "convai"
    return "livekit" if message.startswith(LIVEKIT) else "other"


def _line(mark: Mark, start: int) -> tuple[int, bytes]:
    """Return where the next line starts, and the bytes of the line at `start`."""
    end = mark.buffer.find(b"\n", start, mark.end)
    if end < 0:
        return mark.end, mark.buffer[start : mark.end]
    return end + 1, mark.buffer[start:end]


def _widen(
    mark: Mark, at: int, message: str, coloured: bool, speaker: Speaker
) -> tuple[str, tuple[str, ...], int, int, bool]:
    """Return message, frames, number of further lines, the next offset, and whether it is open."""
    depth = _depth(message) if speaker != "other" or message.startswith("{") else 0
    body, frames = [message], []
    lines = 0
    if mark.cut:
        return message, (), 0, mark.end, True
    while at < mark.end and lines < MAX_TAIL:
        following, raw = _line(mark, at)
        original = shown(raw[:_MAX_QUOTE])
        text = peel(original).text
        closing = coloured and "</color>" in original
        if HEADER.match(text) and not closing:
            break
        if depth > 0:
            body.append(text)
            depth += _depth(text)
        elif _FFI.match(text) and speaker == "livekit":
            frames.append(text)
        elif (
            _FRAME.match(text)
            or _TRAILER.match(text)
            or (speaker != "other" and _EXCEPTION.match(text))
        ):
            frames.append(text.strip())
        elif not text.strip():
            after = _line(mark, following)[1] if following < mark.end else b""
            if not coloured and not _TRAILER.match(shown(after[:_MAX_QUOTE])):
                break
        elif coloured:
            body.append(text)
        else:
            break
        at = following
        lines += 1
        if closing:
            coloured = False
    return "\n".join(body), tuple(frames), lines, at, depth > 0 and at >= mark.end


def _depth(text: str) -> int:
    """Return how many braces a line opens and does not close, strings left out."""
    if "{" not in text and "}" not in text:
        return 0
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    return bare.count("{") - bare.count("}")


def _level(frames: tuple[str, ...]) -> str | None:
    for frame in frames[:8]:
        if found := _LEVEL_FRAME.match(frame):
            return _LEVELS[found[1]]
    return None
