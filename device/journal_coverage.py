"""When the monitor was really listening: spans are kept as they pass, and read back so that no second is missing."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from device.clock import Instant
from device.journal_shapes import Span
from device.sinks import MonitorState
from device.vocabulary import Mic

JUMP_S = 2.0
"""A step of the clock larger than this, against the monotonic one, begins a new span."""

STALL_S = 30.0
"""Without a word from the monitor for this long, it was not listening."""

FORGOTTEN = "forgotten"
"""How the row before ended where it is deleted, being older than the history is kept."""

_KIND = {Mic.OK: "listening", Mic.SILENT: "silent", Mic.LOST: "lost"}


@dataclass(slots=True)
class _Row:
    kind: str
    reason: str
    start: Instant
    end_utc: float
    ended: str = ""
    seq: int | None = None


class CoverageLog:
    """The writer's side: takes the monitor's state each second and says when a row must go to the disk.

    Rows wait here until `write` has been committed and `written` says so; then only the present one is kept.
    """

    def __init__(self, mark_s: float, boot_id: str) -> None:
        """Mark every `mark_s` seconds while nothing changes."""
        self._mark_s = mark_s
        self._boot_id = boot_id
        self._rows: list[_Row] = []
        self._last: Instant | None = None
        self._marked = 0.0

    @property
    def waiting(self) -> bool:
        """True if rows other than the present one still have to be written."""
        return any(row.ended for row in self._rows)

    def observe(self, state: MonitorState) -> bool:
        """Take the state of this second; True if it should be written now: a change, or a mark that is due."""
        at, last = state.at, self._last
        kind, reason = _KIND[state.mic], "" if state.mic is Mic.OK else state.mic_text
        now = self._rows[-1] if self._rows and not self._rows[-1].ended else None
        self._last = at
        if now is not None and last is not None:
            if at.synced and not now.start.synced:
                last = self._correct(at, last)
            passed, shown = at.monotonic - last.monotonic, at.utc - last.utc
            if passed > STALL_S:
                now.ended = "stalled"
            elif abs(shown - passed) > JUMP_S:
                now.ended = "clock"
            elif (kind, reason) == (now.kind, now.reason):
                now.end_utc = at.utc
                return at.monotonic - self._marked >= self._mark_s
            else:
                now.end_utc, now.ended = at.utc, "changed"
        self._rows.append(_Row(kind, reason, at, at.utc))
        return True

    def stop(self) -> None:
        """The monitor stops in good order."""
        if self._rows and not self._rows[-1].ended:
            self._rows[-1].ended = "stopped"

    def write(self, db: sqlite3.Connection) -> list[int]:
        """Write what waits and the present span's end; give the rows' numbers for `written`."""
        numbers = []
        free = int(db.execute("SELECT coalesce(max(seq), 0) + 1 FROM coverage").fetchone()[0])
        for row in self._rows:
            seq = row.seq
            if seq is None:
                seq, free = free, free + 1
            db.execute(
                "INSERT INTO coverage (seq, boot_id, kind, reason, start_utc, start_monotonic, end_utc, synced, ended) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET start_utc = excluded.start_utc, "
                "end_utc = excluded.end_utc, synced = excluded.synced, ended = excluded.ended",
                (
                    seq,
                    self._boot_id,
                    row.kind,
                    row.reason,
                    row.start.utc,
                    row.start.monotonic,
                    row.end_utc,
                    int(row.start.synced),
                    row.ended,
                ),
            )
            numbers.append(seq)
        return numbers

    def written(self, numbers: list[int]) -> None:
        """The transaction of `write` is committed: forget what has ended."""
        for row, seq in zip(self._rows, numbers, strict=True):
            row.seq = seq
        self._rows = [row for row in self._rows if not row.ended]
        if self._last is not None:
            self._marked = self._last.monotonic

    def renumber(self) -> None:
        """The database is a new one: write the present span into it as a new row."""
        for row in self._rows:
            row.seq = None

    def _correct(self, at: Instant, last: Instant) -> Instant:
        """The clock is right from now on: move this boot's spans that still wait to where they really were."""
        offset = at.utc - at.monotonic
        for row in self._rows:
            if not row.start.synced:
                length_s = row.end_utc - row.start.utc
                row.start = Instant(row.start.monotonic, row.start.monotonic + offset, True)
                row.end_utc = row.start.utc + length_s
        return Instant(last.monotonic, last.monotonic + offset, True)


