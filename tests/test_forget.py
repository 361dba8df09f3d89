"""Learning anew: nothing said before teaches any more, the history stays, and an undo makes it as if it had never been."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.clock import Instant
from device.errors import JournalError
from device.events import EpisodeEnded, Forgotten
from device.inputs import Edit, Forget, Tag
from device.journal import JournalReader, JournalWriter, backup, export_json, restore
from device.journal_store import DELETED_KEPT_DAYS, purge
from device.learned import learn
from device.need_history import Lessons, lessons
from device.sinks import MonitorState
from device.vocabulary import Helped, Mic, Need, Source
from tests.fakes import START, FakeClock, at
from tests.fakes_history import episode

HOUR = 3600.0
VERSION = "1"


def sound(number: int) -> list[float]:
    vector = np.random.default_rng(number).normal(size=8)
    vector[number % 2] += 6.0
    return [float(value) for value in vector]


def writer(path: Path, clock: FakeClock | None = None) -> JournalWriter:
    journal = JournalWriter(path, clock=clock or FakeClock(), device_id="test")
    journal.start()
    return journal


def live(journal: JournalWriter, numbers: range) -> None:
    """Tagged cries, one an hour, hunger and tiredness in turn, each with its sound."""
    for number in numbers:
        journal.handle(EpisodeEnded(at(number * HOUR + 200), episode(number, need=(Need.HUNGER, Need.TIRED)[number % 2])))
        journal.store_embedding(f"e{number}", VERSION, sound(number))


def seen(path: Path, hours: float = 1000.0) -> Lessons:
    with JournalReader(path) as reader:
        return lessons(reader, START.utc + hours * HOUR, UTC)


def fingerprint(path: Path) -> list[float]:
    """What it would say of the next cry, of any kind."""
    found = seen(path)
    needs = learn(found.examples, VERSION).needs
    probes = [
        needs.probabilities(found.diary.situation(START.utc + 900 * HOUR), np.array(sound(n), dtype=np.float32))
        for n in (800, 801)
    ]
    weights = needs.weights
    return [weights.hour, weights.sound, weights.temperature, float(needs.tags), *np.concatenate(probes)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_what_was_said_before_teaches_no_more_and_stays_in_the_history(path: Path) -> None:
    journal = writer(path)
    live(journal, range(30))
    forgotten = journal.forget(Forget(at(29.5 * HOUR), Source.PAGE))
    assert isinstance(forgotten, Forgotten)
    assert not forgotten.undone
    assert seen(path).examples == ()
    assert seen(path).begun == at(29.5 * HOUR)
    live(journal, range(30, 33))
    assert [e.episode_id for e in seen(path).examples] == ["e30", "e31", "e32"]
    with JournalReader(path) as reader:
        assert reader.count(need=Need.HUNGER) + reader.count(need=Need.TIRED) == 33
    journal.close()


def test_learning_anew_is_learning_as_a_new_device_would(path: Path, tmp_path: Path) -> None:
    journal, other = writer(path), writer(tmp_path / "new.db")
    live(journal, range(20))
    journal.forget(Forget(at(19.5 * HOUR), Source.PAGE))
    live(journal, range(20, 60))
    live(other, range(20, 60))
    assert fingerprint(path) == fingerprint(tmp_path / "new.db")
    journal.close()
    other.close()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.booleans(), max_size=8))
def test_undo_takes_back_one_beginning_after_the_other(wishes: list[bool]) -> None:
    """True begins anew, False undoes; what counts is always the last beginning that stands."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        journal = writer(path)
        live(journal, range(12))
        before = fingerprint(path)
        standing: list[float] = []
        for number, begin in enumerate(wishes):
            when = at((number + 1.5) * HOUR)
            told = journal.forget(Forget(when, Source.PAGE, undo=not begin))
            if begin:
                standing.append(when.utc)
            elif standing:
                standing.pop()
            else:
                assert told is None
            begun = seen(path).begun
            assert (None if begun is None else begun.utc) == (standing[-1] if standing else None)
        for _ in standing:
            journal.forget(Forget(at(50 * HOUR), Source.PAGE, undo=True))
        assert fingerprint(path) == before
        journal.close()


def test_mark_and_event_are_one_transaction(path: Path) -> None:
    journal = writer(path)
    live(journal, range(3))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON event WHEN new.type = 'forgotten' BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    with pytest.raises(JournalError):
        journal.forget(Forget(at(9 * HOUR), Source.PAGE))
    assert seen(path).begun is None
    assert len(seen(path).examples) == 3
    journal.close()


def test_it_outlasts_a_restart_a_backup_and_the_export_and_no_phone_is_told(path: Path, tmp_path: Path) -> None:
    journal = writer(path)
    live(journal, range(3))
    waiting = len(journal.pending())
    journal.forget(Forget(at(9 * HOUR), Source.COMMAND))
    journal.forget(Forget(at(9 * HOUR), Source.COMMAND))
    assert len(journal.pending()) == waiting
    journal.close()
    again = writer(path)
    again.close()
    assert seen(path).begun == at(9 * HOUR)
    backup(path, tmp_path / "copy.db")
    restore(tmp_path / "copy.db", tmp_path / "other.db")
    assert seen(tmp_path / "other.db").begun == at(9 * HOUR)
    whole = json.loads("".join(export_json(path)))
    assert [event["undone"] for event in whole["events"] if event["type"] == "forgotten"] == [False, False]
    assert json.loads(whole["meta"]["learned_since"])[0]["at"]["utc"] == at(9 * HOUR).utc


