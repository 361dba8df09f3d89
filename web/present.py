"""What the page calls things, and what it says of an episode: pure, in the words of `web.words`."""

from typing import Protocol

from device.record import SUREST, Episode
from device.sinks import MonitorState
from device.texts import FAULT_CODES, LANGUAGES, fault_advice, fault_title, mic_fault
from device.vocabulary import Distress, Helped, Mic, Need, Outcome, Source
from web.words import Words

WHOLE = 0.98
"""The share of a time that must be listened to for it to count as a whole; a restart or an update is no gap worth a word."""


class Told(Protocol):
    """What an episode and its light row have in common."""

    @property
    def outcome(self) -> Outcome | None:
        """How it ended."""
        ...

    @property
    def time_to_response_s(self) -> float | None:
        """Onset → arrive."""
        ...


def distress_now(grade: Distress, w: Words) -> str:
    """How upset the crying sounds, as a sentence."""
    return {
        Distress.FUSSING: w._("Fussing."),
        Distress.CRYING: w._("Crying steadily."),
        Distress.SCREAMING: w._("It sounds very upset."),
    }[grade]


def distress_word(grade: Distress, w: Words) -> str:
    """The distress as a word."""
    return {Distress.FUSSING: w._("fussing"), Distress.CRYING: w._("crying"), Distress.SCREAMING: w._("very upset")}[grade]


def outcome_word(outcome: Outcome | None, w: Words) -> str:
    """How an episode ended, without blame: what is not known is called not known."""
    if outcome is None:
        return w._("still going on")
    return {
        Outcome.ANSWERED: w._("answered"),
        Outcome.SELF_SETTLED: w._("settled on their own"),
        Outcome.UNANSWERED: w._("no answer noted"),
        Outcome.FALSE_ALARM: w._("was not crying"),
        Outcome.INTERRUPTED: w._("end not heard"),
    }[outcome]


def need_word(need: Need, w: Words) -> str:
    """A need as a parent says it."""
    return {
        Need.HUNGER: w._("hungry"),
        Need.DISCOMFORT: w._("uncomfortable"),
        Need.TIRED: w._("tired"),
        Need.PAIN: w._("in pain"),
        Need.UNSURE: w._("not sure"),
    }[need]


def helped_word(helped: Helped, w: Words) -> str:
    """What calmed the baby."""
    return {
        Helped.FEED: w._("a feed"),
        Helped.CHANGE: w._("a fresh nappy"),
        Helped.HOLD: w._("being held"),
        Helped.DUMMY: w._("the dummy"),
        Helped.SLEEP: w._("sleep"),
        Helped.OTHER: w._("something else"),
    }[helped]


def source_word(source: Source, w: Words) -> str:
    """Where a response came from."""
    return {
        Source.BUTTON: w._("button at the cot"),
        Source.MOTION: w._("motion sensor"),
        Source.MQTT: w._("phone or smart home"),
        Source.PAGE: w._("this page"),
        Source.COMMAND: w._("command line"),
        Source.PUSH: w._("phone"),
        Source.VOICE: w._("a voice was heard"),
    }[source]


def ending(told: Told, w: Words) -> str:
    """How an episode went, in a few words."""
    if told.outcome is Outcome.ANSWERED and told.time_to_response_s is not None:
        if told.time_to_response_s < 1:
            return w._("Somebody was there already.")
        return w._("Somebody was there after %(time)s.", time=w.duration(told.time_to_response_s))
    if told.outcome is Outcome.ANSWERED:
        return w._("Answered.")
    if told.outcome is Outcome.SELF_SETTLED:
        return w._("Settled on their own.")
    if told.outcome is Outcome.UNANSWERED:
        return w._("No answer was noted.")
    if told.outcome is Outcome.FALSE_ALARM:
        return w._("Was not crying.")
    return w._("Its end was not heard.") if told.outcome is not None else w._("Still going on.")


def nothing_heard(listened_s: float, of_s: float, w: Words, *, listening: bool = False) -> str:
    """What may be said of `of_s` seconds without crying: silence that nobody listened to is no quiet.

    `listening`: they reach until now, and it listens now.
    """
    if 0 < listened_s >= WHOLE * of_s:
        return w._("No crying was heard.")
    if listened_s < 60:
        return (
            w._("It has only just begun to listen.")
            if listening
            else w._("Nobody was listening, so nothing is known of this time.")
        )
    return w._("No crying was heard in the time listened to, %(time)s in all.", time=w.duration(listened_s))


def guess(episode: Episode, w: Words) -> str:
    """The guess of the need, always as a guess, with what it rests on; pain is never claimed from sound."""
    found = episode.guess
    if found is None or found.guess in (Need.UNSURE, Need.PAIN):
        return w._("not sure yet")
    p = found.p.get(found.guess, 0.0)
    return w.n_(
        "perhaps %(need)s (%(share)s, from %(n)s tag)",
        "perhaps %(need)s (%(share)s, from %(n)s tags)",
        found.tags,
        need=need_word(found.guess, w),
        share=w.percent(p) if p <= SUREST else w._("over %(share)s", share=w.percent(SUREST)),
    )


def context_word(kind: str, w: Words) -> str:
    """What a diary says of a time."""
    return {"feed": w._("feed"), "sleep": w._("sleep"), "change": w._("fresh nappy")}.get(kind, w._("other"))


class Wrong(Protocol):
    """What a standing fault and one of the past have in common."""

    @property
    def code(self) -> str:
        """Its name in docs/mqtt.md."""
        ...

    @property
    def text(self) -> str:
        """The monitor's own sentence, in English."""
        ...


def fault_text(fault: Wrong, w: Words) -> str:
    """A fault for a person: the monitor's sentence in English, else a few words in the page's language, if there are any."""
    return _said(fault.code, fault.text, w)


def mic_text(state: MonitorState, w: Words) -> str:
    """What is wrong with the microphone; "" if nothing is."""
    return state.mic_text if state.mic is Mic.OK else _said(mic_fault(state.mic), state.mic_text, w)


def _said(code: str, text: str, w: Words) -> str:
    if w.language == "en" or w.language not in LANGUAGES or code not in FAULT_CODES:
        return text or fault_title(code)
    return f"{fault_title(code, w.language)}. {fault_advice(code, text, w.language)}"
