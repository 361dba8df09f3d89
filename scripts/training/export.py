# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""From a trained network to the file that ships: ONNX, calibrated, its large weights stored as bytes.

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
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from .net import Ear, folded

LEVELS = 127  # a weight is one of so many steps either side of zero: a byte
SMALL = 512  # weights fewer than these stay as they are


class Step(nn.Module):
    """Some hops: input and state in, calibrated scores, embedding and state out.

    The same as `Ear.run` of one clip, written so that a runtime has few and small things to do: nothing is computed from
    the number of hops, and the memory's rows are hops. Several ears of one shape vote: their logits are averaged, the
    embedding is the first one's, and their states follow one another.
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
        """The states of all ears before any sound; a memory's is (hop, width)."""
        return [state if state.dim() == 4 else state[0] for ear in self.ears for state in ear.initial(1)]

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Return scores (hops, 3), embedding (hops, 96) of the first ear and the next states."""
        size = len(state) // len(self.ears)
        votes, embeddings, after = [], [], []
        for i, ear in enumerate(self.ears):
            logits, embedding, states = through(ear, x, state[i * size : (i + 1) * size])
            votes.append(logits)
            embeddings.append(embedding)
            after += states
        return torch.sigmoid(sum(votes[1:], votes[0])), embeddings[0], *after


def through(ear: Ear, x: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Return logits, embedding and the next state of one ear."""
    pasts, after = iter(state), []
    x, past = ear.first(x, next(pasts))
    after.append(past)
    x = functional.relu(ear.norm(x))
    for block in ear.blocks:
        x, past = block(x, next(pasts))
        after.append(past)
    x = functional.relu(ear.project(x.transpose(1, 2).reshape(-1, ear.project.in_features)))
    for block in ear.memory:
        past, step = next(pasts), block.dilation
        joined = torch.cat([past, x])
        after.append(joined[-block.past :])
        y = joined[: -2 * step] * block.taps[0] + joined[step:-step] * block.taps[1] + (x * block.taps[2] + block.bias)
        x = x + block.narrow(functional.relu(block.wide(y)))
    embedding = ear.embed(x)
    return ear.heads(functional.relu(embedding)), embedding, after


def output_axis(graph: onnx.GraphProto, name: str) -> int:
    """The axis of a weight that counts its outputs: the last in a product of matrices, else the first."""
    users = [node for node in graph.node if name in node.input]
    turned = any(a.name == "transB" and a.i for node in users for a in node.attribute)
    return -1 if users and not turned and all(node.op_type in ("MatMul", "Gemm") for node in users) else 0


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
    """Store large weights as bytes with a scale per output; the runtime unpacks them once, when it loads the file.

    Plain nodes unpack them, so any runtime can. Biases, the scores' weights and other small things keep their precision.
    """
    graph = model.graph
    share_constants(graph)
    nodes: list[onnx.NodeProto] = []
    for number, tensor in enumerate(list(graph.initializer)):
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < SMALL:
            continue
        weights = numpy_helper.to_array(tensor)
        axis = output_axis(graph, tensor.name) % weights.ndim
        others = tuple(i for i in range(weights.ndim) if i != axis)
        scale = np.maximum(np.abs(weights).max(axis=others, keepdims=True), 1e-8).astype(np.float32) / np.float32(LEVELS)
        whole, wide, by = f"w{number}", f"f{number}", f"s{number}"
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(np.rint(weights / scale).astype(np.int8), whole))
        graph.initializer.append(numpy_helper.from_array(scale, by))
        nodes += [
            helper.make_node("Cast", [whole], [wide], to=TensorProto.FLOAT),
            helper.make_node("Mul", [wide, by], [tensor.name]),
        ]
    nodes += list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)


def export(ears: Sequence[Ear], scale: list[float], shift: list[float], metadata: Mapping[str, object], path: Path) -> None:
    """Write the mean of the ears to `path`; `metadata` values are stored as JSON."""
    step = Step([ear.cpu() for ear in ears], scale, shift).eval()
    state = step.initial()
    names = [f"state{i}" for i in range(len(state))]
    sample = (torch.zeros(1, ears[0].shape.channels, 32, 64), *state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            step,
            sample,
            str(path),
            input_names=["hop", *names],
            output_names=["scores", "embedding", *(f"next_{name}" for name in names)],
            dynamic_axes={"hop": {2: "frames"}, "scores": {0: "hops"}, "embedding": {0: "hops"}},
            dynamo=False,
            opset_version=17,
        )
    model = onnx.load(str(path))
    for output, before in zip(model.graph.output[2:], state, strict=True):  # their sizes do not depend on the hops either
        output.type.CopyFrom(helper.make_tensor_type_proto(TensorProto.FLOAT, before.shape))
    shrink(model)
    helper.set_model_props(model, {key: json.dumps(value) for key, value in metadata.items()})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
