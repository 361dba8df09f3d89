"""What the journal is told, it keeps, gives back and can take back."""

import sqlite3
import time
import timeit
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from device.clock import Instant
from device.errors import JournalError
from device.events import (
    EpisodeEnded,
    EpisodeStarted,
    EpisodeTagged,
    EpisodeUpdated,
    FaultCleared,
    FaultRaised,
    Muted,
    Tested,
)
from device.inputs import Edit, Tag
from device.journal import Context, JournalReader, JournalWriter, Span
from device.journal_rows import put_episode
from device.journal_schema import VERSION, transaction
from device.journal_store import purge
from device.journal_tables import V1
from device.record import Episode
from device.vocabulary import Helped, Mic, Need, Outcome, Source
from tests.fakes import START, FakeClock
from tests.fakes_history import BOOT, episode, state, story, writer

DAY_S = 86_400.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_events_and_episodes_come_back(path: Path) -> None:
    journal = writer(path)
    for event in story(1):
        journal.handle(event)
    with JournalReader(path) as reader:
        assert [one.event for one in reader.events("e1")] == story(1)
        assert [one.seq for one in reader.events("e1")] == [1, 2, 3]
        assert reader.episode("e1") == episode(1)
        assert reader.episode("e2") is None
    journal.close()


def test_the_same_event_again_does_no_harm(path: Path) -> None:
    journal = writer(path)
    for event in [*story(1), *story(1)[:2], EpisodeUpdated(START, story(1)[0].episode)]:  # type: ignore[union-attr]
        journal.handle(event)
    with JournalReader(path) as reader:
        assert len(reader.events("e1")) == 3
        assert reader.episode("e1") == episode(1), "an older state must not come back"
    journal.close()


def test_an_update_changes_the_episode_without_an_event(path: Path) -> None:
    journal = writer(path)
    journal.handle(story(1)[0])
    grown = replace(episode(1, outcome=None), distress=0.9)
    journal.handle(EpisodeUpdated(START, grown))
    with JournalReader(path) as reader:
        assert reader.episode("e1") == grown
        assert len(reader.events("e1")) == 1
    journal.close()


def test_the_outbox_keeps_events_in_order_until_they_are_delivered(path: Path) -> None:
    journal = writer(path)
    test = Tested(START.plus(9e5), "test", token="x")
    for event in [*story(1), Muted(START, "quiet"), EpisodeUpdated(START, episode(1)), test]:
        journal.handle(event)
    assert [one.event for one in journal.pending()] == [*story(1), test], "updates and mutes are not sent"
    assert [one.event for one in journal.pending(limit=2)] == story(1)[:2]
    journal.delivered(story(1)[0].id)
    journal.delivered("never heard of")
    journal.close()
    again = writer(path)
    assert [one.event for one in again.pending()] == [*story(1)[1:], test]
    assert {one.boot_id for one in again.pending()} == {BOOT}
    again.close()


def test_an_open_episode_is_found_and_closed_as_interrupted(path: Path) -> None:
    journal = writer(path)
    journal.handle(story(1)[0])
    journal.close()
    again = writer(path)
    left = again.resume()
    assert left is not None
    assert (left.id, left.boot_id) == ("e1", BOOT)
    assert again.close_open(START.plus(9e4), keep="e1") == ()
    (ended,) = again.close_open(START.plus(9e4))
    assert ended.episode.outcome is Outcome.INTERRUPTED
    assert ended.episode.offset_s == 3.0
    assert again.resume() is None
    assert again.last() == ended.episode
    assert ended in [one.event for one in again.pending()]
    again.close()


def test_an_answered_episode_stays_answered_though_it_was_cut(path: Path) -> None:
    journal = writer(path)
    journal.handle(EpisodeStarted(START, episode(1, outcome=None)))
    (ended,) = journal.close_open(START.plus(1.0))
    assert ended.episode.outcome is Outcome.ANSWERED
    journal.close()


