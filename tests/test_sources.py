"""Bytes in, UTF-8 lines out; what is no log is refused in one sentence."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pytest

from convai_logscan.errors import SourceError
from convai_logscan.sources import from_file
from convai_logscan.sources.text import Source

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "Initialize engine version: 6000.0.80f1 (abc)\r\nzwei ä\r\r\ndrei\n"


def decoded(raw: bytes, size: int = 7) -> tuple[str, Source]:
    source = Source("x", [raw[i : i + size] for i in range(0, len(raw), size)])
    return b"".join(source.text()).decode(), source


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (TEXT.encode(), "utf-8"),
        (codecs.BOM_UTF8 + TEXT.encode(), "utf-8-sig"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "utf-16-be"),
        (TEXT.encode("utf-16-le"), "utf-16-le"),
        (TEXT.encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_encodings_are_recognised(raw: bytes, encoding: str) -> None:
    text, source = decoded(raw)
    assert (text, source.encoding) == (TEXT, encoding)
    assert source.bytes == len(raw)


def test_runs_of_nul_bytes_are_dropped_and_counted() -> None:
    text, source = decoded(b"one\n" + b"\0" * 100 + b"two\n")
    assert (text, source.nul_bytes) == ("one\ntwo\n", 100)


def test_without_any_newline_a_carriage_return_ends_a_line() -> None:
    assert decoded(b"one\rtwo\r")[0] == "one\ntwo\n"


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.log"
    path.touch()
    assert list(from_file(path).text()) == []


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    picture = tmp_path / "shot.log"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    noise = tmp_path / "noise.log"
    noise.write_bytes(bytes(range(256)) * 40)
    for path, word in (
        (picture, "picture"),
        (noise, "binary"),
        (tmp_path, "folder"),
        (tmp_path / "no", "no such file"),
    ):
        with pytest.raises(SourceError, match=word):
            list(from_file(path).text())
