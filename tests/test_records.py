"""Envelopes, markup and where records begin and end."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convai_logscan import marks
from convai_logscan.anchors import finder
from convai_logscan.envelopes import ENVELOPES, Envelope, peel, plain
from convai_logscan.facts import HEAD, SelfDescription
from convai_logscan.marks import Marker
from convai_logscan.model import Mark, Record
from convai_logscan.records import Framer
from tests import compose
from tests.helpers import scanned
from tests.strategies import MESSAGES


def framed(text: str | bytes) -> list[Record]:
    data = text.encode() if isinstance(text, str) else text
    return list(Framer().records(Marker(None).marks([data])))


TAGGED = "[NativeRoomController] Room-details request failed with HTTP 401: Unauthorized"


@pytest.mark.parametrize(
    ("before", "after"),
    [("  ", ""), ("\t", ""), ("- ", ""), ("2) ", ""), ("    > ", ""), ("**", "**"), ("  - **", "**"),
     ("<li>", "</li>"), ("`", "`"), ("10:22:31 ", "")],
)  # fmt: skip
@pytest.mark.parametrize("line", [TAGGED, "[ConvaiManager] Shutting down."])
def test_a_line_of_a_known_class_is_found_in_the_layout_of_a_ticket(
    before: str, after: str, line: str
) -> None:
    assert peel(before + line + after).text == line


@pytest.mark.parametrize(
    "line",
    ["  at Convai.Runtime.ConvaiManager.Start ()", '  "[ConvaiManager] Shutting down.",', "  [Convai]",
     "  [MyConvaiBridge] ready", "- [ ] ConvaiManager is in the scene", "  [ConvaiManager]",
     "  [GameClient] NativeRoomController is up", '  ["ConvaiManager", "RTVIHandler"]'],
)  # fmt: skip
def test_stack_lines_json_and_tags_of_others_stay_as_they_are(line: str) -> None:
    assert peel(line) == (line, (), None, {}, False, False, None)


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda e: e.name)
def test_a_sample_is_peeled_by_its_own_envelope(envelope: Envelope) -> None:
    found = peel(envelope.sample)
    assert found.names == (envelope.name,)
    said = found.text.removeprefix("LiveKit: ")
    aside = envelope.alone or envelope.behind
    assert said == ("" if aside else "Convai Bootstrapper: Initializing...")
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


LIVEKIT_LINE = "LiveKit: livekit::rtc_engine: engine is disconnected"


@pytest.mark.parametrize(
    ("text", "level", "printed"),
    [
        (f"[ 02-03 04:05:06.789 19117:19178 W/Unity ]\n{LIVEKIT_LINE}\n\n", "Warning", "04:05:06.789"),
        (f"2026-02-03T04:05:06.789Z:error2624/2478 [OAR] Unity\n{LIVEKIT_LINE}<br>\n", "Error",
         "2026-02-03T04:05:06.789Z"),
        ((f"{LIVEKIT_LINE}\nType: Error | Timestamp: 2026-02-03 04:05:06.789215+01:00 | Process: Game15 | "
         "Library: UnityFramework | TID: 0x1608a\nnext\n"), "Error", "2026-02-03T03:05:06.789Z"),
        (f"{LIVEKIT_LINE}\nType: stdio\nnext\n", None, None),
        (f"ready ]\n{LIVEKIT_LINE}\n", None, None),
    ],
)  # fmt: skip
def test_a_line_beside_an_entry_gives_it_clock_and_level(
    text: str, level: str | None, printed: str | None
) -> None:
    (found,) = (one for one in framed(text) if one.speaker == "livekit")
    assert (found.level, found.stamp and found.stamp.printed) == (level, printed)
    assert found.message.startswith(LIVEKIT_LINE)
    assert found.last_line == found.line


def test_a_line_in_json_is_what_was_written_into_it() -> None:
    said = '<color=cyan>[14:03:22.118][Debug][Transport]: Room details received: {"room_name":"ä \\"</color>'
    log = (
        json.dumps(f"{said}\n", ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e")
    )
    line = f'{{"log":{log},"stream":"stdout","time":"2026-02-03T04:05:06.789012345Z"}}\n'
    (found,) = framed(line)
    assert found.message == 'Room details received: {"room_name":"ä \\"'
    assert (found.category, found.stamp and found.stamp.printed) == (
        "Transport", "2026-02-03T04:05:06.789Z",
    )  # fmt: skip
    assert scanned(line * 3).kind == "ci"


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


def test_a_dump_is_one_record_up_to_its_closing_line() -> None:
    lines = [
        "[Info][Narrative]: [ConvaiNarrativeDesignTrigger] === DIAGNOSTICS ===",
        "  Status: QueuedWaitingForCharacter", "  Last Error: Session error: connection.timeout",
        "===========================",
    ]  # fmt: skip
    first, *rest = framed("\n".join([*lines, "next"]))
    assert (first.line, first.last_line) == (1, 4)
    assert [r.message for r in rest] == ["next"]
    cut, *rest = framed("\n".join([*lines[:2], "next", *lines[3:]]))
    assert cut.last_line == 2
    assert rest[0].message == "next"


def test_an_exception_is_attached_to_a_failure_only() -> None:
    head = "[14:03:22.118][{}][SDK]: something\nTimeoutException: no answer\n"
    assert [len(framed(head.format(level))) for level in ("Error", "Warning", "Info")] == [1, 1, 2]


def test_the_stack_line_of_version_3_belongs_to_its_record() -> None:
    text = (
        "<color=red>[Error][Character]: no answer</color>\n"
        "[Stack Trace - Method: Ask, at Line: 12 in File: C:\\Sample\\Assets\\Npc.cs]\nnext\n"
    )
    first, *rest = framed(text)
    assert (first.message, first.last_line) == ("no answer", 2)
    assert first.frames[0].startswith("[Stack Trace - Method: Ask")
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


# --- Entries of several wrapped lines ---


def logcat(*said: str, clock: str = "12:04:56.810", who: str = "19117 19178 E Unity   ") -> str:
    return "".join(f"02-03 {clock} {who}: {line}\n" for line in said)


def test_a_logcat_entry_of_many_lines_is_one_record_and_others_do_not_enter_it() -> None:
    other = "02-03 12:04:56.810  1249  1321 W WindowManager: [14:03:22.118][Info][SDK]: theirs\n"
    text = (
        logcat("[14:03:22.118][Error][SDK]: [RoomConnectionRuntimeAdapter] boom", "second line")
        + "--------- beginning of system\n"
        + other
        + logcat("UnityEngine.Debug:LogError (object)")
        + other
        + logcat("Convai.Sink:Write (Convai.Entry)", "")
        + logcat("next")
    )
    first, *rest = [r for r in framed(text) if r.message]
    assert first.message == "boom\nsecond line"
    assert first.frames == (
        "UnityEngine.Debug:LogError (object)",
        "Convai.Sink:Write (Convai.Entry)",
    )
    assert (first.line, first.last_line) == (1, 7)
    assert [(r.line, r.message) for r in rest if r.speaker == "convai"] == [
        (4, "theirs"),
        (6, "theirs"),
    ]
    assert rest[-1].message == "next"


@pytest.mark.parametrize(
    ("priority", "level"),
    [
        ("V", "Trace"),
        ("D", "Debug"),
        ("I", "Info"),
        ("W", "Warning"),
        ("E", "Error"),
        ("F", "Error"),
    ],
)
def test_the_priority_is_the_level(priority: str, level: str) -> None:
    (record,) = framed(f"02-03 12:04:56.810 19117 19178 {priority} Unity   : LiveKit: x\n")
    assert (record.level, record.speaker) == (level, "livekit")


@pytest.mark.parametrize("size", [1023, 4000, 4068])
def test_a_cut_entry_goes_on_in_the_next_one_of_its_writer(size: int) -> None:
    said = "[14:03:22.118][Error][SDK]: " + "x" * 5000
    other = "02-03 12:04:56.900  1249  1321 D AudioFlinger: idle\n"
    text = (
        logcat(said[:size])
        + other
        + logcat(said[size:], clock="12:04:56.811")
        + logcat("[14:03:22.119][Info][SDK]: next", clock="12:04:56.812")
    )
    first, *rest = framed(text)
    assert first.message == "x" * 5000
    assert first.last_line == 3
    assert [r.message for r in rest if r.speaker == "convai"] == ["next"]


def test_where_the_rest_of_a_cut_entry_is_lost_the_next_one_is_whole() -> None:
    said = '[14:03:22.118][Debug][Transport]: Room details received: {"token":"' + "x" * 2000
    text = (
        logcat(said[:1023])
        + logcat("[14:03:22.119][Info][SDK]: next", clock="12:04:56.812")
        + logcat(said[:900])
        + logcat("Curl error 6: Could not resolve host: a.example.net", clock="12:04:57.812")
    )
    found = framed(text)
    assert [r.message[:12] for r in found] == [
        "Room details",
        "next",
        "Room details",
        "Curl error 6",
    ]


def test_json_cut_in_a_string_is_joined_without_a_line_end() -> None:
    text = '[Debug][Transport]: Room details received: {"room_name":"ro\nom","x":"}"}\nnext\n'
    assert framed(text)[0].message == 'Room details received: {"room_name":"room","x":"}"}'


def test_a_line_of_another_thread_between_two_frames_is_its_own_record() -> None:
    text = (
        "[14:03:22.118][Error][SDK]: boom\nUnityEngine.Debug:LogError (object)\n"
        "Curl error 6: Could not resolve host: a.example.net\nConvai.Sink:Write (Convai.Entry)\n\n"
    )
    first, second = [r for r in framed(text) if r.message]
    assert first.frames[-1] == "Convai.Sink:Write (Convai.Entry)"
    assert (second.line, second.frames) == (3, ())


def test_the_stack_of_the_next_message_is_not_that_of_the_first() -> None:
    text = "One\nUnityEngine.Debug:Log (object)\nTwo\nUnityEngine.Debug:LogError (object)\nA:B ()\n"
    first, second = framed(text)
    assert (first.message, first.level, second.message, second.level) == (
        "One",
        None,
        "Two",
        "Error",
    )


def test_an_entry_with_line_breaks_of_html_has_message_and_frames() -> None:
    text = (
        "2026-02-03T12:04:56.810Z:error4470/4450 Unity\n"
        "[14:03:22.118][Error][SDK]: boom<br>UnityEngine.Debug:LogError (object)<br>A:B ()<br><br>\n"
    )
    record = framed(text)[-1]
    assert (record.message, len(record.frames)) == ("boom", 2)


def test_without_a_time_an_entry_of_logcat_ends_at_the_next_line_that_is_no_frame() -> None:
    text = (
        "E/Unity   ( 7578): [14:03:22.118][Error][SDK]: boom\n"
        "E/Unity   ( 7578): Initialize engine version: 6000.0.80f1 (abc)\n"
    )
    assert [r.message[:10] for r in framed(text)] == ["boom", "Initialize"]


# --- Glued, quoted, damaged ---


def test_a_header_in_mid_line_begins_a_record() -> None:
    text = (
        "Opening Default Application[14:03:22.118][Error][SDK]: one"
        "[14:03:22.119][Warning][SDK]: [SessionMetrics] Session error: connection.failed\n"
    )
    found = [(r.message, r.level, r.quote[:10]) for r in framed(text)]
    assert found == [
        ("Opening Default Application", None, "Opening De"),
        ("one", "Error", "[14:03:22."),
        ("Session error: connection.failed", "Warning", "[14:03:22."),
    ]
    assert framed("worker 3: [Error][SDK]: two\n")[-1].message == "two"


@pytest.mark.parametrize(
    "line",
    [
        "> > [14:03:22.118][Error][SDK]: boom",
        "   - `[14:03:22.118][Error][SDK]: boom`",
        "**[14:03:22.118][Error][SDK]: boom**",
        "3) [14:03:22.118][Error][SDK]: boom",
        "<p>&lt;color=red&gt;[14:03:22.118][Error][SDK]: boom&lt;/color&gt;</p>",
        "&gt; 02-03 12:04:56.810 19117 19178 E Unity   : [14:03:22.118][Error][SDK]: boom",
        "\u2022 [Error] [14:03:22.118][Error][SDK]: boom (Build.framework.js, line 9)",
        "\u2229\u2557\u2510[14:03:22.118][Error][SDK]: boom",
        "\xef\xbb\xbf02-03 12:04:56.810 19117 19178 E Unity   : [Error][SDK]: boom",
        "`12:34:56.789 app.js:12:34 [14:03:22.118][Error][SDK]: boom`",
    ],
)
def test_a_line_of_a_ticket_says_what_it_says_in_the_log(line: str) -> None:
    (record,) = framed(line)
    assert (record.message, record.level, record.speaker) == ("boom", "Error", "convai")


def test_entities_in_json_are_its_quotation_marks() -> None:
    (record,) = framed(
        "&gt; [Debug][Transport]: Room details received: {&quot;room_name&quot;:&quot;a&quot;}"
    )
    assert record.message == 'Room details received: {"room_name":"a"}'


@pytest.mark.parametrize(
    "line",
    [
        "Player | joined the lobby",
        "   * C:/Users/@user@/AppData/Local/Temp/Unity/Editor/Crashes",
        "- Finished resetting the current domain, in  2.515 seconds",
        "[Error] (lobby) lost",
        "[Mirror] 14:03:22 connection lost",
        "  - ModName (1.2)",
        "Connection to 10.0.0.9:7777 (main.js) closed",
    ],
)
def test_what_only_looks_like_an_envelope_stays(line: str) -> None:
    assert peel(line).text == line


# --- Time ---


def times(text: str) -> list[tuple[str, str, float]]:
    stamps = [r.stamp for r in framed(text) if r.speaker != "other"]
    assert all(stamps)
    return [(s.clock, s.printed, s.seconds) for s in stamps if s]


def test_a_date_with_a_zone_is_an_absolute_time() -> None:
    found = times(
        "2026-02-03T04:05:06.7890123Z [Info][SDK]: a\n"
        "2026-02-03 13:05:06.789215+0900 Game15[5777:1443837] [Info][SDK]: a\n"
        "1770091506.789 19117 19178 I Unity   : [Info][SDK]: a\n"
        "2026-02-03 05:05:06.789 +0100 19117 19178 I Unity   : [Info][SDK]: a\n"
        "02-03 05:05:06.789 +0100 19117 19178 I Unity   : [Info][SDK]: a\n"
        "Tue 2026-02-03 04:05:06 UTC build-3 unity[1234]: [Info][SDK]: a\n"
    )
    assert {(clock, printed[:19]) for clock, printed, _ in found} == {
        ("utc", "2026-02-03T04:05:06")
    }
    assert {int(seconds) for _, _, seconds in found} == {1770091506}


def test_without_year_or_zone_it_is_a_clock() -> None:
    found = times(
        "02-03 05:05:06.789 +0100 19117 19178 I Unity   : [Info][SDK]: a\n"
        "Tue 2026-02-03 04:05:06 CET build-3 unity[1234]: [Info][SDK]: a\n"
        "Feb  3 04:05:06 iPhone Game15[5777] <Notice>: [Info][SDK]: a\n"
    )
    assert [(clock, printed) for clock, printed, _ in found] == [
        ("local", "05:05:06.789"), ("local", "04:05:06"), ("local", "04:05:06"),
    ]  # fmt: skip


def test_dates_count_the_days_and_a_new_year_is_one_of_them() -> None:
    found = times(
        logcat("[Info][SDK]: a", clock="23:59:59.000").replace("02-03", "12-31")
        + logcat("[Info][SDK]: b", clock="00:00:01.000").replace("02-03", "01-01")
        + logcat("[Info][SDK]: c", clock="00:00:01.000").replace("02-03", "01-03")
    )
    first, second, third = (seconds for _, _, seconds in found)
    assert (second - first, third - second) == (2.0, 2 * 86400)


def test_an_hour_back_at_the_end_of_summer_is_no_day() -> None:
    first, second = (s for _, _, s in times(
        "[02:59:59.000][Info][SDK]: a\n[02:00:00.000][Info][SDK]: b\n"
    ))  # fmt: skip
    assert second - first == -3599.0


@pytest.mark.parametrize("day", ["13-45", "00-00", "02-30"])
def test_a_day_that_is_none_leaves_the_clock(day: str) -> None:
    found = times(logcat("[Info][SDK]: a").replace("02-03", day))
    assert found == [("local", "12:04:56.810", 43496.81)]


@pytest.mark.parametrize("stamp", ["0001-01-01 00:00:00.000+0900", "9999-12-31 23:59:59.000-0900"])
def test_a_moment_outside_of_the_calendar_is_a_clock(stamp: str) -> None:
    (found,) = times(f"{stamp} Game15[5777:1443837] [Info][SDK]: a\n")
    assert found[0] == "local"


def test_the_wrapper_has_the_time_unless_the_header_is_finer() -> None:
    found = times(
        "2026-02-03T04:05:06.7890123Z [14:03:22.118][Info][SDK]: a\n"
        "[14:03:22] [14:03:22.118][Info][SDK]: a\n"
        "02-03 12:04:56.810 19117 19178 I Unity   : [14:03:22.118][Info][SDK]: a\n"
    )
    assert [p for _, p, _ in found] == ["2026-02-03T04:05:06.789Z", "14:03:22.118", "12:04:56.810"]


# --- Repeats, size, time ---


def test_a_log_of_one_record_is_read_in_bounded_memory() -> None:
    line = b"[Error][SDK]: Curl error 7: refused\nUnityEngine.Debug:LogError (object)\n\n"
    blocks = (line * 1000 for _ in range(50))
    tracemalloc.start()
    count, last = 0, None
    for record in Framer().records(Marker(finder(["[Error][SDK]"])).marks(blocks)):
        count, last = count + 1, record
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 50_000
    assert last is not None
    assert (last.line, last.last_line, last.end) == (149_998, 149_999, 50_000 * len(line) - 1)
    assert peak < 4 << 20


def test_a_repeated_record_is_what_it_would_be_alone() -> None:
    one = "[Warning][SDK]: odd\nUnityEngine.Debug:LogWarning (object)\n\n"
    found = framed(one * 3 + "[Warning][SDK]: odd\nA:B ()\n\n")
    bad = [(r.line, r.last_line, len(r.frames)) for r in found if r.message]
    assert bad == [(1, 2, 1), (4, 5, 1), (7, 8, 1), (10, 11, 1)]
    source = scanned("[Warning][SDK]: an odd thing\n" * 5000)
    assert [(u.times, u.line) for u in source.unexplained] == [(5000, 1)]


KILLERS = [
    "[", "[14:03:22.118]", "[Error][SDK]", "][", "a.js:9", " (", "((", ".js ", "07-24 12:04:56.810 ", "1 ", "\t",
    "I/", "I( ", "Feb  3 04:05:06 ", "2026-02-03T04:05:06.789Z ", "> ", "- ", "<p>", "`", "*", "&lt;", "<color=red>",
    '{"', "\\", '"', "}{", "<br>", " at (at ", "a:b(", ": ", "[ ", "name ", "|", "-1 | ",
]  # fmt: skip


@pytest.mark.parametrize("piece", KILLERS)
def test_a_line_is_read_in_linear_time(piece: str) -> None:
    """Four times the length is sixteen times the time, where it is not linear."""

    def spent(size: int) -> float:
        text = ((piece * (size // len(piece) + 1))[:size] + "\n").encode() * 2
        mark = Mark(1, 0, text, 0, len(text))
        best = 1e9
        for _ in range(3):
            start = time.process_time()
            list(Framer().records([mark]))
            best = min(best, time.process_time() - start)
        return best

    assert spent(1 << 20) < 10 * max(spent(1 << 18), 0.004)


@pytest.mark.parametrize("piece", [
    "\r", " ", "9", "-----", "a:b() (at ", "UnityEditor.", "Built from ", "C:/", "[Pipeline] ", "\x1b[0", "<b>",
])  # fmt: skip
def test_the_head_of_a_log_is_read_in_linear_time(piece: str) -> None:
    def spent(size: int) -> float:
        head = (piece * (size // len(piece) + 1))[:size].encode()
        best = 1e9
        for _ in range(3):
            start = time.process_time()
            SelfDescription().head(head, None)
            best = min(best, time.process_time() - start)
        return best

    assert spent(HEAD) < 10 * max(spent(HEAD // 4), 0.004)


# --- Any bytes, any split ---

LINES = st.one_of(
    st.sampled_from([e.sample for e in ENVELOPES]),
    st.builds(
        lambda e, said: e.sample.replace("Convai Bootstrapper: Initializing...", said),
        st.sampled_from(ENVELOPES),
        st.sampled_from([
            "", "[14:03:22.118][Error][SDK]: boom", "[Debug][Transport]: {", '"a": "b"', "}", "A:B ()",
            "LiveKit: x", "NullReferenceException: y", "(Filename: a Line: 1)", "<color=red>z", "</color>",
        ]),
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=40),
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(LINES, max_size=12).map(lambda lines: "\n".join(lines).encode("utf-8")),
    st.binary(max_size=400),
)
BETWEEN = b"\n\n[14:03:22.118][Info][SDK]: between\n\n"


@given(st.lists(TEXTS, max_size=6), st.lists(st.integers(1, 900), min_size=1, max_size=8))
def test_any_bytes_in_any_split_give_the_same_records(texts: list[bytes], sizes: list[int]) -> None:
    raw = BETWEEN.join(texts)
    blocks: list[bytes] = []
    at = 0
    while at < len(raw):
        size = sizes[len(blocks) % len(sizes)]
        blocks.append(raw[at : at + size])
        at += size
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marks, "LOOKAHEAD", 4096)
        found = list(Framer().records(Marker(None).marks(blocks)))
    assert found == list(Framer().records(Marker(None).marks([raw])))
    lines = raw.count(b"\n") + 1
    assert all(1 <= r.line <= r.last_line <= lines and r.end <= len(raw) for r in found)
    assert [r.line for r in found] == sorted(r.line for r in found)


SAYINGS = [m for m in MESSAGES if "\n" not in m and not m.startswith(("[", " "))]


@given(
    st.lists(
        st.tuples(st.sampled_from(["Debug", "Info", "Warning", "Error"]), st.sampled_from(SAYINGS)),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(compose.WRAPPED),
)
def test_the_same_entries_say_the_same_in_every_envelope(
    said: list[tuple[str, str]], envelope: str
) -> None:
    entries = [compose.Entry(level, "SDK", message) for level, message in said]
    bare, wrapped = (
        [
            (r.message, r.level, r.category, r.speaker)
            for r in framed("\n".join(compose.render(entries, name)))
            if r.speaker == "convai"
        ]
        for name in ("player-dev", envelope)
    )
    assert wrapped == bare