def test_filters(path: Path) -> None:
    journal = writer(path)
    for one in (
        episode(0),
        episode(1, outcome=Outcome.SELF_SETTLED, arrived_s=None),
        episode(2, need=Need.HUNGER, caregiver="Ben"),
        episode(3, outcome=None, arrived_s=None),
    ):
        journal.handle(EpisodeEnded(one.onset, one))
    with JournalReader(path) as reader:

        def ids(**wish: object) -> list[str]:
            found = [one.id for one in reader.episodes(**wish)]  # type: ignore[arg-type]
            if not wish.keys() & {"limit", "offset"}:
                newest = wish.pop("newest_first", True)
                assert [row.id for row in reader.rows(newest_first=newest, **wish)] == found  # type: ignore[arg-type]
                assert reader.count(**wish) == len(found)  # type: ignore[arg-type]
            return found

        assert ids() == ["e3", "e2", "e1", "e0"]
        assert ids(newest_first=False) == ["e0", "e1", "e2", "e3"]
        assert ids(limit=2, offset=1) == ["e2", "e1"]
        assert ids(since_utc=START.utc + 3600, until_utc=START.utc + 7200) == ["e1"]
        assert ids(outcome=Outcome.SELF_SETTLED) == ["e1"]
        assert ids(need=Need.HUNGER) == ["e2"]
        assert ids(caregiver="Ana") == ["e0"]
        assert ids(caregiver="Nobody") == []
        assert reader.outcomes() == {Outcome.ANSWERED: 2, Outcome.SELF_SETTLED: 1, None: 1}
        assert reader.caregivers() == ["Ana", "Ben"]
        assert reader.neighbours("e1") == ("e0", "e2")
        assert reader.neighbours("e3") == ("e2", None)
        assert reader.first_utc() == START.utc
    assert [row.id for row in journal.recent(START.utc + 7200)] == ["e2", "e3"]
    journal.close()


def test_light_rows_say_the_same_as_episodes(path: Path) -> None:
    journal = writer(path)
    for one in (episode(0), episode(1, arrived_s=-4.0, helped=(Helped.FEED, Helped.HOLD)), episode(2, arrived_s=None)):
        journal.handle(EpisodeEnded(one.onset, one))
    with JournalReader(path) as reader:
        for row, one in zip(reader.rows(), reader.episodes(newest_first=False), strict=True):
            for name in (
                "id", "offset_s", "alert_s", "outcome", "need", "helped", "distress", "crying_s", "bouts", "grade", "open",
                "time_to_response_s", "time_to_calm_s", "answered_s",
            ):  # fmt: skip
                assert getattr(row, name) == getattr(one, name), name
            assert (row.onset.utc, row.onset.synced) == (one.onset.utc, one.onset.synced)
    journal.close()


def test_faults_begin_and_end_and_do_not_outlive_a_run(path: Path) -> None:
    journal = writer(path)
    journal.handle(FaultRaised(START, "The broker is away.", code="broker_down"))
    journal.handle(FaultRaised(START.plus(5), "The disk is nearly full.", code="disk_low"))
    journal.handle(FaultCleared(START.plus(60), "", code="broker_down"))
    journal.close()
    clock = FakeClock(START.plus(100))
    writer(path, clock).close()
    with JournalReader(path) as reader:
        first, second = reader.faults(START.utc, START.utc + 1000)
        assert (first.code, first.text) == ("broker_down", "The broker is away.")
        assert (first.start_utc, first.end_utc) == (START.utc, START.utc + 60)
        assert second.end_utc == START.utc + 100
        assert reader.faults(START.utc + 200, START.utc + 1000) == []


def test_embeddings_come_back_and_go_with_their_episode(path: Path) -> None:
    journal = writer(path)
    journal.handle(story(1)[0])
    journal.store_embedding("e1", "v1", [0.5, -2.0])
    journal.store_embedding("e1", "v2", [0.25])
    journal.store_embedding("no such episode", "v1", [1.0])
    with JournalReader(path) as reader:
        assert [(e.episode_id, tuple(e.vector)) for e in reader.embeddings("v1")] == [("e1", (0.5, -2.0))]
        assert len(reader.embeddings()) == 2
    journal.apply(Edit(START, Source.PAGE, "e1", "delete"))
    with JournalReader(path) as reader:
        assert reader.embeddings() == []
    journal.close()


