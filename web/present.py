"""What the page says of the present moment and of an episode: pure, in the words of `web.words`."""

from dataclasses import dataclass
from typing import Protocol

from device.events import Distress, Episode, Helped, Mic, MonitorState, Need, Outcome, Source
from web.live import Live
from web.words import Words

CALM_FOR_S = 30 * 60
"""How long after an episode the page still asks what it was."""


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


@dataclass(frozen=True, slots=True)
class Now:
    """The present moment in words. `kind` chooses colour and sign; `elapsed_s` counts on by itself while it is shown."""

    kind: str
    title: str
    detail: str = ""
    since_utc: float | None = None
    elapsed_s: float | None = None
    answer: bool = False
    answered: bool = False
    ask: bool = False
    episode: Episode | None = None
    muted_until_utc: float | None = None
    faults: tuple[str, ...] = ()


def now(live: Live, w: Words) -> Now:
    """Say how things stand; what is old is never shown as if it were so now."""
    state = live.state
    if state is None or not live.reachable:
        return Now("unreachable", w._("The monitor is not answering"), _last_heard(live, w))
    moment = state.at.utc + live.age_s
    known = _known(state, live, w)
    muted = state.muted_until.utc if state.muted_until and state.muted_until.utc > moment else None
    faults = tuple(fault.text for fault in state.faults if not fault.code.startswith("mic"))
    return Now(
        known.kind,
        known.title,
        known.detail,
        known.since_utc,
        None if known.since_utc is None else max(0.0, moment - known.since_utc),
        known.answer,
        known.answered,
        known.ask,
        known.episode,
        muted,
        faults,
    )


def _last_heard(live: Live, w: Words) -> str:
    if live.state is None:
        return w._("Nothing has been heard from it yet. Is the device switched on? This page keeps trying by itself.")
    return w._(
        "It was last heard from at %(time)s. Is the device switched on? This page keeps trying by itself.",
        time=w.clock(live.state.at.utc),
    )


def _known(state: MonitorState, live: Live, w: Words) -> Now:
    episode = state.episode if state.episode is not None and state.episode.open else None
    if state.mic is not Mic.OK:
        title = w._("The microphone hears nothing at all") if state.mic is Mic.SILENT else w._("I cannot hear the room")
        hint = (
            w._("It may be muted or broken. Please look after the baby yourself until this is mended.")
            if state.mic is Mic.SILENT
            else w._("The microphone is not there. Please look after the baby yourself until it is back.")
        )
        since = state.last_block.utc if state.last_block else None
        return Now(str(state.mic.value), title, hint, since, answer=episode is not None, episode=episode)
    if episode is not None:
        return _during(state, episode, w)
    last = state.last
    if last is not None and last.offset is not None and last.outcome is not Outcome.FALSE_ALARM:
        if state.at.utc + live.age_s - last.offset.utc < CALM_FOR_S:
            return Now("calm", w._("Calm"), ending(last, w), last.offset.utc, ask=True, episode=last)
        return Now("listening", w._("Listening"), w._("All quiet."), last.offset.utc)
    return Now("listening", w._("Listening"), w._("All quiet."))


def _during(state: MonitorState, episode: Episode, w: Words) -> Now:
    onset = episode.onset.utc
    sound = distress_now(episode.grade, w) if state.crying else w._("Quieter just now.")
    if episode.arrived is not None:
        there = episode.arrived
        if there.caregiver:
            title = w._("%(name)s is there", name=there.caregiver)
        else:
            title = w._("Somebody seems to be there") if there.inferred else w._("Somebody is there")
        if there.inferred:
            sound = f"{sound} " + w._("A voice was heard.")
        return Now(
            "there", title, sound, onset + max(0.0, there.at_s), answer=there.inferred, answered=True, episode=episode
        )
    if episode.acknowledged is not None:
        name = episode.acknowledged.caregiver
        title = w._("%(name)s is on the way", name=name) if name else w._("Somebody is on the way")
        return Now("coming", title, sound, onset, answer=True, answered=True, episode=episode)
    if not state.crying:
        return Now("crying", w._("Crying, pausing now"), w._("Waiting to be sure."), onset, answer=True, episode=episode)
    return Now("crying", w._("Crying"), sound, onset, answer=True, episode=episode)


def distress_now(grade: Distress, w: Words) -> str:
    """How upset the crying sounds, as a sentence."""
    return {
        Distress.FUSSING: w._("Fussing."),
        Distress.CRYING: w._("Crying steadily."),
        Distress.SCREAMING: w._("Very upset."),
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


def guess(episode: Episode, w: Words) -> str:
    """The guess of the need, always as a guess, with what it rests on; pain is never claimed from sound."""
    found = episode.guess
    if found is None or found.guess in (Need.UNSURE, Need.PAIN):
        return w._("not sure yet")
    return w.n_(
        "perhaps %(need)s (%(share)s, from %(n)s tag)",
        "perhaps %(need)s (%(share)s, from %(n)s tags)",
        found.tags,
        need=need_word(found.guess, w),
        share=w.percent(found.p.get(found.guess, 0.0)),
    )


def context_word(kind: str, w: Words) -> str:
    """What a diary says of a time."""
    return {"feed": w._("feed"), "sleep": w._("sleep"), "change": w._("fresh nappy")}.get(kind, w._("other"))
