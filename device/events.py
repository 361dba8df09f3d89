"""The words of the monitor as types: what goes into the episode tracker, what comes out, and the episode itself.

No numpy, no clock and no I/O here, so that the page can read history without loading any of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Protocol

from device.clock import Instant


class Outcome(StrEnum):
    """How an episode ended."""

    ANSWERED = "answered"
    SELF_SETTLED = "self_settled"
    UNANSWERED = "unanswered"
    FALSE_ALARM = "false_alarm"
    INTERRUPTED = "interrupted"


class Need(StrEnum):
    """What crying may be about; a guess is always one of these with a probability."""

    HUNGER = "hunger"
    DISCOMFORT = "discomfort"
    TIRED = "tired"
    PAIN = "pain"
    UNSURE = "unsure"


class Distress(StrEnum):
    """The graded signal that acoustics does carry."""

    FUSSING = "fussing"
    CRYING = "crying"
    SCREAMING = "screaming"

    @classmethod
    def of(cls, distress: float) -> "Distress":
        """Grade a distress of 0..1: the detector is trained so that crying is 1/3..2/3 (docs/training.md)."""
        return cls.FUSSING if distress < 1 / 3 else cls.CRYING if distress < 2 / 3 else cls.SCREAMING


class Helped(StrEnum):
    """What calmed the baby, as the parent says."""

    FEED = "feed"
    CHANGE = "change"
    HOLD = "hold"
    DUMMY = "dummy"
    SLEEP = "sleep"
    OTHER = "other"


class Source(StrEnum):
    """Where a response, a tag or a command came from; VOICE is inferred and can be taken back."""

    BUTTON = "button"
    MOTION = "motion"
    MQTT = "mqtt"
    PAGE = "page"
    COMMAND = "command"
    PUSH = "push"
    VOICE = "voice"


class Kind(StrEnum):
    """The two ways to respond, kept apart."""

    ACKNOWLEDGE = "acknowledge"
    ARRIVE = "arrive"


class Mic(StrEnum):
    """State of the microphone: SILENT is a flat signal, never quiet."""

    OK = "ok"
    SILENT = "silent"
    LOST = "lost"


# ---- into the tracker -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Score:
    """The detector's word on one hop.

    `at` is the end of the audio it was computed from; `cry` and `voice` are probabilities (0..1), `distress` is graded
    0..1, `level_dbfs` is the hop's level.
    """

    at: Instant
    cry: float
    voice: float
    distress: float
    level_dbfs: float


@dataclass(frozen=True, slots=True)
class Response:
    """Somebody acknowledges ("on my way") or arrives ("I'm here")."""

    at: Instant
    kind: Kind
    source: Source
    caregiver: str | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """What a parent says of an episode; None or empty leaves that part as it was. `episode_id` None means the last one."""

    at: Instant
    source: Source
    episode_id: str | None = None
    need: Need | None = None
    not_crying: bool = False
    helped: tuple[Helped, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Mute:
    """No alerts about crying for `for_s` seconds (0 ends it); listening and health alarms go on."""

    at: Instant
    source: Source
    for_s: float


@dataclass(frozen=True, slots=True)
class SetSensitivity:
    """A change of sensitivity: low, normal or high."""

    at: Instant
    source: Source
    sensitivity: str


@dataclass(frozen=True, slots=True)
class SetAlerts:
    """A house's own way: crying heard before the first alert, and hours like "08:00-18:00"; None leaves it as it is."""

    at: Instant
    source: Source
    alert_after_s: float | None = None
    quiet_hours: str | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """A wish that learning begin anew: what was said so far stays in the history, but teaches no more; `undo` ends that."""

    at: Instant
    source: Source
    undo: bool = False


@dataclass(frozen=True, slots=True)
class TestAlert:
    """A wish for a test alert; `token` comes back in the event, so that the sender can measure the round trip."""

    __test__: ClassVar[bool] = False
    at: Instant
    source: Source
    token: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of history asked for by a person.

    `action` is one of acknowledge, arrive (with `at_s`, seconds after onset, or None to take it back; `caregiver`),
    untag, note, delete, undo. `episode_id` is empty for undo of the last change.
    """

    at: Instant
    source: Source
    episode_id: str
    action: str
    at_s: float | None = None
    caregiver: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class AudioLost:
    """No usable sound since `at`: `mic` says lost or silent, `reason` is a sentence for a person."""

    at: Instant
    reason: str
    mic: Mic = Mic.LOST


@dataclass(frozen=True, slots=True)
class AudioRestored:
    """Sound flows again since `at`; `device` names the microphone."""

    at: Instant
    device: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passing, about once a second, also while there is no sound."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the device that stands since `at`, named by `code` (docs/mqtt.md lists them); `text` is for a person."""

    code: str
    text: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Context:
    """What a parent's diary says of a time: `kind` is feed, sleep, change or other; `source` names the diary."""

    id: str
    kind: str
    start_utc: float
    end_utc: float | None
    note: str
    source: str


