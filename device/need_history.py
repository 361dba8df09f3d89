"""The journal as lessons: each ended episode with its situation, its tag and what it sounded like."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo

from device.clock import Instant
from device.inputs import Context
from device.journal_forget import begun
from device.journal_reader import JournalReader
from device.journal_shapes import Embedding, EpisodeRow
from device.need_prior import NEEDS, Diary
from device.needs import MOST_TAGS, Example
from device.vocabulary import Helped, Need, Outcome

SINCE_S = 180 * 86_400.0
"""Half a year back: what is older has faded to a sixteenth."""

_HELPED = {Helped.FEED: "feed", Helped.CHANGE: "change"}


@dataclass(frozen=True, slots=True)
class Lessons:
    """What there is to learn from, oldest first, and the diary that tells the situation of the next cry.

    `begun` is when the family wished learning to begin anew, None if it never did: what is older is not among it.
    """

    examples: tuple[Example, ...]
    diary: Diary
    begun: Instant | None = None


def lessons(reader: JournalReader, now_utc: float, zone: tzinfo | None = None) -> Lessons:
    """Read the last half year, or what came since learning last began anew. JournalError as the reader's.

    A feed or change that helped counts like one in a diary; both are facts, and go on to count. An episode with neither a
    need nor a sound teaches nothing, and is left out.
    """
    since = now_utc - SINCE_S
    beginning = begun(reader.meta())
    contexts, tagged = [*reader.contexts(since, now_utc + 1.0)], []
    # twice over the rows, one at a time: to keep thousands at once would take most of the memory that learning needs
    for row in reader.rows(since_utc=since, bouts=False):
        if not row.open:
            contexts += _helped(row)
            if row.need in NEEDS:
                tagged.append(row.onset.utc)
    diary = Diary(contexts, zone)
    vectors = _vectors(reader, tagged[-MOST_TAGS] if len(tagged) > MOST_TAGS else since, since)
    since = since if beginning is None else max(since, beginning.utc)
    rows = (row for row in reader.rows(since_utc=since, bouts=False) if not row.open)
    teaching = (row for row in rows if row.need in NEEDS or row.id in vectors)
    examples = tuple(_example(row, diary, vectors.get(row.id)) for row in teaching)
    return Lessons(examples, diary, beginning)


def _example(row: EpisodeRow, diary: Diary, heard: Embedding | None) -> Example:
    return Example(
        row.id,
        row.onset.utc,
        diary.situation(row.onset.utc),
        None if row.need is Need.UNSURE else row.need,
        row.outcome is Outcome.FALSE_ALARM,
        None if heard is None else heard.vector,
        "" if heard is None else heard.model_version,
        confirmed=row.need is not None or bool(row.helped),
    )


def _vectors(reader: JournalReader, counting_utc: float, since_utc: float) -> dict[str, Embedding]:
    """What those cries sounded like that can still count: since the oldest tag learned from, and false alarms."""
    false = reader.embeddings(since_utc=since_utc, outcome=Outcome.FALSE_ALARM)
    return {each.episode_id: each for each in (*false, *reader.embeddings(since_utc=counting_utc))}


def _helped(row: EpisodeRow) -> Iterator[Context]:
    at = row.onset.utc + (row.offset_s or 0.0)
    for helped in row.helped:
        if helped in _HELPED:
            yield Context(f"{row.id}-{helped}", _HELPED[helped], at, None, "", "tag")