def test_it_knows_what_it_is(path: Path) -> None:
    journal = JournalWriter(path, clock=FakeClock(), device_id="attic", demo=True)
    journal.start()
    journal.close()
    with JournalReader(path) as reader:
        meta = reader.meta()
    assert (meta["schema"], meta["device_id"], meta["demo"]) == (str(VERSION), "attic", "1")
    assert float(meta["created_utc"]) == START.utc


def test_a_reader_says_why_it_cannot_read(tmp_path: Path, path: Path) -> None:
    with pytest.raises(JournalError, match="no history"):
        JournalReader(path)
    path.write_bytes(b"not a database, but long enough to look at" * 50)
    with pytest.raises(JournalError, match="damaged"):
        JournalReader(path)


# ---- corrections ----


def edit(action: str, episode_id: str = "e1", **more: object) -> Edit:
    return Edit(START.plus(9e5), Source.PAGE, episode_id, action, **more)  # type: ignore[arg-type]


def changed(path: Path) -> Episode | None:
    with JournalReader(path) as reader:
        return reader.episode("e1")


@pytest.mark.parametrize(
    ("wish", "before", "after"),
    [
        (edit("note", note="wind"), episode(1), replace(episode(1), note="wind")),
        (edit("note"), episode(1, note="wind"), episode(1)),
        (edit("untag"), episode(1, need=Need.TIRED, helped=(Helped.FEED,)), episode(1)),
        (edit("untag"), episode(1, outcome=Outcome.FALSE_ALARM), episode(1)),
        (
            edit("untag"),
            episode(1, outcome=Outcome.FALSE_ALARM, arrived_s=None, lasts_s=50.0),
            episode(1, outcome=Outcome.SELF_SETTLED, arrived_s=None, lasts_s=50.0),
        ),
        (edit("arrive"), episode(1), episode(1, outcome=Outcome.UNANSWERED, arrived_s=None)),
        (edit("arrive"), episode(1, lasts_s=20.0), episode(1, outcome=Outcome.SELF_SETTLED, arrived_s=None, lasts_s=20.0)),
        (
            edit("arrive", at_s=40.0, caregiver="Ana"),
            episode(1, outcome=Outcome.UNANSWERED, arrived_s=None),
            replace(episode(1), arrived=replace(episode(1).arrived, source=Source.PAGE)),  # type: ignore[type-var]
        ),
    ],
)
def test_corrections_change_and_can_be_taken_back(path: Path, wish: Edit, before: Episode, after: Episode) -> None:
    journal = writer(path)
    journal.handle(EpisodeEnded(before.onset, before))
    told = journal.apply(wish)
    assert told is not None
    assert told.episode == after
    assert changed(path) == after
    assert journal.apply(wish) is None, "the same again changes nothing"
    undone = journal.apply(edit("undo", ""))
    assert undone is not None
    assert undone.id != told.id
    assert changed(path) == undone.episode == before
    assert journal.apply(edit("undo", "")) is None
    assert [one.event for one in journal.pending()][1:] == [told, undone]
    journal.close()


def test_a_deleted_episode_is_gone_everywhere_until_it_is_brought_back(path: Path) -> None:
    journal = writer(path)
    for event in story(1):
        journal.handle(event)
    told = journal.apply(edit("delete"))
    assert told is not None
    assert told.deleted
    journal.handle(told)
    with JournalReader(path) as reader:
        for look in (reader.episodes, reader.rows, reader.each_episode, reader.each_event):
            assert list(look()) == []
        assert reader.count() == 0
        assert [(one.action, one.undone_utc) for one in reader.changes()] == [("delete", None)]
    assert journal.recent(0.0) == []
    back = journal.apply(edit("undo"))
    assert back is not None
    assert not back.deleted
    assert changed(path) == episode(1)
    journal.close()


def test_a_tag_through_the_tracker_can_be_undone_and_keeps_what_came_since(path: Path) -> None:
    journal = writer(path)
    for event in story(1):
        journal.handle(event)
    tagged = replace(episode(1), need=Need.PAIN)
    journal.handle(EpisodeTagged(START.plus(8e5), tagged))
    journal.apply(edit("note", note="first tooth"))
    journal.apply(edit("undo"))
    assert changed(path) == tagged
    journal.apply(edit("undo"))
    assert changed(path) == episode(1)
    with JournalReader(path) as reader:
        assert [one.action for one in reader.changes()] == ["note", "tag"]
    journal.close()


