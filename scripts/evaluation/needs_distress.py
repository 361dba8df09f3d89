"""Is the grade of distress what people mean by it? Sounds that somebody named, of which the grade was never taught."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from device.audio import RATE_HZ, Samples
from device.synthesis import room_noise
from device.vocabulary import Distress
from evaluation.corpus import Clip, Corpus
from evaluation.figures import Figure, auc_by_groups
from evaluation.needs_hearing import Listener

DONATED = "gveres/donateacry-corpus"
LEAST_PEAK = 0.5
QUIETER_DB, NOISE_DB, CHANGED = -20.0, 10.0, 100


@dataclass(frozen=True, slots=True)
class Graded:
    """Clips of one name: their grades (0..1) and groups."""

    grades: tuple[float, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Steady:
    """What a change of the sound does to the grade: rank correlation with that before, and the share given another word."""

    correlation: float
    other_word: float


@dataclass(frozen=True, slots=True)
class Found:
    """Grades by name; areas under the curve of names that should lie apart; the grade under change of level and noise."""

    names: Mapping[str, Graded]
    apart: Mapping[tuple[str, str], Figure]
    quieter: Steady
    noisier: Steady


PAIRS = (
    ("scream", "moan"),
    ("scream", "adult crying"),
    ("cry, many sources", "babble"),
    ("cry, many sources", "baby laugh"),
    ("cry: belly pain", "cry: tired"),
    ("cry: belly pain", "cry: hungry"),
    ("cry: hungry", "cry: tired"),
)


def measure(corpus: Corpus, listener: Listener) -> Found:
    """Grade every clip that has a name; cries count as far as the ear hears one at all."""
    named = _named(corpus.clips)
    names: dict[str, Graded] = {}
    for name, clips in named.items():
        heard = [(listener.hear(clip), clip.group) for clip in clips]
        kept = [(each.distress, group) for each, group in heard if each.peak >= LEAST_PEAK or not name.startswith("cry")]
        kept = [(each, group) for each, group in kept if np.isfinite(each)]
        names[name] = Graded(tuple(each for each, _ in kept), tuple(group for _, group in kept))
    apart = {
        (high, low): compare(names[high], names[low]) for high, low in PAIRS if names[high].grades and names[low].grades
    }
    cries = named["cry, many sources"][:CHANGED]
    rng = np.random.default_rng(0)
    before = [listener.hear(clip).distress for clip in cries]
    quieter = [listener.changed(clip, lambda sound: sound * np.float32(10 ** (QUIETER_DB / 20))).distress for clip in cries]
    noisier = [listener.changed(clip, lambda sound: _with_noise(sound, rng)).distress for clip in cries]
    return Found(names, apart, steady(before, quieter), steady(before, noisier))


def compare(high: Graded, low: Graded) -> Figure:
    """How often a clip of the one name has the higher grade than one of the other; half is chance."""
    return auc_by_groups(np.array(high.grades), high.groups, np.array(low.grades), low.groups)


def steady(before: Sequence[float], after: Sequence[float]) -> Steady:
    """Compare grades of the same sounds."""
    words = [Distress.of(a) is not Distress.of(b) for a, b in zip(before, after, strict=True)]
    return Steady(float(stats.spearmanr(before, after).statistic), float(np.mean(words)))


def _named(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    return {
        "scream": [clip for clip in clips if clip.kind == "scream"],
        "moan": [clip for clip in clips if clip.kind == "moan"],
        "adult crying": [clip for clip in clips if clip.kind == "adult crying"],
        "babble": [clip for clip in clips if clip.kind == "babble"],
        "baby laugh": [clip for clip in clips if clip.kind == "baby laugh"],
        "cry, many sources": [clip for clip in clips if clip.kind == "cry" and "/more/" in clip.path],
        **{
            f"cry: {cause.replace('_', ' ')}": [c for c in clips if c.source.startswith(DONATED) and c.sublabel == cause]
            for cause in ("hungry", "discomfort", "tired", "belly_pain")
        },
    }


def _with_noise(sound: Samples, rng: np.random.Generator) -> Samples:
    noise = room_noise(len(sound) / RATE_HZ, rng)[: len(sound)]
    level = float(np.sqrt(np.mean(sound**2) / max(1e-12, float(np.mean(noise**2)))) * 10 ** (-NOISE_DB / 20))
    return np.asarray(sound[: len(noise)] + level * noise, dtype=np.float32)
