"""When the disk fails, nothing that was told is lost while the monitor lives, and a person is told what is wrong."""

import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from device.clock import Instant
from device.errors import JournalError
from device.events import EpisodeEnded, EpisodeTagged, EpisodeUpdated, Event, Tested
from device.inputs import Edit, Tag
from device.journal import JournalReader, JournalWriter
from device.journal_schema import open_writer, transaction
from device.journal_store import store
from device.need_history import lessons
from device.record import Bout
from device.statistics import crying_by_day, today
from device.table import OUTCOMES
from device.vocabulary import Helped, Need, Outcome, Source
from tests.fakes import START, FakeClock
from tests.fakes_history import BOOT, episode, remount, small_disk, state, story, writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "card") as folder:
        yield folder


def told(journal: JournalWriter, events: list[Event]) -> list[str]:
    """Tell the journal; give the sentences of what failed."""
    sentences = []
    for event in events:
        try:
            journal.handle(event)
        except JournalError as error:
            sentences.append(str(error))
    return sentences


def stored(path: Path) -> list[Event]:
    with JournalReader(path) as reader:
        return [one.event for one in reader.each_event()]


def test_a_full_disk_keeps_events_in_memory_and_writes_them_in_order_once_there_is_room(disk: Path) -> None:
    clock = FakeClock()
    path = disk / "journal.db"
    journal = writer(path, clock)
    journal.handle(story(0)[0])
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    # What room SQLite has already taken is used up first.
    events = [event for number in range(1, 40) for event in story(number)]
    sentences = told(journal, events)
    assert sentences
    assert set(sentences) == {f"The history in {path} cannot be used: the disk is full; free some space."}
    assert [one.event for one in journal.pending(1000)] == [story(0)[0], *events]
    with pytest.raises(JournalError, match="full"):
        journal.update(state(clock))
    ballast.unlink()
    with pytest.raises(JournalError, match="full"):
        journal.update(state(clock))
    clock.advance(6.0)
    journal.update(state(clock))
    assert stored(path) == [story(0)[0], *events]
    assert [one.event for one in journal.pending(1000)] == [story(0)[0], *events]
    journal.close()


def test_a_disk_that_turns_read_only_is_written_again_when_it_can_be(disk: Path) -> None:
    clock = FakeClock()
    path = disk / "journal.db"
    journal = writer(path, clock)
    journal.handle(story(0)[0])
    journal._disk.close()
    remount(disk, "ro")
    sentences = told(journal, story(1))
    assert len(sentences) == 3
    assert "only be read" in sentences[0] or "cannot be opened" in sentences[0]
    with JournalReader(path) as reader:
        assert reader.count() == 1, "the page still reads"
    remount(disk, "rw")
    clock.advance(6.0)
    journal.update(state(clock))
    assert stored(path) == [story(0)[0], *story(1)]
    journal.close()


def test_a_disk_that_is_read_only_at_the_start_does_not_stop_the_start(disk: Path) -> None:
    clock = FakeClock()
    path = disk / "journal.db"
    remount(disk, "ro")
    journal = writer(path, clock)
    assert journal.resume() is None
    assert journal.last() is None
    assert journal.close_open(clock.now()) == ()
    assert told(journal, story(1))
    remount(disk, "rw")
    clock.advance(6.0)
    journal.update(state(clock))
    assert stored(path) == story(1)
    journal.close()


def test_a_lock_held_by_another_program(path: Path) -> None:
    clock = FakeClock()
    journal = writer(path, clock)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (sentence, *_) = told(journal, story(1))
        assert "another program" in sentence
        with pytest.raises(JournalError, match="another program"):
            journal.apply(Edit(START, Source.PAGE, "e1", "delete"))
        other.execute("ROLLBACK")
    clock.advance(6.0)
    journal.update(state(clock))
    assert stored(path) == story(1)
    journal.close()


def test_a_folder_that_is_gone(path: Path) -> None:
    clock = FakeClock()
    folder = path.parent / "data"
    folder.write_text("in the way")
    journal = writer(folder / "journal.db", clock)
    assert told(journal, story(1))
    folder.unlink()
    clock.advance(6.0)
    journal.update(state(clock))
    assert stored(folder / "journal.db") == story(1)
    journal.close()


