r"""What tools put around the lines of a log, as data: patterns with the parts they carry, and samples.

In: one line without its line end. Out: `Peeled`, the line without envelopes and markup, and what
they said: groups `date`, `clock`, `zone`, `when` (date and clock as people write them), `epoch`,
`level`, `pid`, `tid`, `tag`, and `rest`, the line inside. Envelopes may stand in one another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

from convai_logscan.late import late

DEPTH = 6  # envelopes in one another
_REMEMBERED = 1024  # lines that are remembered, and their longest
_MAX_TAIL = 200  # characters from the end where an envelope may close


class Envelope(Struct, frozen=True):
    """What a tool puts around a line."""

    name: str
    kind: str | None  # the kind of log it proves
    first: frozenset[str]  # the characters it can begin with; none for any
    pattern: re.Pattern[str]
    sample: str
    needs: str = ""  # stands in every such line; it is looked for first
    tail: re.Pattern[str] | None = None  # what closes the line
    open_ended: bool = False  # the line is one without `tail`, too
    alone: bool = False  # the text stands on the following lines
    behind: bool = False  # the text stands on the lines before
    escaped: bool = False  # the text is written as in a string of JSON


def _characters(ranges: str) -> frozenset[str]:
    """Return the characters of a class, as patterns have it between brackets."""
    parts = re.findall(r"(.)-(.)|(.)", ranges, re.DOTALL)
    return frozenset(chr(c) for a, z, one in parts for c in range(ord(a or one), ord(z or one) + 1))


def _envelope(
    name: str, kind: str | None, first: str, pattern: str, sample: str, *,
    needs: str = "", tail: str = "", open_ended: bool = False, alone: bool = False,
    behind: bool = False, escaped: bool = False,
) -> Envelope:  # fmt: skip
    closing = late(rf"(?:{tail})[ \t]*\Z") if tail else None
    whole = late(pattern + r"(?P<rest>.*)", re.DOTALL)
    return Envelope(
        name, kind, _characters(first), whole, sample, needs, closing, open_ended, alone, behind,
        escaped,
    )  # fmt: skip


_SAID = "Convai Bootstrapper: Initializing..."  # what the samples wrap
_DAY = r"(?P<date>\d{4}-\d\d-\d\d)"
_MOMENT = r"(?P<clock>\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)"
_FINE = r"(?P<clock>\d\d:\d\d:\d\d\.\d{3,9})"
_UTC = _DAY + r"[T ]" + _MOMENT + r"(?P<zone>Z|[+-]00:?00)"
_OFFSET = r"(?P<zone>Z|[+-]\d\d:?\d\d)"
_PRIORITY = r"(?P<level>[VDIWEFA])"
_PIDS = r"(?P<pid>\d{1,10})[-:]\ *(?P<tid>\d{1,10})"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_PROCESS = r"(?P<tag>[^\s\[(]{1,80}(?:\([^)\n]{1,80}\))?)\[(?P<pid>\d{1,10})"
# A line of a structured log: one object, of which one field is the text and one may be the time.
_JSON_FIELD = r'"[\w.@/-]{1,60}": ?(?:"(?:[^"\\\n]|\\.){0,200}"|[\w.+-]{1,40}|\{[^{}\n]{0,200}\}|\[[^\[\]\n]{0,200}\])'
_JSON_TEXT = (
    r'"(?:message|msg|log|line|text|body|textPayload|MESSAGE|event|condition|logString)": ?'
)
_JSON_WHEN = (
    r'(?=[^\n]{0,2000}?"(?:@?time(?:stamp)?|@t|ts|date|datetime|level|severity|lvl)": ?)'
    r'(?:(?=[^\n]{0,2000}?"(?:@?time(?:stamp)?|@t|ts|date|datetime)": ?"' + _DAY + "[T ]" + _MOMENT
    + "(?:" + _OFFSET + ')?"))?'
    r'(?:(?=[^\n]{0,2000}?"(?:level|severity|lvl)": ?"(?P<level>[A-Za-z]{1,10})"))?'
)  # fmt: skip
_SCRIPT = r"\.js(?:\.gz|\.br|\.unityweb)?"
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
        "SubtitleTranscriptUI",
        "EmbodimentTickScheduler",
        "EmotionTaxonomyAsset",
        "GazeJointAttention",
        "CameraVisionFrameSource",
        "WebcamVisionFrameSource",
        "QuestVisionFrameSource",
    ]
)
# A line of the SDK, of LiveKit or of a tool follows: what stands before it is somebody's layout.
_SPEAKS = (
    r"(?:`|\[(?:\d{1,2}:\d\d:|\d{4}-|(?:Trace|Debug|Info|Warning|Error|Exception|Log)\])|LiveKit: "
    r"|Curl error \d|[VDIWEFA][/(]|\d\d-\d\d \d\d:|\d{4}[-/]\d\d[-/]\d\d[T ]\d"
    rf"|\[(?:Convai\w{{0,40}}|{'|'.join(sorted(CLASSES))})\] \S)"
)
# An entry in quotation marks: a header, because a list of strings in some source has tags as well.
_STRING = r'"(?=\[(?:\d{1,2}:\d\d:\d\d|(?:Trace|Debug|Info|Warning|Error|Exception)\]\[)|LiveKit: )'
_HTML = r"(?:</?(?:p|pre|code|li|td|tr|br|div|span|blockquote)(?: [^<>\n]{0,80})? ?/?>){1,8}"

ENVELOPES: tuple[Envelope, ...] = (
    # Tickets, mail and forums
    _envelope("quote", None, ">", r">{1,8} ?", "> " + _SAID),
    _envelope("bullet", None, "-+*•0-9", r"(?:[-+*•]|\d{1,3}[.)]) +(?=" + _STRING + "|[*_]{0,3}" + _SPEAKS + ")",
              "- LiveKit: " + _SAID),
    _envelope("indent", None, " \t", r"[ \t]{1,80}(?=(?:[>*•+-] ?|\d{1,3}[.)] )?(?:" + _STRING + "|[*_]{0,3}" + _SPEAKS + "))",
              "    LiveKit: " + _SAID),
    _envelope("string", None, '"', _STRING, '"LiveKit: ' + _SAID + '"',
              tail=r'"[,;]?', open_ended=True),
    _envelope("code", None, "`", r"`{1,3}(?=[^`])", "`" + _SAID + "`", tail="`{1,3}", open_ended=True),
    _envelope("emphasis", None, "*_", r"[*_]{1,3}(?=" + _SPEAKS + ")", "**LiveKit: " + _SAID + "**",
              tail=r"[*_]{1,3}", open_ended=True),
    _envelope("html", None, "<", _HTML + "(?=" + _SPEAKS + ")", "<p>LiveKit: " + _SAID + "</p>",
              tail=_HTML, open_ended=True),

    # Unity itself
    _envelope("timestamps", "editor", "0-9", _UTC + r"\|0x[0-9a-f]{1,16}\|",
              "2026-02-03T04:05:06.789Z|0x1f804a080|" + _SAID, needs="|0x"),
    _envelope("memory", None, "[", r"\[ *\d+ MB \]",
              "[     69 MB ]" + _SAID, needs=" MB ]"),
    # TeamCity would read as the Console with a colon behind its time.
    _envelope("teamcity", "ci", "[",
              r"\[" + _MOMENT + r"\][WEFi ]?:[ \t]*(?:\[Step \d{1,3}/\d{1,3}\] )?",
              "[04:05:06]W:\t [Step 2/3] " + _SAID),
    _envelope("console", None, "[", r"\[(?P<clock>\d\d:\d\d:\d\d)\] ",
              "[14:03:22] " + _SAID),

    # Android
    _envelope("logcat-hub", "logcat", "0-9",
              _DAY + "T" + _FINE + r"(?P<zone>Z):(?P<level>verbose|debug|info|warn|warning|error|fatal|assert)"
              r"(?P<pid>\d{1,10})/(?P<tid>\d{1,10}) (?:\[\w{1,10}\] )?(?P<tag>.*)",
              "2026-02-03T04:05:06.789Z:info2624/2478 [OAR] Unity", alone=True),
    _envelope("logcat-long", "logcat", "[",
              r"\[ (?P<date>(?:\d{4}-)?\d\d-\d\d) " + _FINE + r"(?: " + _OFFSET + r")? +" + _PIDS + " "
              + _PRIORITY + r"/(?P<tag>[^\]\n]{1,80}?) *\]",
              "[ 02-03 04:05:06.789 19117:19178 I/Unity ]", alone=True),
    _envelope("logcat-threadtime", "logcat", "0-9",
              r"(?P<date>(?:\d{4}-)?\d\d-\d\d) " + _FINE + r"(?: " + _OFFSET + r")? +(?:\w{1,20} +)?"
              r"(?P<pid>\d{1,10}) +(?P<tid>\d{1,10}) " + _PRIORITY + r" (?P<tag>[^:\n]{0,80}?) *: ?",
              "07-24 12:04:56.810 19117 19178 I Unity   : " + _SAID),
    _envelope("logcat-epoch", "logcat", "0-9",
              r"(?P<epoch>\d{9,10}\.\d{3,9}) +(?:\w{1,20} +)?(?P<pid>\d{1,10}) +(?P<tid>\d{1,10}) "
              + _PRIORITY + r" (?P<tag>[^:\n]{0,80}?) *: ?",
              "1770091506.789 19117 19178 I Unity   : " + _SAID),
    _envelope("logcat-time", "logcat", "0-9",
              r"(?P<date>(?:\d{4}-)?\d\d-\d\d) " + _FINE + r"(?: " + _OFFSET + r")? " + _PRIORITY
              + r"/(?P<tag>[^\n(:]{1,80}?) *\( *(?P<pid>\d{1,10})\): ?",
              "07-31 16:49:58.057 I/Unity   (10831): " + _SAID),
    _envelope("logcat-brief", "logcat", "VDIWEFA",
              _PRIORITY + r"/(?P<tag>[^\n(:]{1,80}?) *\( *(?P<pid>\d{1,10})\): ?",
              "I/Unity   ( 7578): " + _SAID, needs="("),
    _envelope("logcat-tag", "logcat", "VDIWEFA", _PRIORITY + r"/(?P<tag>[\w.]{1,80}) *: ",
              "I/Unity   : " + _SAID, needs="/"),
    _envelope("logcat-process", "logcat", "VDIWEFA",
              _PRIORITY + r"\( *(?P<pid>\d{1,10})(?:: *(?P<tid>\d{1,10}))?\) ",
              "I( 7578) " + _SAID + "  (Unity)", tail=r" {2}\((?P<tag>[^()\n]{1,80})\)", open_ended=True),
    _envelope("logcat-studio-old", "logcat", "0-9",
              r"(?P<date>(?:\d{4}-)?\d\d-\d\d) " + _FINE + " " + _PIDS + r"(?:/\S{1,160})? " + _PRIORITY
              + r"/(?P<tag>[^:\n]{1,80}?) *: ?",
              "2023-03-10 15:15:42.915 7303-7366/com.studio.game I/Unity: " + _SAID),
    _envelope("logcat-studio", "logcat", "0-9",
              _DAY + " " + _FINE + " +" + _PIDS + r" +(?:(?P<tag>\S{1,80}) +)?(?:\S{1,160} +)?" + _PRIORITY
              + r"(?: {1,2}|\Z)",
              "2025-01-24 11:39:16.533  1249-1321  Unity                   com.studio.game"
              "                      I  " + _SAID),
    _envelope("logcat-studio-compact", "logcat", "0-9", _FINE + " +" + _PRIORITY + r"(?: {2}|\Z)",
              "11:39:16.533  I  " + _SAID),
    _envelope("logcat-unity-package", "logcat", "0-9",
              r"(?P<date>\d{4}/\d\d/\d\d) " + _FINE + r" +(?P<pid>\d{1,10}) +(?P<tid>\d{1,10}) "
              r"(?P<level>Verbose|Debug|Info|Warn|Error|Fatal|Assert) (?P<tag>\S{1,80})(?: |\Z)",
              "2021/05/25 17:19:57.565 9832 20091 Info Unity " + _SAID),

    # iPhone, and the logs of a Mac
    _envelope("xcode", "ios", "0-9",
              _DAY + " " + _FINE + r"(?P<zone>[+-]\d{4}) (?P<tag>[^\[\n|]{1,80})\[(?P<pid>\d{1,10}):\w{1,12}\] ",
              "2026-02-03 20:18:24.739215+0900 Game15[5777:1443837] " + _SAID),
    _envelope("xcode-metadata", "ios", "T",  # what Xcode from 15 on shows below an entry
              r"Type: (?:stdio|(?P<level>[A-Z]\w{1,10}) \| Timestamp: " + _DAY + " " + _FINE
              + r"(?P<zone>[+-]\d\d:?\d\d)(?: \| [A-Z][\w:]{1,20}: [^|\n]{0,120}){0,9}) *\Z",
              "Type: Error | Timestamp: 2026-02-03 20:18:24.739215+09:00 | Process: Game15"
              " | Library: UnityFramework | TID: 0x1608a", behind=True),
    _envelope("unified-log", "ios", "0-9",
              _DAY + " " + _FINE + r"(?P<zone>[+-]\d{4}) +0x[0-9a-f]{1,16} +(?P<level>Default|Info|Debug|Error|Fault)"
              r" +0x[0-9a-f]{1,16} +(?P<pid>\d{1,10}) +\d{1,10} +(?P<tag>[^:\n]{1,80}): (?:\([^)\n]{1,80}\) )?"
              r"(?:\[[\w.-]{1,80}:[\w.-]{0,80}\] )?",
              "2026-02-03 20:18:24.739215+0900 0x16085d   Default     0x0                  5777   0"
              "    Game15: (UnityFramework) " + _SAID),
    _envelope("unified-log-compact", "ios", "0-9",
              _DAY + " " + _FINE + r" +(?P<level>Df|In|Db|Er|Ft|E|F|A|I)  ?(?P<tag>[^\[\n|]{1,80})"
              r"\[(?P<pid>\d{1,10}):\w{1,12}\] (?:\([^)\n]{1,80}\) )?(?:\[[\w.-]{1,80}:[\w.-]{0,80}\] )?",
              "2026-02-03 20:18:24.739 Df Game15[5777:16085d] (UnityFramework) " + _SAID),
    _envelope("nslog", None, "0-9",
              _DAY + " " + _FINE + r" (?P<tag>[^\[\n|]{1,80})\[(?P<pid>\d{1,10}):\w{1,12}\] ",
              "2026-02-03 20:18:24.739 Game15[5777:1443837] " + _SAID),
    _envelope("console-app", "ios", "a-z",
              r"(?P<level>default|info|debug|error|fault)\t" + _FINE + r"(?P<zone>[+-]\d{4})?\t(?P<tag>[^\t\n]{1,80})\t",
              "default\t20:18:24.739215+0900\tGame15\t" + _SAID, needs="\t"),
    _envelope("idevicesyslog", "ios", "A-Z",
              r"(?:" + _WEEKDAY + r" )?(?P<when>" + _MONTH + r" [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?) "
              r"(?:[^\n\[<>]{1,60} )?" + _PROCESS + r"\] <(?P<level>\w{1,10})>: ",
              "Aug 28 20:18:24 iPhone Game15(UnityFramework)[5777] <Notice>: " + _SAID, needs="] <"),

    # Build servers and services
    _envelope("gitlab", "ci", "0-9", _UTC + r" [0-9a-f]{2}[OE](?:[ +]|\Z)",
              "2026-02-03T04:05:06.789012Z 00O " + _SAID),
    _envelope("kubernetes", "ci", "0-9", _DAY + "T" + _MOMENT + _OFFSET + r" std(?:out|err) [FP] ?",
              "2026-02-03T04:05:06.789012345Z stdout F " + _SAID, needs=" std"),
    _envelope("github-actions", "ci", "0-9",  # Azure Pipelines and `docker logs` do the same
              _DAY + r"T(?P<clock>\d\d:\d\d:\d\d\.\d{6,9})(?P<zone>Z)(?: |\Z)",
              "2026-02-03T04:05:06.7890123Z " + _SAID),
    _envelope("workflow-command", "ci", "#",
              r"##\[(?P<level>error|warning|debug|notice|section|command|group)\]",
              "##[error]" + _SAID),
    _envelope("cloud-build", "ci", "[", r"\[" + _UTC + r" - Unity\] ",
              "[2026-02-03T04:05:06.789Z - Unity] " + _SAID, needs=" - Unity]"),
    _envelope("jenkins", "ci", "[", r"\[" + _DAY + "[T ]" + _MOMENT + _OFFSET
              + r"\](?: (?!\[(?:INFO|WARN|ERROR|DEBUG|TRACE)\])|\Z)",
              "[2026-02-03T04:05:06.789Z] " + _SAID),
    _envelope("journald", None, "A-Z",
              r"(?P<when>" + _MONTH + r" [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})?) \S{1,80} " + _PROCESS + r"\]: ?",
              "Feb  3 04:05:06 build-3 unity[1234]: " + _SAID, needs="]:"),
    _envelope("journald-full", None, "A-Z",
              _WEEKDAY + r" (?P<when>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})? [A-Z]{1,5}) \S{1,80} "
              + _PROCESS + r"\]: ?",
              "Tue 2026-02-03 04:05:06 CET build-3 unity[1234]: " + _SAID, needs="]:"),
    _envelope("journald-iso", None, "0-9",
              _DAY + "T" + _MOMENT + _OFFSET + r" \S{1,80} " + _PROCESS + r"\]: ?",
              "2026-02-03T04:05:06+0100 build-3 unity[1234]: " + _SAID, needs="]:"),
    _envelope("docker-json", "ci", "{", r'\{"log":"',
              r'{"log":"' + _SAID + r'\n","stream":"stderr","time":"2026-02-03T04:05:06.789012345Z"}',
              needs='","stream":"std', escaped=True,
              tail=r'(?:\\r)?(?:\\n)?","stream":"std(?:out|err)"(?:,"attrs":\{[^{}]{0,80}\})?,"time":"'
              + _DAY + "T" + _MOMENT + _OFFSET + r'"\}'),
    _envelope("json-lines", None, "{ \t", _JSON_WHEN + r"[ \t]{0,8}\{ ?(?:" + _JSON_FIELD + r", ?){0,12}?" + _JSON_TEXT + '"',
              r'{"time":"2026-02-03T04:05:06.789Z","level":"info","message":"' + _SAID + '"}',
              needs="}", escaped=True, tail=r'"(?:, ?' + _JSON_FIELD + r"){0,12} ?\},?"),
    _envelope("docker-compose", "ci", "A-Za-z0-9", r"(?P<tag>[\w.-]{1,80}?[-_]\d{1,3}) *\| ?",
              "unity-1  | " + _SAID, needs="|"),

    # Browsers
    _envelope("chromium", "webgl", "[",  # a web view, or Chrome itself with its log switched on
              r"\[(?:[\d:/.]{4,40}:)?(?P<level>INFO|WARNING|ERROR|FATAL|VERBOSE\d?):CONSOLE(?:\(\d+\)|:\d+)\] \"",
              '[INFO:CONSOLE(9)] "' + _SAID + '", source: https://game.example.net/Build.framework.js (9)',
              needs="CONSOLE", tail=r'", source: \S{0,300}(?: \(\d+\))?', open_ended=True),
    _envelope("browser", "webgl", "", r"(?:" + _FINE + r" )?[^\[{(\n]{1,120}?" + _SCRIPT + r":\d+(?::\d+)? +",
              "Gym Build.framework.js.gz:9 " + _SAID, needs=".js"),
    _envelope("browser-blob", "webgl", "0-9a-f",
              r"(?:" + _FINE + r" )?(?:blob:\S{1,120}/)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
              r":\d+(?::\d+)? +",
              "6376c547-29e6-4f7b-9c35-8e41e68452bd:3 " + _SAID),
    _envelope("browser-page", "webgl", "(0-9V", r"(?:" + _FINE + r" )?(?:\(index\)|VM\d{1,6}):\d+(?::\d+)? +",
              "(index):75 " + _SAID, needs=":"),
    _envelope("safari", "webgl", "[", r"\[(?P<level>Log|Info|Warning|Error|Debug)\] ",
              "[Log] " + _SAID + " (Build.framework.js, line 9)", needs=")",
              tail=r" \((?:[^()\n]{1,120}, line \d+|[^()\s]{1,120}:\d+(?::\d+)?)\)(?: *x\d+)?"),
    _envelope("safari-first-line", "webgl", "[",
              r"\[(?P<level>Log|Info|Warning|Error|Debug)\] (?=LiveKit: |\[\d\d:\d\d:\d\d\.|\[\w+\]\[)",
              "[Error] LiveKit: " + _SAID),
    _envelope("firefox", "webgl", "", "",
              _SAID + " Build.framework.js:9:12345", needs=".js",
              tail=r"[ \t]+[^\s()\[\]{}\"']{0,160}" + _SCRIPT + r":\d{1,7}:\d{1,9}"),
    _envelope("utc", None, "0-9", _UTC + r"(?: |\Z)",
              "2026-02-03 04:05:06Z " + _SAID),
    _envelope("clock", None, "0-9", _MOMENT + r"(?: {2}(?=\S)| (?=" + _SPEAKS + "))",
              "04:05:06  " + _SAID),
)  # fmt: skip

_LEVEL = r"\[(?P<level>Trace|Debug|Info|Warning|Error|Exception)\]"
# The header of the Convai logger, in every generation: with or without time and colon.
HEADER = late(
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

_FIREFOX = next(e for e in ENVELOPES if e.name == "firefox")
_BY_FIRST: dict[str, tuple[Envelope, ...]] = {
    sign: tuple(e for e in ENVELOPES if not e.first or sign in e.first)
    for sign in frozenset[str]().union(*(e.first for e in ENVELOPES))
}
_ANY_FIRST = tuple(e for e in ENVELOPES if not e.first)

_TIMES = frozenset(["date", "clock", "zone", "when", "epoch"])
_ANSI = late(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_MARKUP = late(r"</?(?:color|b|i|size|material|a|noparse)(?:[ =][^<>\n]{0,80})?>", re.IGNORECASE)
# A byte order mark that was read in another code page is as invisible as a right one.
_INVISIBLE = late(
    "[\u200b-\u200d\u2060\ufeff]|\\A(?:\xef\xbb\xbf|\u2229\u2557\u2510|\xb4\u2557\u2510)"
)
_ENTITY = late(r"&(?:lt|gt|quot|amp|apos|nbsp|#39|#34|#x27|#x22);")
_SIGNS = {
    "&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&", "&apos;": "'", "&nbsp;": " ",
    "&#39;": "'", "&#34;": '"', "&#x27;": "'", "&#x22;": '"',
}  # fmt: skip


_NO_PARTS: Mapping[str, str] = MappingProxyType({})


class Peeled(NamedTuple):
    """One line without its envelopes and its markup."""

    text: str
    names: tuple[str, ...] = ()
    kind: str | None = None  # of the outermost envelope that proves one
    parts: Mapping[str, str] = _NO_PARTS
    alone: bool = False  # an envelope whose text stands on the following lines
    behind: bool = False  # one whose text stands on the lines before
    header: re.Match[str] | None = None  # of the Convai logger, where the text begins with one

    @property
    def key(self) -> tuple[str | None, ...] | None:
        """Return who wrote the line, as far as the envelopes say: lines of others may come between."""
        parts = self.parts
        if "pid" not in parts and "tag" not in parts:
            return None
        return (parts.get("tag"), parts.get("pid"), parts.get("tid"), parts.get("level"))

    @property
    def moment(self) -> tuple[str | None, ...]:
        """Return when the line was written, as printed."""
        parts = self.parts
        return (parts.get("date"), parts.get("clock"), parts.get("when"), parts.get("epoch"))


def plain(text: str) -> str:
    """Return text without ANSI escapes, rich-text markup, HTML entities and invisible characters."""
    if "&" in text:
        text = _ENTITY.sub(lambda sign: _SIGNS[sign[0]], text)
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "<" in text:
        text = _MARKUP.sub("", text)
    return text if text.isascii() else _INVISIBLE.sub("", text)


def find_header(text: str) -> re.Match[str] | None:
    """Return the Convai header at the start of a text; another game's logger has other categories."""
    if not text.startswith("["):
        return None
    found = HEADER.match(text)
    return found if found and (found["clock"] or found["category"] in CATEGORIES) else None


