"""The one escaping point: text of a log, made safe to show."""

from __future__ import annotations

import re

# Controls, C1, DEL, line and paragraph separators, bidirectional marks, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def safe(text: str) -> str:
    r"""Return text with every control and direction mark as a visible `\x1b` or `\u202e`."""
    return _UNSAFE.sub(_visible, text)


def one_line(text: str) -> str:
    """Return safe text on one line."""
    return safe(text.replace("\n", "\\n").replace("\t", " "))


def _visible(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
