"""Archives and files made to hurt: one sentence with place and way out, and all else still read."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import os
import random
import re
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from convai_logscan.sources import Limits, Pipe, in_paths, seven
from convai_logscan.sources.text import Source
from tests.archives import (
    ARCHIVE,
    PACK,
    directory,
    linked_tar,
    local_header,
    nested,
    one_member,
    sevened,
    shared_body,
    tarred,
    zipped,
)
from tests.helpers import ROOT, ids
from tests.test_cli import run
from tests.test_sources import PNG, read, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from convai_logscan.model import Skipped

LOG = refused()
MB = 1 << 20
SECOND = {"second.log": LOG}


def put(folder: Path, raw: bytes, name: str = "x.bin") -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


def told(left_out: list[Skipped], *, minor: bool = False) -> dict[str, str]:
    """Return the reasons by the part of the name behind the archive's own."""
    return {one.source.partition("!")[2]: one.reason for one in left_out if minor or not one.minor}


# --- what is damaged costs itself and nothing else ------------------------------------------------


def _cut_in_second(pack: Callable[[dict[str, bytes]], bytes]) -> bytes:
    """Return an archive of two logs that ends in the middle of the second one."""
    noise = b"".join(b"%d noise %d\n" % (n, n * n * 7919) for n in range(60_000))
    whole = pack({"first.log": LOG, "second.log": LOG + noise})
    return whole[: len(whole) * 2 // 3]


@pytest.mark.parametrize("name", ["zip", "stored.zip", "tar", "tar.gz", "tar.xz", "tar.zst"])
def test_an_archive_that_ends_early_is_read_up_to_there(tmp_path: Path, name: str) -> None:
    found, left_out = read(put(tmp_path, _cut_in_second(ARCHIVE[name])))
    assert [one.name.partition("!")[2] for one in found] == ["first.log", "second.log"]
    assert all(ids(one)[0] == "invalid-api-key" for one in found)
    assert "end early; what was read before is reported" in told(left_out)["second.log"]


@pytest.mark.parametrize("name", ["gz", "xz", "zst"])
def test_compressed_data_that_end_early_are_read_up_to_there(tmp_path: Path, name: str) -> None:
    raw = LOG + random.Random(1).randbytes(300_000).hex().encode()
    found, left_out = read(put(tmp_path, PACK[name](raw)[:-1500]))
    assert ids(found[0])[0] == "invalid-api-key"
    assert "data end early; what was read before is reported" in left_out[0].reason
    assert found[0].visibility.truncated


def test_a_wrong_checksum_is_told_and_the_content_reported(tmp_path: Path) -> None:
    def bent(name: str) -> bytes:
        packed = bytearray(PACK[name](LOG))
        packed[-6] ^= 1
        return bytes(packed)

    for raw, word in (
        (bent("gz"), "damaged"),
        (bent("xz"), "damaged"),
        (one_member(b"a.log", LOG, crc=7), "checksum"),
        (one_member(b"a.log", LOG, size=10), "size is wrong"),
        (one_member(b"a.log", LOG, size=1 << 31), "size is wrong"),
    ):
        found, left_out = read(put(tmp_path, raw))
        assert ids(found[0])[0] == "invalid-api-key"
        assert word in left_out[0].reason


@pytest.mark.parametrize("name", PACK)
def test_members_behind_one_another_are_read_and_garbage_is_told(tmp_path: Path, name: str) -> None:
    half = len(LOG) // 2
    two = PACK[name](LOG[:half]) + PACK[name](LOG[half:])
    found, left_out = read(put(tmp_path, two + bytes(512)))
    assert (found[0].bytes, left_out) == (len(LOG), [])
    found, left_out = read(put(tmp_path, two + b"garbage"))
    assert ids(found[0])[0] == "invalid-api-key"
    assert f"something that is not {['gzip', 'bzip2', 'xz', 'zstd'][list(PACK).index(name)]}" in (
        left_out[0].reason
    )


def test_a_damaged_part_of_a_tar_is_stepped_over(tmp_path: Path) -> None:
    first, second = tarred({"a.log": LOG}).rstrip(b"\0"), tarred(SECOND)
    first += bytes(-len(first) % 512)
    found, left_out = read(put(tmp_path, first + b"\xaa" * 1536 + second))
    assert [one.name.partition("!")[2] for one in found] == ["a.log", "second.log"]
    assert "damaged" in told(left_out)[""]
    found, left_out = read(put(tmp_path, tarred({"a.log": LOG}) + second))
    assert (len(found), left_out) == (2, [])  # one tar behind the other


def test_names_and_sizes_in_tar_headers_are_understood(tmp_path: Path) -> None:
    long = "deep/" * 40 + "Player.log"
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=form) as archive:
            info = tarfile.TarInfo(long)
            info.size = len(LOG)
            archive.addfile(info, io.BytesIO(LOG))
        found, left_out = read(put(tmp_path, out.getvalue()))
        assert (found[0].name.partition("!")[2], left_out) == (long, [])


