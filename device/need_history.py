"""The journal as lessons: each ended episode with its situation, its tag and what it sounded like."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from device.events import Context, Helped, Need, Outcome
from device.journal_reader import JournalReader
from device.journal_shapes import EpisodeRow
from device.need_prior import Diary
from device.needs import Example

SINCE_S = 180 * 86_400.0
"""Half a year back: what is older has faded to a sixteenth."""

_HELPED = {Helped.FEED: "feed", Helped.CHANGE: "change"}


@dataclass(frozen=True, slots=True)
class Lessons:
    """What there is to learn from, oldest first, and the diary that tells the situation of the next cry."""

    examples: tuple[Example, ...]
    diary: Diary


def lessons(reader: JournalReader, now_utc: float, zone: tzinfo | None = None) -> Lessons:
    """Read the last half year; a feed or change that helped counts like one in a diary. JournalError as the reader's."""
    since = now_utc - SINCE_S
    rows = [row for row in reader.rows(since_utc=since) if not row.open]
    contexts = [*reader.contexts(since, now_utc + 1.0), *_helped(rows)]
    diary = Diary(contexts, zone)
    vectors = {each.episode_id: each for each in reader.embeddings()}
    examples = []
    for row in rows:
        heard = vectors.get(row.id)
        examples.append(
            Example(
                row.id,
                row.onset.utc,
                diary.situation(row.onset.utc),
                None if row.need is Need.UNSURE else row.need,
                row.outcome is Outcome.FALSE_ALARM,
                None if heard is None else np.asarray(heard.vector, dtype=np.float32),
                "" if heard is None else heard.model_version,
                confirmed=row.need is not None or bool(row.helped),
            )
        )
    return Lessons(tuple(examples), diary)


def _helped(rows: Sequence[EpisodeRow]) -> Iterator[Context]:
    for row in rows:
        at = row.onset.utc + (row.offset_s or 0.0)
        for helped in row.helped:
            if helped in _HELPED:
                yield Context(f"{row.id}-{helped}", _HELPED[helped], at, None, "", "tag")
