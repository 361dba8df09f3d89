"""How the device is: what it listens with, whether it hears, and how much of the week it listened."""

import shutil
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, render_template

from device import __version__
from device.errors import JournalError
from device.journal import FaultRecord
from web.day import coverage, gaps, listened_s
from web.parts import now_utc, parts, reader, words

blueprint = Blueprint("health", __name__)


@dataclass(frozen=True, slots=True)
class Covered:
    """A day and the share of it (so far) that was listened to, 0..1; and when and why it was not."""

    day: date
    share: float
    gaps: tuple[str, ...]


@blueprint.get("/health")
def page() -> str:
    """The device in words."""
    live = parts().live.now()
    try:
        free_mb = shutil.disk_usage(parts().folder).free / 1e6
    except OSError:
        free_mb = None
    return render_template(
        "health.html",
        live=live,
        state=live.state if live.reachable else None,
        free_mb=free_mb,
        version=__version__,
        week=week(),
        faults=_faults(),
        zone=parts().zone.key,
    )


def week() -> list[Covered]:
    """The last seven days, today first."""
    w, now = words(), now_utc()
    today = w.today(now)
    found = []
    for back in range(7):
        day = today - timedelta(days=back)
        start, midnight = w.midnight(day), w.midnight(day + timedelta(days=1))
        end = min(now, midnight)
        try:
            spans = coverage(start, end)
        except JournalError:
            return []
        heard = listened_s(spans)
        found.append(Covered(day, heard / (end - start) if end > start else 0.0, tuple(gaps(spans, start, midnight, w))))
    return found


def _faults() -> list[FaultRecord]:
    try:
        return reader().faults(now_utc() - 7 * 86400, now_utc())[::-1]
    except JournalError:
        return []
