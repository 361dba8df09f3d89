"""The demonstration: a throw-away journal with three weeks of simulated, marked history, and a night to replay.

The history went through the real tracker; the recording is our synthesiser's, and the real detector has to hear it.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

import numpy as np
import soundfile

from device.audio import RATE_HZ
from device.clock import Instant
from device.demo_history import Boot, boots, events, states
from device.demo_life import DAY_S, DAYS, Life, live
from device.journal_coverage import CoverageLog
from device.journal_rows import put_contexts
from device.journal_schema import transaction
from device.journal_store import Run, open_store, store
from device.synthesis import night

SEED = 7
JOURNAL = "journal.db"
RECORDING = "night.flac"


@dataclass(frozen=True, slots=True)
class Demo:
    """What `prepare` has made."""

    journal: Path
    recording: Path


def prepare(folder: Path, now: Instant, *, seed: int = SEED, zone: tzinfo | None = None) -> Demo:
    """Make both files in `folder`; the history ends at `now`, its nights are those of `zone` (None: the machine's).

    The same seed and instant give the same history. Takes a few seconds on a Pi, most of it synthesis.

    Raises:
        JournalError: a newer version wrote a journal there.
        OSError, sqlite3.Error: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    demo = Demo(folder / JOURNAL, folder / RECORDING)
    wave, _ = night(np.random.default_rng(seed))
    soundfile.write(demo.recording, wave, RATE_HZ, subtype="PCM_16")
    demo.journal.unlink(missing_ok=True)
    _write(demo.journal, live(now.utc, zone, np.random.default_rng(seed)), now, np.random.default_rng(seed + 1))
    return demo


def _write(path: Path, life: Life, now: Instant, rng: np.random.Generator) -> None:
    """One transaction a boot: a history must be made in seconds, also on a memory card."""
    for boot in boots(now.utc - DAYS * DAY_S, now.utc, life.gaps):
        about = {"device_id": "demo", "demo": "1"}
        db, _ = open_store(path, Run(boot.id, boot.instant(boot.start_utc), about, first=True))
        with closing(db), transaction(db):
            for event, _cry in events(life, boot, rng):
                store(db, event, boot.id)
            # old news: nothing of it may ring a phone today
            db.execute("UPDATE event SET delivered = at_utc WHERE delivered IS NULL")
            _cover(db, life, boot)
            put_contexts(db, [context for context in life.contexts if boot.start_utc <= context.start_utc < boot.end_utc])


def _cover(db: sqlite3.Connection, life: Life, boot: Boot) -> None:
    coverage = CoverageLog(900.0, boot.id)
    for state in states(life, boot):
        coverage.observe(state)
    if not any(gap.reason == "cut" and gap.start_utc == boot.end_utc for gap in life.gaps):
        coverage.stop()
    coverage.written(coverage.write(db))