def read_coverage(
    db: sqlite3.Connection, since_utc: float, until_utc: float, live_until_utc: float | None = None
) -> list[Span]:
    """Split [since, until) into spans; with `live_until_utc` the last span, if it goes on, goes on until then."""
    last = db.execute("SELECT seq FROM coverage ORDER BY seq DESC LIMIT 1").fetchone()
    live = last[0] if last and live_until_utc is not None else -1
    rows = db.execute(
        "SELECT start_utc, CASE WHEN seq = ? AND ended = '' THEN max(end_utc, ?) ELSE end_utc END AS until, kind, "
        "reason, ended FROM coverage WHERE (end_utc > ? OR seq = ?) AND start_utc < ? ORDER BY seq",
        (live, live_until_utc or 0.0, since_utc, live, until_utc),
    ).fetchall()
    before = db.execute(
        "SELECT ended FROM coverage WHERE end_utc <= ? ORDER BY end_utc DESC LIMIT 1", (since_utc,)
    ).fetchone()
    if before is None and db.execute("SELECT min(seq) > 1 FROM coverage").fetchone()[0]:
        before = (FORGOTTEN,)
    return partition(rows, since_utc, until_utc, before[0] if before else None)


def partition(
    rows: Iterable[tuple[float, float, str, str, str]], since_utc: float, until_utc: float, before: str | None
) -> list[Span]:
    """Split an interval so that every second of it lies in exactly one span.

    `rows` are (start, end, kind, reason, ended) in the order of writing; where they overlap (the clock was set back) the
    later one is right. What no row covers is off, with the reason that the row before it gives; `before` is how the last
    row before the interval ended, None if there is none.
    """
    painted: list[tuple[float, float, str, str, str]] = []
    for start, end, kind, reason, ended in rows:
        start, end = max(start, since_utc), min(end, until_utc)
        if end <= start:
            continue
        if painted and start < painted[-1][1]:
            painted = _cut(painted, start, end)
        painted.append((start, end, kind, reason, ended))
    painted.sort()
    spans: list[Span] = []
    at, why = since_utc, before
    for start, end, kind, reason, ended in painted:
        if start > at:
            spans.append(Span(at, start, "off", _off(why)))
        _join(spans, Span(start, end, kind, reason))
        at, why = end, ended
    if at < until_utc:
        spans.append(Span(at, until_utc, "off", _off(why)))
    return spans


def _off(ended: str | None) -> str:
    return {None: "empty", FORGOTTEN: "", "": "cut", "cut": "cut", "stalled": "cut", "clock": "clock"}.get(ended, "stopped")


def _join(spans: list[Span], span: Span) -> None:
    if spans and spans[-1].end_utc == span.start_utc and (spans[-1].kind, spans[-1].reason) == (span.kind, span.reason):
        span = Span(spans.pop().start_utc, span.end_utc, span.kind, span.reason)
    spans.append(span)


def _cut(
    painted: list[tuple[float, float, str, str, str]], start: float, end: float
) -> list[tuple[float, float, str, str, str]]:
    """Take an interval out of what is painted already."""
    left: list[tuple[float, float, str, str, str]] = []
    for a, b, *rest in painted:
        kind, reason, ended = rest
        if a < start:
            left.append((a, min(b, start), kind, reason, ended if b <= start else "changed"))
        if b > end:
            left.append((max(a, end), b, kind, reason, ended))
    return left
