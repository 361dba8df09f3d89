"""Every set through every ear: what each heard and decided, kept together with the truth."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from device.audio import Samples
from evaluation.acoustics import in_quiet
from evaluation.corpus import Clip
from evaluation.ears import Decided, Ear, Heard, Store, sustained
from evaluation.material import Material
from evaluation.scenes import Scene
from evaluation.truth import cry_spans, spans_of

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """A scene without its samples, and per ear what it heard and, per setting, decided."""

    scene: Scene
    duration_s: float
    heard: dict[str, Heard]
    decided: dict[str, dict[str, Decided]]

    def peak(self, ear: Ear, begin_s: float = 0.0, end_s: float = float("inf")) -> float:
        """The highest score that lasted about a second, between two times (ends of the audio it came from)."""
        heard = self.heard[ear.name]
        keep = (heard.at_s >= begin_s) & (heard.at_s <= end_s)
        part = Heard(heard.at_s[keep], heard.cry[keep], heard.voice[keep], heard.columns[keep])
        return float(sustained(part, ear.needed).max()) if len(part.at_s) else 0.0


def hear_all(scenes: Iterable[Scene], ears: Sequence[Ear], store: Store) -> list[Trial]:
    """Play each scene to each ear."""
    trials = []
    for scene in scenes:
        heard = {ear.name: store.hear(ear, scene.samples) for ear in ears}
        decided = {ear.name: {s: ear.decide(heard[ear.name], s) for s in ear.settings} for ear in ears}
        trials.append(Trial(replace(scene, samples=np.zeros(0, np.float32)), scene.duration_s, heard, decided))
    return trials


def clip_scene(clip: Clip, read: Callable[[Clip], Samples]) -> Scene:
    """One clip by itself, after a second of a quiet room; its truth is the rule's, if it is a cry."""
    samples = read(clip)
    heard = in_quiet(np.random.default_rng(len(samples)), samples)
    spans = cry_spans(samples) if clip.label == "cry" else ()
    moved = tuple((a + 1.0, b + 1.0) for a, b in spans)
    return Scene(clip.path, heard, clip.group, clip.kind, moved, (), None, clip.source, not clip.by_yamnet, clip.duration_s)


def cut_cries(material: Material) -> Iterable[Scene]:
    """Every cry that the rule has cut out, by itself in a quiet room: nothing but crying."""
    for group, cries in sorted(material.cries.items()):
        for i, cry in enumerate(cries):
            heard = in_quiet(np.random.default_rng(len(cry.samples)), cry.samples)
            spans = tuple((a + 1.0, b + 1.0) for a, b in cry.spans)
            clip = cry.clip
            yield Scene(f"cut-{group}-{i}", heard, group, "cry", spans, spans, None, clip.source, not clip.by_yamnet)


def voice_runs(trial: Trial, ear: Ear) -> tuple[float, float]:
    """Seconds of voice in all, and in the longest run."""
    over = ear.voiced(trial.heard[ear.name])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], over, [False]]).astype(np.int8)))
    runs = (edges[1::2] - edges[::2]) * ear.step_s
    return float(over.sum() * ear.step_s), float(runs.max()) if len(runs) else 0.0


def speaking_s(samples: Samples) -> float:
    """Seconds of active speech by energy: 20 ms over the clip's peak less 30 dB, gaps to 0.3 s bridged."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level = 10 * np.log10(np.mean(frames.astype(np.float64) ** 2, axis=1) + 1e-12)
    loud = level > max(np.percentile(level, 98) - 30, -55)
    return sum(b - a for a, b in spans_of(loud, bridge_s=0.3, shortest_s=0.1))
