"""What the monitor would have made of the simulated family: the real tracker hears the cries, second by second."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from device.clock import Instant
from device.demo_life import Cry, Gap, Life
from device.episode import EpisodeTracker
from device.events import Event, MicLost, MicRestored
from device.evidence import Thresholds
from device.inputs import Response, Score, Tag, Tick, TrackerInput
from device.settings import AlertSettings, EpisodeSettings
from device.sinks import MonitorState
from device.vocabulary import Kind, Mic, Source

HOP_S = 1.0
"""A coarse hop: the story is heard a second at a time."""


@dataclass(frozen=True, slots=True)
class Boot:
    """One run of the device, from a start to a cut or a stop; its monotonic time begins at 60 s."""

    id: str
    start_utc: float
    end_utc: float

    def instant(self, utc: float) -> Instant:
        """The instant of this boot at a UTC time."""
        return Instant(60.0 + utc - self.start_utc, utc)


def boots(start_utc: float, until_utc: float, gaps: Sequence[Gap]) -> list[Boot]:
    """The runs between the times when the device was off."""
    edges = [start_utc, *(utc for gap in gaps if gap.kind == "off" for utc in (gap.start_utc, gap.end_utc)), until_utc]
    return [Boot(f"demo-{number}", edges[2 * number], edges[2 * number + 1]) for number in range(len(edges) // 2)]


def events(
    life: Life, boot: Boot, rng: np.random.Generator, complete: Callable[[Event, EpisodeTracker, Cry], Event]
) -> Iterator[Event]:
    """Every event of one boot, in order; `complete` adds what has been learned by then, as in the monitor."""
    thresholds = Thresholds(0.7, 0.4)
    tracker = EpisodeTracker(EpisodeSettings(), AlertSettings(), thresholds=thresholds, hop_s=HOP_S, boot_id=boot.id)
    story: list[tuple[float, Cry | Gap]] = [(cry.at_utc, cry) for cry in life.cries]
    story += [(gap.start_utc, gap) for gap in life.gaps if gap.kind == "lost"]
    story = [item for item in story if boot.start_utc <= item[0] < boot.end_utc]
    for _, thing in sorted(story, key=lambda item: item[0]):
        if isinstance(thing, Gap):
            yield MicLost(boot.instant(thing.start_utc), thing.reason, Mic.LOST)
            yield MicRestored(boot.instant(thing.end_utc), "USB microphone")
            continue
        for event in _episode(tracker, thing, boot.instant(thing.at_utc), rng):
            yield complete(event, tracker, thing)


def _episode(tracker: EpisodeTracker, cry: Cry, start: Instant, rng: np.random.Generator) -> Iterator[Event]:
    inputs = sorted(_inputs(cry, start, rng), key=lambda item: item.at.monotonic)
    for item in inputs:
        yield from tracker.handle(item)


def _inputs(cry: Cry, start: Instant, rng: np.random.Generator) -> Iterator[TrackerInput]:
    answer_s = cry.response_s if cry.response_s is not None and cry.response_s < cry.alone_s else None
    end_s = cry.alone_s if answer_s is None else answer_s + cry.calm_s
    yield from _scores(cry, start, end_s, answer_s if cry.source is Source.VOICE else None, rng)
    yield from (Tick(start.plus(end_s + after)) for after in range(2, 90, 4))
    if answer_s is not None:
        if cry.acknowledge_s is not None:
            yield Response(start.plus(cry.acknowledge_s), Kind.ACKNOWLEDGE, Source.MQTT, cry.caregiver)
        if cry.source is not Source.VOICE:
            yield Response(start.plus(answer_s), Kind.ARRIVE, cry.source, cry.caregiver)
    if cry.tag or cry.false_alarm:
        said = start.plus(end_s + rng.uniform(100.0, 700.0))
        note = cry.note or None
        yield Tag(said, Source.PAGE, need=cry.tag, not_crying=cry.false_alarm, helped=cry.helped, note=note)


def _scores(
    cry: Cry, start: Instant, end_s: float, voice_s: float | None, rng: np.random.Generator
) -> Iterator[TrackerInput]:
    """A score a second: bouts of 10 to 50 s between pauses, which grow once somebody is there."""
    pause_at, cry_at = rng.uniform(10.0, 50.0), 0.0
    for second in range(1, int(end_s) + 4):
        if second > pause_at:
            cry_at = pause_at + rng.uniform(2.5, 9.0)
            pause_at = cry_at + rng.uniform(10.0, 50.0)
        crying = second >= cry_at and second <= end_s
        voice = voice_s is not None and voice_s <= second <= voice_s + 12.0
        distress = float(np.clip(cry.distress + rng.normal(0.0, 0.06) - 0.1 * (second > 0.8 * end_s), 0.0, 1.0))
        score = rng.uniform(0.82, 0.99) if crying else rng.uniform(0.0, 0.08)
        if cry.cause is None:
            score *= 0.92
        level = -48.0 + 25.0 * cry.distress if crying else -62.0
        yield Score(start.plus(second), float(score), 0.9 if voice else 0.02, distress, level)


def states(life: Life, boot: Boot) -> Iterator[MonitorState]:
    """The monitor's state at each change of one boot and every 28 s between, for the journal's coverage."""
    lost = [gap for gap in life.gaps if gap.kind == "lost"]
    utc = boot.start_utc
    while utc < boot.end_utc:
        gap = next((gap for gap in lost if gap.start_utc <= utc < gap.end_utc), None)
        mic = Mic.LOST if gap else Mic.OK
        yield MonitorState(boot.instant(utc), mic, gap.reason if gap else "")
        edges = [edge for gap in lost for edge in (gap.start_utc, gap.end_utc) if edge > utc]
        utc = min([utc + 28.0, *edges])
    yield MonitorState(boot.instant(boot.end_utc), Mic.OK)
