"""Music, voices and noises of free games: what rings for them. No ear has learned from the packages of the test split."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation import command, measures, scenes
from evaluation.corpus import Corpus
from evaluation.document import rate, table
from evaluation.ears import Ear, Store
from evaluation.hearing import Trial, hear_all


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
    names = list(next(iter(found.values())))
    for place, ears in found.items():
        own = ears[names[0]]
        for kind in ("music", "game", "all"):
            name = {"game": "voices, noises", "all": "together"}.get(kind, kind)
            rows.append([f"{name}, {place}", f"{60 * own[kind]['hours']:.0f}", *(rate(of[kind]) for of in ears.values())])
        rows.append([f"episodes begun in all, {place}", "", *(str(of["episodes"]) for of in ears.values())])
    return table(["alerts an hour", "minutes", *names], rows) + "\n"


def main(argv: Sequence[str]) -> int:
    """Evaluate; the exit status is 0, or 2 where the sounds or an ear are missing."""
    parser = command.parser("strangers", __doc__)
    parser.add_argument("--sounds", type=Path, required=True, help="a folder from scripts/gather")
    parser.add_argument(
        "--split", default="test", choices=("test", "train"), help="packages kept for testing, or the others"
    )
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args(argv)

    def measure(ears: list[Ear]) -> dict[str, Any]:
        corpus = Corpus(options.sounds)
        clips, store = corpus.select(split=options.split), Store(None)
        recorded = hear_all(scenes.negatives(clips, corpus.samples), ears, store)
        in_rooms = hear_all(scenes.in_rooms(scenes.negatives(clips, corpus.samples), options.seed), ears, store)
        return {"as recorded": figures(recorded, ears), "in rooms": figures(in_rooms, ears)}

    return command.run("strangers", options, measure, text)
