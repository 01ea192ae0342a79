"""Choose the anchors: `python -m tests.anchors [NOISE]` rewrites `convai_logscan/anchors.json`.

A line is looked at when it contains a window, a piece of a literal that is rare in noise; it is
read when it contains a whole literal. Every form of the grammar, every header and every tag has
both. The choice is the same on every run. Without a folder of noise the windows that are there keep
their counts, and new ones are chosen long.
"""

from __future__ import annotations

import gzip
import hashlib
import heapq
import json
import random
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ahocorasick_rs import BytesAhoCorasick

from convai_logscan.anchors import FILE
from convai_logscan.envelopes import CLASSES
from convai_logscan.files import grammar_text
from convai_logscan.grammar import SPEAKERS, Sample, samples, speaker
from convai_logscan.literals import Demand, worth
from convai_logscan.model import LIVEKIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

LEVELS = ("Trace", "Debug", "Info", "Warning", "Error", "Exception")
HEADED = {"said", "native"}  # start rules whose texts stand behind a header, a tag or `LiveKit: `
SHORTEST, LONGEST = 4, 30  # bytes of a window
GROUPS = 3  # searches over every byte; three of about 50 windows are faster than two of 64
# What a window costs in hits of its own: to exist, and where its first bytes are common.
EXIST, COMMON = 100, 1700
TOO_OFTEN = 9000
ROUNDS = 4000

Clause = tuple[str, ...]  # any of these stands in the text


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A candidate: its cost in hits, its bytes, and the clauses it meets as bits."""

    cost: float
    text: bytes
    meets: int


def heads() -> dict[str, list[str]]:
    """Return the literals of what begins a line of the SDK or of LiveKit, and of what labels a key.

    A key has no form of its own: it is known where it stands bare by the line that labels it.
    """
    return {
        "header": sorted(f"[{level}]{gap}[" for level in LEVELS for gap in ("", " ")),
        "tag": sorted(["[Convai", *(f"[{name}]" for name in CLASSES)]),
        "livekit": [LIVEKIT],
        "key": sorted(
            f"{api}{gap}{key}"
            for api, key in (
                ("api", "key"),
                ("api", "Key"),
                ("Api", "Key"),
                ("API", "Key"),
                ("API", "KEY"),
            )
            for gap in ("", "-", "_")
        ),
    }


def forms() -> Iterator[tuple[str, list[Demand]]]:
    """Yield the forms that may stand on a line of their own, with their rule."""
    for name in SPEAKERS:
        grammar = speaker(name)
        for start in (*grammar.starts, *grammar.searches):
            if start not in HEADED:
                for form in grammar.demands(start):
                    yield f"{name}.{start}", [_spelled(demand) for demand in form]


def _spelled(demand: Demand) -> Demand:
    """Return a demand with its texts in both spellings: the space behind a tag may be missing."""
    return demand | {re.sub(r"^(\[[^\]\n]+\]) ", r"\1", text) for text in demand}


def samples_alone() -> Iterator[Sample]:
    """Yield the samples that are accepted on a line of their own."""
    for name in SPEAKERS:
        grammar = speaker(name)
        for sample in samples(name):
            whole = any(grammar.parse(s, sample.text) for s in grammar.starts if s not in HEADED)
            if whole or any(any(grammar.search(s, sample.text)) for s in grammar.searches):
                yield sample


def literals(chosen: Iterable[str]) -> dict[str, list[str]]:
    """Return the literals of every rule: of each form those that some window finds."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for rule, form in forms():
        seen = [d for d in form if all(any(w in text for w in chosen) for text in d)]
        best: Demand = max(seen, key=worth)
        found[rule] |= best
    return heads() | {rule: minimal(texts) for rule, texts in found.items()}


def minimal(texts: Iterable[str]) -> list[str]:
    """Drop the texts that contain another one."""
    found: list[str] = []
    for text in sorted(texts, key=lambda one: (len(one), one)):
        if not any(short in text for short in found):
            found.append(text)
    return sorted(found)


