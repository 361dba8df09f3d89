"""What scenes are made of: cries cut out of given clips by the rule in truth.py, and ordinary backgrounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from device.audio import RATE_HZ, Samples
from evaluation import truth
from evaluation.acoustics import Random, faded, noise, rms
from evaluation.corpus import Clip, by_group

MARGIN_S = 0.05
LONGEST_S = 6.0
PER_GROUP = 12
LARGEST_SHARE = 1 / 3

_STEADY = ("rain, wind, water", "traffic, engines", "vacuum, washing", "people, places", "silence")


@dataclass(frozen=True, slots=True)
class Cry:
    """A run of crying cut out of a clip; `spans` are its sounding parts in seconds within `samples`."""

    samples: Samples
    spans: truth.Spans
    clip: Clip

    @property
    def start_s(self) -> float:
        """First crying."""
        return self.spans[0][0]

    @property
    def end_s(self) -> float:
        """Last crying."""
        return self.spans[-1][1]


def cries_of(clip: Clip, samples: Samples, shortest_s: float = 1.0) -> list[Cry]:
    """Runs of clear crying: at least `shortest_s` long, one sounding part over 0.5 s, 10 dB over the clip's own quiet."""
    mask = truth.cry_frames(samples)
    seen = truth.analyse(samples)
    quiet = float(np.percentile(seen.level_db, 10))
    found = []
    for start, end in truth.spans_of(mask, bridge_s=truth.BREATH_S, shortest_s=shortest_s):
        end = min(end, start + LONGEST_S)
        a, b = round(start * RATE_HZ / truth.STEP), round(end * RATE_HZ / truth.STEP)
        parts = truth.spans_of(mask[a:b], bridge_s=0.0, shortest_s=0.0)
        pitched = mask[a:b] & (seen.periodicity[a:b] >= truth.PERIODIC)
        level = 10 * np.log10(np.mean(10 ** (seen.level_db[a:b][mask[a:b]] / 10)))
        over_quiet = level - quiet if mask.mean() < 0.85 else np.inf
        pitch = float(np.median(seen.f0_hz[a:b][pitched])) if pitched.any() else 0.0
        if max(e - s for s, e in parts) < 0.5 or pitched.mean() < 0.3 or pitch < 300 or over_quiet < 10:
            continue
        first, last = max(0.0, start - MARGIN_S), end + MARGIN_S
        cut = faded(samples[round(first * RATE_HZ) : round(last * RATE_HZ)])
        lead = start - first
        found.append(Cry(cut, tuple((s + lead, e + lead) for s, e in parts), clip))
    return found


class Material:
    """Cries by group and backgrounds by kind."""

    def __init__(self, clips: Sequence[Clip], read: Callable[[Clip], Samples]) -> None:
        """Cut what these clips offer."""
        self._read = read
        self.cries: dict[str, list[Cry]] = {}
        for group, members in by_group(c for c in clips if c.label == "cry").items():
            found = [cry for clip in members for cry in cries_of(clip, read(clip))][:PER_GROUP]
            if found:
                self.cries[group] = found
        negatives = [clip for clip in clips if clip.negative]
        self._backgrounds: dict[str, list[list[Clip]]] = {}
        for clip in negatives:
            if clip.kind in _STEADY and clip.duration_s >= 20:
                self._backgrounds.setdefault("ambience", []).append([clip])
        for kind, wanted in (("steady noise", _STEADY), ("speech", ("adult speech",)), ("music", ("music",))):
            for members in by_group(c for c in negatives if c.kind in wanted).values():
                by_sub: dict[str, list[Clip]] = {}
                for clip in members:
                    by_sub.setdefault(clip.sublabel, []).append(clip)
                self._backgrounds.setdefault(kind, []).extend(by_sub.values())

    def draw_cry(self, random: Random) -> Cry:
        """A cry: groups (babies, recordings) equally likely, but no source more than a third of the time."""
        return self._drawn(random, list(self.cries), 1)[0]

    def draw_group(self, random: Random) -> Sequence[Cry]:
        """All cries of one group that has a few seconds of them, drawn like a single cry."""
        enough = [g for g in self.cries if sum(c.end_s - c.start_s for c in self.cries[g]) >= 3.0]
        return self._drawn(random, enough, PER_GROUP)

    def _drawn(self, random: Random, groups: Sequence[str], count: int) -> Sequence[Cry]:
        groups = sorted(groups)
        sources = [self.cries[g][0].clip.source for g in groups]
        weights = np.array([1 / len(groups)] * len(groups))
        for source in set(sources):
            own = np.array([s == source for s in sources])
            if (share := weights[own].sum()) > LARGEST_SHARE and not own.all():
                weights = np.where(own, weights * LARGEST_SHARE / share, weights * (1 - LARGEST_SHARE) / (1 - share))
        cries = self.cries[groups[int(random.choice(len(groups), p=weights))]]
        return cries if count > 1 else [cries[int(random.integers(len(cries)))]]

    def background(self, random: Random, length: int) -> tuple[str, Samples]:
        """An everyday background of `length` samples, RMS 1: its kind, and its sound; no hard class but music."""
        kinds = [*sorted(self._backgrounds), "noise machine"]
        kind = str(random.choice(kinds))
        if kind == "noise machine":
            return kind, noise(random, length, float(random.choice([0.0, 1.0, 2.0])))
        groups = self._backgrounds[kind]
        return kind, self._joined(random, groups[int(random.integers(len(groups)))], length)

    def _joined(self, random: Random, clips: Sequence[Clip], length: int) -> Samples:
        """Clips of one recording one after the other, crossfaded, from a random place, until it is long enough."""
        fade = RATE_HZ // 10
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        out = np.zeros(0, np.float32)
        order = [int(i) for i in random.permutation(len(clips))]
        offset = int(random.integers(RATE_HZ))
        while len(out) < length:
            part = self._read(clips[order[0]])
            order.append(order.pop(0))
            part = part / np.float32(rms(part))
            if len(part) > length:
                at = int(random.integers(len(part) - length + 1))
                return part[at : at + length].copy()
            if not len(out):
                out = part[min(offset, len(part) // 2) :].copy()
            elif len(out) > fade and len(part) > fade:
                out[-fade:] = out[-fade:] * ramp[::-1] + part[:fade] * ramp
                out = np.concatenate([out, part[fade:]])
            else:
                out = np.concatenate([out, part])
        return out[:length] / np.float32(rms(out[:length]))
