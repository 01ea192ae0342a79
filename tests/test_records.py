"""Envelopes, markup and where records begin and end."""

from __future__ import annotations

import pytest

from convai_logscan.envelopes import ENVELOPES, Envelope, peel, plain
from convai_logscan.marks import Marker
from convai_logscan.model import Record
from convai_logscan.records import Framer


def framed(text: str | bytes) -> list[Record]:
    data = text.encode() if isinstance(text, str) else text
    return list(Framer().records(Marker(None).marks([data])))


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda e: e.name)
def test_a_sample_is_peeled_by_its_own_envelope(envelope: Envelope) -> None:
    found = peel(envelope.sample)
    assert found.names == (envelope.name,)
    said = found.text.removeprefix("LiveKit: ")
    assert said == ("" if envelope.alone else "Convai Bootstrapper: Initializing...")
    assert found.kind == envelope.kind


def test_header_forms_of_every_generation() -> None:
    lines = [
        "[14:03:22.118][Error][SDK][c0ffee01]: [RoomConnectionRuntimeAdapter] ConnectAsync failed: boom",
        "[Debug][Transport]: Room create mode (new room)",
        "[Info][SDK] Connection successful.",
        "<color=cyan>[14:03:22.118][Debug][Transport]: Room create mode (new room)</color>",
        "<color=#8AB4F8>[Debug]</color><color=#C58AF9>[Transport]</color>: Room create mode (new room)",
    ]
    found = [framed(line)[0] for line in lines]
    assert [r.speaker for r in found] == ["convai"] * 5
    assert [r.level for r in found] == ["Error", "Debug", "Info", "Debug", "Debug"]
    assert [r.category for r in found] == ["SDK", "Transport", "SDK", "Transport", "Transport"]
    assert found[0].correlation == "c0ffee01"
    assert found[0].tags == ("RoomConnectionRuntimeAdapter",)
    assert [r.message for r in found][1:] == [
        "Room create mode (new room)", "Connection successful.", "Room create mode (new room)",
        "Room create mode (new room)",
    ]  # fmt: skip


def test_another_games_logger_is_not_convai() -> None:
    assert framed("[Error][Network]: lost")[0].speaker == "other"


def test_tags_once_twice_or_not_at_all() -> None:
    head = "[14:03:22.118][Info][Transport]: "
    bodies = ["Connected to room", "[WebGLRoomController] Connected to room",
              "[WebGLRoomController] [WebGLRoomController] Connected to room"]  # fmt: skip
    found = [framed(head + body)[0] for body in bodies]
    assert [len(r.tags) for r in found] == [0, 1, 2]
    assert {r.message for r in found} == {"Connected to room"}


def test_a_colour_closed_lines_later_is_one_record() -> None:
    text = (
        "<color=red>[14:03:22.118][Error][SDK]: [RoomConnectionRuntimeAdapter] ConnectAsync failed: boom\n"
        "HttpRequestException: An error occurred while sending the request\n"
        "  at System.Net.Http.HttpClient.Send ()\n</color>\nnext\n"
    )
    first, *rest = framed(text)
    assert (first.line, first.last_line) == (1, 4)
    assert [r.message for r in rest] == ["next"]


def test_indented_json_belongs_to_its_record() -> None:
    text = '[Debug][Transport]: Room details received: {\n  "room_name": "a",\n  "x": {}\n}\nnext\n'
    first, *rest = framed(text)
    assert first.message.endswith("\n}")
    assert [r.message for r in rest] == ["next"]


def test_frames_and_trailer_belong_to_the_record_and_give_its_level() -> None:
    text = (
        "Something happened\nUnityEngine.Debug:LogError (object)\nFoo:Bar () (at Assets/Foo.cs:1)\n"
        "\n(Filename: Assets/Foo.cs Line: 1)\n\nnext\n"
    )
    first, *rest = framed(text)
    assert (first.level, first.last_line) == ("Error", 5)
    assert [r.message for r in rest if r.message] == ["next"]


def test_a_line_end_may_have_carriage_returns_before_it() -> None:
    assert [r.message for r in framed("a\r\nb\r\r\nc\n")] == ["a", "b", "c"]


def test_bytes_that_are_not_utf8_are_shown() -> None:
    assert framed(b"bad \xe1 byte\n")[0].quote == "bad \\xe1 byte"


def test_markup_and_escapes_are_peeled() -> None:
    assert plain("\x1b[32minfo\x1b[0m <b>x</b> <color=#fff>y</color> \ufeffz<w>") == "info x y z<w>"


def test_midnight_is_a_new_day_and_not_a_jump_back() -> None:
    text = "[23:59:59.000][Info][SDK]: a\n[00:00:01.000][Info][SDK]: b\n"
    first, second = (r.stamp for r in framed(text))
    assert first is not None
    assert second is not None
    assert second.seconds - first.seconds == 2.0
