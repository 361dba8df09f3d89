"""The test sets: mixes after DCASE 2017 task 2, episodes of bouts and pauses, every negative once, and noise machines."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from device.audio import RATE_HZ, Samples
from evaluation.acoustics import Random, at_level, clipped, gain, in_quiet, noise, reverberate, rms, room_response, to_level
from evaluation.corpus import Clip, by_group
from evaluation.material import Cry, Material
from evaluation.truth import Spans

MIX_S = 30.0
RATIOS_DB = (6.0, 0.0, -6.0)
SCENE_S = 30.0
LEAD_S = 2.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A sound with its truth: `events` are bouts of crying (breaths bridged), `sounding` the parts that really sound.

    `counted_s` is how much of it counts as listening time; `group` is what confidence intervals resample by; `ratio_db` is
    crying against background; `fair` is False where YAMNet helped to find the cry; `came_s` is when somebody comes and
    talks.
    """

    name: str
    samples: Samples
    group: str
    kind: str
    events: Spans = ()
    sounding: Spans = ()
    ratio_db: float | None = None
    source: str = ""
    fair: bool = True
    counted_s: float = field(default=0.0)
    came_s: float | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / RATE_HZ


def generator(seed: int, *path: int) -> Random:
    """Random numbers of their own for each scene, so that none depends on how many came before."""
    return np.random.default_rng([seed, *path])