def test_deliveries_are_remembered_while_the_disk_fails(path: Path) -> None:
    clock = FakeClock()
    journal = writer(path, clock)
    journal.handle(story(1)[0])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        told(journal, story(1)[1:])
        for event in story(1)[:2]:
            with pytest.raises(JournalError, match="another program"):
                journal.delivered(event.id)
        assert [one.event for one in journal.pending()] == story(1)[2:]
        other.execute("ROLLBACK")
    clock.advance(6.0)
    journal.update(state(clock))
    journal.close()
    again = writer(path, clock)
    assert [one.event for one in again.pending()] == story(1)[2:]
    again.close()


def test_the_backlog_is_bounded_and_gives_up_the_least_important_first(path: Path) -> None:
    clock = FakeClock()
    journal = JournalWriter(path.parent / "none" / "x" / "journal.db", clock=clock, backlog=5)
    (path.parent / "none").write_text("in the way")
    told(journal, [story(0)[0], *(EpisodeUpdated(START, episode(0, outcome=None)) for _ in range(3)), *story(1)])
    assert [one.event for one in journal.pending()] == [story(0)[0], *story(1)]
    told(journal, story(2))
    assert [one.event for one in journal.pending()] == [*story(1)[1:], *story(2)]
    journal.close()


class SlowClock(FakeClock):
    """Every look at it takes time, as if the card did."""

    step_s = 0.0

    def now(self) -> Instant:
        return self.advance(self.step_s)


def test_a_slow_card_is_said_for_a_while(path: Path) -> None:
    clock = SlowClock()
    journal = JournalWriter(path, clock=clock)
    journal.start()
    slow = journal.probes["disk_slow"]
    assert slow() is None
    clock.step_s = 3.0
    journal.handle(story(0)[0])
    clock.step_s = 0.0
    assert slow() == "The memory card took 3 s to store something; it may be wearing out."
    clock.advance(601)
    assert slow() is None
    journal.close()


# ---- damage ----


def filled(path: Path, count: int = 200) -> list[Event]:
    """A journal of so many episodes, stopped in good order."""
    wordy = [replace(episode(n), note="x" * 300) for n in range(count)]
    events: list[Event] = [EpisodeEnded(one.onset.plus(200), one) for one in wordy]
    with closing(open_writer(path)) as db, transaction(db):
        for event in events:
            store(db, event, BOOT)
    return events