@dataclass(frozen=True, slots=True)
class ImportContexts:
    """Entries of a diary to keep beside the history; those known already (by id) change nothing."""

    at: Instant
    source: Source
    contexts: tuple[Context, ...]


Command = Response | Tag | Mute | SetSensitivity | SetAlerts | Forget | TestAlert | Edit | ImportContexts
TrackerInput = Score | Response | Tag | Mute | AudioLost | AudioRestored | Tick


# ---- the episode ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bout:
    """Crying without a pause longer than the hangover; seconds after the episode's onset, distress 0..1 (mean)."""

    start_s: float
    end_s: float
    distress: float


@dataclass(frozen=True, slots=True)
class AlertMark:
    """An alert sent: `level` 1 is the first, higher ones are escalations. `to` is a caregiver, or None for everybody."""

    at_s: float
    level: int
    to: str | None = None
    reminder: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A response as kept in an episode: seconds after onset (negative: they were there before), source, caregiver."""

    at_s: float
    source: Source
    caregiver: str | None = None

    @property
    def inferred(self) -> bool:
        """True if nobody said so: a voice was heard."""
        return self.source is Source.VOICE


@dataclass(frozen=True, slots=True)
class NeedGuess:
    """The guess of a need: probabilities by need, and how many tags they rest on."""

    guess: Need
    p: Mapping[Need, float]
    tags: int = 0


@dataclass(frozen=True, slots=True)
class Episode:
    """One or more bouts, ended by a settled time without crying. All `_s` fields are seconds after `onset`, monotonic."""

    id: str
    onset: Instant
    offset_s: float | None = None
    bouts: tuple[Bout, ...] = ()
    alerts: tuple[AlertMark, ...] = ()
    acknowledged: Mark | None = None
    arrived: Mark | None = None
    outcome: Outcome | None = None
    distress: float = 0.0
    peak_score: float = 0.0
    guess: NeedGuess | None = None
    need: Need | None = None
    helped: tuple[Helped, ...] = ()
    note: str = ""
    boot_id: str = ""
    not_crying: bool = False
    """Said of it while it goes on; once it has ended, its outcome says so."""

    @property
    def false_alarm(self) -> bool:
        """True if somebody said that it is, or was, no crying."""
        return self.not_crying or self.outcome is Outcome.FALSE_ALARM

    @property
    def open(self) -> bool:
        """True while it has not ended."""
        return self.outcome is None

    @property
    def alert_s(self) -> float | None:
        """Onset → first alert."""
        return self.alerts[0].at_s if self.alerts else None

    @property
    def time_to_acknowledge_s(self) -> float | None:
        """First alert → acknowledge (None without either; negative if they came before the alert)."""
        return None if self.acknowledged is None or not self.alerts else self.acknowledged.at_s - self.alerts[0].at_s

    @property
    def time_to_response_s(self) -> float | None:
        """Onset → arrive, never below 0."""
        return None if self.arrived is None else max(0.0, self.arrived.at_s)

    @property
    def answered_s(self) -> float | None:
        """Onset → arrive; where nobody noted the arrival, onset → "on my way", the only sign there is. Never below 0."""
        mark = self.arrived or self.acknowledged
        return None if mark is None else max(0.0, mark.at_s)

    @property
    def time_to_calm_s(self) -> float | None:
        """Arrive → offset, never below 0; None while it goes on or if nobody came."""
        return (
            None if self.arrived is None or self.offset_s is None else max(0.0, self.offset_s - max(0.0, self.arrived.at_s))
        )

    @property
    def crying_s(self) -> float:
        """Seconds of crying in all bouts."""
        return sum(bout.end_s - bout.start_s for bout in self.bouts)

    @property
    def grade(self) -> Distress:
        """The distress as a word."""
        return Distress.of(self.distress)

    @property
    def offset(self) -> Instant | None:
        """The instant of its last crying."""
        return None if self.offset_s is None else self.onset.plus(self.offset_s)


# ---- out of the tracker and the monitor -----------------------------------------------------------------------------


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


# ---- between the monitor and its adapters ---------------------------------------------------------------------------


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
