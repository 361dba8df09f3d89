"""Back from a newer version: its journal is read as far as it can be, and nothing heard meanwhile is lost."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from device import journal_schema
from device.errors import JournalError
from device.events import EpisodeEnded
from device.journal import JournalReader, backup
from device.journal_return import go_back
from device.journal_tables import MIGRATIONS
from device.vocabulary import Need
from tests.fakes import FakeClock
from tests.fakes_history import episode, story, writer

ROOT = Path(__file__).parent.parent
NEWER = """
ALTER TABLE episode ADD COLUMN mood TEXT NOT NULL DEFAULT 'fine';
CREATE TABLE lullaby (id INTEGER PRIMARY KEY, title TEXT NOT NULL) STRICT;
INSERT INTO lullaby (title) VALUES ('Guten Abend');
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backup of three episodes; then a newer version comes, hears a fourth, and changes the third."""
    journal = writer(path)
    for number in range(3):
        for event in story(number):
            journal.handle(event)
    journal.close()
    copy = path.with_name("before.db")
    backup(path, copy)
    with monkeypatch.context() as newer:
        newer.setattr(journal_schema, "MIGRATIONS", (*MIGRATIONS, NEWER))
        newer.setattr(journal_schema, "VERSION", journal_schema.VERSION + 1)
        journal = writer(path)
        for event in story(3):
            journal.handle(event)
        told = episode(2, need=Need.HUNGER)
        journal.handle(EpisodeEnded(told.onset.plus(300), told))
        journal.close()
    return copy


def test_going_back_keeps_what_was_heard_meanwhile(path: Path, kept: Path) -> None:
    back = go_back(kept, path, clock=FakeClock())
    assert back.carried == 1
    assert back.aside is not None
    with closing(sqlite3.connect(back.aside)) as db:
        assert db.execute("SELECT title FROM lullaby").fetchall() == [("Guten Abend",)], "what only the newer one knows"
    with JournalReader(path) as reader:
        assert sorted(one.id for one in reader.episodes()) == ["e0", "e1", "e2", "e3"]
        third = reader.episode("e2")
        assert third is not None and third.need is Need.HUNGER
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == journal_schema.VERSION
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    journal = writer(path)
    assert story(3)[-1].id in {stored.event.id for stored in journal.pending()}, "what waited is told late"
    journal.handle(story(9)[0])
    journal.close()


def test_a_newer_journal_that_cannot_be_read_leaves_the_backup(path: Path, kept: Path) -> None:
    path.write_bytes(b"garbage " * 4096)
    back = go_back(kept, path, clock=FakeClock())
    assert back.carried == 0 and back.aside is not None
    with JournalReader(path) as reader:
        assert reader.count() == 3


def test_a_bad_backup_changes_nothing(path: Path, kept: Path) -> None:
    kept.write_bytes(b"nothing like it " * 500)
    before = path.read_bytes()
    with pytest.raises(JournalError, match="choose another"):
        go_back(kept, path)
    assert path.read_bytes() == before


def test_while_the_monitor_writes_it_refuses(path: Path, kept: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="stop the monitor"):
            go_back(kept, path)


def test_the_command_says_what_came_back(path: Path, kept: Path) -> None:
    command = [sys.executable, "-m", "device", "restore", "--go-back", str(kept), "--config", "/dev/null"]
    ran = subprocess.run(
        [*command, "--set", f"nursery.data_dir={json.dumps(str(path.parent))}"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "with 1 episodes heard since" in ran.stdout and "journal-before-restore-" in ran.stdout