def test_a_zip_without_its_directory_is_read_by_its_members(tmp_path: Path) -> None:
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_BZIP2):
        whole = zipped({"a.log": LOG, "shot.png": PNG, **SECOND}, method)
        found, left_out = read(put(tmp_path, whole[: whole.rfind(b"PK\x01\x02") - 60]))
        assert [one.name.partition("!")[2] for one in found] == ["a.log", "second.log"]
        assert "directory" in told(left_out)[""]


def test_a_zip_that_was_written_to_a_pipe_is_read_from_a_pipe(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override] # bytes is all it gets
            self.data += bytes(data)
            return len(data)

    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", LOG)
        archive.writestr("shot.png", PNG)
        archive.writestr("second.log", LOG)
    whole = out.data
    assert whole[6] & 8  # the sizes stand behind the data
    for raw in (whole, whole[: whole.find(b"PK\x01\x02")]):
        found, _ = read(put(tmp_path, raw))
        assert [one.name.partition("!")[2] for one in found] == ["a.log", "second.log"]


def test_a_7z_that_is_damaged_is_told(tmp_path: Path) -> None:
    whole = bytearray(sevened({"a.log": LOG, **SECOND}))
    found, left_out = read(put(tmp_path, bytes(whole[:-40])))
    assert not found
    assert "end early" in left_out[0].reason
    whole[60] ^= 0xFF
    found, left_out = read(put(tmp_path, bytes(whole)))
    assert left_out
    assert all("damaged" in one.reason for one in left_out if not one.minor)


# --- what is refused ------------------------------------------------------------------------------


def test_what_is_encrypted_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    locked = local_header(b"locked.log", flags=1, packed=12) + bytes(12)
    aes = local_header(b"aes.log", flags=1, method=99, packed=9) + bytes(9)
    body = zlib.compress(LOG, 9)[2:-4]
    plain = local_header(b"second.log", crc=zlib.crc32(LOG), packed=len(body), size=len(LOG)) + body
    rows = [
        (b"locked.log", 1, 8, 0, 12, 12, 0),
        (b"aes.log", 1, 99, 0, 9, 9, len(locked)),
        (b"second.log", 0, 8, zlib.crc32(LOG), len(body), len(LOG), len(locked + aes)),
    ]
    parts = locked + aes + plain
    for raw in (parts + directory(rows, len(parts)), parts):
        found, left_out = read(put(tmp_path, raw))
        assert [one.name.partition("!")[2] for one in found] == ["second.log"]
        for name in ("locked.log", "aes.log"):
            assert told(left_out)[name].startswith("encrypted, not read (")
    found, left_out = read(put(tmp_path, sevened({"a.log": LOG}, password="secret")))  # noqa: S106 (made up)
    assert not found
    assert "encrypted" in left_out[0].reason


def test_a_method_that_is_not_known_is_named(tmp_path: Path) -> None:
    _, left_out = read(put(tmp_path, one_member(b"a.log", LOG, method=9)))
    assert "Deflate64" in told(left_out)["a.log"]


def test_links_and_devices_in_archives_are_listed_and_not_followed(tmp_path: Path) -> None:
    found, left_out = read(put(tmp_path, linked_tar() + tarred(SECOND)))
    assert [one.name.partition("!")[2] for one in found] == ["second.log"]
    assert set(told(left_out, minor=True)) == {"soft.log", "hard.log", "null.log", "pipe.log"}
    info = zipfile.ZipInfo("link.log")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(info, "/etc/passwd")
        archive.writestr("second.log", LOG)
    found, left_out = read(put(tmp_path, out.getvalue()))
    assert len(found) == 1
    assert told(left_out, minor=True) == {"link.log": "a link, not followed"}


