"""Simulated families that tag: sound that tells the need, that tells nothing, a baby that drifts, a careless tagger."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.need_prior import NEEDS, Situation
from device.needs import Example

SIZE = 64
VERSION = "simulated"
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Family:
    """How a family differs.

    `loud` is how far the needs' sounds lie from the baby's middle (in standard deviations of one cry), `drift` by what
    angle they turn in a month (radians), `careless` the share of tags given at random, `rhythm` how clearly the hour and the
    diary tell (0: not at all), `hungry` how many times as often as elsewhere it is hunger.
    """

    name: str
    loud: float = 0.0
    drift: float = 0.0
    careless: float = 0.0
    rhythm: float = 1.0
    hungry: float = 1.0


FAMILIES = (
    Family("sound tells the need", loud=3.0),
    Family("sound tells a little", loud=1.5),
    Family("sound tells nothing"),
    Family("sound tells the need, which drifts", loud=3.0, drift=0.5),
    Family("sound tells the need, every third tag is careless", loud=3.0, careless=1 / 3),
    Family("sound tells nothing, every third tag is careless", careless=1 / 3),
    Family("sound tells nothing, hour and diary the need", rhythm=3.0),
    Family("neither sound nor hour tells anything", rhythm=0.0),
    Family("sound tells nothing, nearly always hunger", hungry=8.0),
)


def cries(family: Family, rng: np.random.Generator) -> Iterator[tuple[Example, int]]:
    """Tagged cries without end, and the index of the true need of each; about eight tags in three days.

    The embedding has the baby's own offset, what a distress of the moment does, and noise; then, by `loud`, the need.
    """
    k = len(NEEDS)
    base = rng.normal(0.0, 2.0, SIZE)
    fuss = _unit(rng, SIZE)
    means = np.array([_unit(rng, SIZE) for _ in range(k)])
    at, number = 0.0, 0
    while True:
        at += float(rng.exponential(DAY_S * 3 / 8))
        number += 1
        night = bool((at / 3600) % 24 < 7 or (at / 3600) % 24 > 20)
        fed_s = float(rng.uniform(300.0, 4.0 * 3600.0))
        awake_s = float(rng.uniform(60.0, 3.0 * 3600.0))
        truth = int(rng.choice(k, p=_true(fed_s, awake_s, night, family)))
        if family.drift:
            step = family.drift * at / (30 * DAY_S)
            now = [np.cos(step) * means[truth] + np.sin(step) * means[(truth + 1) % k]]
        else:
            now = [means[truth]]
        sound = base + 1.5 * rng.normal() * fuss + rng.normal(0.0, 1.0, SIZE) + family.loud * now[0]
        said = int(rng.choice(k, p=[0.45, 0.25, 0.25, 0.05])) if rng.random() < family.careless else truth
        situation = Situation(fed_s, awake_s, None, night)
        embedding = sound.astype(np.float32)
        yield Example(f"{number:05d}", at, situation, NEEDS[said], False, embedding, VERSION), truth


def _unit(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    vector = rng.normal(size=size)
    return np.asarray(vector / np.linalg.norm(vector))


def _true(fed_s: float, awake_s: float, night: bool, family: Family) -> NDArray[np.float64]:
    """True chances of the needs: hunger grows after two hours, tiredness after one and a half awake."""
    if not family.rhythm:
        return np.array([0.4, 0.28, 0.28, 0.04])
    hunger = 0.25 + 3.0 / (1.0 + np.exp(-(fed_s / 3600.0 - 2.3) / 0.3))
    tired = 0.25 + 1.5 / (1.0 + np.exp(-(awake_s / 3600.0 - 1.6) / 0.25)) * (0.4 if night else 1.0)
    chances = np.array([family.hungry * hunger, 0.5, tired, 0.05]) ** family.rhythm
    return np.asarray(chances / chances.sum())
