# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""From a checkpoint to what ships: calibrate on sources left out, choose thresholds, export, write the model card.

The test split is read here once, for the card; nothing is chosen by it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from device.evidence import Thresholds

from . import calibrate, judge, second
from .card import write_card
from .corpus import Clip
from .examples import Examples
from .export import export
from .judge import Judged
from .learn import Recipe
from .net import SCORES, Ear
from .prepare import Corpus
from .restore import restore

# Share of other clips, from sources left out, in which an episode may begin.
HEARD_SHARES = {"high": 0.03, "normal": 0.02, "low": 0.0125}
SECOND_BATCHES = 300  # batches of examples to fit the second ear's head on
OFF_OF_ON = 0.6  # hysteresis: crying goes on down to this share of `on`
SURE = {"high": 0.7, "normal": 0.88, "low": 0.9}  # scores mean what they say: so often is crying there


def rebuild(recipe: Recipe, weights: dict[str, torch.Tensor]) -> Ear:
    """Make an ear from a recipe and its averaged weights."""
    ear = Ear(recipe.shape)
    ear.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in weights.items()})
    return ear.eval()


Kept = tuple[Recipe, dict[str, torch.Tensor]]


def checkpoint(folder: Path) -> tuple[list[Kept], list[Kept]]:
    """Read a run's checkpoint: the ears that may ship and those of the folds, each a recipe and averaged weights."""
    ships = [torch.load(path, map_location="cpu", weights_only=False)[:2] for path in sorted(folder.glob("ship*.pt"))]
    return ships, torch.load(folder / "folds.pt", map_location="cpu", weights_only=False)


def left_out(corpus: Corpus, folds: Sequence[Kept], device: torch.device) -> list[Judged]:
    """Score every clip of the train split by the student that never heard its source."""
    judged: list[Judged] = []
    for recipe, weights in folds:
        which = [i for i, c in enumerate(corpus.clips) if c.split == "train" and c.fold == recipe.fold]
        judged += judge.judge(rebuild(recipe, weights).to(device), corpus, which, device)
    return judged


def on_test(corpus: Corpus, ear: Ear, device: torch.device) -> list[Judged]:
    """Score every clip of the test split."""
    return judge.judge(ear, corpus, [i for i, clip in enumerate(corpus.clips) if clip.split == "test"], device)


def thresholds(on: float, sensitivity: str) -> Thresholds:
    """Those that belong to the one to begin at."""
    return Thresholds(round(on, 3), round(on * OFF_OF_ON, 3), SURE[sensitivity])


def choose_thresholds(judged: Sequence[Judged], fit: calibrate.Fit) -> dict[str, Thresholds]:
    """Choose those for each sensitivity: the lowest at which episodes begin in that share of other clips at most."""
    scores = [judge.sigmoid(fit.scale * item.logits[:, 0] + fit.shift) for item in judged if judge.is_negative(item)]
    chosen = {}
    for name, share in HEARD_SHARES.items():
        for on in np.arange(0.3, 0.975, 0.005):
            chosen[name] = thresholds(float(on), name)
            if np.mean([calibrate.begins(score, chosen[name]) for score in scores]) <= share:
                break
    return chosen


def by_kind(judged: Sequence[Judged], fit: calibrate.Fit, normal: Thresholds) -> dict[str, tuple[int, int]]:
    """How many clips of each class there are, and how many were heard as crying."""
    counts: dict[str, tuple[int, int]] = {}
    for item in judged:
        if judge.is_negative(item):
            heard = calibrate.begins(judge.sigmoid(fit.scale * item.logits[:, 0] + fit.shift), normal)
            total, false = counts.get(item.clip.kind, (0, 0))
            counts[item.clip.kind] = (total + 1, false + int(heard))
    return counts


def figures_on_test(test: Sequence[Judged], fit: calibrate.Fit, chosen: Mapping[str, Thresholds]) -> dict[str, Any]:
    """What the card says of the test split."""
    return {
        "test": judge.summary(test),
        "test_error": calibrate.error_of(fit, test),
        "trigger_test": {name: calibrate.trigger_figures(test, fit, those) for name, those in chosen.items()},
        "kinds_test": by_kind(test, fit, chosen["normal"]),
    }


