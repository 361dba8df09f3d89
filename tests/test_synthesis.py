from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.audio import RATE_HZ, Samples, level_dbfs
from device.synthesis import Baby, cry, door, in_room, night, room_noise, white_noise_machine
from device.throat import cat, murmur


def share_above(samples: Samples, hz: float) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(power[np.fft.rfftfreq(len(samples), 1 / RATE_HZ) > hz].sum() / power.sum())


def pitch_hz(samples: Samples) -> float:
    """Median pitch over the louder 64 ms frames, from the autocorrelation's highest peak between 80 and 1,400 Hz."""
    frames = samples[: len(samples) // 1024 * 1024].reshape(-1, 1024).astype(np.float64)
    loud = frames[np.sum(frames**2, axis=1) > 0.3 * np.mean(np.sum(frames**2, axis=1))]
    spectrum = np.abs(np.fft.rfft(loud * np.hanning(1024), 4096, axis=1)) ** 2
    lags = np.fft.irfft(spectrum, axis=1)
    low, high = RATE_HZ // 1400, RATE_HZ // 80
    return float(np.median(RATE_HZ / (low + np.argmax(lags[:, low:high], axis=1))))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), distress=st.floats(0.0, 1.0), duration_s=st.floats(0.3, 4.0))
def test_a_cry_is_finite_of_its_length_and_never_clips(seed: int, distress: float, duration_s: float) -> None:
    wave = cry(duration_s, distress, np.random.default_rng(seed))
    assert wave.dtype == np.float32
    assert len(wave) == int(duration_s * RATE_HZ)
    assert np.isfinite(wave).all()
    assert 0.01 < np.abs(wave).max() <= 1.0


def test_the_same_seed_gives_the_same_cry_and_another_seed_another() -> None:
    def make(seed: int) -> Samples:
        return cry(2.0, 0.5, np.random.default_rng(seed))

    assert np.array_equal(make(4), make(4))
    assert not np.array_equal(make(4), make(5))


@pytest.mark.parametrize("seed", range(4))
def test_a_cry_has_an_infants_pitch_and_harmonics_to_seven_kilohertz(seed: int) -> None:
    wave = cry(6.0, 0.5, np.random.default_rng(seed))
    assert 330 < pitch_hz(wave) < 600
    assert 0.001 < share_above(wave, 4_000) < 0.3
    assert share_above(wave, 7_750) < 0.001  # nothing folds back


def test_an_adult_is_lower_than_a_baby() -> None:
    rng = np.random.default_rng(0)
    assert pitch_hz(murmur(5.0, rng)) < 280 < 330 < pitch_hz(cry(5.0, 0.5, rng))
    assert pitch_hz(murmur(5.0, rng, f0_hz=110.0)) < 160


def test_distress_means_louder_with_fewer_pauses() -> None:
    def measure(distress: float) -> tuple[float, float]:
        waves = [cry(8.0, distress, np.random.default_rng(seed), Baby()) for seed in range(4)]
        frames = np.concatenate(waves)[: 4 * 8 * RATE_HZ // 800 * 800].reshape(-1, 800)
        rms = np.sqrt(np.mean(frames**2, axis=1))
        return float(np.sqrt(np.mean(rms**2))), float(np.mean(rms < 0.02))

    loudness, silence = zip(*(measure(distress) for distress in (0.1, 0.5, 0.9)), strict=True)
    assert loudness[0] < loudness[1] < loudness[2]
    assert silence[0] > silence[1] > silence[2]


def test_a_night_holds_what_its_truth_says() -> None:
    wave, truth = night(np.random.default_rng(3))
    assert len(wave) == 265 * RATE_HZ
    assert np.abs(wave).max() <= 1.0
    quiet_dbfs = level_dbfs(wave[: 5 * RATE_HZ])
    assert quiet_dbfs > -80.0, "a room is never digitally silent"
    for sound in truth:
        part = wave[int(sound.start_s * RATE_HZ) : int(sound.end_s * RATE_HZ)]
        assert level_dbfs(part) > quiet_dbfs + 15.0, sound
    assert [sound.kind for sound in truth].count("cry") == 4
    assert {sound.kind for sound in truth} == {"cry", "voice", "cat", "door"}
    assert all(sound.end_s <= 265 for sound in truth)


def test_a_short_night_keeps_every_sound_in_order_inside() -> None:
    wave, truth = night(np.random.default_rng(3), duration_s=60.0, noise_machine=True)
    assert len(wave) == 60 * RATE_HZ
    assert [sound.start_s for sound in truth] == sorted(sound.start_s for sound in truth)
    assert all(sound.end_s <= 60 for sound in truth)
    assert level_dbfs(wave[:RATE_HZ]) > -45.0


def test_the_other_sounds_have_their_character() -> None:
    rng = np.random.default_rng(1)
    assert 450 < pitch_hz(cat(6.0, rng)) < 750
    assert share_above(white_noise_machine(2.0, rng), 2_000) > 0.2
    assert share_above(room_noise(2.0, rng), 2_000) < 0.1
    thump = door(rng)
    assert share_above(thump[int(1.1 * RATE_HZ) :], 300) < 0.1


def test_a_room_leaves_a_tail_and_the_same_length() -> None:
    click = np.zeros(RATE_HZ, dtype=np.float32)
    click[100] = 1.0
    wave = in_room(click, np.random.default_rng(0), wet=0.5)
    assert len(wave) == len(click)
    assert wave[100] == pytest.approx(1.0, abs=0.01)
    early, late = np.sum(wave[101:2000] ** 2), np.sum(wave[4000:6000] ** 2)
    assert early > 50 * late > 0.0
