"""Charts of answers: dots, a distribution, the answered-by curve, ranges. SVG without styles, scaled to a phone's width."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from device.statistics import Curve
from web.svg import dot, line, path, picture, rect, text
from web.words import Words

WIDTH = 360.0
LEFT, RIGHT = 52.0, 12.0
STEP = 0.8
"""Steps of a curve nearer than this are drawn as one."""


def dots(times_s: Sequence[float], w: Words, label: str) -> Markup:
    """Single times as dots on a line; used while there are too few for more."""
    longest = max([*times_s, 60.0])
    scale = (WIDTH - 2 * RIGHT) / longest
    parts = [
        line(RIGHT, 40, WIDTH - RIGHT, 40, "axis"),
        text(RIGHT, 62, "0"),
        text(WIDTH - RIGHT, 62, w.duration(longest), anchor="end"),
    ]
    parts += [dot(RIGHT + scale * each, 28, 6, "dot") for each in times_s]
    return picture(WIDTH, 70, label, parts)


def distribution(counts: Sequence[int], edges_s: Sequence[float], w: Words, label: str) -> Markup:
    """Bars of how many answers came within each stretch of time."""
    most, base, tall = max([*counts, 1]), 128.0, 100.0
    wide = WIDTH / len(counts)
    parts: list[str] = [line(0, base, WIDTH, base, "axis")]
    for number, count in enumerate(counts):
        height = tall * count / most
        parts.append(rect(number * wide + 3, base - height, wide - 6, height, "bar", 2))
        if count:
            parts.append(text((number + 0.5) * wide, base - height - 4, w.number(count), "strong", "middle"))
        parts.append(
            text(
                number * wide, base + 18, w.duration(edges_s[number]) if number else "0", anchor="middle" if number else None
            )
        )
    return picture(WIDTH, 152, label, parts)


def answered_by(curve: Curve, before: Curve | None, longest_s: float, w: Words, label: str) -> Markup:
    """The share of cries answered by each time, with its limits; the last period's as a broken line."""
    top, base = 14.0, 170.0
    scale = (WIDTH - LEFT - RIGHT) / longest_s

    def x(time_s: float) -> float:
        return LEFT + scale * min(time_s, longest_s)

    def y(share: float) -> float:
        return base - (base - top) * share

    def steps(which: Curve, values: Sequence[float]) -> list[tuple[float, float]]:
        found = [(LEFT, y(which.start))]
        for time, value in _last_of_each(which.times_s, values, longest_s, STEP / scale):
            found.append((x(time), y(value)))
        return [*found, (WIDTH - RIGHT, found[-1][1])]

    parts: list[str] = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(line(LEFT, y(share), WIDTH - RIGHT, y(share), "axis" if share == 0 else "line"))
        parts.append(text(LEFT - 5, y(share) + 5, w.percent(share), anchor="end"))
    for number in range(5):
        time = longest_s * number / 4
        parts.append(
            text(x(time), base + 20, w.duration(time) if number else "0", anchor="end" if number == 4 else "middle")
        )
    parts.append(
        path([*_corners(steps(curve, curve.high)), *reversed(_corners(steps(curve, curve.low)))], "spread", close=True)
    )
    if before is not None:
        parts.append(path(steps(before, before.p), "curve2", steps=True))
    parts.append(path(steps(curve, curve.p), "curve", steps=True))
    return picture(WIDTH, 198, label, parts)


def _last_of_each(
    times_s: Sequence[float], values: Sequence[float], longest_s: float, step_s: float
) -> Iterator[tuple[float, float]]:
    """Leave out steps too small to be seen, so that a year draws as lightly as a week."""
    at, end = 0, bisect_right(times_s, longest_s)
    while at < end:
        beyond = bisect_left(times_s, times_s[at] + step_s, at + 1, end)
        yield times_s[at], values[beyond - 1]
        at = beyond


def _corners(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The corners of steps, so that they can be walked backwards too."""
    out = [points[0]]
    for (_, before), (x, y) in pairwise(points):
        out += [(x, before), (x, y)]
    return out


@dataclass(frozen=True, slots=True)
class Range:
    """A named range: from `low` to `high` with a stroke at `half` (s); without them its single times as dots."""

    name: str
    low: float | None
    half: float | None
    high: float | None
    times: Sequence[float] = ()


def ranges(rows: Sequence[Range], w: Words, label: str) -> Markup:
    """Ranges above one another on one line of time."""
    values = [row.high for row in rows if row.high] + [each for row in rows if row.low is None for each in row.times]
    longest = max([*values, 60.0])
    step = next((s for s in (30, 60, 120, 300, 600, 1200, 1800, 3600) if longest / s <= 4), 7200)
    longest = math.ceil(longest / step) * step
    scale = (WIDTH - 2 * RIGHT) / longest
    tall = 54.0
    parts: list[str] = []
    for tick in range(0, longest + 1, step):
        x = RIGHT + scale * tick
        parts.append(line(x, 0, x, tall * len(rows), "line"))
        parts.append(
            text(
                x,
                tall * len(rows) + 20,
                w.duration(tick) if tick else "0",
                anchor="end" if tick == longest else "middle" if tick else None,
            )
        )
    for number, row in enumerate(rows):
        y = tall * number + 34
        parts.append(text(RIGHT + 2, y - 14, row.name, "strong"))
        if row.low is not None and row.high is not None and row.half is not None:
            parts.append(rect(RIGHT + scale * row.low, y - 6, max(3.0, scale * (row.high - row.low)), 14, "bar2", 7))
            parts.append(line(RIGHT + scale * row.half, y - 9, RIGHT + scale * row.half, y + 11, "calmed"))
        else:
            parts += [dot(RIGHT + scale * min(each, longest), y, 5, "dot") for each in row.times]
    return picture(WIDTH, tall * len(rows) + 28, label, parts)
