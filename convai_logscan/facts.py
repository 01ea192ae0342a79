"""What a log says about itself: kind, versions, platform, what it could have shown.

In: the first bytes of the source, records and events. Out: `Facts`, `Visibility`, the kind of log, and
the warnings of Convai and LiveKit that no row explains.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

from msgspec import Struct, field

from convai_logscan.envelopes import peel
from convai_logscan.events import (
    CompileError,
    Entry,
    Event,
    LkRust,
    MicError,
    Package,
    PackageError,
    UnityBuild,
    UnityDate,
    UnityHeader,
    UnityOs,
    Unrecognised,
)
from convai_logscan.late import late
from convai_logscan.model import (
    TEXT_LIMIT,
    V3_STACK,
    Anchor,
    Facts,
    Record,
    Stamp,
    TokenClaims,
    Unexplained,
    Visibility,
)

HEAD = 1 << 18  # bytes that are looked at for the kind of the log
KINDS = ("editor", "player", "logcat", "webgl", "ios", "console", "ci", "other")
MAX_UNEXPLAINED = 20
_GOOD_NEWS = frozenset(["proxy", "region_fallback", "recovered"])  # LiveKit says them at level info
_MAX_TEXTS = 2000
_MAX_LINE = 4096
SDK = "com.convai.convai-sdk-for-unity"
_NAMES_SDK = late(r"com\.convai\.|Assets[/\\]Convai\b|\bConvai\.")

_SAMPLE = 400  # lines whose envelopes are looked at
_SHARE = 0.1  # of them that make the log what its envelopes say, whatever else stands in it
# What only one kind of log says, where its envelopes do not tell; and what stands in each of those,
# because to find that it does not stand there is much faster.
_SIGNS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("ci", ("##[group]", "[Pipeline] ", "##teamcity["), r"^##\[group\]|^\[Pipeline\] |^##teamcity\["),
    ("logcat", ("beginning of ", "PROCESS STARTED ("), r"^-{5,} ?(?:beginning of \w+|PROCESS STARTED \()"),
    ("ios", ("-> applicationDid",), r"-> applicationDidFinishLaunching\(\)"),
    ("webgl", ("[UnityCache]", "Creating WebGL "), r"\[UnityCache\]|Creating WebGL \d\.0 context"),
    ("editor", ("",), r"COMMAND LINE ARGUMENTS:|^Unity Editor version:|\[Licensing::|^LICENSE SYSTEM \[|^BatchMode: |\[Package Manager\] |^Asset Pipeline Refresh|UnityEditor[\w.]{0,100}\.dll|^(?:  at )?UnityEditor\.[\w.`+/<>]+[:(]"),
    ("player", ("",), r"^Mono path\[0\] =|^Initialize engine version:|^\[Subsystems\] Discovering|^GfxDevice:|^<RI> Initializing input|^UnloadTime: "),
)  # fmt: skip
_FIRST_OF = tuple((kind, words, late(pattern, re.MULTILINE)) for kind, words, pattern in _SIGNS)
_ENDS = late(r"(?<!\r)\r+\n")  # that a tool has written again
_CONSOLE = late(r"^[\w.<>/`+]+:[\w.<>]+ ?\(.{0,400}\) \(at .{1,400}:\d+\)$", re.MULTILINE)
_PLATFORMS = (
    (
        "windows",
        r"^OS: 'Windows|^Direct3D:|[A-Z]:[/\\].{0,400}_Data[/\\]Managed|WindowsPlayer\(|\\AppData\\LocalLow\\",
    ),
    ("macos", r"macOS version:|OSXPlayer\(|Contents/Resources/Data/Managed|/Library/Logs/Unity"),
    ("linux", r"^System name: +Linux|LinuxPlayer\(|\.config/unity3d/"),
    ("android", r"AndroidPlayer\(|Android OS|BuildTarget: Android"),
    ("ios", r"applicationDidFinishLaunching|IPhonePlayer\("),
)
_PLATFORM_OF = tuple((name, late(pattern, re.MULTILINE)) for name, pattern in _PLATFORMS)
_DEVELOPMENT = late(
    r"^Player connection \[|Build type 'Development'|Built from .{0,400} Build Type 'Development'",
    re.MULTILINE,
)
# The wordings of a generation of the SDK, with words of which one stands in each.
_FORMATS = (
    ("new", ("Room connection attempt ", "Attempting ", "Request Trace ID", "Room startup", "[RoomConnection"), late(
        r"Room connection attempt \d|Attempting (?:room|topology-free) |; Request Trace ID: |Room startup decision: "
        r"|\[RoomConnection(?:RuntimeAdapter|Coordinator)\]"
    )),
    ("old", ("*** ", "; Resolved Speaker ID: ", " attempts."), late(
        r"\*\*\* (?:Room connection|Initializing room)|; Resolved Speaker ID: |after \d+ attempts\."
    )),
    ("beta", ("ROOM ", "Convai Realtime"), late(r"ROOM DETAILS RECEIVED|ROOM CONNECTED: |Convai Realtime")),
    ("v3", ("][GRPC]", "SessionID Init"), late(r"\]\[GRPC\]|SessionID Initialization ")),
)  # fmt: skip

_CLOCK = late(r"\[\d{1,2}:\d\d:\d\d[.,]\d{1,3}\]")


class _Seen(Struct):
    """A warning or error: its first line, and how often it was said."""

    text: str
    line: int
    times: int = 1


_QUARTER = 900.0  # seconds: time zones differ by multiples of it
_TOLD_BY = {"##utp": 120.0, "Date": 600.0, "room token": 60.0}  # seconds that may lie between


class _Clocks(Struct):
    """Looks for a date to anchor the local clock on: an absolute time next to a local one.

    The clocks differ by the time zone, a multiple of a quarter of an hour, and by the moment that
    passed between the two lines. Where that moment would be too long, nothing is told.
    """

    _absolute: dict[str, float] = field(default_factory=dict)
    _found: dict[str, Anchor] = field(default_factory=dict)

    def date(self, event: UnityDate) -> None:
        """Take an absolute time; the next local one is compared with it."""
        try:
            if event.kind == "utp":
                self._absolute["##utp"] = int(event.value) / 1000
            else:
                moment = datetime.fromisoformat(event.value)
                self._absolute["Date"] = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
        except (ValueError, OverflowError):
            return

    def local(self, stamp: Stamp) -> None:
        """Take a time of the local clock."""
        for told_by, seconds in self._absolute.items():
            self._compare(told_by, seconds, stamp)
        self._absolute.clear()

    def token(self, claims: TokenClaims, stamp: Stamp) -> None:
        """Take a room token's own begin, and the time of the line that it came with."""
        begin = claims.issued_at or claims.not_before
        if begin is not None and "room token" not in self._found:
            self._compare("room token", begin, stamp)

    def _compare(self, told_by: str, utc: float, stamp: Stamp) -> None:
        apart = stamp.seconds - utc % 86400
        zone = round((apart - 5) / _QUARTER) * _QUARTER
        if told_by == "Date":
            zone = 0.0  # hours may pass before the first line: only a clock in UTC can be told
        passed = apart - zone
        if -5 <= passed <= _TOLD_BY[told_by] and abs(zone) <= 86400:
            self._found[told_by] = Anchor(utc - utc % 86400 - zone, told_by)

    def anchor(self) -> Anchor | None:
        """Return the best anchor there is."""
        return next((self._found[t] for t in _TOLD_BY if t in self._found), None)


