"""The words that the monitor, the history and the page share: outcome, need, distress, who said it, the microphone."""

from enum import StrEnum


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
    """Where a response, a tag or a command came from; VOICE and MOTION are only inferred."""

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
