"""Compose logs from facts: secrets filled in at run time, noise of the engine, entries in an envelope.

Uses the standard library only, so that what is tested never judges itself.
"""

from __future__ import annotations

import base64
import html
import json
import random
import re
from typing import NamedTuple

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_HEX = "0123456789abcdef"
# What stands around every line of an entry, around its first line only, or around it as a whole.
EACH = {
    "logcat": "02-03 {clock} 19117 19178 {p} Unity   : {line}",
    "logcat-coloured": "\x1b[38;5;40m02-03 {clock} 19117 19178 {p} Unity   : {line}\x1b[0m",
    "logcat-modifiers": "2026-02-03 {clock}123 +0100 10123 19117 19178 {p} Unity   : {line}",
    "logcat-epoch": "{epoch} 19117 19178 {p} Unity   : {line}",
    "logcat-brief": "{p}/Unity   ( 7578): {line}",
    "logcat-tag": "{p}/Unity   : {line}",
    "logcat-time": "02-03 {clock} {p}/Unity   ( 7578): {line}",
    "logcat-unity-package": "2026/02/03 {clock} 19117 19178 {word} Unity {line}",
    "unified-log": "2026-02-03 {clock}215+0900 0x16085d   Default     0x0                  5777   0    Game15: (UnityFramework) {line}",
    "console-app": "default\t{clock}215+0900\tGame15\t{line}",
    "idevicesyslog": "Feb  3 {whole} iPhone of Ada Game15(UnityFramework)[5777] <Notice>: {line}",
    "github-actions": "2026-02-03T{clock}0123Z {line}",
    "gitlab": "2026-02-03T{clock}012Z 00O {line}",
    "kubernetes": "2026-02-03T{clock}012345Z stdout F {line}",
    "jenkins": "[2026-02-03T{clock}Z] {line}",
    "teamcity": "[{whole}] :\t [Step 2/3] {line}",
    "cloud-build": "[2026-02-03T{clock}Z - Unity] {line}",
    "docker-compose": "unity-1  | {line}",
    "journald": "Feb  3 {whole} build-3 unity[1234]: {line}",
    "ci-logcat": "2026-02-03T{clock}0123Z 02-03 {clock} 19117 19178 {p} Unity   : {line}",
    "quoted": "> {line}",
    "list": "- {line}",
    "indented": "    {line}",
    "unknown-wrapper": "12|worker|{line}",
}
_FIRST = {
    "xcode": "2026-02-03 {clock}215+0900 Game15[5777:1443837] {line}",
    "chrome": "Gym Build.framework.js.br:9 {line}",
    "chrome-times": "{clock} app.js:12:34 {line}",
    "chrome-blob": "6376c547-29e6-4f7b-9c35-8e41e68452bd:3 {line}",
    "chrome-page": "(index):75 {line}",
    "firefox": "{line} Build.framework.js:9:12345",
    "safari": "[{word}] {line} (Build.framework.js, line 9)",
    "glued": "Opening Default Application{line}",
}
_WHOLE = (
    "docker-json",
    "xcode-metadata",
    "logcat-studio-old",
    "logcat-studio",
    "logcat-hub",
    "logcat-long",
    "html",
)
WRAPPED = (*EACH, *_FIRST, *_WHOLE)
ENVELOPES = (
    "editor", "editor-2021", "player-dev", "player-release", "timestamps", "console", "docs", "sink", "coloured",
    *WRAPPED,
)  # fmt: skip
_COLOURS = {"Error": "red", "Warning": "yellow", "Info": "grey", "Debug": "cyan", "Trace": "gray"}
_METHODS = {"Error": "LogError", "Warning": "LogWarning"}
# A room token: issued on 3 February 2026 at 04:00 UTC, good for six hours.
ISSUED = 1770091200
LIFETIME = 6 * 3600


