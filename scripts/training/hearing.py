# mypy: disable-error-code="misc, no-any-return, no-untyped-call, untyped-decorator, arg-type"
# (PyTorch is typed in part, and absent where only the device is checked.)
"""The front end in PyTorch, the same as `device.features` gives: log-mel in dB and its distance from the running floor.

It knows only spectra; a test holds the two front ends together.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from device import features


class FrontEnd(nn.Module):
    """Waveform (batch, samples), whole hops, to the network's input (batch, 2, frames, bands)."""

    def __init__(self) -> None:
        """Take window and filters from the device package."""
        super().__init__()
        self.register_buffer("window", torch.from_numpy(features.window()))
        self.register_buffer("mel", torch.from_numpy(features.mel_matrix()))

    def log_mel(self, wave: Tensor) -> Tensor:
        """Mel power in dB, (batch, frames, bands)."""
        padded = functional.pad(wave, (features.WINDOW - features.STEP, 0))
        frames = padded.unfold(1, features.WINDOW, features.STEP) * self.get_buffer("window")
        power = torch.view_as_real(torch.fft.rfft(frames)).pow(2).sum(-1)
        return 10.0 * torch.log10(power @ self.get_buffer("mel") + features.POWER_FLOOR)

    def forward(self, wave: Tensor, settled: Tensor | None = None) -> Tensor:
        """Stack both channels; where `settled` (batch,) is true the floor starts as after a long time in that room."""
        mel = self.log_mel(wave)
        blocks = mel.unflatten(1, (-1, features.FRAMES_PER_HOP)).mean(2)
        floor = blocks[:, 0]
        if settled is not None:
            floor = torch.where(settled[:, None], torch.quantile(blocks, 0.2, dim=1), floor)
        floors = []
        for hop in range(blocks.shape[1]):
            floors.append(floor)
            gap = blocks[:, hop] - floor
            floor = floor + gap * torch.where(gap > 0, features.FLOOR_UP, features.FLOOR_DOWN)
        floor = torch.stack(floors, 1).repeat_interleave(features.FRAMES_PER_HOP, 1)
        return torch.stack([features.scale_level(mel), features.scale_excess(mel - floor)], 1)