@pytest.mark.parametrize("pack", [zipped, tarred], ids=["zip", "tar"])
def test_names_that_lead_elsewhere_are_labels_and_nothing_is_written(
    tmp_path: Path, pack: Callable[[dict[str, bytes]], bytes]
) -> None:
    names = ["../../canary.log", "/canary.log", "C:\\canary.log", "CON", "..\\canary.log"]
    before = sorted(tmp_path.parent.rglob("*"))
    found, left_out = read(put(tmp_path, pack(dict.fromkeys(names, LOG))))
    assert [one.name.partition("!")[2] for one in found] == names
    assert left_out == []
    assert sorted(tmp_path.parent.rglob("*")) == sorted([*before, tmp_path / "x.bin"])


def test_the_same_name_twice_is_two_logs(tmp_path: Path) -> None:
    raw = tarred({"a.log": LOG}) * 2
    assert len(read(put(tmp_path, raw))[0]) == 2
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.log", LOG)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.log", LOG)
    assert len(read(put(tmp_path, out.getvalue()))[0]) == 2


def test_a_file_is_what_it_holds(tmp_path: Path) -> None:
    prefixed = b"\x7fELF\x01\x02\x03\x04" + bytes(500) + zipped({"a.log": LOG})
    assert len(read(put(tmp_path, prefixed))[0]) == 1  # an archive that unpacks itself
    assert len(read(put(tmp_path, LOG * 300 + zipped({"a.log": LOG})))[0]) == 1  # a log, then
    for fake in (
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"7z\xbc\xaf\x27\x1c",
        b"\xfd7zXZ\0",
        b"BZh91AY&SY",
    ):
        found, left_out = read(put(tmp_path, fake + b" and not much else\n" * 30))
        assert not found
        assert any(not one.minor for one in left_out)
    assert read(put(tmp_path, zipped({})))[1][0].reason == "no log is in it"


def test_a_file_that_becomes_shorter_is_reported_up_to_there(tmp_path: Path) -> None:
    path = put(tmp_path, LOG + b"x\n" * (4 * MB))
    for item in in_paths([str(path)], Pipe(io.BytesIO()), Limits()):
        assert isinstance(item, Source)
        text = item.text()
        next(text)
        os.truncate(path, len(LOG))
        for _ in text:
            pass
        assert item.cut
        assert "became shorter" in item.cut


MAIL = b"From: zoe@example.net\r\nMIME-Version: 1.0\r\n"
MIXED = b'Content-Type: multipart/mixed; boundary="%b"\r\n\r\n--%b\r\n'


@pytest.mark.parametrize(
    ("mail", "reason"),
    [
        (MAIL + b"Content-Type: multipart/mixed\r\n\r\n" + LOG, "does not say where its parts end"),
        (MAIL + b"".join(MIXED % (b"b%d" % n, b"b%d" % n) for n in range(3000)), "where its parts end"),
        (MAIL + b"Content-Type: message/rfc822\r\n\r\n" * 1000 + LOG, "nested too deep"),
        (MAIL + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nSGVsbG8gd29y=bGQ*",
         "base64 data are damaged"),
        (MAIL + b"Content-Type: application/pkcs7-mime; name=smime.p7m\r\n\r\nMIAG", "encrypted"),
        (MAIL + b"Content-Type: text/plain\r\n\r\n" + b"\n" * (5 << 20), "too large"),
        (MAIL + MIXED % (b"x", b"x") + b"\r\n--x\r\n" * 20_000, "--max-members"),
    ],
    ids=["no boundary", "nested", "forwarded", "base64", "encrypted", "large", "many parts"],
)  # fmt: skip
def test_a_hostile_mail_is_refused_in_one_sentence(
    tmp_path: Path, mail: bytes, reason: str
) -> None:
    _, left_out = read(put(tmp_path, mail))
    assert [reason in one.reason for one in left_out if not one.minor] == [True], left_out


