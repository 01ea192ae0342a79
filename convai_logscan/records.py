"""From a mark to the record around it: message lines, stack, trailer; envelope and markup peeled.

In: marks. Out: records in the order of their first lines; no line belongs to two of them. Lines of
others (another process, another service) may stand inside a record and are records of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from convai_logscan.envelopes import ENVELOPES, Envelope, Peeled, peel, plain, unsourced
from convai_logscan.model import LIVEKIT, Mark, Record, Speaker, Stamp

MAX_TAIL = 400  # lines a record may go on
MAX_FOREIGN = 64  # lines of others in a row that a record is looked for behind
_MAX_QUOTE = 4096
# Unity hands Android 1,023 bytes of an entry, Android itself takes some 4,000.
_CUTS = (range(1021, 1025), range(3980, 4097))

_LEVEL = r"\[(?P<level>Trace|Debug|Info|Warning|Error|Exception)\]"
# The header of the Convai logger, in every generation: with or without time and colon.
HEADER = re.compile(
    r"(?:\[(?P<clock>\d{1,2}:\d\d:\d\d[.,]\d{1,3})\] ?)?"
    + _LEVEL
    + r" ?\[(?P<category>[A-Za-z]+)\]"
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
# A header behind other text: what stood before it had no line end.
_TIMED = re.compile(
    r"\[\d{1,2}:\d\d:\d\d[.,]\d{1,3}\] ?\[(?:Trace|Debug|Info|Warning|Error|Exception)\] ?\[[A-Za-z]{1,20}\]"
)
_UNTIMED = re.compile(
    r"\[(?:Trace|Debug|Info|Warning|Error|Exception)\]\[(?:"
    + "|".join(sorted(CATEGORIES))
    + r")\](?:\[[^\]\s]{1,64}\])?: "
)
_SAYS = re.compile(r"\w")
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
    "LogWarning": "Warning", "LogError": "Error", "LogException": "Error", "LogAssertion": "Error",
    "v": "Trace", "verbose": "Trace", "d": "Debug", "db": "Debug", "debug": "Debug", "i": "Info",
    "in": "Info", "info": "Info", "w": "Warning", "warn": "Warning", "warning": "Warning",
    "e": "Error", "er": "Error", "error": "Error", "f": "Error", "ft": "Error", "fault": "Error",
    "fatal": "Error", "a": "Error", "assert": "Error", "critical": "Error",
}  # fmt: skip
# What always begins an entry of its own.
_OPENINGS = (LIVEKIT, "Curl error ", "[Licensing::")
_SEPARATOR = re.compile(r"-{5,} ?(?:beginning of |PROCESS )")
_BREAK = re.compile(r"[ \t]*<br ?/?>[ \t]*", re.IGNORECASE)
_STRING = re.compile(r'(?:[^"\\]|\\.)*"')
_QUOTE_OR_BRACE = re.compile(r'["{}]')


@dataclass(slots=True)
class _Json:
    """How deep in braces a text is that comes line by line, and whether it is inside a string."""

    depth: int = 0
    in_string: bool = False

    def read(self, text: str) -> None:
        """Follow one more line."""
        at = 0
        if self.in_string:
            closed = _STRING.match(text)
            if closed is None:
                return
            self.in_string = False
            at = closed.end()
        elif self.depth <= 0 and "{" not in text:
            return
        while found := _QUOTE_OR_BRACE.search(text, at):
            at = found.end()
            if found[0] == '"':
                if self.depth <= 0:
                    continue  # a quotation mark of prose
                closed = _STRING.match(text, at)
                if closed is None:
                    self.in_string = True
                    return
                at = closed.end()
            else:
                self.depth += 1 if found[0] == "{" else -1


@dataclass(slots=True)
class _Wide:
    """The lines of a record, as they are found."""

    body: list[str]
    frames: list[str] = field(default_factory=list)
    lines: int = 0  # further lines up to the last one
    end: int = 0  # offset in the buffer behind the last line
    seen: int = 0  # offset in the buffer behind all that was looked at
    gap: int | None = None  # offset of the first line of others inside the record
    taken: list[int] = field(default_factory=list)  # offsets of the lines behind the gap
    open: bool = False


@dataclass(frozen=True, slots=True)
class _Repeat:
    """The record just read, with all the bytes that made it what it is."""

    raw: bytes
    records: tuple[Record, ...]
    mark: Mark
    end: int


class Framer:
    """Turns the marks of one source into records; remembers which clock it is in."""

    def __init__(self) -> None:
        """Begin before the first record."""
        self._end = 0  # offset behind the last record, or of the first gap in it
        self._taken: set[int] = set()  # offsets of lines behind it that belong to a record
        self._clock = _Clock()
        self._repeat: _Repeat | None = None

    def records(self, marks: Iterable[Mark]) -> Iterator[Record]:
        """Yield the records of every mark that no earlier record holds."""
        for mark in marks:
            if mark.offset < self._end or mark.offset in self._taken:
                continue
            yield from self._repeated(mark) or self._of(mark)

    def _repeated(self, mark: Mark) -> tuple[Record, ...]:
        """Return the records of the mark before again, where the bytes are the same.

        A log of a terabyte is one record, repeated.
        """
        last = self._repeat
        if last is None or not mark.buffer.startswith(last.raw, mark.start, mark.end):
            return ()
        lines, bytes_ = mark.line - last.mark.line, mark.offset - last.mark.offset
        self._end = last.end + bytes_
        return tuple(
            replace(
                one, line=one.line + lines, last_line=one.last_line + lines, end=one.end + bytes_
            )
            for one in last.records
        )

    def _of(self, mark: Mark) -> tuple[Record, ...]:
        at, raw = _line(mark, mark.start)
        quote = shown(raw)
        text = plain(quote)
        # Most lines are the logger's own, in no envelope.
        first = Peeled(unsourced(text)) if _header(text) else peel(quote)
        stamp = self._clock.stamp(first.parts)
        *glued, last = _pieces(first.text)
        said = _Said(last, stamp, self._clock)
        message, *more = _broken(said.message)
        wide = self._widen(mark, at, first, message, said.speaker, coloured=_coloured(quote))
        wide.frames[:0] = more
        level = (
            said.level or _LEVELS.get(first.parts.get("level", "").lower()) or _level(wide.frames)
        )
        name = first.names[-1] if first.names else "plain"
        body = "\n".join(wide.body).rstrip()
        end = mark.offset + wide.end - mark.start
        before = tuple(self._alone(piece, mark, stamp, end, name) for piece in glued)
        record = said.record(
            line=mark.line, last_line=mark.line + wide.lines, end=end,
            quote=(last if glued else quote)[:_MAX_QUOTE], message=body, frames=tuple(wide.frames),
            level=level, envelope=name, is_open=wide.open or mark.cut,
        )  # fmt: skip
        self._remember(mark, wide, (*before, record))
        return (*before, record)

    def _alone(self, piece: str, mark: Mark, stamp: Stamp | None, end: int, name: str) -> Record:
        """Return the record of a piece of a line that others stand behind."""
        said = _Said(piece, stamp, self._clock)
        return said.record(
            line=mark.line, last_line=mark.line, end=end, quote=piece[:_MAX_QUOTE],
            message=said.message.rstrip(), frames=(), level=said.level, envelope=name, is_open=False,
        )  # fmt: skip

    def _remember(self, mark: Mark, wide: _Wide, found: tuple[Record, ...]) -> None:
        """Keep which lines are taken, and the record if it could come again as it is."""
        shift = mark.offset - mark.start
        self._end = shift + (wide.end if wide.gap is None else wide.gap)
        self._taken = {offset for offset in self._taken if offset > mark.offset}
        self._taken.update(shift + offset for offset in wide.taken)
        whole = wide.seen < mark.end and not self._taken and not mark.cut
        self._repeat = None
        if whole and all(one.stamp is None for one in found):
            raw = mark.buffer[mark.start : wide.seen]
            self._repeat = _Repeat(raw, found, replace(mark, buffer=b""), self._end)

    def _widen(
        self, mark: Mark, at: int, first: Peeled, message: str, speaker: Speaker, *, coloured: bool
    ) -> _Wide:
        """Return the lines that belong to a record whose first line is read."""
        wide = _Wide([message], end=at, seen=at)
        if mark.cut:
            wide.end, wide.open = mark.end, True
            return wide
        json = _Json()
        if speaker != "other" or message.startswith("{"):
            json.read(message)
        shift = mark.offset - mark.start
        logcat = first.kind == "logcat"
        size = len(first.text.encode()) if logcat else 0  # of the entry as it was handed over
        growing = wide.body  # where the last line went
        lines = foreign = 0
        while at < mark.end and wide.lines < MAX_TAIL and foreign < MAX_FOREIGN:
            following, raw = _line(mark, at)
            wide.seen = following
            original = shown(raw[:_MAX_QUOTE])
            line = peel(original)
            lines += 1
            if shift + at in self._taken or _foreign(line, first, original):
                wide.gap = at if wide.gap is None else wide.gap
                at, foreign = following, foreign + 1
                continue
            text = line.text.strip() if first.key and not line.names else line.text
            same = not logcat or first.moment == line.moment or not line.names
            cut = logcat and any(size in sizes for sizes in _CUTS)
            closing = coloured and _closes(original)
            if (_header(text) and not closing) or text.startswith(_OPENINGS):
                break
            if _FRAME.match(text) or _TRAILER.match(text):
                growing = wide.frames
                growing.append(text.strip())
            elif text.strip() and (cut or (json.in_string and same)):
                growing[-1] += text
                json.read(text)
                size = -1  # the rest is an entry of its own
            elif json.depth > 0 and same and not json.in_string:
                growing = wide.body
                growing.append(text)
                json.read(text)
            elif (speaker == "livekit" and _FFI.match(text)) or (
                speaker != "other" and _EXCEPTION.match(text)
            ):
                growing = wide.frames
                growing.append(text.strip())
            elif not text.strip():
                if not coloured and not self._trailer_at(mark, following, wide):
                    break
            elif coloured or (logcat and same and speaker != "other"):
                growing = wide.body
                growing.append(text)
            elif wide.frames and self._frames_go_on(mark, following, wide):
                wide.gap = at if wide.gap is None else wide.gap
                at, foreign = following, foreign + 1
                continue
            else:
                break
            if wide.gap is not None:
                wide.taken.append(at)
            if logcat:
                size += 1 + len(text.encode())
            at = following
            wide.end, wide.lines, foreign = at, lines, 0
            if closing:
                coloured = False
        if not wide.taken:
            wide.gap = None
        wide.open = json.depth > 0 and at >= mark.end
        return wide

    def _trailer_at(self, mark: Mark, at: int, wide: _Wide) -> bool:
        following, raw = _line(mark, at) if at < mark.end else (at, b"")
        wide.seen = following
        return _TRAILER.match(peel(shown(raw[:_MAX_QUOTE])).text) is not None

    def _frames_go_on(self, mark: Mark, at: int, wide: _Wide) -> bool:
        """Say whether a line of another thread stands between two frames of one stack."""
        following, raw = _line(mark, at) if at < mark.end else (at, b"")
        wide.seen = following
        text = peel(shown(raw[:_MAX_QUOTE])).text
        return _INNER_FRAME.match(text) is not None and _LOGGING_FRAME.match(text) is None


class _Said:
    """What a piece of a line says: header, tags, speaker, and the message behind them."""

    def __init__(self, text: str, stamp: Stamp | None, clock: _Clock) -> None:
        header = _header(text)
        self.level = header["level"].replace("Exception", "Error") if header else None
        self.category = header["category"] if header else None
        self.correlation = header["correlation"] if header else None
        self.tags, self.message = _tags(header["rest"] if header else text)
        self.speaker = _speaker(self.message, self.tags, self.category)
        own = header["clock"] if header else None
        # Whole seconds say less than the header does.
        if own and (stamp is None or (stamp.clock == "local" and "." not in stamp.printed)):
            stamp = clock.local(own)
        self.stamp = stamp

    def record(
        self, *, line: int, last_line: int, end: int, quote: str, message: str,
        frames: tuple[str, ...], level: str | None, envelope: str, is_open: bool,
    ) -> Record:  # fmt: skip
        """Return the record with what was found around it."""
        return Record(
            line=line, last_line=last_line, end=end, quote=quote, message=message, frames=frames,
            speaker=self.speaker, stamp=self.stamp, level=level, category=self.category,
            tags=self.tags, correlation=self.correlation,
            envelope="convai" if self.category else envelope, open=is_open,
        )  # fmt: skip


class _Clock:
    """The clock of one source: a moment of local time is counted from its first midnight."""

    def __init__(self) -> None:
        self._day = 0
        self._last = 0.0
        self._first: dict[bool, int] = {}  # day number of the first midnight, with and without year
        self._last_ordinal = 0
        self._new_years = 0
        self._year: int | None = None

    def stamp(self, parts: dict[str, str]) -> Stamp | None:
        """Return the moment that the parts of an envelope give, or None."""
        if epoch := parts.get("epoch"):
            return _utc(datetime.fromtimestamp(float(epoch), UTC))
        if when := parts.get("when"):
            parts = _read(when)
        clock, day, zone = parts.get("clock"), parts.get("date"), parts.get("zone")
        if clock is None:
            return None
        day = day.replace("/", "-") if day else None
        if day and zone:
            year = "" if len(day) > 5 else f"{self._year}-" if self._year else None
            moment = (
                _moment(f"{year}{day}T{clock.replace(',', '.')}{zone}")
                if year is not None
                else None
            )
            if moment is not None:
                self._year = moment.year
                return _utc(moment)
        return self.local(clock, day)

    def local(self, clock: str, day: str | None = None) -> Stamp:
        """Return a time of day on the source's own clock; a jump back over noon is a midnight."""
        printed = clock.replace(",", ".")
        hours, minutes, seconds = printed.split(":")
        of_day = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        if not (day and self._dated(day)) and of_day < self._last - 43200:
            self._day += 1
        self._last = of_day
        whole, dot, fraction = printed.partition(".")
        return Stamp(self._day * 86400 + of_day, "local", f"{whole}{dot}{fraction[:3]}")

    def _dated(self, text: str) -> bool:
        """Go to a date; without a year, a jump back over half a year is a new year."""
        with_year = len(text) > 5
        try:
            ordinal = date.fromisoformat(text if with_year else f"{_LEAP_YEAR}-{text}").toordinal()
        except ValueError:
            return False
        if with_year:
            self._year = int(text[:4])
        else:
            if ordinal < self._last_ordinal - 183:
                self._new_years += 1
            self._last_ordinal = ordinal
            ordinal += 366 * self._new_years
        self._day = ordinal - self._first.setdefault(with_year, ordinal - self._day)
        return True


