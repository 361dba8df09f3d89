"""Somebody comes and talks to the crying baby: is a voice taken for an arrival when there is one, and only then?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from device.audio import RATE_HZ, Samples
from evaluation.acoustics import clipped, reverberate, room_response, to_level
from evaluation.corpus import Clip, by_group
from evaluation.ears import Ear
from evaluation.figures import by_groups
from evaluation.hearing import Trial, speaking_s
from evaluation.material import Material
from evaluation.measures import Figures, spread_of
from evaluation.scenes import Scene, bouts, crying_at, generator

SPEAKS_S = 20.0
EARLY_S = 1.0
"""A voice noted more than this before it began was another sound."""


def visits(
    material: Material, clips: Sequence[Clip], read: Callable[[Clip], Samples], count: int, seed: int
) -> Iterator[Scene]:
    """Each episode twice: with nobody, and with an adult who comes 6-15 s after the first crying and talks for 20 s.

    The voice is 8 dB softer to 6 dB louder than the crying, in a place of its own in the room; backgrounds hold no speech.
    """
    talking = [clip for clip in clips if clip.negative and clip.kind == "adult speech" and speaking_s(read(clip)) >= 2.0]
    speakers = list(by_group(talking).values())
    for i in range(count if speakers else 0):
        random = generator(seed, 5, i)
        cries = material.draw_group(random)
        track, events, sounding = bouts(random, cries)
        wet = reverberate(track, room_response(random))
        level = float(random.uniform(-40, -15))
        kind, background = material.background(random, len(track))
        while kind == "speech":
            kind, background = material.background(random, len(track))
        alone = crying_at(wet, sounding, level) + to_level(background, level - random.uniform(10, 30))
        came_s = events[0][0] + float(random.uniform(6, 15))
        clip = cries[0].clip
        scene = Scene(
            f"alone-{i}", clipped(alone), clip.group, "alone", events, sounding, None, clip.source, not clip.by_yamnet
        )
        yield scene
        speaker = speakers[int(random.integers(len(speakers)))]
        order = random.permutation(len(speaker))
        said = np.concatenate([read(speaker[int(k)]) for k in np.resize(order, 8)])[: int(SPEAKS_S * RATE_HZ)]
        said = reverberate(to_level(said, level + random.uniform(-8, 6)), room_response(random))
        begin = int(came_s * RATE_HZ)
        together = alone.copy()
        together[begin : begin + len(said)] += said[: len(together) - begin]
        yield replace(scene, name=f"visit-{i}", samples=clipped(together), kind="visit", came_s=came_s)


def arrivals(trials: Sequence[Trial], ear: Ear) -> Figures:
    """How often a voice was noted as an arrival: of those who came, and where nobody did; and how late it was dated."""
    told, wrong, late = [], [], []
    for trial in trials:
        arrived_s = trial.decided[ear.name]["normal"].arrived_s
        came_s = trial.scene.came_s
        if came_s is None:
            wrong.append(float(arrived_s is not None))
            continue
        right = arrived_s is not None and arrived_s >= came_s - EARLY_S
        told.append(float(right))
        late += [arrived_s - came_s] if right and arrived_s is not None else []
    groups = [[t.scene.group for t in trials if (t.scene.came_s is None) is alone] for alone in (False, True)]
    return {
        "told": by_groups(told, groups[0]).as_dict(),
        "wrong": by_groups(wrong, groups[1]).as_dict(),
        "error_s": spread_of(late),
    }
