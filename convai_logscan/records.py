"""From a mark to the record around it: message lines, stack, trailer; envelope and markup peeled.

In: marks. Out: records in the order of their first lines; no line belongs to two of them. Lines of
others (another process, another service) may stand inside a record and are records of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from convai_logscan.envelopes import CATEGORIES, CLASSES, Peeled, find_header, peel
from convai_logscan.late import late
from convai_logscan.model import LIVEKIT, V3_STACK, Mark, Record, Speaker, Stamp

MAX_TAIL = 400  # lines a record may go on
MAX_FOREIGN = 64  # lines of others in a row that a record is looked for behind
REPEATED = 1 << 20  # bytes of records that are remembered as they were read
_MAX_QUOTE = 4096
# Unity hands Android 1,023 bytes of an entry, Android itself takes some 4,000.
_CUTS = (range(1021, 1025), range(3980, 4097))

# A header behind other text: what stood before it had no line end.
_TIMED = late(
    r"\[\d{1,2}:\d\d:\d\d[.,]\d{1,3}\] ?\[(?:Trace|Debug|Info|Warning|Error|Exception)\] ?\[[A-Za-z]{1,20}\]"
)
_UNTIMED = late(
    r"\[(?:Trace|Debug|Info|Warning|Error|Exception)\]\[(?:"
    + "|".join(sorted(CATEGORIES))
    + r")\](?:\[[^\]\s]{1,64}\])?: "
)
_SAYS = late(r"\w")
_MAX_TAGS = 8
_TAG = late(r"\[([^\]\n]{1,80})\] ?")
_FRAME = late(
    r"\s*[\w.<>`+|\[\],$/@=~-]+:[\w.<>`|\[\]$=,~-]+ ?\(.*\)(?: \(at .+:\d+\))?\s*$"
    r"|\s+at \S|\s*at \S+\.cs:\d+\s*$|\s*---+ (?:End|>)|Rethrow as |.{1,200} \(at [^()]+:\d+\)\s*$"
)
_NO_FRAME = frozenset(["", "[", "("])
_TRAILER = late(
    r"\(Filename: .* Line: -?\d+\)\s*$|\[[^\]]+ line -?\d+\]\s*$|" + re.escape(V3_STACK)
)
# A dump with a heading, such as the narrative trigger's: indented lines, and a line of `=`.
_DUMP = late(r"=== [A-Z][A-Z ]{2,40} ===\s*$")
_DUMP_LINE = late(r"\s+\S|={4,}\s*$")
_FFI = late(r"(?:Source|Module|Target): \S")
_EXCEPTION = late(r"(?:[A-Z]\w*\.)*[A-Z]\w*(?:Exception|Error)\b(?!\])")
_LEVEL_FRAME = late(
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
_ALONE = (b"[ ", b"20")  # how a line begins that says when and by whom the next one was written
_MAX_ALONE = 300  # bytes of it
_SEPARATOR = late(r"-{5,} ?(?:beginning of |PROCESS )")
_BREAK = late(r"[ \t]*<br ?/?>[ \t]*", re.IGNORECASE)
_STRING = late(r'(?:[^"\\]|\\.)*"')
_QUOTE_OR_BRACE = late(r'["{}]')
_AROUND, _MAX_WIDTH, _LEAST_WRAPPED = 2048, 100, 3  # bytes, characters, lines that go on
# What stands behind the text of an entry.
_BEHIND = (_FRAME, _TRAILER, _FFI, _EXCEPTION)


class _Json(Struct):
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


class _Repeat(Struct, frozen=True):
    """The records of a mark, with all the bytes that made them what they are."""

    raw: bytes
    found: tuple[Record, ...]
    line: int
    offset: int
    end: int


class Framer:
    """Turns the marks of one source into records; remembers which clock it is in."""

    def __init__(self) -> None:
        """Begin before the first record."""
        self._end = 0  # offset behind the last record, or of the first gap in it
        self._taken: set[int] = set()  # offsets of lines behind it that belong to a record
        self._clock = _Clock()
        self._width = _Width()
        self._repeats: dict[bytes, _Repeat] = {}  # by the first line
        self._repeated_bytes = 0

    def records(self, marks: Iterable[Mark]) -> Iterator[Record]:
        """Yield the records of every mark that no earlier record holds."""
        for mark in marks:
            if mark.offset < self._end or mark.offset in self._taken:
                continue
            head = _head(mark, self._end)
            yield from self._repeated(head) or self._of(head)

    def _repeated(self, mark: Mark) -> tuple[Record, ...]:
        """Return the records of a mark as they were before, where the bytes are the same.

        A log repeats itself, and one of a terabyte is a single record, repeated.
        """
        last = self._repeats.get(_line(mark, mark.start)[1])
        if last is None or not mark.buffer.startswith(last.raw, mark.start, mark.end):
            return ()
        if self._taken or _above(mark):
            return ()
        lines, offset = mark.line - last.line, mark.offset - last.offset
        self._end = last.end + offset
        return tuple(
            replace(
                one, line=one.line + lines, last_line=one.last_line + lines, end=one.end + offset
            )
            for one in last.found
        )

    def _of(self, mark: Mark) -> tuple[Record, ...]:
        """Return the record of a mark, behind those of other entries in the same line."""
        at, raw = _line(mark, mark.start)
        quote = shown(raw)
        first = peel(quote)
        if not first.parts and (above := _above(mark)):
            first = first._replace(parts=above)
        stamp = self._clock.stamp(first.parts) if first.parts else None
        pieces = _pieces(first)
        found = [
            self._said(piece, find_header(piece), stamp).record(
                first, line=mark.line, last_line=mark.line, end=mark.offset, quote=piece
            )
            for piece in pieces[:-1]
        ]
        last = pieces[-1]
        header = first.header if last is first.text else find_header(last)
        said = self._said(last, header, stamp)
        shift = mark.offset - mark.start
        tail = _Tail(mark, at, first, said, self._taken, shift, self._width)
        tail.read(coloured=said.speaker != "other" and _coloured(quote))
        if tail.about:
            said.stamp = self._clock.stamp(tail.about) or said.stamp
            said.level = said.level or _LEVELS.get(tail.about["level"].lower())
        end = shift + tail.end
        found.append(
            said.record(
                first,
                line=mark.line,
                last_line=mark.line + tail.lines,
                end=end,
                quote=last if found else quote,
                frames=tuple(tail.frames),
                body="\n".join(tail.body).rstrip(),
                is_open=tail.open,
            )
        )
        self._end = end if tail.gap is None else shift + tail.gap
        if self._taken or tail.taken:
            self._taken = {offset for offset in self._taken if offset > mark.offset}
            self._taken.update(shift + offset for offset in tail.taken)
        records = tuple(found)
        if said.stamp is None and tail.seen < mark.end and not self._taken and not mark.cut:
            whole = bytes(mark.buffer[mark.start : tail.seen])
            self._keep(raw, _Repeat(whole, records, mark.line, mark.offset, self._end))
        return records

    def _keep(self, line: bytes, repeat: _Repeat) -> None:
        """Remember the records of a line, as far as there is room."""
        self._repeated_bytes += len(line) + len(repeat.raw)
        if self._repeated_bytes > REPEATED:
            self._repeats.clear()
            self._repeated_bytes = 0
        self._repeats[line] = repeat

    def _said(self, text: str, header: re.Match[str] | None, stamp: Stamp | None) -> _Said:
        """Read what a piece of a line says; whole seconds say less than the header does."""
        if header is None:
            tags, message = _tags(text)
            return _Said(message, tags, _speaker(message, tags, None), stamp)
        tags, message = _tags(header["rest"])
        category, clock = header["category"], header["clock"]
        if clock and (stamp is None or (stamp.clock == "local" and "." not in stamp.printed)):
            stamp = self._clock.local(clock)
        level = header["level"].replace("Exception", "Error")
        speaker = _speaker(message, tags, category)
        return _Said(message, tags, speaker, stamp, level, category, header["correlation"])


class _Said(Struct):
    """What a piece of a line says."""

    message: str
    tags: tuple[str, ...]
    speaker: Speaker
    stamp: Stamp | None
    level: str | None = None
    category: str | None = None
    correlation: str | None = None

    def record(
        self, first: Peeled, *, line: int, last_line: int, end: int, quote: str,
        body: str | None = None, frames: tuple[str, ...] = (), is_open: bool = False,
    ) -> Record:  # fmt: skip
        """Return the record with what was found around it."""
        level = self.level
        if level is None and first.parts:
            level = _LEVELS.get(first.parts.get("level", "").lower())
        if level is None and frames:
            level = _level(frames)
        envelope = "convai" if self.category else first.names[-1] if first.names else "plain"
        return Record(
            line=line, last_line=last_line, end=end, quote=quote[:_MAX_QUOTE],
            message=self.message.rstrip() if body is None else body, frames=frames,
            speaker=self.speaker, stamp=self.stamp, level=level, category=self.category,
            tags=self.tags, correlation=self.correlation, envelope=envelope, open=is_open,
        )  # fmt: skip


class _Tail:
    """The lines that belong to a record, behind its first one."""

    def __init__(
        self, mark: Mark, at: int, first: Peeled, said: _Said, taken: set[int], shift: int,
        width: _Width,
    ) -> None:  # fmt: skip
        """Begin at offset `at` of the mark's buffer; `shift` leads to offsets in the source."""
        message, *frames = _broken(said.message)
        self.body = [message]
        self.frames = frames
        self.lines = 0  # further lines up to the last one
        self.end = self.seen = at  # behind the last line, and behind all that was looked at
        self.gap: int | None = None  # where lines of others begin inside the record
        self.taken: list[int] = []  # the lines behind the gap
        self.open = False
        self.about: Mapping[str, str] = {}  # what a line behind the record says about it
        self._mark = mark
        self._said = said
        self._others = (taken, shift)
        self._width = width
        self._peeled = bool(first.names)
        self._moment = first.moment if self._peeled else ()
        self._key = first.key if self._peeled else None
        self._theirs = False  # the last line with a key is another writer's
        self._logcat = first.kind == "logcat"
        self._size = len(first.text.encode()) if self._logcat else 0  # of the entry so far
        self._growing = self.body  # where the last line went
        self._dump = said.speaker != "other" and _DUMP.match(message) is not None
        # An exception is attached to a failure; behind any other line it is a record of its own.
        self._attached = said.speaker != "other" and said.level not in {"Info", "Debug", "Trace"}
        self._json = _Json()
        if "{" in message and said.speaker != "other":
            self._json.read(message)

    def read(self, *, coloured: bool) -> None:
        """Read on to the end of the record."""
        mark, at = self._mark, self.end
        if mark.cut:
            self.end, self.open = mark.end, True
            return
        lines = foreign = 0
        taken, shift = self._others
        while at < mark.end and self.lines < MAX_TAIL and foreign < MAX_FOREIGN:
            following, raw = _line(mark, at)
            self.seen = following
            original = shown(raw[:_MAX_QUOTE])
            closes = coloured and ("</color" in original or "&lt;/color" in original)
            lines += 1
            belongs = None
            if not taken or shift + at not in taken:
                belongs = self._belongs(original, following, coloured=coloured, closes=closes)
            if belongs is False:
                break
            if belongs is None:
                self.gap = at if self.gap is None else self.gap
                foreign += 1
            else:
                if self.gap is not None:
                    self.taken.append(at)
                self.end, self.lines, foreign = following, lines, 0
                coloured = coloured and not closes
            at = following
        if not self.taken:
            self.gap = None
        self.open = self._json.depth > 0 and at >= mark.end

    def _belongs(
        self, original: str, following: int, *, coloured: bool, closes: bool
    ) -> bool | None:
        """Keep a line that belongs to the record; False ends it, None is somebody else's line."""
        if not self._peeled and original[:1] not in _NO_FRAME and _FRAME.match(original):
            return self._keep(self.frames, original.strip())  # most lines of most logs
        line = peel(original)
        if line.alone:
            return None
        if line.behind:
            self.about = line.parts
            return False
        text = line.text
        if self._key is not None:
            if line.names:
                key = line.key
                self._theirs = key is not None and key != self._key
                if self._theirs:
                    return None
            elif self._theirs:
                return None  # indented by the tool under somebody else's line
            elif _SEPARATOR.match(original):
                return None
            else:
                text = text.strip()  # the tool has indented it
        if line.header and not closes:
            return False
        if text.startswith(_OPENINGS):
            return self._between(following)
        if self._dump and _DUMP_LINE.match(original if not line.names else text):
            self._dump = not text.startswith("====")
            return self._keep(self.body, text)
        if text.startswith(V3_STACK):
            self._attached = False  # it is the last of its record
        if _FRAME.match(text) or _TRAILER.match(text):
            return self._keep(self.frames, text.strip())
        empty = not text or text.isspace()
        # All lines of an entry of logcat have its time, where there is one.
        timed = self._logcat and any(self._moment)
        same = not self._logcat or not line.names or line.moment == self._moment
        in_string = self._json.in_string and same and (timed or not self._logcat)
        if not empty and (in_string or self._is_cut()):
            self._growing[-1] += text
            self._json.read(text)
            self._size = len(text.encode())  # the rest is an entry of its own
            return True
        if same and self._json.depth > 0 and not self._json.in_string:
            self._json.read(text)
            return self._keep(self.body, text)
        speaker = self._said.speaker
        if (speaker == "livekit" and _FFI.match(text)) or (
            self._attached and _EXCEPTION.match(text)
        ):
            return self._keep(self.frames, text.strip())
        if empty:
            return coloured or _TRAILER.match(self._text_at(following)) is not None
        if coloured or (timed and same and speaker != "other"):
            return self._keep(self.body, text)
        if speaker != "other" and not self.frames and self._width.wrapped(self._mark, following):
            self._growing[-1] = f"{self._growing[-1]} {text.strip()}".lstrip()
            return True
        return self._between(following)

    def _between(self, following: int) -> bool | None:
        """Say whether a line of another thread stands between two frames of one stack: None."""
        if not self.frames:
            return False
        after = self._text_at(following)
        inside = _INNER_FRAME.match(after) and not _LOGGING_FRAME.match(after)
        return None if inside else False

    def _keep(self, lines: list[str], text: str) -> bool:
        lines.append(text)
        self._growing = lines
        if self._logcat:
            self._size += 1 + len(text.encode())
        return True

    def _is_cut(self) -> bool:
        """Say whether the entry is as long as an entry can be."""
        return self._logcat and any(self._size in sizes for sizes in _CUTS)

    def _text_at(self, at: int) -> str:
        """Return the next line without its envelopes."""
        if at >= self._mark.end:
            return ""
        self.seen, raw = _line(self._mark, at)
        return peel(shown(raw[:_MAX_QUOTE])).text


