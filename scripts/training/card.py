"""The model card: data, licences, splits, seeds, figures, in words that a person can check.

It knows text only.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .corpus import Clip, is_open


def _table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def _figures(figures: dict[str, Any]) -> str:
    names = ("auc mean", "auc worst", "recall@1/h mean", "recall@1/h worst", "voice recall 1 s", "cries called voice")
    rows = [(name, f"{figures['left_out'][name]:.3f}", f"{figures['test'][name]:.3f}") for name in names]
    sources = sorted(name for name in figures["left_out"] if name.startswith(("auc ", "recall@")) and name not in names)
    rows += [
        (name, f"{figures['left_out'][name]:.3f}", f"{figures['test'].get(name, float('nan')):.3f}") for name in sources
    ]
    return _table(rows, ("figure", "sources left out", "test split"))


def _triggers(figures: dict[str, Any]) -> str:
    rows = []
    thresholds = {"left_out": figures.get("thresholds_before", figures["thresholds"]), "test": figures["thresholds"]}
    for name in figures["thresholds"]:
        for where in ("left_out", "test"):
            those, found = thresholds[where][name], figures[f"trigger_{where}"][name]
            sure = f"{those['sure']}" if "sure" in those else "none"
            rows.append(
                (
                    name,
                    f"{those['on']} / {those['off']} / {sure}",
                    where.replace("_", " "),
                    f"{100 * found['alert recall']:.1f} %",
                    f"{found['false alerts per hour']:.2f}",
                    f"{100 * found['clip recall']:.1f} %",
                    f"{100 * found['false clip share']:.1f} %",
                )
            )
    head = (
        "sensitivity",
        "on / off / sure",
        "clips",
        "alerts: recall",
        "false alerts/h",
        "cry clips heard",
        "other clips heard",
    )
    return _table(rows, head)


def _sources(clips: Sequence[Clip]) -> str:
    minutes: dict[tuple[str, str], float] = defaultdict(float)
    for clip in clips:
        if clip.split == "train":
            minutes[clip.source, clip.licence] += clip.duration_s / 60
    rows = [
        (source, licence, "yes" if is_open(licence) else "no", f"{total:.1f}")
        for (source, licence), total in sorted(minutes.items())
    ]
    return _table(rows, ("source", "licence as stated", "open", "minutes"))


def write_card(clips: Sequence[Clip], figures: dict[str, Any], folder: Path) -> None:
    """Write `ear.md` and `ear.json` beside the model."""
    ears, size = figures["ears"], figures["parameters"]
    makeup = f"one network of {size:,} parameters"
    if ears > 1:
        makeup = f"the mean of {ears} networks that differ in their seed only, of {size:,} parameters each"
    kinds = [
        (kind, f"{false} of {total}", "{1} of {0}".format(*figures["kinds_test"].get(kind, (0, 0))))
        for kind, (total, false) in sorted(figures["kinds_left_out"].items())
    ]
    curve = ", ".join(f"{score:.2f}→{right:.2f}" for score, right in figures["cry"]["curve"])
    notes = figures["notes"]
    unfitted = "neither weights nor calibration" + ("" if notes.get("refined") else " nor thresholds")
    text = f"""# The ear: model card

Version `{figures["version"]}`: {makeup}; large weights are stored as bytes with
a scale per output. Written by `scripts/train`; do not edit.

It hears 16 kHz mono sound and gives, every 0.24 s, the probability of crying and of an adult's voice, a graded
distress (0..1) and an embedding of 96 numbers. It is no medical device, and it was trained on little: see the figures
by source. `docs/training.md` tells how it is built and what was tried.

## Training
Licences: {notes["licences"]}. Seeds: {notes["seeds"]}. Steps: {notes["steps"]} of {notes["batch"]} examples of 6 s.
Train split only; from the test split nothing was fitted, {unfitted}.
Splits are by group (same baby, speaker or recording).
{notes.get("remark", "")}
{notes.get("refined", "")}

## Figures
"Sources left out": each clip of the train split scored by a student trained without its source (six folds:
Donate-a-Cry, todly, giulbia, and three thirds of the small sources, `more-3` to `more-5`; other classes likewise).
"Test split": other babies and recordings of *familiar* sources, scored by the ear that ships; its clips are easier.
A clip counts as holding crying if it is filed as a cry and the labels find 1 s of crying in it. A clip's score is the
highest mean over 0.72 s. Sources left out were heard by one student each, the test split by what ships.

{_figures(figures)}

Thresholds, by the monitor's own rule with its default settings: a clip counts as heard if an episode would begin (1 s of
crying heard). Alerts come after 3 s of crying heard, or after 12 s where no second of it reached the score to be sure; their
recall is that of clips with more than 4 s of crying (shorter than 12 s, most of them):

{_triggers(figures)}

Other clips heard as crying, by class, at normal sensitivity:

{_table(kinds, ("class", "sources left out", "test split"))}

## Calibration
Platt scaling fitted on sources left out, every source of crying weighing the same and crying making up 30 % of the
time: a single student's, applied to what ships.
Expected calibration error {figures["cry"]["error_after"]:.3f} (before: {figures["cry"]["error_before"]:.3f});
with scale and shift taken from the *other* sources {figures["cross_fitted_error"]:.3f}; of what ships on the test
split {figures["test_error"]:.3f}. Score → share right: {curve}.

## Data and licences
Nothing of this data is in the project; the weights were trained on it.

{_sources(clips)}

YAMNet (Google, Apache-2.0) taught the student on the augmented sound; nothing of its weights is included.
"""
    (folder / "ear.md").write_text(text)
    slim = {k: v for k, v in figures.items() if k != "notes"} | {"notes": notes}
    (folder / "ear.json").write_text(json.dumps(slim, indent=1, default=str) + "\n")
