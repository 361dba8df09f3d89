"""What the check of false alarms costs and saves: homes put together from the corpus's babies and cats."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from device.need_sound import Vector
from device.verifier import Verifier
from evaluation.corpus import Clip, Corpus
from evaluation.needs_hearing import Listener

CRIES, CATS, HOMES, STRANGERS = 10, 4, 60, 300
LEAST_PEAK = 0.3


@dataclass(frozen=True, slots=True)
class Sounding:
    """A clip as the monitor would meet it: the embedding of its loud part, its peak score, its group."""

    vector: Vector
    peak: float
    group: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What the check did in `homes` homes, of which in `active` ones it switched itself on.

    Shares let through: of the home's own later cries, of strangers' cries, of those if the ear's certainty counted for
    nothing (`unguarded`). Shares held back: of the same cat's other sounds, and of other cats'.
    """

    homes: int
    active: int
    own: float
    strangers: float
    unguarded: float
    same_cat: float
    other_cats: float


def measure(corpus: Corpus, listener: Listener, seed: int = 0) -> Effect:
    """Learn from ten cries and four of a cat's sounds in each of sixty homes; judge what was not learned from."""
    rng = np.random.default_rng(seed)
    cries = _heard(listener, [c for c in corpus.select(label="cry") if c.kind == "cry"])
    cats = _heard(listener, [c for c in corpus.clips if c.kind == "cat"])
    babies = [group for group in _groups(cries).values() if len(group) >= CRIES + 2]
    owners = [group for group in _groups(cats).values() if len(group) >= 2] or [cats]
    own: list[bool] = []
    strangers: list[bool] = []
    unguarded: list[bool] = []
    same: list[bool] = []
    other: list[bool] = []
    active = 0
    for _ in range(HOMES):
        baby = _shuffled(babies[int(rng.integers(len(babies)))], rng)
        owner = owners[int(rng.integers(len(owners)))]
        rest = _shuffled([cat for cat in cats if cat.group != owner[0].group], rng)
        known = [*_shuffled(owner, rng)[: max(1, len(owner) // 2)], *rest][:CATS]
        taught = {id(cat) for cat in known}
        verifier = Verifier([cry.vector for cry in baby[:CRIES]], [cat.vector for cat in known])
        active += verifier.active
        own += [verifier.allows(cry.vector, cry.peak) for cry in baby[CRIES:]]
        others = [cry for cry in _shuffled(cries, rng) if cry.group != baby[0].group][:STRANGERS]
        strangers += [verifier.allows(cry.vector, cry.peak) for cry in others]
        unguarded += [verifier.allows(cry.vector, 0.0) for cry in others]
        same += [not verifier.allows(cat.vector, cat.peak) for cat in owner if id(cat) not in taught]
        other += [not verifier.allows(cat.vector, cat.peak) for cat in rest if id(cat) not in taught]
    shares = (float(np.mean(each)) if each else float("nan") for each in (own, strangers, unguarded, same, other))
    return Effect(HOMES, active, *shares)


def _heard(listener: Listener, clips: Sequence[Clip]) -> list[Sounding]:
    """Those clips that the ear takes for crying at least a little: the others never ring."""
    found = []
    for clip in clips:
        heard = listener.hear(clip)
        if heard.vector is not None and heard.peak >= LEAST_PEAK:
            found.append(Sounding(heard.vector, heard.peak, clip.group))
    return found


def _groups(sounds: Sequence[Sounding]) -> dict[str, list[Sounding]]:
    groups: dict[str, list[Sounding]] = {}
    for sound in sounds:
        groups.setdefault(sound.group, []).append(sound)
    return groups


def _shuffled(sounds: Sequence[Sounding], rng: np.random.Generator) -> list[Sounding]:
    return [sounds[index] for index in rng.permutation(len(sounds))]
