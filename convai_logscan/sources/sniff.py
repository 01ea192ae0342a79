"""What a file is, by its first bytes and never by its name."""

from __future__ import annotations

from msgspec import Struct

from convai_logscan.late import late
from convai_logscan.sources.decode import is_binary

BLOCK = 512  # of a tar archive
# What a compressed file is called, and what it begins with.
COMPRESSED: dict[str, tuple[bytes, ...]] = {
    "gzip": (b"\x1f\x8b\x08",),
    "bzip2": tuple(b"BZh%d" % n for n in range(1, 10)),
    "xz": (b"\xfd7zXZ\0",),
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))),
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04")
_7Z = b"7z\xbc\xaf\x27\x1c"
# Packages that are zip archives: nobody keeps a log in one. By the name of the first member.
_PACKAGES = (
    (b"[Content_Types].xml", "an Office document"), (b"_rels/", "an Office document"),
    (b"mimetype", "a document"), (b"META-INF/", "an app or Java package"),
    (b"AndroidManifest.xml", "an Android package"),
)  # fmt: skip
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "a program"), (b"MZ\x90", "a program"), (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"), (b"\0asm", "a WebAssembly module"),
    (b"\x89PNG", "a picture"), (b"\xff\xd8\xff", "a picture"), (b"GIF8", "a picture"),
    (b"BM", "a picture"), (b"II*\0", "a picture"), (b"MM\0*", "a picture"),
    (b"%PDF-", "a PDF"), (b"{\\rtf", "a document"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
    (b"SQLite format 3\0", "a database"), (b"MDMP", "a memory dump"), (b"PAGEDU", "a memory dump"),
    (b"OggS", "a sound"), (b"ID3", "a sound"), (b"fLaC", "a sound"), (b"\xff\xfb", "a sound"),
    (b"\x1aE\xdf\xa3", "a video"), (b"FLV\x01", "a video"),
    (b"wOFF", "a font"), (b"wOF2", "a font"), (b"\0\1\0\0\0", "a font"),
    (b"UnityFS\0", "a Unity asset bundle"), (b"UnityWebData1.0\0", "Unity build data"),
    (b"\0\x05\x16\x07", "what a Mac stores beside a file"), (b"\0\0\0\x01Bud1", "a Mac's folder settings"),
    (b"L\0\0\0\x01\x14\x02\0", "a shortcut"), (b"ElfFile\0", "a Windows event log"),
    (b"bplist00", "a property list"), (b"\xd4\xc3\xb2\xa1", "a network capture"),
    (b"\xab\xcd\xef\x12", "a 3D model"),
    (b"Kaydara FBX Binary", "a 3D model"), (b"glTF", "a 3D model"),
)  # fmt: skip
_INSIDE = ((8, b"M<+\x1a", "a network capture"), (4, b"ftyp", "a video or picture"), (8, b"WEBP", "a picture"), (8, b"WAVE", "a sound"),
           (8, b"AVI ", "a video"))  # fmt: skip
_PACKED = ((b"Rar!\x1a\x07", "a RAR archive"), (b"\x1f\x9d", "a file of `compress`"),
           (b"MSCF", "a cabinet file"), (b"xar!", "a xar archive"))  # fmt: skip
_Magic = tuple[int, bytes, str, bool]  # where it stands, what it is, and whether no text begins so


def _magic(at: int, magic: bytes, what: str) -> _Magic:
    return at, magic, what, len(magic) > 4 or not (magic.isascii() and magic.decode().isprintable())


_LATER = tuple(_magic(*one) for one in _INSIDE)
_BEGINNINGS: dict[bytes, tuple[_Magic, ...]] = {
    first: (*(_magic(0, *one) for one in _MAGIC if one[0].startswith(first)), *_LATER)
    for first in {magic[:1] for magic, _ in _MAGIC}
}


# The headers of a mail, to the empty line behind them; it names its format and itself in some.
_HEADERS = late(rb"(?:[!-9;-~]{1,76}:[^\r\n]*+\r?\n(?:[ \t][^\r\n]*+\r?\n)*+)++(?=\r?\n)")
_MIME = late(rb"(?im)^mime-version:")
_OTHER_HEADER = late(rb"(?im)^(?:content-type|from|subject|received):")


class Reason(Struct, frozen=True):
    """Why a file is no log."""

    what: str
    hint: str | None = None
    plain: bool = True  # plain to see, so that nobody misses it


def container(head: bytes) -> str | None:
    """Return `zip`, `7z`, `tar` or the name of a compression, or None."""
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith(_7Z):
        return "7z"
    for name, magic in COMPRESSED.items():
        if head.startswith(magic) and not (name == "bzip2" and head[4:10] not in _BZIP2):
            return name
    return "tar" if is_tar(head) else None


_BZIP2 = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")


def is_tar(head: bytes) -> bool:
    """Say whether the first block is a tar header, by its checksum."""
    block = head[:BLOCK]
    if len(block) < BLOCK or not block[0] or block[148:156].strip(b"01234567 \0"):
        return False  # no checksum in octal digits, as in a log
    import tarfile  # slow, and rarely needed

    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def is_mail(head: bytes) -> bool:
    """Say whether a text begins with the headers of a mail, and not with other lines."""
    found = _HEADERS.match(head)
    return bool(found and _MIME.search(found[0]) and _OTHER_HEADER.search(found[0]))


def package(head: bytes) -> Reason | None:
    """Return what a zip archive is when it is a document or a program."""
    first = head[30:] if head.startswith(b"PK\x03\x04") else b""
    what = next((what for name, what in _PACKAGES if first.startswith(name)), None)
    return Reason(what) if what else None


def no_log(head: bytes) -> Reason | None:
    """Return why a head is not that of a log, or None."""
    for at, magic, what, sure in _BEGINNINGS.get(head[:1], _LATER):
        if head.startswith(magic, at) and (sure or is_binary(head)):
            return Reason(what)
    for magic, what in _PACKED:
        if head.startswith(magic):
            return Reason(what, "unpack it first", plain=False)
    name = container(head)
    if name:
        return Reason(f"{name} data" if name in COMPRESSED else f"a {name} archive", plain=False)
    if is_binary(head):
        hint = "give the Editor.log or Player.log itself"
        return Reason("binary data", hint, plain=False)
    return None
