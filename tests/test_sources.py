"""Every way a log reaches support: the same log, the same answer, under the right name."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import random
import socket
import sys
import threading
from email.message import EmailMessage
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from convai_logscan.cli.redact import command as redact
from convai_logscan.errors import SourceError
from convai_logscan.model import Skipped
from convai_logscan.pipeline import scan
from convai_logscan.sources import (
    Limits,
    Pipe,
    from_file,
    from_stream,
    in_paths,
    one_log,
    places,
    remote,
)
from convai_logscan.sources.mail import _shown
from convai_logscan.sources.text import Source
from tests.archives import ARCHIVE, PACK, mailed, nested, zipped
from tests.compose import Entry, noise, render
from tests.helpers import SHARED, answer, ids, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from convai_logscan.model import SourceReport

TEXT = "Initialize engine version: 6000.0.80f1 (abc)\r\nzwei ä\r\r\ndrei\n"
REFUSED = (
    Entry("Info", "SDK", "Room connection attempt 1 (mode=create).", "RoomConnectionRuntimeAdapter"),
    Entry("Error", "Transport",
          "Room-details request failed with HTTP 401: Convai API returned HTTP 401.",
          "NativeRoomController"),
    Entry("Warning", "SDK", "Session error: connection.connect_invalid_api_key", "SessionMetrics"),
)  # fmt: skip
ENVELOPES = ("editor", "player-dev", "timestamps", "console", "coloured", "docs")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
NO_PIPE = Pipe(None)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def read(
    *paths: str | Path, stdin: bytes = b"", limits: Limits | None = None
) -> tuple[list[SourceReport], list[Skipped]]:
    """Scan what the paths lead to, and return the reports and what was left out."""
    found: list[SourceReport] = []
    left_out: list[Skipped] = []
    pipe = Pipe(io.BytesIO(stdin))
    for item in in_paths([str(path) for path in paths], pipe, limits or Limits()):
        if isinstance(item, Skipped):
            left_out.append(item)
            continue
        try:
            report, skipped = scan(item, settings())
        except SourceError as error:
            left_out.append(Skipped(item.name, error.message))
            continue
        found.append(report)
        left_out.extend(skipped)
    return found, left_out


def refused(envelope: str = "editor", encoding: str = "utf-8") -> bytes:
    lines = [*noise("editor", 20), *render(REFUSED, envelope), *noise("editor", 20, 2)]
    return ("\n".join(lines) + "\n").encode(encoding)


# --- each kind of source, one line each: it stores a log and says how it is asked for and called ---


def _file(folder: Path, raw: bytes, name: str) -> tuple[str, str]:
    path = folder / name
    path.write_bytes(raw)
    return str(path), str(path)


def _folder(folder: Path, raw: bytes) -> tuple[str, str]:
    path = folder / "ticket" / "deep" / "Player.log"
    path.parent.mkdir(parents=True)
    path.write_bytes(raw)
    return str(folder / "ticket"), str(path)


def _glob(folder: Path, raw: bytes) -> tuple[str, str]:
    _, name = _folder(folder, raw)
    return str(folder / "tick*" / "**" / "*.log"), name


def _list(folder: Path, raw: bytes, encoding: str) -> tuple[str, str]:
    path, name = _file(folder, raw, "a b.log")
    (folder / "list.txt").write_bytes(f'"{path}"\r\n\r\n'.encode(encoding))
    return f"@{folder / 'list.txt'}", name


def _packed(folder: Path, raw: bytes, name: str) -> tuple[str, str]:
    return _file(folder, PACK[name](raw), "Player.log")  # the name says nothing of it


def _member(folder: Path, raw: bytes, name: str) -> tuple[str, str]:
    files = {"shot.png": PNG, "logs/Player.log": raw}
    path, _ = _file(folder, ARCHIVE[name](files), "bundle.log")
    return path, f"{path}!logs/Player.log"


def _member_of_member(folder: Path, raw: bytes, outer: str, inner: str) -> tuple[str, str]:
    files = {"inner.bin": ARCHIVE[inner]({"Player.log": raw, "shot.png": PNG})}
    path, _ = _file(folder, ARCHIVE[outer](files), "bundle.zip")
    return path, f"{path}!inner.bin!Player.log"


KINDS: dict[str, Callable[[Path, bytes], tuple[str, str]]] = {
    "file": partial(_file, name="Player.log"),
    "text called zip": partial(_file, name="Player.zip"),
    "name like a pattern": partial(_file, name="a[1].log"),
    "folder": _folder,
    "glob": _glob,
    "list": partial(_list, encoding="utf-8"),
    "list of PowerShell": partial(_list, encoding="utf-16"),
    **{name: partial(_packed, name=name) for name in PACK},
    **{f"in {name}": partial(_member, name=name) for name in ARCHIVE},
    "tar.gz in zip": partial(_member_of_member, outer="zip", inner="tar.gz"),
    "zip in tar.zst": partial(_member_of_member, outer="tar.zst", inner="zip"),
    "7z in zip": partial(_member_of_member, outer="zip", inner="7z"),
    "zip in 7z": partial(_member_of_member, outer="7z", inner="zip"),
    "xz in tar": lambda folder, raw: (
        _file(folder, ARCHIVE["tar"]({"Player.log.xz": PACK["xz"](raw)}), "b.tar")[0],
        f"{folder / 'b.tar'}!Player.log.xz",
    ),
    "in a mail": lambda folder, raw: (
        _file(folder, mailed({"shot.png": PNG, "Spieler ä.log": raw}, " "), "ticket.txt")[0],
        f"{folder / 'ticket.txt'}!Spieler ä.log",
    ),
    "zip in a mail": lambda folder, raw: (
        _file(folder, mailed({"logs.zip": zipped({"Player.log": raw})}, " "), "ticket.eml")[0],
        f"{folder / 'ticket.eml'}!logs.zip!Player.log",
    ),
    "mail in a zip": lambda folder, raw: (
        _file(folder, zipped({"a.eml": mailed({"Player.log": raw}, " ")}), "ticket.zip")[0],
        f"{folder / 'ticket.zip'}!a.eml!Player.log",
    ),
    "gz of gz": partial(
        lambda folder, raw: _file(folder, gzip.compress(gzip.compress(raw)), "x.gz")
    ),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_log_gives_the_same_answer_however_it_comes(
    tmp_path: Path, kind: str, encoding: str
) -> None:
    turn = list(KINDS).index(kind) + ENCODINGS.index(encoding)
    raw = refused(ENVELOPES[turn % len(ENVELOPES)], encoding)
    path, name = KINDS[kind](tmp_path, raw)
    found, left_out = read(path)
    assert [one.name for one in found] == [name]
    assert all(one.minor for one in left_out), left_out
    assert answer(found[0]) == answer(scan(Source(name, [raw]), settings())[0])
    assert ids(found[0])[0] == "invalid-api-key"
    assert found[0].bytes == len(raw)


@pytest.mark.parametrize("name", [*ARCHIVE, *PACK])
def test_standard_input_may_be_packed_too(name: str) -> None:
    raw = refused()
    packed = PACK[name](raw) if name in PACK else ARCHIVE[name]({"Player.log": raw})
    found, left_out = read("-", stdin=packed)
    assert [one.name for one in found] == ["-" if name in PACK else "-!Player.log"]
    assert not left_out


def test_several_sources_come_in_the_order_they_are_named(tmp_path: Path) -> None:
    names = ["b.log", "a.log", "c.log"]
    for name in names:
        (tmp_path / name).write_bytes(refused())
    found, _ = read(*(tmp_path / name for name in names))
    assert [Path(one.name).name for one in found] == names
    found, _ = read(tmp_path)
    assert [Path(one.name).name for one in found] == sorted(names)


def test_a_ticket_folder_is_read_and_what_is_no_log_is_listed(tmp_path: Path) -> None:
    (tmp_path / "bundle.zip").write_bytes(zipped({"Player.log": refused(), "shot.png": PNG}))
    (tmp_path / "console.txt").write_bytes(refused("docs"))
    (tmp_path / "screenshot.png").write_bytes(PNG)
    (tmp_path / "order.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n")
    (tmp_path / "notes.docx").write_bytes(zipped({"[Content_Types].xml": b"<x/>", "w.xml": b""}))
    (tmp_path / ".git").mkdir()
    found, left_out = read(tmp_path)
    assert len(found) == 2
    assert all(one.minor for one in left_out)
    assert {Path(one.source).name: one.reason for one in left_out} == {
        "bundle.zip!shot.png": "this is a picture, not a log",
        "screenshot.png": "this is a picture, not a log",
        "order.pdf": "this is a PDF, not a log",
        "notes.docx": "this is an Office document, not a log",
        ".git": "a hidden folder (name it to read it)",
    }


def test_what_is_named_or_holds_no_log_is_not_left_out_quietly(tmp_path: Path) -> None:
    picture = tmp_path / "only" / "shot.png"
    picture.parent.mkdir()
    picture.write_bytes(PNG)
    noise_file = tmp_path / "noise" / "x.bin"
    noise_file.parent.mkdir()
    noise_file.write_bytes(random.Random(1).randbytes(4000))
    for path, reason in (
        (picture, "picture"),
        (picture.parent, "no log is in it"),
        (noise_file.parent, "binary"),
        (tmp_path / "no", "no such file"),
        (tmp_path / "*.none", "no file matches"),
        (f"@{tmp_path / 'no'}", "no such file"),
    ):
        _, left_out = read(path)
        wrong = [one.reason for one in left_out if not one.minor]
        assert len(wrong) == 1, left_out
        assert reason in wrong[0]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "ticket"
    folder.mkdir()
    (folder / "Player.log").write_bytes(refused())
    (folder / "loop").symlink_to(folder)
    (folder / "secret.log").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.log")
    found, left_out = read(folder)
    assert [Path(one.name).name for one in found] == ["Player.log"]
    assert sorted(Path(one.source).name for one in left_out) == ["loop", "pipe.log", "secret.log"]


def test_the_commands_that_read_one_log_read_it_packed(tmp_path: Path) -> None:
    raw = refused()
    path = tmp_path / "Player.log.gz"
    path.write_bytes(gzip.compress(raw))
    assert b"".join(from_file(path).text()) == raw
    assert b"".join(from_stream(io.BytesIO(gzip.compress(raw))).text()) == raw
    path.write_bytes(zipped({"Player.log": raw}))
    with pytest.raises(SourceError, match="this is an archive"):
        list(from_file(path).text())


@pytest.mark.parametrize("code", ["7bit", "quoted-printable", "base64"])
def test_the_text_of_a_mail_is_read(code: str) -> None:
    mail = mailed({"shot.png": PNG}, refused("docs").decode(), code)
    found, left_out = read("-", stdin=mail)
    assert [(one.name, ids(one)[0]) for one in found] == [("-!body", "invalid-api-key")]
    assert [(one.source, one.minor) for one in left_out] == [("-!shot.png", True)]


def _mail(kind: str, body: str, more: str = "") -> bytes:
    return (
        f"From: zoe@example.net\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\n{more}\r\n{body}"
    ).encode("latin-1")


FIRST, SECOND = "[14:03:22.118][Error][SDK]: Failed to connect", "character Zoë after 3 attempts."
SAID = f"{FIRST} {SECOND}"


@pytest.mark.parametrize(
    ("mail", "text"),
    [
        (_mail('text/html; charset="iso-8859-1"',
               f"<html><head><style>p {{}}</style><title>x</title></head><body><div>Hi,</div>\n"
               f"<p class=a>{FIRST}\n{SECOND}<br><b>two</b> &lt;3</p></body></html>"),
         f"Hi,\n{SAID}\ntwo <3\n"),
        (_mail("text/html", "<pre>one  two\n three</pre>"), "one  two\nthree\n"),
        (_mail("text/plain; format=flowed; charset=latin1", f"{FIRST} \r\n{SECOND}\r\n-- \r\nZoë"),
         f"{SAID}\r\n-- \r\nZoë"),
        (_mail("text/plain; charset=nonsense", FIRST), FIRST),
        (_mail("text/plain; charset=cp1252", "a=20=80", "Content-Transfer-Encoding: quoted-printable\r\n"),
         "a €"),
    ],
    ids=["html", "pre", "flowed", "unknown charset", "quoted-printable"],
)  # fmt: skip
def test_a_mail_shows_its_text_as_it_was_written(mail: bytes, text: str) -> None:
    found = [
        (one.name, b"".join(one.text()).decode())
        for one in in_paths(["-"], Pipe(io.BytesIO(mail)), Limits())
        if isinstance(one, Source)
    ]
    assert found == [("-!body", text)]


def test_what_only_mentions_headers_is_no_mail(tmp_path: Path) -> None:
    headers = "MIME-Version: 1.0\nContent-Type: text/plain\nFrom: zoe@example.net\n"
    for number, text in enumerate(
        (
            "Initialize engine version: 6000.0.80f1 (abc)\n" + headers + "\n",
            headers,  # and nothing behind them
            headers + "what is this\n\n",
            "From: zoe@example.net\nSubject: it is silent\n\n",  # a ticket as text
            "[Licensing::Client] MIME-Version: 1.0\nContent-Type: x\n\n",
        )
    ):
        path, name = _file(tmp_path, (text + SAID + "\n").encode(), f"{number}.eml")
        assert [one.name for one in read(path)[0]] == [name]


def test_a_mail_is_several_logs_to_the_commands_that_read_one(tmp_path: Path) -> None:
    raw = refused()
    path, _ = _file(tmp_path, mailed({"Player.log": raw}), "ticket.eml")
    with pytest.raises(SourceError, match="one log is wanted"):
        list(from_file(Path(path)).text())
    assert b"".join(one_log(f"{path}!Player.log", NO_PIPE).text()) == raw


def test_a_page_counts_where_the_plain_text_says_less() -> None:
    page = f"<p>Hi <!-- x > y --> <a title='a>b'>all</a>,</p><pre>{refused('docs').decode()}</pre>"
    for plain in ("", "see the page", None):
        mail = EmailMessage()
        mail["From"], mail["Subject"] = "zoe@example.net", "no voice"
        if plain is None:  # the page stands behind a text of its own
            mail.set_content("hello")
            mail.make_mixed()
            part = EmailMessage()
            part.set_content(page, subtype="html")
            mail.attach(part)
        else:
            mail.set_content(plain)
            mail.add_alternative(page, subtype="html")
        found, _ = read("-", stdin=mail.as_bytes())
        assert ids(found[-1])[0] == "invalid-api-key", plain
        assert b"Hi all," in _shown(page).encode()


def test_no_copy_is_made_of_a_mail(tmp_path: Path) -> None:
    """What it holds may be encoded, where no search would see a secret."""
    path, _ = _file(tmp_path, mailed({"Player.log": refused("docs")}, "hi", "base64"), "ticket.eml")
    for words in ([path, "-o", f"{tmp_path / 'safe.eml'}"], [path, "--check"]):
        done = CliRunner().invoke(redact, words, standalone_mode=False)
        assert done.return_value == 3 or "this is a mail" in str(done.exception), done.output
    assert not (tmp_path / "safe.eml").exists()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Keep standard error for the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path
    server.shutdown()
    server.server_close()


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_url_is_read_and_its_secrets_are_not_shown(server: tuple[str, Path]) -> None:
    base, folder = server
    (folder / "Player.log.gz").write_bytes(gzip.compress(refused()))
    (folder / "b.zip").write_bytes(zipped({"Player.log": refused()}))
    found, left_out = read(f"{base}/Player.log.gz?sig=abcdef123456", f"{base}/b.zip")
    assert [one.name for one in found] == [f"{base}/Player.log.gz", f"{base}/b.zip!Player.log"]
    assert not left_out
    found, left_out = read(f"{base}/no.log?sig=abcdef123456")
    assert not found
    assert "there is no such file" in left_out[0].reason
    assert "abcdef123456" not in str(left_out)


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_a_url_that_cannot_be_read_says_what_the_network_said(
    server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    for url, words in (
        (f"http://127.0.0.1:{port}/a.log?sig=abcdef123456", "the connection was refused"),
        ("http://no-such-host.invalid/a.log", "cannot be resolved"),
        (f"{server[0]}/no.log", "there is no such file: the server answered 404"),
        (server[0].replace("http:", "https:"), "TLS failed"),
        ("http://127.0.0.1:99999/a.log", "no valid address"),
        ("nowhere://x/a.log", "no service is known"),
    ):
        _, left_out = read(url)
        assert words in left_out[0].reason, url
        assert "abcdef123456" not in str(left_out)
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    _, left_out = read("http://example.net/a.log")
    assert "pip install 'convai-logscan[remote]'" in left_out[0].reason


def test_the_commands_that_read_one_log_take_a_url(server: tuple[str, Path]) -> None:
    base, folder = server
    raw = refused()
    (folder / "Player.log").write_bytes(raw)
    (folder / "b.zip").write_bytes(zipped({"Player.log": raw}))
    assert b"".join(one_log(f"{base}/Player.log", NO_PIPE).text()) == raw
    assert b"".join(one_log(f"{base}/b.zip!Player.log", NO_PIPE).text()) == raw
    assert [one.name for one in read(f"{base}/b.zip?sig=x!Player.log")[0]] == [
        f"{base}/b.zip!Player.log"
    ]
    (folder / "odd!name.log").write_bytes(raw)
    assert read(f"{base}/odd!name.log")[0]
    with pytest.raises(SourceError, match="one log is wanted"):
        one_log(f"{base}/b.zip", NO_PIPE)
    with pytest.raises(SourceError, match="there is no such log in"):
        one_log(f"{base}/b.zip!no.log", NO_PIPE)
    with pytest.raises(SourceError, match="there is no such file"):
        one_log(f"{base}/no.log", NO_PIPE)


def test_a_member_is_read_by_the_name_that_it_is_called_by(tmp_path: Path) -> None:
    files = {"Player.log": refused(), "logs/Editor.log": refused(), "shot.png": PNG}
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({**files, "b.tar.gz": ARCHIVE["tar.gz"](files)}))
    names = [one.name for one in read(path)[0]]
    assert len(names) == 4
    for name in names:
        found, left_out = read(name)
        assert ([one.name for one in found], left_out) == ([name], [])
        assert b"".join(one_log(name, NO_PIPE).text()) == refused()
    found, _ = read(f"{path}!b.tar.gz")
    assert [one.name for one in found] == names[2:]
    with pytest.raises(SourceError, match="name the log in it, like"):
        one_log(f"{path}!b.tar.gz", NO_PIPE)
    for name, words in (
        ("no.log", "there is no such log"), ("b.tar.gz!no.log", names[3]), ("shot.png", "a picture"),
    ):  # fmt: skip
        found, left_out = read(f"{path}!{name}")
        assert not found
        assert words in left_out[0].reason
        assert not left_out[0].minor
    odd = tmp_path / "a.zip!Player.log"  # a file that is called so is that file
    odd.write_bytes(b"plain\n")
    assert read(odd)[0][0].bytes == 6


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.net/a/b.log?sig=x#y", "https://example.net/a/b.log"),
        ("sftp://ada:pass@word@example.net:22/b.log", "sftp://example.net:22/b.log"),
        ("zip://*.log::https://ada:pw@example.net/x.zip?sig=x", "zip://*.log::https://example.net/x.zip"),
        ("s3://bucket/logs/*.log", "s3://bucket/logs/*.log"),
        ("https://example.net?sig=x", "https://example.net"),
    ],
)  # fmt: skip
def test_a_url_is_shown_without_its_secrets(url: str, name: str) -> None:
    assert remote.shown(url) == name


def test_a_service_with_patterns_is_asked_for_them() -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/ticket/a.log", refused())
    memory.pipe("/ticket/b.log", refused())
    for url in ("memory://ticket/*.log", "memory://ticket"):
        found, _ = read(url)
        assert [one.name for one in found] == ["memory:///ticket/a.log", "memory:///ticket/b.log"]


def test_nesting_is_read_three_deep_and_no_deeper(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(nested(3, refused()))
    assert [one.name for one in read(path)[0]] == [f"{path}!a.zip!a.zip!a.log"]
    path.write_bytes(nested(4, refused()))
    found, left_out = read(path)
    assert not found
    assert [(one.source, one.reason[:15]) for one in left_out] == [
        (f"{path}!a.zip!a.zip!a.zip", "nested too deep")
    ]
    assert read(path, limits=Limits(depth=4))[0]


def test_unitys_places_are_known_on_every_system(tmp_path: Path) -> None:
    spots = {
        "win32": ("AppData/Local/Unity/Editor/Editor.log", "AppData/LocalLow/Acme/Game/Player.log",
                  "AppData/LocalLow/Acme/Game/output_log.txt"),
        "darwin": ("Library/Logs/Unity/Editor.log", "Library/Logs/Acme/Game/Player-prev.log",
                   "Library/Logs/Unity/Player.log"),
        "linux": (".config/unity3d/Editor-prev.log", ".config/unity3d/Acme/Game/Player.log"),
    }  # fmt: skip
    for system, names in spots.items():
        home, here = tmp_path / system, tmp_path / system / "project"
        wanted = [here / "Logs" / "Editor.log", *(home / name for name in names)]
        for age, path in enumerate(wanted):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            os.utime(path, (1_000_000 - age, 1_000_000 - age))
        assert places.found(system, home, here, {}) == wanted


@pytest.mark.skipif(not (SHARED / "logs").is_dir(), reason="the collection is not here")
@pytest.mark.slow
def test_a_collection_packed_is_read_as_one_by_one(tmp_path: Path) -> None:
    files = {
        path.name.removesuffix(".gz"): gzip.decompress(path.read_bytes())
        for path in sorted((SHARED / "logs").glob("*.gz"))
    }
    bundle = tmp_path / "all.zip"
    bundle.write_bytes(zipped({"all.tar.gz": ARCHIVE["tar.gz"](files)}))
    found, left_out = read(bundle)
    assert not left_out
    assert [one.name for one in found] == [f"{bundle}!all.tar.gz!{name}" for name in files]
    for one, raw in zip(found, files.values(), strict=True):
        assert answer(one) == answer(scan(Source(one.name, [raw]), settings())[0])


# --- bytes to text -------------------------------------------------------------------------------


def decoded(raw: bytes, size: int = 7) -> tuple[str, Source]:
    source = Source("x", [raw[i : i + size] for i in range(0, len(raw), size)])
    return b"".join(source.text()).decode("utf-8", "backslashreplace"), source


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16-be"),
        (codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"), "utf-32-le"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_encodings_are_recognised(raw: bytes, encoding: str) -> None:
    text, source = decoded(raw)
    assert (text, source.encoding) == (TEXT, encoding)
    assert source.bytes == len(raw)


LATIN = "[14:03:21.000][Info][SDK]: Zürich says hello, and this line is long enough\r\n"
HAN = "角色无法连接到服务器,请检查网络设置然后重试一次看看结果如何上\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [("utf-8", LATIN), ("utf-16-le", LATIN)],
        [("utf-8", LATIN * 9), ("utf-16-le", LATIN), ("utf-8", LATIN * 2)],
        [("utf-16", LATIN * 3), ("utf-8", LATIN), ("utf-16", LATIN)],
        [("utf-16-be", LATIN), ("utf-8", LATIN)],
        [("utf-8", "no line end here: "), ("utf-16-le", LATIN)],
        [("utf-16", LATIN + HAN * 40 + LATIN)],
        [("utf-8", HAN * 3), ("utf-16-le", LATIN + HAN)],
    ],
)
@pytest.mark.parametrize("size", [1, 2, 7, 100, 1 << 20])
def test_a_file_may_change_its_encoding_on_the_way(parts: list[tuple[str, str]], size: int) -> None:
    raw = b"".join(text.encode(encoding) for encoding, text in parts)
    text, source = decoded(raw, size)
    assert text.replace("\ufeff", "") == "".join(text for _, text in parts)
    assert source.nul_bytes == 0


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"one\n" + b"\0" * 5000 + b"two\n", "one\ntwo\n"),
        (b"one\n" + b"\0" * 5000, "one\n"),
        (b"the line before\non\0e\0\ntw\0o\n", "the line before\none\ntwo\n"),
        ("eins\n".encode("utf-16") + b"x", "eins\n\ufffd"),
        ("eins\n".encode("utf-16") + bytes(999), "eins\n\ufffd"),
        (b"cut \xe4\xb8", "cut \\xe4\\xb8"),
        (b"\xef\xbb", "\\xef\\xbb"),
        (b"one\rtwo\r", "one\ntwo\n"),
        (b"50%\r60%\r\ndone\r\n", "50%\r60%\r\ndone\r\n"),
        ("\u0434\u0430\n".encode("cp1251"), "\\xe4\\xe0\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1 << 20])
def test_damaged_bytes_lose_nothing_else(raw: bytes, text: str, size: int) -> None:
    assert decoded(raw, size)[0] == text


PIECES = st.sampled_from(
    [LATIN.encode(), LATIN.encode("utf-16-le"), HAN.encode(), HAN.encode("utf-16-le"), b"\0", b"\0" * 600,
     b"\n", b"\r\n", b"\xff\xfe", b"a\0", b"\0a", b"\xe4", LATIN.encode("utf-16-be"), b"x" * 600]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12), st.lists(st.integers(1, 900), min_size=1, max_size=9))
def test_how_bytes_are_cut_never_changes_the_text(parts: list[bytes], sizes: list[int]) -> None:
    raw = b"".join(parts)
    at = 0
    blocks: list[bytes] = []
    while at < len(raw):
        blocks.append(raw[at : at + sizes[len(blocks) % len(sizes)]])
        at += len(blocks[-1])
    whole, cut = Source("x", [raw]), Source("x", blocks)
    try:
        assert b"".join(cut.text()) == b"".join(whole.text())
    except SourceError:
        with pytest.raises(SourceError):
            list(Source("x", [raw]).text())
    assert (cut.encoding, cut.nul_bytes) == (whole.encoding, whole.nul_bytes)


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.log"
    path.touch()
    assert list(from_file(path).text()) == []
    found, left_out = read(path)
    assert (len(found), left_out) == (1, [])


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    picture = tmp_path / "shot.log"
    picture.write_bytes(PNG)
    noise_file = tmp_path / "noise.log"
    noise_file.write_bytes(bytes(range(256)) * 40)
    for path, word in (
        (picture, "picture"),
        (noise_file, "binary"),
        (tmp_path, "folder"),
        (tmp_path / "no", "no such file"),
    ):
        with pytest.raises(SourceError, match=word):
            list(from_file(path).text())
