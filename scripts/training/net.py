# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""The ear's network: causal, streaming, one step a hop; the same module trains on whole clips.

It knows spectra and scores, never files, labels or the loss.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_linear_bn_eval

SCORES = 3  # cry, voice, distress
STEPS_PER_HOP = 2  # what the strides leave of 16 frames


@dataclass(frozen=True, slots=True)
class Shape:
    """Widths of the network; the defaults are the shipped ear."""

    channels: int = 2
    front: tuple[int, int, int, int] = (24, 48, 96, 96)
    width: int = 144
    expansion: int = 2
    dilations: tuple[int, ...] = (1, 2, 4, 8)
    embedding: int = 96


class CausalConv(nn.Module):
    """A convolution over (batch, channel, time, band) that sees no future: its past is state."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: tuple[int, int], groups: int = 1) -> None:
        """Make the layers."""
        super().__init__()
        self.past = kernel - stride[0]
        self.conv = nn.Conv2d(inputs, outputs, (kernel, kernel), stride, (0, kernel // 2), groups=groups, bias=False)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve x after `past`; return the result and the past of the next step."""
        x = torch.cat([past, x], dim=2)
        return self.conv(x), x[:, :, -self.past :]


class Separable(nn.Module):
    """A depthwise 3x3 and a pointwise convolution, each normalised; residual where the shape allows it."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        """Make the layers."""
        super().__init__()
        self.depth = CausalConv(inputs, inputs, 3, stride, groups=inputs)
        self.norm1 = nn.BatchNorm2d(inputs)
        self.point = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.residual = inputs == outputs and stride == (1, 1)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return the block's output and its next past."""
        y, past = self.depth(x, past)
        y = functional.relu(self.norm1(y))
        y = self.norm2(self.point(y))
        return functional.relu(y + x if self.residual else y), past


class Memory(nn.Module):
    """A residual block over hops, (batch, hop, width): a dilated convolution per channel, then a two-layer net.

    Written with slices and products: a runtime for single hops does those faster than a grouped convolution.
    """

    def __init__(self, width: int, expansion: int, dilation: int) -> None:
        """Make the layers."""
        super().__init__()
        self.dilation = dilation
        self.past = 2 * dilation
        self.taps = nn.Parameter(torch.randn(3, width) * 0.3)
        self.bias = nn.Parameter(torch.zeros(width))
        self.wide = nn.Linear(width, width * expansion, bias=False)
        self.norm1 = nn.BatchNorm1d(width * expansion)
        self.narrow = nn.Linear(width * expansion, width, bias=False)
        self.norm2 = nn.BatchNorm1d(width)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return the block's output and its next past."""
        hops, step = x.shape[1], self.dilation
        joined = torch.cat([past, x], dim=1)
        y = joined[:, :hops] * self.taps[0] + joined[:, step : step + hops] * self.taps[1]
        y = y + x * self.taps[2] + self.bias
        y = functional.relu(over_hops(self.norm1, self.wide(y)))
        return x + over_hops(self.norm2, self.narrow(y)), joined[:, joined.shape[1] - self.past :]


def over_hops(norm: nn.Module, x: Tensor) -> Tensor:
    """Apply a batch normalisation, or what replaced it, to (batch, hop, channel)."""
    if isinstance(norm, nn.Identity):
        return x
    result: Tensor = norm(x.flatten(0, 1)).unflatten(0, (x.shape[0], x.shape[1]))
    return result


class Ear(nn.Module):
    """Normalised log-mel (batch, 2, 16·hops, 64) to logits (batch, hops, 3) and embedding (batch, hops, 96)."""

    def __init__(self, shape: Shape) -> None:
        """Make the layers."""
        super().__init__()
        a, b, c, d = shape.front
        self.shape = shape
        self.first = CausalConv(shape.channels, a, 5, (2, 2))
        self.norm = nn.BatchNorm2d(a)
        self.blocks = nn.ModuleList(
            [
                Separable(a, b, (2, 2)),
                Separable(b, c, (1, 2)),
                Separable(c, c, (1, 1)),
                Separable(c, d, (2, 2)),
            ]
        )
        self.project = nn.Linear(STEPS_PER_HOP * d * 4, shape.width, bias=False)
        self.norm_project = nn.BatchNorm1d(shape.width)
        self.memory = nn.ModuleList([Memory(shape.width, shape.expansion, n) for n in shape.dilations])
        self.embed = nn.Linear(shape.width, shape.embedding)
        self.heads = nn.Linear(shape.embedding, SCORES)

    def initial(self, batch: int, device: torch.device | None = None) -> list[Tensor]:
        """The state before any sound: zeros."""
        bands = 64
        sizes: list[tuple[int, ...]] = [(batch, self.shape.channels, self.first.past, bands)]
        for block, bands in zip(self.blocks, (32, 16, 8, 8), strict=True):
            sizes.append((batch, block.depth.conv.in_channels, block.depth.past, bands))
        sizes += [(batch, block.past, self.shape.width) for block in self.memory]
        return [torch.zeros(size, device=device) for size in sizes]

    def run(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
        """Return logits, embedding, trunk (batch, hops, width) and the next state."""
        pasts: Iterator[Tensor] = iter(state)
        after: list[Tensor] = []
        x, past = self.first(x, next(pasts))
        after.append(past)
        x = functional.relu(self.norm(x))
        for block in self.blocks:
            x, past = block(x, next(pasts))
            after.append(past)
        batch, channels, steps, bands = x.shape
        x = x.transpose(1, 2).reshape(batch, steps // STEPS_PER_HOP, STEPS_PER_HOP * channels * bands)
        x = functional.relu(over_hops(self.norm_project, self.project(x)))
        for block in self.memory:
            x, past = block(x, next(pasts))
            after.append(past)
        embedding = self.embed(x)
        return self.heads(functional.relu(embedding)), embedding, x, after

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Whole clips from an empty state: logits, embedding, trunk."""
        logits, embedding, trunk, _ = self.run(x, self.initial(x.shape[0], x.device))
        return logits, embedding, trunk


def folded(ear: Ear) -> Ear:
    """Return a copy for inference whose normalisations over hops are folded into the layers before them."""
    ear = copy.deepcopy(ear).eval()
    ear.project = fuse_linear_bn_eval(ear.project, ear.norm_project)
    ear.norm_project = nn.Identity()
    for block in ear.memory:
        block.wide = fuse_linear_bn_eval(block.wide, block.norm1)
        block.narrow = fuse_linear_bn_eval(block.narrow, block.norm2)
        block.norm1 = block.norm2 = nn.Identity()
    return ear