def peel(line: str) -> Peeled:
    """Return a line without its envelopes; every stage asks, most of them for the same line."""
    return _peeled(line) if len(line) <= _REMEMBERED else _peeled.__wrapped__(line)


@lru_cache(_REMEMBERED)
def _peeled(line: str) -> Peeled:
    text = plain(line)
    header = find_header(text)
    if header is None and (found := _outermost(text)) is None:
        return Peeled(text)
    names: list[str] = []
    parts: Mapping[str, str] = _NO_PARTS
    kind, alone, behind = None, False, False
    while header is None and found is not None:
        envelope, said = found
        names.append(envelope.name)
        kind = kind or envelope.kind
        alone = alone or envelope.alone
        behind = behind or envelope.behind
        text = said.pop("rest")
        parts = _merged(parts, said)
        header = find_header(text)
        found = _outermost(text) if header is None and len(names) < DEPTH else None
    if header is not None and _FIREFOX.needs in text:
        shorter = _closed(_FIREFOX, text)
        if shorter is not None:
            names.append(_FIREFOX.name)
            kind = kind or _FIREFOX.kind
            text = text[: shorter.start()]
            header = find_header(text)
    return Peeled(text, tuple(names), kind, parts, alone, behind, header)


def _merged(outer: Mapping[str, str], inner: dict[str, str]) -> Mapping[str, str]:
    """Return the parts of two envelopes: the inner one knows best, but the outer one has the time.

    A time stays whole, and one with a zone is better than one without.
    """
    if not outer:
        return inner
    late = _TIMES & outer.keys() and not (not _anchored(outer) and _anchored(inner))
    loser = inner if late else outer
    kept = {n: v for n, v in loser.items() if n not in _TIMES}
    return {**outer, **kept} if loser is inner else {**kept, **inner}


