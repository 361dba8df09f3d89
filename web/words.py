"""The family's language and time zone: translations, dates, times and durations as people say them.

Translations are the files translations/<language>.po, compiled when they are first needed, so that another language is
one more file and nothing to build.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from gettext import NullTranslations
from importlib.resources import files
from typing import Literal
from zoneinfo import ZoneInfo

from babel import Locale, negotiate_locale
from babel.core import get_global
from babel.dates import format_date, format_skeleton, get_day_names
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from babel.support import Translations

from device.errors import NurseryError

MINUTE_S = 60
HOUR_S = 3600


@cache
def languages() -> tuple[str, ...]:
    """Languages that the page speaks: English, and one for each file in translations/."""
    found = (entry.name for entry in (files("web") / "translations").iterdir())
    return ("en", *sorted(name.removesuffix(".po") for name in found if name.endswith(".po")))


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)


def spare() -> None:
    """Forget what Babel knows of all other languages and of territories, once ours are found: 2 MB that no page asks for."""
    for language in languages():
        _locale(language)
    for name in ("likely_subtags", "territory_languages", "territory_aliases", "territory_currencies", "language_aliases"):
        known = get_global(name)
        if isinstance(known, dict):
            known.clear()


@cache
def _translations(language: str) -> NullTranslations:
    if language == "en":
        return NullTranslations()
    catalogue = read_po(
        io.BytesIO((files("web") / "translations" / f"{language}.po").read_bytes()), locale=language, domain="messages"
    )
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


@lru_cache(4096)
def _number(value: float, language: str) -> str:
    return str(format_decimal(value, locale=_locale(language)))


@lru_cache(256)
def _percent(share: float, language: str) -> str:
    return str(format_percent(share, locale=_locale(language)))


@lru_cache(512)
def _day(day: date, parts: str, language: str) -> str:
    return str(format_skeleton(parts, datetime.combine(day, time()), locale=_locale(language)))


def choose(wishes: str, fixed: str = "", chosen: str = "") -> str:
    """Pick the language: the person's own choice, else the house's, else the browser's wishes, else English."""
    for language in (chosen, fixed):
        if language in languages():
            return language
    wanted = [part.split(";")[0].strip().replace("-", "_") for part in wishes.split(",") if part.strip()]
    wanted = [each for each in wanted if all(c.isalpha() or c == "_" for c in each)]
    return negotiate_locale(wanted, list(languages())) or "en"


@dataclass(frozen=True, slots=True)
class Words:
    """Says things in one language and one time zone."""

    language: str
    zone: ZoneInfo

    def _(self, message: str, **values: object) -> str:
        """Translate, then fill in `%(name)s` values."""
        text = _translations(self.language).gettext(message)
        return text % values if values else text

    def n_(self, one: str, many: str, n: int, **values: object) -> str:
        """Translate in the grammatical number that `n` needs; `%(n)s` is filled in too."""
        return _translations(self.language).ngettext(one, many, n) % {"n": self.number(n), **values}

    def error(self, error: NurseryError) -> str:
        """What went wrong, in this language as far as it is known there; what fills it may be a sentence of its own."""
        values = {name: self._(value) if isinstance(value, str) and value else value for name, value in error.values.items()}
        return self._(error.message, **values)

    # ---- time ----

    def local(self, utc: float) -> datetime:
        """The family's local time."""
        return datetime.fromtimestamp(utc, self.zone)

    def today(self, utc: float) -> date:
        """The family's date at an instant."""
        return self.local(utc).date()

    def midnight(self, day: date, hour: int = 0) -> float:
        """UTC seconds of a local hour; days have 23, 24 or 25 hours, so never add 86 400."""
        return datetime.combine(day, time(hour), self.zone).astimezone(UTC).timestamp()

    def clock(self, utc: float) -> str:
        """Time of day, to the minute."""
        return self.local(utc).strftime("%H:%M")

    def day(self, day: date) -> str:
        """A date with its weekday, as short as it can be understood."""
        return _day(day, "MMMEd", self.language)

    def long_day(self, day: date) -> str:
        """A date in full."""
        return str(format_date(day, "full", locale=_locale(self.language)))

    def full_day(self, day: date) -> str:
        """Day, month and year."""
        return _day(day, "yMMMd", self.language)

    def short_day(self, day: date) -> str:
        """Day and month alone."""
        return _day(day, "MMMd", self.language)

    def weekdays(self, width: Literal["abbreviated", "wide"] = "abbreviated") -> list[str]:
        """Names of the days, Monday first."""
        names: Mapping[int, str] = get_day_names(width, locale=_locale(self.language))
        return [str(names[i]).rstrip(".") for i in range(7)]

    def when(self, utc: float, now_utc: float) -> str:
        """Time of day, with the date where it is not today."""
        day, today = self.today(utc), self.today(now_utc)
        if day == today:
            return self.clock(utc)
        if day == today - timedelta(days=1):
            return self._("yesterday %(time)s", time=self.clock(utc))
        return f"{self.day(day)}, {self.clock(utc)}"

    # ---- amounts ----

    def number(self, value: float, digits: int = 0) -> str:
        """A number with at most `digits` decimals."""
        return _number(round(value, digits), self.language)

    def percent(self, share: float) -> str:
        """A share of 0..1 as whole percent."""
        return _percent(round(share, 2), self.language)

    def duration(self, seconds: float) -> str:
        """A duration of two units at most: 45 s, 4 min, 1 h 20 min, 3 days."""
        s = round(max(0.0, seconds))
        if s < 90:
            return self._("%(s)s s", s=s)
        minutes = round(s / MINUTE_S)
        if minutes < 60:
            return self._("%(m)s min", m=minutes)
        hours, rest = divmod(minutes, 60)
        if hours >= 48:
            return self.n_("%(n)s day", "%(n)s days", round(hours / 24))
        return self._("%(h)s h %(m)s min", h=hours, m=rest) if rest else self._("%(h)s h", h=hours)

    def span(self, low_s: float, high_s: float) -> str:
        """A range of durations, the unit said once where both have the same: 1½–4 min."""
        if _in_minutes(low_s, high_s):
            first, last = _minutes(low_s), _minutes(high_s)
            return self._("%(m)s min", m=f"{first}–{last}" if first != last else last)
        low, high = self.duration(low_s), self.duration(high_s)
        if low == high:
            return low
        number, _, unit = low.rpartition(" ")
        other, _, same = high.rpartition(" ")
        return f"{number}–{other} {unit}" if unit == same and number.isdigit() and other.isdigit() else f"{low} – {high}"

    def middle(self, middle_s: float, low_s: float, high_s: float) -> str:
        """A duration within a range, said as exactly as `span` says that range: else “2–4 min, half within 2 min”."""
        if _in_minutes(low_s, high_s):
            return self._("%(m)s min", m=_minutes(middle_s))
        return self.duration(middle_s)


def _in_minutes(low_s: float, high_s: float) -> bool:
    """True if a range is said in minutes."""
    return 30 <= low_s <= high_s and 2 * MINUTE_S <= high_s < HOUR_S - 30


def _minutes(seconds: float) -> str:
    """Minutes as a person says them: halves below five, then whole ones."""
    if seconds >= 5 * MINUTE_S:
        return str(round(seconds / MINUTE_S))
    whole, half = divmod(round(seconds / 30), 2)
    return f"{whole or ''}½" if half else str(whole)


def language_name(language: str) -> str:
    """A language's name in itself."""
    return str(_locale(language).get_display_name(language) or language).capitalize()
