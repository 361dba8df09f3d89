"""The demonstration: a throw-away journal with three weeks of simulated, marked history, and a night to replay.

The history went through the real tracker; the recording is our synthesiser's, and the real detector has to hear it.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import tzinfo
from pathlib import Path

import numpy as np
import soundfile

from device.audio import RATE_HZ
from device.clock import Instant
from device.demo_history import Boot, boots, events, states
from device.demo_life import DAY_S, DAYS, Cry, Life, live
from device.demo_voice import voices
from device.episode import EpisodeTracker
from device.events import EpisodeEnded, EpisodeEvent, EpisodeTagged, Event
from device.journal_backlog import Backlog
from device.journal_coverage import CoverageLog
from device.journal_rows import put_contexts
from device.journal_schema import transaction
from device.journal_store import Run, open_store, store
from device.need_prior import Diary
from device.need_sound import Vector
from device.needs import Example, Learner
from device.synthesis import night
from device.vocabulary import Outcome

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
        DetectorError: the ear's model is missing.
        JournalError: a newer version wrote a journal there.
        OSError, sqlite3.Error: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    demo = Demo(folder / JOURNAL, folder / RECORDING)
    wave, _ = night(np.random.default_rng(seed))
    soundfile.write(demo.recording, wave, RATE_HZ, subtype="PCM_16")
    demo.journal.unlink(missing_ok=True)
    _write(demo.journal, live(now.utc, zone, np.random.default_rng(seed)), now, seed, zone)
    return demo


def _write(path: Path, life: Life, now: Instant, seed: int, zone: tzinfo | None) -> None:
    """One transaction a boot: a history must be made in seconds, also on a memory card."""
    rng = np.random.default_rng(seed + 1)
    lessons = _Lessons(life, zone, np.random.default_rng(seed + 2))
    for boot in boots(now.utc - DAYS * DAY_S, now.utc, life.gaps):
        about = {"device_id": "demo", "demo": "1"}
        db, _ = open_store(path, Run(boot.id, boot.instant(boot.start_utc), about, first=True))
        with closing(db), transaction(db):
            for event in events(life, boot, rng, lessons.complete):
                store(db, event, boot.id)
            lessons.keep(db)
            # old news: nothing of it may ring a phone today
            db.execute("UPDATE event SET delivered = at_utc WHERE delivered IS NULL")
            _cover(db, life, boot)
            put_contexts(db, [context for context in life.contexts if boot.start_utc <= context.start_utc < boot.end_utc])


class _Lessons:
    """Guesses as the monitor would have made them then, from the tags until then."""

    def __init__(self, life: Life, zone: tzinfo | None, rng: np.random.Generator) -> None:
        self._rng = rng
        self._voices = voices(rng)
        self._diary = Diary(life.contexts, zone)
        self._learner = Learner(self._voices.model_version)
        self._vectors: dict[str, Vector] = {}

    def complete(self, event: Event, tracker: EpisodeTracker, cry: Cry) -> Event:
        if not isinstance(event, EpisodeEvent):
            return event
        episode = event.episode
        situation = self._diary.situation(episode.onset.utc)
        if episode.id not in self._vectors:
            self._vectors[episode.id] = self._voices.of(cry, self._rng)
        vector = self._vectors[episode.id]
        if isinstance(event, EpisodeTagged):
            false = episode.outcome is Outcome.FALSE_ALARM
            version = self._voices.model_version
            self._learner.learn(Example(episode.id, episode.onset.utc, situation, episode.need, false, vector, version))
            return event
        if isinstance(event, EpisodeEnded):
            episode = replace(episode, guess=self._learner.guess(situation, vector))
            tracker.adopt(episode)
            return replace(event, episode=episode)
        return event

    def keep(self, db: sqlite3.Connection) -> None:
        backlog = Backlog(0, "")
        for episode_id, vector in self._vectors.items():
            backlog.embed(episode_id, self._voices.model_version, vector.tolist())
        backlog.write(db)
        self._vectors.clear()


def _cover(db: sqlite3.Connection, life: Life, boot: Boot) -> None:
    coverage = CoverageLog(900.0, boot.id)
    for state in states(life, boot):
        coverage.observe(state)
    if not any(gap.reason == "cut" and gap.start_utc == boot.end_utc for gap in life.gaps):
        coverage.stop()
    coverage.written(coverage.write(db))
