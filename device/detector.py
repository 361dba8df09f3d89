"""The ear: blocks of sound in, scores of crying, voice and distress out, one every 0.24 s.

It knows the model and the stream, never episodes, alerts or settings.
"""

from __future__ import annotations

import json
import logging
import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from device.audio import AudioBlock
from device.errors import DetectorError
from device.evidence import Thresholds
from device.features import HOP, HOP_S, SAMPLE_RATE_HZ, Hop, LogMel
from device.inputs import Score
from device.network import Network

MODEL = Path(__file__).parent / "models" / "ear.onnx"
QUIET_DB = 5.0
"""A hop is quiet if no band from 250 to 4,500 Hz stands further above its running floor."""
QUIET_HOPS = 2
"""Quiet hops in a row after which the network may rest."""
CALM_CRY, CALM_VOICE = 0.05, 0.2
"""Scores from which the network stays awake …"""
CALM_HOPS = 16
"""… for so many hops more, so that it does not doze off between two cries (docs/training.md tells what was measured)."""
REMEMBERED_HOPS = 32
"""Hops after which nothing earlier is left in the network's state: two whole ones in front, 30 in its memory."""

log = logging.getLogger(__name__)

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heard:
    """The detector's word on one hop: the score, and an embedding of shape (embedding_size,) to learn this baby by."""

    score: Score
    embedding: FloatArray


class SecondEar(Protocol):
    """Another listener, asked only while crying is suspected."""

    name: str

    def listen(self, samples: FloatArray, cry: float, embedding: FloatArray) -> float | None:
        """Hear one hop (3,840 samples) and return a better cry score, or None to leave it."""
        ...

    def reset(self) -> None:
        """Forget the past."""
        ...


class Detector:
    """Runs the ear over a stream. Not for use by several threads at once."""

    def __init__(self, model: Path | None = None, *, second_ear: SecondEar | None = None) -> None:
        """Load the model (the shipped one by default).

        Raises:
            DetectorError: the file is missing, damaged or of another make.
        """
        self._network = Network(MODEL if model is None else model)
        self.model_version = self._network.version
        self.embedding_size = self._network.embedding_size
        self.hop_s = HOP_S
        self._second = second_ear
        self._trouble: str | None = None
        self._features = LogMel()
        self.reset()

    @property
    def ears(self) -> tuple[str, ...]:
        """Which ears are on, for people: the model's version, then the second ear if there is one."""
        return (self.model_version,) if self._second is None else (self.model_version, self._second.name)

    def trouble(self) -> str | None:
        """What has become of a second ear that failed while it was needed, in a sentence; None if all is well."""
        return self._trouble

    def reset(self) -> None:
        """Forget the past, as after a gap in the sound."""
        self._features.reset()
        self._network.reset()
        self._quiet = 0  # hops in a row
        self._awake = CALM_HOPS  # hops to go
        self._missed: deque[Hop] = deque(maxlen=REMEMBERED_HOPS)
        self._last: tuple[FloatArray, FloatArray]
        self.noise_floor_dbfs = -120.0
        if self._second is not None:
            self._second.reset()

    def feed(self, block: AudioBlock) -> list[Heard]:
        """Hear a block of 16 kHz mono sound of any length; return a word for each hop that it completes."""
        if block.sample_rate_hz != SAMPLE_RATE_HZ:
            raise DetectorError(f"the block is at {block.sample_rate_hz} Hz; resample it to {SAMPLE_RATE_HZ} Hz")
        ends_after = HOP - self._features.pending
        heard = []
        for number, hop in enumerate(self._features.push(block.samples)):
            at = block.start.plus((ends_after + number * HOP) / SAMPLE_RATE_HZ)
            scores, embedding = self._think(hop)
            cry, voice, distress = scores.tolist()
            if not math.isfinite(cry + voice + distress):
                self.reset()
                raise DetectorError("the ear's score is no number; its model may be damaged: install it anew")
            cry = self._better(hop, cry, embedding)
            self.noise_floor_dbfs = hop.floor_dbfs
            heard.append(Heard(Score(at, cry, voice, distress, hop.level_dbfs), embedding))
        return heard

    def _better(self, hop: Hop, cry: float, embedding: FloatArray) -> float:
        """Ask the second ear. One that fails is asked no more: it would fail whenever there is crying, and only then."""
        if self._second is None:
            return cry
        try:
            better = self._second.listen(hop.samples, cry, embedding)
            if better is None or math.isfinite(better):
                return cry if better is None else better
            why = "its score is no number"
        except Exception as error:  # whatever its runtime raises, the first ear hears on
            log.exception("the second ear failed")
            why = str(error)
        name, self._second = self._second.name, None
        self._trouble = f"{name} failed ({why}); the first ear hears alone. Run scripts/fetch-model, then start anew."
        return cry

    def _think(self, hop: Hop) -> tuple[FloatArray, FloatArray]:
        """Let the network hear the hop, or rest and repeat its last word while there is nothing to hear.

        A network that wakes first hears what it missed, as far back as it remembers, so that its scores are those of one
        that never slept.
        """
        self._quiet = self._quiet + 1 if hop.excess_db < QUIET_DB else 0
        if self._quiet > QUIET_HOPS and not self._awake:
            self._missed.append(hop)
            return self._last
        if self._missed:
            self._network.catch_up([missed.inputs for missed in self._missed])
            self._missed.clear()
        self._last = self._network.hear(hop.inputs)
        cry, voice, _ = self._last[0]
        self._awake = max(0, self._awake - 1) if cry < CALM_CRY and voice < CALM_VOICE else CALM_HOPS
        return self._last


def _load_thresholds() -> dict[str, Thresholds]:
    with (MODEL.parent / "thresholds.json").open() as file:
        return {name: Thresholds(**values) for name, values in json.load(file).items()}


def thresholds(sensitivity: str) -> Thresholds:
    """Those measured for a sensitivity: low, normal or high (docs/training.md tells what each costs)."""
    measured = _load_thresholds()
    if sensitivity not in measured:
        raise DetectorError(f"sensitivity is {sensitivity!r}; it must be one of {', '.join(measured)}")
    return measured[sensitivity]
