"""How events and episodes become rows, and rows become them again."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device.clock import Instant
from device.events import EpisodeEvent, Event
from device.inputs import Context
from device.journal_shapes import EpisodeRow, near
from device.record import Bout, Episode
from device.sinks import StoredEvent
from device.table import HELPED, NEEDS, NONE, OUTCOMES, Table
from device.vocabulary import Helped, Need, Outcome
from device.wire import decode_episode, decode_event, encode_episode, encode_event

LIGHT = (
    "id, onset_utc, synced, offset_s, alert_s, acknowledged_s, acknowledged_by, arrived_s, arrived_by, inferred, "
    "crying_s, distress, outcome, need, helped"
)
"""The columns that `light` reads, in its order, before `data`."""

WHOLE = "data, outcome"
"""The columns that `whole` and `readable` read, in their order."""

LAST_UTC = 2e11
"""The year 8307, not long before the calendar ends: no clock shows a later time."""


_OUTCOMES: dict[str | None, Outcome | None] = {None: None, **{str(outcome): outcome for outcome in Outcome}}
_NEEDS: dict[str | None, Need | None] = {None: None, **{str(need): need for need in Need}}


def light(row: sqlite3.Row | tuple[Any, ...]) -> EpisodeRow:
    """Make an `EpisodeRow` of the columns `LIGHT`; ValueError if it is malformed.

    The onset's monotonic time is not among them and is 0.
    """
    id_, utc, synced, offset, alert, ack, ack_by, arr, arr_by, inferred, crying, distress, outcome, need, helped, data = row
    if outcome not in _OUTCOMES or need not in _NEEDS:
        raise ValueError(f"An outcome and a need were expected, but here are {outcome!r} and {need!r}.")
    return EpisodeRow(
        id_,
        Instant(0.0, utc, bool(synced)),
        offset,
        alert,
        ack,
        ack_by,
        arr,
        arr_by,
        bool(inferred),
        crying,
        distress,
        _OUTCOMES[outcome],
        _NEEDS[need],
        tuple([Helped(name) for name in helped.split()]) if helped else (),
        data,
    )


def _code(column: str, names: Iterable[str]) -> str:
    """SQL for a name's place among `names`."""
    return (
        f"CASE {column} " + " ".join(f"WHEN '{name}' THEN {code}" for code, name in enumerate(names)) + f" ELSE {NONE} END"
    )


def _bits(column: str, names: Iterable[str]) -> str:
    """SQL for a bit for each of `names` that stands in a column of words."""
    bits = " + ".join(f"(instr({column}, '{name}') > 0) * {1 << bit}" for bit, name in enumerate(names))
    return f"CASE {column} WHEN '' THEN 0 ELSE {bits} END"


UNKNOWN = "9e999"
"""SQL for infinity, which stands for NULL: numbers without gaps go into an array as they come."""

KNOWN = "(outcome IS NULL OR +outcome IN (" + ", ".join(f"'{name}'" for name in OUTCOMES) + "))"
"""SQL for an outcome that is a word we know, or none yet: a garbled one would have an ended episode go on."""

COLUMNS = (
    f"onset_utc, ifnull(offset_s, {UNKNOWN}), coalesce(arrived_s, acknowledged_s, {UNKNOWN}), ifnull(arrived_s, {UNKNOWN}), "
    f"crying_s, distress, {_code('outcome', OUTCOMES)}, {_code('need', NEEDS)}, {_bits('helped', HELPED)}, "
    "rowid"
)
"""The columns that `columns` reads, in its order: numbers alone, which come out ten times as fast as words."""


def columns(rows: Iterable[tuple[float, ...]], bouts_of: Callable[[list[int]], Sequence[tuple[Bout, ...]]]) -> Table:
    """Make a table of the columns `COLUMNS`; `bouts_of` gives bouts by row number of the file."""
    numbers = np.fromiter(chain.from_iterable(rows), np.float64).reshape(-1, 10)
    numbers[np.isinf(numbers)] = np.nan
    onset, offset, answered, arrived, crying, distress = numbers.T[:6]
    outcome, need, helped, row = numbers.T[6:].astype(np.int64)
    return Table(
        onset,
        offset,
        np.maximum(0.0, answered),
        np.maximum(0.0, arrived),
        crying,
        distress,
        outcome,
        need,
        helped,
        lambda wanted: bouts_of(row[wanted].tolist()),
    )