class _Clock:
    """The clock of one source: a moment of local time is counted from its first midnight."""

    def __init__(self) -> None:
        self._day = 0
        self._last = 0.0
        self._first: dict[bool, int] = {}  # day number of the first midnight, with and without year
        self._last_ordinal = 0
        self._new_years = 0
        self._year: int | None = None

    def stamp(self, parts: Mapping[str, str]) -> Stamp | None:
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
_LOGGING_FRAME = late(r"\s*(?:UnityEngine\.(?:Debug|DebugLogHandler|StackTraceUtility|Logger)):")
_INNER_FRAME = late(r"\s*[\w.<>`+|\[\],$/@=~-]+:[\w.<>`|\[\]$=,~-]+ ?\(")


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
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _utc(moment: datetime) -> Stamp:
    printed = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Stamp(moment.timestamp(), "utc", printed)


def _pieces(line: Peeled) -> list[str]:
    """Return the parts of a line that are entries of their own, at least one."""
    text, header = line.text, line.header
    begin = header.start("rest") if header else 0
    if text.find("][", begin) < 0 and text.find("] [", begin) < 0:
        return [text]
    starts = [found.start() for found in _TIMED.finditer(text, begin) if found.start()]
    if not starts and header is None and (found := _UNTIMED.search(text)):
        starts = [found.start()]
    if not starts:
        return [text]
    pieces = [text[a:b] for a, b in zip([0, *starts], [*starts, len(text)], strict=True)]
    return pieces if _SAYS.search(pieces[0]) else pieces[1:]