_LEAP_YEAR = 2000
_LOGGING_FRAME = re.compile(
    r"\s*(?:UnityEngine\.(?:Debug|DebugLogHandler|StackTraceUtility|Logger)):"
)
_INNER_FRAME = re.compile(r"\s*[\w.<>`+|\[\],$/@=~-]+:[\w.<>`|\[\]$=,~-]+ ?\(")


@lru_cache(maxsize=256)
def _read(when: str) -> dict[str, str]:
    """Return date, clock and zone of a moment as people write it; nothing where it is none."""
    from dateutil import parser as dates

    try:
        moment = dates.parse(when, default=datetime(_LEAP_YEAR, 1, 1), tzinfos=_zone)  # noqa: DTZ001 (a form, no moment)
    except (ValueError, OverflowError):
        return {}
    day = moment.strftime("%Y-%m-%d" if re.match(r"\d{4}-", when) else "%m-%d")
    parts = {"date": day, "clock": moment.time().isoformat()}
    return parts if moment.tzinfo is None else {**parts, "zone": moment.strftime("%z")}


def _zone(name: str | None, offset: int | None) -> timezone | None:
    """Return the zone of a name that means one thing everywhere."""
    if offset is not None:
        return timezone(timedelta(seconds=offset))
    return UTC if name in {"UTC", "GMT", "Z"} else None


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _utc(moment: datetime) -> Stamp:
    printed = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Stamp(moment.timestamp(), "utc", printed)


