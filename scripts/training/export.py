# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""From a trained network to the file that ships: ONNX, calibrated, its weights stored in half precision.

It knows the file format, never the data.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from .net import SCORES, Ear, folded


class Step(nn.Module):
    """One hop: input and state in, calibrated scores, embedding and state out."""

    def __init__(self, ear: Ear, scale: list[float], shift: list[float]) -> None:
        """Fold normalisation and calibration into a copy of the ear."""
        super().__init__()
        self.ear = folded(ear)
        with torch.no_grad():  # Platt's calibration is linear in the logit, so it folds into the last layer
            gain = torch.tensor(scale)
            self.ear.heads.weight.mul_(gain[:, None])
            self.ear.heads.bias.mul_(gain).add_(torch.tensor(shift))

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Return scores (3,), embedding (96,) and the next state."""
        logits, embedding, _, after = self.ear.run(x, list(state))
        return torch.sigmoid(logits).reshape(SCORES), embedding.reshape(-1), *after


def halve(model: onnx.ModelProto) -> None:
    """Store large weights in half precision; the runtime widens them once, when it loads the file."""
    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < 256:
            continue
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name + "_half")
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
        graph.initializer.remove(tensor)
        graph.initializer.append(half)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)


def export(ear: Ear, scale: list[float], shift: list[float], metadata: Mapping[str, object], path: Path) -> None:
    """Write the ear to `path`; `metadata` values are stored as JSON."""
    step = Step(ear.cpu(), scale, shift).eval()
    state = step.ear.initial(1)
    names = [f"state{i}" for i in range(len(state))]
    sample = (torch.zeros(1, step.ear.shape.channels, 16, 64), *state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            step,
            sample,
            str(path),
            input_names=["hop", *names],
            output_names=["scores", "embedding", *(f"next_{name}" for name in names)],
            dynamo=False,
            opset_version=17,
        )
    model = onnx.load(str(path))
    halve(model)
    helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
