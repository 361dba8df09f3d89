"""When the next alert of an episode is due: a pure function of the episode and the house's settings."""

from dataclasses import replace

from device.record import AlertMark, Episode
from device.settings import AlertSettings

SLOWLY_S = 600.0
"""After `max_alerts` without an answer they come only this often: a baby that cries on is never given up."""

THERE = 3.0
"""How many times longer a reminder waits where somebody said that they are there: soothing takes its time."""


def due(
    settings: AlertSettings,
    episode: Episode,
    now_s: float,
    heard_s: float,
    *,
    sure: bool,
    crying: bool,
    quiet: bool = False,
    answered_s: float | None = None,
) -> AlertMark | None:
    """Give the alert to send `now_s` seconds after onset, or None.

    The first comes after `alert_after_s` of heard crying; where the ear was never `sure`, after `unsure_after_s` if that
    is longer, which sounds that only resemble crying seldom reach (docs/evaluation.md). While nobody responds they repeat
    with rising level, after `max_alerts` slowly. Once somebody has answered they stop, and reminders come while the baby
    cries on: `reminder_after_s` after the latest answer (`answered_s`, if that is later than what the episode keeps) or
    reminder, THERE times as late where somebody said that they are there. An arrival that was only inferred (a voice, a
    movement) is trusted no further than an acknowledgement, and never holds back the first alert. Those of `quiet` hours,
    for which no phone rang, are counted by themselves: `max_alerts` may follow when the hours are over.
    """
    mark = _next(settings, episode, now_s, heard_s, sure=sure, answered_s=answered_s) if crying else None
    if mark is None:
        return None
    told = [each for each in episode.alerts if each.quiet is quiet and not each.reminder]
    if not mark.reminder and len(told) >= settings.max_alerts and now_s - told[-1].at_s < SLOWLY_S:
        return None
    return replace(mark, quiet=quiet)


def _next(
    settings: AlertSettings, episode: Episode, now_s: float, heard_s: float, *, sure: bool, answered_s: float | None
) -> AlertMark | None:
    last = episode.alerts[-1] if episode.alerts else None
    arrived = episode.arrived
    there = arrived is not None and not arrived.inferred
    # what was heard or seen before the first alert is no answer to it
    seemed = arrived is not None and last is not None and arrived.at_s >= episode.alerts[0].at_s
    if there or (seemed and settings.reminder_after_s > 0) or episode.acknowledged is not None:
        answers = [mark.at_s for mark in (episode.acknowledged, arrived) if mark is not None]
        since_s = max([*answers, answered_s or 0.0, *(mark.at_s for mark in episode.alerts if mark.reminder)])
        wait_s = settings.reminder_after_s * (THERE if there else 1.0)
        late = 0 < wait_s <= now_s - since_s
        return AlertMark(now_s, last.level if last else 1, reminder=True) if late else None
    if last is None:
        return AlertMark(now_s, 1) if heard_s >= settings.enough_s(sure=sure) else None
    wait_s = settings.escalate_after_s if len(episode.alerts) == 1 else settings.repeat_alert_s
    return AlertMark(now_s, last.level + 1) if now_s - last.at_s >= wait_s else None