def dump(data: Any) -> str:
    """Write JSON as the journal keeps it: compact, and readable in any language."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def episode_of(data: str) -> Episode:
    """Read an episode from its column; ValueError if it is malformed."""
    return _sensible(decode_episode(json.loads(data)))


def whole(data: str, outcome: str | None) -> Episode:
    """Make an `Episode` of the columns `WHOLE`; ValueError if it is malformed.

    Its outcome stands in both, since one that has lost it would seem to go on for ever.
    """
    episode = episode_of(data)
    if episode.outcome != outcome:
        raise ValueError(f"The episode's outcome is {outcome!r} in one place and {episode.outcome!r} in another.")
    return episode


def readable(rows: Iterable[Sequence[Any]]) -> Iterator[Episode]:
    """Make episodes of the columns `WHOLE`, without those that are malformed: one bad row does not hide all others."""
    for row in rows:
        with suppress(ValueError):
            yield whole(*row)


def event_of(seq: int, boot_id: str, data: str) -> StoredEvent:
    """Read an event from its columns; ValueError if it is malformed or of an unknown type."""
    event = decode_event(json.loads(data))
    if isinstance(event, EpisodeEvent):
        _sensible(event.episode)
    if not abs(event.at.utc) < LAST_UTC:
        raise ValueError(f"The event's time is {event.at.utc:g}.")
    return StoredEvent(seq, event, boot_id)


def _sensible(episode: Episode) -> Episode:
    """The episode itself; ValueError if its times cannot be."""
    times_s = [episode.offset_s or 0.0]
    times_s += [mark.at_s for mark in (episode.acknowledged, episode.arrived) if mark is not None]
    times_s += [alert.at_s for alert in episode.alerts]
    times_s += [time_s for bout in episode.bouts for time_s in (bout.start_s, bout.end_s)]
    if abs(episode.onset.utc) < LAST_UTC and near(*times_s):
        return episode
    raise ValueError(f"The times of the episode {episode.id!r} cannot be.")


def put_episode(db: sqlite3.Connection, episode: Episode) -> None:
    """Write an episode's row, new or in place of its earlier state; a deletion mark stays."""
    ack, arr = episode.acknowledged, episode.arrived
    row = {
        "id": episode.id,
        "boot_id": episode.boot_id,
        "onset_utc": episode.onset.utc,
        "synced": int(episode.onset.synced),
        "offset_s": episode.offset_s,
        "alert_s": episode.alert_s,
        "acknowledged_s": ack and ack.at_s,
        "acknowledged_by": ack and ack.caregiver,
        "arrived_s": arr and arr.at_s,
        "arrived_by": arr and arr.caregiver,
        "inferred": int(arr is not None and arr.inferred),
        "crying_s": episode.crying_s,
        "distress": episode.distress,
        "outcome": episode.outcome,
        "need": episode.need,
        "helped": " ".join(episode.helped),
        "data": dump(encode_episode(episode)),
    }
    places = ", ".join(f":{name}" for name in row)
    changes = ", ".join(f"{name} = excluded.{name}" for name in row if name != "id")
    db.execute(f"INSERT INTO episode ({', '.join(row)}) VALUES ({places}) ON CONFLICT (id) DO UPDATE SET {changes}", row)


def put_event(db: sqlite3.Connection, event: Event, boot_id: str, *, send: bool) -> bool:
    """Write an event's row; False if an event with its id is there already. `send` puts it into the outbox."""
    episode = getattr(event, "episode", None)
    done = db.execute(
        "INSERT OR IGNORE INTO event (id, boot_id, at_utc, type, episode_id, delivered, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            event.id,
            boot_id,
            event.at.utc,
            event.event_type,
            None if episode is None else episode.id,
            None if send else event.at.utc,
            dump(encode_event(event)),
        ),
    )
    return done.rowcount > 0


def put_contexts(db: sqlite3.Connection, contexts: Iterable[Context]) -> int:
    """Write entries of a diary, new or in place of their earlier state; how many were new."""
    before = db.execute("SELECT count(*) FROM context").fetchone()[0]
    db.executemany(
        "INSERT INTO context (id, kind, start_utc, end_utc, note, source) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO "
        "UPDATE SET kind = excluded.kind, start_utc = excluded.start_utc, end_utc = excluded.end_utc, note = excluded.note",
        [(c.id, c.kind, c.start_utc, c.end_utc, c.note, c.source) for c in contexts],
    )
    new: int = db.execute("SELECT count(*) FROM context").fetchone()[0] - before
    return new


def vector_of(blob: bytes) -> NDArray[np.float32]:
    """Read an embedding's numbers (float32, little-endian); ValueError if the length is odd."""
    return np.frombuffer(blob, dtype="<f4").astype(np.float32, copy=False)


def blob_of(vector: Iterable[float]) -> bytes:
    """Write an embedding's numbers as float32, little-endian."""
    return np.fromiter(vector, dtype="<f4").tobytes()


def right_onset(episode: Episode, utc_minus_monotonic: float) -> Episode:
    """The episode with its onset shown at the right time, now that the clock is right; durations stay."""
    at = episode.onset.monotonic
    return replace(episode, onset=Instant(at, at + utc_minus_monotonic, True))
