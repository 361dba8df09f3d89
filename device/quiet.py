"""Times of day in the family's zone: quiet hours and where today begins. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo

from device.clock import Instant


def family_zone(name: str) -> tzinfo:
    """The zone called `name`; empty: the machine's own."""
    if name:
        return ZoneInfo(name)
    local = datetime.now(UTC).astimezone().tzinfo
    return local or UTC


def quiet_hours(text: str, zone_name: str) -> Callable[[Instant], bool]:
    """What tells whether an instant lies in hours like "22:00-06:00" (over midnight if the end comes first)."""
    if not text:
        return lambda _: False
    begin, end = (time.fromisoformat(part) for part in text.split("-"))

    def inside(at: Instant) -> bool:
        now = _local(at.utc, zone_name).time()
        return begin <= now < end if begin <= end else now >= begin or now < end

    return inside


def midnight_utc(utc: float, zone_name: str) -> float:
    """Unix time at which the local day of `utc` began; right on days with a clock change too."""
    local = _local(utc, zone_name)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).timestamp()


def _local(utc: float, zone_name: str) -> datetime:
    # astimezone() without a zone follows the machine's own rules for that date, summer time included
    moment = datetime.fromtimestamp(utc, UTC)
    return moment.astimezone(ZoneInfo(zone_name)) if zone_name else moment.astimezone()
