"""Between the monitor and its adapters: whom it tells, the present state, and what they tell it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from device.clock import Instant
from device.events import Event, Fault
from device.record import Episode
from device.vocabulary import Mic


@dataclass(frozen=True, slots=True)
class MonitorState:
    """Everything that the page, MQTT and the panel show of the present moment."""

    at: Instant
    mic: Mic
    mic_text: str = ""
    device: str = ""
    crying: bool = False
    episode: Episode | None = None
    last: Episode | None = None
    score: float = 0.0
    voice: float = 0.0
    level_dbfs: float = -120.0
    noise_floor_dbfs: float = -120.0
    muted_until: Instant | None = None
    sensitivity: str = "normal"
    quiet_hours: bool = False
    listeners: int | None = None
    mic_told: bool = False
    alert_after_s: float = 3.0
    quiet_between: str = ""
    broker: bool = False
    faults: tuple[Fault, ...] = ()
    last_block: Instant | None = None
    listening_since: Instant | None = None
    """Since when the microphone has been heard without a break in this run; None while it is not."""
    ears: tuple[str, ...] = ()
    today: Mapping[str, float | int | None] = field(default_factory=dict)
    source: str = "microphone"
    demo: bool = False
    version: str = ""

    @property
    def muted_s(self) -> float:
        """Seconds for which alerts stay muted, 0 if they are not; by the monotonic clock, as the time of day may be set."""
        return 0.0 if self.muted_until is None else max(0.0, self.muted_until.since(self.at))


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something about the device is wrong, or is well again (`standing` False); `code` as in docs/mqtt.md."""

    at: Instant
    code: str
    text: str = ""
    standing: bool = True


@dataclass(frozen=True, slots=True)
class Delivered:
    """The broker has acknowledged the event with this id."""

    event_id: str


@dataclass(frozen=True, slots=True)
class BrokerState:
    """The connection to the broker came or went; `reason` is a sentence for a person."""

    at: Instant
    connected: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the journal keeps it: `seq` counts up, `boot_id` names the boot that its monotonic time belongs to."""

    seq: int
    event: Event
    boot_id: str


class EventSink(Protocol):
    """Who is told of events and of the present state; called on the monitor's one thread, in a fixed order."""

    def handle(self, event: Event) -> None:
        """Take an event; the journal, first in order, has stored it already."""
        ...

    def update(self, state: MonitorState) -> None:
        """Take the present state: it has changed, or a second has passed."""
        ...

    def close(self) -> None:
        """Stop; calling it again does nothing."""
        ...


class Outbox(Protocol):
    """Events that wait for the broker's acknowledgement; the journal keeps them."""

    def pending(self, limit: int = 100) -> list[StoredEvent]:
        """The oldest `limit` events not yet delivered, in order."""
        ...

    def delivered(self, event_id: str) -> None:
        """Forget an event that the broker has acknowledged; unknown ids do no harm."""
        ...