def test_an_undo_of_a_tag_leaves_later_changes_of_other_fields(path: Path) -> None:
    journal = writer(path)
    journal.handle(story(1)[0])
    young = story(1)[0].episode  # type: ignore[union-attr]
    journal.handle(EpisodeTagged(START.plus(1), replace(young, need=Need.PAIN)))
    journal.handle(EpisodeEnded(START.plus(200), replace(episode(1), need=Need.PAIN)))
    journal.apply(edit("undo"))
    assert changed(path) == episode(1), "the outcome that came meanwhile stays"
    journal.close()


NOT_CRYING = replace(episode(1, arrived_s=None, outcome=None), not_crying=True)


@pytest.mark.parametrize("action", ["undo", "untag"])
def test_not_crying_is_kept_at_once_while_it_goes_on_and_can_be_taken_back(path: Path, action: str) -> None:
    journal = writer(path)
    journal.handle(story(1)[0])
    journal.handle(EpisodeTagged(START.plus(8e5), NOT_CRYING))
    with JournalReader(path) as reader:
        assert [one.action for one in reader.changes()] == ["tag"]
    assert changed(path) == NOT_CRYING
    again = journal.resume()
    assert again is not None and again.not_crying
    told = journal.apply(edit(action))
    assert told is not None and not told.episode.false_alarm
    assert changed(path) == replace(NOT_CRYING, not_crying=False)
    journal.close()


def test_not_crying_said_while_it_went_on_can_still_be_taken_back_when_it_has_ended(path: Path) -> None:
    journal = writer(path)
    journal.handle(story(1)[0])
    journal.handle(EpisodeTagged(START.plus(8e5), NOT_CRYING))
    (ended,) = journal.close_open(START.plus(8.1e5))
    assert ended.episode.outcome is Outcome.FALSE_ALARM
    journal.apply(edit("undo"))
    settled = changed(path)
    assert settled is not None and settled.outcome is Outcome.UNANSWERED and not settled.false_alarm
    journal.close()


def test_a_need_taken_back_after_the_end_leaves_what_was_said_before(path: Path) -> None:
    journal = writer(path)
    journal.handle(story(1)[0])
    journal.handle(EpisodeTagged(START.plus(8e5), NOT_CRYING))
    journal.handle(EpisodeTagged(START.plus(8.1e5), replace(NOT_CRYING, not_crying=False, need=Need.TIRED)))
    journal.handle(EpisodeEnded(START.plus(8.2e5), episode(1, need=Need.TIRED)))
    journal.apply(edit("undo"))
    assert changed(path) == episode(1, outcome=Outcome.FALSE_ALARM)
    journal.apply(edit("undo"))
    assert changed(path) == episode(1)
    journal.close()


def test_tags_of_one_instant_are_all_kept(path: Path) -> None:
    """A replay's clock stands still within a block: two episodes may well be tagged in one instant of it."""
    with closing(writer(path)) as journal:
        for number in range(3):
            journal.handle(EpisodeEnded(START.plus(number * 3600.0 + 200), episode(number)))
        at = START.plus(20_000.0)
        for number, need in enumerate((Need.HUNGER, Need.TIRED, Need.PAIN)):
            tagged = journal.tag(Tag(at, Source.PAGE, f"e{number}", need))
            assert tagged is not None
            journal.handle(tagged)
    with JournalReader(path) as reader:
        assert [row.need for row in reader.rows()] == [Need.HUNGER, Need.TIRED, Need.PAIN]


def test_an_old_episode_can_be_tagged(path: Path) -> None:
    journal = writer(path)
    for event in story(1):
        journal.handle(event)
    tag = Tag(START.plus(9e5), Source.PAGE, "e1", Need.TIRED, helped=(Helped.SLEEP,), note="late nap")
    told = journal.tag(tag)
    assert told is not None
    journal.handle(told)
    assert changed(path) == replace(episode(1), need=Need.TIRED, helped=(Helped.SLEEP,), note="late nap")
    assert journal.tag(replace(tag, episode_id="e9")) is None
    assert journal.tag(replace(tag, episode_id=None)) is None
    journal.close()


