"""A day (or a night) as four lines of time: crying stands on each line, what nobody heard is hatched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from device.journal import Context, Span
from device.record import Episode
from device.vocabulary import Distress
from web.chart_episode import DEPTHS
from web.svg import HATCH, ack_sign, alert_sign, arrive_sign, calm_sign, line, picture, rect, tag, text
from web.words import Words

WIDTH, ROW = 360.0, 92.0
BASE, TALL, TOP = 64.0, 42.0, 14.0
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a line of time shows; UTC seconds. `edges` are the ends of its rows, the first one its beginning."""

    edges: tuple[float, ...]
    episodes: Sequence[Episode]
    spans: Sequence[Span]
    contexts: Sequence[Context]
    now_utc: float
    addresses: Sequence[str] = ()


def draw(shown: Shown, w: Words, label: str) -> Markup:
    """The whole picture; each episode leads to its page when it is tapped."""
    rows = list(zip(shown.edges, shown.edges[1:], strict=False))
    parts: list[str] = [HATCH]
    for number, (start, end) in enumerate(rows):
        parts.append(tag("g", *_row(shown, start, end, w), transform=f"translate(0 {number * ROW:g})"))
    return picture(WIDTH, ROW * len(rows), label, parts)


def _row(shown: Shown, start: float, end: float, w: Words) -> list[str]:
    scale = WIDTH / (end - start)

    def x(utc: float) -> float:
        return scale * (min(max(utc, start), end) - start)

    parts: list[str] = []
    for span in shown.spans:
        if span.kind != "listening" and span.end_utc > start and span.start_utc < end:
            left = x(span.start_utc)
            parts.append(rect(left, TOP, max(1.5, x(span.end_utc) - left), BASE - TOP + 5, "gap"))
    if shown.now_utc < end:
        parts.append(rect(x(shown.now_utc), TOP, WIDTH - x(shown.now_utc), BASE - TOP + 5, "later"))
    hour = start
    while hour <= end:
        parts.append(line(x(hour), BASE, x(hour), BASE + 5, "axis"))
        if hour < end and round((hour - start) / HOUR_S) % 2 == 0:
            parts.append(text(x(hour) + 2, BASE + 20, w.clock(hour)))
        hour += HOUR_S
    for context in shown.contexts:
        if (context.end_utc or context.start_utc) >= start and context.start_utc < end:
            until = context.end_utc if context.end_utc and context.end_utc > context.start_utc else context.start_utc
            parts.append(rect(x(context.start_utc), BASE + 1, max(4.0, x(until) - x(context.start_utc)), 5, context.kind))
    parts.append(line(0, BASE, WIDTH, BASE, "axis"))
    for number, each in enumerate(shown.episodes):
        last = each.onset.utc + _end_s(each)
        if last >= start and each.onset.utc < end:
            inside = _episode(each, x, start, end)
            address = shown.addresses[number] if number < len(shown.addresses) else None
            parts.append(tag("g", *inside, data_href=address))
    return parts


def _end_s(episode: Episode) -> float:
    return max([episode.offset_s or 0.0, *(bout.end_s for bout in episode.bouts)])


def _episode(episode: Episode, x: Callable[[float], float], start: float, end: float) -> list[str]:
    onset = episode.onset.utc

    def here(at_s: float) -> bool:
        return start <= onset + at_s < end

    parts: list[str] = []
    left, right = x(onset), x(onset + _end_s(episode))
    parts.append(rect(left - 8, TOP, right - left + 16, BASE - TOP, "touch"))
    if episode.arrived is not None:
        begin = x(onset + max(0.0, episode.arrived.at_s))
        parts.append(rect(begin, BASE, max(2.0, right - begin), 4, "band"))
    for bout in episode.bouts:
        if onset + bout.end_s >= start and onset + bout.start_s < end:
            tall = TALL * (0.25 + 0.75 * min(1.0, bout.distress))
            begin = x(onset + bout.start_s)
            width = max(2.0, x(onset + bout.end_s) - begin)
            parts.append(rect(begin, BASE - tall, width, tall, DEPTHS[Distress.of(bout.distress)]))
    parts += [alert_sign(x(onset + alert.at_s), TOP + 4) for alert in episode.alerts[:1] if here(alert.at_s)]
    if episode.offset_s is not None and not episode.open and here(episode.offset_s):
        parts.append(calm_sign(x(onset + episode.offset_s), BASE - TALL, BASE))
    if episode.acknowledged is not None and here(episode.acknowledged.at_s):
        parts.append(ack_sign(x(onset + episode.acknowledged.at_s), TOP + 8))
    if episode.arrived is not None and here(max(0.0, episode.arrived.at_s)):
        parts.append(arrive_sign(x(onset + max(0.0, episode.arrived.at_s)), TOP + 8))
    return parts