def _anchored(parts: Mapping[str, str]) -> bool:
    return "epoch" in parts or {"date", "zone"} <= parts.keys()


def _outermost(text: str) -> tuple[Envelope, dict[str, str]] | None:
    """Return the envelope around a text and the parts it carries."""
    for envelope in _BY_FIRST.get(text[:1], _ANY_FIRST):
        if envelope.needs and envelope.needs not in text:
            continue
        match = envelope.pattern.match(text)
        if match is None:
            continue
        parts = {name: value for name, value in match.groupdict().items() if value is not None}
        if envelope.tail is not None:
            rest = parts["rest"]
            closing = _closed(envelope, rest)
            if closing is not None:
                parts["rest"] = rest[: closing.start()]
                parts |= {n: v for n, v in closing.groupdict().items() if v is not None}
            elif not envelope.open_ended:
                continue
        if envelope.escaped:
            parts["rest"] = _unescaped(parts["rest"])
        return envelope, parts
    return None


def _unescaped(text: str) -> str:
    """Return a string of JSON as the line that it was made of."""
    try:
        line = str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
    return plain(line.encode("utf-8", "replace").decode())


def _closed(envelope: Envelope, text: str) -> re.Match[str] | None:
    """Return what closes the line in the manner of an envelope."""
    return envelope.tail.search(text, max(0, len(text) - _MAX_TAIL)) if envelope.tail else None
