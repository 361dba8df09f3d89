"""The whole evaluation in order: sets, ears, figures."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from device.audio import RATE_HZ, Samples
from evaluation import measures, scenes
from evaluation.acoustics import clipped, gain, noise
from evaluation.corpus import HARD, Corpus, unseen_sources
from evaluation.ears import Ear, Store
from evaluation.hearing import Say, Trial, clip_scene, cut_cries, hear_all, speaking_s
from evaluation.material import Material


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each set: of clips and negatives every `every`-th group."""

    mixes: int = 500
    episodes: int = 200
    every: int = 1
    machine_s: float = 600.0
    night_s: float = 3600.0


QUICK = Size(mixes=30, episodes=10, every=12, machine_s=30.0, night_s=300.0)


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


def evaluate(corpus: Corpus, ears: Sequence[Ear], *, size: Size, seed: int, cache: Path | None, say: Say) -> Results:
    """Run everything; `say` is told what is going on."""
    store, began = Store(cache), time.monotonic()

    def step(text: str) -> None:
        say(f"{time.monotonic() - began:6.0f} s  {text}")

    step("cutting cries and backgrounds from the test split")
    material = Material(corpus)
    step(f"{size.mixes} mixes of {scenes.MIX_S:.0f} s")
    mixes = hear_all(scenes.mixes(material, size.mixes, seed), ears, store)
    step(f"{size.episodes} episodes")
    episodes = hear_all(scenes.episodes(material, size.episodes, seed), ears, store)
    negative_clips = thinned(corpus.negatives("test"), size.every)
    step(f"{len(negative_clips)} negative clips, each once")
    negatives = hear_all(scenes.negatives(negative_clips, corpus.samples), ears, store)
    step("noise machines, hum, silence")
    machines = hear_all(scenes.machines(seed, size.machine_s), ears, store)
    cry_clips = thinned(corpus.select(split="test", label="cry"), size.every)
    step("every clip by itself")
    clips = hear_all((clip_scene(c, corpus) for c in [*cry_clips, *negative_clips]), ears, store)
    cuts = hear_all(cut_cries(material), ears, store)
    spoken = {c.path for c in negative_clips if c.kind == "adult speech" and speaking_s(corpus.samples(c)) >= 1.5}
    speech = [t for t in clips if t.scene.name in spoken]
    step("figures")
    unseen = unseen_sources(corpus.clips)
    figures: dict[str, Any] = {
        "sets": _sets(mixes, episodes, negatives, clips, material),
        "ears": {
            ear.name: {
                "version": ear.version,
                "mixes": measures.mixes(mixes, negatives, ear),
                "episodes": measures.episodes(episodes, negatives, ear),
                "negatives": measures.negatives(negatives, ear),
                "machines": {t.scene.name: len(t.decided[ear.name]["normal"].alerts_s) for t in machines},
                "clips": measures.clips(clips, ear, unseen),
                "calibration": measures.calibration([*mixes, *episodes], ear) if ear.name != "level" else {},
                "voice": measures.voices(speech, cuts, ear) if ear.name != "level" else {},
                "curve": measures.curve(negatives, [t for t in episodes if t.scene.kind == "clear"], ear),
            }
            for ear in ears
        },
    }
    step("a night")
    night = _night(material, corpus, ears[0], size, seed, store)
    step("done")
    return Results(figures, night)


def _sets(
    mixes: Sequence[Trial], episodes: Sequence[Trial], negatives: Sequence[Trial], clips: Sequence[Trial], material: Material
) -> dict[str, Any]:
    hours = {
        name: round(sum(t.duration_s for t in some) / 3600, 2) for name, some in (("mixes", mixes), ("episodes", episodes))
    }
    return {
        "mixes": len(mixes), "mix_hours": hours["mixes"], "episodes": len(episodes), "episode_hours": hours["episodes"],
        "negative_scenes": len(negatives), "negative_hours": round(sum(t.scene.counted_s for t in negatives) / 3600, 2),
        "clips": len(clips), "cry_groups": len(material.cries), "cries": sum(map(len, material.cries.values())),
    }  # fmt: skip


def _night(material: Material, corpus: Corpus, ear: Ear, size: Size, seed: int, store: Store) -> dict[str, Any]:
    """A condensed night: a quiet room with a noise machine, some episodes, some hard negatives, as one stream."""
    random = np.random.default_rng([seed, 9])
    length = int(size.night_s * RATE_HZ)
    sound = noise(random, length, 1.0) * gain(-55)
    placed: list[tuple[str, float, float]] = []
    hard = [s for s in scenes.negatives(thinned(corpus.negatives("test"), 9), corpus.samples) if s.kind in HARD]
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