@pytest.mark.parametrize(
    "kind", ["(" * 4000, '"' * 4000, "a;" * 4000, "=?utf-8?q?" * 4000, "\xff\x00"]
)
def test_odd_headers_of_a_mail_lose_no_part_of_it(tmp_path: Path, kind: str) -> None:
    odd = kind.encode("latin-1")
    mail = MAIL + MIXED % (b"x", b"x") + b"Content-Type: " + odd + b"\r\n\r\nx\r\n--x\r\n"
    mail += b"Content-Type: text/plain; name=a.log\r\n\r\n" + LOG + b"\r\n--x--\r\n"
    found, _ = read(put(tmp_path, mail))
    assert any(one.name.endswith("!a.log") and ids(one) for one in found)


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "option"),
    [
        (Limits(members=1), "--max-members"),
        (Limits(bytes=2 * len(LOG) + 10), "--max-bytes"),
        (Limits(seconds=0), "--max-seconds"),
        (Limits(depth=1), "--max-depth"),
    ],
)
def test_every_limit_is_told_with_its_option_and_what_came_before_stays(
    tmp_path: Path, limits: Limits, option: str
) -> None:
    files = {"first.log": LOG, "second.log": LOG, "third.zip": zipped(SECOND), "fourth.log": LOG}
    found, left_out = read(put(tmp_path, zipped(files)), limits=limits)
    assert len(found) == {"--max-seconds": 0, "--max-members": 1, "--max-depth": 3}.get(option, 2)
    assert sum(option in one.reason for one in left_out if not one.minor) in {1, 2}


def test_a_repeated_record_is_never_refused_for_how_well_it_packs(tmp_path: Path) -> None:
    raw = LOG + b"Refreshing native plugins compatible for Editor in 3.42 ms\n" * 400_000
    packed = gzip.compress(raw, 9)
    assert len(raw) > 200 * len(packed)
    found, left_out = read(put(tmp_path, packed))
    assert (found[0].bytes, left_out) == (len(raw), [])


def test_a_dictionary_of_gigabytes_is_refused(tmp_path: Path) -> None:
    xz = bytearray(PACK["xz"](LOG))
    end = 12 + (xz[12] + 1) * 4  # of the block's header, with its checksum
    xz[xz.index(b"\x21\x01", 12, end) + 2] = 34  # 256 MiB
    xz[end - 4 : end] = zlib.crc32(xz[12 : end - 4]).to_bytes(4, "little")
    zst = b"\x28\xb5\x2f\xfd\0\x90" + (len(LOG) << 3 | 1).to_bytes(3, "little") + LOG
    properties = b"\x09\x14\x05\0\x5d" + (1 << 30).to_bytes(4, "little")
    zipped_lzma = one_member(b"a.log", LOG, method=14)
    at = zipped_lzma.index(LOG)
    zipped_lzma = zipped_lzma[:at] + properties + zipped_lzma[at + len(properties) :]
    for raw in (bytes(xz), zst, zipped_lzma):
        found, left_out = read(put(tmp_path, raw))
        assert not found
        assert "MiB of memory (unpack it first)" in left_out[0].reason


def test_the_dictionary_of_a_7z_is_known_before_it_is_made() -> None:
    for bits in range(40):
        known = lzma._decode_filter_properties(lzma.FILTER_LZMA2, bytes([bits]))  # type: ignore[attr-defined] # missing there
        assert seven._memory({"method": b"\x21", "properties": bytes([bits])}) == known["dict_size"]
    raw = b"\x5d" + (1 << 26).to_bytes(4, "little")
    assert seven._memory({"method": b"\x03\x01\x01", "properties": raw}) == 1 << 26


def test_overlapping_members_are_read_once(tmp_path: Path) -> None:
    found, left_out = read(put(tmp_path, shared_body(50, MB)))
    assert len(found) == 1
    assert len(left_out) == 49
    assert "zip bomb" in left_out[0].reason


# --- the program as a whole: memory, exit codes, signals ------------------------------------------

_MEASURED = """
import resource, sys
from convai_logscan.cli import group
from convai_logscan.cli.street import run
code = run(group, sys.argv[1:])
sys.stdout.flush()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("peak", peak // (1 << 20 if sys.platform == "darwin" else 1 << 10), file=sys.stderr)
sys.exit(code)
"""


