# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""YAMNet rebuilt in PyTorch from its TensorFlow Lite file, to teach on augmented sound on a GPU.

A training-only tool: nothing of YAMNet is stored in the project. Architecture: Hershey et al. 2017 with MobileNet v1
(Howard et al. 2017); its constants are read, de-quantised, from the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

PATCH = 15_600  # samples YAMNet hears at once: 0.975 s
CLASSES, FEATURES = 521, 1024
SPEECH, LAUGH, CRYING, BABY_CRY, WHIMPER = 0, 13, 19, 20, 21
_FRAMES, _BANDS = 96, 64


def read_constants(tflite: Path) -> dict[str, NDArray[Any]]:
    """Read de-quantised weights, biases and activation ranges in layer order from the TensorFlow Lite file."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(str(tflite), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    details = {d["index"]: d for d in interpreter.get_tensor_details()}

    def value(index: int) -> NDArray[np.float32]:
        detail = details[index]
        raw = interpreter.get_tensor(index).astype(np.float64)
        quant = detail["quantization_parameters"]
        scale = quant["scales"].astype(np.float64)
        if not len(scale):
            return np.asarray(raw, dtype=np.float32)
        shape = [1] * raw.ndim
        if len(scale) > 1:
            shape[quant["quantized_dimension"]] = -1
        return np.asarray((raw - quant["zero_points"].reshape(shape)) * scale.reshape(shape), dtype=np.float32)

    def span(index: int) -> NDArray[np.float32]:
        quant = details[index]["quantization_parameters"]
        scale, zero = float(quant["scales"][0]), int(quant["zero_points"][0])
        low, high = (0, 255) if details[index]["dtype"] is np.uint8 else (-128, 127)
        return np.array([(low - zero) * scale, (high - zero) * scale], dtype=np.float32)

    constants: dict[str, NDArray[Any]] = {}
    layer = 0
    for op in interpreter._get_ops_details():  # no public call lists the operators
        inputs, output = list(op["inputs"]), int(op["outputs"][0])
        if op["op_name"] == "FULLY_CONNECTED" and "mel" not in constants:
            constants["mel"] = value(inputs[1])
        elif op["op_name"] == "MUL":
            constants["window"] = value(inputs[1])
        elif op["op_name"] == "QUANTIZE" and "input_span" not in constants:
            constants["input_span"] = span(output)
        elif op["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            constants[f"weight{layer}"], constants[f"bias{layer}"] = value(inputs[1]), value(inputs[2])
            constants[f"span{layer}"] = span(output)
            layer += 1
    return constants


def load(path: Path) -> Teacher:
    """Load the teacher from YAMNet's .tflite file, or from a cached .npz of its constants."""
    return Teacher(dict(np.load(path)) if path.suffix == ".npz" else read_constants(path))


class Teacher(nn.Module):
    """Waveform (batch, samples) at 16 kHz to YAMNet's logits and features, one row a patch."""

    def __init__(self, constants: dict[str, NDArray[Any]]) -> None:
        """Take what `read_constants` returns."""
        super().__init__()
        for name, array in constants.items():
            self.register_buffer(name, torch.from_numpy(np.array(array)).float())
        self.layers = sum(name.startswith("weight") for name in constants)

    def _get(self, name: str) -> Tensor:
        return self.get_buffer(name)

    def log_mel(self, x: Tensor) -> Tensor:
        """YAMNet's front end: (batch, samples) to (batch, frames, 64), 25 ms windows every 10 ms."""
        frames = x.unfold(1, 400, 160) * self._get("window").reshape(-1)[:400]
        magnitude = torch.fft.rfft(frames, 512).abs()
        return torch.log(magnitude @ self._get("mel").T + 0.001)

    def forward(self, x: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Hear patches that begin every `step` samples (a multiple of 160): logits (B, P, 521), features (B, P, 1024)."""
        mel = self.log_mel(x)
        patches = mel.unfold(1, _FRAMES, step // 160).transpose(2, 3)
        batch, count = patches.shape[:2]
        low, high = self._get("input_span").tolist()
        y = patches.reshape(batch * count, 1, _FRAMES, _BANDS).clamp(low, high)
        for i in range(self.layers - 1):
            y = self._layer(i, y)
        features = y.mean(dim=(2, 3))
        last = self.layers - 1
        logits = features.float() @ self._get(f"weight{last}").reshape(CLASSES, FEATURES).T + self._get(f"bias{last}")
        return logits.reshape(batch, count, -1), features.reshape(batch, count, -1)

    def _layer(self, i: int, y: Tensor) -> Tensor:
        weight = self._get(f"weight{i}")
        depthwise = weight.shape[0] == 1 and i > 0
        kernel = weight.permute(3, 0, 1, 2) if depthwise else weight.permute(0, 3, 1, 2)
        stride = 2 if i in (0, 3, 7, 11, 23) else 1
        size = kernel.shape[-1]
        if size > 1:  # TensorFlow's SAME: any odd padding goes behind
            pad = []
            for length in (y.shape[3], y.shape[2]):
                total = max((-(-length // stride) - 1) * stride + size - length, 0)
                pad += [total // 2, total - total // 2]
            y = functional.pad(y, pad)
        y = functional.conv2d(y, kernel, self._get(f"bias{i}"), stride, groups=kernel.shape[0] if depthwise else 1)
        low, high = self._get(f"span{i}").tolist()
        return y.clamp(max(low, 0.0), high)
