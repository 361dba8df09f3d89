"""Thousands of episodes as columns, so that statistics over a year take milliseconds. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from device.clock import Instant
from device.record import Bout
from device.vocabulary import Helped, Need, Outcome

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

OUTCOMES = tuple(Outcome)
NEEDS = tuple(Need)
HELPED = tuple(Helped)
NONE = -1
"""The code of an episode that is still open, or that nobody has tagged."""


class Case(Protocol):
    """What is needed of an episode; `Episode` and the journal's `EpisodeRow` both have it."""

    @property
    def onset(self) -> Instant:
        """When it began."""
        ...

    @property
    def offset_s(self) -> float | None:
        """When it ended, seconds after onset."""
        ...

    @property
    def crying_s(self) -> float:
        """Seconds of crying in it."""
        ...

    @property
    def distress(self) -> float:
        """How distressed it sounded, 0..1."""
        ...

    @property
    def bouts(self) -> tuple[Bout, ...]:
        """Its bouts."""
        ...

    @property
    def outcome(self) -> Outcome | None:
        """How it ended."""
        ...

    @property
    def answered_s(self) -> float | None:
        """Onset → the first known sign of an answer."""
        ...

    @property
    def time_to_response_s(self) -> float | None:
        """Onset → arrive."""
        ...

    @property
    def need(self) -> Need | None:
        """The need as tagged."""
        ...

    @property
    def helped(self) -> tuple[Helped, ...]:
        """What helped, as tagged."""
        ...


@dataclass(frozen=True, slots=True)
class Table:
    """A row for each episode: UTC seconds and seconds after onset, nan where unknown; codes into OUTCOMES and NEEDS.

    `answered_s` and `response_s` are onset → first sign of an answer and onset → arrive, never below 0. `helped` has a bit
    for each of HELPED. `bouts_of` gives the bouts of the rows asked for.
    """

    onset_utc: Array
    offset_s: Array
    answered_s: Array
    response_s: Array
    crying_s: Array
    distress: Array
    outcome: Codes
    need: Codes
    helped: Codes
    bouts_of: Callable[[list[int]], Sequence[tuple[Bout, ...]]]

    def __len__(self) -> int:
        """How many episodes."""
        return len(self.onset_utc)

    def where(self, mask: Mask) -> "Table":
        """The rows for which the mask holds."""
        if mask.all():
            return self
        kept = np.flatnonzero(mask)
        columns = {each.name: getattr(self, each.name)[kept] for each in fields(self) if each.name != "bouts_of"}
        return Table(**columns, bouts_of=lambda rows: self.bouts_of(kept[rows].tolist()))

    def real(self) -> "Table":
        """Leave out what was no crying."""
        return self.where(self.outcome != OUTCOMES.index(Outcome.FALSE_ALARM))

    def with_help(self, helped: Helped) -> Mask:
        """In which rows this helped."""
        return np.asarray(self.helped & (1 << HELPED.index(helped)) != 0)

    def known_s(self) -> Array:
        """How long each is known to have gone on."""
        known = self.offset_s.copy()
        unknown = np.flatnonzero(np.isnan(known))
        for row, bouts in zip(unknown, self.bouts_of(unknown.tolist()), strict=True):
            known[row] = bouts[-1].end_s if bouts else 0.0
        return known


Cases = Sequence[Case] | Table


def table(cases: Cases) -> Table:
    """Make a table of episodes; of a table, itself."""
    if isinstance(cases, Table):
        return cases
    columns = [
        [
            each.onset.utc,
            each.offset_s,
            each.answered_s,
            each.time_to_response_s,
            each.crying_s,
            each.distress,
        ]
        for each in cases
    ]
    numbers = np.array(columns, dtype=np.float64).reshape(len(cases), 6)
    onset, offset, answered, response, crying, distress = numbers.T
    return Table(
        onset,
        offset,
        answered,
        response,
        crying,
        distress,
        outcome=_codes(OUTCOMES, [each.outcome for each in cases]),
        need=_codes(NEEDS, [each.need for each in cases]),
        helped=np.array([sum(1 << HELPED.index(each) for each in case.helped) for case in cases], dtype=np.int64),
        bouts_of=lambda rows: [cases[row].bouts for row in rows],
    )


def _codes(names: Sequence[str], values: Sequence[str | None]) -> Codes:
    known: dict[str | None, int] = {name: code for code, name in enumerate(names)}
    return np.array([known.get(value, NONE) for value in values], dtype=np.int64)