def test_a_clock_that_was_wrong_is_put_right(path: Path) -> None:
    """Without a battery clock the device may think that it is 1970 until the network tells it better."""
    clock = FakeClock(Instant(100.0, 5000.0, False))
    journal = writer(path, clock)
    old = episode(1, onset=Instant(20.0, 4920.0, False), need=Need.HUNGER)
    journal.handle(EpisodeEnded(clock.now(), old))
    journal.forget(Forget(clock.now(), Source.PAGE))
    new = episode(2, onset=Instant(130.0, 5030.0, False), need=Need.TIRED)
    journal.handle(EpisodeEnded(Instant(190.0, 5090.0, False), new))
    clock.at = Instant(200.0, START.utc, True)
    journal.update(MonitorState(clock.now(), Mic.OK))
    assert [e.need for e in seen(path).examples] == [Need.TIRED]
    assert seen(path).begun == Instant(100.0, START.utc - 100.0, True)
    journal.close()


def test_after_a_month_the_forgotten_sounds_are_deleted_for_good(path: Path) -> None:
    journal = writer(path)
    live(journal, range(6))
    journal.forget(Forget(at(3.5 * HOUR), Source.PAGE))
    journal.close()

    def sounds(after_days: float) -> list[str]:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            purge(db, START.utc + after_days * 86_400.0, 0.0)
            return [row[0] for row in db.execute("SELECT episode_id FROM embedding ORDER BY 1")]

    assert len(sounds(DELETED_KEPT_DAYS - 1)) == 6
    assert sounds(DELETED_KEPT_DAYS + 1) == ["e4", "e5"]
    with JournalReader(path) as reader:
        assert reader.count() == 6


@pytest.mark.parametrize("text", ["", "nonsense", "{}", '[{"at": 7}]', "[[]]"])
def test_a_mark_that_makes_no_sense_counts_as_none(path: Path, text: str) -> None:
    journal = writer(path)
    live(journal, range(2))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO meta VALUES ('learned_since', ?)", (text,))
    assert seen(path).begun is None
    assert journal.forget(Forget(at(9 * HOUR), Source.PAGE)) is not None
    assert seen(path).begun == at(9 * HOUR)
    journal.close()


def test_a_change_of_the_same_millisecond_is_kept_too(path: Path) -> None:
    journal = writer(path)
    first, second = (journal.forget(Forget(at(1.0), Source.PAGE)) for _ in range(2))
    assert first is not None and second is not None
    assert first.id != second.id
    assert replace(second, at=first.at) == first
    journal.close()


def seen_exactly(path: Path) -> list[tuple[object, ...]]:
    """Everything that is learned from, comparable."""
    return [
        (
            e.episode_id,
            e.at_utc,
            e.situation,
            e.need,
            e.not_crying,
            e.confirmed,
            e.model_version,
            None if e.embedding is None else e.embedding.tobytes(),
        )
        for e in seen(path).examples
    ]


@settings(max_examples=25, deadline=None)
@given(
    which=st.integers(0, 9),
    need=st.sampled_from([*Need, None]),
    helped=st.sampled_from([(), (Helped.FEED,), (Helped.HOLD, Helped.SLEEP)]),
    way=st.sampled_from(["untag", "undo"]),
)
def test_a_tag_taken_back_leaves_everything_as_if_it_had_never_been(
    which: int, need: Need | None, helped: tuple[Helped, ...], way: str
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        journal = writer(path)
        live(journal, range(8))
        for number in (8, 9):  # not tagged yet
            journal.handle(EpisodeEnded(at(number * HOUR + 200), episode(number)))
            journal.store_embedding(f"e{number}", VERSION, sound(number))
        target = f"e{8 + which % 2}" if way == "untag" else f"e{which}"
        before, knew = seen_exactly(path), fingerprint(path)
        tagged = journal.tag(Tag(at(60 * HOUR), Source.PAGE, target, need, not_crying=need is None, helped=helped))
        assert tagged is not None
        journal.handle(tagged)
        journal.apply(Edit(at(61 * HOUR), Source.PAGE, target, way))
        assert seen_exactly(path) == before
        assert fingerprint(path) == knew
        journal.close()


@settings(max_examples=10, deadline=None)
@given(gone=st.sets(st.integers(0, 19), max_size=6))
def test_deleted_episodes_teach_as_if_they_had_never_been(gone: set[int]) -> None:
    with TemporaryDirectory() as folder:
        kept, never = Path(folder) / "kept.db", Path(folder) / "never.db"
        journal, other = writer(kept), writer(never)
        live(journal, range(20))
        for number in sorted(gone):
            journal.apply(Edit(at(70 * HOUR + number), Source.PAGE, f"e{number}", "delete"))
        for number in set(range(20)) - gone:
            live(other, range(number, number + 1))
        assert seen_exactly(kept) == seen_exactly(never)
        assert fingerprint(kept) == fingerprint(never)
        for _ in gone:
            journal.apply(Edit(at(80 * HOUR), Source.PAGE, "", "undo"))
        assert len(seen(kept).examples) == 20
        journal.close()
        other.close()