def damage(path: Path, offset: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xa5" * length)


def corrupt_files(path: Path) -> list[Path]:
    return sorted(path.parent.glob("journal-corrupt-*.db"))


def test_a_file_that_is_no_database_is_kept_aside(path: Path) -> None:
    path.write_bytes(b"garbage " * 1000)
    journal = writer(path)
    journal.handle(story(1)[0])
    text = journal.probes["history_damaged"]()
    (aside,) = corrupt_files(path)
    assert text is not None
    assert "0 episodes" in text
    assert str(aside) in text
    assert aside.read_bytes() == b"garbage " * 1000
    assert stored(path) == story(1)[:1]
    journal.close()
    with JournalReader(path) as reader:
        assert reader.meta()["salvaged"] == text


@pytest.mark.parametrize("page", [3, 10, 40, 80])
def test_readable_rows_of_a_damaged_file_are_saved(path: Path, page: int) -> None:
    events = filled(path)
    damage(path, page * 4096, 4096)
    whole = path.read_bytes()
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO coverage VALUES (999999, 'b', 'listening', '', 0, 0, 1, 1, '')")
        db.commit()
    journal = writer(path)
    text = journal.probes["history_damaged"]()
    assert text is not None, "an unclean end leads to a check, and the check finds it"
    (aside,) = corrupt_files(path)
    assert aside.stat().st_size >= len(whole) - 4096
    with JournalReader(path) as reader:
        saved = reader.episodes()
        assert len(saved) > 150
        assert {one.id for one in saved} <= {f"e{n}" for n in range(200)}
        assert all(one.note == "x" * 300 for one in saved)
        assert all(one.event in events for one in reader.each_event())
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    journal.handle(story(500)[0])
    journal.close()


def test_a_lost_first_page_loses_no_episode(path: Path) -> None:
    events = filled(path)
    damage(path, 0, 4096)
    journal = writer(path)
    text = journal.probes["history_damaged"]()
    assert text is not None
    assert "200 episodes" in text
    assert stored(path) == events
    assert sorted(p.name for p in path.parent.iterdir() if "corrupt" not in p.name) == [
        "journal.db", "journal.db-shm", "journal.db-wal",
    ]  # fmt: skip
    journal.close()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_damaged_it_goes_on_and_makes_nothing_up(path: Path, seed: int) -> None:
    rng = random.Random(seed)
    events = filled(path, 60)
    size = path.stat().st_size
    for _ in range(rng.randrange(1, 6)):
        damage(path, rng.randrange(size), rng.choice([1, 16, 512, 4096]))
    clock = FakeClock()
    journal = writer(path, clock)
    journal.update(state(clock))
    assert told(journal, story(900)) == []
    clock.advance(3700.0)
    journal.update(state(clock))
    journal.close()
    with JournalReader(path) as reader:
        assert reader.episode("e900") == episode(900)
        ids = {one.id for one in reader.each_episode()}
        assert ids <= {"e900", *(f"e{n}" for n in range(60))}
        found = [one.event for one in reader.each_event()]
        assert len(found) == len({one.id for one in found})
    assert len(ids) > 1 or corrupt_files(path), str(events[0])


def test_damage_found_while_running_is_salvaged_at_once_and_the_event_is_kept(path: Path) -> None:
    filled(path)
    journal = writer(path)
    journal.update(state(FakeClock()))
    damage(path, 4096, 200 * 4096)
    fresh = story(700)
    assert told(journal, fresh) == []
    assert journal.probes["history_damaged"]() is not None
    assert fresh[-1] in stored(path)
    assert [one.event for one in journal.pending(1000)][-3:] == fresh
    assert corrupt_files(path)
    journal.close()


def test_a_salvage_cut_in_the_middle_is_completed_at_the_next_start(path: Path) -> None:
    events = filled(path, 20)
    path.rename(path.with_name("journal.db.saved"))
    journal = writer(path)
    assert stored(path) == events
    journal.close()


def test_a_salvage_on_a_full_disk_changes_nothing(disk: Path) -> None:
    path = disk / "journal.db"
    events = filled(path, 60)
    damage(path, 0, 16)
    before = path.read_bytes()
    with (disk / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)
    clock = FakeClock()
    journal = writer(path, clock)
    assert told(journal, story(1))
    assert path.read_bytes() == before
    (disk / "ballast").unlink()
    clock.advance(6.0)
    journal.update(state(clock))
    assert stored(path) == [*events, *story(1)]
    assert [aside.read_bytes() for aside in corrupt_files(path)] == [before]
    journal.close()


ROT = [
    ("data", "{", "["),
    ("data", '"onset"', '"oNset"'),
    ("data", '"outcome"', '"outcoMe"'),
    ("data", '"end_s":120.0', '"end_s":1e200'),
    ("outcome", "answered", "answexed"),
    ("helped", "feed", "fexd"),
    ("need", "hunger", "hunter"),
]
"""A column, what stands there, and what a rotting card makes of it; SQLite's own check sees nothing of it."""


def rot(path: Path, column: str, before: str, after: str, *, table: str = "episode", name: str = "e2") -> None:
    """Spoil one cell of what belongs to an episode."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        key = "id" if table == "episode" else "episode_id"
        spoilt = db.execute(
            f"UPDATE {table} SET {column} = replace({column}, ?, ?) WHERE {key} = ? AND instr({column}, ?)",
            (before, after, name, before),
        )
        assert spoilt.rowcount == 1
        assert db.execute("PRAGMA quick_check").fetchone()[0] == "ok"


def three(path: Path) -> None:
    """A history of three ended and tagged episodes, the last one e2; the monitor has stopped."""
    journal = writer(path)
    for number in range(3):
        told(journal, story(number))
        whole = replace(episode(number), need=Need.HUNGER, helped=(Helped.FEED,), bouts=(Bout(0.0, 120.0, 0.5),))
        journal.handle(EpisodeTagged(whole.onset.plus(200.0), whole))
    journal.close()


@pytest.mark.parametrize(("column", "before", "after"), ROT)
def test_an_unreadable_row_is_left_out_and_stops_nothing(
    path: Path, column: str, before: str, after: str, caplog: pytest.LogCaptureFixture
) -> None:
    three(path)
    rot(path, column, before, after)
    journal = writer(path)
    assert journal.resume() is None
    assert journal.close_open(START) == ()
    for _ in range(2):
        last = journal.last()
        rows = journal.recent(0.0)
        today(rows, UTC, START.utc + 2 * 3600.0)
        assert all(row.outcome is Outcome.ANSWERED for row in rows)
    assert last is not None and last.id == ("e1" if column in ("data", "outcome") else "e2")
    assert len([record for record in caplog.records if "cannot be read" in record.message]) == 1, "said once"
    with JournalReader(path) as reader:
        names = {one.id for one in reader.episodes()}
        assert names == {one.id for one in reader.each_episode()}
        assert {"e0", "e1"} <= names
        assert all(not one.open for one in reader.episodes())
        assert set(reader.outcomes()) == {Outcome.ANSWERED}
        assert set(reader.table().outcome.tolist()) == {OUTCOMES.index(Outcome.ANSWERED)}
        assert crying_by_day(reader.table(), UTC)
        assert len(lessons(reader, START.utc + 9 * 3600.0, UTC).examples) >= 2
    journal.close()


def test_an_open_episode_that_cannot_be_read_does_not_go_on_for_ever(path: Path) -> None:
    journal = writer(path)
    told(journal, [*story(0), *story(1), *story(2)[:2]])
    journal.close()
    rot(path, "data", "{", "[")
    journal = writer(path)
    assert journal.resume() is None
    last = journal.last()
    assert last is not None and last.id == "e1"
    with JournalReader(path) as reader:
        assert reader.outcomes() == {Outcome.ANSWERED: 2, Outcome.INTERRUPTED: 1}
        assert [one.id for one in reader.episodes()] == ["e1", "e0"]
    journal.close()


def test_an_unreadable_row_holds_up_no_write_and_is_whole_again_once_it_is_told_anew(path: Path) -> None:
    clock = FakeClock(Instant(1000.0, START.utc, synced=False))
    journal = writer(path, clock)
    young = replace(episode(2), outcome=None, offset_s=None, onset=clock.now())
    journal.handle(EpisodeUpdated(clock.now(), young))
    rot(path, "data", "{", "[")
    assert journal.tag(Tag(clock.now(), Source.PAGE, "e2", need=Need.HUNGER)) is None
    assert journal.apply(Edit(clock.now(), Source.PAGE, "e2", "note", note="x")) is None
    with JournalReader(path) as reader:
        assert not reader.knows("e2")
    clock.at = Instant(1001.0, START.utc + 86_400.0)
    journal.update(state(clock))
    assert told(journal, [EpisodeUpdated(clock.now(), young)]) == []
    rot(path, "data", "{", "[")
    tagged = EpisodeTagged(clock.now(), replace(young, need=Need.HUNGER))
    assert told(journal, [tagged]) == []
    with JournalReader(path) as reader:
        assert reader.episodes() == [tagged.episode]
    journal.close()


def test_an_unreadable_change_leaves_the_one_before_it_to_be_taken_back(path: Path) -> None:
    three(path)
    journal = writer(path)
    for number in (1, 2):
        assert journal.apply(Edit(START.plus(number), Source.PAGE, f"e{number}", "note", note="Teething.")) is not None
    rot(path, "after", "Teething.", 'Teet"ing.', table="change")
    undone = journal.apply(Edit(START.plus(9.0), Source.PAGE, "", "undo"))
    assert undone is not None and undone.episode.id == "e1" and undone.episode.note == ""
    journal.close()


def test_an_event_with_an_immense_number_is_not_sent(path: Path) -> None:
    journal = writer(path)
    started = story(2)[0]
    told(journal, [*story(0), replace(started, at=started.at.plus(0.125))])
    rot(path, "data", ".125", "e125", table="event")
    assert [one.event for one in journal.pending()] == story(0)
    journal.close()


def test_a_reader_needs_no_right_to_write(disk: Path) -> None:
    path = disk / "journal.db"
    events = filled(path, 10)
    remount(disk, "ro")
    assert stored(path) == events


def test_a_reader_sees_what_was_written_while_it_looked(path: Path) -> None:
    journal = writer(path)
    journal.handle(story(1)[0])
    with JournalReader(path) as reader:
        assert reader.count() == 1
        journal.handle(story(2)[0])
        assert reader.count() == 2
    journal.close()


def test_a_copied_file_without_its_log_is_whole(path: Path) -> None:
    filled(path, 5)
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)
    with JournalReader(copy) as reader:
        assert reader.count() == 5


def test_closing_with_a_failing_disk_ends(path: Path) -> None:
    journal = writer(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert told(journal, [Tested(START, "x")])
        journal.close()
        journal.close()
