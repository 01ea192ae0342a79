"""Bytes bent from real ones: two logs spliced, lines lost and doubled, bits flipped, lengths that lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from tests.archives import (
    ARCHIVE,
    PACK,
    linked_tar,
    mailed,
    nested,
    one_member,
    sevened,
    shared_body,
    zipped,
)
from tests.compose import ENVELOPES, Entry, fill, render
from tests.helpers import LOGS
from tests.strategies import HEADS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MAX_SEED = 50_000  # bytes; longer logs hold nothing that shorter ones do not
_SAID = [
    Entry("Info", "SDK", "Room connection attempt 1 (mode=create).", "RoomConnectionRuntimeAdapter"),
    Entry("Debug", "Transport", 'Room details received: {"token":"@room-token@","room_name":"rm-1",'
          '"room_url":"wss://x.livekit.cloud","session_id":"s-1"}', "NativeRoomController"),
    Entry("Error", "Transport", "Room-details request failed with HTTP 401: X-API-Key: @api-key@",
          "NativeRoomController"),
    Entry("Warning", "SDK", "Session error: connection.connect_invalid_api_key", "SessionMetrics"),
]  # fmt: skip


def _wrapped(envelope: str) -> bytes:
    return "\n".join(render(_SAID, envelope)).encode()


def _filled(text: bytes) -> bytes:
    return fill(text.decode("utf-8", "surrogateescape"))[0].encode("utf-8", "surrogateescape")


LOG = _filled(_wrapped("editor"))
SECOND = {"second.log": LOG}
TEXTS = [
    *(_filled(_wrapped(envelope)) for envelope in ENVELOPES),
    *(
        _filled(path.read_bytes())
        for path in sorted(LOGS.glob("*.log"))
        if path.stat().st_size < _MAX_SEED
    ),
]
PACKED = [
    *(pack({"first.log": LOG, "shot.png": b"\x89PNG\r\n\x1a\n", **SECOND}) for pack in ARCHIVE.values()),
    *(pack(LOG) for pack in PACK.values()), LOG.decode().encode("utf-16"),
    nested(3, LOG), shared_body(5, 4096), linked_tar(), sevened({"a.zip": zipped(SECOND)}),
    zipped({"a.tar.gz": ARCHIVE["tar.gz"](SECOND)}), one_member(b"dir/", b""),
    mailed({"first.log": LOG, "b.zip": zipped(SECOND)}), mailed({}, LOG.decode(), "quoted-printable"),
]  # fmt: skip

# What hurts parsers, put anywhere.
CHUNKS = [
    *(head.encode() for head in HEADS), b"\0", b"\0" * 700, b"\r", b"\r\n", b"\n" * 50, b"\x1b[31m", b"\x1b]8;;http://x\x07", b"\xff\xfe",
    b"\xef\xbb\xbf", b"a\0b\0\n\0", b"{" * 300, b"}" * 300, b"[" * 300, b'"', b"\\" * 99, b"<color=red>", b"</color>", b"<b", b"&lt;", b"x" * 5000,
    b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xc3", b"9" * 5000, b"-1", b"NaN", b"1e999999", b"99:99:99.999", b"{{room-token-1}}", b"eyJhbGciOi",
    b"token: ", b"-accessToken\n", b"password=", b"  at A.B () [0x0] in <0>:0\n", b"(Filename: a Line: 1)\n", "é角🙂".encode(), b"PK\x03\x04",
    b"PK\x01\x02", b"PK\x05\x06", b"\x1f\x8b\x08", b"ustar", b"--------- beginning of main\n", b"MIME-Version: 1.0\nSubject: x\n\n",
]  # fmt: skip
_SIZES = [0, 1, 2, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF, (1 << 63) - 1]
_CODES = ("utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32", "cp1251")


def _flip(raw: bytes, at: int, value: int) -> bytes:
    return raw[:at] + bytes([raw[at] ^ (value % 255 + 1)]) + raw[at + 1 :]


def _cut(raw: bytes, at: int, value: int) -> bytes:
    return raw[at:] if value % 4 == 0 else raw[:at]


def _lose(raw: bytes, at: int, value: int) -> bytes:
    return raw[:at] + raw[at + value % 400 :]


def _put(raw: bytes, at: int, value: int) -> bytes:
    return raw[:at] + CHUNKS[value % len(CHUNKS)] + raw[at:]


def _size(raw: bytes, at: int, value: int) -> bytes:
    """Let a number be another one: a length, an offset, a count, or what was none."""
    width = (1, 2, 4, 8)[value % 4]
    number = _SIZES[value // 4 % len(_SIZES)] % (1 << 8 * width)
    return raw[:at] + number.to_bytes(width, ("little", "big")[value // 64 % 2]) + raw[at + width :]


def _double_line(raw: bytes, at: int, value: int) -> bytes:
    start, end = raw.rfind(b"\n", 0, at) + 1, (raw.find(b"\n", at) + 1) or len(raw)
    return raw[:start] + raw[start:end] * (1 + value % 5) + raw[end:]


def _lose_line(raw: bytes, at: int, value: int) -> bytes:
    start, end = raw.rfind(b"\n", 0, at) + 1, (raw.find(b"\n", at + value % 300) + 1) or len(raw)
    return raw[:start] + raw[end:]


def _swap(raw: bytes, at: int, value: int) -> bytes:
    """Put what stands before a line behind it."""
    start, end = raw.rfind(b"\n", 0, at) + 1, (raw.find(b"\n", at) + 1) or len(raw)
    before = max(0, start - value % 500)
    return raw[:before] + raw[start:end] + raw[before:start] + raw[end:]


def _encode(raw: bytes, at: int, value: int) -> bytes:
    """Write what follows in another encoding."""
    text = raw[at:].decode("utf-8", "replace")
    return raw[:at] + text.encode(_CODES[value % len(_CODES)], "replace")


def _splice_with(seeds: Sequence[bytes]) -> Callable[[bytes, int, int], bytes]:
    def splice(raw: bytes, at: int, value: int) -> bytes:
        other = seeds[value % len(seeds)]
        return raw[:at] + other[value * 7919 % (len(other) + 1) :][:3000]

    return splice


def bent(seeds: Sequence[bytes], window: int) -> st.SearchStrategy[bytes]:
    """Return a strategy for one of the seeds, or `window` bytes of it, bent up to six times."""
    bends = [_flip, _flip, _cut, _lose, _put, _put, _size, _size, _double_line, _lose_line, _swap,
             _encode, _splice_with(seeds)]  # fmt: skip

    @st.composite
    def draw_one(draw: st.DrawFn) -> bytes:
        raw = seeds[draw(st.integers(0, len(seeds) - 1))]
        if len(raw) > window:
            start = draw(st.integers(0, len(raw) - window))
            raw = raw[raw.rfind(b"\n", 0, start) + 1 : start + window]
        for bend, at, value in draw(_which(len(bends))):
            if raw:
                raw = bends[bend](raw, at % len(raw), value)
        return raw

    return draw_one() | st.binary(max_size=3000)


def _which(count: int) -> st.SearchStrategy[list[tuple[int, int, int]]]:
    # Where: from the beginning or, below zero, from the end, where directories and checksums stand.
    where = st.integers(-400, 1 << 14)
    one = st.tuples(st.integers(0, count - 1), where, st.integers(0, 1 << 16))
    return st.lists(one, min_size=1, max_size=6)
