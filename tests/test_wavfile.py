"""Recordings in place of the microphone."""

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device.audio import RATE_HZ, AudioBlock, Samples
from device.errors import AudioSourceError
from device.inputs import AudioLost, AudioRestored
from device.wavfile import ReplayClock, WavFile, read_blocks
from tests.fakes import START


def tone(seconds: float, rate_hz: int = RATE_HZ, hz: float = 440.0) -> Samples:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def whole(path: Path, block_s: float = 0.1) -> Samples:
    return np.concatenate([block.samples for block in read_blocks(path, START, block_s)])


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_any_rate_becomes_16_khz_of_the_same_length(tmp_path: Path, rate_hz: int, suffix: str) -> None:
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, tone(1.5, rate_hz), rate_hz)
    heard = whole(path)
    assert len(heard) == pytest.approx(1.5 * RATE_HZ, abs=2)
    middle = slice(4000, 20000)
    assert np.max(np.abs(heard[middle] - tone(1.5)[middle])) < 0.01


def test_block_length_changes_no_sample_and_stamps_abut(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(2.3, 44_100), 44_100)
    one = whole(path)
    for block_s in (0.001, 0.0333, 1.0, 60.0):
        assert np.array_equal(whole(path, block_s), one)
    blocks = list(read_blocks(path, START, 0.07))
    for before, after in zip(blocks, blocks[1:], strict=False):
        assert after.start.since(before.start) == pytest.approx(before.duration_s, abs=1e-6)


def test_of_several_channels_the_loudest_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([tone(1) * 0.01, tone(1), -tone(1) * 0.5], axis=1), RATE_HZ)
    assert np.max(np.abs(whole(path) - tone(1))) < 1e-3


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "junk.wav").write_bytes(b"RIFF not a wave at all")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), RATE_HZ)
    for name, says in (("junk.wav", "cannot be read"), ("empty.wav", "0 seconds"), ("none.wav", "cannot be read")):
        with pytest.raises(AudioSourceError, match=says):
            list(read_blocks(tmp_path / name, START))


@pytest.mark.parametrize("name", ["long.flac", "long.wav"])
def test_a_truncated_recording_gives_what_is_there_and_says_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    soundfile.write(path, np.random.default_rng(1).normal(0, 0.1, RATE_HZ * 4).astype(np.float32), RATE_HZ)
    whole_file = path.read_bytes()
    path.write_bytes(whole_file[: len(whole_file) // 2])
    blocks: list[AudioBlock] = []
    with pytest.raises(AudioSourceError, match=name):
        for block in read_blocks(path, START):
            blocks.append(block)
    assert sum(block.duration_s for block in blocks) > 0.9


def test_a_replay_delivers_everything_then_says_that_it_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(3), RATE_HZ)
    clock = ReplayClock(START, math.inf)
    got: list[object] = []
    source = WavFile(path, clock, speed=math.inf)
    source.start(got.append)
    assert source.wait(10)
    source.close()
    source.close()
    assert isinstance(got[0], AudioRestored) and isinstance(got[-1], AudioLost)
    blocks = [item for item in got if isinstance(item, AudioBlock)]
    assert sum(len(block.samples) for block in blocks) == 3 * RATE_HZ
    assert blocks[0].start == START
    assert clock.now().since(START) >= 3.0
