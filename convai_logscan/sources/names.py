"""Names of members: labels to show, never paths to write to."""

from __future__ import annotations

import re

MAX_NAME = 240  # characters of a name that are kept
_LAST_WORD = re.compile(r"[^\s/\\!]*\Z")
_FIRST_WORD = re.compile(r"\A[^\s/\\!]*")


def label(name: str) -> str:
    """Return a member's name, cut where it is absurdly long; reports make it safe to show.

    Words are cut off whole: half of a secret would not be known as one.
    """
    shown = name.removeprefix("./") or "(no name)"
    if len(shown) <= MAX_NAME:
        return shown
    head = _LAST_WORD.sub("", shown[: MAX_NAME // 2])
    tail = _FIRST_WORD.sub("", shown[-MAX_NAME // 2 :])
    return f"{head}…{tail}" if head or tail else f"(a name of {len(shown)} characters)"