def mixes(material: Material, count: int, seed: int) -> Iterator[Scene]:
    """30 s of background each, every second one with one cry at +6, 0 or -6 dB against what it covers."""
    for i in range(count):
        random = generator(seed, 1, i)
        kind, background = material.background(random, int(MIX_S * RATE_HZ))
        background = to_level(background, random.uniform(-50, -25))
        if i % 2:
            yield Scene(f"mix-{i}", clipped(background), f"background-{kind}-{i}", kind, counted_s=MIX_S)
            continue
        cry = material.draw_cry(random)
        ratio = RATIOS_DB[i // 2 % len(RATIOS_DB)]
        at = float(random.uniform(1.0, MIX_S - 1.0 - len(cry.samples) / RATE_HZ))
        yield _mixed(f"mix-{i}", background, cry, at, ratio, kind)


def _mixed(name: str, background: Samples, cry: Cry, at_s: float, ratio_db: float, kind: str) -> Scene:
    begin = round(at_s * RATE_HZ)
    under = background[begin : begin + len(cry.samples)]
    mixed = background.copy()
    factor = gain(ratio_db) * np.float32(rms(under) / rms(at_spans(cry.samples, cry.spans)))
    mixed[begin : begin + len(cry.samples)] += cry.samples * factor
    spans = tuple((s + at_s, e + at_s) for s, e in cry.spans)
    event = (cry.start_s + at_s, cry.end_s + at_s)
    clip = cry.clip
    return Scene(
        name, clipped(mixed), clip.group, kind, (event,), spans, ratio_db, clip.source, not clip.by_yamnet, counted_s=MIX_S
    )


def episodes(material: Material, count: int, seed: int) -> Iterator[Scene]:
    """A baby who cries in bouts with pauses, in a room, at some distance and gain, over a background.

    Three in five are clear (crying 10-30 dB over the background), the others not (-3 to 10 dB).
    """
    for i in range(count):
        random = generator(seed, 2, i)
        cries = material.draw_group(random)
        clear = i % 5 < 3
        track, events, sounding = bouts(random, cries)
        wet = reverberate(track, room_response(random))
        ratio = float(random.uniform(10, 30) if clear else random.uniform(-3, 10))
        level = float(random.uniform(-40, -15))
        kind, background = material.background(random, len(track))
        mixed = crying_at(wet, sounding, level) + to_level(background, level - ratio)
        clip = cries[0].clip
        yield Scene(
            f"episode-{i}", clipped(mixed), clip.group, "clear" if clear else "noisy", events, sounding, ratio, clip.source,
            not clip.by_yamnet,
        )  # fmt: skip


def crying_at(track: Samples, sounding: Spans, dbfs: float) -> Samples:
    """Scale so that where it sounds it has this RMS level."""
    return track * (gain(dbfs) / np.float32(rms(at_spans(track, sounding))))


def at_spans(samples: Samples, spans: Spans) -> Samples:
    """The parts at these times, one after the other."""
    return np.concatenate([samples[round(s * RATE_HZ) : round(e * RATE_HZ)] for s, e in spans])


def bouts(random: Random, cries: Sequence[Cry]) -> tuple[Samples, Spans, Spans]:
    """One to three bouts of 8-30 s; breaths of 0.3-0.9 s between cries, pauses of 4-25 s between bouts."""
    parts: list[Samples] = [np.zeros(int(random.uniform(8, 15) * RATE_HZ), np.float32)]
    at = len(parts[0])
    events: list[tuple[float, float]] = []
    sounding: list[tuple[float, float]] = []
    for bout in range(int(random.integers(1, 4))):
        if bout:
            pause = np.zeros(int(random.uniform(4, 25) * RATE_HZ), np.float32)
            parts.append(pause)
            at += len(pause)
        until = at + int(random.uniform(8, 30) * RATE_HZ)
        start: float | None = None
        while at < until:
            cry = cries[int(random.integers(len(cries)))]
            scaled = to_level(cry.samples, -20 + float(random.uniform(-4, 4)))
            start = at / RATE_HZ + cry.start_s if start is None else start
            sounding += [(s + at / RATE_HZ, e + at / RATE_HZ) for s, e in cry.spans]
            parts += [scaled, np.zeros(int(random.uniform(0.2, 0.8) * RATE_HZ), np.float32)]
            at += len(parts[-1]) + len(scaled)
        assert start is not None
        events.append((start, sounding[-1][1]))
    parts.append(np.zeros(int(10 * RATE_HZ), np.float32))
    return np.concatenate(parts), tuple(events), tuple(sounding)


def negatives(clips: Sequence[Clip], read: Callable[[Clip], Samples]) -> Iterator[Scene]:
    """Every clip once. Clips of one recording follow one another for up to 30 s; each scene begins with a quiet room."""
    for group, members in by_group(clips).items():
        pending: list[Clip] = []
        for clip in members:
            if pending and (clip.kind != pending[0].kind or sum(c.duration_s for c in pending) + clip.duration_s > SCENE_S):
                yield _negative(group, pending, read)
                pending = []
            pending.append(clip)
        yield _negative(group, pending, read)


def in_rooms(scenes: Iterable[Scene], seed: int) -> Iterator[Scene]:
    """The same scenes as the episodes are heard: in a room, at -40 to -15 dBFS, 10 to 30 dB over a room's pink noise."""
    for i, scene in enumerate(scenes):
        random = generator(seed, 4, i)
        wet = reverberate(scene.samples, room_response(random))
        level = float(random.uniform(-40, -15))
        around = noise(random, len(wet), 1.0) * gain(level - float(random.uniform(10, 30)))
        yield replace(scene, samples=clipped(at_level(wet, level) + around))


def _negative(group: str, clips: Sequence[Clip], read: Callable[[Clip], Samples]) -> Scene:
    sound = np.concatenate([read(clip) for clip in clips])
    heard = in_quiet(np.random.default_rng(len(sound)), sound, LEAD_S)
    seconds = len(sound) / RATE_HZ
    first = clips[0]
    return Scene(first.path, heard, group, first.kind, source=first.source, counted_s=seconds)


def machines(seed: int, length_s: float = 600.0) -> Iterator[Scene]:
    """Noise machines (white, pink, brown, each also slowly swelling), mains hum, and a silent room, `length_s` each."""
    length = int(length_s * RATE_HZ)
    time = np.arange(length, dtype=np.float32) / RATE_HZ
    for i, (name, exponent, level) in enumerate(
        (("white", 0.0, -30), ("pink", 1.0, -25), ("brown", 2.0, -20), ("quiet room", 1.0, -75))
    ):
        sound = noise(generator(seed, 3, i), length, exponent) * gain(level)
        yield Scene(f"machine-{name}", clipped(sound), name, "noise machine", counted_s=length_s)
        swelling = sound * (1 + np.float32(0.7) * np.sin(2 * np.pi * time / 7))
        yield Scene(f"machine-{name}-swelling", clipped(swelling), name, "noise machine", counted_s=length_s)
    hum = noise(generator(seed, 3, 9), length, 1.0) * gain(-65)
    for k in (1, 2, 3, 5):
        hum += gain(-30) / np.float32(k) * np.sin(2 * np.pi * 50 * k * time)
    yield Scene("machine-hum", clipped(hum), "hum", "noise machine", counted_s=length_s)
    yield Scene("machine-digital silence", np.zeros(length, np.float32), "zero", "noise machine", counted_s=length_s)