class Entry(NamedTuple):
    """One call of the SDK's logger; `frames` are the user's own stack frames, `gap` seconds since the last."""

    level: str
    category: str
    message: str
    tag: str = ""
    frames: tuple[str, ...] = ()
    gap: float = 0.137


def secrets(seed: int = 1) -> dict[str, str]:
    """Return made-up secrets by placeholder, the same for the same seed."""
    dice = random.Random(seed)

    def chars(alphabet: str, size: int) -> str:
        return "".join(dice.choice(alphabet) for _ in range(size))

    def token(room: str) -> str:
        claims = {
            "video": {"roomJoin": True, "room": room}, "sub": f"user-{chars(_HEX, 6)}", "iss": "API" + chars(_BASE64, 10),
            "iat": ISSUED, "nbf": ISSUED, "exp": ISSUED + LIFETIME,
        }  # fmt: skip
        return ".".join(
            (_segment({"alg": "HS256", "typ": "JWT"}), _segment(claims), chars(_BASE64, 43))
        )

    return {
        "@room-token@": token("rm-1"),
        "@room-token-2@": token("rm-2"),
        "@api-key@": chars(_HEX, 32),
        "@auth-token@": chars(_BASE64, 64),
        "@access-token@": f"{chars(_BASE64, 43)}00{chars(_HEX, 2)}f",
        "@join-request@": base64.b64encode(bytes(dice.randrange(256) for _ in range(90))).decode(),
        "@proxy-password@": "p9" + chars(_BASE64, 12),
        "@user@": "ada." + chars(_HEX, 4) + "k",
    }


def _segment(content: object) -> str:
    raw = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def fill(text: str, seed: int = 1) -> tuple[str, dict[str, str]]:
    """Return the text with its placeholders filled in, and what was filled in."""
    made = secrets(seed)
    used = {name: value for name, value in made.items() if name in text}
    return re.sub("|".join(map(re.escape, made)), lambda m: made[m[0]], text), used


def render(entries: list[Entry] | tuple[Entry, ...], envelope: str, seed: int = 1) -> list[str]:
    """Return the lines that a log of this envelope holds for the entries; a release build prints no Debug."""
    if envelope not in ENVELOPES:
        message = f"no envelope {envelope!r}"
        raise ValueError(message)
    clock = 9 * 3600 + random.Random(seed).randrange(6 * 3600)
    lines: list[str] = []
    at = float(clock)
    for entry in entries:
        if envelope == "player-release" and entry.level in {"Debug", "Trace"}:
            continue
        at += entry.gap
        lines += _wrapped(entry, envelope, at)
    return lines


