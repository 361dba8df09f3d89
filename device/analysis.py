"""`nursery-monitor analyze`: recordings through the same pipeline as the live monitor, one JSON object a line."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device.clock import Instant
from device.detector import Detector
from device.ears import make_detector, thresholds_of
from device.episode import EpisodeTracker
from device.errors import AudioSourceError
from device.events import EpisodeEvent, Event
from device.evidence import EAR_LAG_S, Thresholds
from device.inputs import AudioRestored, Score
from device.monitor import Monitor
from device.record import Episode
from device.settings import Config
from device.sinks import MonitorState
from device.vocabulary import Need
from device.wavfile import BLOCK_S, ReplayClock, read_blocks

BEGIN = Instant(0.0, 0.0)
"""Times of an analysis count from the start of the file."""


class Collector:
    """A sink that keeps the last state of every episode."""

    def __init__(self) -> None:
        """Begin with none."""
        self.episodes: dict[str, Episode] = {}
        self.events: list[Event] = []

    def handle(self, event: Event) -> None:
        """Keep it."""
        self.events.append(event)
        if isinstance(event, EpisodeEvent):
            self.episodes[event.episode.id] = event.episode

    def update(self, state: MonitorState) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a recording; `broken` says why it could not be read to its end."""

    collector: Collector
    scores: list[Score]
    duration_s: float
    broken: AudioSourceError | None = None


def replay(path: Path, config: Config, detector: Detector, thresholds: Thresholds, *, block_s: float = BLOCK_S) -> Replayed:
    """Send one recording through detector, tracker and sinks, and give what came of it.

    Raises:
        AudioSourceError: nothing of the file can be read.
    """
    clock = ReplayClock(BEGIN, 1.0)
    collector, scores = Collector(), list[Score]()
    detector.reset()
    tracker = EpisodeTracker(
        config.episode,
        config.alerts,
        thresholds=thresholds,
        hop_s=detector.hop_s,
        lag_s=EAR_LAG_S,
        boot_id=clock.boot_id,
    )
    monitor = Monitor(
        detector=detector, tracker=tracker, sinks={"collector": collector}, clock=clock, on_score=scores.append
    )
    monitor.consume(AudioRestored(BEGIN, path.name))
    end = BEGIN
    broken: AudioSourceError | None = None
    try:
        for block in read_blocks(path, BEGIN, block_s):
            end = block.end
            clock.advance(end)
            monitor.consume(block)
    except AudioSourceError as error:
        if end is BEGIN:
            raise
        broken = error
    for event in tracker.stop(end):
        collector.handle(event)
    return Replayed(collector, scores, end.since(BEGIN), broken)


def analyze(
    path: Path, config: Config, detector: Detector, thresholds: Thresholds, *, with_scores: bool
) -> Iterator[dict[str, Any]]:
    """Give the lines of one file: scores if wanted, then episodes, then the summary.

    Raises:
        AudioSourceError: the file cannot be read, or breaks off; then after the lines of what could be read.
    """
    began_s = time.process_time()
    heard = replay(path, config, detector, thresholds)
    spent_s = time.process_time() - began_s
    if with_scores:
        for score in heard.scores:
            yield {
                "file": str(path),
                "type": "score",
                "t_s": round(score.at.monotonic, 3),
                "cry": round(score.cry, 4),
                "voice": round(score.voice, 4),
                "distress": round(score.distress, 3),
                "level_dbfs": round(score.level_dbfs, 1),
            }
    for episode in heard.collector.episodes.values():
        yield episode_line(path, episode)
    yield {
        "file": str(path),
        "type": "summary",
        "duration_s": round(heard.duration_s, 3),
        "episodes": len(heard.collector.episodes),
        "alerts": sum(len(episode.alerts) for episode in heard.collector.episodes.values()),
        "seconds_per_audio_second": round(spent_s / heard.duration_s, 6),
    }
    if heard.broken is not None:
        raise heard.broken


def episode_line(path: Path, episode: Episode) -> dict[str, Any]:
    """An episode as `analyze` prints it; all times are seconds from the file's start."""
    onset_s = episode.onset.monotonic
    guess = episode.guess
    even = {need.value: 0.25 for need in Need if need is not Need.UNSURE}
    return {
        "file": str(path),
        "type": "episode",
        "onset_s": round(onset_s, 3),
        "offset_s": round(onset_s + (episode.offset_s or 0.0), 3),
        "alert_s": None if episode.alert_s is None else round(onset_s + episode.alert_s, 3),
        "arrive_s": None if episode.arrived is None else round(onset_s + episode.arrived.at_s, 3),
        "need": {
            "guess": guess.guess.value if guess else Need.UNSURE.value,
            "p": {need.value: round(p, 3) for need, p in guess.p.items()} if guess else even,
        },
        "distress": episode.grade.value,
        "peak_score": round(episode.peak_score, 4),
    }


def open_ears(config: Config) -> tuple[Detector, Thresholds]:
    """The detector as configured, and its thresholds.

    Raises:
        DetectorError: the model is missing or damaged.
    """
    return make_detector(config), thresholds_of(config)


def sentence(line: dict[str, Any]) -> str:
    """A line for a person."""
    match line["type"]:
        case "score":
            return f"{line['t_s']:9.2f} s  cry {line['cry']:.2f}  voice {line['voice']:.2f}  {line['level_dbfs']:.0f} dB"
        case "episode":
            alert = "no alert" if line["alert_s"] is None else f"alert at {line['alert_s']:.1f} s"
            return f"{line['file']}: {line['distress']} from {line['onset_s']:.1f} s to {line['offset_s']:.1f} s, {alert}"
        case _:
            return f"{line['file']}: {line['duration_s']:.1f} s, {line['episodes']} episodes, {line['alerts']} alerts"
