"""What is asked of episodes: passed on if they are there, refused with a sentence if not; with a real journal."""

from dataclasses import replace
from pathlib import Path

import pytest

from device.asked import refuse
from device.errors import CommandError, JournalError, NoEpisodeError
from device.events import EpisodeEnded
from device.inputs import Edit, Tag, TestAlert
from device.journal import JournalWriter
from device.sinks import MonitorState
from device.vocabulary import Mic, Need, Outcome, Source
from tests.fakes import START
from tests.fakes_history import episode, writer

AT = START.plus(9e5)
EMPTY = MonitorState(AT, Mic.OK)


def tag(episode_id: str | None) -> Tag:
    return Tag(AT, Source.MQTT, episode_id, Need.HUNGER)


def edit(action: str, episode_id: str = "e1") -> Edit:
    return Edit(AT, Source.PAGE, episode_id, action)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> JournalWriter:
    journal = writer(path)
    journal.handle(EpisodeEnded(START, episode(1)))
    return journal


def test_an_episode_of_the_history_is_known_until_it_is_deleted_and_then_to_undo_alone(
    path: Path, journal: JournalWriter
) -> None:
    for item in (tag("e1"), edit("note"), edit("delete"), edit("undo"), edit("undo", ""), TestAlert(AT, Source.MQTT)):
        refuse(item, EMPTY, path)
    journal.apply(edit("delete"))
    refuse(edit("undo"), EMPTY, path)
    for gone in (tag("e1"), edit("note"), edit("delete"), edit("acknowledge")):
        with pytest.raises(NoEpisodeError, match="There is no episode 'e1'"):
            refuse(gone, EMPTY, path)
    journal.close()


@pytest.mark.parametrize("unknown", [tag("e2"), edit("delete", "e2"), edit("undo", "e2")])
def test_an_episode_that_never_was_is_refused_by_name(path: Path, journal: JournalWriter, unknown: Tag | Edit) -> None:
    with pytest.raises(NoEpisodeError, match="There is no episode 'e2'; .* look its id up in the history"):
        refuse(unknown, EMPTY, path)
    journal.close()


def test_the_present_episodes_are_known_without_the_disk(tmp_path: Path) -> None:
    state = replace(EMPTY, episode=episode(2, outcome=None), last=episode(1))
    for item in (tag("e2"), tag("e1"), tag(None)):
        refuse(item, state, tmp_path / "nowhere" / "journal.db")
    with pytest.raises(JournalError, match=r"no history in .*nowhere/journal.db"):
        refuse(tag("e3"), state, tmp_path / "nowhere" / "journal.db")


def test_without_any_episode_there_is_no_last_one(path: Path) -> None:
    with pytest.raises(NoEpisodeError, match="There is no last episode"):
        refuse(tag(None), EMPTY, path)


def test_nobody_can_have_come_in_the_future_or_long_after_the_crying() -> None:
    crying, over = episode(2, outcome=None), episode(1)
    state = replace(EMPTY, episode=crying, last=over)
    now = crying.onset.plus(600)

    def ask(episode_id: str, at_s: float) -> None:
        refuse(Edit(now, Source.PAGE, episode_id, "arrive", at_s), state, Path("nowhere"))

    ask("e2", 600)
    ask("e1", 120 + 1800)
    ask("e1", -30)  # they were there before
    with pytest.raises(CommandError, match="in the future"):
        ask("e2", 700)
    with pytest.raises(CommandError, match="half an hour after"):
        ask("e1", 120 + 1900)
    broken_off = replace(over, outcome=Outcome.INTERRUPTED)
    refuse(Edit(now, Source.PAGE, "e1", "arrive", 120 + 1900), replace(state, last=broken_off), Path("nowhere"))
