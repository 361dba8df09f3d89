"""Figures of scores by themselves: clip AUC, calibration, voices."""

from collections.abc import Sequence

import numpy as np

from evaluation.ears import Ear
from evaluation.figures import auc_by_groups, by_groups, reliability
from evaluation.hearing import Trial, voice_runs
from evaluation.measures import Figures


def clips(trials: Sequence[Trial], ear: Ear, unseen: frozenset[str]) -> Figures:
    """Clip AUC: test split, without clips that YAMNet helped to find, and cry sources that training never saw."""
    cry = [t for t in trials if t.scene.kind == "cry" and sum(b - a for a, b in t.scene.events) >= 1.0]
    other = [t for t in trials if t.scene.kind != "cry"]

    def area(positive: Sequence[Trial], negative: Sequence[Trial]) -> Figures:
        peaks = [np.array([t.peak(ear) for t in side]) for side in (positive, negative)]
        groups = [[t.scene.group for t in side] for side in (positive, negative)]
        return auc_by_groups(peaks[0], groups[0], peaks[1], groups[1]).as_dict()

    sources = sorted({t.scene.source for t in cry})
    return {
        "all": area(cry, other),
        "fair": area([t for t in cry if t.scene.fair], [t for t in other if t.scene.fair]),
        "unseen": area([t for t in cry if t.scene.source in unseen], other),
        "by_source": {s: area([t for t in cry if t.scene.source == s], other) for s in sources},
    }


def calibration(trials: Sequence[Trial], ear: Ear) -> Figures:
    """Reliability of single scores; those that are partly crying, or fall into a breath, are left out."""
    scores, truth = [], []
    for trial in trials:
        heard = trial.heard[ear.name]
        for at, cry in zip(heard.at_s, heard.cry, strict=True):
            begin = at - ear.step_s
            part = sum(max(0.0, min(at, b) - max(begin, a)) for a, b in trial.scene.sounding) / ear.step_s
            near = any(a - 0.3 < at and begin < b + 0.3 for a, b in trial.scene.events)
            if part >= 0.8 or (part == 0 and not near):
                scores.append(float(cry))
                truth.append(part >= 0.8)
    found = reliability(np.clip(np.array(scores), 0, 1), np.array(truth))
    return {"score": found.score, "share": found.share, "count": found.count, "ece": round(found.ece, 4)}


def voices(speech: Sequence[Trial], cries: Sequence[Trial], ear: Ear) -> Figures:
    """Adult speech recognised once it has lasted a second; cries taken for a voice for a second on end."""
    told = [float(voice_runs(t, ear)[0] >= 1.0) for t in speech]
    wrong = [float(voice_runs(t, ear)[1] >= 1.0) for t in cries]
    return {
        "recall_at_1s": by_groups(told, [t.scene.group for t in speech]).as_dict(),
        "cries_called_voice": by_groups(wrong, [t.scene.group for t in cries]).as_dict(),
    }
