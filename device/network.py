"""The ear's network as it runs: hops of spectra in, scores and embedding out; its state is kept here.

It knows the model's file and ONNX Runtime, never sound, rest or the second ear.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from device.errors import DetectorError

AT_ONCE = 8
"""Hops heard in one go at most: the weights are fetched once for all of them, which is most of what a hop costs."""

FloatArray = NDArray[np.float32]


class Network:
    """One model and the state of one stream. Not for use by several threads at once.

    Single hops run between arrays that are bound once, state from one set into the other and back: copying some twenty
    of them for each hop would cost a fifth of it.
    """

    def __init__(self, path: Path) -> None:
        """Load a model.

        Raises:
            DetectorError: the file is missing, damaged or of another make.
        """
        self._path = path
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            self.version: str = json.loads(self._session.get_modelmeta().custom_metadata_map["version"])
            hop, *states = self._session.get_inputs()
            scores, embedding, *_ = self._session.get_outputs()
            self.embedding_size: int = embedding.shape[-1]
            self._several = isinstance(hop.shape[2], str)  # a file of any number of hops at once names that axis
            self._hop = np.zeros([n if isinstance(n, int) else 16 for n in hop.shape], dtype=np.float32)
            self._answer = [
                np.zeros([n if isinstance(n, int) else 1 for n in part.shape], dtype=np.float32)
                for part in (scores, embedding)
            ]
            self._names = [state.name for state in states]
            self._states = [[np.zeros(state.shape, dtype=np.float32) for state in states] for _ in range(2)]
            self._ways = [self._bind(*self._states), self._bind(*reversed(self._states))]
        except Exception as error:  # the runtime raises many kinds, none of them public
            raise DetectorError(f"the model {path} cannot be loaded ({error}); reinstall nursery-monitor") from error
        self._now = 0

    def _bind(self, before: Sequence[FloatArray], after: Sequence[FloatArray]) -> Any:
        binding = self._session.io_binding()
        inputs = zip(self._session.get_inputs(), [self._hop, *before], strict=True)
        outputs = zip(self._session.get_outputs(), [*self._answer, *after], strict=True)
        for part, array in inputs:
            binding.bind_input(part.name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        for part, array in outputs:
            binding.bind_output(part.name, "cpu", 0, np.float32, array.shape, array.ctypes.data)
        return binding

    def reset(self) -> None:
        """Forget the past."""
        for state in self._states[self._now]:
            state.fill(0.0)

    def hear(self, hop: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Hear a hop, shape (1, 2, 16, 64); return its scores (cry, voice, distress) and embedding, as new arrays.

        Raises:
            DetectorError: the runtime failed.
        """
        self._hop[...] = hop
        try:
            self._session.run_with_iobinding(self._ways[self._now])
        except Exception as error:  # the runtime raises many kinds, none of them public
            raise self._failed(error) from error
        self._now = 1 - self._now
        scores, embedding = self._answer
        return scores.reshape(-1).copy(), embedding.reshape(-1).copy()

    def catch_up(self, hops: Sequence[FloatArray]) -> None:
        """Hear hops whose scores are not needed any more, for the state that they leave.

        Raises:
            DetectorError: the runtime failed.
        """
        if not self._several:
            for hop in hops:
                self.hear(hop)
            return
        for at in range(0, len(hops), AT_ONCE):
            feeds = dict(zip(self._names, self._states[self._now], strict=True))
            feeds["hop"] = np.concatenate(hops[at : at + AT_ONCE], axis=2)
            try:
                _, _, *after = self._session.run(None, feeds)
            except Exception as error:  # the runtime raises many kinds, none of them public
                raise self._failed(error) from error
            for state, new in zip(self._states[self._now], after, strict=True):
                state[...] = new

    def _failed(self, error: Exception) -> DetectorError:
        return DetectorError(f"the model {self._path} failed on a hop ({error}); restart the monitor")
