"""Small stand-ins that several tests share: a clock that tests move, scores made by hand."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from device.clock import Instant
from device.episode import EpisodeTracker
from device.events import Event
from device.evidence import Thresholds
from device.inputs import Score, TrackerInput
from device.settings import AlertSettings, EpisodeSettings
from device.sinks import MonitorState

E = TypeVar("E", bound=Event)
HOP_S = 0.25
START = Instant(1000.0, 1_760_000_000.0)


class FakeClock:
    """Stands still until a test moves it."""

    boot_id = "test-boot"

    def __init__(self, at: Instant = START) -> None:
        self.at = at

    def now(self) -> Instant:
        return self.at

    def advance(self, seconds: float) -> Instant:
        self.at = self.at.plus(seconds)
        return self.at


class RecordingSink:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.states: list[MonitorState] = []
        self.closed = 0

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def update(self, state: MonitorState) -> None:
        self.states.append(state)

    def close(self) -> None:
        self.closed += 1


def tracker(
    episode: EpisodeSettings | None = None, alerts: AlertSettings | None = None, sure: float = 0.0
) -> EpisodeTracker:
    """A tracker with hop 0.25 s and thresholds 0.7 and 0.4."""
    return EpisodeTracker(
        episode or EpisodeSettings(),
        alerts or AlertSettings(),
        thresholds=Thresholds(0.7, 0.4, sure),
        hop_s=HOP_S,
        boot_id="test-boot",
    )


def at(seconds: float) -> Instant:
    """The instant so many seconds after START."""
    return START.plus(seconds)


def scores(
    begin_s: float, end_s: float, cry: float = 0.0, voice: float = 0.0, distress: float = 0.5, level_dbfs: float = -30.0
) -> list[TrackerInput]:
    """A score a hop; the first one ends at `begin_s` + HOP_S."""
    count = round((end_s - begin_s) / HOP_S)
    return [Score(at(begin_s + (n + 1) * HOP_S), cry, voice, distress, level_dbfs) for n in range(count)]


def feed(to: EpisodeTracker, inputs: Iterable[TrackerInput]) -> list[Event]:
    """Give the tracker all inputs and collect what it says."""
    return [event for item in inputs for event in to.handle(item)]


def types(events: Sequence[Event]) -> list[str]:
    """The events' names, without the updates that only the journal wants."""
    return [event.event_type for event in events if event.event_type != "updated"]


def pick(events: Sequence[Event], kind: type[E]) -> list[E]:
    """The events of one kind."""
    return [event for event in events if isinstance(event, kind)]
