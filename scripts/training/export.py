# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""From a trained network to the file that ships: ONNX, calibrated, its large weights stored as small integers.

It knows the file format, never the data.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from .net import SCORES, Ear, folded

COARSE = 128, 9  # weights are digits to a base, so many in an integer of 63 bits: seven bits a weight
FINE = 234, 8  # nearly eight bits
MEMORY = range(20_000, 100_000)  # sizes of the matrices that bear the coarse digits best (measured): the memory's
SMALL = 512  # weights fewer than these stay as they are


class Step(nn.Module):
    """One hop: input and state in, calibrated scores, embedding and state out.

    Several ears of one shape vote: their logits are averaged, the embedding is the first one's, and their states
    follow one another.
    """

    def __init__(self, ears: Sequence[Ear], scale: list[float], shift: list[float]) -> None:
        """Fold normalisation and calibration into copies of the ears."""
        super().__init__()
        self.ears = nn.ModuleList([folded(ear) for ear in ears])
        with torch.no_grad():  # Platt's calibration and the mean are linear in the logit: they fold into the last layers
            gain = torch.tensor(scale) / len(ears)
            for ear in self.ears:
                ear.heads.weight.mul_(gain[:, None])
                ear.heads.bias.mul_(gain).add_(torch.tensor(shift) / len(ears))

    def initial(self) -> list[Tensor]:
        """The states of all ears before any sound."""
        return [state for ear in self.ears for state in ear.initial(1)]

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Return scores (3,), embedding (96,) of the first ear and the next states."""
        size = len(state) // len(self.ears)
        votes, embeddings, after = [], [], []
        for i, ear in enumerate(self.ears):
            logits, embedding, _, states = ear.run(x, list(state[i * size : (i + 1) * size]))
            votes.append(logits)
            embeddings.append(embedding)
            after += states
        return torch.sigmoid(sum(votes[1:], votes[0])).reshape(SCORES), embeddings[0].reshape(-1), *after


def output_axis(graph: onnx.GraphProto, name: str) -> int:
    """The axis of a weight that counts its outputs: the last in a product of matrices, else the first."""
    users = [node.op_type for node in graph.node if name in node.input]
    return -1 if users and all(user in ("MatMul", "Gemm") for user in users) else 0


def packed(digits: NDArray[np.int64], base: int, count: int) -> NDArray[np.int64]:
    """Numbers below `base`, `count` of them in each integer, the first one lowest; shape (n / count, 1)."""
    return np.asarray((digits.reshape(-1, count) * powers(base, count)).sum(axis=1, keepdims=True))


def powers(base: int, count: int) -> NDArray[np.int64]:
    """The weights of the digits."""
    return np.asarray(np.int64(base) ** np.arange(count, dtype=np.int64))


def share_constants(graph: onnx.GraphProto) -> None:
    """Keep one of each constant."""
    first: dict[bytes, str] = {}
    same: dict[str, str] = {}
    kept: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "Constant":
            value = node.attribute[0].SerializeToString()
            same[node.output[0]] = first.setdefault(value, node.output[0])
            if same[node.output[0]] != node.output[0]:
                continue
        node.input[:] = [same.get(name, name) for name in node.input]
        node.ClearField("name")  # only for people
        kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def shrink(model: onnx.ModelProto) -> None:
    """Store large weights as small integers with a scale per output; the runtime unpacks them once, when it loads the file.

    Plain nodes unpack them, so any runtime can. Biases, the scores' weights and other small things keep their precision.
    """
    graph = model.graph
    share_constants(graph)
    constants: dict[str, NDArray[np.int64]] = {}
    nodes: list[onnx.NodeProto] = []
    for number, tensor in enumerate(list(graph.initializer)):
        size = int(np.prod(tensor.dims))
        base, count = COARSE if size in MEMORY else FINE
        if tensor.data_type != TensorProto.FLOAT or size < SMALL or size % count:
            continue
        weights, middle = numpy_helper.to_array(tensor), base // 2
        axis = output_axis(graph, tensor.name) % weights.ndim
        others = tuple(i for i in range(weights.ndim) if i != axis)
        scale = np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-8).astype(np.float32) / np.float32(middle - 1)
        shape = "shape" + "x".join(str(n) for n in weights.shape)
        constants |= {f"powers{base}": powers(base, count), f"base{base}": np.array(base), f"middle{base}": np.array(middle)}
        constants[shape] = np.array(weights.shape)
        p, s, *steps = (f"{letter}{number}" for letter in "psabcde")
        whole = np.rint(weights / scale).astype(np.int64) + middle
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(packed(whole, base, count), p))
        graph.initializer.append(numpy_helper.from_array(scale, s))
        nodes += [
            helper.make_node("Div", [p, f"powers{base}"], [steps[0]]),
            helper.make_node("Mod", [steps[0], f"base{base}"], [steps[1]]),
            helper.make_node("Sub", [steps[1], f"middle{base}"], [steps[2]]),
            helper.make_node("Cast", [steps[2]], [steps[3]], to=TensorProto.FLOAT),
            helper.make_node("Reshape", [steps[3], shape], [steps[4]]),
            helper.make_node("Mul", [steps[4], s], [tensor.name]),
        ]
    graph.initializer.extend(numpy_helper.from_array(np.asarray(v, dtype=np.int64), k) for k, v in constants.items())
    nodes += list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)


def export(
    ears: Sequence[Ear], scale: list[float], shift: list[float], metadata: Mapping[str, object], path: Path
) -> None:
    """Write the mean of the ears to `path`; `metadata` values are stored as JSON."""
    step = Step([ear.cpu() for ear in ears], scale, shift).eval()
    state = step.initial()
    names = [f"state{i}" for i in range(len(state))]
    sample = (torch.zeros(1, ears[0].shape.channels, 16, 64), *state)
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
    shrink(model)
    helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
