"""One episode on a line of time."""

from markupsafe import Markup

from device.record import Episode
from device.vocabulary import Distress
from web.svg import ack_sign, alert_sign, arrive_sign, calm_sign, line, picture, rect, text
from web.words import Words

WIDTH, HEIGHT = 360.0, 150.0
LEFT, RIGHT = 8.0, 24.0
BASE, TALL = 112.0, 68.0
DEPTHS = {Distress.FUSSING: "d1", Distress.CRYING: "d2", Distress.SCREAMING: "d3"}
STEPS_S = (10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


def depth(distress: float) -> float:
    """How tall a bout stands: never so low that it is not seen."""
    return TALL * (0.25 + 0.75 * min(1.0, max(0.0, distress)))


def draw(episode: Episode, w: Words, label: str) -> Markup:
    """Bouts stand on the line, taller and deeper the more distressed; marks above, the time somebody was there below."""
    ends = [bout.end_s for bout in episode.bouts] + [alert.at_s for alert in episode.alerts]
    for mark in (episode.acknowledged, episode.arrived):
        ends += [mark.at_s] if mark else []
    total = max([*ends, episode.offset_s or 0.0, 10.0])
    scale = (WIDTH - LEFT - RIGHT) / total

    def x(at_s: float) -> float:
        return LEFT + scale * min(max(at_s, 0.0), total)

    parts: list[str] = []
    if episode.arrived is not None:
        parts.append(rect(x(episode.arrived.at_s), BASE, x(total) - x(episode.arrived.at_s), 9, "band"))
    for bout in episode.bouts:
        tall = depth(bout.distress)
        parts.append(
            rect(
                x(bout.start_s),
                BASE - tall,
                max(2.0, x(bout.end_s) - x(bout.start_s)),
                tall,
                DEPTHS[Distress.of(bout.distress)],
                2,
            )
        )
    parts.append(line(LEFT, BASE, WIDTH - RIGHT, BASE, "axis"))
    step = next((s for s in STEPS_S if total / s <= 4), STEPS_S[-1])
    for tick in range(0, int(total) + 1, step):
        parts.append(line(x(tick), BASE, x(tick), BASE + 14, "axis"))
        said = w.duration(tick) if tick else "0"
        parts.append(text(x(tick), BASE + 30, said, anchor="middle" if tick else None))
    parts += [alert_sign(x(alert.at_s), 30) for alert in episode.alerts]
    if episode.offset_s is not None and not episode.open:
        parts.append(calm_sign(x(episode.offset_s), BASE - TALL, BASE))
    if episode.acknowledged is not None:
        parts.append(ack_sign(x(episode.acknowledged.at_s), 38))
    if episode.arrived is not None:
        parts.append(arrive_sign(x(episode.arrived.at_s), 38))
    return picture(WIDTH, HEIGHT, label, parts)
