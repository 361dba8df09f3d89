"""The whole history as CSV tables or as JSON, piece by piece, so that a year of it needs no memory."""

import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from device.errors import JournalError
from device.journal_reader import JournalReader
from device.journal_rows import dump
from device.journal_shapes import Embedding
from device.learned import learn
from device.need_history import lessons
from device.need_rhythm import usual
from device.wire import encode_episode, encode_event, encode_part

Row = Sequence[object]

_RISKY = ("=", "+", "-", "@", "\t", "\r")
"""A text that begins so would be run as a formula by a spreadsheet."""


def csv_lines(reader: JournalReader, table: str, zone: tzinfo = UTC) -> Iterator[str]:
    """Give one table (a name of `TABLES`) as CSV, a line at a time, header first; times are ISO 8601 in `zone`.

    Raises:
        JournalError: there is no such table, or the journal cannot be read.
    """
    if table not in TABLES:
        raise JournalError(f"There is no table {table!r} to export; there are {', '.join(TABLES)}.")
    header, rows = TABLES[table]
    for row in itertools.chain((header,), rows(reader, zone)):
        line = io.StringIO()
        csv.writer(line).writerow([_harmless(cell) for cell in row])
        yield line.getvalue()


def json_pieces(reader: JournalReader, zone: tzinfo = UTC) -> Iterator[str]:
    """Give the whole history as one JSON object, piece by piece: what the journal stores, exactly.

    Besides, `learned` is what follows from it: numbers for a person, from which nothing is ever read back.
    """
    yield '{"program":"nursery-monitor","meta":' + dump(reader.meta())
    yield from _list("episodes", (encode_episode(episode) for episode in reader.each_episode()))
    yield from _list(
        "events",
        ({"seq": one.seq, "boot_id": one.boot_id, **encode_event(one.event)} for one in reader.each_event()),
    )
    first, last = reader.covered() or (0.0, 0.0)
    yield from _list("coverage", (encode_part(span) for span in reader.coverage(first, last)))
    yield from _list("faults", (encode_part(fault) for fault in reader.faults(0.0, float("inf"))))
    yield from _list("contexts", (encode_part(entry) for entry in reader.contexts(float("-inf"), float("inf"))))
    yield from _list("changes", (encode_part(change) for change in reader.changes(-1)))
    yield from _list("sounds", (_sound(one) for one in reader.each_embedding()))
    yield ',\n"learned":' + dump(_learned(reader, zone))
    yield "}\n"