def clauses() -> list[Clause]:
    """Return what the windows must meet: for every form the literals that would find it."""
    found: set[Clause] = {(f"[{level}]",) for level in LEVELS}
    # A colour may end behind the last letter of a head.
    found |= {(text.rstrip(),) for rule in ("tag", "livekit", "key") for text in heads()[rule]}
    for _, form in forms():
        single = {text for demand in form if len(demand) == 1 for text in demand}
        long = tuple(sorted(text for text in single if len(text) >= SHORTEST))
        found |= {long} if long else {(text,) for text in max(form, key=worth)}
    return sorted(clause for clause in found if not any(_implies(o, clause) for o in found))


def _implies(one: Clause, other: Clause) -> bool:
    """Say whether every window that meets one clause meets the other."""
    return one != other and all(any(text in longer for longer in other) for text in one)


def noise(folder: Path | None) -> bytes:
    """Return the logs of a folder, joined."""
    files = sorted(folder.glob("*.gz")) if folder and folder.is_dir() else []
    return b"".join(gzip.decompress(file.read_bytes()) for file in files)


def windows(wanted: list[Clause], logs: bytes) -> list[Window]:
    """Return the best window for every set of clauses that some window meets."""
    found: defaultdict[str, int] = defaultdict(int)
    for bit, clause in enumerate(wanted):
        for text in clause:
            for start in range(len(text)):
                for end in range(start + SHORTEST, min(start + LONGEST, len(text)) + 1):
                    found[text[start:end]] |= 1 << bit
    meets = {text.encode(): bits for text, bits in found.items()}
    shares = Counter(byte >> 4 for byte in logs)
    price = {text: COMMON * _common(text, shares) for text in meets}
    groups: defaultdict[int, list[bytes]] = defaultdict(list)
    for piece, bits in meets.items():
        groups[bits].append(piece)
    rare = _rarity(logs)
    tried = {
        min(group, key=key)
        for group in groups.values()
        for key in (lambda t: (rare(t) + price[t], -len(t), t), lambda t: (rare(t), -len(t), t))
    }
    often = counts(tried, logs) if logs else known(tried)
    best: dict[int, Window] = {}
    for piece in tried:
        if often[piece] <= TOO_OFTEN:
            one = Window(EXIST + often[piece] + price[piece], piece, meets[piece])
            best[one.meets] = min(one, best.get(one.meets, one))
    return sorted(best.values())


def _rarity(logs: bytes) -> Callable[[bytes], int]:
    """Return a bound for how often a text stands in the noise: that of its rarest four bytes."""
    raw = np.frombuffer(logs or bytes(4), np.uint8).astype(np.uint32)
    quads = raw[:-3] | (raw[1:-2] << 8) | (raw[2:-1] << 16) | (raw[3:] << 24)
    found, times = np.unique(quads, return_counts=True)
    often: dict[int, int] = dict(zip(found.tolist(), times.tolist(), strict=True))

    def rare(text: bytes) -> int:
        parts = (text[at : at + 4] for at in range(len(text) - 3))
        return min(often.get(int.from_bytes(part, "little"), 0) for part in parts)

    return rare


def _common(text: bytes, shares: Counter[int]) -> float:
    """Return how often the first bytes of a window look like noise to the search."""
    total = shares.total()
    found = 1.0
    for byte in text[:4]:
        found *= shares[byte >> 4] / total if total else 0.5
    return found


def counts(texts: Iterable[bytes], logs: bytes) -> dict[bytes, int]:
    """Return how often every text stands in the noise."""
    ordered = sorted(texts)
    automaton = BytesAhoCorasick(ordered)
    found: Counter[int] = Counter()
    for at in range(0, len(logs), 1 << 20):
        hits = automaton.find_matches_as_indexes(logs[at : at + (1 << 20)], overlapping=True)
        found.update(hit[0] for hit in hits)
    return {text: found[number] for number, text in enumerate(ordered)}


