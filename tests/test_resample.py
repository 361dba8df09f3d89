"""Resampling in a stream and the choice of a channel."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from device.errors import AudioSourceError
from device.resample import Downmix, Resampler


def _noise(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, n).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000])
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 5_000), min_size=1, max_size=30))
def test_pieces_joined_are_what_one_pass_gives(rate: int, cuts: list[int]) -> None:
    sound = _noise(rate // 2)
    resampler = Resampler(rate)
    out, start = [], 0
    for cut in [*cuts, len(sound)]:
        out.append(resampler.push(sound[start : start + cut]))
        start += cut
    out.append(resampler.push(sound[start:]))
    joined = np.concatenate([*out, resampler.flush()])
    whole = soxr.resample(sound, rate, 16_000, quality="HQ")
    assert len(joined) == pytest.approx(8_000, abs=1)
    n = min(len(joined), len(whole))
    np.testing.assert_allclose(joined[:n], whole[:n], atol=1e-5)


def test_a_sample_keeps_its_time() -> None:
    sound = np.zeros(48_000, np.float32)
    sound[24_000] = 1.0
    resampler = Resampler(48_000)
    out = np.concatenate([*(resampler.push(part) for part in np.split(sound, 100)), resampler.flush()])
    assert int(np.argmax(np.abs(out))) == 8_000


def test_a_nan_harms_nothing_but_itself() -> None:
    sound = _noise(48_000)
    broken = sound.copy()
    broken[100:110] = np.nan
    broken[200] = np.inf
    resampler = Resampler(48_000)
    out = np.concatenate([resampler.push(broken), resampler.flush()])
    assert np.isfinite(out).all()
    clean = soxr.resample(sound, 48_000, 16_000, quality="HQ")
    np.testing.assert_allclose(out[1_000:], clean[1_000 : len(out)], atol=1e-3)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), 10_000_000])
def test_a_rate_that_no_microphone_has_is_refused(rate: float) -> None:
    with pytest.raises(AudioSourceError, match="no usable sample rate"):
        Resampler(rate)


def test_mix_is_the_mean() -> None:
    frames = np.stack([np.full(10, 0.5), np.full(10, -0.1)], axis=1).astype(np.float32)
    np.testing.assert_allclose(Downmix("mix", 16_000).push(frames), 0.2, atol=1e-6)


def test_a_number_counts_from_one() -> None:
    frames = np.stack([np.full(10, 0.5), np.full(10, -0.1)], axis=1).astype(np.float32)
    np.testing.assert_allclose(Downmix("2", 16_000).push(frames), -0.1)
    with pytest.raises(AudioSourceError, match="has only 2"):
        Downmix("3", 16_000).push(frames)


@pytest.mark.parametrize("choice", ["0", "-1", "left", "", "²"])
def test_another_choice_is_refused(choice: str) -> None:
    with pytest.raises(AudioSourceError, match="must be best, mix"):
        Downmix(choice, 16_000)


def test_best_takes_the_channel_with_signal_not_the_one_with_an_offset() -> None:
    frames = np.stack([np.full(1_600, 0.9, np.float32), _noise(1_600)], axis=1)
    downmix = Downmix("best", 16_000)
    np.testing.assert_array_equal(downmix.push(frames), frames[:, 1])
    assert downmix.current == 1


def test_best_takes_the_channel_with_crying_not_the_one_with_hum() -> None:
    t = np.arange(48_000 * 3) / 48_000
    hum = (0.3 * np.sin(2 * np.pi * 50 * t) + 0.1 * np.sin(2 * np.pi * 150 * t)).astype(np.float32)
    cry = (0.01 * np.sin(2 * np.pi * 450 * t)).astype(np.float32)
    downmix = Downmix("best", 48_000)
    for block in np.split(np.stack([hum, cry], axis=1), 30):
        downmix.push(block)
    assert downmix.current == 1


def test_best_hands_over_without_a_click() -> None:
    t = np.arange(1_600 * 40) / 16_000
    tone = np.sin(2 * np.pi * 100 * t).astype(np.float32)
    left = np.concatenate([tone[: len(tone) // 2] * 0.5, tone[len(tone) // 2 :] * 0.01])
    right = np.concatenate([tone[: len(tone) // 2] * 0.01, tone[len(tone) // 2 :] * 0.5])
    downmix = Downmix("best", 16_000)
    blocks = np.split(np.stack([left, right], axis=1), 40)
    out = np.concatenate([downmix.push(block) for block in blocks])
    assert downmix.current == 1
    steepest = 0.5 * 2 * np.pi * 100 / 16_000
    assert np.abs(np.diff(out)).max() <= steepest * 1.05


def test_like_channels_do_not_take_turns() -> None:
    downmix = Downmix("best", 16_000)
    heard = set()
    for seed in range(50):
        downmix.push(np.stack([_noise(1_600, seed), _noise(1_600, seed + 100)], axis=1))
        heard.add(downmix.current)
    assert len(heard) == 1
