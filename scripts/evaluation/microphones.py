"""Other microphones, rooms and noises than a clip was recorded with: what each costs."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device.audio import Samples
from evaluation import command
from evaluation.acoustics import in_quiet
from evaluation.changes import CHANGES
from evaluation.corpus import Clip, Corpus
from evaluation.document import table
from evaluation.ears import Ear, Store
from evaluation.figures import auc
from evaluation.hearing import Trial, hear_all
from evaluation.scenes import Scene, generator
from evaluation.truth import cry_spans


def scene(clip: Clip, read: Callable[[Clip], Samples], name: str, number: int) -> Scene:
    """One clip as that microphone would hear it, in a quiet room; its truth is the rule's on the clip as recorded."""
    samples = read(clip)
    random = generator(list(CHANGES).index(name), 6, number)
    heard = in_quiet(random, CHANGES[name](random, samples).astype(np.float32))
    spans = cry_spans(samples) if clip.label == "cry" else ()
    return Scene(clip.path, heard, clip.group, clip.kind, spans, source=clip.source)


def figures(trials: Sequence[Trial], ear: Ear) -> dict[str, float]:
    """Clip AUC; the share of clips with a second of crying in which no episode begins, and of others in which one does."""
    cries = [t for t in trials if sum(b - a for a, b in t.scene.events) >= 1.0]
    others = [t for t in trials if t.scene.kind != "cry"]
    peaks = [np.array([t.peak(ear) for t in side]) for side in (cries, others)]
    begun = [[bool(t.decided[ear.name]["normal"].episodes) for t in side] for side in (cries, others)]
    return {
        "auc": round(auc(*peaks), 4),
        "missed": round(1 - float(np.mean(begun[0])), 4),
        "heard": round(float(np.mean(begun[1])), 4),
    }


def text(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """A row for each change, a column for each ear."""
    ears = list(next(iter(found.values())))
    rows = [
        [name, *(f"{of[ear]['auc']:.3f}, {100 * of[ear]['missed']:.0f} %, {100 * of[ear]['heard']:.1f} %" for ear in ears)]
        for name, of in found.items()
    ]
    return table(["clip AUC, missed, others heard", *ears], rows) + "\n"


def main(argv: Sequence[str]) -> int:
    """Evaluate; the exit status is 0, or 2 where the corpus or an ear is missing."""
    parser = command.parser("microphones", __doc__)
    parser.add_argument(
        "--corpus", type=Path, default=command.ROOT.parent / "shared/corpus", help="folder with manifest.csv"
    )
    parser.add_argument("--every", type=int, default=1, help="only every so many clips")
    options = parser.parse_args(argv)

    def measure(ears: list[Ear]) -> dict[str, Any]:
        corpus = Corpus(options.corpus)
        clips = [c for c in corpus.select(split="test") if c.label == "cry" or c.negative][:: options.every]
        found: dict[str, Any] = {}
        for name in CHANGES:
            played = (scene(clip, corpus.samples, name, i) for i, clip in enumerate(clips))
            trials = hear_all(played, ears, Store(None))
            found[name] = {ear.name: figures(trials, ear) for ear in ears}
            print(name, found[name], file=sys.stderr, flush=True)
        return found

    return command.run("microphones", options, measure, text)
