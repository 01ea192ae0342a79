"""Look for secrets in what is about to be handed out, by other means than those that took them out.

Two questions are asked of every byte. Is a known value, or twelve characters of a credential, still
readable: as it is, behind percent signs, JSON or HTML escapes, in base64, between NUL bytes? And does
a label stand before something that looks like its value? The labels here are few and plain, and no
rule is shared with the redactor: a mistake there shows here.
"""

from __future__ import annotations

import base64
import binascii
import html
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote_to_bytes

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW: Final = 12  # characters of a credential that must not be readable
GRAM: Final = 8  # of them that are looked up at once
STEP: Final = WINDOW - GRAM + 1  # a window holds one whole gram that begins at a multiple of this
OTHER: Final = 2  # no divisor of STEP: of two grams of a text in a row, one is met
HARMLESS: Final = 8192  # lines with a label and no value that are remembered
GROUP: Final = 48  # needles of one search: measured; with fewer or more it takes longer
OVERLAP: Final = 8192  # bytes that two blocks share
PERSONAL: Final = frozenset({"user", "email", "address", "person-id", "machine", "transcript"})

Finder = Callable[[bytes], list[tuple[int, int]]]  # which needle, and where
MakeFinder = Callable[[Sequence[bytes]], Finder]


class Leak(NamedTuple):
    """A place where something is still readable: what, and in which line; never the value."""

    what: str
    line: int


# --- known values --------------------------------------------------------------------------------

_MASKED = re.compile(r"-unity\w*x{4}$", re.IGNORECASE)  # alike in many serials
_PIECES = re.compile(r"[^=:;,\s]+")
# How escapes begin, for a search that looks for all at once; and how they go on.
_SIGNS: Final = (
    b"\\u", b"\\/", b"&amp;", b"&quot;", b"&lt;", b"&gt;", b"&#",
    *(b"%%%d" % digit for digit in range(2, 8)),
)  # fmt: skip
_ESCAPE = re.compile(rb"\\u[0-9A-Fa-f]{4}|\\/|&(?:amp|quot|lt|gt|#\w{2,5});|%[0-9A-Fa-f]{2}")
_RUN = re.compile(rb"[^\s\"'<>]{0,4096}")
_INLINE = re.compile(rb"\w")
# A folder's name that is a placeholder already.
_GONE = re.compile(rb"[\\/]{0,4}\{\{user-\d+\}\}[\\/\"]")
_UNICODE = re.compile(rb"\\+u00([0-9A-Fa-f]{2})")


def _windowed(value: str, shape: str) -> Iterator[bytes]:
    """Yield the parts of a value of which no window may be readable."""
    if shape in PERSONAL:
        return
    if value.startswith(("eyJ", "ewo")) and "." in value:
        value = value.partition(".")[2]  # the header of a token is public
    value = _MASKED.sub("", value)
    for piece in _PIECES.findall(value):
        chance = any(map(str.isdigit, piece)) or not (piece.islower() or piece.isupper())
        if len(piece) >= WINDOW and chance and "token" not in piece.lower():
            yield piece.encode("utf-8", "surrogateescape")


