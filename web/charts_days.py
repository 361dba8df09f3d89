"""Charts of days: the week's rhythm as a map of hours, crying by day, and counts as bars."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from device.statistics import Rhythm
from device.vocabulary import Distress
from web.figures import Day
from web.svg import HATCH, line, picture, rect, text
from web.words import Words

WIDTH = 360.0
SCALES = (10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0, 360.0)
"""Minutes at which the scale of crying by day may end."""

LEVELS = (0.5, 2.0, 5.0, 10.0)
"""Minutes of crying an hour at which the map of hours takes its next colour."""


def level(minutes: float | None) -> int | None:
    """The colour's number for minutes an hour; None where nobody listened."""
    return None if minutes is None else sum(1 for edge in LEVELS if minutes >= edge)


def heat(rhythm: Rhythm, window: tuple[int, int] | None, w: Words, label: str) -> Markup:
    """Weekdays across, hours down, as a phone is held; the likely window is ringed."""
    left, top, tall = 28.0, 22.0, 13.0
    wide = (WIDTH - left) / 7
    parts: list[str] = [HATCH]
    for day, name in enumerate(w.weekdays()):
        parts.append(text(left + (day + 0.5) * wide, 15, name, "strong", "middle"))
        for hour in range(24):
            colour = level(rhythm.minutes(day, hour))
            parts.append(
                rect(
                    left + day * wide + 1,
                    top + hour * tall + 0.5,
                    wide - 2,
                    tall - 1,
                    "gap" if colour is None else f"h{colour}",
                    2,
                )
            )
    for hour in range(0, 24, 3):
        parts.append(text(left - 6, top + hour * tall + 12, f"{hour:02d}", anchor="end"))
    if window is not None:
        start, end = window
        pieces = [(start, end)] if end > start else [(start, 24), (0, end)]
        parts += [rect(left, top + a * tall, WIDTH - left - 1, (b - a) * tall, "ring", 4) for a, b in pieces if b > a]
    return picture(WIDTH, top + 24 * tall + 4, label, parts)


def by_day(days: Sequence[Day], w: Words, label: str) -> Markup:
    """Minutes of crying a day by how distressed; days that were not listened to are hatched."""
    base, tall, left = 128.0, 104.0, 34.0
    most = _above(max([*(sum(day.minutes.values()) for day in days), 0.0]))
    wide = (WIDTH - left) / max(1, len(days))
    parts: list[str] = [HATCH]
    for share in (0.5, 1.0):
        parts.append(line(left, base - tall * share, WIDTH, base - tall * share, "line"))
        parts.append(text(left - 4, base - tall * share + 5, w.number(most * share), anchor="end"))
    for number, day in enumerate(days):
        x, y = left + number * wide, base
        if day.listened < 0.5:
            parts.append(rect(x, base - tall, wide, tall, "gap"))
        for grade, class_ in ((Distress.FUSSING, "d1"), (Distress.CRYING, "d2"), (Distress.SCREAMING, "d3")):
            height = tall * day.minutes.get(grade, 0.0) / most
            y -= height
            if height > 0.05:
                parts.append(rect(x + wide * 0.1, y, wide * 0.8, height, class_))
    parts.append(line(left, base, WIDTH, base, "axis"))
    for number in sorted({0, len(days) // 2, len(days) - 1}):
        anchor = "end" if number == len(days) - 1 and number else "middle" if number else None
        parts.append(
            text(
                left + (number + (0.5 if anchor == "middle" else 1 if anchor else 0)) * wide,
                base + 19,
                w.short_day(days[number].day),
                anchor=anchor,
            )
        )
    return picture(WIDTH, 154, label, parts)


def _above(minutes: float) -> float:
    """The scale's end: round, and so is its half."""
    return next((end for end in SCALES if end >= minutes), 60.0 * math.ceil(minutes / 60))


def bars(rows: Sequence[tuple[str, int]], w: Words, label: str) -> Markup:
    """Counts with their names, the most frequent first."""
    most = max([*(count for _, count in rows), 1])
    parts: list[str] = []
    for number, (name, count) in enumerate(rows):
        y = number * 44.0
        parts.append(text(0, y + 15, name, "strong"))
        parts.append(text(WIDTH, y + 15, w.number(count), anchor="end"))
        parts.append(rect(0, y + 21, max(3.0, WIDTH * count / most), 12, "bar", 6))
    return picture(WIDTH, 44.0 * len(rows), label, parts)