def export_csv(path: Path, folder: Path, zone: tzinfo = UTC) -> list[Path]:
    """Write every table of the journal at `path` into `folder`, a file each; the files' paths. JournalError if it fails."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with JournalReader(path) as reader:
            for table in TABLES:
                target = folder / f"{table}.csv"
                with target.open("w", encoding="utf-8", newline="") as file:
                    file.writelines(csv_lines(reader, table, zone))
                written.append(target)
    except OSError as error:
        raise JournalError(f"The export cannot be written into {folder}: {error.strerror}; choose another place.") from error
    return written


def export_json(path: Path, zone: tzinfo = UTC) -> Iterator[str]:
    """Give the journal at `path` as JSON, piece by piece. JournalError if it cannot be read."""
    with closing(JournalReader(path)) as reader:
        yield from json_pieces(reader, zone)


def _sound(one: Embedding) -> dict[str, object]:
    return {
        "episode_id": one.episode_id,
        "model_version": one.model_version,
        "vector": [float(number) for number in one.vector],
    }


def _learned(reader: JournalReader, zone: tzinfo) -> dict[str, object]:
    """What had been learned when the monitor last listened; nights are those of `zone`."""
    seen = lessons(reader, (reader.covered() or (0.0, 0.0))[1], zone)
    version = next((each.model_version for each in reversed(seen.examples) if each.model_version), "")
    known = learn(seen.examples, version)
    return {
        "model_version": version,
        "begun_utc": None if seen.begun is None else seen.begun.utc,
        "needs": encode_part(known.needs.summary()),
        "false_alarms": {"active": known.verifier.active, **encode_part(known.verifier.effect)},
        "rhythms": encode_part(usual(seen.examples)),
    }


def _list(name: str, items: Iterable[object]) -> Iterator[str]:
    yield f',\n"{name}":['
    for number, item in enumerate(items):
        yield ("," if number else "") + "\n" + dump(item)
    yield "]"


def _harmless(cell: object) -> object:
    return "'" + cell if isinstance(cell, str) and cell.startswith(_RISKY) else cell


def _when(utc: float | None, zone: tzinfo) -> str:
    return "" if utc is None else datetime.fromtimestamp(utc, zone).isoformat(timespec="seconds")


def _episodes(reader: JournalReader, zone: tzinfo) -> Iterator[Row]:
    for e in reader.each_episode():
        ack, arrived = e.acknowledged, e.arrived
        yield (
            e.id,
            _when(e.onset.utc, zone),
            "" if e.offset is None else _when(e.offset.utc, zone),
            int(e.onset.synced),
            e.outcome or "open",
            e.offset_s,
            round(e.crying_s, 3),
            e.distress,
            e.grade,
            e.alert_s,
            ack and ack.at_s,
            ack and ack.source,
            ack and ack.caregiver,
            arrived and arrived.at_s,
            arrived and arrived.source,
            arrived and arrived.caregiver,
            e.time_to_response_s,
            e.time_to_calm_s,
            e.need,
            " ".join(e.helped),
            e.guess and e.guess.guess,
            e.note,
        )


def _bouts(reader: JournalReader, zone: tzinfo) -> Iterator[Row]:
    for e in reader.each_episode():
        for bout in e.bouts:
            yield e.id, _when(e.onset.utc + bout.start_s, zone), bout.start_s, bout.end_s, bout.distress


def _alerts(reader: JournalReader, zone: tzinfo) -> Iterator[Row]:
    for e in reader.each_episode():
        for mark in e.alerts:
            yield e.id, _when(e.onset.utc + mark.at_s, zone), mark.at_s, mark.level, mark.to, int(mark.reminder)


def _events(reader: JournalReader, zone: tzinfo) -> Iterator[Row]:
    for one in reader.each_event():
        episode = getattr(one.event, "episode", None)
        yield (
            one.seq,
            _when(one.event.at.utc, zone),
            one.event.event_type,
            None if episode is None else episode.id,
            getattr(one.event, "text", ""),
        )


def _coverage(reader: JournalReader, zone: tzinfo) -> Iterator[Row]:
    known = reader.covered()
    for span in reader.coverage(*known) if known else []:
        yield _when(span.start_utc, zone), _when(span.end_utc, zone), span.kind, span.reason


def _faults(reader: JournalReader, zone: tzinfo) -> Iterator[Row]:
    for fault in reader.faults(0.0, float("inf")):
        yield fault.code, fault.text, _when(fault.start_utc, zone), _when(fault.end_utc, zone)


def _contexts(reader: JournalReader, zone: tzinfo) -> Iterator[Row]:
    for entry in reader.contexts(float("-inf"), float("inf")):
        yield entry.id, entry.kind, _when(entry.start_utc, zone), _when(entry.end_utc, zone), entry.note, entry.source


def _sounds(reader: JournalReader, zone: tzinfo) -> Iterator[Row]:
    for one in reader.each_embedding():
        yield one.episode_id, one.model_version, " ".join(f"{number:.6g}" for number in one.vector)


def _changes(reader: JournalReader, zone: tzinfo) -> Iterator[Row]:
    for one in reader.changes(-1):
        yield one.id, _when(one.at_utc, zone), one.source, one.action, one.episode_id, _when(one.undone_utc, zone)


_HEADERS = """
episodes: id onset offset synced outcome offset_s crying_s distress grade alert_s acknowledged_s acknowledged_source
    acknowledged_by arrived_s arrived_source arrived_by time_to_response_s time_to_calm_s need helped guess note
bouts: episode start start_s end_s distress
alerts: episode at at_s level to reminder
events: seq at type episode text
coverage: start end kind reason
faults: code text start end
contexts: id kind start end note source
changes: id at source action episode undone
sounds: episode model_version numbers
"""

_ROWS: tuple[Callable[[JournalReader, tzinfo], Iterator[Row]], ...] = (
    _episodes, _bouts, _alerts, _events, _coverage, _faults, _contexts, _changes, _sounds,
)  # fmt: skip

TABLES = {
    line.split(":")[0]: (line.split(":")[1].split(), rows)
    for line, rows in zip(_HEADERS.replace("\n   ", "").strip().splitlines(), _ROWS, strict=True)
}
"""Every table of the export: its header, and what gives its rows."""
