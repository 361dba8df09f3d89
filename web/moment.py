"""What the page says of the present moment: pure, in the words of `web.words`."""

from dataclasses import dataclass

from device.record import Episode
from device.sinks import MonitorState
from device.vocabulary import Mic, Outcome, Source
from web.live import Live
from web.present import distress_now, ending, fault_text
from web.words import Words

CALM_FOR_S = 30 * 60
"""How long after an episode the page still asks what it was."""


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
    quiet_until: str = ""
    faults: tuple[str, ...] = ()
    unheard: bool = False


def now(live: Live, w: Words) -> Now:
    """Say how things stand; what is old is never shown as if it were so now."""
    state = live.state
    if state is None or not live.reachable:
        return Now("unreachable", w._("The monitor is not answering"), _last_heard(live, w))
    moment = state.at.utc + live.age_s
    known = _known(state, live, w)
    quiet_until = state.quiet_between.partition("-")[2] if state.quiet_hours else ""
    muted = state.at.utc + state.muted_s if state.muted_s > live.age_s else None
    faults = tuple(fault_text(fault, w) for fault in state.faults if not fault.code.startswith("mic"))
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
        quiet_until,
        faults,
        state.listeners == 0,
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
    last = None if state.last is None or state.last.outcome is Outcome.FALSE_ALARM else state.last
    ended_utc = None if last is None or last.offset is None else last.offset.utc
    if ended_utc is not None and last is not None and state.at.utc + live.age_s - ended_utc < CALM_FOR_S:
        return Now("calm", w._("Calm"), ending(last, w), ended_utc, ask=True, episode=last)
    # What was before it began to listen nobody knows: that it was quiet then is never said.
    heard_utc = None if state.listening_since is None else state.at.utc - state.at.since(state.listening_since)
    since_utc = max((each for each in (ended_utc, heard_utc) if each is not None), default=None)
    return Now("listening", w._("Listening"), w._("All quiet."), since_utc)


def _during(state: MonitorState, episode: Episode, w: Words) -> Now:
    onset = episode.onset.utc
    if episode.not_crying:
        title = w._("Somebody said: not crying")
        detail = w._("No alerts about this sound for two minutes, or until it has been quiet; then it is told anew.")
        return Now("calm", title, detail, onset, ask=True, episode=episode)
    sound = distress_now(episode.grade, w) if state.crying else w._("Quieter just now.")
    if episode.arrived is not None:
        there = episode.arrived
        if there.caregiver:
            title = w._("%(name)s is there", name=there.caregiver)
        else:
            title = w._("Somebody seems to be there") if there.inferred else w._("Somebody is there")
        if there.inferred:
            sign = w._("Something moved.") if there.source is Source.MOTION else w._("A voice was heard.")
            sound = f"{sound} {sign}"
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