def _broken(message: str) -> list[str]:
    """Return message and frames of an entry whose line ends were written as HTML or in JSON."""
    if "\n" in message:
        head, *more = message.split("\n")
        frames = [part for part in more if any(form.match(part) for form in _BEHIND)]
        return ["\n".join([head, *(p for p in more if p not in frames)]).rstrip(), *frames]
    if "<br" not in message:
        return [message]
    head, *more = _BREAK.split(message)
    if not more or not (message.rstrip().endswith(">") or any(map(_FRAME.match, more))):
        return [message]
    frames = [part for part in more if _FRAME.match(part) or _TRAILER.match(part)]
    return ["\n".join([head, *(p for p in more if p and p not in frames)]), *frames]


class _Width:
    """Whether a mail program has broken the lines of a source to its own width, place by place."""

    def __init__(self) -> None:
        self._place = -1
        self._here = False

    def wrapped(self, mark: Mark, at: int) -> bool:
        """Say whether the lines around an offset of the mark's buffer were broken; asked once a place."""
        place = (mark.offset - mark.start + at) // _AROUND
        if place != self._place:
            self._place, self._here = place, _is_wrapped(mark, at)
        return self._here


def _is_wrapped(mark: Mark, at: int) -> bool:
    """Say whether no line around a place could have taken the first word of the one that goes on with it."""
    around = bytes(mark.buffer[max(0, at - _AROUND) : min(mark.end, at + _AROUND)])
    lines = around.split(b"\n")[1:-1]  # whole ones
    width = max((_length(line) for line in lines if b" " in line), default=0)
    if width > _MAX_WIDTH:
        return False
    before, entry, continued = 0, False, 0
    for raw in lines:
        line = peel(shown(raw))
        words = line.text.split(None, 1)
        if line.header or line.text.startswith(_OPENINGS):
            entry = True
        elif not words or any(form.match(line.text) for form in _BEHIND):
            entry = False
        elif entry:
            if before + 1 + len(words[0]) <= width:
                return False
            continued += 1
        before = _length(raw)
    return continued >= _LEAST_WRAPPED


