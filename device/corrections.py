"""What a person's tag or correction makes of an episode: pure, and the same for the open, the last and any old one."""

from dataclasses import replace

from device.inputs import Edit, Tag
from device.record import Episode, Mark
from device.settings import AlertSettings
from device.vocabulary import Kind, Outcome

FIELDS = ("acknowledged", "arrived", "need", "helped", "note", "outcome", "not_crying")
"""All that a person can change in an episode."""


def answered(episode: Episode, kind: Kind, mark: Mark) -> Episode | None:
    """The open episode with somebody's answer; None if that adds nothing.

    The first answer of each kind counts. A person outweighs a voice or a movement, but never makes the arrival later.
    Whoever answers a reminder is named from then on; the time stays that of the first.
    """
    last = episode.alerts[-1] if episode.alerts else None
    reminded = last is not None and last.reminder and not last.answered and not mark.inferred
    first = episode.acknowledged if kind is Kind.ACKNOWLEDGE else episode.arrived
    if first is not None and not reminded and not (first.inferred and not mark.inferred):
        return None
    if first is not None:
        mark = replace(mark, at_s=min(mark.at_s, first.at_s))
    if reminded and last is not None:
        episode = replace(episode, alerts=(*episode.alerts[:-1], replace(last, answered=True)))
    return replace(episode, acknowledged=mark) if kind is Kind.ACKNOWLEDGE else replace(episode, arrived=mark)


def apply_tag(episode: Episode, tag: Tag) -> Episode:
    """The episode with what the parent says; what the tag leaves open stays as it was."""
    outcome = episode.outcome
    if tag.not_crying and not episode.open:
        outcome = Outcome.FALSE_ALARM
    elif tag.need is not None and outcome is Outcome.FALSE_ALARM:
        responded = episode.acknowledged is not None or episode.arrived is not None
        outcome = Outcome.ANSWERED if responded else Outcome.SELF_SETTLED
    return replace(
        episode,
        outcome=outcome,
        need=None if tag.not_crying else tag.need or episode.need,
        helped=tag.helped or episode.helped,
        note=episode.note if tag.note is None else tag.note,
        not_crying=episode.open and (tag.not_crying or (episode.not_crying and tag.need is None)),
    )


def apply_edit(episode: Episode, edit: Edit, alerts: AlertSettings) -> Episode:
    """The episode after a correction of its content (acknowledge, arrive, untag, note); other actions leave it as it is."""
    match edit.action:
        case "acknowledge":
            return judged(replace(episode, acknowledged=_mark(edit)), alerts)
        case "arrive":
            return judged(replace(episode, arrived=_mark(edit)), alerts)
        case "untag":
            cleared = replace(episode, need=None, helped=(), not_crying=False)
            if episode.outcome is Outcome.FALSE_ALARM:
                cleared = judged(replace(cleared, outcome=Outcome.SELF_SETTLED), alerts)
            return cleared
        case "note":
            return replace(episode, note=edit.note or "")
    return episode


def take_back(now: Episode, before: Episode, after: Episode, alerts: AlertSettings) -> Episode:
    """Undo the change from `before` to `after` in the episode as it stands `now`; what came since in other fields stays."""
    changed = {name: getattr(before, name) for name in FIELDS if getattr(before, name) != getattr(after, name)}
    if now.open:
        changed.pop("outcome", None)
        return replace(now, **changed)
    if changed.get("outcome", now.outcome) is None:
        changed["outcome"] = now.outcome
    # What was said while it went on has become its outcome since.
    not_crying = changed.pop("not_crying", None)
    if not_crying:
        changed["outcome"] = Outcome.FALSE_ALARM
    restored = replace(now, **changed)
    if not_crying is False and restored.outcome is Outcome.FALSE_ALARM:
        return judged(replace(restored, outcome=Outcome.SELF_SETTLED), alerts)
    return restored


def closed(episode: Episode, outcome: Outcome) -> Episode:
    """An open episode, ended at its last known crying: a false alarm if somebody said so, else with this outcome."""
    return replace(
        episode,
        offset_s=episode.bouts[-1].end_s if episode.bouts else 0.0,
        outcome=Outcome.FALSE_ALARM if episode.not_crying else outcome,
        not_crying=False,
    )


def interrupted(episode: Episode) -> Episode:
    """An open episode, closed: answered if somebody had responded, else interrupted."""
    responded = episode.acknowledged is not None or episode.arrived is not None
    return closed(episode, Outcome.ANSWERED if responded else Outcome.INTERRUPTED)


def _mark(edit: Edit) -> Mark | None:
    return None if edit.at_s is None else Mark(edit.at_s, edit.source, edit.caregiver)


def judged(episode: Episode, alerts: AlertSettings) -> Episode:
    """The ended episode with its outcome judged by what is known of responses.

    Unanswered means: nobody responded though the crying went on past the time of a second alert.
    """
    if episode.outcome in (None, Outcome.FALSE_ALARM):
        return episode
    if episode.acknowledged is not None or episode.arrived is not None:
        return replace(episode, outcome=Outcome.ANSWERED)
    if episode.outcome is Outcome.INTERRUPTED:
        return episode
    alert_s = episode.alert_s if episode.alert_s is not None else alerts.enough_s(sure=False)
    long = (episode.offset_s or 0.0) >= alert_s + alerts.escalate_after_s
    return replace(episode, outcome=Outcome.UNANSWERED if long else Outcome.SELF_SETTLED)
