"""What goes into the episode tracker and the monitor: scores, responses, commands, sound lost and found, time."""

from dataclasses import dataclass
from typing import ClassVar

from device.clock import Instant
from device.vocabulary import Helped, Kind, Mic, Need, Source


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
