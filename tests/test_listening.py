"""What frames become: blocks that join, and the judgement whether they are sound."""

from collections.abc import Iterator

import numpy as np
import pytest
import soxr

from device.audio import RATE_HZ, AudioBlock
from device.listening import Heard, Listening
from device.portaudio import Frames
from tests.fakes_hands import HandClock


def _hear(sound: Frames, rate: int, *, overflow_at: int = -1, lost: int = 0) -> Iterator[Heard]:
    """Give 0.1 s at a time, as a microphone does; `lost` runs vanish before run `overflow_at`."""
    listening, clock = Listening(rate, "best"), HandClock()
    frames = sound if sound.ndim == 2 else sound[:, None]
    length = rate // 10
    for index in range(len(frames) // length):
        if index == overflow_at:
            clock.go(0.1 * lost)
        yield listening.push(frames[index * length : (index + 1) * length], clock.go(0.1), index == overflow_at)


def _blocks(heard: Iterator[Heard]) -> list[AudioBlock]:
    return [one.block for one in heard if one.block is not None]


def _noise(seconds: float, rate: int, level: float = 0.1) -> Frames:
    return np.random.default_rng(5).normal(0, level, round(seconds * rate)).astype(np.float32)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_blocks_join_and_are_what_one_pass_gives(rate: int) -> None:
    sound = _noise(5, rate)
    blocks = _blocks(_hear(sound, rate))
    for one, other in zip(blocks, blocks[1:], strict=False):
        assert other.start.since(one.end) == pytest.approx(0, abs=1e-9)
    joined = np.concatenate([block.samples for block in blocks])
    whole = soxr.resample(sound, rate, RATE_HZ, quality="HQ")
    np.testing.assert_allclose(joined, whole[: len(joined)], atol=1e-5)
    assert blocks[0].start.monotonic == pytest.approx(1_000.0)
    assert not blocks[0].samples.flags.writeable


def test_a_block_holds_the_sound_of_its_time() -> None:
    sound = np.zeros(48_000 * 3, np.float32)
    sound[72_000] = 0.9
    (block,) = [block for block in _blocks(_hear(sound, 48_000)) if np.abs(block.samples).max() > 0.2]
    peak = block.start.plus(float(np.argmax(np.abs(block.samples))) / RATE_HZ)
    assert peak.monotonic == pytest.approx(1_001.5, abs=1e-3)


def test_less_than_any_room_is_told_and_heard_all_the_same() -> None:
    step = 1 / 32768
    last_bit = np.random.default_rng(5).integers(-1, 2, 310 * 8_000).astype(np.float32) * step
    heard = list(_hear(last_bit, 8_000))
    assert [one.faint for one in heard].index(True) == pytest.approx(3_000, abs=2)
    assert all(one.flat_s == 0 for one in heard)
    cried = np.concatenate([last_bit, _noise(1, 8_000, 1e-3)])
    assert not list(_hear(cried, 8_000))[-1].faint


@pytest.mark.parametrize(("rate", "said"), [(1.0, False), (1.06, False), (2.0, True)])
def test_sound_that_never_comes_is_missed_though_nobody_says_so(rate: float, said: bool) -> None:
    listening, clock = Listening(8_000, "best"), HandClock()
    runs = [listening.push(_noise(0.1, 8_000)[:, None], clock.go(0.1 * rate), False) for _ in range(450)]
    assert any(one.missing for one in runs) is said


def test_after_an_overflow_time_goes_on_where_the_sound_does() -> None:
    blocks = _blocks(_hear(_noise(6, 48_000), 48_000, overflow_at=30, lost=20))
    gaps = [other.start.since(one.end) for one, other in zip(blocks, blocks[1:], strict=False)]
    assert sum(abs(gap) > 0.05 for gap in gaps) == 1
    assert max(gaps) == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("sound", "flat"),
    [
        (np.zeros(16_000 * 10), True),
        (np.full(16_000 * 10, 0.02), True),
        (np.full(16_000 * 10, 1.0), True),
        (np.full(16_000 * 10, np.nan), True),
        (np.random.default_rng(1).integers(0, 2, 160_000) / 32768, True),
        (np.random.default_rng(1).normal(0, 1.5 / 32768, 160_000), False),
        (np.random.default_rng(1).normal(0, 0.001, 160_000) + 0.02, False),
    ],
    ids=["zero", "offset", "stuck at the top", "nan", "last bit", "a quiet capsule's hiss", "hiss on an offset"],
)
def test_flat_is_not_quiet(sound: Frames, flat: bool) -> None:
    last = list(_hear(sound.astype(np.float32), 16_000))[-1]
    assert last.flat_s == (pytest.approx(10.0) if flat else 0.0)


def test_any_sound_ends_flatness() -> None:
    sound = np.zeros(160_000, np.float32)
    sound[140_000] = 0.1
    assert list(_hear(sound, 16_000))[-1].flat_s == pytest.approx(1.2)


@pytest.mark.parametrize(("gain", "clipping"), [(0.5, False), (0.98, False), (20.0, True)])
def test_an_overdriven_microphone_is_noticed(gain: float, clipping: bool) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(16_000 * 5) / 16_000)
    heard = list(_hear(np.clip(gain * tone, -1, 1).astype(np.float32), 16_000))
    assert heard[-1].clipping is clipping
    assert not heard[0].clipping, "one loud moment is no trouble"
