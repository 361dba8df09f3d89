"""What is asked of an episode that is not there is refused at once, since the monitor's inbox gives no answers."""

from pathlib import Path

from device.errors import NoEpisodeError
from device.inputs import Edit, Tag
from device.journal import JournalReader
from device.sinks import MonitorState


def refuse_unknown(item: object, state: MonitorState, journal: Path) -> None:
    """Let every item pass but a tag or a correction of an episode that neither the present nor the history knows.

    Called on any thread. A deleted episode is known only to undo, which may bring it back.

    Raises:
        NoEpisodeError: there is no such episode.
        JournalError: the history cannot be read.
    """
    if not isinstance(item, Tag | Edit):
        return
    present = [episode.id for episode in (state.episode, state.last) if episode is not None]
    if not item.episode_id:
        if isinstance(item, Tag) and not present:
            raise NoEpisodeError
        return
    # The present ones first: while the disk fails, they are in memory alone.
    if item.episode_id in present:
        return
    with JournalReader(journal) as reader:
        if not reader.knows(item.episode_id, deleted=isinstance(item, Edit) and item.action == "undo"):
            raise NoEpisodeError(item.episode_id)
