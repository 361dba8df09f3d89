"""The installed pipeline as an ear: its Detector scores, its EpisodeTracker decides, both exactly as in the monitor."""

import hashlib
from pathlib import Path

import numpy as np

import device.detector
from device import features, network, second_ear
from device.audio import AudioBlock, Samples
from device.clock import Instant
from device.detector import MODEL, Detector
from device.ears import thresholds_of
from device.episode import EpisodeTracker
from device.events import EpisodeAlerted, EpisodeEvent, Event
from device.evidence import EAR_LAG_S
from device.inputs import Score
from device.record import Episode
from device.settings import Config
from device.voice import CRYING, IN_PAUSE, OVER_CRYING
from device.wavfile import BLOCK_S
from evaluation.ears import Decided, Heard, Mask

BEGIN = Instant(0.0, 0.0)


class Pipeline:
    """Ours. `settings` are the sensitivities; a score is emitted every `step_s`."""

    needed = (3, 4)
    settings: tuple[str, ...] = ("normal", "low", "high")

    def __init__(self, detector: Detector, config: Config, name: str = "ours", model: Path = MODEL) -> None:
        """Take the detector, with or without the second ear, its configuration, and the file its model came from."""
        parts = [Path(str(part.__file__)) for part in (features, network, device.detector)] + [model]
        parts += [Path(second_ear.__file__), second_ear.HEAD] if "both" in name else []
        code = b"".join(part.read_bytes() for part in parts)
        self.name = name
        self.version = f"{name}-{hashlib.sha256(code).hexdigest()[:16]}"
        self.step_s = detector.hop_s
        self._detector = detector
        self._config = config

    def hear(self, samples: Samples) -> Heard:
        """Stream the scene in blocks as a microphone would deliver them."""
        self._detector.reset()
        step = round(BLOCK_S * 16_000)
        rows = []
        for at in range(0, len(samples), step):
            for heard in self._detector.feed(AudioBlock(samples[at : at + step], BEGIN.plus(at / 16_000))):
                score = heard.score
                rows.append((score.at.monotonic, score.cry, score.voice, score.distress, score.level_dbfs))
        table = np.array(rows, dtype=np.float64).reshape(-1, 5)
        return Heard(table[:, 0], table[:, 1], table[:, 2], table[:, 3:])

    def voiced(self, heard: Heard) -> Mask:
        """What the monitor counts as a voice: over crying it asks for more."""
        return heard.voice >= np.where(heard.cry >= CRYING, OVER_CRYING, IN_PAUSE)

    def decide(self, heard: Heard, setting: str) -> Decided:
        """Run the tracker over the scores, with every setting at its default and the thresholds of the sensitivity."""
        config = self._config
        thresholds = thresholds_of(config, setting)
        tracker = EpisodeTracker(config.episode, config.alerts, thresholds=thresholds, hop_s=self.step_s, lag_s=EAR_LAG_S)
        alerts: list[float] = []
        episodes: dict[str, Episode] = {}
        end = BEGIN
        events: list[Event] = []
        for at, cry, voice, (distress, level) in zip(heard.at_s, heard.cry, heard.voice, heard.columns, strict=True):
            end = BEGIN.plus(float(at))
            events += tracker.handle(Score(end, float(cry), float(voice), float(distress), float(level)))
        events += tracker.stop(end)
        for event in events:
            if isinstance(event, EpisodeEvent):
                episodes[event.episode.id] = event.episode
            if isinstance(event, EpisodeAlerted):
                alerts.append(event.at.monotonic)
        onsets = [(episode, episode.onset.monotonic) for episode in episodes.values()]
        bouts = [(onset + bout.start_s, onset + bout.end_s) for episode, onset in onsets for bout in episode.bouts]
        spans = [(onset, onset + (episode.offset_s or 0.0)) for episode, onset in onsets]
        arrived = [onset + episode.arrived.at_s for episode, onset in onsets if episode.arrived is not None]
        return Decided(tuple(alerts), tuple(bouts), tuple(spans), min(arrived, default=None))
