"""Recordings through the whole pipeline: the same events in any block length, at any speed, every time."""

import json
import math
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device.analysis import BEGIN, Collector, open_ears, replay
from device.audio import RATE_HZ
from device.episode import EpisodeTracker
from device.events import Event, MicLost
from device.evidence import EAR_LAG_S
from device.inputs import AudioLost
from device.monitor import Monitor
from device.settings import Config
from device.synthesis import cry, room_noise
from device.wavfile import ReplayClock, WavFile


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quiet, fifteen seconds of crying, quiet, eight seconds more, and a long calm; at 44.1 kHz in stereo."""
    rng = np.random.default_rng(7)
    parts = [room_noise(5, rng), cry(15, 0.7, rng), room_noise(20, rng), cry(8, 0.5, rng), room_noise(70, rng)]
    sound = np.concatenate(parts)
    path = tmp_path_factory.mktemp("night") / "night.flac"
    soundfile.write(path, np.stack([0.05 * sound, sound], axis=1), RATE_HZ)
    return path


def story(events: list[Event]) -> list[tuple[str, int]]:
    return [(event.event_type, round(event.at.monotonic * 1000)) for event in events]


def test_crying_is_heard_told_and_ended(night: Path) -> None:
    detector, thresholds = open_ears(Config())
    heard = replay(night, Config(), detector, thresholds)
    (episode,) = heard.collector.episodes.values()
    assert episode.onset.monotonic == pytest.approx(5.0, abs=1.0)
    assert episode.offset_s == pytest.approx(43.0, abs=2.0)
    assert episode.alert_s == pytest.approx(3.0, abs=2.5)
    assert heard.duration_s == pytest.approx(118.0, abs=0.5)


def test_any_block_length_gives_the_same_events_to_the_millisecond(night: Path) -> None:
    detector, thresholds = open_ears(Config())
    stories = []
    for block_s in (0.1, 0.1, 0.0137, 0.24, 7.0):
        heard = replay(night, Config(), detector, thresholds, block_s=block_s)
        stories.append((story(heard.collector.events), [round(score.cry, 5) for score in heard.scores]))
    assert all(each == stories[0] for each in stories[1:])
    assert len(stories[0][0]) >= 3


@pytest.mark.parametrize("speed", [math.inf, 400.0])
def test_the_live_loop_at_any_speed_gives_the_same_events(night: Path, speed: float) -> None:
    detector, thresholds = open_ears(Config())
    expected = story(replay(night, Config(), detector, thresholds).collector.events)
    ended = threading.Event()

    class Waiting(Collector):
        def handle(self, event: Event) -> None:
            super().handle(event)
            if isinstance(event, MicLost):
                ended.set()

    detector.reset()
    clock = ReplayClock(BEGIN, speed)
    sink = Waiting()
    tracker = EpisodeTracker(
        Config().episode,
        Config().alerts,
        thresholds=thresholds,
        hop_s=detector.hop_s,
        lag_s=EAR_LAG_S,
        boot_id=clock.boot_id,
    )
    monitor = Monitor(detector=detector, tracker=tracker, sinks={"sink": sink}, clock=clock)
    thread = threading.Thread(target=monitor.run)
    thread.start()
    source = WavFile(night, clock, speed=speed)
    source.start(monitor.inbox.put_wait)
    assert ended.wait(60)
    source.close()
    monitor.stop()
    thread.join(10)
    told = [event for event in sink.events if not isinstance(event, MicLost | AudioLost)]
    assert [entry for entry in story(told) if entry[0] != "mic_lost"] == expected


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "device", "analyze", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_the_command_prints_scores_episodes_and_a_summary(night: Path) -> None:
    done = run("--json", "--scores", night)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = [line["type"] for line in lines]
    assert kinds == ["score"] * kinds.count("score") + ["episode", "summary"]
    score, episode, summary = lines[0], lines[-2], lines[-1]
    assert set(score) == {"file", "type", "t_s", "cry", "voice", "distress", "level_dbfs"}
    assert set(episode) == {
        "file", "type", "onset_s", "offset_s", "alert_s", "arrive_s", "need", "distress", "peak_score"
    }  # fmt: skip
    assert set(summary) == {"file", "type", "duration_s", "episodes", "alerts", "seconds_per_audio_second"}
    assert episode["need"]["guess"] == "unsure" and sum(episode["need"]["p"].values()) == pytest.approx(1.0)
    steps = np.diff([line["t_s"] for line in lines if line["type"] == "score"])
    assert np.all(steps <= 0.25) and np.all(steps > 0)


def test_a_file_that_cannot_be_read_is_said_and_the_others_are_done(night: Path, tmp_path: Path) -> None:
    (tmp_path / "junk.wav").write_bytes(b"no sound")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), RATE_HZ)
    done = run("--json", tmp_path / "junk.wav", night, tmp_path / "empty.wav", tmp_path / "missing.wav")
    assert done.returncode == 2
    assert [json.loads(line)["type"] for line in done.stdout.splitlines()] == ["episode", "summary"]
    said = done.stderr.splitlines()
    assert len(said) == 3 and "junk.wav" in said[0] and "0 seconds" in said[1] and "missing.wav" in said[2]


def test_broken_samples_are_no_crying_and_do_no_harm(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sound = np.concatenate([room_noise(5, rng), cry(10, 0.7, rng)])
    broken = sound.copy()
    broken[RATE_HZ : 2 * RATE_HZ] = np.nan
    broken[2 * RATE_HZ : 2 * RATE_HZ + 100] = np.inf
    soundfile.write(tmp_path / "broken.wav", broken, RATE_HZ, subtype="FLOAT")
    detector, thresholds = open_ears(Config())
    heard = replay(tmp_path / "broken.wav", Config(), detector, thresholds)
    (episode,) = heard.collector.episodes.values()
    assert episode.onset.monotonic == pytest.approx(5.0, abs=1.0)
    assert all(math.isfinite(score.cry) for score in heard.scores)
