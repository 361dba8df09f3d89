"""Kills a writer at random instants, again and again, on one journal; says what it found as JSON.

Usage: python -m tests.crash_rounds PATH ROUNDS SEED. Run by tests/test_journal_crash.py.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from device.journal import JournalReader
from tests.crash_writer import write

EACH = 10_000


def one_round(path: Path, number: int, reports: int, wait_s: float) -> tuple[set[str], set[str]]:
    """Fork a writer, kill it some reports and a moment later; the ids that it had reported as stored, and as delivered."""
    read, report = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        write(path, number * EACH, EACH, report)
        os._exit(0)
    os.close(report)
    with os.fdopen(read, "rb") as pipe:
        first = [pipe.readline() for _ in range(reports)]
        time.sleep(wait_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        # A last line without its end was cut in the middle.
        lines = [line.decode() for line in b"".join([*first, pipe.read()]).split(b"\n")[:-1]]
    return {line[1:] for line in lines if line[0] == "+"}, {line[1:] for line in lines if line[0] == "-"}


def main() -> None:
    """Run all rounds."""
    path, rounds, rng = Path(sys.argv[1]), int(sys.argv[2]), random.Random(int(sys.argv[3]))
    told: set[str] = set()
    delivered: set[str] = set()
    lost: set[str] = set()
    for number in range(rounds):
        stored, sent = one_round(path, number, rng.randrange(14), rng.random() * 0.005)
        told, delivered = told | stored, delivered | sent
    with JournalReader(path) as reader:
        ids = [one.event.id for one in reader.each_event()]
        broken = reader._db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
        waiting = {row[0] for row in reader._db.execute("SELECT id FROM event WHERE delivered IS NULL")}
    lost = told - set(ids)
    result = {
        "told": len(told), "lost": len(lost), "doubled": len(ids) - len(set(ids)), "broken": broken,
        "sent_again": len(delivered & waiting), "aside": len(list(path.parent.glob("journal-corrupt-*"))),
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
