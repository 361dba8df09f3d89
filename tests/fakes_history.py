"""Episodes, journals and disks for the tests of the history."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from device.clock import Instant
from device.events import EpisodeAlerted, EpisodeEnded, EpisodeStarted, Event
from device.journal import JournalWriter
from device.record import AlertMark, Bout, Episode, Mark
from device.settings import StorageSettings
from device.sinks import MonitorState
from device.vocabulary import Helped, Mic, Need, Outcome, Source
from tests.fakes import START, FakeClock

BOOT = "test-boot"


def episode(
    number: int = 0,
    *,
    onset: Instant | None = None,
    lasts_s: float = 120.0,
    arrived_s: float | None = 40.0,
    outcome: Outcome | None = Outcome.ANSWERED,
    need: Need | None = None,
    helped: tuple[Helped, ...] = (),
    caregiver: str | None = "Ana",
    note: str = "",
) -> Episode:
    """An episode `number` hours after START, of one bout."""
    return Episode(
        f"e{number}",
        onset or START.plus(number * 3600.0),
        None if outcome is None else lasts_s,
        (Bout(0.0, lasts_s, 0.5),),
        (AlertMark(3.0, 1),),
        None,
        None if arrived_s is None else Mark(arrived_s, Source.BUTTON, caregiver),
        outcome,
        0.5,
        0.98,
        None,
        need,
        helped,
        note,
        BOOT,
    )


def story(number: int = 0) -> list[Event]:
    """The events of an episode: it starts, alerts and ends."""
    whole = episode(number)
    young = episode(number, lasts_s=3.0, arrived_s=None, outcome=None)
    return [
        EpisodeStarted(whole.onset.plus(1.0), young),
        EpisodeAlerted(whole.onset.plus(3.0), young),
        EpisodeEnded(whole.onset.plus(180.0), whole),
    ]


def writer(path: Path, clock: FakeClock | None = None, **storage: float) -> JournalWriter:
    """A started writer."""
    made = JournalWriter(path, clock=clock or FakeClock(), storage=StorageSettings(**storage), device_id="test")
    made.start()
    return made


def state(clock: FakeClock, mic: Mic = Mic.OK, text: str = "") -> MonitorState:
    """The monitor's state now."""
    return MonitorState(clock.now(), mic, text)


@contextmanager
def small_disk(folder: Path, size: str = "6m") -> Iterator[Path]:
    """A real disk of a given size; skips where no file system may be mounted."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a file system takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, mode: str) -> None:
    """Make a disk of `small_disk` read-only (ro) or writable (rw) under everything that is open on it."""
    subprocess.run(["mount", "-o", f"remount,{mode}", str(folder)], check=True)
