"""One line for a tired parent, in English or German: what happens, since when, how distressed."""

from datetime import datetime, tzinfo

from device.clock import Instant
from device.events import (
    EpisodeAcknowledged,
    EpisodeAlerted,
    EpisodeEnded,
    EpisodeEscalated,
    EpisodeEvent,
    EpisodeResponded,
    EpisodeStarted,
    Event,
    FaultCleared,
    FaultRaised,
    MicLost,
    MicRestored,
    Tested,
)
from device.record import Episode, Mark
from device.vocabulary import Mic, Need, Outcome, Source
from device.words import DE, EN, FAULTS, Words

LANGUAGES = ("en", "de")

GUESS_P = 0.5
"""A guess less likely than this is not worth a parent's attention."""


FAULT_CODES = tuple(FAULTS)
"""Every fault that the device knows; docs/mqtt.md explains them."""


def fault_title(code: str, language: str = "en") -> str:
    """A fault in a few words; an unknown code stands for itself."""
    titles = FAULTS.get(code)
    return code if titles is None else titles[language == "de"]


def mic_fault(mic: Mic) -> str:
    """The code under which a microphone that is not heard has its words."""
    return "mic_silent" if mic is Mic.SILENT else "mic_lost"


def fault_advice(code: str, text: str, language: str = "en") -> str:
    """What to do about a fault: the monitor's own sentence `text` in English, in German one of the few known ones."""
    return FAULTS[code][2] if language == "de" and code in FAULTS else text


def acknowledge_label(language: str = "en") -> str:
    """What the button says with which somebody answers an alert."""
    return _words(language).acknowledge


def duration(seconds: float, language: str = "en") -> str:
    """A length of time as a person says it: seconds up to 1½ minutes, then whole minutes, then hours."""
    words = _words(language)
    if seconds < 89.5:
        return words.second.format(round(max(0.0, seconds)))
    minutes = round(seconds / 60)
    return words.minute.format(minutes) if minutes < 60 else words.hour.format(*divmod(minutes, 60))


def line(event: Event, *, language: str = "en", age_s: float = 0.0) -> str:
    """What an event says to a parent now, `age_s` seconds after it happened; "" for events that say nothing."""
    words = _words(language)
    if isinstance(event, EpisodeEvent):
        return _episode_line(event, words, language, age_s)
    match event:
        case MicLost():
            silent = event.mic is Mic.SILENT
            text = fault_advice(mic_fault(event.mic), event.text, language)
            return (words.mic_silent if silent else words.mic_lost).format(text=text).rstrip(": ")
        case MicRestored():
            return words.mic_restored
        case FaultRaised():
            return words.fault.format(
                title=fault_title(event.code, language), text=fault_advice(event.code, event.text, language)
            ).rstrip(": ")
        case FaultCleared():
            return words.cleared.format(title=fault_title(event.code, language))
        case Tested():
            return words.test
        case _:
            return event.text


def untold(event: Event, *, language: str = "en", age_s: float | None = None, zone: tzinfo | None = None) -> str:
    """What to say of an alert that came too late to ring; `zone` None is the machine's own time zone."""
    words = _words(language)
    if not isinstance(event, EpisodeEvent):
        return line(event, language=language)
    grade = words.grade[event.episode.grade]
    if event.at.synced:
        return words.untold.format(grade=grade, time=clock_time(event.at, zone))
    if age_s is not None:
        return words.untold_ago.format(grade=grade, time=duration(age_s, language))
    return words.untold_unknown.format(grade=grade)


def clock_time(at: Instant, zone: tzinfo | None = None) -> str:
    """The time of day, as `02:14`."""
    return datetime.fromtimestamp(at.utc, zone).strftime("%H:%M")


def _episode_line(event: EpisodeEvent, words: Words, language: str, age_s: float) -> str:
    episode = event.episode
    time = duration(event.at.since(episode.onset) + age_s, language)
    grade = words.grade[episode.grade]
    who = _who(episode.acknowledged, words)
    match event:
        case EpisodeEscalated(reminder=True):
            if episode.arrived is not None and not episode.arrived.inferred:
                return words.reminder_there.format(who=_who(episode.arrived, words), time=time, grade=grade)
            reminder = words.reminder if episode.acknowledged else words.reminder_seemed
            return reminder.format(who=who, time=time, grade=grade)
        case EpisodeEscalated():
            return words.still.format(time=time, grade=grade, guess=_guess(episode, words))
        case EpisodeAlerted():
            return words.crying.format(time=time, grade=grade, guess=_guess(episode, words))
        case EpisodeStarted():
            return words.started
        case EpisodeAcknowledged():
            return words.on_the_way.format(who=who)
        case EpisodeResponded():
            arrived = episode.arrived
            if arrived is not None and arrived.inferred:
                return words.moved if arrived.source is Source.MOTION else words.heard
            return words.there.format(who=_who(arrived, words))
        case EpisodeEnded(episode=Episode(outcome=Outcome() as outcome)):
            return words.ended[outcome].format(time=duration(episode.offset_s or 0.0, language))
        case _:
            return ""


def _guess(episode: Episode, words: Words) -> str:
    guess = episode.guess
    if guess is None or guess.guess is Need.UNSURE or guess.p.get(guess.guess, 0.0) < GUESS_P:
        return ""
    return words.guess.format(words.need[guess.guess])


def _who(mark: Mark | None, words: Words) -> str:
    return words.somebody if mark is None or mark.caregiver is None else mark.caregiver


def _words(language: str) -> Words:
    return DE if language == "de" else EN
