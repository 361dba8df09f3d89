"""Reading the history: what the page and the command line use."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from device.clock import Instant
from device.errors import N_, JournalError
from device.inputs import Context
from device.journal_coverage import read_coverage
from device.journal_edits import changes, stored, undoable
from device.journal_rows import COLUMNS, KNOWN, LIGHT, WHOLE, columns, event_of, light, readable, vector_of
from device.journal_schema import VERSION, explained, open_reader, version
from device.journal_shapes import Change, Embedding, EpisodeRow, FaultRecord, Span, bouts_of
from device.record import Bout, Episode
from device.sinks import StoredEvent
from device.table import Table
from device.vocabulary import Need, Outcome

LONGEST_S = 86_400.0
"""No sleep or feed in a diary lasts longer."""


class JournalReader:
    """A read-only look at the journal; cheap to open, so open one per request and close it.

    Every method raises `JournalError` if the file cannot be read. Deleted episodes are left out everywhere. All queries
    are indexed: with 10,000 episodes a page of 50 takes about 3 ms, a month of light rows about 5 ms.
    """

    def __init__(self, path: Path) -> None:
        """Open the journal at `path`; JournalError if there is none, or if a newer version wrote it."""
        self._path = path
        if not path.exists():
            raise JournalError("There is no history in %(path)s yet; start the monitor first.", path=path)
        with explained(path):
            self._db = open_reader(path)
            found = version(self._db)
        if found != VERSION:
            self.close()
            newer = found > VERSION
            raise JournalError(
                "The history in %(path)s has schema %(found)s, but this program reads %(known)s; %(advice)s.",
                path=path,
                found=found,
                known=VERSION,
                advice=N_("update the program") if newer else N_("start the monitor, which brings it up to date"),
            )

    def __enter__(self) -> "JournalReader":
        """Use it in a with statement."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        self._db.close()

    # ---- episodes ----

    def episodes(
        self,
        *,
        since_utc: float | None = None,
        until_utc: float | None = None,
        outcome: Outcome | None = None,
        need: Need | None = None,
        caregiver: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        newest_first: bool = True,
    ) -> list[Episode]:
        """Give whole episodes whose onset lies in [since, until), filtered; open ones are among them."""
        where, values = _filter(since_utc, until_utc, outcome, need, caregiver)
        order = "DESC" if newest_first else "ASC"
        rows = self._all(
            f"SELECT {WHOLE} FROM episode WHERE {where} ORDER BY onset_utc {order} LIMIT ? OFFSET ?",
            (*values, -1 if limit is None else limit, offset),
        )
        return list(readable(rows))

    def rows(
        self,
        *,
        since_utc: float | None = None,
        until_utc: float | None = None,
        outcome: Outcome | None = None,
        need: Need | None = None,
        caregiver: str | None = None,
        newest_first: bool = False,
        bouts: bool = True,
    ) -> Iterator[EpisodeRow]:
        """Give the same episodes as light rows, one at a time; lighter without `bouts`, which then cannot be asked for."""
        where, values = _filter(since_utc, until_utc, outcome, need, caregiver)
        order = "DESC" if newest_first else "ASC"
        names = f"{LIGHT}, {'data' if bouts else repr('')}"
        for row in self._each(f"SELECT {names} FROM episode WHERE {where} ORDER BY onset_utc {order}", values):
            with suppress(ValueError):
                yield light(row)

    def table(self, *, since_utc: float | None = None, until_utc: float | None = None) -> Table:
        """Give the episodes whose onset lies in [since, until) as columns, oldest first; use it before closing this."""
        where, values = _filter(since_utc, until_utc, None, None, None)
        sql = f"SELECT {COLUMNS} FROM episode WHERE {where} AND {KNOWN} ORDER BY onset_utc"
        return columns(self._each(sql, values), self._bouts)

    def count(
        self,
        *,
        since_utc: float | None = None,
        until_utc: float | None = None,
        outcome: Outcome | None = None,
        need: Need | None = None,
        caregiver: str | None = None,
    ) -> int:
        """How many episodes the same filter finds."""
        where, values = _filter(since_utc, until_utc, outcome, need, caregiver)
        return int(self._all(f"SELECT count(*) FROM episode WHERE {where}", values)[0][0])

    def outcomes(self, *, since_utc: float | None = None, until_utc: float | None = None) -> dict[Outcome | None, int]:
        """How many episodes ended in each way; None counts the open ones."""
        where, values = _filter(since_utc, until_utc, None, None, None)
        rows = self._all(f"SELECT outcome, count(*) FROM episode WHERE {where} AND {KNOWN} GROUP BY outcome", values)
        return {None if name is None else Outcome(name): number for name, number in rows}

    def first_utc(self) -> float | None:
        """Onset of the oldest episode, None if there is none."""
        onset = self._all("SELECT min(onset_utc) FROM episode WHERE deleted_utc IS NULL")[0][0]
        return None if onset is None else float(onset)

    def neighbours(self, episode_id: str) -> tuple[str | None, str | None]:
        """The ids of the episodes just before and just after the given one."""
        where = "deleted_utc IS NULL AND onset_utc"
        here = "(SELECT onset_utc FROM episode WHERE id = ?)"
        before = self._all(f"SELECT id FROM episode WHERE {where} < {here} ORDER BY onset_utc DESC LIMIT 1", (episode_id,))
        after = self._all(f"SELECT id FROM episode WHERE {where} > {here} ORDER BY onset_utc ASC LIMIT 1", (episode_id,))
        return before[0][0] if before else None, after[0][0] if after else None

    def caregivers(self) -> list[str]:
        """Everybody who has ever acknowledged or arrived, by name."""
        return [
            row[0]
            for row in self._all(
                "SELECT acknowledged_by FROM episode WHERE acknowledged_by IS NOT NULL AND deleted_utc IS NULL "
                "UNION SELECT arrived_by FROM episode WHERE arrived_by IS NOT NULL AND deleted_utc IS NULL ORDER BY 1"
            )
        ]

    def episode(self, episode_id: str) -> Episode | None:
        """Give one episode, None if there is none of this id or it is deleted."""
        with explained(self._path):
            return stored(self._db, episode_id)

    def events(self, episode_id: str) -> list[StoredEvent]:
        """The events of an episode in order; those that this version does not know are left out."""
        rows = self._all("SELECT seq, boot_id, data FROM event WHERE episode_id = ? ORDER BY seq", (episode_id,))
        return list(self._known(rows))

    def each_event(self, chunk: int = 500) -> Iterator[StoredEvent]:
        """All events in order, of every episode that is still there and of the device, read in portions."""
        after = -1
        while rows := self._all(
            "SELECT seq, boot_id, data FROM event WHERE seq > ? AND (episode_id IS NULL OR NOT EXISTS "
            "(SELECT 1 FROM episode p WHERE p.id = episode_id AND p.deleted_utc IS NOT NULL)) ORDER BY seq LIMIT ?",
            (after, chunk),
        ):
            yield from self._known(rows)
            after = rows[-1][0]

    def each_episode(self, chunk: int = 500) -> Iterator[Episode]:
        """All episodes in the order in which they were stored, read in portions so that nobody waits."""
        after = -1
        while rows := self._all(
            f"SELECT rowid, {WHOLE} FROM episode WHERE rowid > ? AND deleted_utc IS NULL ORDER BY rowid LIMIT ?",
            (after, chunk),
        ):
            yield from readable(row[1:] for row in rows)
            after = rows[-1][0]

    # ---- the device ----

    def coverage(self, since_utc: float, until_utc: float, *, live_until_utc: float | None = None) -> list[Span]:
        """Split [since, until) into spans, so that every second lies in exactly one.

        The present span is on disk only up to its last mark (`coverage_mark_s`); a caller that knows from the control
        socket that the monitor lives gives its present time as `live_until_utc`, and the span goes on until then.
        """
        with explained(self._path):
            return read_coverage(self._db, since_utc, until_utc, live_until_utc)

    def covered(self) -> tuple[float, float] | None:
        """From the first to the last second that coverage is known of; None before the first start."""
        first, last = self._all("SELECT min(start_utc), max(end_utc) FROM coverage")[0]
        return None if first is None else (first, last)

    def faults(self, since_utc: float, until_utc: float) -> list[FaultRecord]:
        """Faults that stood at some time in [since, until), oldest first."""
        rows = self._all(
            "SELECT code, text, start_utc, end_utc FROM fault WHERE start_utc < ? AND (end_utc IS NULL OR end_utc > ?) "
            "ORDER BY start_utc",
            (until_utc, since_utc),
        )
        return [FaultRecord(*row) for row in rows]

    def contexts(self, since_utc: float, until_utc: float) -> list[Context]:
        """What diaries say of [since, until), oldest first; an entry counts if any part of it lies within."""
        rows = self._all(
            "SELECT id, kind, start_utc, end_utc, note, source FROM context "
            "WHERE start_utc < ? AND start_utc > ? AND coalesce(end_utc, start_utc) >= ? ORDER BY start_utc",
            (until_utc, since_utc - LONGEST_S, since_utc),
        )
        return [Context(*row) for row in rows]

    def changes(self, limit: int = 50) -> list[Change]:
        """The latest corrections by people, newest first; those with `undone_utc` None can be undone."""
        with explained(self._path):
            return changes(self._db, limit)

    def knows(self, episode_id: str, *, deleted: bool = False) -> bool:
        """True if there is this episode; deleted ones only if asked for."""
        with explained(self._path):
            return stored(self._db, episode_id, deleted=deleted) is not None

    def undoable(self, episode_id: str = "") -> Change | None:
        """The correction that would be taken back next, of this episode or of any; None if there is none."""
        with explained(self._path):
            return undoable(self._db, episode_id)

    def known_contexts(self, ids: Sequence[str]) -> int:
        """How many of these entries of diaries are kept already."""
        sql = "SELECT count(*) FROM context WHERE id IN (SELECT value FROM json_each(?))"
        return int(self._all(sql, (json.dumps(ids),))[0][0])

    def embeddings(
        self, model_version: str | None = None, *, since_utc: float = 0.0, outcome: Outcome | None = None
    ) -> list[Embedding]:
        """What the detector heard of each episode that still is there; of one model's version, from an onset on, or all."""
        rows = self._each(
            "SELECT e.episode_id, e.model_version, e.vector FROM episode p JOIN embedding e ON p.id = e.episode_id WHERE "
            "p.deleted_utc IS NULL AND p.onset_utc >= ?2 AND (?1 IS NULL OR e.model_version = ?1) "
            "AND (?3 IS NULL OR p.outcome = ?3) ORDER BY p.onset_utc",
            (model_version, since_utc, outcome),
        )
        return [Embedding(name, model, vector_of(blob)) for name, model, blob in rows]

    def each_embedding(self, chunk: int = 500) -> Iterator[Embedding]:
        """The same of every model's version, in the order of the episodes' names, read in portions."""
        after = ("", "")
        while rows := self._all(
            "SELECT e.episode_id, e.model_version, e.vector FROM embedding e JOIN episode p ON p.id = e.episode_id "
            "WHERE p.deleted_utc IS NULL AND (e.episode_id, e.model_version) > (?, ?) "
            "ORDER BY e.episode_id, e.model_version LIMIT ?",
            (*after, chunk),
        ):
            for name, model, blob in rows:
                yield Embedding(name, model, vector_of(blob))
            after = rows[-1][:2]

    def meta(self) -> dict[str, str]:
        """What the journal says of itself: schema, device_id, created_utc, demo ("1" in a demonstration), salvaged."""
        return {"schema": str(VERSION), **dict(self._all("SELECT key, value FROM meta"))}

    # ---- inside ----

    def _all(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with explained(self._path):
            return self._db.execute(sql, values).fetchall()

    def _each(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        with explained(self._path):
            yield from self._db.execute(sql, values)

    def _bouts(self, rows: list[int]) -> list[tuple[Bout, ...]]:
        found = self._all(
            "SELECT p.data FROM json_each(?) j JOIN episode p ON p.rowid = j.value ORDER BY j.key", (json.dumps(rows),)
        )
        return [bouts_of(row[0]) for row in found]

    def _known(self, rows: list[tuple[Any, ...]]) -> Iterator[StoredEvent]:
        offsets: dict[str, float] = dict(
            self._all("SELECT boot_id, utc_minus_monotonic FROM boot WHERE utc_minus_monotonic IS NOT NULL")
        )
        for seq, boot_id, data in rows:
            try:
                stored = event_of(seq, boot_id, data)
            except ValueError:
                continue
            at = stored.event.at
            if not at.synced and boot_id in offsets:
                # The clock was wrong then; the boot's later, right time says when it really was.
                stored = replace(
                    stored, event=replace(stored.event, at=Instant(at.monotonic, at.monotonic + offsets[boot_id]))
                )
            yield stored


def _filter(
    since_utc: float | None, until_utc: float | None, outcome: Outcome | None, need: Need | None, caregiver: str | None
) -> tuple[str, tuple[object, ...]]:
    clauses, values = ["deleted_utc IS NULL"], []
    for clause, value in (
        ("onset_utc >= ?", since_utc),
        ("onset_utc < ?", until_utc),
        ("outcome = ?", outcome),
        ("need = ?", need),
        ("? IN (acknowledged_by, arrived_by)", caregiver),
    ):
        if value is not None:
            clauses.append(clause)
            values.append(value)
    return " AND ".join(clauses), tuple(values)
