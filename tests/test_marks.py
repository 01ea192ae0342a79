"""Lines are counted, long ones are cut, records cross blocks whole."""

from __future__ import annotations

from convai_logscan.marks import MAX_LINE, Marker, finder
from convai_logscan.records import Framer

NEEDLE = "[Error]["


def marked(blocks: list[bytes]) -> tuple[list[tuple[int, str]], int]:
    marker = Marker(finder([NEEDLE]))
    found = [(r.line, r.quote[:20]) for r in Framer().records(marker.marks(blocks))]
    return found, marker.lines


def test_line_numbers_do_not_depend_on_blocks() -> None:
    text = b"".join(
        b"noise %d\n" % i if i % 7 else b"[Error][SDK]: x %d\n" % i for i in range(20000)
    )
    whole = marked([text])
    assert whole[0][:2] == [(1, "[Error][SDK]: x 0"), (8, "[Error][SDK]: x 7")]
    assert whole[1] == 20000
    for size in (1, 1000, 65536, 1 << 20):
        if size > 1:
            assert marked([text[i : i + size] for i in range(0, len(text), size)]) == whole


def test_a_line_of_megabytes_is_cut_and_the_next_one_found() -> None:
    long = b"[Error][SDK]: " + b"A" * (5 * MAX_LINE) + b"[Error][SDK]: inside"
    text = b"first\n" + long + b"\n[Error][SDK]: after\nlast\n"
    blocks = [text[i : i + 100_000] for i in range(0, len(text), 100_000)]
    found, lines = marked(blocks)
    assert [line for line, _ in found] == [2, 3]
    assert lines == 4


def test_memory_is_bounded_by_the_longest_line_that_is_kept() -> None:
    marker = Marker(finder([NEEDLE]))
    blocks = (b"A" * 1_000_000 for _ in range(50))
    assert list(marker.marks(blocks)) == []
    assert marker.lines == 1
