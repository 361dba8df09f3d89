"""Times of day in the family's zone: quiet hours and where today begins."""

import os
from collections.abc import Callable
from datetime import datetime, time, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from device.clock import Instant


def family_zone(name: str) -> ZoneInfo:
    """The zone called `name`; without a name, the machine's own; UTC where that cannot be told."""
    link, stated = Path("/etc/localtime"), Path("/etc/timezone")
    candidates = [name, os.environ.get("TZ", "").lstrip(":")]
    if link.is_symlink():
        candidates.append(str(link.resolve()).partition("zoneinfo/")[2])
    if stated.is_file():
        candidates.append(stated.read_text().strip())
    for candidate in candidates:
        try:
            if candidate:
                return ZoneInfo(candidate)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo("UTC")


def quiet_hours(text: str, zone_name: str) -> Callable[[Instant], bool]:
    """What tells whether an instant lies in hours like "22:00-06:00" (over midnight if the end comes first).

    While the clock may be wrong no hour is quiet: by a clock that stood still in a power cut a night's cries would not ring.
    """
    if not text:
        return lambda _: False
    begin, end = (time.fromisoformat(part) for part in text.split("-"))
    zone = family_zone(zone_name)

    def inside(at: Instant) -> bool:
        if not at.synced:
            return False
        now = datetime.fromtimestamp(at.utc, zone).time()
        return begin <= now < end if begin <= end else now >= begin or now < end

    return inside


def midnight_utc(utc: float, zone: tzinfo) -> float:
    """Unix time at which the local day of `utc` began; right on days with a clock change too."""
    local = datetime.fromtimestamp(utc, zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).timestamp()
