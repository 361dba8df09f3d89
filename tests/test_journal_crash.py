"""Kill -9 at random instants, and a power cut after every single write: nothing that was reported is lost.

The power cut is played on what strace saw of the writer: files are built as they can be on the card after each system
call, when all that was not yet synced may be there, missing or torn, and each state is opened again.
"""

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from device.journal import JournalReader
from tests.fakes import FakeClock
from tests.fakes_history import story, writer


def test_kill_9_at_a_hundred_random_instants(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "tests.crash_rounds", str(tmp_path / "journal.db"), "100", "7"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=240, check=True)
    found = json.loads(done.stdout)
    assert found.pop("told") > 300
    assert found == {"lost": 0, "doubled": 0, "broken": False, "sent_again": 0, "aside": 0}


# ---- the power cut ----


@dataclass
class Card:
    """What is surely on the card, and the writes since the last sync of each file, by name."""

    surely: dict[str, bytes] = field(default_factory=dict)
    loose: dict[str, list[tuple[str, int, bytes]]] = field(default_factory=dict)

    def states(self, rng: random.Random) -> Iterator[dict[str, bytes]]:
        """Nothing of what is loose arrived; all of it did; and some of it, with one write torn."""
        yield self._apply(lambda ops: [])
        yield self._apply(lambda ops: ops)
        yield self._apply(lambda ops: [op for op in ops if rng.random() < 0.5])
        yield self._apply(lambda ops: _torn(ops, rng))

    def _apply(self, choose: "object") -> dict[str, bytes]:
        files = dict(self.surely)
        for name, ops in self.loose.items():
            for kind, offset, data in choose(ops):  # type: ignore[operator]
                before = files.get(name, b"")
                if kind == "cut":
                    files[name] = before[:offset].ljust(offset, b"\0")
                elif kind == "gone":
                    files.pop(name, None)
                else:
                    files[name] = before[:offset].ljust(offset, b"\0") + data + before[offset + len(data) :]
        return files

    def sync(self, name: str) -> None:
        """The file is on the card now."""
        files = Card({name: self.surely[name]} if name in self.surely else {}, {name: self.loose.pop(name, [])})
        whole = files._apply(lambda ops: ops)
        self.surely.pop(name, None)
        self.surely.update(whole)


def _torn(ops: list[tuple[str, int, bytes]], rng: random.Random) -> list[tuple[str, int, bytes]]:
    """Up to some write everything arrived, of that one only the first bytes."""
    if not ops:
        return []
    last = rng.randrange(len(ops))
    kind, offset, data = ops[last]
    return [*ops[:last], (kind, offset, data[: rng.randrange(len(data) + 1)])]


_CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+)")


def _bytes(quoted: str) -> bytes:
    return bytes.fromhex(quoted.replace("\\x", ""))


def calls(log: str, name: str) -> Iterator[tuple[str, str, int, bytes]]:
    """What the writer did to the files called `name…`, and its reports, in order: (call, file, offset, data)."""
    files: dict[int, str] = {}
    for line in log.splitlines():
        found = _CALL.match(line)
        if not found or found[3].startswith("-"):
            continue
        call, rest, result = found[1], found[2], int(found[3])
        strings = [_bytes(text) for text in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', rest)]
        if call == "openat":
            opened = os.path.basename(strings[0].decode(errors="replace"))
            files.pop(result, None)
            if opened.startswith(name) and not opened.endswith("-shm"):
                files[result] = opened
            continue
        if call == "unlink" and strings[0].decode().rsplit("/", 1)[-1].startswith(name):
            yield "gone", strings[0].decode().rsplit("/", 1)[-1], 0, b""
            continue
        number = re.match(r"(\d+)", rest)
        file = files.get(int(number[1])) if number else None
        if call == "write" and number and number[1] == "1":
            yield "report", "", 0, strings[0]
        elif file is None:
            continue
        elif call == "pwrite64":
            yield "write", file, int(rest.rsplit(",", 1)[1]), strings[0][:result]
        elif call == "ftruncate":
            yield "cut", file, int(rest.rsplit(",", 1)[1]), b""
        elif call in ("fsync", "fdatasync"):
            yield "sync", file, 0, b""
        elif call == "close":
            files.pop(int(number[1]) if number else -1)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_power_cut_after_every_write(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    writer(path).close()
    first = path.read_bytes()
    log = tmp_path / "log"
    trace = "trace=openat,close,pwrite64,write,ftruncate,fsync,fdatasync,unlink"
    run = ["strace", "-o", str(log), "-xx", "-s", "100000", "-e", trace, sys.executable, "-m", "tests.crash_writer"]
    done = subprocess.run([*run, str(path), "0", "3"], capture_output=True, timeout=120)
    if b"ptrace" in done.stderr:
        pytest.skip("this machine allows no tracing")
    assert done.returncode == 0, done.stderr
    card = Card({"journal.db": first})
    rng = random.Random(3)
    told: set[str] = set()
    delivered: set[str] = set()
    states = 0
    place = tmp_path / "after"
    for call, file, offset, data in calls(log.read_text(), "journal.db"):
        if call == "report":
            for line in data.decode().split():
                (told if line[0] == "+" else delivered).add(line[1:])
            continue
        if call == "sync":
            card.sync(file)
        elif call == "gone":
            card.loose.setdefault(file, []).append(("gone", 0, b""))
        else:
            card.loose.setdefault(file, []).append((call, offset, data))
        for files in card.states(rng):
            states += 1
            check(place, files, told, delivered)
    assert states > 150
    assert told == {event.id for number in range(3) for event in story(number)}


def check(place: Path, files: dict[str, bytes], told: set[str], delivered: set[str]) -> None:
    """Start from these files as after a power cut: whole, and with all that had been reported."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, data in files.items():
        (place / name).write_bytes(data)
    journal = writer(place / "journal.db", FakeClock())
    assert journal.probes["history_damaged"]() is None
    waiting = {one.event.id for one in journal.pending(1000)}
    with JournalReader(place / "journal.db") as reader:
        stored = [one.event for one in reader.each_event()]
        assert told <= {event.id for event in stored}
        assert len(stored) == len({event.id for event in stored})
        for event in stored:
            assert reader.episode(event.episode.id) is not None  # type: ignore[union-attr]
    assert not delivered & waiting
    journal.close()
    with closing(sqlite3.connect(place / "journal.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