def measured(*args: str | Path, before: str = "") -> tuple[int, str, int]:
    """Return exit code, output and peak memory in MB; a shell between keeps our own out of it."""
    words = " ".join(f"'{one}'" for one in (sys.executable, "-c", _MEASURED, *args))
    done = subprocess.run(
        ["/bin/sh", "-c", f"{before}{words}; exit $?"],
        capture_output=True, check=False, cwd=ROOT, timeout=300, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    error = done.stderr.decode()
    assert "Traceback" not in error
    peak = re.search(r"peak (\d+)", error)
    assert peak
    return done.returncode, done.stdout.decode() + error, int(peak[1])


def repeated(block: bytes, times: int) -> bytes:
    """Return a deflate stream of a block so many times, without packing it so often."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = pack.compress(block) + pack.flush(zlib.Z_FULL_FLUSH)
    return part * times + pack.flush()


def _huge_zip() -> bytes:
    body, size = repeated(bytes(MB), 10_000), 0xFFFFFFF0
    head = local_header(b"a.log", packed=len(body), size=size)
    return head + body + directory([(b"a.log", 0, 8, 0, len(body), size, 0)], len(head + body))


def _long_line() -> bytes:
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + repeated(b"x" * MB, 3000)


def _sheets() -> bytes:
    inner = zipped({f"{n}.log": bytes(4 * MB) for n in range(16)})
    inner = zipped({f"{n}.zip": inner for n in range(16)})
    return zipped({f"{n}.zip": inner for n in range(4)})


def _fat_directory() -> bytes:
    head = local_header(b"a.log", method=0)
    rows = [(b"%d.log" % n, 0, 0, 0, 0, 0, 0) for n in range(200_000)]
    return head + directory(rows, len(head))


def _fat_tar_header() -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, 8 << 30
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = pack.compress(info.tobuf(tarfile.GNU_FORMAT)) + pack.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + head + repeated(bytes(MB), 1000)


BOMBS = {
    "ten gigabytes in a zip": (_huge_zip, "--max-bytes"),
    "a line of three gigabytes": (_long_line, "--max-bytes"),
    "four times 16 times 16": (_sheets, "--max-bytes"),
    "one body for 3000 members": (lambda: shared_body(3000, 4 * MB), "zip bomb"),
    "a directory without end": (_fat_directory, "directory"),
    "a header of gigabytes in a tar": (_fat_tar_header, "too large to be true"),
    "forty deep": (lambda: nested(40, LOG), "--max-depth"),
    "300 MB of bzip2 in a zip": (lambda: zipped({"a": bytes(300 * MB)}, zipfile.ZIP_BZIP2), ""),
    "300 MB of LZMA in a zip": (lambda: zipped({"a": bytes(300 * MB)}, zipfile.ZIP_LZMA), ""),
    "300 MB in a 7z": (lambda: sevened({"a.log": bytes(300 * MB)}), ""),
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured otherwise there")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_stopped_in_little_memory(tmp_path: Path, name: str) -> None:
    make, word = BOMBS[name]
    bomb = put(tmp_path, make(), "bomb")
    code, output, peak = measured(bomb, put(tmp_path, LOG, "good.log"), "--format", "json")
    assert code == (3 if word else 1)
    assert word in output
    assert '"invalid-api-key": 1' in output  # the other input is still reported
    assert peak <= 150


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured otherwise there")
def test_a_gigabyte_without_a_newline_takes_little_memory() -> None:
    code, _, peak = measured("-", before="head -c 1000000000 /dev/zero | tr '\\0' 'x' | ")
    assert code == 0
    assert peak <= 300


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured otherwise there")
def test_many_members_are_read_in_reasonable_memory(tmp_path: Path) -> None:
    many = zipped({f"{n}.log": b"hello\n" for n in range(11_000)})
    code, output, peak = measured(put(tmp_path, many), "-q")
    assert code == 3
    assert "more than 10000 members" in " ".join(output.split())
    assert peak <= 150


def test_hostile_names_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    names = ["\x1b[2J\x1b]8;;http://x\x07a.log", "[/bold]b.log", "new\nline.log", "\u202egol.c",
             "=cmd|.log", "-o.log", "x" * 5000, "\x9bA.log"]  # fmt: skip
    path = put(tmp_path, tarred({**dict.fromkeys(names, LOG), "\udcff\udcfe.log": LOG}))
    for args in ([], ["--format", "json"], ["-q"]):
        done = run(path, *args)
        assert done.returncode == 1
        shown = (done.stdout + done.stderr).decode()
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800-\udfff]", shown)
        assert max(map(len, shown.splitlines())) < 700
        assert "[/bold]b.log" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="a shell closes standard input")
def test_a_closed_standard_input_is_told_only_when_it_is_read(tmp_path: Path) -> None:
    good = put(tmp_path, LOG, "good.log")
    for path, code in ((str(good), 1), ("-", 3), ("", 2)):
        done = subprocess.run(
            ["/bin/sh", "-c", f"exec {sys.executable} -m convai_logscan {path} <&-"],
            capture_output=True, check=False, cwd=ROOT, timeout=60,
        )  # fmt: skip
        assert done.returncode == code
        assert b"Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="paths are short there")
def test_folders_may_be_nested_deeper_than_calls(tmp_path: Path) -> None:
    put(tmp_path, LOG, "x.log")
    deep = tmp_path / "d"
    script = "import os\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')\n"
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, timeout=60)
    try:
        found, _ = read(tmp_path)
        assert len(found) == 1
    finally:  # Python's own way would call itself too often
        subprocess.run(["/bin/rm", "-rf", str(deep)], check=True, timeout=60)


def test_a_large_archive_in_an_archive_is_not_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convai_logscan.sources.opener.SPOOL", 500)
    files = {"a.log": LOG, "shot.png": PNG, **SECOND}
    for pack in ("zip", "stored.zip"):
        inner = ARCHIVE[pack](files)
        found, left_out = read(put(tmp_path, tarred({"inner": inner})))
        assert [one.name.rpartition("!")[2] for one in found] == ["a.log", "second.log"]
        assert set(told(left_out, minor=True)) == {"inner!shot.png"}
    found, left_out = read(put(tmp_path, tarred({"inner": sevened(files)})))
    assert not found
    assert "unpack the outer one" in left_out[0].reason


def test_a_mixed_call_reports_what_it_can(tmp_path: Path) -> None:
    good = put(tmp_path, LOG, "good.log")
    done = run(
        good, tmp_path / "no.log", put(tmp_path, one_member(b"a", LOG, flags=1)), "--format", "json"
    )
    found = json.loads(done.stdout)
    assert done.returncode == 3
    assert found["summary"]["diagnoses"]["invalid-api-key"] == 1
    assert len(found["skipped"]) == 2
    picture = put(tmp_path, PNG, "shot.png")
    assert run(picture).returncode == 3  # it was asked for
    folder = tmp_path / "ticket"
    folder.mkdir()
    put(folder, PNG)
    put(folder, LOG, "Player.log")
    assert run(folder).returncode == 1  # it was only met


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device")
def test_devices_are_refused_and_a_full_disk_is_told(tmp_path: Path) -> None:
    good = put(tmp_path, LOG, "good.log")
    assert b"device" in run("/dev/zero").stderr
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "convai_logscan", str(good)],
            stdout=full, stderr=subprocess.PIPE, check=False, cwd=ROOT, timeout=60,
        )  # fmt: skip
    assert done.returncode == 3
    assert b"no space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_report_is_never_written_over_a_log(tmp_path: Path) -> None:
    good = put(tmp_path, LOG, "good.log")
    done = run(good, "-o", good)
    assert done.returncode == 2
    assert good.read_bytes() == LOG
    done = run(good, "-o", tmp_path / "no" / "r.json")
    assert (done.returncode, b"cannot be written" in done.stderr) == (3, True)
    assert b"invalid-api-key" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_nothing_is_written_over_an_input_however_it_is_named(tmp_path: Path) -> None:
    logs = [put(tmp_path, LOG, name) for name in ("a.json", "a.csv", "a.jsonl")]
    paths = put(tmp_path, str(logs[0]).encode(), "list.txt")
    for args in (
        (tmp_path, "-o", logs[0]), (tmp_path / "a.j*", "-o", logs[0]),
        (f"@{paths}", "-o", logs[0]), ("events", logs[1], "-o", logs[1]),
        ("events", tmp_path / "." / "a.jsonl", "-o", logs[2]),
        ("redact", tmp_path / "a.js*n", "-o", logs[0]),
    ):  # fmt: skip
        done = run(*args)
        assert done.returncode == 2, args
        assert b"this is a log that is read" in done.stderr
    done = run("redact", tmp_path, "-o", tmp_path / "copy.zip")
    assert (done.returncode, b"lies in the folder" in done.stderr) == (3, True)
    assert set(tmp_path.iterdir()) == {*logs, paths}
    assert all(log.read_bytes() == LOG for log in logs)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_an_output_that_is_no_file_is_refused_and_stays(tmp_path: Path) -> None:
    log, pipe = tmp_path / "a.log", tmp_path / "p.json"
    log.write_bytes(LOG)
    os.mkfifo(pipe)
    for args in ((log, "-o", pipe), ("redact", log, "-o", pipe)):
        done = run(*args)
        assert (done.returncode, b"not a file" in done.stderr) == (3, True)
    assert pipe.is_fifo()


@pytest.mark.skipif(os.name != "posix", reason="closes descriptors as a shell does")
@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_traceback(tmp_path: Path, closed: str) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(LOG)
    for args, code in (
        (f"scan {log}", 1), (f"events {log}", 0), (f"redact {log} -o -", 0), ("table list", 0),
    ):  # fmt: skip
        words = f'exec "{sys.executable}" -m convai_logscan {args} {closed}'
        done = subprocess.run(
            ["/bin/sh", "-c", words], capture_output=True, timeout=60, check=False, cwd=tmp_path
        )
        assert (done.returncode, b"Traceback" in done.stderr) == (code, False), args
    for args in ("scan -", "events -", "redact - -o x", "explain invalid-api-key -"):
        words = f'exec "{sys.executable}" -m convai_logscan {args} <&-'
        done = subprocess.run(
            ["/bin/sh", "-c", words], capture_output=True, timeout=60, check=False, cwd=tmp_path
        )
        assert (done.returncode, b"standard input is closed" in done.stderr) == (3, True), args


def test_an_empty_name_is_not_the_folder_one_happens_to_be_in() -> None:
    done = run("")
    assert (done.returncode, b"an empty name" in done.stderr) == (3, True)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_rows_that_are_no_files_or_too_deep_are_told(tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    rows.mkdir()
    os.mkfifo(rows / "pipe.toml")
    put(rows, b"a = " + b"[" * 5000 + b"]" * 5000, "deep.toml")
    done = run("table", "check", rows)
    assert done.returncode == 2
    assert b"pipe.toml: this is no file" in done.stderr
    assert b"deep.toml: it is nested too deep" in done.stderr


def test_a_terminal_that_claims_to_be_endless_is_not_believed(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "convai_logscan", str(put(tmp_path, LOG, "a.log"))]
    env = {**os.environ, "COLUMNS": "999999999"}
    done = subprocess.run(words, capture_output=True, check=False, env=env, timeout=60)
    assert done.returncode == 1


def test_a_session_that_is_not_there_is_no_clean_report(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(LOG)
    for number in ("2", "\u00b2", "0"):
        done = run(log, "--session", number)
        assert (done.returncode, b"Traceback" in done.stderr) == (2, False)


def test_a_report_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    target, link = put(tmp_path, b"precious", "target"), tmp_path / "r.json"
    link.symlink_to(target)
    run(put(tmp_path, LOG, "good.log"), "-o", link)
    assert target.read_bytes() == b"precious"
    assert json.loads(link.read_text(encoding="utf-8"))["schema"] == 1
    mask = os.umask(0o077)
    os.umask(mask)
    assert link.stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_between_files_prints_what_was_read(tmp_path: Path) -> None:
    pipe = tmp_path / "waits.log"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [sys.executable, "-m", "convai_logscan", str(put(tmp_path, LOG, "good.log")), str(pipe)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    writer = os.open(pipe, os.O_WRONLY)  # opens once the other end does
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    os.close(writer)
    assert process.returncode == 130
    assert b"invalid-api-key" in out
    assert b"interrupted" in err
    assert b"Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
@pytest.mark.parametrize("args", [["redact", "-", "-o", "c.zip"], ["events", "-", "-o", "e.jsonl"]])
def test_a_process_that_is_told_to_end_leaves_no_half_file(tmp_path: Path, args: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "convai_logscan", *args], cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(LOG)
    process.stdin.flush()
    ends = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and time.monotonic() < ends:
        time.sleep(0.02)
    assert list(tmp_path.iterdir())
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (143, b"")
    assert list(tmp_path.iterdir()) == []
