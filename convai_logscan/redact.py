"""Take secrets out of text: behind this stage no object holds one.

In: the text of one record at a time. Out: the same text with placeholders such as `{{room-token-1}}`,
or the edits that make it so. The shapes are data (secrets.toml). Values are kept in private, only to
know them again.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, AnyStr, Final, NoReturn
from urllib.parse import unquote

from msgspec import Struct

from convai_logscan.anchors import owners_in
from convai_logscan.cache import kept
from convai_logscan.errors import LogscanError
from convai_logscan.late import late
from convai_logscan.model import TokenClaims

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = ["Edit", "Redactor", "Shape", "TokenClaims", "edited", "in_name", "load_shapes"]

Edit = tuple[int, int, str]  # start, end, what stands there instead

MASK: Final = "\ue000"  # stands over what is dealt with; no pattern takes it
MAX_KNOWN = 50_000  # values that are known again
MAX_CARRY = 16_384  # characters of an open value
MAX_CUT = 64  # characters of a key or token that the end of a record cuts in two
FEW_SILENT, MAX_SILENT = 4096, 1024  # texts without a secret that are remembered, and their length
LONG = 16  # from here on a value is known inside of other words, too
CUT = 12  # so many characters of either end of a credential are known again
FEW = 10_000  # values of which both ends are known
PERSONAL: Final = frozenset({"user", "email", "address", "person-id", "machine", "transcript"})

# Placeholders of an earlier run, and those of test fixtures.
_PLACEHOLDER = late(r"\{\{([a-z][a-z-]{1,30})-(\d{1,9})\}\}|(?<!\w)@[a-z][a-z0-9-]{1,40}@(?!\w)")
# What a reader does not see may stand inside of a value: NUL bytes (UTF-16), zero width, colour.
_NOT_SHOWN = "[\0\u200b-\u200d\u2060\ufeff]+|\x1b\\[[0-9;]{0,12}m"
_UNSEEN = late(_NOT_SHOWN)
# So may markup, where the value is not found without looking through it.
_TAG = r"/?(?:color|b|i|size)\b[^<>\n]{0,40}>"
_TAGS = rf"<(?<=[\w-]<){_TAG}(?:<{_TAG})*(?=[\w-])"
_TAGGED = late(_TAGS)
_HIDING = late(f"{_NOT_SHOWN}|{_TAGS}")
_LONE_CR = late(r"\r(?!\n)")
_PART = late(r"\(\?&([a-z]+)\)")
# The value at the end of a pattern, and the same over the end of a line.
_CROSSES = late(r"\(\?&(?:nl|gap)\)|\\[sn]")
_VALUE = late(r"\(\?P<secret>\(\?&v\)\{\d+,\}\+\)$")
_SPLIT = r"(?P<secret>(?&v){4,64}+)(?:[ \\t]{0,4}=?(?&nl)|(?&tag){1,3}+)(?P<more>(?&v){4,64}+)(?=[\"'`,;&<\\s)\\]}\\\\]|$)"
_LINE_END = late(r"[\w+/=-]+(?=[ \t]*\r?(?:\n|\Z))")
_LINE = late(r"\S[^\r\n]*")
_LABELLED = late(r"[A-Za-z][A-Za-z_-]{1,40}=[^=]")
_REST = late(r"\.?[=\r\n\t ]*\Z")
_WORD = late(r"[^\W_]{4,}")
_RUN = late(r"[\w+=-]{12,}")
# What begins or ends alike in many values: the header of a token, a serial's masked end.
_OPEN_END = late(r"^(?:eyJ|ewo).*\.|x{4}$", re.IGNORECASE | re.DOTALL)
_ESCAPED = late(r"\\{1,4}u([0-9a-fA-F]{4})")
_JSON_SECRET = late(
    r'"(?:token|\w{0,20}(?:key|[Kk]ey|Token|_token|secret|Secret|password))"\s*:|Bearer '
)
_HEADER = late(
    r"^\W*(?:[\w-]{0,16}api[-_]?key|api-auth-token|[\w-]{0,8}authorization)\W{1,4}(?:basic |bearer )?([\w.~+/=-]{16,})",
    re.IGNORECASE,
)
_AUTH = late(r"auth[-_ ]?token", re.IGNORECASE)
_JWT = late(r"e(?:yJ|wo)[\w-]+(?:\.[\w-]+){1,2}", re.ASCII)
_TAIL = late(
    r"[\s\ufeff]*(?P<secret>(?P<payload>[\w-]{3,65536})\.(?:[\w-]{43}|[\w-]{64}|[\w-]{86}|[\w-]{342}))(?![\w-])",
    re.ASCII,
)
_HEX_ID = late(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_ADDRESS_LIKE = late(r"0x[0-9A-Fa-f]+|[0-9a-f-]+")
_VERSION = late(r"(?:release|build|revision|\bv|version|driver|(?<!ser)ver)\W{0,8}$", re.IGNORECASE)
_NETWORK = late(
    r"\b(?:ip|to|from|host|addr|address|connect\w*|candidate|udp|tcp|server|peer|remote|dns|raddr|srflx|relay|endpoint|client|public|via)\b\W{0,4}(?:\w{1,24}\W{1,3})?$|[/[@]$",
    re.IGNORECASE,
)
_SIGNATURES: Final = {"HS384": 64, "HS512": 86, "ES256": 86, "RS256": 342, "PS256": 342}
_WHOLE: Final = frozenset({32, 36, 40, 43, 44, 47, 64})  # characters of a key or token of chance
_SIGNATURE = 43  # HS256, what room tokens have


# One is itself: what is kept for it is found at once.
class Shape(Struct, frozen=True, eq=False):
    """One form in which a secret is written."""

    id: str
    literals: tuple[str, ...]
    pattern: re.Pattern[str]
    not_value: re.Pattern[str]
    case: bool = False
    check: str | None = None
    option: str | None = None
    never: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    opens: re.Pattern[str] | None = None
    wraps: re.Pattern[str] | None = None
    split: re.Pattern[str] | None = None
    more: re.Pattern[str] | None = None
    crosses: bool = False  # may the pattern go on in the next line
    marks: tuple[str, ...] = ()
    seek: re.Pattern[bytes] | None = None
    sign: str = ""
    near: str | None = None
    until: str | None = None
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()


class _Find(Struct):
    """A secret found in a text, by the places of its pieces (one a line)."""

    pieces: list[tuple[int, int]]
    shape: str
    value: str
    name: str | None = None  # the placeholder, where the value is known already


class _Carry(Struct, frozen=True):
    """What stayed open at the end of a record: a label, or a value with its placeholder."""

    text: str = ""
    name: str | None = None


# --- loading ---------------------------------------------------------------------------------------------------------


def load_shapes(text: str | None = None) -> tuple[Shape, ...]:
    """Return the shapes, from the packaged secrets.toml unless another text is given."""
    if text is None:
        return _packaged()
    import tomllib  # shapes that are kept need no parser

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LogscanError(str(error), "secrets.toml") from error
    shapes = tuple(_shape(entry, n, data) for n, entry in enumerate(data.get("shape", []), 1))
    for number, shape in enumerate(shapes, 1):
        _check(shape, f"secrets.toml, shape {number} ({shape.id})")
    return shapes


@cache
def _packaged() -> tuple[Shape, ...]:
    file, code = Path(__file__).with_name("secrets.toml"), Path(__file__)
    raw = file.read_bytes()
    return kept("secrets", raw + code.read_bytes(), lambda: _read(raw.decode()))


def _read(text: str) -> tuple[Shape, ...]:
    import tomllib

    data = tomllib.loads(text)
    return tuple(_shape(entry, n, data) for n, entry in enumerate(data["shape"], 1))


@cache
def _asked_for(shapes: tuple[Shape, ...], options: frozenset[str]) -> tuple[Shape, ...]:
    return tuple(one for one in shapes if one.option is None or one.option in options)


@cache
def _common(shapes: tuple[Shape, ...]) -> frozenset[str]:
    return frozenset[str]().union(*(shape.common for shape in shapes))


@cache
def _announcing(shapes: tuple[Shape, ...]) -> Callable[[bytes], frozenset[int]]:
    """Return the search for the literals of the shapes, named by their places."""
    owners: dict[bytes, frozenset[int]] = {}
    for place, shape in enumerate(shapes):
        for literal in shape.literals:
            text = literal.encode()
            owners[text] = owners.get(text, frozenset()) | {place}
    return owners_in(owners)


_late = cache(late)  # shapes share what they have in common


def _shape(entry: dict[str, Any], number: int, data: dict[str, Any]) -> Shape:
    place = f"secrets.toml, shape {number} ({entry.get('id', 'no id')})"
    words, parts = data.get("words", {}), data.get("parts", {})

    def compiled(pattern: str, flags: int = 0) -> re.Pattern[str]:
        for _ in range(4):  # parts may be made of parts
            pattern = _PART.sub(lambda part: str(parts[part[1]]), pattern)
        return _late(pattern, flags)

    unknown = entry.keys() - set(Shape.__struct_fields__)
    if unknown:
        raise LogscanError(f"unknown key {min(unknown)!r}", place)
    try:
        shape = Shape(
            id=entry["id"],
            literals=tuple(entry["literals"]),
            pattern=compiled(entry["pattern"]),
            not_value=compiled(data["not_value"], re.VERBOSE | re.IGNORECASE),
            case=entry.get("case", False),
            check=entry.get("check"),
            option=entry.get("option"),
            never=frozenset(words[entry["never"]] if "never" in entry else ()),
            common=frozenset(words.get("common", ())),
            opens=compiled(f"(?:{entry['opens']})(?&q)?[ \\t]{{0,8}}$")
            if "opens" in entry
            else None,
            wraps=compiled(entry["wraps"]) if "wraps" in entry else None,
            more=compiled(entry["more"]) if "more" in entry else None,
            split=compiled(_VALUE.sub(_SPLIT, entry["pattern"]))
            if entry.get("check") == "opaque" and _VALUE.search(entry["pattern"])
            else None,
            crosses=bool(entry.keys() & {"opens", "wraps"} or _CROSSES.search(entry["pattern"])),
            marks=tuple(
                entry.get("marks", () if entry.keys() & {"seek", "near"} else entry["literals"])
            ),
            sign=entry.get("sign", ""),
            near=entry.get("near"),
            until=entry.get("until"),
            seek=_late(entry["seek"].encode(), 0 if entry.get("case") else re.IGNORECASE)
            if "seek" in entry
            else None,
            positive=tuple(entry.get("positive", ())),
            negative=tuple(entry.get("negative", ())),
        )
    except KeyError as error:
        raise LogscanError(f"{error} is missing", place) from error
    except re.error as error:
        raise LogscanError(f"bad pattern: {error}", place) from error
    if shape.check is not None and shape.check not in _CHECKS:
        raise LogscanError(f"unknown check {shape.check!r}", place)
    return shape


def _check(shape: Shape, place: str) -> None:
    """Compile what a shape has; the packaged ones are compiled by the tests."""
    patterns = (
        shape.pattern, shape.not_value, shape.opens, shape.wraps, shape.split, shape.more, shape.seek,
    )  # fmt: skip
    try:
        named = [pattern.groupindex for pattern in patterns if pattern is not None]
    except re.error as error:
        raise LogscanError(f"bad pattern: {error}", place) from error
    if "secret" not in named[0]:
        raise LogscanError("the pattern has no group 'secret'", place)


# --- what a value is -------------------------------------------------------------------------------------------------


def _plain(raw: str) -> str:
    """Return the value behind its escapes, so that one secret has one number however it is written."""
    value = raw
    for _ in range(3):
        before = value
        if "\\" in value:
            value = _ESCAPED.sub(lambda digits: chr(int(digits[1], 16)), value).replace("\\/", "/")
        if "%" in value:
            value = unquote(value)
        if "&" in value:
            import html  # few values need it, and it is slow to load

            value = html.unescape(value)
        if value == before:
            break
    return value


def _segment(text: str) -> str:
    """Return base64url text decoded, as far as it goes."""
    text = text[:65_536].replace("-", "+").replace("_", "/").rstrip("=")
    whole = text[: len(text) - (len(text) % 4 == 1)]
    try:
        return base64.b64decode(whole + "=" * (-len(whole) % 4)).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _object(segment: str) -> dict[str, Any]:
    """Return the JSON object of a token segment; an empty one where it is none, or cut."""
    try:
        found = json.loads(_segment(segment))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _payload(token: str) -> dict[str, Any]:
    return _object(token.split(".")[1] if "." in token else token)


def _grants(token: str) -> bool:
    """Say whether a token opens a room; other tokens have the same form."""
    return "video" in _payload(token)


def _claims(token: str) -> TokenClaims:
    """Return the four facts a room token leaves behind."""
    payload = _payload(token)
    video = payload.get("video")
    room = video.get("room") if isinstance(video, dict) else None

    def seconds(claim: str) -> int | None:
        value = payload.get(claim)
        return int(value) if isinstance(value, int | float) and abs(value) < 1e12 else None

    return TokenClaims(
        seconds("iat"), seconds("nbf"), seconds("exp"), room if isinstance(room, str) else None
    )


def _wordy(value: str) -> bool:
    """Say whether a value is made of words, as identifiers are, and not of chance."""
    digits = sum(character.isdigit() for character in value)
    words = sum(map(len, re.findall(r"[a-z]{3,}", value)))
    return digits <= 2 and (
        words > 0.7 * len(value) or value.upper() == value or value.lower() == value
    )


def _jwt(value: str, _match: re.Match[str]) -> str | None:
    header, *rest = value.split(".")
    start = _segment(header)
    if not start.lstrip().startswith("{"):
        return None
    if rest:
        return value if '"' in start else None
    claims = re.findall(r'"(exp|nbf|iss|video|sub|roomJoin)"', start)
    return value if len(claims) > 1 or '"video"' in start else None


def _base64(value: str, _match: re.Match[str]) -> str | None:
    inside = _segment(value)
    token = _JWT.search(inside)
    if token:
        return token[0]
    header = _HEADER.search(inside)
    if header:
        return header[1]
    return value if _JSON_SECRET.search(inside) else None


def _opaque(value: str, _match: re.Match[str]) -> str | None:
    pieces = re.split(r"[/.]", value)
    path = pieces[-1].isalpha() and len(pieces[-1]) <= 5 and value.count(".") == 1
    words = sum(bool(re.fullmatch(r"[A-Za-z][a-z]{2,}", piece)) for piece in pieces)
    labels = _LABELLED.match(value)  # a label of its own, with its value
    return None if path or labels or words > 1 or len(value) < LONG or _wordy(value) else value


def _mixed(value: str, _match: re.Match[str]) -> str | None:
    if len(value) >= 20:
        return _opaque(value, _match)
    chance = any(map(str.isdigit, value)) or not (
        value.islower() or value.isupper() or value.istitle()
    )
    return value if chance and not _HEX_ID.fullmatch(value) else None


def _person(value: str, _match: re.Match[str]) -> str | None:
    return None if _HEX_ID.fullmatch(value) else value


def _public(value: str, match: re.Match[str]) -> str | None:
    import ipaddress  # as slow to load

    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return None
    if not address.is_global or address.is_multicast:
        return None
    # A version has four parts, too. No host ends in zero; a low number in front needs a word or a port.
    before = match.string[max(0, match.start() - 40) : match.start()]
    if value.endswith(".0") or _VERSION.search(before):
        return None
    low = address.version == 4 and address.packed[0] < 32
    port = match.string[match.end() : match.end() + 1] == ":"
    return None if low and not port and not _NETWORK.search(before) else value


_CHECKS: Final[dict[str, Callable[[str, re.Match[str]], str | None]]] = {
    "jwt": _jwt,
    "base64": _base64,
    "opaque": _opaque,
    "mixed": _mixed,
    "person": _person,
    "public": _public,
}


def _missing(token: str) -> int | None:
    """Return how many characters of the signature are still to come; None where the payload is open."""
    header, *rest = token.split(".")
    if len(rest) < 2:
        return None
    return _SIGNATURES.get(str(_object(header).get("alg")), _SIGNATURE) - len(rest[1])


def cut_token(text: str) -> tuple[int, int] | None:
    """Return where the end of a token stands that a text begins with: of its payload, and all behind."""
    found = _TAIL.match(text)
    if found is None:
        return None
    for skipped in range(4):  # where the groups of four begin is not known
        end = _segment(found["payload"][skipped:])
        if end.endswith("}") and end.isprintable():
            return found.span("secret")
    return None


def _fits(piece: str, missing: int | None) -> bool:
    """Say whether the first word of the next line is the rest of a token that was cut."""
    if missing is not None and len(piece) == missing:
        return True
    if len(piece) < LONG or (missing is not None and ("." in piece or len(piece) > missing)):
        return False
    return not _ADDRESS_LIKE.fullmatch(piece) and not _wordy(piece)


def _one_value(one: str, two: str) -> bool:
    """Say whether two pieces, the second at the start of a line, are one value that was cut."""
    if len(one) in _WHOLE or _HEX_ID.fullmatch(one):
        return False
    if _HEX_ID.fullmatch(one + two):
        return True
    digits = sum(map(str.isdigit, two))
    mixed = not two.islower() and not two.isupper()
    return len(one + two) in _WHOLE and digits > 0 and mixed and any(map(str.isdigit, one))


def _fold(text: str) -> str:
    """Return the text in lower case, letter by letter at the same place."""
    low = text.lower()
    return (
        low
        if len(low) == len(text)
        else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    )


def _blank(text: str, places: list[tuple[int, int]]) -> str:
    """Return the text with the places covered."""
    return edited(text, [(start, end, MASK * (end - start)) for start, end in places])


# --- the redactor ----------------------------------------------------------------------------------------------------


class Redactor:
    """The redactor of one source: it numbers, it knows values again, and it remembers one open line."""

    def __init__(
        self, shapes: tuple[Shape, ...] | None = None, options: frozenset[str] = frozenset()
    ) -> None:
        """Take the shapes to look for (all by default) and the options that are asked for."""
        self.counts: Counter[str] = Counter()
        self.claims: dict[str, TokenClaims] = {}
        self._shapes = _asked_for(load_shapes(), options) if shapes is None else shapes
        self._common = _common(self._shapes)
        self._cut = {shape.id for shape in self._shapes if shape.split}
        self._announcing = _announcing(self._shapes)
        self._next: Counter[str] = Counter()
        self._names: dict[str, str] = {}  # value -> placeholder, for the numbering
        self._known: dict[str, str] = {}  # value or part of it -> placeholder, wherever it stands
        # longest word of a known value -> (value, its place)
        self._index: dict[str, list[tuple[str, int]]] = {}
        self._ends: dict[str, list[tuple[str, bool]]] = {}  # either end -> (value, is it the first)
        self._carry = _Carry()
        self._begins = False  # whether the next record is the first one
        self._said: set[str] = set()  # texts without a secret of their own
        self._counting = True

    def __repr__(self) -> str:
        return f"Redactor({len(self._names)} values)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Redactor is not pickled: it knows secrets")

    def redact(self, text: str) -> str:
        """Return the text of one record without its secrets, on as many lines."""
        return edited(text, self.edits(text))

    def edits(self, text: str, *, recall: bool = True) -> list[Edit]:
        """Return the edits that take the secrets out of the text of one record, in order.

        Without `recall`, known values are left to the caller where they stand without a label.
        """
        recall = recall or _hides(text)
        begins, self._begins = self._begins and bool(cut_token(text)), False
        known = recall and next(self._recalled(text), None)
        if not self._carry.text and not known and not begins and self._silent(text):
            if "{{" in text:
                self._reserve(text)
            return []
        shapes = self._announced(_fold(_LONE_CR.sub("\n", text) if "\r" in text else text))
        carry, self._carry = self._carry, _Carry()
        found = self._pass(text, carry, recall, begins=begins)
        if found or _TAGGED.search(text):
            # Until nothing more is found, so that a second run finds nothing either.
            done = once = edited(text, found)
            for _ in range(3):
                more = self._pass(done, _Carry(), recall, _HIDING)
                if not more:
                    break
                done = edited(done, more)
            if done != once:
                found = _line_edits(text, done)
            text = done
        if not self._carry.text and shapes:
            self._carry = _Carry(self._open_label(text, shapes))
        return found

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes that are looked for."""
        return self._shapes

    @property
    def open(self) -> bool:
        """Say whether the next record may begin with the rest of a value."""
        return bool(self._carry.text)

    @property
    def cut(self) -> str:
        """The placeholder of the value whose rest the next record may begin with; empty where none is."""
        return self._carry.name or ""

    def begin(self) -> None:
        """Take the next record as the first one of a log, which may begin in the middle of a token."""
        self.close()
        self._begins = True

    def close(self) -> None:
        """Forget what stayed open: the next record does not follow the last one."""
        self._carry = _Carry()

    @property
    def known(self) -> Mapping[str, str]:
        """Return the values that go wherever they stand, with their placeholders."""
        return MappingProxyType(self._known)

    def named(self, value: str, text: str, start: int) -> bool:
        """Say whether a known value that stands in a text is meant there, and not a part of a word."""
        return len(value) >= LONG or _whole(text, start, start + len(value))

    def _silent(self, text: str) -> bool:
        """Say whether no shape stands or begins in a text; remembered, as records repeat."""
        if text in self._said:
            return True
        plain = _LONE_CR.sub("\n", text) if "\r" in text else text
        low = _fold(plain)
        silent = (
            not _hides(text)
            and not _TAGGED.search(text)
            and not any(
                shape.pattern.search(plain if shape.case else low)
                or (shape.split and shape.split.search(low))
                or (shape.opens and self._open_label(text, (shape,)))
                for shape in self._announced(low)
            )
        )
        if silent and len(text) <= MAX_SILENT and len(self._said) < FEW_SILENT:
            self._said.add(text)
        return silent

    def again(self, text: str) -> str:
        """Return other words about the record just read: not counted, and nothing stays open."""
        return edited(text, self.aside(text))

    def aside(self, text: str) -> list[Edit]:
        """Return the edits of a text that stands between two records: what was open stays open."""
        kept, self._carry, self._begins = (self._carry, self._begins), _Carry(), False
        self._counting = False
        try:
            return self.edits(text)
        finally:
            self._carry, self._begins = kept
            self._counting = True

    def goes_on(self, text: str) -> bool:
        """Say whether a shape that goes on in the next line may begin in a text."""
        return any(shape.crosses for shape in self._announced(_fold(text)))

    def _announced(self, low: str) -> list[Shape]:
        """Return the shapes with a literal in the text, in their order."""
        found = self._announcing(low.encode("utf-8", "replace"))
        return [self._shapes[n] for n in sorted(found)]

    def _pass(
        self, text: str, carry: _Carry, recall: bool, unseen: re.Pattern[str] = _UNSEEN,
        *, begins: bool = False,
    ) -> list[Edit]:  # fmt: skip
        """Return what is to be replaced now; the carry stands in front and is not given out again."""
        lead = carry.text + "\n" if carry.text else ""
        whole = lead + text
        seen, places = _seen(whole, unseen)
        work = self._reserve(seen)
        finds: list[_Find] = []
        if begins and (tail := cut_token(work)):
            finds.append(_Find([tail], "room-token", work[slice(*tail)]))
            work = _blank(work, [tail])
        low = _fold(work)
        for shape in self._announced(low):
            hits = list(self._hits(shape, work, low))
            if hits:
                covered = [piece for hit in hits for piece in hit.pieces]
                work, low = _blank(work, covered), _blank(low, covered)
                finds += hits
        if recall:
            finds += self._bare(work)
        if not finds:
            return []
        finds.sort(key=lambda find: find.pieces[0])
        if places is not None:
            for find in finds:
                find.pieces = [(places[start], places[end - 1] + 1) for start, end in find.pieces]
        return self._written(whole, finds, len(lead), carry.name)

    def _reserve(self, text: str) -> str:
        """Cover the placeholders that are there already, and leave their numbers to them."""
        places = []
        some = "{{" in text or "@" in text
        for match in _PLACEHOLDER.finditer(text) if some else ():
            places.append(match.span())
            if match[1]:
                self._next[match[1]] = max(self._next[match[1]], int(match[2]))
        return _blank(text, places) if places else text

    def _hits(self, shape: Shape, work: str, low: str) -> Iterator[_Find]:
        if shape.split:
            halves = list(self._halves(shape.split, shape.id, work, low))
            yield from halves
            places = [piece for half in halves for piece in half.pieces]
            work, low = _blank(work, places), _blank(low, places)
        last = 0
        for match in _matches(shape, work if shape.case else low):
            start, end = match.span("secret")
            if start < last:
                continue  # inside of a token over several lines
            raw, pieces = work[start:end], [(start, end)]
            if shape.wraps:
                raw, pieces = self._unwrapped(shape.wraps, work, start, end)
            elif "\n" in raw:
                lines = (_LINE_END if shape.until else _LINE).finditer(raw)
                pieces = [(start + line.start(), start + line.end()) for line in lines]
            if self._goes_on(shape, raw, work, end):
                self._carry = _Carry(work[match.start() :].rstrip("\r\n"))
            last = pieces[-1][1]
            value = _plain(raw)
            stays = {value.lower(), match.groupdict().get("top")}  # `top`: the end of a host name
            if shape.not_value.fullmatch(value) or stays & shape.never:
                continue
            checked = _CHECKS[shape.check](value, match) if shape.check else value
            if checked is None:
                continue
            other = (
                shape.check == "jwt"
                and _AUTH.search(work, max(0, start - 24), start)
                and not _grants(value)
            )
            yield _Find(pieces, "auth-token" if other else shape.id, checked)

    def _goes_on(self, shape: Shape, raw: str, work: str, end: int) -> bool:
        """Say whether a value at the end of a record may go on in the next one."""
        if not _REST.match(work, end) or len(raw) > MAX_CARRY:
            return False
        if shape.until:
            return True
        return shape.id in self._cut and len(raw) < MAX_CUT and len(raw) not in _WHOLE

    @staticmethod
    def _halves(split: re.Pattern[str], shape: str, work: str, low: str) -> Iterator[_Find]:
        """Yield values that the end of a line cuts in two."""
        for match in split.finditer(low):
            pieces = [match.span("secret"), match.span("more")]
            one, two = (_plain(work[slice(*piece)]) for piece in pieces)
            if _one_value(one, two) and _opaque(one + two, match):
                yield _Find(pieces, shape, one + two)

    def _unwrapped(
        self, wraps: re.Pattern[str], work: str, start: int, end: int
    ) -> tuple[str, list[tuple[int, int]]]:
        """Return a token over the ends of lines; where it may go on in the next record it stays open."""
        pieces, token = [(start, end)], _plain(work[start:end])
        missing = _missing(token)
        while len(pieces) < 256 and (missing is None or missing > 0):
            more = wraps.match(work, end)
            if not more or not _fits(_plain(more["more"]), missing):
                break
            pieces.append(more.span("more"))
            token += more["dot"] + _plain(more["more"])
            end = more.end()
            missing = _missing(token)
        if (missing is None or missing > 0) and _REST.match(work, end) and end - start < MAX_CARRY:
            self._carry = _Carry(work[start:].rstrip("\r\n"))
        return token, pieces

    def _bare(self, work: str) -> list[_Find]:
        """Return where known values stand without a label."""
        finds, last = [], 0
        for start, end, value in sorted(
            self._recalled(work), key=lambda place: (place[0], -place[1])
        ):
            if start >= last and (end - start < len(value) or self.named(value, work, start)):
                finds.append(_Find([(start, end)], "", value, self._known[value]))
                last = end
        return finds

    def _recalled(self, work: str) -> Iterator[tuple[int, int, str]]:
        """Yield where known values stand, or the ends of credentials: start, end, the value."""
        if self._index:
            for word in _WORD.finditer(work):
                for value, place in self._index.get(word[0], ()):
                    start = word.start() - place
                    if start >= 0 and work.startswith(value, start):
                        yield start, start + len(value), value
        if self._ends:
            for run in _RUN.finditer(work):
                for at in range(run.start(), run.end() - CUT + 1):
                    for value, first in self._ends.get(work[at : at + CUT], ()):
                        yield (
                            *(grown(value, work, at) if first else shrunk(value, work, at)),
                            value,
                        )

    def _written(
        self, whole: str, finds: list[_Find], lead: int, carried: str | None
    ) -> list[Edit]:
        """Return the edits of the text behind the lead, and remember what was found."""
        out: list[Edit] = []
        for find in finds:
            start = find.pieces[0][0]
            given = start < lead and carried is not None  # the last record shows its placeholder
            name = find.name or (carried if given else None) or self._name(find)
            if find.name is None:
                self._learn(find, name, whole)
            if self._carry.text and start + len(self._carry.text) >= len(whole.rstrip("\r\n")):
                self._carry = _Carry(self._carry.text, name)
            if self._counting and not given:
                self.counts[name[2:-2].rpartition("-")[0]] += 1
            for piece_start, piece_end in find.pieces:
                if piece_start >= lead:
                    nuls = whole.count("\0", piece_start, piece_end)
                    letters = piece_end - piece_start - nuls
                    # In UTF-16 and UTF-32 a letter takes its NUL bytes along.
                    gap = "\0" * (nuls // max(1, letters - 1))
                    shown = "" if given else gap.join(name)
                    out.append((piece_start - lead, piece_end - lead, shown))
                    given = True
        return out

    def _name(self, find: _Find) -> str:
        """Return the placeholder of a value: numbered by first sight, one number for one value."""
        # A short value may be a user name here and a password there; those two are not one secret.
        value = find.value.lower() if _HEX_ID.fullmatch(find.value) else find.value
        key = value if len(value) >= 8 else f"{find.shape}\0{value}"
        name = self._names.get(key) or self._known.get(find.value)
        if name is None:
            self._next[find.shape] += 1
            name = f"{{{{{find.shape}-{self._next[find.shape]}}}}}"
            if len(self._names) < MAX_KNOWN:
                self._names[key] = name
        return name

    def _learn(self, find: _Find, name: str, whole: str) -> None:
        """Remember a value, and those of its parts that are secrets by themselves."""
        values = {find.value}
        if len(find.pieces) == 1:
            values.add(whole[slice(*find.pieces[0])])
        if find.shape == "private-key":
            values = {whole[slice(*piece)] for piece in find.pieces}
        if find.shape in {"room-token", "auth-token"} and "." in find.value:
            values.update(find.value.split(".")[1:])
        if find.shape == "url-credential":
            values.add(find.value.partition(":")[2])
        if find.shape == "room-token" and (name not in self.claims or len(find.pieces) > 1):
            self.claims[name] = _claims(find.value)
        values |= {twin for value in values for twin in _twins(value)}
        for value in sorted(value for value in values if value not in self._known):
            words = _WORD.findall(value)
            if words and len(self._known) < MAX_KNOWN and self._tells(find.shape, value):
                self._known[value] = name
                word = max(words, key=len)
                self._index.setdefault(word, []).append((value, value.index(word)))
                for end, first in ends(value, find.shape, len(self._known)):
                    self._ends.setdefault(end, []).append((value, first))

    def _tells(self, shape: str, value: str) -> bool:
        """Say whether a value, met alone, is still the secret and not a common word."""
        if shape == "address" or value.lower() in self._common:
            return False
        if shape == "user":
            return len(value) >= 4
        return len(value) >= LONG or (len(value) >= 8 and not value.isalpha())

    def _open_label(self, text: str, shapes: Iterable[Shape]) -> str:
        """Return the label at the end of a record whose value may begin the next one."""
        line = text.rstrip("\r\n").rpartition("\n")[2][-80:]
        low = _fold(line)
        for shape in shapes:
            found = shape.opens.search(low) if shape.opens else None
            if found:
                return line[found.start() :]
        return ""


def _matches(shape: Shape, text: str) -> Iterator[re.Match[str]]:
    """Yield where a shape stands in a text, and behind each what follows in the same list."""
    if shape.more is None:
        yield from shape.pattern.finditer(text)
        return
    match = shape.pattern.search(text)
    while match:
        yield match
        end = match.end("secret")
        match = shape.more.match(text, end) or shape.pattern.search(text, end)


def _twins(value: str) -> set[str]:
    """Return how else a value of hexadecimal digits is written."""
    if not _HEX_ID.fullmatch(value):
        return set()
    plain = value.replace("-", "")
    dashed = "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
    return {form(one) for one in (value, plain, dashed) for form in (str.lower, str.upper)}


def ends(value: str, shape: str, among: int) -> Iterator[tuple[str, bool]]:
    """Yield the ends of a credential by which it is known where it was cut short.

    Of one `among` very many values only the first end is; the last one is rarely what is shown.
    """
    chance = any(map(str.isdigit, value)) or not (value.islower() or value.isupper())
    if shape not in PERSONAL and len(value) >= LONG and chance and not _OPEN_END.search(value):
        yield value[:CUT], True
        if among <= FEW:
            yield value[-CUT:], False


def grown(value: AnyStr, text: AnyStr, at: int) -> tuple[int, int]:
    """Return how much of a value stands in a text from a place on, where its first end is."""
    if text.startswith(value, at):
        return at, at + len(value)
    size = CUT
    while size < len(value) and text[at + size : at + size + 1] == value[size : size + 1]:
        size += 1
    return at, at + size


def shrunk(value: AnyStr, text: AnyStr, at: int) -> tuple[int, int]:
    """Return how much of a value stands in a text up to its last end, which is at a place."""
    start = at + CUT - len(value)
    if start >= 0 and text.startswith(value, start):
        return start, at + CUT
    size = CUT
    while size < len(value) and at + CUT > size and text[at + CUT - size - 1] == value[-size - 1]:
        size += 1
    return at + CUT - size, at + CUT


def _hides(text: str) -> bool:
    """Say whether something stands in a text that its reader does not see."""
    if text.isascii():  # most are, and these two are found at once
        return "\0" in text or "\x1b[" in text
    return bool(_UNSEEN.search(text))


def _seen(text: str, unseen: re.Pattern[str]) -> tuple[str, list[int] | None]:
    """Return the text as a reader sees it, with lone CRs as newlines, and where each character stood."""
    if "\r" in text:
        text = _LONE_CR.sub("\n", text)
    if not _hides(text) and (unseen is _UNSEEN or not _TAGGED.search(text)):
        return text, None
    kept: list[int] = []
    at = 0
    for match in unseen.finditer(text):
        kept += range(at, match.start())
        at = match.end()
    kept += range(at, len(text))
    return "".join(text[n] for n in kept), kept


def edited(text: str, edits: list[Edit]) -> str:
    """Return the text with the edits made."""
    pieces: list[str] = []
    at = 0
    for start, end, new in edits:
        pieces += (text[at:start], new)
        at = end
    return "".join((*pieces, text[at:])) if edits else text


def _line_edits(text: str, done: str) -> list[Edit]:
    """Return the edits between two texts of as many lines, one a line that differs."""
    edits: list[Edit] = []
    at = 0
    for old, new in zip(text.split("\n"), done.split("\n"), strict=True):
        if old != new:
            edits.append((at, at + len(old), new))
        at += len(old) + 1
    return edits


def in_name(name: str, redactor: Redactor) -> str:
    """Return a file's name without its secrets, each folder by itself and then all of it."""
    parts = re.sub(r"[^/\\!]+", lambda part: redactor.again(part[0]), name)
    return redactor.again(parts)  # a user's folder is known by what stands around it


def _whole(text: str, start: int, end: int) -> bool:
    """Say whether a place is not inside of a longer word."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() or before == "_" or after.isalnum() or after == "_")
