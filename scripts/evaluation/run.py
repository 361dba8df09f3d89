"""The whole evaluation in order: sets, ears, figures."""

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from device.audio import RATE_HZ, Samples
from evaluation import measures, measures_scores, scenes
from evaluation.acoustics import clipped, gain, noise
from evaluation.corpus import HARD, Clip
from evaluation.ears import Ear, Store
from evaluation.hearing import Say, Trial, clip_scene, cut_cries, hear_all, speaking_s
from evaluation.material import Material
from evaluation.pipeline import Pipeline
from evaluation.visits import arrivals, visits

SETS = ("mixes", "episodes", "negatives", "rooms", "machines", "visits", "clips", "cuts")


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each set: of clips and negatives every `every`-th group."""

    mixes: int = 500
    episodes: int = 200
    visits: int = 200
    every: int = 1
    machine_s: float = 600.0
    night_s: float = 3600.0


QUICK = Size(mixes=20, episodes=8, visits=4, every=16, machine_s=30.0, night_s=300.0)


@dataclass(frozen=True, slots=True)
class Results:
    """All figures by ear, and what plots need besides."""

    figures: dict[str, Any]
    night: dict[str, Any] = field(default_factory=dict)


def thinned(clips: Sequence[Any], every: int) -> list[Any]:
    """Clips of every `every`-th group, in order."""
    groups = sorted({clip.group for clip in clips})
    kept = set(groups[::every])
    return [clip for clip in clips if clip.group in kept]


@dataclass(frozen=True, slots=True)
class Part:
    """Clips that none of these ears was trained on. Ears of the same name in several parts are one kind of ear."""

    clips: Sequence[Clip]
    ears: Sequence[Ear]


def evaluate(
    parts: Sequence[Part], read: Callable[[Clip], Samples], unseen: frozenset[str], *, size: Size, seed: int,
    cache: Path | None, say: Say,
) -> Results:  # fmt: skip
    """Run everything, the sets divided among the parts; `unseen` are cry sources to report by themselves."""
    store, began = Store(cache), time.monotonic()
    sets: dict[str, list[Trial]] = {name: [] for name in SETS}
    spoken: set[str] = set()
    counts = {"groups": 0, "cries": 0}

    def step(text: str) -> None:
        say(f"{time.monotonic() - began:6.0f} s  {text}")

    for number, part in enumerate(parts):
        ears, shift = part.ears, number * 1000
        step(f"part {number + 1} of {len(parts)}: cutting cries and backgrounds")
        material = Material(part.clips, read)
        counts["groups"] += len(material.cries)
        counts["cries"] += sum(map(len, material.cries.values()))
        step("mixes")
        sets["mixes"] += hear_all(scenes.mixes(material, size.mixes // len(parts), seed + shift), ears, store)
        step("episodes")
        sets["episodes"] += hear_all(scenes.episodes(material, size.episodes // len(parts), seed + shift), ears, store)
        negative = thinned([c for c in part.clips if c.negative], size.every)
        step(f"{len(negative)} negative clips, each once")
        sets["negatives"] += hear_all(scenes.negatives(negative, read), ears, store)
        sets["rooms"] += hear_all(scenes.in_rooms(scenes.negatives(negative, read), seed), ears, store)
        if not number:
            step("noise machines, hum, silence")
            sets["machines"] += hear_all(scenes.machines(seed, size.machine_s), ears, store)
        cry = thinned([c for c in part.clips if c.label == "cry"], size.every)
        step("visits")
        ours = [ear for ear in ears if isinstance(ear, Pipeline)]
        heard = visits(material, part.clips, read, size.visits // len(parts), seed + shift)
        sets["visits"] += hear_all(heard, ours, store) if ours else []
        step("every clip by itself")
        sets["clips"] += hear_all((clip_scene(c, read) for c in [*cry, *negative]), ears, store)
        sets["cuts"] += hear_all(itertools.islice(cut_cries(material), 0, None, size.every), ears, store)
        spoken |= {c.path for c in negative if c.kind == "adult speech" and speaking_s(read(c)) >= 1.5}
    step("figures")
    speech = [t for t in sets["clips"] if t.scene.name in spoken]
    figures: dict[str, Any] = {
        "sets": _sets(sets) | counts,
        "ears": {ear.name: _figures(sets, speech, ear, unseen) for ear in parts[0].ears},
    }
    step("a night")
    night = _night(parts[0], read, size, seed, store)
    step("done")
    return Results(figures, night)


def _figures(sets: dict[str, list[Trial]], speech: Sequence[Trial], ear: Ear, unseen: frozenset[str]) -> dict[str, Any]:
    mixes, episodes, negatives = sets["mixes"], sets["episodes"], sets["negatives"]
    knows = ear.name != "level"
    return {
        "version": ear.version,
        "mixes": measures.mixes(mixes, negatives, ear),
        "episodes": measures.episodes(episodes, negatives, ear),
        "negatives": measures.negatives(negatives, ear),
        "rooms": measures.negatives(sets["rooms"], ear)
        | {"one_an_hour": measures.at_one_an_hour(sets["rooms"], [t for t in episodes if t.scene.kind == "clear"], ear)},
        "machines": {t.scene.name: len(t.decided[ear.name]["normal"].alerts_s) for t in sets["machines"]},
        "clips": measures_scores.clips(sets["clips"], ear, unseen),
        "calibration": measures_scores.calibration([*mixes, *episodes], ear) if knows else {},
        "arrivals": arrivals(sets["visits"], ear) if isinstance(ear, Pipeline) else {},
        "voice": measures_scores.voices(speech, sets["cuts"], ear) if knows else {},
        "curve": measures.curve(negatives, [t for t in episodes if t.scene.kind == "clear"], ear),
    }


def _sets(sets: dict[str, list[Trial]]) -> dict[str, Any]:
    hours = {name: round(sum(t.duration_s for t in trials) / 3600, 2) for name, trials in sets.items()}
    heard = round(sum(t.scene.counted_s for t in sets["negatives"]) / 3600, 2)
    return {
        "mixes": len(sets["mixes"]), "mix_hours": hours["mixes"],
        "episodes": len(sets["episodes"]), "episode_hours": hours["episodes"],
        "negative_scenes": len(sets["negatives"]), "negative_hours": heard, "clips": len(sets["clips"]),
    }  # fmt: skip


def _night(part: Part, read: Callable[[Clip], Samples], size: Size, seed: int, store: Store) -> dict[str, Any]:
    """A condensed night: a quiet room with a noise machine, some episodes, some hard negatives, as one stream."""
    ear = part.ears[0]
    material = Material(part.clips, read)
    random = np.random.default_rng([seed, 9])
    length = int(size.night_s * RATE_HZ)
    sound = noise(random, length, 1.0) * gain(-55)
    placed: list[tuple[str, float, float]] = []
    hard = [s for s in scenes.negatives(thinned([c for c in part.clips if c.negative], 9), read) if s.kind in HARD]
    order = [replace(s, kind="crying") for s in scenes.episodes(material, max(1, int(size.night_s / 600)), seed + 1)]
    pool = [*order, *(hard[int(i)] for i in random.permutation(len(hard))[: int(size.night_s / 180)])]
    at = 60.0
    room_s = max(5.0, (size.night_s - sum(s.duration_s for s in pool)) / (len(pool) + 1))
    for index in random.permutation(len(pool)):
        scene: scenes.Scene = pool[int(index)]
        begin = int(at * RATE_HZ)
        piece: Samples = scene.samples[: max(0, length - begin)]
        sound[begin : begin + len(piece)] += piece
        first, last = (scene.events[0][0], scene.events[-1][1]) if scene.events else (0.0, scene.duration_s)
        placed.append((scene.kind, at + first, at + last))
        at += scene.duration_s + room_s
    sound = clipped(sound)
    heard = store.hear(ear, sound)
    decided = ear.decide(heard, "normal")
    return {"at_s": heard.at_s, "cry": heard.cry, "placed": placed, "alerts_s": decided.alerts_s, "ear": ear.name}