def _header(text: str) -> re.Match[str] | None:
    """Return the Convai header at the start of a text; another game's logger has other categories."""
    if not text.startswith("["):
        return None
    found = HEADER.match(text)
    return found if found and (found["clock"] or found["category"] in CATEGORIES) else None


def _pieces(text: str) -> list[str]:
    """Return the parts of a line that are entries of their own, at least one."""
    if "][" not in text and "] [" not in text:
        return [text]
    starts = [found.start() for found in _TIMED.finditer(text) if found.start()]
    if not starts and _header(text) is None and (found := _UNTIMED.search(text)):
        starts = [found.start()]
    if not starts:
        return [text]
    pieces = [text[a:b] for a, b in zip([0, *starts], [*starts, len(text)], strict=True)]
    return pieces if _SAYS.search(pieces[0]) else pieces[1:]


def _broken(message: str) -> list[str]:
    """Return message and frames of an entry whose line ends were written as HTML."""
    if "<br" not in message:
        return [message]
    head, *more = _BREAK.split(message)
    if not more or not (message.rstrip().endswith(">") or any(map(_FRAME.match, more))):
        return [message]
    frames = [part for part in more if _FRAME.match(part) or _TRAILER.match(part)]
    return ["\n".join([head, *(p for p in more if p and p not in frames)]), *frames]


def _foreign(line: Peeled, first: Peeled, original: str) -> bool:
    """Say whether a line inside a record is somebody else's: another process, thread, tag or level."""
    if line.alone:
        return True
    if first.key is None:
        return False
    return (line.key is not None and line.key != first.key) or bool(_SEPARATOR.match(original))


def _coloured(text: str) -> bool:
    """Say whether a colour begins in a line and ends in a later one."""
    opened = text.count("<color") + text.count("&lt;color")
    return opened > text.count("</color>") + text.count("&lt;/color")


def _closes(text: str) -> bool:
    return "</color>" in text or "&lt;/color" in text


def shown(raw: bytes) -> str:
    r"""Return a line as text; bytes that are not UTF-8 as `\xNN`."""
    return raw.rstrip(b"\r").decode("utf-8", "backslashreplace")


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


def _level(frames: list[str]) -> str | None:
    for frame in frames[:8]:
        if found := _LEVEL_FRAME.match(frame):
            return _LEVELS.get(found[1])
    return None


__all__ = [
    "CATEGORIES",
    "CLASSES",
    "ENVELOPES",
    "HEADER",
    "Envelope",
    "Framer",
    "peel",
    "plain",
    "shown",
]
