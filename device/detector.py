"""The ear: blocks of sound in, scores of crying, voice and distress out, one every 0.24 s.

It knows the model and the stream, never episodes, alerts or settings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from device.audio import AudioBlock
from device.errors import DetectorError
from device.events import Score
from device.features import HOP, HOP_S, SAMPLE_RATE_HZ, Hop, LogMel

MODEL = Path(__file__).parent / "models" / "ear.onnx"
QUIET_DB = 5.0
"""A hop is quiet if no band stands further above its running floor; measured (docs/training.md): crying is not lost."""
QUIET_HOPS = 36
"""Quiet hops in a row after which the model rests: more than it remembers (7.4 s), so that its state is one of quiet."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heard:
    """The detector's word on one hop: the score, and an embedding of shape (embedding_size,) to learn this baby by."""

    score: Score
    embedding: FloatArray


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Crying begins when the cry score reaches `on` and lasts until it falls below `off` (probabilities)."""

    on: float
    off: float


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
        self._path = MODEL if model is None else model
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(self._path), options, providers=["CPUExecutionProvider"]
            )
            properties = self._session.get_modelmeta().custom_metadata_map
            self.model_version: str = json.loads(properties["version"])
            self.embedding_size: int = self._session.get_outputs()[1].shape[0]
        except Exception as error:  # the runtime raises many kinds, none of them public
            raise DetectorError(f"the model {self._path} cannot be loaded ({error}); reinstall nursery-monitor") from error
        self.hop_s = HOP_S
        self._second = second_ear
        self._states = [i.name for i in self._session.get_inputs()[1:]]
        self._shapes = [tuple(i.shape) for i in self._session.get_inputs()[1:]]
        self._features = LogMel()
        self.reset()

    @property
    def ears(self) -> tuple[str, ...]:
        """Which ears are on, for people: the model's version, then the second ear if there is one."""
        return (self.model_version,) if self._second is None else (self.model_version, self._second.name)

    def reset(self) -> None:
        """Forget the past, as after a gap in the sound."""
        self._features.reset()
        self._state = [np.zeros(shape, dtype=np.float32) for shape in self._shapes]
        self._quiet = 0
        self._resting: tuple[FloatArray, FloatArray] | None = None
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
            cry = float(scores[0])
            if self._second is not None:
                better = self._second.listen(hop.samples, cry, embedding)
                cry = cry if better is None else better
            self.noise_floor_dbfs = hop.floor_dbfs
            heard.append(Heard(Score(at, cry, float(scores[1]), float(scores[2]), hop.level_dbfs), embedding))
        return heard

    def _think(self, hop: Hop) -> tuple[FloatArray, FloatArray]:
        self._quiet = self._quiet + 1 if hop.excess_db < QUIET_DB else 0
        if self._quiet > QUIET_HOPS and self._resting is not None:
            return self._resting
        feeds = dict(zip(self._states, self._state, strict=True))
        feeds["hop"] = hop.inputs
        try:
            scores, embedding, *self._state = self._session.run(None, feeds)
        except Exception as error:  # the runtime raises many kinds, none of them public
            raise DetectorError(f"the model {self._path} failed on a hop ({error}); restart the monitor") from error
        self._resting = (scores, embedding)
        return scores, embedding


def _load_thresholds() -> dict[str, Thresholds]:
    with (MODEL.parent / "thresholds.json").open() as file:
        return {name: Thresholds(**pair) for name, pair in json.load(file).items()}


def thresholds(sensitivity: str) -> Thresholds:
    """The measured pair for a sensitivity: low, normal or high (docs/training.md tells what each costs)."""
    pairs = _load_thresholds()
    if sensitivity not in pairs:
        raise DetectorError(f"sensitivity is {sensitivity!r}; it must be one of {', '.join(pairs)}")
    return pairs[sensitivity]
