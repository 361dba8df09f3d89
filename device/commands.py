"""What people may ask of the monitor: a command means the same from page, phone, push, button and command line."""

import math
import re
from collections.abc import Callable, Mapping, Sequence

from device.clock import Instant
from device.errors import CommandError
from device.inputs import (
    Command,
    Context,
    Edit,
    Forget,
    ImportContexts,
    Mute,
    Response,
    SetAlerts,
    SetSensitivity,
    Tag,
    TestAlert,
)
from device.vocabulary import Helped, Kind, Need, Source

MAX_MUTE_MINUTES = 24 * 60
MAX_NOTE = 500
QUIET_HOURS = r"|([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d"
MAX_ENTRIES = 200
MAX_UTC = 32_503_680_000
"""The year 3000: later is a mistake."""

CONTEXT_KINDS = ("feed", "sleep", "change", "other")
EDITS = ("acknowledge", "arrive", "untag", "note", "delete", "undo")
BARE_KEY = {
    "acknowledge": "caregiver",
    "arrived": "caregiver",
    "need": "need",
    "mute": "minutes",
    "alerts": "alert_after_s",
    "test": "token",
    "sensitivity": "sensitivity",
}
"""What a payload of a single word means, by command."""

Payload = Mapping[str, object]


def parse(name: str, payload: Payload, at: Instant, source: Source) -> Command:
    """Turn a command's name and payload into the input it means.

    Raises:
        CommandError: an unknown name, key or value; the sentence says what would be right.
    """
    maker = _MAKERS.get(name)
    if maker is None:
        raise CommandError("%(name)r is no command; known are %(known)s", name=name, known=", ".join(_MAKERS))
    allowed = _KEYS[name]
    for key in payload:
        if key not in allowed:
            if not allowed:
                raise CommandError("%(name)s: %(key)r is not understood; it takes no keys at all", name=name, key=key)
            raise CommandError(
                "%(name)s: %(key)r is not understood; possible are %(known)s", name=name, key=key, known=", ".join(allowed)
            )
    return maker(payload, at, source)


def _short(value: object) -> str:
    return str(value)[:40]


def _not_among(key: str, value: object, known: Sequence[str]) -> CommandError:
    return CommandError(
        "%(key)s = %(value)r: must be one of %(known)s", key=key, value=_short(value), known=", ".join(known)
    )


def _text(payload: Payload, key: str, longest: int) -> str | None:
    value = payload.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > longest or any(map(_unfit, value)):
        raise CommandError(
            "%(key)s = %(value)r: must be text of at most %(longest)s letters", key=key, value=_short(value), longest=longest
        )
    return value


def _name(payload: Payload) -> str | None:
    name = _text(payload, "caregiver", 24)
    return None if name is None else name.strip() or None


def _unfit(letter: str) -> bool:
    """True for control characters, and for half a surrogate pair, which no file or message can hold."""
    return (ord(letter) < 32 and letter != "\n") or 0xD800 <= ord(letter) <= 0xDFFF


def _number(payload: Payload, key: str, low: float, high: float) -> float | None:
    value = payload.get(key)
    if value is None:
        return None
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not low <= number <= high:
        raise CommandError(
            "%(key)s = %(value)r: must be a number from %(low)s to %(high)s",
            key=key, value=_short(value), low=f"{low:g}", high=f"{high:g}",
        )  # fmt: skip
    return number


def _response(kind: Kind) -> Callable[[Payload, Instant, Source], Command]:
    return lambda payload, at, source: Response(at, kind, source, _name(payload))


def _tag(payload: Payload, at: Instant, source: Source) -> Command:
    word = payload.get("need")
    not_crying = word == "not_crying"
    need = None
    if word is not None and not not_crying:
        if word not in list(Need):
            raise _not_among("need", word, (*Need, "not_crying"))
        need = Need(str(word))
    helped = payload.get("helped")
    if helped is None or helped == "":
        helped = []
    if isinstance(helped, str):
        helped = [helped]
    if not isinstance(helped, list | tuple) or not all(isinstance(h, str) and h in list(Helped) for h in helped):
        raise CommandError("helped = %(value)r: must be a list of %(known)s", value=_short(helped), known=", ".join(Helped))
    note = _text(payload, "note", MAX_NOTE)
    if need is None and not not_crying and not helped and note is None:
        raise CommandError("need: say the need, what helped, or a note")
    return Tag(at, source, _text(payload, "episode", 64), need, not_crying, tuple(Helped(h) for h in helped), note)


