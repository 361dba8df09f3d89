"""When the next alert of an episode is due: a pure function of the episode and the house's settings."""

from dataclasses import replace

from device.record import AlertMark, Episode
from device.settings import AlertSettings


def due(
    settings: AlertSettings, episode: Episode, now_s: float, heard_s: float, *, sure: bool, crying: bool, quiet: bool = False
) -> AlertMark | None:
    """Give the alert to send `now_s` seconds after onset, or None.

    The first comes after `alert_after_s` of heard crying; where the ear was never `sure`, after `unsure_after_s` if that
    is longer, which sounds that only resemble crying seldom reach (docs/evaluation.md). While nobody responds they repeat
    with rising level; once somebody is on the way they stop, and a reminder comes if the baby still cries and nobody has
    arrived. An arrival that was only inferred (a voice, a movement) is trusted no further than an acknowledgement. Those of
    `quiet` hours, for which no phone rang, are counted by themselves: `max_alerts` may follow when the hours are over.
    """
    if not crying or sum(mark.quiet is quiet for mark in episode.alerts) >= settings.max_alerts:
        return None
    mark = _next(settings, episode, now_s, heard_s, sure=sure)
    return None if mark is None else replace(mark, quiet=quiet)


def _next(settings: AlertSettings, episode: Episode, now_s: float, heard_s: float, *, sure: bool) -> AlertMark | None:
    last = episode.alerts[-1] if episode.alerts else None
    if episode.arrived is not None and not episode.arrived.inferred:
        return None
    responded = [mark.at_s for mark in (episode.acknowledged, episode.arrived) if mark is not None]
    if responded:
        since_s = max([*responded, *(mark.at_s for mark in episode.alerts if mark.reminder)])
        if settings.reminder_after_s and now_s - since_s >= settings.reminder_after_s:
            return AlertMark(now_s, last.level if last else 1, reminder=True)
        return None
    if last is None:
        return AlertMark(now_s, 1) if heard_s >= settings.enough_s(sure=sure) else None
    wait_s = settings.escalate_after_s if len(episode.alerts) == 1 else settings.repeat_alert_s
    return AlertMark(now_s, last.level + 1) if now_s - last.at_s >= wait_s else None