def _in_base64(value: bytes) -> Iterator[bytes]:
    """Yield how a value reads inside of base64, at each of its three places."""
    for lead in range(3):
        coded = base64.b64encode(bytes(lead) + value)
        inner = coded[(0, 2, 3)[lead] : (lead + len(value)) * 8 // 6]
        yield inner
        if b"+" in inner or b"/" in inner:
            yield inner.replace(b"+", b"-").replace(b"/", b"_")


_ODD: Final = np.uint64(0x9E3779B97F4A7C15)  # spreads the grams over the table


def _inside(blob: bytes, step: int = 1) -> NDArray[np.uint64]:
    """Return the grams of a blob that lie within one of its lines, or one of so many."""
    grams = _grams(blob, 1)
    keep = np.ones(len(grams), np.bool_)
    ends = np.flatnonzero(np.frombuffer(blob, np.uint8) == 10)
    for back in range(GRAM):
        places = ends - back
        keep[places[(places >= 0) & (places < len(keep))]] = False
    return grams[::step][keep[::step]]


class _Windows:
    """All windows of many values, found in one pass however many there are."""

    def __init__(self, values: Iterable[bytes], coded: Iterable[bytes]) -> None:
        # What is coded is longer than what it stands for, so that every other gram of it will do.
        blobs = [b"\n".join(sorted({v for v in of if len(v) >= WINDOW})) for of in (values, coded)]
        self._blob = b"\n".join(blobs)
        self._grams = np.sort(np.concatenate([_inside(blobs[0]), _inside(blobs[1], OTHER)]))
        bits = max(16, min(24, int(self._grams.size * 128).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, np.bool_)
        self._table[(self._grams * _ODD) >> self._shift] = True
        self._room, self._mask = np.empty(0, np.uint64), np.empty(0, np.bool_)

    def find(self, block: bytes) -> int | None:
        """Return where a window stands in the block, or None."""
        if not self._grams.size or len(block) < WINDOW:
            return None
        grams = _grams(block, STEP)
        if len(self._room) < len(grams):  # asking for memory takes longer than the work
            self._room, self._mask = np.empty(len(grams), np.uint64), np.empty(len(grams), np.bool_)
        places, mask = self._room[: len(grams)], self._mask[: len(grams)]
        np.multiply(grams, _ODD, out=places)
        np.right_shift(places, self._shift, out=places)
        np.take(self._table, places.view(np.int64), out=mask, mode="clip")
        maybe = np.flatnonzero(mask)
        if not maybe.size:
            return None
        at = np.searchsorted(self._grams, grams[maybe])
        at[at == self._grams.size] = 0
        for turn in maybe[self._grams[at] == grams[maybe]].tolist():
            place = turn * STEP
            for start in range(max(0, place - STEP + 1), place + 1):
                window = block[start : start + WINDOW]
                if len(window) == WINDOW and b"\n" not in window and window in self._blob:
                    return start
        return None


def _grams(data: bytes, step: int) -> NDArray[np.uint64]:
    """Return the eight bytes at every `step` as numbers."""
    size = max(0, (len(data) - GRAM) // step + 1)
    if not size:
        return np.empty(0, np.uint64)
    return np.ndarray((size,), np.dtype("<u8"), data, 0, (step,))


def _unescaped(block: bytes, hits: Iterable[int]) -> bytes:
    """Return what stands behind the escapes that begin at the hits, one stage a line."""
    out: list[bytes] = []
    behind = 0
    for at in hits:
        if at < behind or not _ESCAPE.match(block, at):
            continue
        run = _RUN.match(block, max(behind, at - 40))
        while run and run.end() <= at:  # the run begins nearer to the sign
            run = _RUN.match(block, run.end() + 1)
        text = run[0] if run else b""
        behind = run.end() if run else at + 1
        for _ in range(3):
            before = text
            text = _UNICODE.sub(lambda code: bytes((int(code[1], 16),)), text)
            text = text.replace(b"\\/", b"/")
            text = html.unescape(text.decode("latin-1")).encode("latin-1", "replace")
            text = unquote_to_bytes(text)
            if text == before:
                break
            out.append(text)
    return b"\n".join(out)


# --- labels --------------------------------------------------------------------------------------

_S = rb"(?:[\s\"'`:=,|(>\[\\]|\xe2\x80[\x98-\x9e]|<[^<>\n]{0,40}>|&quot;|%(?:25)*(?:3[aAdD]|2[02])|u00(?:22|3[ad])|->){1,14}"
_IS = rb"\\{0,4}[\"']?[ \t]{0,4}[:=][ \t]{0,4}\\{0,4}[\"']?"
_NONE = re.compile(
    rb"[.*x_-]+|@[\w-]+@.*|.*(?:length|version|redacted|masked|localhost|assets|\.cs\b).*",
    re.IGNORECASE | re.DOTALL,
)


def _value(size: int) -> bytes:
    """Return a pattern of a value of chance, so many characters or more."""
    sign = rb"[\w~+/%.-]"
    return (
        rb"(?="
        + sign
        + rb"{0,40}\d"
        + sign
        + rb"{0,40}\d)(?P<value>"
        + sign
        + rb"{"
        + str(size).encode()
        + rb",4096})"
    )


class _Label(NamedTuple):
    kind: str
    needles: tuple[str, ...]
    pattern: re.Pattern[bytes]
    judge: Callable[[re.Match[bytes]], bool] | None = None


def _label(
    kind: str, needles: str, pattern: bytes, judge: Callable[[re.Match[bytes]], bool] | None = None
) -> _Label:
    return _Label(kind, tuple(needles.split("|")), re.compile(pattern, re.IGNORECASE), judge)


def _token(found: re.Match[bytes]) -> bool:
    """Say whether what begins like JSON in base64 is a token or holds one."""
    text = found["value"]
    if b"." in text.rstrip(b".") and len(text) > 60:
        return True
    whole = text.replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=.")
    whole = whole[: len(whole) - len(whole) % 4]
    try:
        inside = base64.b64decode(whole)
    except (binascii.Error, ValueError):
        return False
    return bool(
        re.search(
            rb'"(?:video|roomJoin|token|\w*secret|\w*password|\w*[kK]ey)"\s*:|"exp"|Bearer |^eyJ[\w-]+\.',
            inside,
        )
    )


def _outside(found: re.Match[bytes]) -> bool:
    """Say whether an address is one of the open net, and stands where addresses stand."""
    before = found.string[max(0, found.start() - 64) : found.start()]
    first = re.search(rb"(?<![\w.@-])\d{1,3}$", before)
    if first is None:
        return False
    try:
        address = ipaddress.ip_address((first[0] + found[0]).decode())
    except ValueError:
        return False
    near = _NEAR_ADDRESS.search(before[: first.start()])
    return address.is_global and not address.is_multicast and bool(near)


def _somebody(found: re.Match[bytes]) -> bool:
    return found["value"].lower().partition(b" ")[0] not in _NOBODY


def _home(found: re.Match[bytes]) -> bool:
    """Say whether a folder of users is the one of a disk, not one of a project or a site."""
    before = found.string[max(0, found.start() - 12) : found.start()]
    return bool(_ROOT.search(before)) and _somebody(found)


def _on_server(found: re.Match[bytes]) -> bool:
    """Say whether a folder of users is one that a server shares."""
    before = found.string[max(0, found.start() - 80) : found.start()]
    return bool(_SERVER.search(before)) and _somebody(found)


def _mail(found: re.Match[bytes]) -> bool:
    before = found.string[max(0, found.start() - 40) : found.start()]
    return bool(_MAILBOX.search(before)) and not before.lower().endswith(b"git")


def _no_id(found: re.Match[bytes]) -> bool:
    """Say whether none of the words before a value says that it is an id."""
    return not _ID_WORDS.search(found["words"])


def _no_member_id(found: re.Match[bytes]) -> bool:
    """Say whether a value in an object has no name that says it is an id."""
    before = found.string[max(0, found.start("value") - 60) : found.start("value")]
    return not re.search(
        rb"(?:id|session|trace|room|character)[\"'\\]{1,4}\s?:\s?[\"'\\]{0,4}$", before
    )


def _before_label(found: re.Match[bytes]) -> bool:
    """Say whether a value stands before its label."""
    before = found.string[max(0, found.start() - 40) : found.start()]
    return bool(re.search(rb"(?<![0-9A-Za-z])[0-9a-f]{32}[\"'`]? $", before))


def _header(found: re.Match[bytes]) -> bool:
    """Say whether base64 holds a header line with its value."""
    text = found["value"].replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
    try:
        inside = base64.b64decode(text[: len(text) - len(text) % 4])
    except (binascii.Error, ValueError):
        return False
    return bool(
        re.match(rb"(?i)[\w-]*(?:key|token|authorization)\W{1,4}(?:\w+ )?[\w.~+/-]{16}", inside)
    )


def _echoed(found: re.Match[bytes]) -> bool:
    """Say whether an answer repeats what was sent as a key."""
    before = found.string[max(0, found.start() - 300) : found.start()]
    return bool(re.search(rb"(?:key|token)[\"'\\]{1,4}\s?\][^\n{}]*$", before, re.IGNORECASE))


def _known_form(found: re.Match[bytes]) -> bool:
    """Say whether five groups of a serial, or its masked form, are complete."""
    before = found.string[max(0, found.start() - 24) : found.start()]
    return bool(re.search(rb"\d{8,}$|\d{5}-\d{5}-\d{4}$", before))


_ID_WORDS = re.compile(
    rb"session|trace|request|correlation|guid|asset|user|participant|\bid\b|character$",
    re.IGNORECASE,
)
_NOBODY = frozenset(
    (
        b"public",
        b"shared",
        b"default",
        b"all",
        b"defaultuser0",
        b"bokken",
        b"builduser",
        b"runner",
        b"",
    )
)
_ROOT = re.compile(
    rb"(?:^|[^\w])[A-Za-z](?::|%3A|u003a)(?:[\\/]{1,8}|%5C|%2F)$|(?:^|[\s\"'=(:])/(?:mnt/\w/)?$|file:///?$",
    re.IGNORECASE,
)
_SERVER = re.compile(rb"(?:^|[\s\"'=(])\\{2,8}[A-Za-z0-9][\w.$-]{0,63}\\{0,7}$")
_MAILBOX = re.compile(rb"(?:^|[\s<(\"':,=;])[A-Za-z0-9._+-]+$")
_NEAR_ADDRESS = re.compile(
    rb"\b(?:udp|tcp|raddr|host|connect(?:ed|ing)? to|candidate)[^\w\n]{0,4}(?:[\w.-]{1,40}[^\w\n]{1,3}){0,3}$",
    re.IGNORECASE,
)
LABELS: Final = (
    _label("token", "eyj|ewog|qmvhcmvyi|zxlk", rb"(?P<value>(?:eyJ|ewo|QmVhcmVyI|ZXlK)[\w.+/-]{40,4096}=*)", _token),
    _label("private key", "private key-----", rb"PRIVATE KEY-----[\s\\nr]{0,8}(?P<value>[A-Za-z0-9+/=]{16,})"),
    _label("key", "ghp_|gho_|ghs_|github_pat_|npm_", rb"(?P<value>(?:gh\w|npm|github_pat)_\w{20,})"),
    _label("key", "api_key|api-key|apikey|api key", rb"api[-_ ]?keys?" + _S + _value(20)),
    _label("key", "api_key|api-key|apikey|api key", rb"api[-_ ]?key" + _S + rb"(?P<value>API\w{12}|(?=[a-f]{0,9}\d)[0-9a-f]{9,19})(?!\w)(?:\.{3}|[\s\"']|$)"),
    _label("key", "api_key|api-key|apikey", rb"api[-_]?key[\"'\\]{1,4}\s?,\s?[\"'\\]{1,4}value" + _S + _value(20)),
    _label("key", "api_key|api-key|apikey", rb"api[-_]?keys?[\"'\\]{0,4}\s?[:=]\s?\{[\s\"'\\]{0,5}" + _value(20)),
    _label("key", "api_key|api-key|apikey|api key", rb"api[-_ ]?keys?(?:\[?\d{1,3}\]?|_(?!id|hash|guid)[a-z]{2,12})?[^\w\n]{1,8}(?P<value>(?=\w{0,20}\d)[0-9a-f]{32})(?!\w)"),
    _label("key", "api_key|api-key|apikey|api key", rb"api[-_ ]?key(?P<words>(?: [\"a-z'-]{1,18}){1,6})[ :=(\"'\[]{1,4}(?P<value>(?=\w{0,20}\d)[0-9a-f]{32})(?!\w)", _no_id),
    _label("key", "api_key|api-key|apikey", rb"api[-_]?keys?[\"'\\]{0,4}\s?[:=]\s?[\[({](?:\{\{[a-z-]+\d+\}\}|[^\])}]){0,400}?(?<!id)[\"'\\]{1,4}(?:: ?[\"'\\]{1,4})?" + _value(20), _no_member_id),
    _label("key", "api_key|api-key|apikey|api key|auth-token|auth_token|authtoken", rb"(?:api[-_ ]?key|auth[-_]?token)[\s\"':=]{1,4}(?P<value>(?=[a-f]{0,9}\d)[0-9a-f]{8,19}|[0-9a-f]\w{8,19})(?:\.{2,3}|\xe2\x80\xa6|\*{2,8})"),
    _label("token", "auth\"|auth'|auth\\|auth=|auth:", rb"(?<![\w-])auth[\"'\\]{0,4}\s?[:=]\s?b?[\"'\\]{0,4}(?!https?:)" + _value(20)),
    _label("token", "wc1buek|ec1hcgkt|q09ovkfj|y29udmfp|yxbpx2tl|yxbps2v5|qvbjx0tf|qvbjlufv|yxv0ag9y|qxv0ag9y", rb"(?<![\w+/])(?P<value>(?:WC1B|eC1h|Q09O|Y29u|YXBp|QVBJ|YXV0|QXV0)[\w+/-]{20,4096}=*)", _header),
    _label("key", "as api key|as api_key|as the api key|as your api key|(api key", rb"(?P<value>(?:as |\()(?:the |your )?api[-_ ]?key)", _before_label),
    _label("key", "input\"|input'|input\\", rb"input" + _S + _value(20), _echoed),
    _label("key", "keys:", rb"keys:\s+API\w{12}: {1,4}(?P<value>\w{40,48})"),
    _label("key", "cnv1:", rb"cnv1:(?P<value>[\w+/=-]{8,})"),
    _label("key", "secret", rb"secret(?:[-_ ]?key)?" + _S + _value(16)),
    _label("token", "token", rb"token(?:[-_ ]response)?" + _S + _value(20)),
    _label("token", "token", rb"(?:(?<=auth)|(?<=auth[-_])|(?<=api[-_])|(?<=access)|(?<=access[-_]))token[\"']?\s?[:=]\s?[\"']?(?P<value>(?=[\w-]{0,18}\d)[\w-]{8,19})\.{0,3}[ \t]{0,4}\r?\n"),
    _label("token", "accesstoken", rb"accesstoken\s{1,4}(?:[\d:T.Z-]+\|0x\w+\|)?" + _value(20)),
    _label("token", "updated the access|updated access", rb"updated (?:the )?access token[: \"]{1,4}(?P<value>(?=[\w-]*\d)[\w-]{6,})"),
    _label("token", "authorization", rb"authorization" + _S + rb"(?:basic|bearer|ntlm|negotiate|token|digest)[\s+]+" + _value(8)),
    _label("token", "bearer", rb"bearer" + _S + _value(20)),
    _label("cookie", "cookie:", rb"cookie:\s{0,4}[^=;\s{}]{1,64}=(?P<value>[^;\s{}]{8,})"),
    _label("password", "passw|passphrase", rb"pass(?:word|wd|phrase)[\"'\\\]]{0,4}(?: {0,4}[:=]| {1,4}|, |%3d)[\"'\\ ]{0,4}(?P<value>(?=[^\s\"'\\{}<>]{0,40}\d)[^\s\"'\\{}<>(),;]{8,})"),
    _label("password", "<passw|<passphrase", rb"<pass(?:word|wd|phrase)>(?P<value>(?=[^<>\s]*\d)[^<>\s{}]{8,256})</pass"),
    _label("password", "pwd=|pass=", rb"(?<=[;?&])(?:pwd|pass)=(?P<value>(?=[^\s;&]{0,40}\d)[^\s;&{}<>\"'/][^\s;&{}<>\"']{7,})"),
    _label("password", "pwd=|pass=|pwd:|pass:|pwd\"|pass\"|pwd'|pass'", rb"(?<![\w.-])(?:pwd|pass)(?:[\"'\\]{1,4}\s?[:=]\s?[\"'\\]{1,4}|=[\"']?|: ?)(?P<value>(?=[^\s\"'{}<>]{0,40}\d)(?=[^\s\"'{}<>]{0,40}[a-z])(?!0x)(?![a-z_]+\d{0,2}(?:x\d+)?(?![^\s\"'`,;&<>(){}\[\]\\]))[^\s\"'\\{}<>(),;&/][^\s\"'\\{}<>(),;&]{7,})(?=[\"'\\,;&]|\s[\w.-]+=|[ \t]*\r?(?:\n|\Z))"),
    _label("password", "password is|password was", rb"password (?:is|was)[ :]{1,2}[\"']?(?P<value>(?=[^\s\"']{0,40}\d)(?=[^\s\"']{0,40}[A-Za-z])[^\s\"'{}<>(),;&]{8,})"),
    _label("password", "-password", rb"-password\r?\n(?!-|\d{4}-)(?P<value>(?=\S*\d)[^\s{}<>*]{7,})"),
    _label("user", "-username", rb"-username\r?\n(?!-|\d{4}-)(?P<value>[\w.@-]{3,})\r?\n"),
    _label("user", "users/|users\\", rb"users[\\/]{1,8}\{\{user-\d+\}\}(?P<value>(?: [\w.-]+){1,3})[\\/]"),
    _label("user", "userprofile", rb"userprofile\W{1,3}\w:[\\/]{1,4}users[\\/]{1,4}\{\{user-\d+\}\}(?P<value> [\w.-]+)"),
    _label("password", "storepass|aliaspass|-keypass", rb"-?\w+pass(?:word)?[ =]{1,4}[\"']?(?P<value>(?=[^\s\"'\\{}]{0,40}\d)[^\s\"'\\{}<>(),;-][^\s\"'\\{}<>(),;]{7,})"),
    _label("credential", "credential", rb"credential" + _S + _value(16)),
    _label("user", "username", rb"username[\"'\\]{0,4}\s{0,4}(?:[:=]|(?<=-username) )[ \"'\\]{0,4}(?P<value>(?!-)[\w.~-]{3,})", _somebody),
    _label("credential", "turn:|turns:", rb"turns?:[^\s{}]{1,160}[ \]\"',]{1,9}username\W{1,9}[^\s\"',]{1,160}\W{1,12}password\W{1,9}(?P<value>\w{16,})"),
    _label("credential", "turn:|turns:", rb"turns?:(?P<value>[A-Za-z0-9]{16,}):(?!\d{2,5}\b)"),
    _label("credential", "ice-pwd|ice_pwd|icepwd", rb"ice[-_]?pwd" + _S + rb"(?P<value>[A-Za-z0-9+/]{16,})"),
    _label("credential", "ufrag", rb"ufrag:?\s\S{1,64}\spwd:?\s(?P<value>[A-Za-z0-9+/]{16,})"),
    _label("request", "join_request|joinrequest", rb"join_?request" + _S + rb"(?P<value>(?=[\w%-]*\d)[\w%-]{20,})"),
    _label("signature", "signature=|sig=|key=|code=", rb"(?:(?<=[?&#;-])|(?<=%26)|(?<=%3f)|(?<=%3F))(?:signature|sig|key|code)=" + _value(20)),
    _label("serial", "serial |serial\t|serial\r|serial\n|serial\"|serial'|serial:|serial=", rb"serial(?: number assigned to)?[\s\"':=]{1,6}(?P<value>[A-Z]\w-(?:\w{4}-){2}[\w-]{4,}|\d{8,}-\w{6,})"),
    _label("serial", "f4-|sc-|sb-|e3-|i3-", rb"(?P<value>[A-Z]\w-(?:[A-Z0-9]{4}-){4}[A-Z0-9]{4})\b"),
    _label("serial", "-unity", rb"(?P<value>-Unity[A-Za-z]{1,12}X{4})\b", _known_form),
    _label("machine", "machine id", rb"machine id:?\s{0,40}(?P<value>(?=\S*\d)[\w+/=-]{16,})"),
    _label("machine", "0-aa|1-aa", rb"\d-(?P<value>AA\w{3})\b", _known_form),
    _label("machine", "editor(|player(", rb"(?:Editor|Player)\(\d{1,4},(?P<value>[^)\s{}]{2,80})\)"),
    _label("machine", "desktop-|laptop-", rb"(?:desktop|laptop)-(?P<value>(?=[a-z0-9]*\d)[a-z0-9]{7})\b(?!-)"),
    _label("machine", "deviceuniqueid|device_unique_id|device unique id", rb"device[_ ]?unique[_ ]?id(?:entifier)?" + _IS + rb"(?P<value>[0-9a-f-]{16,64})(?![\w-])"),
    _label("machine", "computername|computer_name|computer name|machinename|machine_name|machine name", rb"(?:computer|machine)[_ ]?name" + _IS + rb"(?P<value>(?=[\w.-]{0,40}\d)[\w.-]{3,64})"),
    _label("machine", "bssid", rb"bssid" + _IS + rb"(?P<value>(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2})(?![0-9a-f])"),
    _label("machine", "ssid=|ssid:|ssid =|ssid :|ssid\"|ssid'|ssid\\", rb"(?<![a-z0-9])ssid" + _IS + rb"(?P<value>(?=[^\"'\\,;{}<>()\n=&]{0,31}\d)[^\s\"'\\,;{}<>()=&][^\"'\\,;{}<>()\n=&]{2,31})"),
    _label("token", "sessionticket|session_ticket|session-ticket|session ticket", rb"session[-_ ]?ticket" + _IS + _value(20)),
    _label("machine", "advertisingid|advertising_id|advertising-id|advertising id|idfa|idfv|gaid", rb"(?:advertising[-_ ]?id(?:entifier)?|idf[av]|gaid)" + _IS + rb"(?P<value>(?=[0-]*[1-9a-f])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})(?!\w)"),
    _label("machine", "imei", rb"(?<![a-z])imei[12]?" + _IS + rb"(?P<value>\d{2}[- ]?\d{6}[- ]?\d{6}[- ]?\d{1,2})(?!\d)"),
    _label("person", "end_user|end-user|enduser", rb"end[-_]?user[-_ ]?id(?: this session)?" + _S + rb"(?P<value>(?![0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})(?=\S*\d)[^\s\"'`,;&<>(){}]{4,})"),
    _label("person", "end_user|end-user|enduser", rb"end[-_]?user[-_ ]?id[\"'\\]{0,4}\s{0,4}[:=]\s{0,4}\\{0,4}[\"'](?:\{\{)?[\w.-]{1,64}(?:\}\})? (?P<value>[\w.-]+)(?: [\w.-]{1,64}){0,4}\\{0,4}[\"']"),
    _label("person", "speaker_name|speaker-name|speakername", rb"speaker[-_]?name[\"'\\]{0,4}\s?[:=]\s?(?P<quote>[\"'\\]{0,4})(?P<value>(?!null|none|\{)\w[^\"'\\,;{}\n]{1,128})"),
    _label("person", "user_metadata|user-metadata|usermetadata", rb"user[-_]?metadata[\"'\\]{0,4}\s?[:=]\s?[\"'\\]{0,4}\{(?:\{\{[a-z-]+\d+\}\}|[^}\n]){0,400}?[:\[,]\s?[\\]{0,4}[\"'](?P<value>[^\"'\\{}\n:]{2,128})\\{0,4}[\"']\s?[,}\]]"),
    _label("person", "user_metadata|user-metadata|usermetadata", rb"user[-_]?metadata[\"'\\]{0,4}\s?[:=]\s?[\"'\\]{0,4}\{(?:\{\{[a-z-]+\d+\}\}|[^}\n]|\{[^{}\n]{0,99}\}){0,400}?[\"']\s?:\s?(?P<value>\d{5,24})(?![\w.])"),
    _label("person", "7656119", rb"(?P<value>7656119\d{10})(?!\d)"),
    _label("person", "discord", rb"discord(?:%(?:25)*(?:3[ad]|2[02])|u00(?:22|3[ad])|[^\d\n]){1,40}(?P<value>\d{17,20})(?!\d)"),
    _label("user", "users/|users\\|users%", rb"users(?:[\\/]{1,8}|%(?:25)*(?:5c|2f))(?P<value>[^\s\\/:*?\"'<>|,;()\[\]{}%]{2,})[\\/\"]", _home),
    _label("user", "/home/", rb"/home/(?P<value>[^\s\\/:*?\"'<>|,;()\[\]{}%]{2,})/", lambda found: bool(re.search(rb"(?:^|[\s\"'=(:])$", found.string[max(0, found.start() - 1) : found.start()])) and _somebody(found)),
    _label("user", "\\home|\\users|\\profiles", rb"\\(?:homes?|users|profiles)\$?\\{1,8}(?P<value>[^\s\\/:*?\"'<>|,;()\[\]{}%]{2,})", _on_server),
    _label("user", "licenseclient-", rb"licenseclient-(?P<value>[^\s\"'\\/,;:{}]{2,})", _somebody),
)  # fmt: skip
# What has no word to look for, but a sign.
USERINFO: Final = _label(
    "credential",
    "",
    rb"://(?!git@)[^\s/?#@:\"'<>{}]{0,128}:(?P<value>[^\s/?#@\"'<>{}]{1,256})@[\[a-z0-9]",
)
EMAIL: Final = _label(
    "email",
    "",
    rb"@(?!\d+\.\d)(?P<value>(?:[a-z0-9-]{1,63}\.){1,4}(?:com|org|net|io|de|edu|eu|uk))\b(?![@.\w-])",
    _mail,
)
ADDRESS: Final = (
    _label("address", "", rb"\.(?P<value>\d{1,3}\.\d{1,3}\.\d{1,3})(?![\w-]|\.\d)", _outside)
)  # fmt: skip


class Verifier:
    """Reads what is about to be handed out, block after block, and remembers the first leak."""

    def __init__(self, known: Mapping[str, str], make: MakeFinder) -> None:
        """Take the known values with their shapes, and how to make a search for literals."""
        self.leak: Leak | None = None
        self._make = make
        self._size = -1
        self.learn(known)
        needles: dict[bytes, list[_Label]] = {}
        for label in LABELS:
            for needle in label.needles:
                needles.setdefault(bytes(_folded(needle.encode())), []).append(label)
        # Where one needle is the beginning of another one, both are asked.
        self._kin = {
            one: [
                (two, needles[two]) for two in needles if two.startswith(one) or one.startswith(two)
            ]
            for one in needles
        }
        short, long = (sorted(n for n in needles if (len(n) < 4) is few) for few in (True, False))
        groups = [g[n : n + GROUP] for g in (short, long) for n in range(0, len(g), GROUP)]
        self._finders = [(group, make(group)) for group in groups]
        self._find_escapes = make(_SIGNS)
        self._harmless: set[tuple[int, bytes]] = set()
        self._tail = b""
        self._line = 1

    def learn(self, known: Mapping[str, str]) -> None:
        """Take the values that are known by now."""
        if len(known) == self._size:
            return
        self._size = len(known)
        credentials = {part for value, shape in known.items() for part in _windowed(value, shape)}
        # Another spelling of the same digits is no other value.
        coded = {
            text
            for value in {v.lower() if v.isupper() else v for v in credentials}
            for text in _in_base64(value)
        }
        self._windows = _Windows(credentials, coded)
        # What no window stands for is looked for as a whole.
        self._whole = sorted(
            (
                value.encode("utf-8", "surrogateescape")
                for value, shape in known.items()
                if len(value) >= 4 and not any(True for _ in _windowed(value, shape))
            ),
            reverse=True,  # the longer one of two that begin together
        )
        self._find_whole = self._make(self._whole) if self._whole else None

    def feed(self, block: bytes) -> None:
        """Look at the next bytes; the end of the last block is looked at again, in front of them."""
        if self.leak is None and block:
            together = self._tail + block
            self._look(together)
            done = np.frombuffer(together, np.uint8)[: max(0, len(together) - OVERLAP)]
            self._line += int(np.count_nonzero(done == 10))
            self._tail = together[-OVERLAP:]

    def _look(self, block: bytes) -> None:
        views = [block]
        if b"\0" in block:
            views.append(block.translate(None, b"\0"))
        for view in views:
            found = self._in(view)
            if found:
                what, at = found
                self.leak = Leak(what, self._line + view.count(b"\n", 0, at))
                return
        for view in views:
            escapes = [at for _, at in self._find_escapes(view)]
            if self._windows.find(_unescaped(view, escapes)) is not None:
                self.leak = Leak("a known value behind escapes", self._line)
                return

    def _in(self, block: bytes) -> tuple[str, int] | None:
        at = self._windows.find(block)
        if at is not None:
            return "a part of a known value", at
        if self._find_whole is not None:
            for which, at in self._find_whole(block):
                if _meant(block, at, self._whole[which]):
                    return "a known value", at
        low = _folded(block)
        for group, find in self._finders:
            behind = 0  # what a label has read is not read again
            for which, at in find(low):
                if at < behind:
                    continue
                needle = group[which]
                if _GONE.match(block, at + len(needle)):
                    continue
                kin = self._kin[needle]
                if len(kin) > 1:
                    kin = [one for one in kin if low.startswith(one[0], at)]
                line = self._rest(block, at, max(len(one) for one, _ in kin))
                if line in self._harmless:
                    continue
                for label in (label for _, labels in kin for label in labels):
                    found = label.pattern.match(block, at)
                    if _fires(label, found):
                        return f"something like a {label.kind}", at
                    if found and found.end() - at > 512:
                        behind = found.end()
                if line:
                    if len(self._harmless) > HARMLESS:
                        self._harmless.clear()
                    self._harmless.add(line)
        return self._signs(block)

    @staticmethod
    def _signs(block: bytes) -> tuple[str, int] | None:
        for at in _each(block, b"@"):
            if _fires(EMAIL, EMAIL.pattern.match(block, at)):
                return "something like an email", at
            start = block.rfind(b"://", max(0, at - 400), at)
            if start >= 0 and _fires(USERINFO, USERINFO.pattern.match(block, start)):
                return "something like a credential", start
        for at in _dots(block):
            if _fires(ADDRESS, ADDRESS.pattern.match(block, at)):
                return "something like an address", at
        return None

    @staticmethod
    def _rest(block: bytes, at: int, size: int) -> tuple[int, bytes] | None:
        """Return what decides about a label, its line; or None where the next line has a say."""
        end = block.find(b"\n", at, at + 512)
        if end < 0 or not _INLINE.search(block, at + size, end):
            return None
        start = max(block.rfind(b"\n", max(0, at - 64), at), at - 64, 0)
        return at - start, block[start:end]


def _meant(block: bytes, at: int, value: bytes) -> bool:
    """Say whether a known value stands here as a word of its own."""
    if len(value) >= 16:
        return True
    around = (block[max(0, at - 4) : at], block[at + len(value) : at + len(value) + 4])
    before, after = (part.decode("utf-8", "replace") for part in around)
    return not any(c.isalnum() or c == "_" for c in (before[-1:], after[:1]))


def _each(block: bytes, sign: bytes) -> Iterator[int]:
    at = block.find(sign)
    while at >= 0:
        yield at
        at = block.find(sign, at + 1)


def _dots(block: bytes) -> list[int]:
    """Return where a dot begins three that are near each other."""
    dots = np.flatnonzero(np.frombuffer(block, np.uint8) == 46)
    near: list[int] = dots[:-2][dots[2:] - dots[:-2] <= 8].tolist() if dots.size > 2 else []
    return near


def _folded(block: bytes) -> bytes:
    return (np.frombuffer(block, np.uint8) | 32).tobytes()


def _fires(label: _Label, found: re.Match[bytes] | None) -> bool:
    if found is None:
        return False
    value = found["value"]
    return not _NONE.fullmatch(value) and (label.judge is None or label.judge(found))
