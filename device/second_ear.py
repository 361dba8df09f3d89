"""The second ear: YAMNet, asked only while the first ear suspects crying, and a small head that fuses both.

Optional: needs the extra `second-ear` (ai-edge-litert) and the file that `scripts/fetch-model` gets. It knows samples
and scores; `detector` calls it through its own protocol and does not import it.
"""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from device.errors import DetectorError

HEAD = Path(__file__).parent / "models" / "second_head.npz"
WINDOW = 15_600  # samples YAMNet hears at once: 0.975 s
CLASSES = 521
SUSPICION = 0.1
"""The first ear's score from which the second is asked: below it a clip's crying was never found on sources left out."""
EVERY_HOPS = 2  # ask every 0.48 s, as YAMNet's own hop

LOUDEST_RMS = 0.12
"""YAMNet hears little below about -40 dBFS: sound is turned up until its loudest hop has this level (-18 dBFS)."""
QUIETEST_RMS = 3e-4  # … but nothing below -70 dBFS, which is a microphone's own noise
PAST_HOPS = 25  # the loudest of the last 6 s

FloatArray = NDArray[np.float32]


def available() -> bool:
    """Tell whether the runtime for the second ear is installed."""
    try:
        import ai_edge_litert.interpreter  # noqa: F401
    except ImportError:
        return False
    return True


class SecondEar:
    """YAMNet with our head; implements the detector's `SecondEar` protocol."""

    name = "YAMNet"

    def __init__(self, model: Path, head: Path = HEAD) -> None:
        """Load YAMNet's TensorFlow Lite file and the fusing head.

        Raises:
            DetectorError: the runtime is not installed, or a file is missing or damaged.
        """
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise DetectorError(
                "the second ear needs ai-edge-litert, which is not installed; install nursery-monitor[second-ear]"
            ) from error
        try:
            self._interpreter: Any = Interpreter(str(model), num_threads=1)
            self._interpreter.allocate_tensors()
            (self._input,) = (d["index"] for d in self._interpreter.get_input_details())
            (self._output,) = (d["index"] for d in self._interpreter.get_output_details())
            with head.open("rb") as file, np.load(file) as stored:
                self._weights = np.asarray(stored["weights"], dtype=np.float32)
                self._own, self._bias = float(stored["own"]), float(stored["bias"])
        except (OSError, EOFError, BadZipFile, ValueError, KeyError, RuntimeError) as error:
            raise DetectorError(
                f"the second ear cannot be loaded from {model} ({error}); run scripts/fetch-model again"
            ) from error
        self.reset()

    def reset(self) -> None:
        """Forget the past, as after a gap in the sound."""
        self._heard = np.zeros(WINDOW, dtype=np.float32)
        self._levels: deque[float] = deque(maxlen=PAST_HOPS)
        self._wait = 0
        self._opinion: float | None = None

    def listen(self, samples: FloatArray, cry: float, embedding: FloatArray) -> float | None:
        """Take a hop and the first ear's cry score; return the fused score, or None while nothing is suspected.

        `embedding` is not used: students that left out different sources embed along different axes, so a head over it
        could not be trained on sources left out.
        """
        n = len(samples)
        self._heard[:-n] = self._heard[n:]
        self._heard[-n:] = samples
        self._levels.append(math.sqrt(float(samples @ samples) / n))
        if cry < SUSPICION:
            self._wait, self._opinion = 0, None
            return None
        if self._wait == 0 or self._opinion is None:
            self._opinion = self._ask()
            self._wait = EVERY_HOPS
        self._wait -= 1
        own = min(max(cry, 1e-4), 1.0 - 1e-4)
        total = self._opinion + self._own * math.log(own / (1.0 - own)) + self._bias
        return 1.0 / (1.0 + math.exp(-total))

    def _ask(self) -> float:
        self._interpreter.set_tensor(self._input, self._heard * gain(max(self._levels)))
        self._interpreter.invoke()
        scores = np.asarray(self._interpreter.get_tensor(self._output)).reshape(-1)
        return float(as_logits(scores) @ self._weights)


def gain(loudest_rms: float) -> np.float32:
    """How much to turn sound up (or down) for YAMNet, given the RMS of its loudest hop of late."""
    return np.float32(LOUDEST_RMS / max(loudest_rms, QUIETEST_RMS))


def as_logits(scores: FloatArray) -> FloatArray:
    """YAMNet's scores (…, 521) as log-odds, bounded to ±7 and shifted so that "not heard" is 0."""
    clipped = np.clip(scores, 1e-3, 1.0 - 1e-3)
    return np.asarray(np.log(clipped / (1.0 - clipped)) + 6.9, dtype=np.float32)
