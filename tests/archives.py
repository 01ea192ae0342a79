"""Archives built by the tests, kind ones and hostile ones; nothing of them lies in the repository."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import sys
import tarfile
import zipfile
import zlib
from email.message import EmailMessage
from typing import TYPE_CHECKING

import py7zr

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Files = dict[str, bytes]


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: Files) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def sevened(files: Files, password: str | None = None) -> bytes:
    out = io.BytesIO()
    with py7zr.SevenZipFile(out, "w", password=password) as archive:
        for name, content in files.items():
            archive.writestr(content, name)
    return out.getvalue()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstd.compress,
}  # fmt: skip
ARCHIVE: dict[str, Callable[[Files], bytes]] = {
    "zip": zipped, "tar": tarred, "7z": sevened,
    "stored.zip": lambda files: zipped(files, zipfile.ZIP_STORED),
    "bz2.zip": lambda files: zipped(files, zipfile.ZIP_BZIP2),
    "lzma.zip": lambda files: zipped(files, zipfile.ZIP_LZMA),
    "tar.gz": lambda files: PACK["gz"](tarred(files)),
    "tar.bz2": lambda files: PACK["bz2"](tarred(files)),
    "tar.xz": lambda files: PACK["xz"](tarred(files)),
    "tar.zst": lambda files: PACK["zst"](tarred(files)),
}  # fmt: skip


def mailed(files: Files, body: str = "See what is attached.", code: str = "base64") -> bytes:
    """Return a mail with files attached and its text in a transfer encoding."""
    mail = EmailMessage()
    mail["Received"] = "from mx.example.net by mail.example.net; Tue, 3 Feb 2026 04:05:06 +0000"
    mail["From"], mail["Subject"] = "Zoë <zoe@example.net>", "The character does not speak"
    mail.set_content(body, cte=code)
    mail.add_alternative(f"<p>{body}</p>", subtype="html")
    for name, content in files.items():
        kind = ("image", "png") if name.endswith(".png") else ("application", "octet-stream")
        mail.add_attachment(content, *kind, filename=name)
    return mail.as_bytes()


def linked_tar() -> bytes:
    """Return a tar of links and devices only."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind, target in (
            ("soft.log", tarfile.SYMTYPE, "/etc/passwd"), ("hard.log", tarfile.LNKTYPE, "../x"),
            ("null.log", tarfile.CHRTYPE, ""), ("pipe.log", tarfile.FIFOTYPE, ""),
        ):  # fmt: skip
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    return out.getvalue()


def nested(depth: int, content: bytes) -> bytes:
    """Return a log in `depth` zip archives."""
    for number in range(depth):
        content = zipped({"a.log" if not number else "a.zip": content})
    return content


def deflated_zeros(size: int) -> Iterator[bytes]:
    """Yield zeros as one bare deflate stream, for bombs of any size."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(1 << 20)
    for _ in range(size >> 20):
        yield pack.compress(block)
    yield pack.flush()


def local_header(
    name: bytes, *, flags: int = 0, method: int = 8, crc: int = 0, packed: int = 0, size: int = 0
) -> bytes:
    head = struct.pack(
        "<4sHHHHHLLLHH", b"PK\x03\x04", 20, flags, method, 0, 33, crc, packed, size, len(name), 0
    )
    return head + name


def directory(entries: Iterable[tuple[bytes, int, int, int, int, int, int]], start: int) -> bytes:
    """Return a central directory of (name, flags, method, crc, packed, size, offset)."""
    rows = [
        struct.pack(
            "<4sHHHHHHLLLHHHHHLL", b"PK\x01\x02", 20, 20, flags, method, 0, 33, crc, packed, size,
            len(name), 0, 0, 0, 0, 0, offset,
        ) + name
        for name, flags, method, crc, packed, size, offset in entries
    ]  # fmt: skip
    whole = b"".join(rows)
    count = min(len(rows), 65535)
    return whole + struct.pack(
        "<4sHHHHLLH", b"PK\x05\x06", 0, 0, count, count, len(whole), start, 0
    )


def one_member(
    name: bytes, content: bytes, *, flags: int = 0, method: int = 8, crc: int | None = None,
    size: int | None = None,
) -> bytes:  # fmt: skip
    """Return a zip whose one member says of itself what it is told to."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = pack.compress(content) + pack.flush() if method == 8 else content
    crc = zlib.crc32(content) if crc is None else crc
    size = len(content) if size is None else size
    head = local_header(name, flags=flags, method=method, crc=crc, packed=len(body), size=size)
    row = (name, flags, method, crc, len(body), size, 0)
    return head + body + directory([row], len(head) + len(body))


def shared_body(members: int, size: int) -> bytes:
    """Return a zip whose members all claim the same packed zeros."""
    body = b"".join(deflated_zeros(size))
    crc = zlib.crc32(bytes(size))
    name = b"a.log"
    head = local_header(name, crc=crc, packed=len(body), size=size)
    rows = [(name, 0, 8, crc, len(body), size, 0) for _ in range(members)]
    return head + body + directory(rows, len(head) + len(body))
