"""Print the samples of a grammar file that do not become their own kind."""

from __future__ import annotations

import sys
import time

from convai_logscan.grammar import Sample, Speaker, samples
from convai_logscan.walk import Form


def forms_of(speaker: Speaker, sample: Sample) -> list[Form]:
    """Return what a sample becomes under every start of its file."""
    found = [speaker.parse(start, sample.text) for start in speaker.starts]
    searched = [form for start in speaker.searches for form in speaker.search(start, sample.text)]
    return [form for form in (*found, *searched) if form is not None]


def wrong(speaker: Speaker, sample: Sample) -> str | None:
    """Return what is wrong with a sample, or None."""
    forms = [form for form in forms_of(speaker, sample) if form.kind == sample.kind]
    if not forms:
        return f"becomes {sorted({f.kind for f in forms_of(speaker, sample)})}"
    fields = forms[0].fields
    missing = {k: v for k, v in sample.fields.items() if fields.get(k, "") != v}
    return f"lacks {missing}, has {fields}" if missing else None


def main(name: str, timed: bool) -> int:
    """Check one file; return how many samples are wrong."""
    speaker = Speaker(name)
    bad = 0
    found = samples(name)
    for sample in found:
        if problem := wrong(speaker, sample):
            bad += 1
            print(f"{name}.lark:{sample.line}: {sample.kind}: {problem}\n    {sample.text}")
    for start in speaker.searches:
        speaker.openings(start)
    print(f"{len(found)} samples, {bad} wrong")
    if timed:
        began = time.perf_counter()
        for _ in range(20):
            for sample in found:
                forms_of(speaker, sample)
        each = (time.perf_counter() - began) / 20 / max(1, len(found))
        print(f"{each * 1e6:.0f} us a sample")
    return bad


if __name__ == "__main__":
    sys.exit(1 if main(sys.argv[1], "--time" in sys.argv) else 0)
