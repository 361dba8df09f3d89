"""What ours is measured against: a level trigger, as simple monitors have it, and YAMNet with its usual trigger.

YAMNet hears the sound as it is, as everybody uses it, or turned up as our second ear does, which is kinder to it.
"""

import hashlib
from pathlib import Path

import numpy as np

from device.audio import RATE_HZ, Samples
from device.errors import NurseryError
from device.features import HOP
from device.second_ear import PAST_HOPS, gain
from evaluation.ears import Decided, Heard, Mask, plain_trigger

LEVEL_DBFS = -35.0


class LevelTrigger:
    """Rings when two of three half-seconds exceed LEVEL_DBFS. Its score is the level: 0 at -90 dBFS, 1 at full scale."""

    name = "level"
    version = "level-1"
    step_s = 0.5
    needed = (2, 3)
    settings: tuple[str, ...] = ("normal",)

    def hear(self, samples: Samples) -> Heard:
        """Levels of half-seconds; it cannot tell voices."""
        length = int(self.step_s * RATE_HZ)
        count = len(samples) // length
        frames = samples[: count * length].reshape(count, length).astype(np.float64)
        level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-9)
        at = np.arange(1, count + 1, dtype=np.float64) * self.step_s
        return Heard(at, np.clip(level / 90 + 1, 0, 1), np.zeros(count), np.zeros((count, 0)))

    def decide(self, heard: Heard, setting: str) -> Decided:
        """Two of three over the fixed level."""
        return plain_trigger(heard, LEVEL_DBFS / 90 + 1, self.needed, self.step_s)

    def voiced(self, heard: Heard) -> Mask:
        """Never."""
        return np.zeros(len(heard.at_s), dtype=bool)


class Yamnet:
    """Google's YAMNet by LiteRT on one thread, a patch of 0.975 s every 0.48 s; rings when two of three say 0.5."""

    step_s = 0.48
    needed = (2, 3)
    settings: tuple[str, ...] = ("normal",)
    patch = 15_600
    _speech, _cries = slice(0, 4), [19, 20]

    def __init__(self, model: Path, *, turned_up: bool = False) -> None:
        """Load the .tflite file; `turned_up` lets it hear quiet sound louder.

        Raises:
            NurseryError: ai-edge-litert is not installed, or the file is missing.
        """
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise NurseryError("YAMNet needs ai-edge-litert; install the dependency group `evaluate`") from error
        if not model.is_file():
            raise NurseryError(f"{model}: YAMNet's model is missing; name it with --yamnet")
        self.name = "YAMNet, turned up" if turned_up else "YAMNet"
        self.version = f"yamnet-{'turned-up-' if turned_up else ''}{hashlib.sha256(model.read_bytes()).hexdigest()[:12]}"
        self._turned_up = turned_up
        self._net = Interpreter(str(model), num_threads=1)
        self._net.allocate_tensors()
        self._input = self._net.get_input_details()[0]["index"]
        self._output = self._net.get_output_details()[0]["index"]

    def scores(self, patch: Samples) -> Samples:
        """The 521 scores of one patch of 15,600 samples."""
        self._net.set_tensor(self._input, patch)
        self._net.invoke()
        scores: Samples = np.asarray(self._net.get_tensor(self._output)).reshape(-1)
        return scores

    def hear(self, samples: Samples) -> Heard:
        """Its scores for crying ("Crying, sobbing" or "Baby cry") and for speech."""
        step = int(self.step_s * RATE_HZ)
        if len(samples) < self.patch:
            samples = np.pad(samples, (0, self.patch - len(samples)))
        starts = range(0, len(samples) - self.patch + 1, step)
        louder = self._gains(samples, starts)
        patches = (samples[a : a + self.patch] * by for a, by in zip(starts, louder, strict=True))
        rows = np.array([self.scores(patch) for patch in patches], dtype=np.float64)
        at = (np.array(starts) + self.patch) / RATE_HZ
        return Heard(at, rows[:, self._cries].max(axis=1), rows[:, self._speech].max(axis=1), np.zeros((len(at), 0)))

    def _gains(self, samples: Samples, starts: range) -> Samples:
        """What each patch is multiplied by: by the loudest hop of late, as in `device.second_ear`."""
        if not self._turned_up:
            return np.ones(len(starts), np.float32)
        level = np.sqrt(np.mean(samples[: len(samples) // HOP * HOP].reshape(-1, HOP) ** 2, axis=1))
        ends = [(a + self.patch) // HOP for a in starts]
        return np.array([gain(float(level[max(0, end - PAST_HOPS) : end].max())) for end in ends], np.float32)

    def voiced(self, heard: Heard) -> Mask:
        """Speech over a half."""
        return heard.voice >= 0.5

    def decide(self, heard: Heard, setting: str) -> Decided:
        """Two of three patches over a half, as is usual."""
        return plain_trigger(heard, 0.5, self.needed, self.patch / RATE_HZ)