def _length(raw: bytes) -> int:
    """Return how many characters a line has."""
    return len(raw) if raw.isascii() else len(shown(raw))


def _coloured(text: str) -> bool:
    """Say whether a colour begins in a line and ends in a later one."""
    if "color" not in text:
        return False
    opened = text.count("<color") + text.count("&lt;color")
    return opened > text.count("</color") + text.count("&lt;/color")


def _head(mark: Mark, floor: int) -> Mark:
    """Return the mark of the line that a marked stack frame or trailer belongs to."""
    start, line = mark.start, mark.line
    least = max(0, mark.start - (mark.offset - floor))
    after = mark.end
    while start > least and _goes_on(mark, start, after):
        after = start
        start = mark.buffer.rfind(b"\n", least, start - 1) + 1 or least
        line -= 1
    if start == mark.start:
        return mark
    return replace(mark, line=line, offset=mark.offset - (mark.start - start), start=start)


def _above(mark: Mark) -> Mapping[str, str]:
    """Return what a line of its own says about the entry below it, as `logcat -v long` has it."""
    start = mark.buffer.rfind(b"\n", max(0, mark.start - _MAX_ALONE), max(0, mark.start - 1)) + 1
    if not mark.buffer.startswith(_ALONE, start, mark.start):
        return {}
    above = peel(shown(bytes(mark.buffer[start : mark.start]).rstrip(b"\n")))
    return above.parts if above.alone else {}


