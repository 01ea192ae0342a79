"""Names of members: labels to show, never paths to write to."""

from __future__ import annotations

MAX_NAME = 240  # characters of a name that are kept


def label(name: str) -> str:
    """Return a member's name, cut where it is absurdly long; reports make it safe to show."""
    shown = name.removeprefix("./") or "(no name)"
    if len(shown) <= MAX_NAME:
        return shown
    return f"{shown[: MAX_NAME // 2]}…{shown[-MAX_NAME // 2 :]}"
