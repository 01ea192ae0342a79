"""The benchmark in small: ratios inside one run, with much room for a busy machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.__main__ import ours, peak, seconds
from tests.benchmarks.inputs import sparse_log, strewn_log

if TYPE_CHECKING:
    from pathlib import Path


def test_marks_are_many_times_faster_than_parsing_every_line(tmp_path: Path) -> None:
    large, small = sparse_log(tmp_path / "large", 50), sparse_log(tmp_path / "small", 1)
    ours_time = min(seconds(ours(large)) for _ in range(2))
    assert ours_time * 5 < 50 * seconds(ours(small, "--no-marks"))


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted as Linux does")
def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    small, large = strewn_log(tmp_path / "small", 5), strewn_log(tmp_path / "large", 50)
    most = peak(ours(large))
    assert most < 1.5 * peak(ours(small))
    assert most <= 64
