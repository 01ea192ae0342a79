"""Symptoms that leave no line in a log are found by the words in which people ask for them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import convai_logscan
from convai_logscan.cli.explain import command

FILE = Path(convai_logscan.__file__).parent / "symptoms.toml"
SYMPTOMS = tomllib.loads(FILE.read_text(encoding="utf-8"))["symptom"]
# What somebody types, and the beginning of the symptom that must be among the answers.
QUESTIONS = {
    "it is stuck at connecting": "The session stays at Connecting",
    "stuck reconnecting": "The session stays at Reconnecting",
    "no audio after ResumeAsync": "There is no sound after ResumeAsync",
    "sound only on one ear": "The voice is very quiet",
    "the wrong clone is muted": "Muting one of two clones",
    "PTT locked": "Push-to-talk stays locked",
    "PTT slow after release": "The microphone closes late",
    "abrupt cut when interrupting": "The voice stops abruptly",
    "some shapes of the face stay still": "Some parts of the face",
    "lip sync is late": "The mouth moves earlier or later",
    "0 actions received": "No action batch arrives",
    "the character teleports": "The character jumps to its target",
    "IsPublishing is false": "Vision never publishes",
    "the feed is black": "The character sees a black picture",
    "T-pose": "The character stands in a T-pose",
    "gaze never chooses my object": "The character never looks at an object",
    "the section never changes": "A narrative trigger fires",
    "memories lost after reinstall": "Memories are gone",
    "CharacterIdFilter": "No transcript events come",
    "settings are not persisted": "Values of the settings panel",
    "a member is stuck at starting": "A member of the room stays at Starting",
    "speech goes to the wrong recipient": "What the player says reaches the wrong character",
    "CurrentMultiCharacterSession is null": "CurrentMultiCharacterSession is null",
}


@pytest.mark.parametrize(("question", "symptom"), QUESTIONS.items())
def test_a_question_finds_its_symptom(question: str, symptom: str) -> None:
    result = CliRunner().invoke(command, [question], standalone_mode=False)
    shown = " ".join(result.output.split())

    assert result.exception is None
    assert symptom in shown


@pytest.mark.parametrize("entry", SYMPTOMS, ids=lambda e: str(e["symptom"])[:40])
def test_every_symptom_is_found_by_its_own_sentence(entry: dict[str, str]) -> None:
    result = CliRunner().invoke(command, [entry["symptom"]], standalone_mode=False)

    assert entry["symptom"] in " ".join(result.output.split())
    assert set(entry) - {"words"} == {"area", "symptom", "cause", "fix", "docs"}
