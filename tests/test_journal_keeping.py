"""Backup, restore, erase, export and the diaries of others."""

import csv
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from device.errors import JournalError
from device.events import EpisodeEnded, FaultRaised
from device.inputs import Context, Edit
from device.journal import (
    TABLES,
    JournalReader,
    JournalWriter,
    backup,
    csv_lines,
    erase,
    export_csv,
    export_json,
    json_pieces,
    read_diary,
    restore,
)
from device.vocabulary import Helped, Need, Source
from device.wire import decode_episode, decode_event
from tests.fakes import START, FakeClock
from tests.fakes_history import episode, state, story, writer

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def lived(path: Path) -> JournalWriter:
    clock = FakeClock()
    journal = writer(path, clock)
    journal.update(state(clock))
    for number in range(3):
        for event in story(number):
            journal.handle(event)
    told = replace(
        episode(5, need=Need.HUNGER, helped=(Helped.FEED, Helped.HOLD), note='=cmd|"x"; größer\nzwei'), distress=0.9
    )
    journal.handle(EpisodeEnded(told.onset.plus(200), told))
    journal.handle(FaultRaised(START, "The broker is away.", code="broker_down"))
    journal.import_contexts([Context("c", "feed", START.utc, START.utc + 600, "left", "babybuddy")])
    for number in range(2):
        journal.store_embedding(f"e{number}", "1", [0.5, -2.0])
    journal.apply(Edit(START, Source.PAGE, "e0", "note", note="hm"))
    journal.apply(Edit(START, Source.PAGE, "e1", "delete"))
    clock.advance(20)
    journal.update(state(clock))
    return journal


# ---- backup ----


def test_a_backup_while_the_monitor_writes_is_whole(path: Path) -> None:
    journal = lived(path)
    target = path.with_name("copy.db")
    backup(path, target)
    journal.handle(story(9)[0])
    with JournalReader(path) as now, JournalReader(target) as then:
        assert now.count() == then.count() + 1 == 4
    assert target.stat().st_mode & 0o077 == 0
    assert not list(path.parent.glob("*.part"))
    journal.close()


def test_a_backup_comes_back_and_what_was_there_is_kept(path: Path) -> None:
    journal = lived(path)
    target = path.with_name("copy.db")
    backup(path, target)
    journal.handle(story(9)[0])
    with pytest.raises(JournalError, match="stop the monitor"):
        restore(target, path)
    journal.close()
    aside = restore(target, path, clock=FakeClock())
    assert aside is not None
    with JournalReader(path) as reader, JournalReader(aside) as before:
        assert reader.episode("e9") is None
        assert before.episode("e9") is not None
        assert reader.count() == 3
    again = writer(path)
    assert again.pending() == [], "old events do not ring again"
    again.close()


def test_a_backup_can_be_restored_where_nothing_was(path: Path, tmp_path: Path) -> None:
    lived(path).close()
    other = tmp_path / "new" / "journal.db"
    assert restore(path, other) is None
    with JournalReader(other) as reader:
        assert reader.count() == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_restored_journal_belongs_to_the_folder_s_owner(path: Path, tmp_path: Path) -> None:
    lived(path).close()
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 12345, 12345)
    restore(path, data / "journal.db")
    assert (data / "journal.db").stat().st_uid == 12345


@pytest.mark.parametrize("how", ["garbage", "foreign", "newer", "damaged", "missing"])
def test_a_bad_backup_changes_nothing(path: Path, how: str) -> None:
    lived(path).close()
    bad = path.with_name("bad.db")
    if how == "garbage":
        bad.write_bytes(b"nothing like it " * 500)
    elif how == "foreign":
        with closing(sqlite3.connect(bad)) as db, db:
            db.execute("CREATE TABLE notes (text TEXT)")
    elif how != "missing":
        backup(path, bad)
        if how == "newer":
            with closing(sqlite3.connect(bad)) as db:
                db.execute("PRAGMA user_version = 99")
        else:
            data = bytearray(bad.read_bytes())
            data[4096:8192] = b"\xa5" * 4096
            bad.write_bytes(data)
    before = path.read_bytes()
    with pytest.raises(JournalError, match=r"choose another|update the program|look at the name"):
        restore(bad, path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in path.parent.iterdir() if not p.name.startswith(("bad.db", "journal.db-"))) == [
        "journal.db"
    ]


def test_no_history_no_backup(path: Path) -> None:
    with pytest.raises(JournalError, match="no history"):
        backup(path, path.with_name("copy.db"))


# ---- erase ----


def test_erase_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    journal = lived(data / "journal.db")
    (data / "clips").mkdir()
    (data / "clips" / "a.flac").write_bytes(b"x")
    (data / "credentials.json").write_text("{}")
    with pytest.raises(JournalError, match="stop the monitor"):
        erase(data)
    journal.close()
    assert erase(data) == 3
    assert list(data.iterdir()) == []


