"""Every sample of a grammar file becomes its own kind; the files and the glossary agree."""

from __future__ import annotations

import re

import pytest

from convai_logscan.errors import GrammarError
from convai_logscan.events import (
    CODES,
    KINDS,
    Connected,
    Dropped,
    Entry,
    LivekitTest,
    Unrecognised,
    kind_words,
)
from convai_logscan.files import grammar_text
from convai_logscan.grammar import MIN_ANCHOR, SPEAKERS, Sample, Speaker, samples, speaker
from tests.check_samples import wrong

ALL = [sample for name in SPEAKERS for sample in samples(name)]
# Kinds that no line states: other rooms make them.
MADE_ELSEWHERE = {"connected", "dropped", "livekit_test", "entry", "unrecognised"}


@pytest.mark.parametrize(
    "tail", ["\nSessionMetrics.cs:41", "\n  at Convai.X.Y () [0x0] in <0>:0", "\n"]
)
def test_a_convai_form_is_the_same_with_lines_behind_it(tail: str) -> None:
    convai = speaker("convai")
    changed = []
    for sample in (s for s in ALL if s.file == "convai" and s.start == "said"):
        alone, longer = (convai.parse("said", text) for text in (sample.text, sample.text + tail))
        if alone and (longer is None or longer.kind != alone.kind):
            changed.append(sample.text)
        elif alone and longer and not any("\n" in v for v in longer.fields.values()):
            changed += [sample.text] if longer.fields != alone.fields else []
    assert changed == []


@pytest.mark.parametrize("sample", ALL, ids=lambda s: f"{s.file}:{s.line}")
def test_a_sample_becomes_its_own_kind(sample: Sample) -> None:
    assert wrong(speaker(sample.file), sample) is None


@pytest.mark.parametrize("name", SPEAKERS)
def test_a_form_keeps_its_kind_where_a_further_line_follows(name: str) -> None:
    grammar = speaker(name)
    lost = []
    for sample in samples(name):
        for start in grammar.starts:
            form = grammar.parse(start, sample.text)
            longer = grammar.parse(start, f"{sample.text}\nSomeSink.cs:41")
            if form and (longer is None or longer.kind != form.kind):
                lost.append(f"{name}.lark:{sample.line}: {sample.text}")
    assert lost == []


@pytest.mark.parametrize("name", SPEAKERS)
def test_every_alternative_has_a_sample_above_it(name: str) -> None:
    text = grammar_text(name)
    missing = []
    above = ""
    rule = ""
    for number, line in enumerate(text.splitlines(), 1):
        opened = re.match(r"[!?]*([a-z]\w*)(?:\.-?\d+)?:", line)
        if opened:
            rule = opened[1]
        is_form = (opened or line.lstrip().startswith("|")) and rule in KINDS
        if is_form and not above.startswith("// "):
            missing.append(f"{name}.lark:{number}: {line.strip()}")
        above = line
    assert missing == []


@pytest.mark.parametrize("name", SPEAKERS)
def test_every_form_has_literals_to_find_it_by(name: str) -> None:
    grammar = speaker(name)
    for start in grammar.starts:
        if start not in {"said", "native"}:
            for form in grammar.demands(start):
                assert any(all(len(text) >= MIN_ANCHOR for text in demand) for demand in form)
    for start in grammar.searches:
        assert all(len(literal) >= 6 for literal in grammar.openings(start))


def test_rules_and_event_classes_know_each_other() -> None:
    made = {sample.kind for sample in ALL} | MADE_ELSEWHERE
    assert {kind for kind in KINDS if kind not in made} == set()
    assert {Connected, Dropped, LivekitTest, Entry, Unrecognised} <= set(KINDS.values())


def test_the_codes_of_the_grammar_are_the_known_codes() -> None:
    text = grammar_text("convai")
    body = next(
        t.pattern.value
        for t in speaker("convai").terminals.values()
        if "api_key_missing" in t.pattern.value
    )
    spelled = {
        f"{area}.{word}"
        for area, words in re.findall(r"(\w+)\\?\.\((?:\?:)?([\w|]+)\)", body)
        for word in words.split("|")
    }
    spelled |= set(
        re.findall(
            r"\b(?:config|connection|transport|server|session|protocol|audio|vision|lipsync)\\?\.[a-z_]+",
            body.replace("\\.", "."),
        )
    )
    assert text
    assert {code for code in CODES if code not in spelled} == set()


@pytest.mark.parametrize("start", ["said", "bare"])
@pytest.mark.parametrize(
    "behind", ["", ".", " (HTTP 401)", ", giving up", "\nSessionMetrics.cs:41"]
)
def test_more_may_stand_behind_a_code(start: str, behind: str) -> None:
    form = speaker("convai").parse(start, f"Session error: connection.network_error{behind}")
    assert form is not None
    assert form.fields == {"code": "connection.network_error"}


def test_a_form_without_a_literal_is_refused() -> None:
    text = "// start: bare\n?bare: endpoint\nendpoint: host\nhost: TEXT\n"
    with pytest.raises(GrammarError, match="no literal"):
        Speaker("made", text).demands("bare")


def test_the_words_of_a_kind_are_listed_in_its_class() -> None:
    made = {(sample.kind, sample.fields["kind"]) for sample in ALL if "kind" in sample.fields}
    missing = sorted(
        f"{kind}: {word}"
        for kind, word in made
        if kind_words(kind) and word not in kind_words(kind)
    )
    assert missing == []
    assert sum(bool(kind_words(kind)) for kind in KINDS) > 20