class SelfDescription(Struct):
    """Collects what a source says about itself."""

    facts: Facts = field(default_factory=Facts)
    visibility: Visibility = field(default_factory=Visibility)
    kind: str = "other"
    _development: bool = False
    _formats: set[str] = field(default_factory=set)
    _sdk: str | None = None
    clocks: _Clocks = field(default_factory=_Clocks)
    _texts: dict[str, _Seen] = field(default_factory=dict)  # by the text without its clock

    def head(self, raw: bytes, forced: str | None) -> None:
        """Look at the first bytes of the decoded source."""
        text = raw[:HEAD].decode("utf-8", "replace")
        text = text.replace("\r\n", "\n")
        if "\r\n" in text:
            text = _ENDS.sub("\n", text)
        self.kind = forced or _kind(text)
        if self.kind in {"webgl", "ios"}:
            self.facts.platform = self.kind
        elif self.kind == "logcat":
            self.facts.platform = "android"
        else:
            self.facts.platform = next(
                (n for n, pattern in _PLATFORM_OF if pattern.search(text)), None
            )
        self._development = bool(_DEVELOPMENT.search(text))

    def record(self, record: Record) -> None:
        """Look at one record."""
        if record.speaker == "convai":
            self.visibility.convai = True
            if record.category == "Transport" and record.level in {"Debug", "Trace"}:
                self.visibility.debug = True
            if any(f.startswith(V3_STACK) for f in record.frames):
                self._formats.add("v3")

    def event(self, event: Event) -> None:
        """Look at one event."""
        where = event.where
        if where.stamp and where.stamp.clock == "local":
            self.clocks.local(where.stamp)
        if where.speaker == "convai":
            self.visibility.convai = True
            for name, words, sign in _FORMATS:
                if name in self._formats:
                    break  # the ones behind it would tell less
                if any(word in where.text for word in words) and sign.search(where.text):
                    self._formats.add(name)
        if isinstance(event, UnityHeader):
            self.facts.unity = event.version
        elif isinstance(event, UnityOs):
            self.facts.os = event.os
        elif isinstance(event, UnityBuild) and event.kind == "development":
            self._development = True
        elif isinstance(event, Package) and event.name == SDK:
            self._sdk = _version(event.version)
            self.visibility.convai = True
        elif isinstance(event, (CompileError, PackageError)):
            if not self.visibility.convai and _NAMES_SDK.search(f"{where.text}\n{event.message}"):
                self.visibility.convai = True
        elif isinstance(event, UnityDate):
            self.clocks.date(event)
        elif isinstance(event, LkRust):
            self.visibility.livekit_native = True
        self._note(event)

    def _note(self, event: Event) -> None:
        """Remember a warning or error of a Convai or LiveKit speaker."""
        where = event.where
        kind = getattr(event, "kind", None)
        if isinstance(event, LkRust):
            bad = kind not in _GOOD_NEWS
        elif isinstance(event, MicError):
            bad = kind == "failed"  # the other kinds have a row each
        else:
            bad = isinstance(event, Unrecognised) or (
                isinstance(event, Entry) and where.level in {"Warning", "Error"}
            )
        if where.speaker == "other" or not bad:
            return
        text = where.text.strip()
        same = _CLOCK.sub("", text)
        if same in self._texts:
            self._texts[same].times += 1
        elif len(self._texts) < _MAX_TEXTS:
            self._texts[same] = _Seen(text, where.line)

    def finish(self) -> None:
        """Decide what needs the whole source."""
        self.facts.sdk = self._sdk or self._by_format()
        if self.kind == "editor":
            self.facts.build = "editor"
        elif self._development or (self.visibility.debug and self.kind != "console"):
            self.facts.build = "development"
        elif self.facts.unity and self.kind in {"player", "logcat", "ios", "webgl"}:
            # A development build says so where it says its version; an excerpt says neither.
            self.facts.build = "release" if self.visibility.convai else None

    def unexplained(self, used: set[str]) -> list[Unexplained]:
        """Return what no row rests on, most frequent first."""
        known = {_CLOCK.sub("", text.strip()) for text in used}
        left = [
            Unexplained(_short(one.text), one.times, one.line)
            for same, one in self._texts.items()
            if same not in known
        ]
        return sorted(left, key=lambda one: (-one.times, one.line))[:MAX_UNEXPLAINED]

    def _by_format(self) -> str | None:
        """Return a range of SDK versions, by wordings that only they have."""
        for name, answer in (
            ("new", ">=4.5"),
            ("old", "4.0-4.4"),
            ("beta", "beta-4"),
            ("v3", "v3"),
        ):
            if name in self._formats:
                return answer
        return None


def _short(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def _kind(text: str) -> str:
    """Return the kind of log of a text, by its envelopes and by what only one kind says."""
    lines = [line for line in text.split("\n") if line.strip()]
    sample = lines[:: -(-len(lines) // _SAMPLE) or 1]
    peeled = [peel(line[:_MAX_LINE]) for line in sample]
    proved = Counter(line.kind for line in peeled if line.kind)
    by_envelope, times = max(proved.items(), key=lambda item: item[1], default=("other", 0))
    if times > _SHARE * len(sample):
        return by_envelope
    for said in (text, "\n".join(line.text for line in peeled)):
        for kind, words, pattern in _FIRST_OF:
            if any(word in said for word in words) and pattern.search(said):
                return kind
    return "console" if not times and _CONSOLE.search(text) else by_envelope


def _version(text: str) -> str | None:
    """Return a registered package's version: a number, or a git tag; a hash says nothing."""
    if re.match(r"\d+\.\d+", text):
        return text
    tag = re.search(r"#v?(\d+\.\d+(?:\.\d+)?\S*)$", text)
    return tag[1] if tag else None