def publish(
    corpus: Corpus,
    run: Path,
    folder: Path,
    version: str,
    device: torch.device,
    notes: dict[str, Any],
    examples: Examples,
) -> dict[str, Any]:
    """Judge a checkpoint on sources left out and on the test split, then `finish`, then fit the second ear's head."""
    ships, folds = checkpoint(run)
    ears = [rebuild(*ship).to(device) for ship in ships]
    test = judge.mean([on_test(corpus, ear, device) for ear in ears])
    judged = left_out(corpus, folds, device)
    figures = finish(corpus.clips, judged, test, ears, folder, version, notes)
    fit = calibrate.Fit(**figures["cry"])
    scale = [fit.scale, figures["voice"]["scale"], 1.0]
    shift = [fit.shift, figures["voice"]["shift"], 0.0]
    about = {"hop_s": 0.24, "thresholds": figures["thresholds"]}
    for recipe, weights in folds:  # for `scripts/evaluate --folds`
        named = about | {"version": f"{version}-without-{recipe.fold}"}
        export([rebuild(recipe, weights)], scale, shift, named, run / f"fold{recipe.fold}.onnx")
    moments = second.collect(examples, [rebuild(*fold).to(device) for fold in folds], fit, SECOND_BATCHES)
    if len(set(moments.truth)) == 2:  # not so after a few steps of training
        second.save(second.fuse(moments.inputs, moments.truth, second.weigh(moments)), folder / "second_head.npz")
    return figures


def finish(
    clips: Sequence[Clip],
    judged: Sequence[Judged],
    test: Sequence[Judged],
    ears: Sequence[Ear],
    folder: Path,
    version: str,
    notes: dict[str, Any],
) -> dict[str, Any]:
    """Calibrate, choose thresholds, export to `folder`, write the card there; return the figures."""
    cry = calibrate.platt(*calibrate.moments(judged, 0))
    voice = calibrate.platt(*calibrate.moments(judged, 1))
    chosen = choose_thresholds(judged, cry)
    values = {name: asdict(those) for name, those in chosen.items()}
    scale, shift = [cry.scale, voice.scale, 1.0], [cry.shift, voice.shift, 0.0]
    export(ears, scale, shift, {"version": version, "hop_s": 0.24, "thresholds": values}, folder / "ear.onnx")
    (folder / "thresholds.json").write_text(json.dumps(values, indent=2) + "\n")
    figures: dict[str, Any] = {
        "version": version,
        "left_out": judge.summary(judged),
        "cry": asdict(cry),
        "voice": asdict(voice),
        "cross_fitted_error": calibrate.cross_fitted_error(judged),
        "thresholds": values,
        "trigger_left_out": {name: calibrate.trigger_figures(judged, cry, those) for name, those in chosen.items()},
        "kinds_left_out": by_kind(judged, cry, chosen["normal"]),
        "notes": notes,
        "ears": len(ears),
        "parameters": sum(p.numel() for p in ears[0].parameters()),
    } | figures_on_test(test, cry, chosen)
    write_card(clips, figures, folder)
    return figures


def publish_refined(
    corpus: Corpus,
    beside: Sequence[Clip],
    checkpoints: Sequence[Path],
    folder: Path,
    version: str,
    device: torch.device,
    remark: str,
    ons: Sequence[float] = (),
) -> None:
    """Put the mean of refined ears (checkpoints, or the file of one that shipped) in the place of what they came from.

    Figures on sources left out stay those of the students that left them out, and scores are brought back to what they meant
    by the clips of the train split: only the figures on the test split are taken anew. `ons` are other thresholds to begin
    at, for high, normal and low sensitivity. `beside` are clips of another folder that was learned from, for the card.
    """
    before, about = restore(folder / "ear.onnx")
    states = [
        restore(path)[0].state_dict() if path.suffix == ".onnx" else torch.load(path, map_location="cpu", weights_only=True)
        for path in checkpoints
    ]
    mean = {k: torch.stack([s[k].float() for s in states]).mean(0) for k, v in states[0].items() if v.is_floating_point()}
    ear = copy.deepcopy(before)
    ear.load_state_dict(mean, strict=False)
    known = [i for i, clip in enumerate(corpus.clips) if clip.split == "train" and clip.kind != "unverified"]
    pair = [judge.judge(each.to(device), corpus, known, device) for each in (ear, before)]
    fits = [calibrate.matched(pair[0], pair[1], head) for head in range(SCORES)]
    scale, shift = [scale for scale, _ in fits], [shift for _, shift in fits]
    print("scores brought back by", fits)
    test = on_test(corpus, ear, device)
    figures = json.loads((folder / "ear.json").read_text())
    fit = calibrate.Fit(scale[0], shift[0], 0.0, 0.0, [])
    ons = ons or [figures["thresholds"][name]["on"] for name in HEARD_SHARES]
    chosen = {name: thresholds(on, name) for name, on in zip(HEARD_SHARES, ons, strict=True)}
    values = {name: asdict(those) for name, those in chosen.items()}
    export([ear], scale, shift, about | {"version": version, "thresholds": values}, folder / "ear.onnx")
    (folder / "thresholds.json").write_text(json.dumps(values, indent=2) + "\n")
    figures |= {
        "version": version,
        "thresholds": values,
        "thresholds_before": figures.get("thresholds_before", figures["thresholds"]),
        "notes": figures["notes"] | {"refined": remark},
    } | figures_on_test(test, fit, chosen)
    write_card([*corpus.clips, *beside], figures, folder)