def _goes_on(mark: Mark, start: int, after: int) -> bool:
    """Say whether the line at `start` belongs to the one before it, as a record reads on."""
    line = peel(shown(_line(mark, start)[1][:_MAX_QUOTE]))
    if line.text and not line.text.isspace():
        return not line.header and bool(_FRAME.match(line.text) or _TRAILER.match(line.text))
    behind = shown(_line(mark, after)[1][:_MAX_QUOTE]) if after < mark.end else ""
    return bool(_TRAILER.match(peel(behind).text))


def whole_lines(raw: bytes) -> Iterator[tuple[str, str]]:
    """Yield what the entries in a line of no known speaker say: behind their tags, and with them."""
    for piece in _pieces(peel(shown(raw))):
        tags, message = _tags(piece)
        for part in {message, *_broken(message)}:
            text = part.rstrip()
            yield text, "".join(f"[{tag}] " for tag in tags) + text


def shown(raw: bytes) -> str:
    r"""Return a line as text; bytes that are not UTF-8 as `\xNN`."""
    return raw.rstrip(b"\r").decode("utf-8", "backslashreplace")


def _tags(head: str) -> tuple[tuple[str, ...], str]:
    """Return the leading `[Class] ` tags and what follows them."""
    tags: list[str] = []
    at = 0
    while len(tags) < _MAX_TAGS and (found := _TAG.match(head, at)):
        if found[1][:1].isdigit() or found[1].startswith(("{", '"')):
            break  # a number or a list, not a tag
        tags.append(found[1])
        at = found.end()
    return tuple(tags), head[at:]


def _speaker(message: str, tags: tuple[str, ...], category: str | None) -> Speaker:
    if category in CATEGORIES or any(t in CLASSES or t.startswith("Convai") for t in tags):
        return "convai"
    return "livekit" if message.startswith(LIVEKIT) else "other"


def _line(mark: Mark, start: int) -> tuple[int, bytes]:
    """Return where the next line starts, and the bytes of the line at `start`."""
    end = mark.buffer.find(b"\n", start, mark.end)
    if end < 0:
        return mark.end, bytes(mark.buffer[start : mark.end])
    return end + 1, bytes(mark.buffer[start:end])


def _level(frames: tuple[str, ...]) -> str | None:
    for frame in frames[:8]:
        if found := _LEVEL_FRAME.match(frame):
            return _LEVELS.get(found[1])
    return None