def _wrapped(entry: Entry, envelope: str, at: float) -> list[str]:
    hour, minute, second = int(at // 3600) % 24, int(at // 60) % 60, at % 60
    clock = f"{hour:02}:{minute:02}:{second:06.3f}"
    tag = f"[{entry.tag}] " if entry.tag else ""
    heading = f"[{entry.level}][{entry.category}]"
    colour = f"<color={_COLOURS[entry.level]}>"
    if envelope == "docs":
        return [*f"{heading}: {tag}{entry.message}".split("\n")]
    if envelope == "sink":
        return [*f"{heading} {tag}{entry.message}".split("\n")]
    if envelope in WRAPPED:
        return _around(_wrapped(entry, "player-dev", at), entry, envelope, at)
    text = f"[{clock}]{heading}: {tag}{entry.message}"
    if envelope == "player-release":
        return text.split("\n")
    if envelope == "console":
        return [*text.split("\n"), *_frames(entry, modern=True)[1:], ""]
    if envelope == "coloured":
        # The logger's own stack trace stands inside the colour, which closes a line later.
        return [
            *f"{colour}{text}\n{entry.tag or 'Convai'}.cs:41</color>".split("\n"),
            *_frames(entry, modern=True),
            "",
        ]
    if envelope == "timestamps":
        stamp = f"2026-02-03T{hour:02}:{minute:02}:{second:06.3f}Z|0x1f804a080|"
        return [*f"{stamp}{text}".split("\n"), *_frames(entry, modern=True), ""]
    if envelope == "editor":
        text = f"{colour}{text}</color>"
    trailer = (
        ["", "(Filename: Assets/Convai/Runtime/Logging/ConvaiLogger.cs Line: 88)"]
        if envelope == "editor-2021"
        else []
    )
    return [*text.split("\n"), *_frames(entry, modern=envelope != "editor-2021"), *trailer, ""]


def _around(lines: list[str], entry: Entry, envelope: str, at: float) -> list[str]:
    """Return the lines of an entry as a tool shows them; the entry itself is a player's."""
    whole = f"{int(at // 3600) % 24:02}:{int(at // 60) % 60:02}:{int(at % 60):02}"
    clock = f"{whole}.{int(at * 1000) % 1000:03}"
    priority = {"Error": "E", "Warning": "W"}.get(entry.level, "I")
    word = {"E": "Error", "W": "Warn", "I": "Info"}[priority]
    if envelope == "safari":
        word = {"E": "Error", "W": "Warning", "I": "Log"}[priority]
    said = {"clock": clock, "whole": whole, "p": priority, "word": word,
            "epoch": f"{ISSUED - ISSUED % 86400 + at:.3f}"}  # fmt: skip
    if envelope in EACH:
        return [EACH[envelope].format(line=line, **said) for line in lines]
    if envelope in _FIRST:
        return [_FIRST[envelope].format(line=lines[0], **said), *lines[1:]]
    if envelope == "logcat-studio-old":
        head = f"2026-02-03 {clock} 7303-7366/com.studio.game {priority}/Unity: "
        return [head + lines[0], *(f"    {line}" for line in lines[1:] if line)]
    if envelope == "logcat-studio":
        head = f"2026-02-03 {clock}  7303-7366  Unity                   com.studio.game                      {priority}  "
        return [head + lines[0], *(" " * len(head) + line for line in lines[1:] if line)]
    if envelope == "docker-json":
        logs = (
            json.dumps(f"{line}\n").replace("<", "\\u003c").replace(">", "\\u003e")
            for line in lines
        )
        return [
            f'{{"log":{log},"stream":"stdout","time":"2026-02-03T{clock}012345Z"}}' for log in logs
        ]
    if envelope == "xcode-metadata":
        about = f"Timestamp: 2026-02-03 {clock}215+09:00 | Process: Game15 | Library: UnityFramework | TID: 0x1608a"
        return [*lines, f"Type: {'Error' if priority == 'E' else 'Info'} | {about}"]
    if envelope == "logcat-hub":
        return [f"2026-02-03T{clock}Z:{word.lower()}4470/4450 Unity", "<br>".join(lines) + "<br>"]
    if envelope == "logcat-long":
        return [f"[ 02-03 {clock} 19117:19178 {priority}/Unity ]", *lines]
    return [f"<p>{_escaped(lines[0])}</p>", *(f"<p>{_escaped(line)}</p>" for line in lines[1:])]


def _escaped(line: str) -> str:
    """Return a line as a mail or a ticket shows it."""
    return html.escape(f"<color=red>{line}</color>" if line else line)


def _frames(entry: Entry, *, modern: bool) -> list[str]:
    method = _METHODS.get(entry.level, "Log")
    head = (
        [
            "UnityEngine.Debug:ExtractStackTraceNoAlloc (byte*,int,string)",
            "UnityEngine.StackTraceUtility:ExtractStackTrace ()",
        ]
        if modern
        else [
            "UnityEngine.StackTraceUtility:ExtractStackTrace () (at C:/build/output/unity/unity/Runtime/Export/Scripting/StackTrace.cs:37)"
        ]
    )
    own = "Convai.Infrastructure.Logging.UnityConsoleSink:Write (Convai.Domain.Logging.LogEntry)"
    return [*head, f"UnityEngine.Debug:{method} (object)", own, *entry.frames]


_EDITOR = (
    "[Licensing::Client] Successfully resolved entitlement details",
    "[Licensing::Client] Error: Code 404 while processing request (status: Found 0 entitlement groups)",
    "Refreshing native plugins compatible for Editor in {n}.42 ms, found 3 plugins.",
    "[401/947    0s] WriteText Library/Bee/artifacts/rsp/{n}.rsp",
    "Asset Pipeline Refresh (id={hex}): Total: {n}.437 seconds - Initiated by RefreshV2(NoUpdateAssetOptions)",
    "      Request finished HTTP/2 POST http://ilpp/UnityILPP.PostProcessing/Ping application/grpc - - 200 - application/grpc {n}.1ms",
    "Start importing Assets/Prefabs/Enemy{n}.prefab using Guid({hex}) Importer(-1,00000000000000000000000000000000)",
    "AcceleratorClientConnectionCallback - disconnected - :0",
    "Unloading {n} unused Assets to reduce memory usage. Loaded Objects now: {n}312.",
    "Curl error 42: Callback aborted",
    '	Compiling shader "Universal Render Pipeline/Lit" pass "ForwardLit" (fp)',
    "-define:ENABLE_MICROPHONE",
    "[Package Manager] Server process was shutdown",
)
_PLAYER = (
    "UnloadTime: 0.{n}300 ms",
    "Fallback handler could not load library C:/Games/Sample/Sample_Data/Mono/libcoreclr.dll",
    "[Network] connection to lobby {hex} lost, reconnecting",
    "PlayFab: session ticket refreshed for {n} players",
    "SteamInternal_SetMinidumpSteamID:  Caching Steam ID:  76561190000000000 [API loaded no]",
    "[Mirror] NetworkConnectionToClient({n}) timed out after 30s",
    "Curl error 6: Could not resolve host: cdp.cloud.unity3d.com",
    '{{"level":{n},"state":"connected","token":null}}',
    "Error: quest {n} has no target",
    "[Error][Network]: handshake with server {n} failed",
    "The referenced script on this Behaviour (Game Object 'Prop{n}') is missing!",
    "WebSocket opened to wss://play.example.net/lobby/{n}",
)
_WEBGL = (
    "[UnityMemory] Configuration Parameters - Can be set up in boot.config",
    "Build.loader.js:1 [UnityCache] 'https://play.example.net/Build/Build.data.br' successfully revalidated and served from the browser cache",
    "Build.framework.js:9 Loaded level {n}",
    "favicon.ico:1 GET https://play.example.net/favicon.ico 404 (Not Found)",
    "Build.framework.js:9 [Physics::Module] Id: 0x{hex}",
    "DevTools failed to load source map: Could not load content for chrome-extension://{hex}/x.map: HTTP error: status code 404",
)


def noise(kind: str, lines: int, seed: int = 1) -> list[str]:
    """Return at least so many lines as an editor, player, player-dev or webgl prints with no word of Convai."""
    dice = random.Random(f"{kind}{seed}")
    forms = {"editor": _EDITOR, "player": _PLAYER, "player-dev": _PLAYER, "webgl": _WEBGL}[kind]
    out: list[str] = []
    while len(out) < lines:
        out.append(
            dice.choice(forms).format(n=dice.randrange(1, 400), hex=f"{dice.getrandbits(128):032x}")
        )
        if kind == "player-dev" or (kind == "editor" and dice.random() < 0.2):
            out += [
                "UnityEngine.Debug:ExtractStackTraceNoAlloc (byte*,int,string)",
                "UnityEngine.StackTraceUtility:ExtractStackTrace ()",
                "UnityEngine.Debug:Log (object)",
                f"Game.Quest:Update () (at Assets/Game/Quest.cs:{dice.randrange(1, 400)})",
                "",
            ]
        elif dice.random() < 0.15:
            out.append("")
    return out