def _mute(payload: Payload, at: Instant, source: Source) -> Command:
    minutes = _number(payload, "minutes", 0, MAX_MUTE_MINUTES)
    if minutes is None:
        raise CommandError("mute: say for how many minutes (0 to %(most)s; 0 ends it)", most=MAX_MUTE_MINUTES)
    return Mute(at, source, minutes * 60)


def _sensitivity(payload: Payload, at: Instant, source: Source) -> Command:
    word = payload.get("sensitivity")
    if word not in ("low", "normal", "high"):
        raise _not_among("sensitivity", word, ("low", "normal", "high"))
    return SetSensitivity(at, source, str(word))


def _alerts(payload: Payload, at: Instant, source: Source) -> Command:
    after_s = _number(payload, "alert_after_s", 0, 1800)
    hours = payload.get("quiet_hours")
    if hours is not None and not (isinstance(hours, str) and re.fullmatch(QUIET_HOURS, hours)):
        raise CommandError(
            'quiet_hours = %(value)r: write hours like "22:00-06:00", or nothing for none', value=_short(hours)
        )
    if after_s is None and hours is None:
        raise CommandError("alerts: say alert_after_s (0 to 1800 seconds), quiet_hours, or both")
    return SetAlerts(at, source, after_s, None if hours is None else str(hours))


def _forget(payload: Payload, at: Instant, source: Source) -> Command:
    undo = payload.get("undo", False)
    if not isinstance(undo, bool):
        raise CommandError("undo = %(value)r: must be true or false", value=_short(undo))
    return Forget(at, source, undo)


def _test(payload: Payload, at: Instant, source: Source) -> Command:
    return TestAlert(at, source, _text(payload, "token", 64) or "")


def _import(payload: Payload, at: Instant, source: Source) -> Command:
    rows = payload.get("entries")
    if not isinstance(rows, list | tuple) or not 0 < len(rows) <= MAX_ENTRIES:
        raise CommandError("import: give 1 to %(most)s entries", most=MAX_ENTRIES)
    return ImportContexts(at, source, tuple(_context(row) for row in rows))


def _context(row: object) -> Context:
    if not isinstance(row, Mapping):
        raise CommandError(
            "import: %(value)r is no entry; give id, kind, start_utc, end_utc, note and source", value=_short(row)
        )
    start_utc = _number(row, "start_utc", 0, MAX_UTC)
    if (name := _text(row, "id", 80)) is None or start_utc is None or row.get("kind") not in CONTEXT_KINDS:
        raise CommandError("import: an entry needs id, start_utc and a kind of %(known)s", known=", ".join(CONTEXT_KINDS))
    end_utc = _number(row, "end_utc", start_utc, MAX_UTC)
    note, source = _text(row, "note", MAX_NOTE), _text(row, "source", 40)
    return Context(name, str(row["kind"]), start_utc, end_utc, note or "", source or "")


def _edit(payload: Payload, at: Instant, source: Source) -> Command:
    action = payload.get("action")
    if action not in EDITS:
        raise _not_among("action", action, EDITS)
    episode = _text(payload, "episode", 64)
    if episode is None and action != "undo":
        raise CommandError("edit: say which episode is meant")
    at_s = _number(payload, "at_s", -3600, 7 * 86400)
    return Edit(at, source, episode or "", str(action), at_s, _name(payload), _text(payload, "note", MAX_NOTE))


_MAKERS: dict[str, Callable[[Payload, Instant, Source], Command]] = {
    "acknowledge": _response(Kind.ACKNOWLEDGE),
    "arrived": _response(Kind.ARRIVE),
    "need": _tag,
    "mute": _mute,
    "sensitivity": _sensitivity,
    "alerts": _alerts,
    "forget": _forget,
    "test": _test,
    "edit": _edit,
    "import": _import,
}
_KEYS: dict[str, tuple[str, ...]] = {
    "acknowledge": ("caregiver",),
    "arrived": ("caregiver",),
    "need": ("need", "episode", "helped", "note"),
    "mute": ("minutes",),
    "sensitivity": ("sensitivity",),
    "alerts": ("alert_after_s", "quiet_hours"),
    "forget": ("undo",),
    "test": ("token",),
    "edit": ("episode", "action", "at_s", "caregiver", "note"),
    "import": ("entries",),
}
COMMANDS = tuple(_MAKERS)
