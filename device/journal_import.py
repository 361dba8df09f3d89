"""Feeds, sleep and changes from other diaries: the CSV exports of Baby Buddy and of Huckleberry."""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from device.errors import JournalError
from device.inputs import Context

MAX_BYTES = 20_000_000
"""No diary is larger: ten years of a busy one have 5 MB."""

_FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S",
)  # fmt: skip

_HUCKLEBERRY = {
    "feed": "feed", "solids": "feed", "sleep": "sleep", "diaper": "change", "potty": "change", "bath": "other",
    "meds": "other", "medication": "other", "medicine": "other", "temp": "other", "temperature": "other",
    "tummy time": "other", "story time": "other", "screen time": "other", "indoor play": "other", "outdoor play": "other",
    "brush teeth": "other", "skin to skin": "other", "activity": "other",
}  # fmt: skip
_ABOUT_PARENTS = ("pump", "growth")
"""Entries that say nothing of the baby's day."""

Line = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Imported:
    """What a diary gave: its name, the entries, and for every line that made no sense its number and a sentence."""

    source: str
    contexts: tuple[Context, ...]
    problems: tuple[tuple[int, JournalError], ...]
    ignored: int = 0


def read_diary(data: bytes, zone: tzinfo) -> Imported:
    """Read an export by what its header says; times without a zone are the family's (`zone`).

    The same entry gives the same `Context.id` on every reading, so that importing a file twice adds nothing.

    Raises:
        JournalError: it is no CSV export of Baby Buddy (feedings, sleep, changes, tummy times) or Huckleberry.
    """
    if len(data) > MAX_BYTES:
        raise JournalError(
            "The file has %(size)s MB; a diary's export has at most %(most)s.",
            size=f"{len(data) / 1e6:.0f}", most=f"{MAX_BYTES / 1e6:.0f}",
        )  # fmt: skip
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JournalError("The file is no text in UTF-8; export it from the diary as CSV once more.") from error
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = {(name or "").strip().lower() for name in lines.fieldnames or ()}
    for wanted, source, make in _DIARIES:
        if wanted <= header:
            return _read(lines, zone, source, make)
    raise JournalError(
        "This is not an export that can be read. Possible are Huckleberry's CSV, and Baby Buddy's CSV of feedings, sleep, "
        "changes or tummy times."
    )


def _read(
    lines: "csv.DictReader[str]", zone: tzinfo, source: str, make: Callable[[Line, tzinfo], Context | None]
) -> Imported:
    contexts: dict[str, Context] = {}
    problems: list[tuple[int, JournalError]] = []
    ignored = 0
    for line in _lines(lines, problems):
        cells = {(name or "").strip().lower(): (cell or "").strip() for name, cell in line.items() if isinstance(cell, str)}
        try:
            entry = make(cells, zone)
        except JournalError as error:
            problems.append((lines.line_num, error))
            continue
        except (ValueError, OverflowError):
            problems.append((lines.line_num, JournalError("This line makes no sense.")))
            continue
        if entry is None:
            ignored += 1
        else:
            contexts[entry.id] = entry
    return Imported(source, tuple(sorted(contexts.values(), key=lambda c: c.start_utc)), tuple(problems), ignored)


def _lines(lines: "csv.DictReader[str]", problems: list[tuple[int, JournalError]]) -> Iterator[dict[str, str]]:
    while True:
        try:
            yield next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append((lines.line_num, JournalError("This line is no CSV: %(why)s.", why=error)))


def _time(text: str, zone: tzinfo) -> float:
    """Read a time as UTC seconds; in the hour that occurs twice in autumn the first is meant."""
    if not text:
        raise JournalError("The time is missing.")
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        for form in _FORMATS:
            try:
                when = datetime.strptime(text, form)
                break
            except ValueError:
                continue
        else:
            raise JournalError("“%(text)s” is no time that can be read.", text=text[:40]) from None
    if not 1990 <= when.year <= 2200:
        raise JournalError("“%(text)s” lies too far away.", text=text[:40])
    return (when if when.tzinfo else when.replace(tzinfo=zone)).timestamp()


def _entry(source: str, key: str, kind: str, start: float, end: float | None, note: str) -> Context:
    if end is not None and end < start:
        raise JournalError("It ends before it begins.")
    if end is not None and end - start > timedelta(days=1).total_seconds():
        raise JournalError("It lasts longer than a day.")
    name = hashlib.sha256(f"{source}|{key}".encode()).hexdigest()[:20]
    return Context(f"{source}-{name}", kind, start, end, note[:500], source)


def _note(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _huckleberry(cells: Line, zone: tzinfo) -> Context | None:
    kind = _HUCKLEBERRY.get(cells["type"].lower())
    if kind is None:
        if cells["type"].lower() in _ABOUT_PARENTS:
            return None
        raise JournalError("“%(text)s” is no kind of entry that is known.", text=cells["type"][:40])
    start = _time(cells["start"], zone)
    # In a change's row the column End holds a colour.
    end = _time(cells["end"], zone) if cells.get("end") and kind != "change" else None
    lasted = re.fullmatch(r"(\d+):(\d\d)", cells.get("duration", ""))
    if end is None and kind in ("feed", "sleep") and lasted:
        end = start + int(lasted[1]) * 3600 + int(lasted[2]) * 60
    details = (cells.get(name, "") for name in ("start location", "start condition", "end condition", "notes"))
    label = cells["type"] if kind == "other" or cells["type"].lower() == "solids" else ""
    return _entry("huckleberry", f"{cells['type'].lower()}|{start:.0f}", kind, start, end, _note(label, *details))


def _babybuddy(table: str, kind: str, *noted: str) -> Callable[[Line, tzinfo], Context | None]:
    def make(cells: Line, zone: tzinfo) -> Context | None:
        start = _time(cells.get("start") or cells.get("time", ""), zone)
        end = _time(cells["end"], zone) if cells.get("end") else None
        details = [
            name if cells.get(name, "").lower() in ("1", "true") and name in ("wet", "solid", "nap") else cells.get(name, "")
            for name in noted
            if cells.get(name, "").lower() not in ("0", "false")
        ]
        key = cells.get("id") or f"{start:.0f}"
        return _entry("babybuddy", f"{table}|{key}", kind, start, end, _note(*details))

    return make


_DIARIES: tuple[tuple[set[str], str, Callable[[Line, tzinfo], Context | None]], ...] = (
    ({"type", "start", "end", "start condition"}, "huckleberry", _huckleberry),
    ({"start", "end", "type", "method"}, "babybuddy", _babybuddy("feeding", "feed", "type", "method", "amount", "notes")),
    ({"start", "end", "nap"}, "babybuddy", _babybuddy("sleep", "sleep", "nap", "notes")),
    ({"time", "wet", "solid"}, "babybuddy", _babybuddy("change", "change", "wet", "solid", "color", "notes")),
    ({"start", "end", "milestone"}, "babybuddy", _babybuddy("tummy", "other", "milestone", "notes")),
)
"""Columns by which an export is known, the diary's name, and what makes an entry of a line."""
