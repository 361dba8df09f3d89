"""What a soak hears: nights with crying, quiet, bursts of noise and a noise machine, in turn."""

from pathlib import Path

import numpy as np
import soundfile

from device.audio import RATE_HZ, Samples
from device.synthesis import night, room_noise, white_noise_machine


def recording(path: Path, minutes: float, seed: int) -> None:
    """Write that many minutes: a night pressed into a few of them, quiet, a noise machine, and the same again."""
    rng = np.random.default_rng(seed)
    left = round(minutes * 60 * RATE_HZ)
    with soundfile.SoundFile(path, "w", RATE_HZ, 1, "PCM_16") as file:
        for turn in range(1_000_000):
            for part in _parts(turn, rng):
                part = part[:left]
                file.write(part)
                left -= len(part)
                if left <= 0:
                    return


def _parts(turn: int, rng: np.random.Generator) -> list[Samples]:
    crying, _ = night(rng, noise_machine=bool(turn % 2))
    quiet = np.asarray(0.05 * room_noise(90.0 if turn % 3 else 240.0, rng), np.float32)
    bursts = np.asarray(quiet[: 20 * RATE_HZ] + rng.normal(0, 0.1, 20 * RATE_HZ), np.float32).clip(-1, 1)
    return [crying, quiet, bursts, white_noise_machine(30.0, rng), quiet[: 60 * RATE_HZ]]
