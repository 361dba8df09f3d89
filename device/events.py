"""What comes out of the tracker and the monitor: what happened to an episode or to the device, as the journal stores it."""

from dataclasses import dataclass
from typing import ClassVar

from device.clock import Instant
from device.record import Episode
from device.vocabulary import Mic


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the device that stands since `at`, named by `code` (docs/mqtt.md lists them); `text` is for a person."""

    code: str
    text: str
    at: Instant


def stamp(at: Instant) -> str:
    """A name for an instant that no other instant of this device has: UTC milliseconds, then boot-clock milliseconds."""
    return f"{int(at.utc * 1000):012x}-{int(at.monotonic * 1000):x}"


@dataclass(frozen=True, slots=True)
class EpisodeEvent:
    """Something that happened to an episode; `episode` is its state just after."""

    event_type: ClassVar[str] = ""
    at: Instant
    episode: Episode

    @property
    def id(self) -> str:
        """Unique and the same on every replay."""
        return f"{self.event_type}-{stamp(self.at)}"


@dataclass(frozen=True, slots=True)
class EpisodeStarted(EpisodeEvent):
    """Crying has been recognised; the onset is back-dated."""

    event_type = "started"


@dataclass(frozen=True, slots=True)
class EpisodeAlerted(EpisodeEvent):
    """The first notification; `quiet` if quiet hours lower it."""

    event_type = "alerted"
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class EpisodeEscalated(EpisodeEvent):
    """A repeat at a higher `level` while nobody has responded; or a reminder that nobody has arrived yet."""

    event_type = "escalated"
    level: int = 2
    to: str | None = None
    reminder: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class EpisodeAcknowledged(EpisodeEvent):
    """Somebody is on the way."""

    event_type = "acknowledged"


@dataclass(frozen=True, slots=True)
class EpisodeResponded(EpisodeEvent):
    """Somebody is there."""

    event_type = "responded"


@dataclass(frozen=True, slots=True)
class EpisodeUpdated(EpisodeEvent):
    """Bouts, distress or the guess have changed; for the journal and the live page, never sent as an event."""

    event_type = "updated"


@dataclass(frozen=True, slots=True)
class EpisodeEnded(EpisodeEvent):
    """It has ended; the offset is back-dated and the outcome known."""

    event_type = "ended"


@dataclass(frozen=True, slots=True)
class EpisodeTagged(EpisodeEvent):
    """A parent has said what it was."""

    event_type = "tagged"

    @property
    def id(self) -> str:
        """Unique, also when several episodes are tagged in one instant."""
        return f"{self.event_type}-{self.episode.id}-{stamp(self.at)}"


@dataclass(frozen=True, slots=True)
class EpisodeEdited(EpisodeEvent):
    """A person has corrected its history; the journal makes these, `deleted` if it is gone."""

    event_type = "edited"
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """Something that happened to the device."""

    event_type: ClassVar[str] = ""
    at: Instant
    text: str = ""

    @property
    def id(self) -> str:
        """Unique and the same on every replay."""
        return f"{self.event_type}-{stamp(self.at)}"


@dataclass(frozen=True, slots=True)
class MicLost(DeviceEvent):
    """The microphone is lost, or flat (`mic` says which)."""

    event_type = "mic_lost"
    mic: Mic = Mic.LOST


@dataclass(frozen=True, slots=True)
class MicRestored(DeviceEvent):
    """It hears again."""

    event_type = "mic_restored"


@dataclass(frozen=True, slots=True)
class FaultRaised(DeviceEvent):
    """A fault has begun."""

    event_type = "fault"
    code: str = ""

    @property
    def id(self) -> str:
        """Unique, also when several faults begin in one instant."""
        return f"{self.event_type}-{self.code}-{stamp(self.at)}"


@dataclass(frozen=True, slots=True)
class FaultCleared(DeviceEvent):
    """A fault has ended."""

    event_type = "fault_cleared"
    code: str = ""

    @property
    def id(self) -> str:
        """Unique, also when several faults end in one instant."""
        return f"{self.event_type}-{self.code}-{stamp(self.at)}"


@dataclass(frozen=True, slots=True)
class Tested(DeviceEvent):
    """A test alert; `token` is the sender's."""

    __test__: ClassVar[bool] = False
    event_type = "test"
    token: str = ""


@dataclass(frozen=True, slots=True)
class Muted(DeviceEvent):
    """Alerts are muted until `until` (None: no longer)."""

    event_type = "muted"
    until: Instant | None = None


@dataclass(frozen=True, slots=True)
class Forgotten(DeviceEvent):
    """Learning has begun anew, or (`undone`) what was said before teaches again; never told outside the house's own page."""

    event_type = "forgotten"
    undone: bool = False


Event = EpisodeEvent | DeviceEvent