def test_erase_touches_no_folder_of_others(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(JournalError, match="does not look like"):
        erase(tmp_path)
    assert (tmp_path / "photo.jpg").exists()


# ---- export ----


def test_json_holds_everything_exactly(path: Path) -> None:
    lived(path).close()
    whole = json.loads("".join(export_json(path)))
    with JournalReader(path) as reader:
        assert [decode_episode(one) for one in whole["episodes"]] == list(reader.each_episode())
        assert [decode_event(one) for one in whole["events"]] == [one.event for one in reader.each_event()]
    assert whole["meta"]["device_id"] == "test"
    assert whole["contexts"][0]["note"] == "left"
    assert [one["action"] for one in whole["changes"]] == ["delete", "note"]
    assert whole["faults"][0]["code"] == "broker_down"
    assert whole["coverage"][0]["kind"] == "listening"
    assert whole["sounds"] == [{"episode_id": "e0", "model_version": "1", "vector": [0.5, -2.0]}]
    assert whole["learned"]["needs"]["tags"] == {"hunger": 1}
    assert whole["learned"]["false_alarms"]["active"] is False
    assert "e1" not in {one["id"] for one in whole["episodes"]}


def test_csv_holds_every_table_in_the_family_s_time(path: Path) -> None:
    lived(path).close()
    files = export_csv(path, path.parent / "out", BERLIN)
    assert [file.stem for file in files] == list(TABLES)
    tables = {file.stem: list(csv.DictReader(file.read_text(encoding="utf-8").splitlines(keepends=True))) for file in files}
    first, second, third = tables["episodes"]
    assert (first["id"], third["id"]) == ("e0", "e5")
    assert datetime.fromisoformat(first["onset"]).timestamp() == START.utc
    assert first["onset"].endswith("+02:00")
    assert [first[name] for name in ("outcome", "arrived_by", "time_to_response_s", "note")] == [
        "answered",
        "Ana",
        "40.0",
        "hm",
    ]
    assert (third["need"], third["helped"]) == ("hunger", "feed hold")
    assert third["note"] == '\'=cmd|"x"; größer\nzwei', "a spreadsheet must not run it"
    assert second["guess"] == ""
    assert len(tables["bouts"]) == 3
    assert tables["alerts"][0]["at_s"] == "3.0"
    assert {row["type"] for row in tables["events"]} >= {"started", "alerted", "ended", "edited", "fault"}
    for name in ("coverage", "faults", "contexts", "changes", "sounds"):
        assert tables[name]


def test_an_empty_journal_exports_headers_alone(path: Path) -> None:
    writer(path).close()
    with JournalReader(path) as reader:
        for table in TABLES:
            assert len(list(csv_lines(reader, table))) == 1
        whole = json.loads("".join(json_pieces(reader)))
        assert whole["episodes"] == whole["sounds"] == []
        assert whole["learned"]["needs"]["tags"] == {}
        with pytest.raises(JournalError, match="no table"):
            list(csv_lines(reader, "secrets"))


# ---- diaries ----

HUCKLEBERRY = """Type,Start,End,Duration,Start Condition,Start Location,End Condition,Notes
Feed,2026-03-01 08:00,2026-03-01 08:12,0:12,00:07R,Breast,00:05L,
Feed,2026-03-01 11:30,,,Formula,Bottle,110ml,"fussy, then fine"
Sleep,2026-03-01 12:00,,1:30,,,,
Diaper,2026-03-01 13:40,yellow,,,,"Both, pee:medium poo:small",
Solids,2026-03-01 17:00,,,Carrot,,LIKED,
Pump,2026-03-01 18:00,,,30ml,,20ml,
Bath,2026-03-01 18:30,,,,,,
Dragon,2026-03-01 19:00,,,,,,
Sleep,yesterday,,,,,,
Sleep,2026-03-01 20:00,2026-03-01 19:00,,,,,
Sleep,2026-03-01 20:30,2026-03-02 06:10,9:40,,,,
"""

FEEDINGS = """id,child_id,child_first_name,child_last_name,start,end,type,method,amount,notes,tags
7,1,Kim,Test,2026-03-01 08:00:00,2026-03-01 08:20:00,breast milk,left breast,,sleepy,
8,1,Kim,Test,2026-03-01T12:00:00+00:00,2026-03-01T12:10:00+00:00,formula,bottle,120.0,,
"""
SLEEP = """id,child_id,child_first_name,child_last_name,start,end,nap,notes,tags
3,1,Kim,Test,2026-03-01 12:30:00,2026-03-01 14:00:00,1,,
4,1,Kim,Test,2026-03-01 20:30:00,2026-03-02 06:00:00,0,woke twice,
"""
CHANGES = """id,child_id,child_first_name,child_last_name,time,wet,solid,color,amount,notes,tags
5,1,Kim,Test,2026-03-01 09:00:00,1,0,,,,
6,1,Kim,Test,2026-03-01 15:00:00,True,True,brown,,rash,
"""


def local(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def test_huckleberry() -> None:
    found = read_diary(HUCKLEBERRY.encode(), BERLIN)
    assert found.source == "huckleberry"
    assert [(c.kind, c.start_utc, c.end_utc, c.note) for c in found.contexts] == [
        ("feed", local("2026-03-01 08:00"), local("2026-03-01 08:12"), "Breast, 00:07R, 00:05L"),
        ("feed", local("2026-03-01 11:30"), None, "Bottle, Formula, 110ml, fussy, then fine"),
        ("sleep", local("2026-03-01 12:00"), local("2026-03-01 13:30"), ""),
        ("change", local("2026-03-01 13:40"), None, "Both, pee:medium poo:small"),
        ("feed", local("2026-03-01 17:00"), None, "Solids, Carrot, LIKED"),
        ("other", local("2026-03-01 18:30"), None, "Bath"),
        ("sleep", local("2026-03-01 20:30"), local("2026-03-02 06:10"), ""),
    ]
    assert found.ignored == 1
    assert [line for line, _ in found.problems] == [9, 10, 11]
    assert "Dragon" in str(found.problems[0][1])
    assert "“yesterday”" in str(found.problems[1][1])


def test_baby_buddy() -> None:
    feeds = read_diary(b"\xef\xbb\xbf" + FEEDINGS.encode(), BERLIN).contexts
    assert [(c.kind, c.start_utc, c.note) for c in feeds] == [
        ("feed", local("2026-03-01 08:00"), "breast milk, left breast, sleepy"),
        ("feed", datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp(), "formula, bottle, 120.0"),
    ]
    sleep = read_diary(SLEEP.replace(",", ";").encode(), BERLIN).contexts
    assert [(c.kind, c.end_utc, c.note) for c in sleep] == [
        ("sleep", local("2026-03-01 14:00"), "nap"),
        ("sleep", local("2026-03-02 06:00"), "woke twice"),
    ]
    changes = read_diary(CHANGES.encode(), BERLIN).contexts
    assert [(c.kind, c.end_utc, c.note) for c in changes] == [
        ("change", None, "wet"),
        ("change", None, "wet, solid, brown, rash"),
    ]


def test_the_same_import_twice_adds_nothing(path: Path) -> None:
    journal = writer(path)
    for text, count in ((HUCKLEBERRY, 7), (FEEDINGS, 2), (SLEEP, 2), (CHANGES, 2)):
        contexts = read_diary(text.encode(), BERLIN).contexts
        assert journal.import_contexts(contexts) == count
        assert journal.import_contexts(contexts) == 0
    longer = FEEDINGS.replace("08:20:00", "08:25:00")
    assert journal.import_contexts(read_diary(longer.encode(), BERLIN).contexts) == 0
    with JournalReader(path) as reader:
        found = reader.contexts(0.0, 1e12)
    assert len(found) == 13
    assert sum(c.end_utc == local("2026-03-01 08:25") for c in found) == 1
    journal.close()


def test_times_in_every_dress_and_across_the_clock_change() -> None:
    head = "Type,Start,End,Start Condition\n"
    for text in ("2026-03-01 18:05", "3/1/2026 18:05", "3/1/2026 6:05 PM", "2026-03-01T18:05:00", "01.03.2026 18:05"):
        (entry,) = read_diary(f"{head}Feed,{text},,\n".encode(), BERLIN).contexts
        assert entry.start_utc == local("2026-03-01 18:05")
    (night,) = read_diary(f"{head}Sleep,2026-03-28 20:00,2026-03-29 06:00,\n".encode(), BERLIN).contexts
    assert night.end_utc is not None
    assert night.end_utc - night.start_utc == 9 * 3600


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"PK\x03\x04\xff\xfe binary", b"start,end,amount\n1,2,3\n"])
def test_other_files_are_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(JournalError, match=r"export|text"):
        read_diary(data, BERLIN)


def test_broken_lines_are_told_by_number_and_the_rest_is_read() -> None:
    text = FEEDINGS + '9,1,Kim\n10,1,Kim,Test,2026-03-01 10:00:00,2026-03-09 10:00:00,formula,bottle,,,\n11,1,"Kim,Test\n'
    found = read_diary(text.encode(), BERLIN)
    assert len(found.contexts) == 2
    assert [line for line, _ in found.problems] == [4, 5, 6]
