# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""From the file that ships back to a network that can learn: the inverse of `export`, for one ear.

Its normalisations and its calibration are folded into its weights already, so they come back as doing nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from .net import Ear, Shape

Values = dict[str, NDArray[Any]]


def restore(path: Path) -> tuple[Ear, dict[str, Any]]:
    """Read an ear and its metadata.

    Raises:
        ValueError: the file holds something else than one ear of the shipped shape.
    """
    model = onnx.load(str(path))
    values = constants(model.graph)
    ear = Ear(Shape()).eval()
    try:
        _fill(ear, model.graph, values)
    except (StopIteration, RuntimeError, KeyError, IndexError) as error:
        raise ValueError(f"{path} holds something else than one ear of this shape ({error}); train anew") from error
    return ear, {prop.key: json.loads(prop.value) for prop in model.metadata_props}


def constants(graph: onnx.GraphProto) -> Values:
    """Every constant of a graph by name, bytes unpacked."""
    values: Values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            values[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        elif node.op_type == "Cast" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]].astype(np.float32)
        elif node.op_type == "Mul" and all(name in values for name in node.input):
            values[node.output[0]] = values[node.input[0]] * values[node.input[1]]
    return values


@torch.no_grad()
def _fill(ear: Ear, graph: onnx.GraphProto, values: Values) -> None:
    width = ear.shape.width
    convolutions = (node for node in graph.node if node.op_type == "Conv")
    products = (node for node in graph.node if node.op_type == "Gemm")
    rows = _rows(graph, values, width)

    def convolve(layer: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
        node = next(convolutions)
        layer.weight.copy_(torch.tensor(values[node.input[1]]))
        _idle(norm, torch.tensor(values[node.input[2]]))

    def multiply(layer: nn.Linear, norm: nn.BatchNorm1d | None = None) -> None:
        node = next(products)
        turned = any(a.name == "transB" and a.i for a in node.attribute)
        weight = torch.tensor(values[node.input[1]])
        layer.weight.copy_(weight if turned else weight.T)
        bias = torch.tensor(values[node.input[2]])
        if norm is None:
            layer.bias.copy_(bias)
        else:
            _idle(norm, bias)

    convolve(ear.first.conv, ear.norm)
    for block in ear.blocks:
        convolve(block.depth.conv, block.norm1)
        convolve(block.point, block.norm2)
    multiply(ear.project, ear.norm_project)
    for memory in ear.memory:
        memory.taps.copy_(torch.stack([next(rows) for _ in range(3)]))
        memory.bias.copy_(next(rows))
        multiply(memory.wide, memory.norm1)
        multiply(memory.narrow, memory.norm2)
    multiply(ear.embed)
    multiply(ear.heads)


def _rows(graph: onnx.GraphProto, values: Values, width: int) -> Iterator[Tensor]:
    """The memories' taps and biases, in order: what a row of hops is multiplied by, or gets added."""
    for node in graph.node:
        known = [values[name] for name in node.input if name in values]
        if node.op_type in ("Mul", "Add") and len(known) == 1 and known[0].size == width:
            yield torch.tensor(known[0].reshape(width))


def _idle(norm: nn.BatchNorm1d | nn.BatchNorm2d, bias: Tensor) -> None:
    """Make a normalisation add this and do nothing else."""
    norm.running_mean.zero_()
    norm.running_var.fill_(1.0 - norm.eps)
    norm.weight.fill_(1.0)
    norm.bias.copy_(bias)
