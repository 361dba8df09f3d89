"""The streaming spectra: the same hops for any chunking, sane values, and nothing that lasts from bad samples."""

import sys
from pathlib import Path

import numpy as np
import pytest

from device import features
from device.features import BANDS, FRAMES_PER_HOP, HOP, SAMPLE_RATE_HZ, LogMel


def noise(seconds: float, level: float = 0.05, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(round(seconds * SAMPLE_RATE_HZ)) * level).astype(np.float32)


def sine(hz: float, seconds: float, amplitude: float = 1.0) -> np.ndarray:
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hz * t)).astype(np.float32)


@pytest.mark.parametrize("size", [1, 160, 777, 3840, 5000, 16_000])
def test_any_chunking_gives_the_same_hops(size: int) -> None:
    samples = noise(2.0)
    whole = LogMel().push(samples)
    stream = LogMel()
    parts = [hop for i in range(0, len(samples), size) for hop in stream.push(samples[i : i + size])]
    assert len(parts) == len(whole) == len(samples) // HOP
    for a, b in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(a.inputs, b.inputs)
        assert (a.excess_db, a.level_dbfs, a.floor_dbfs) == (b.excess_db, b.level_dbfs, b.floor_dbfs)


def test_shape_and_type() -> None:
    (hop,) = LogMel().push(noise(HOP / SAMPLE_RATE_HZ))
    assert hop.inputs.shape == (1, 2, FRAMES_PER_HOP, BANDS)
    assert hop.inputs.dtype == np.float32


def test_a_full_scale_sine_peaks_near_0_db_in_its_band() -> None:
    hop = LogMel().push(sine(1000.0, 0.48))[-1]
    level_db = hop.inputs[0, 0] * 20.0 - 60.0
    assert -8.0 < level_db.max() < 0.5
    edges = np.linspace(features._mel(features.LOWEST_HZ), features._mel(features.HIGHEST_HZ), BANDS + 2)
    expected = int(np.argmin(abs(edges[1:-1] - features._mel(1000.0))))
    assert abs(int(level_db.mean(axis=0).argmax()) - expected) <= 1
    assert hop.level_dbfs == pytest.approx(-3.0, abs=0.1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_bad_samples_do_not_poison_what_follows(bad: float) -> None:
    samples = noise(3.0)
    broken = samples.copy()
    broken[5000:5010] = bad
    clean = samples.copy()
    clean[5000:5010] = 1.0 if bad == 1e30 else 0.0
    for a, b in zip(LogMel().push(broken), LogMel().push(clean), strict=True):
        assert np.isfinite(a.inputs).all()
        np.testing.assert_allclose(a.inputs, b.inputs, atol=1e-5)


def test_silence_is_finite_and_at_the_floor() -> None:
    hop = LogMel().push(np.zeros(HOP, dtype=np.float32))[0]
    assert np.isfinite(hop.inputs).all()
    assert hop.level_dbfs <= -119.0


def test_the_floor_follows_constant_noise_but_not_a_burst() -> None:
    stream = LogMel()
    quiet = stream.push(noise(10.0, 0.001))[-1]
    assert quiet.excess_db < 5.0
    burst = stream.push(noise(1.0, 0.1))[0]
    assert burst.excess_db > 10.0
    long = stream.push(noise(120.0, 0.1))[-1]
    assert long.excess_db < 5.0


def test_reset_forgets() -> None:
    stream = LogMel()
    stream.push(sine(500.0, 1.1))
    stream.reset()
    samples = noise(1.0)
    np.testing.assert_array_equal(stream.push(samples)[-1].inputs, LogMel().push(samples)[-1].inputs)


def test_two_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="mono"):
        LogMel().push(np.zeros((100, 2), dtype=np.float32))


def test_training_hears_the_same_as_the_device() -> None:
    """The front end that the network was trained with, in PyTorch, gives the device's hops."""
    torch = pytest.importorskip("torch")
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
    from training.hearing import FrontEnd

    samples = noise(3.0, 0.02)
    samples[20_000:24_000] += sine(440.0, 0.25, 0.3)
    ours = np.concatenate([hop.inputs for hop in LogMel().push(samples)], axis=2)
    whole = samples[: len(samples) // HOP * HOP]
    theirs = FrontEnd()(torch.from_numpy(whole)[None]).numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
