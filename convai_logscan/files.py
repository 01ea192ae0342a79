"""The data files that are code to this project: the grammars."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from convai_logscan.errors import GrammarError


def grammar_text(name: str) -> str:
    """Return a grammar file of the package, or of the folder beside it in a checkout."""
    packaged = resources.files("convai_logscan").joinpath("grammars", f"{name}.lark")
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    beside = Path(__file__).resolve().parent.parent / "grammars" / f"{name}.lark"
    try:
        return beside.read_text(encoding="utf-8")
    except OSError as error:
        message = f"the grammar {name}.lark is missing"
        raise GrammarError(message, hint="reinstall convai-logscan") from error
