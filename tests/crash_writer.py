"""Writes a journal until it is killed; reports each event's id once the journal has taken it.

Usage: python -m tests.crash_writer PATH FIRST COUNT. Run by tests/test_journal_crash.py.
"""

import os
import sys
from pathlib import Path

from device.journal import JournalWriter
from tests.fakes import FakeClock
from tests.fakes_history import state, story


def write(path: Path, first: int, count: int, report: int) -> None:
    """Tell the journal the stories of `count` episodes; write each event's id to the file descriptor `report`."""
    clock = FakeClock()
    journal = JournalWriter(path, clock=clock)
    journal.start()
    for number in range(first, first + count):
        for event in story(number):
            clock.at = event.at
            journal.handle(event)
            os.write(report, f"+{event.id}\n".encode())
        journal.update(state(clock))
        done = story(number)[0].id
        journal.delivered(done)
        os.write(report, f"-{done}\n".encode())
    journal.close()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), 1)
