"""What cannot be done is refused at once, as the monitor's inbox gives no answers: an unknown episode, a time to come."""

from pathlib import Path

from device.errors import N_, CommandError, NoEpisodeError
from device.inputs import Edit, Tag
from device.journal import JournalReader
from device.record import Episode
from device.sinks import MonitorState
from device.vocabulary import Outcome

LATE_S = 1800.0
"""Somebody who came later than this after the last crying did not come for it."""


def refuse(item: object, state: MonitorState, journal: Path) -> None:
    """Let every item pass but a tag or a correction of an episode that neither the present nor the history knows.

    Nor does an answer pass that would lie in the future or long after the episode.

    Called on any thread. A deleted episode is known only to undo, which may bring it back.

    Raises:
        NoEpisodeError: there is no such episode.
        CommandError: nobody can have answered then.
        JournalError: the history cannot be read.
    """
    if not isinstance(item, Tag | Edit):
        return
    present = {episode.id: episode for episode in (state.episode, state.last) if episode is not None}
    if not item.episode_id:
        if isinstance(item, Tag) and not present:
            raise NoEpisodeError
        return
    # The present ones first: while the disk fails, they are in memory alone.
    episode = present.get(item.episode_id)
    if episode is None:
        with JournalReader(journal) as reader:
            episode = reader.episode(item.episode_id)
            undo = isinstance(item, Edit) and item.action == "undo"
            if episode is None and not (undo and reader.knows(item.episode_id, deleted=True)):
                raise NoEpisodeError(item.episode_id)
    if episode is not None and isinstance(item, Edit) and item.at_s is not None:
        _refuse_impossible(item, episode, item.at_s)


def _refuse_impossible(edit: Edit, episode: Episode, at_s: float) -> None:
    if edit.at.synced and episode.onset.synced and episode.onset.utc + at_s > edit.at.utc + 1:
        raise CommandError(N_("That lies in the future. Nothing was changed."))
    if episode.open or episode.outcome is Outcome.INTERRUPTED:  # whose end nobody heard
        return
    known = (mark.at_s for mark in (episode.acknowledged, episode.arrived) if mark is not None)
    if at_s > max(episode.offset_s or 0.0, *known, 0.0) + LATE_S:
        raise CommandError(N_("That is more than half an hour after the crying ended. Nothing was changed."))