def test_two_corrections_in_one_millisecond_are_two_events(path: Path) -> None:
    journal = writer(path)
    journal.handle(EpisodeEnded(episode(1).onset, episode(1)))
    first = journal.apply(edit("note", note="a"))
    second = journal.apply(edit("note", note="b"))
    assert first is not None
    assert second is not None
    assert first.id != second.id
    journal.close()


# ---- forgetting ----


def pass_time(journal: JournalWriter, clock: FakeClock, seconds: float, step: float = 600.0) -> None:
    for _ in range(int(seconds / step)):
        clock.advance(step)
        journal.update(state(clock))


def test_history_is_forgotten_when_it_is_old_enough_and_the_clock_has_been_right_for_an_hour(path: Path) -> None:
    clock = FakeClock(START.plus(40 * DAY_S))
    journal = writer(path, clock, history_days=30.0)
    for event in [*story(0), *story(30 * 24), Tested(START, "old")]:
        journal.handle(event)
    pass_time(journal, clock, 3000)
    with JournalReader(path) as reader:
        assert reader.count() == 2
    pass_time(journal, clock, 3000)
    with JournalReader(path) as reader:
        assert [one.id for one in reader.episodes()] == ["e720"]
        assert reader.events("e0") == []
        assert len(list(reader.each_event())) == 3
    journal.close()


def test_what_was_deleted_is_gone_for_good_after_a_month_and_nothing_else(path: Path) -> None:
    clock = FakeClock()
    journal = writer(path, clock)
    for event in [*story(0), *story(1)]:
        journal.handle(event)
    journal.apply(Edit(clock.now(), Source.PAGE, "e1", "delete"))
    pass_time(journal, clock, 31 * DAY_S, step=7200.0)
    assert journal.apply(edit("undo", "e1")) is None
    with JournalReader(path) as reader:
        assert [one.id for one in reader.episodes()] == ["e0"]
    journal.close()


def test_nothing_is_forgotten_while_the_clock_is_wrong(path: Path) -> None:
    clock = FakeClock(Instant(START.monotonic, START.utc + 400 * DAY_S, synced=False))
    journal = writer(path, clock, history_days=30.0)
    for event in story(0):
        journal.handle(event)
    pass_time(journal, clock, 2 * DAY_S)
    with JournalReader(path) as reader:
        assert reader.count() == 1
    journal.close()


# ---- coverage ----


def spans(path: Path, until: float, since: float = 0.0, **more: float) -> list[tuple[float, float, str, str]]:
    with JournalReader(path) as reader:
        found = reader.coverage(START.utc + since, START.utc + until, **more)
    return [(s.start_utc - START.utc, s.end_utc - START.utc, s.kind, s.reason) for s in found]


def listen(
    journal: JournalWriter, clock: FakeClock, seconds: float, mic: Mic = Mic.OK, text: str = "", step: float = 10.0
) -> None:
    for _ in range(int(seconds / step)):
        journal.update(state(clock, mic, text))
        clock.advance(step)


def test_every_second_lies_in_exactly_one_span(path: Path) -> None:
    clock = FakeClock()
    journal = writer(path, clock)
    listen(journal, clock, 100)
    listen(journal, clock, 50, Mic.LOST, "The microphone is gone.")
    listen(journal, clock, 50, Mic.SILENT, "It is muted.")
    listen(journal, clock, 100)
    journal.update(state(clock))
    journal.close()
    assert spans(path, 400, -100) == [
        (-100, 0, "off", "empty"),
        (0, 100, "listening", ""),
        (100, 150, "lost", "The microphone is gone."),
        (150, 200, "silent", "It is muted."),
        (200, 300, "listening", ""),
        (300, 400, "off", "stopped"),
    ]
    assert spans(path, 130, 120) == [(120, 130, "lost", "The microphone is gone.")]
    assert spans(path, 900, 800) == [(800, 900, "off", "stopped")]
    assert spans(path, -100, -200) == [(-200, -100, "off", "empty")]


def test_what_is_forgotten_is_not_taken_for_the_time_before_the_first_start(path: Path) -> None:
    clock = FakeClock()
    journal = writer(path, clock)
    listen(journal, clock, 100)
    listen(journal, clock, 100, Mic.LOST, "The microphone is gone.")
    journal.close()
    with closing(sqlite3.connect(path)) as db, db:
        purge(db, START.utc + 150 + DAY_S, 1.0)
    assert spans(path, 150) == [(0, 100, "off", ""), (100, 150, "lost", "The microphone is gone.")]
    assert spans(path, -100, -200) == [(-200, -100, "off", "")]


