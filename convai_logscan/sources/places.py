"""Where Unity leaves its logs, on each system; nothing is opened here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_EDITOR = ("Editor.log", "Editor-prev.log")
_PLAYER = ("Player.log", "Player-prev.log", "output_log.txt")


def found(system: str, home: Path, here: Path, environment: Mapping[str, str]) -> list[Path]:
    """Return the logs that exist, newest first: of the project in `here`, the editor, the players.

    `system` is `sys.platform`.
    """
    places = [here / "Logs" / name for name in _EDITOR]
    for editor, players in _places(system, home, environment):
        places += [editor / name for name in _EDITOR]
        for name in _PLAYER:
            places += [players / "Unity" / name, *_matches(players, f"*/*/{name}")]
    times = {place: time for place in places if (time := _written(place)) is not None}
    return sorted(times, key=lambda place: (-times[place], str(place)))


def looked_in(system: str, home: Path, here: Path, environment: Mapping[str, str]) -> list[Path]:
    """Return the folders that are searched; the logs of players lie two folders deeper."""
    folders = [here / "Logs"]
    for editor, players in _places(system, home, environment):
        folders += [editor, players / "Unity", players / "*" / "*"]
    return list(dict.fromkeys(folders))


def _places(system: str, home: Path, environment: Mapping[str, str]) -> list[tuple[Path, Path]]:
    """Return folders of editor and players."""
    if system == "win32":
        local = Path(environment.get("LOCALAPPDATA") or home / "AppData" / "Local")
        return [(local / "Unity" / "Editor", home / "AppData" / "LocalLow")]
    if system == "darwin":
        logs = home / "Library" / "Logs"
        return [(logs / "Unity", logs)]
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config") / "unity3d"
    return [(config, config)]


def _matches(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(folder.glob(pattern))
    except OSError:
        return []


def _written(place: Path) -> float | None:
    """Return when a file was last written, or None where there is none."""
    try:
        return place.stat().st_mtime if place.is_file() else None
    except OSError:
        return None
