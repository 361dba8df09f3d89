"""An episode as a list of moments, in the order in which they happened."""

from dataclasses import dataclass

from device.record import Episode, Mark
from device.vocabulary import Outcome, Source
from web.present import source_word
from web.words import Words


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened `at_s` seconds after onset; `sign` is one of the drawings."""

    at_s: float
    utc: float
    sign: str
    text: str


def story(episode: Episode, w: Words) -> list[Moment]:
    """Tell what happened."""
    moments = [(0.0, "cry", w._("Crying began."))]
    for alert in episode.alerts:
        if alert.quiet:
            text = w._("Told without ringing, as it was in quiet hours.")
        elif alert.reminder:
            text = w._("A reminder was sent: the crying still goes on.")
        elif alert.level == 1:
            text = w._("An alert was sent.")
        else:
            text = w._("Told again: %(who)s.", who=alert.to) if alert.to else w._("Told again, more urgently.")
        moments.append((alert.at_s, "bell", text))
    if episode.acknowledged is not None:
        moments.append((episode.acknowledged.at_s, "way", _who(episode.acknowledged, w, arrived=False)))
    if episode.arrived is not None:
        moments.append((episode.arrived.at_s, "there", _who(episode.arrived, w, arrived=True)))
    if episode.offset_s is not None and not episode.open:
        last = (
            w._("Calm.")
            if episode.outcome is not Outcome.INTERRUPTED
            else w._("Last heard crying; then listening broke off.")
        )
        moments.append((episode.offset_s, "calm", last))
    return [Moment(at_s, episode.onset.utc + at_s, sign, text) for at_s, sign, text in sorted(moments, key=lambda m: m[0])]


def _who(mark: Mark, w: Words, *, arrived: bool) -> str:
    if mark.source is Source.MOTION:
        return w._("Something moved in the room, so somebody was probably there.")
    if mark.inferred:
        return w._("A voice was heard in the room, so somebody was probably there.")
    name, how = mark.caregiver, source_word(mark.source, w)
    if arrived:
        return (
            w._("%(name)s was there (%(how)s).", name=name, how=how)
            if name
            else w._("Somebody was there (%(how)s).", how=how)
        )
    return (
        w._("%(name)s said “on my way” (%(how)s).", name=name, how=how) if name else w._("“On my way” (%(how)s).", how=how)
    )
