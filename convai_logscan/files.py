"""The data files that are code to this project: the grammars."""

from __future__ import annotations

from pathlib import Path

from convai_logscan.errors import GrammarError


def grammar_text(name: str) -> str:
    """Return a grammar file of the package, or of the folder beside it in a checkout."""
    here = Path(__file__).resolve().parent
    packaged = here / "grammars" / f"{name}.lark"
    beside = here.parent / "grammars" / f"{name}.lark"
    try:
        return (packaged if packaged.is_file() else beside).read_text(encoding="utf-8")
    except OSError as error:
        message = f"the grammar {name}.lark is missing"
        raise GrammarError(message, hint="reinstall convai-logscan") from error