def test_a_power_cut_s_gap_begins_at_the_last_mark(path: Path) -> None:
    clock = FakeClock()
    journal = writer(path, clock, coverage_mark_s=100.0)
    listen(journal, clock, 260)
    journal._disk.close()
    assert spans(path, 300) == [(0, 200, "listening", ""), (200, 300, "off", "cut")]
    assert spans(path, 300, live_until_utc=START.utc + 290)[0] == (0, 290, "listening", "")
    assert journal.coverage(START.utc, START.utc + 290) == [Span(START.utc, START.utc + 290, "listening")]
    journal._disk.close()
    clock.advance(240)
    again = writer(path, clock, coverage_mark_s=100.0)
    listen(again, clock, 20)
    again.close()
    assert spans(path, 520)[1] == (200, 500, "off", "cut")


def test_an_event_marks_how_far_it_has_been_listening(path: Path) -> None:
    clock = FakeClock()
    journal = writer(path, clock)
    listen(journal, clock, 50)
    journal.handle(story(0)[0])
    assert spans(path, 60)[0] == (0, 40, "listening", "")
    journal.close()


def test_quiet_writes_nothing_but_the_mark(path: Path) -> None:
    clock = FakeClock()
    journal = writer(path, clock)
    listen(journal, clock, 10)
    with closing(sqlite3.connect(path)) as db:

        def version() -> int:
            return int(db.execute("PRAGMA data_version").fetchone()[0])

        seen = {version()}
        for _ in range(24 * 3600 // 10):
            journal.update(state(clock))
            clock.advance(10)
            seen.add(version())
        assert len(seen) <= 24 * 4 + 2
    journal.close()


def test_a_stalled_monitor_was_not_listening(path: Path) -> None:
    clock = FakeClock()
    journal = writer(path, clock)
    listen(journal, clock, 50)
    clock.advance(950)
    listen(journal, clock, 50)
    journal.close()
    assert spans(path, 1040) == [(0, 40, "listening", ""), (40, 1000, "off", "cut"), (1000, 1040, "listening", "")]


@pytest.mark.parametrize("jump_s", [-365 * DAY_S, -5000.0, -100.0, 100.0, 5000.0, 365 * DAY_S])
def test_a_clock_that_jumps_shifts_the_spans_and_never_doubles_a_second(path: Path, jump_s: float) -> None:
    clock = FakeClock()
    journal = writer(path, clock)
    listen(journal, clock, 1000)
    clock.at = Instant(clock.at.monotonic, clock.at.utc + jump_s)
    listen(journal, clock, 1000)
    journal.close()
    since, until = START.utc + min(0.0, 1000 + jump_s), START.utc + max(990.0, 1990 + jump_s)
    with JournalReader(path) as reader:
        found = reader.coverage(since, until)
    assert found[0].start_utc == since
    assert found[-1].end_utc == until
    assert all(a.end_utc == b.start_utc and a.end_utc > a.start_utc for a, b in zip(found, found[1:], strict=False))
    listened = sum(s.end_utc - s.start_utc for s in found if s.kind == "listening")
    overlap = max(0.0, min(-jump_s, 2000 + jump_s))
    assert listened == pytest.approx(1980 - overlap, abs=25)
    if jump_s > 0:
        assert [s.reason for s in found if s.kind == "off"] == ["clock"]


def test_times_are_put_right_once_the_clock_is(path: Path) -> None:
    wrong = Instant(START.monotonic, 100.0, synced=False)
    clock = FakeClock(wrong)
    journal = writer(path, clock)
    listen(journal, clock, 100)
    listen(journal, clock, 50, Mic.LOST, "gone")
    early = replace(episode(0), onset=clock.now().plus(-60))
    ended = EpisodeEnded(clock.now(), early)
    journal.handle(ended)
    journal.handle(FaultRaised(clock.now(), "x", code="clock_unsynced"))
    clock.at = Instant(clock.at.monotonic, START.utc + 150)
    listen(journal, clock, 100)
    journal.close()
    assert spans(path, 240) == [(0, 100, "listening", ""), (100, 150, "lost", "gone"), (150, 240, "listening", "")]
    with JournalReader(path) as reader:
        (one,) = reader.episodes()
        assert one.onset == Instant(START.monotonic + 90, START.utc + 90, True)
        assert next(reader.rows()).onset.utc == START.utc + 90
        assert reader.faults(0, 1e12)[0].start_utc == START.utc + 150
        assert reader.events("e0")[0].event.at == Instant(START.monotonic + 150, START.utc + 150, True)
    again = writer(path, clock)
    assert [stored.event.id for stored in again.pending()][0] == ended.id, "an id never changes"
    again.close()


# ---- contexts ----


def test_a_diary_is_stored_once(path: Path) -> None:
    journal = writer(path)
    sleep = Context("a", "sleep", START.utc, START.utc + 3600, "", "babybuddy")
    feed = Context("b", "feed", START.utc + 7200, None, "bottle", "babybuddy")
    assert journal.import_contexts([sleep, feed]) == 2
    assert journal.import_contexts([sleep, replace(feed, note="120 ml")]) == 0
    with JournalReader(path) as reader:
        assert reader.contexts(START.utc + 1800, START.utc + 9000) == [sleep, replace(feed, note="120 ml")]
        assert reader.contexts(START.utc + 3601, START.utc + 7000) == []
    journal.close()


# ---- migration and speed ----


def test_an_old_journal_is_backed_up_and_brought_up_to_date(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(V1 + "PRAGMA user_version = 1;")
        db.execute("INSERT INTO meta VALUES ('created_utc', '12.5')")
        put_episode(db, episode(1))
    with pytest.raises(JournalError, match="schema 1"):
        JournalReader(path)
    writer(path).close()
    with JournalReader(path) as reader:
        assert reader.episodes() == [episode(1)]
        assert reader.meta()["created_utc"] == "12.5"
    (backup,) = path.parent.glob("journal-before-*.db")
    with closing(sqlite3.connect(backup)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 1
        assert db.execute("SELECT id FROM episode").fetchall() == [("e1",)]


def test_a_migration_that_fails_leaves_everything_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(V1 + "PRAGMA user_version = 1;")
        put_episode(db, episode(1))
    monkeypatch.setattr("device.journal_schema.MIGRATIONS", (V1, "CREATE TABLE fine (a);\nCREATE TABLE meta (b);\n"))
    journal = writer(path)
    with pytest.raises(JournalError, match="already exists"):
        journal.handle(story(2)[0])
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == 1
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'fine'").fetchone()[0] == 0
    journal._disk.close()


def test_a_newer_journal_is_left_alone_and_listening_goes_on(path: Path) -> None:
    writer(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    before = path.read_bytes()
    journal = writer(path)
    with pytest.raises(JournalError, match="newer version"):
        journal.handle(story(1)[0])
    assert [one.event for one in journal.pending()] == story(1)[:1]
    journal.close()
    assert path.read_bytes() == before
    with pytest.raises(JournalError, match="update the program"):
        JournalReader(path)


def test_a_year_is_read_fast_enough(path: Path) -> None:
    writer(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db, transaction(db):
        for number in range(10_000):
            put_episode(db, replace(episode(number), bouts=episode().bouts * 5))
        db.execute(
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO coverage "
            "SELECT i, 'b', 'listening', '', ? + i * 6000, 0, ? + i * 6000 + 5900, 1, 'changed' FROM n",
            (START.utc, START.utc),
        )
    since = START.utc + 9000 * 3600
    with JournalReader(path) as reader:
        for limit_s, look in (
            (0.02, lambda: reader.episodes(limit=50, offset=5000)),
            (0.02, lambda: list(reader.rows(since_utc=since))),
            (0.02, lambda: reader.outcomes(since_utc=since)),
            (0.02, lambda: reader.count(outcome=Outcome.ANSWERED)),
            (0.02, lambda: reader.coverage(since, since + 7 * DAY_S)),
            (0.02, lambda: reader.neighbours("e5000")),
        ):
            # the processor's time: in CI other tests run beside this one
            assert min(timeit.repeat(look, number=1, repeat=5, timer=time.thread_time)) < limit_s