def known(texts: Iterable[bytes]) -> dict[bytes, int]:
    """Return the counts that are on file; a text that is not there is rare when it is long."""
    on_file = {text.encode(): n for group in shipped()["windows"] for text, n in group.items()}
    return {text: on_file.get(text, 20_000 // len(text) ** 2) for text in texts}


def choose(wanted: list[Clause], pool: list[Window]) -> list[Window]:
    """Return windows that meet every clause, at little cost: greedy, then taken apart and mended."""
    whole = (1 << len(wanted)) - 1
    chance = random.Random(0)
    best = now = _mend([], pool, whole, chance)
    for _ in range(ROUNDS):
        gone = set(chance.sample(now, min(len(now), chance.randint(3, 14))))
        new = _mend([one for one in now if one not in gone], pool, whole, chance)
        if _cost(new) <= _cost(now) * 1.002:
            now = new
            best = min(best, now, key=_cost)
    return best


def _mend(
    kept: list[Window], pool: list[Window], whole: int, chance: random.Random
) -> list[Window]:
    """Add windows until every clause is met, then drop what is not needed."""
    left = whole & ~_union(kept)
    heap = [(w.cost / w.meets.bit_count(), w) for w in pool if w.meets & left]
    heapq.heapify(heap)
    found = list(kept)
    while left:
        _, one = heapq.heappop(heap)
        gain = (one.meets & left).bit_count()
        if not gain:
            continue
        rate = one.cost / gain
        if heap and rate * chance.uniform(0.8, 1.25) > heap[0][0]:
            heapq.heappush(heap, (rate, one))
            continue
        found.append(one)
        left &= ~one.meets
    for one in sorted(found, reverse=True):
        others = [other for other in found if other is not one]
        found = others if _union(others) == whole else found
    return found


def _union(chosen: list[Window]) -> int:
    bits = 0
    for one in chosen:
        bits |= one.meets
    return bits


def _cost(chosen: list[Window]) -> float:
    return sum(one.cost for one in chosen)


def fingerprint() -> str:
    """Return a hash of all that the anchors are made from."""
    digest = hashlib.sha256(repr(sorted(CLASSES)).encode())
    for name in (*SPEAKERS, "common"):
        digest.update(grammar_text(name).encode())
    return digest.hexdigest()[:16]


def remade(folder: Path | None) -> dict[str, object]:
    """Return the anchors as they are kept."""
    logs = noise(folder)
    wanted = clauses()
    chosen = choose(wanted, windows(wanted, logs))
    texts = [one.text for one in chosen]
    often = counts(texts, logs) if logs else known(texts)
    shares = Counter(byte >> 4 for byte in logs)
    texts.sort(key=lambda text: (_common(text, shares), text))
    size = -(-len(texts) // GROUPS)
    groups = [texts[at : at + size] for at in range(0, len(texts), size)]
    return {
        "made_from": fingerprint(),
        "windows": [{text.decode(): often[text] for text in sorted(group)} for group in groups],
        "literals": literals([text.decode() for text in texts]),
    }


def shipped() -> dict[str, Any]:
    """Return the anchors of the package."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def unmet() -> Iterator[Clause]:
    """Yield the clauses that no window of the package meets."""
    texts = [text for group in shipped()["windows"] for text in group]
    for clause in clauses():
        if not any(window in text for text in clause for window in texts):
            yield clause


def main() -> None:
    """Rewrite the anchors, and say what they cost in noise."""
    shared = Path(__file__).resolve().parents[2] / "shared" / "logs"
    data = remade(Path(sys.argv[1]) if len(sys.argv) > 1 else shared)
    with Path(str(FILE)).open("w", encoding="utf-8", newline="\n") as out:
        json.dump(data, out, ensure_ascii=False, indent=1, sort_keys=True)
        out.write("\n")
    groups = shipped()["windows"]
    print(f"{sum(map(len, groups))} windows, {sum(sum(g.values()) for g in groups)} hits in noise")


if __name__ == "__main__":
    main()
