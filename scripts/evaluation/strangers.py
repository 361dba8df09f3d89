"""Music, voices and noises of free games, from packages that no ear has learned from: what rings for them."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from device.errors import NurseryError
from evaluation import measures, scenes
from evaluation.choose import choose_ears
from evaluation.corpus import Corpus
from evaluation.document import rate, rewrite, table
from evaluation.ears import Ear, Store
from evaluation.hearing import Trial, hear_all

ROOT = Path(__file__).resolve().parent.parent.parent


def figures(trials: Sequence[Trial], ears: Sequence[Ear]) -> dict[str, Any]:
    """Alerts an hour by ear: for music, for all other sounds, together; and how often an episode begins at all."""
    found = {}
    for ear in ears:
        own = measures.negatives(trials, ear)
        begun = sum(len(t.decided[ear.name]["normal"].episodes) for t in trials)
        found[ear.name] = {**own["normal"], "episodes": begun, "worst": own["worst"]}
    return found


def text(found: dict[str, dict[str, Any]]) -> str:
    """A row for each kind of sound and place, a column for each ear."""
    rows = []
    for place, ears in found.items():
        own = next(iter(ears.values()))
        for kind in ("music", "game", "all"):
            name = {"game": "voices, noises", "all": "together"}.get(kind, kind)
            rows.append([f"{name}, {place}", f"{60 * own[kind]['hours']:.0f}", *(rate(of[kind]) for of in ears.values())])
        rows.append([f"episodes begun in all, {place}", "", *(str(of["episodes"]) for of in ears.values())])
    return table(["alerts an hour", "minutes", *own_names(found)], rows) + "\n"


def own_names(found: dict[str, dict[str, Any]]) -> list[str]:
    """The ears, in order."""
    return list(next(iter(found.values())))


def main(argv: Sequence[str]) -> int:
    """Evaluate; the exit status is 0, or 2 where the sounds or an ear are missing."""
    parser = argparse.ArgumentParser(prog="scripts/evaluate strangers", description=__doc__)
    parser.add_argument("--sounds", type=Path, required=True, help="a folder from scripts/gather")
    parser.add_argument("--yamnet", type=Path, default=ROOT.parent / "shared/peers/yamnet.tflite", help="YAMNet as .tflite")
    parser.add_argument("--ears", default="ours,both,YAMNet", help="comma-separated: ours, both, YAMNet, louder, level")
    parser.add_argument(
        "--split", default="test", choices=("test", "train"), help="packages kept for testing, or the others"
    )
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--docs", action="store_true", help="rewrite these results in docs/evaluation.md")
    options = parser.parse_args(argv)
    try:
        corpus = Corpus(options.sounds)
        ears = choose_ears(options.ears, options.yamnet, say=lambda line: print(line, file=sys.stderr))
        clips, read, store = corpus.select(split=options.split), corpus.samples, Store(None)
        played = {
            "as recorded": hear_all(scenes.negatives(clips, read), ears, store),
            "in rooms": hear_all(scenes.in_rooms(scenes.negatives(clips, read), options.seed), ears, store),
        }
        found = {place: figures(trials, ears) for place, trials in played.items()}
        if options.docs:
            rewrite(ROOT / "docs/evaluation.md", "strangers", text(found))
    except NurseryError as error:
        print(f"evaluate strangers: {error}", file=sys.stderr)
        return 2
    print(text(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0
