"""A simulated family for the demonstration: three weeks of feeding, sleeping, crying and answering, from a seed.

It decides what happens; what the monitor would have made of it is left to the real tracker (`device.demo_history`).
"""

from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

import numpy as np

from device.inputs import Context
from device.vocabulary import Helped, Need, Source

DAYS = 21
CAREGIVERS = ("Ana", "Ben")
HOUR_S, DAY_S = 3_600.0, 86_400.0

_HELPED = {
    Need.HUNGER: (Helped.FEED,),
    Need.DISCOMFORT: (Helped.CHANGE,),
    Need.TIRED: (Helped.HOLD, Helped.SLEEP),
    Need.PAIN: (Helped.HOLD,),
    Need.UNSURE: (Helped.HOLD,),
}
_NOTES = {
    Need.HUNGER: ("drank well", "only a few sips", "cluster feeding again"),
    Need.DISCOMFORT: ("wet nappy", "too warm, took the blanket off", "a lot of wind"),
    Need.TIRED: ("asleep after five minutes of rocking", "missed the nap"),
    Need.PAIN: ("vaccination today",),
}


@dataclass(frozen=True, slots=True)
class Cry:
    """One time of crying: when, why (None: no baby at all), how distressed, and what became of it.

    `alone_s` is how long it would go on alone, `response_s` when somebody comes (None: nobody), `acknowledge_s` when
    somebody says that they are on the way, `calm_s` how long it takes then.
    """

    at_utc: float
    cause: Need | None
    distress: float
    alone_s: float
    response_s: float | None = None
    acknowledge_s: float | None = None
    caregiver: str | None = None
    source: Source = Source.BUTTON
    calm_s: float = 60.0
    tag: Need | None = None
    false_alarm: bool = False
    helped: tuple[Helped, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without listening: `kind` is off (`reason` cut or stopped) or lost (a sentence)."""

    start_utc: float
    end_utc: float
    kind: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Life:
    """Everything that happened, in order of time."""

    cries: tuple[Cry, ...]
    contexts: tuple[Context, ...]
    gaps: tuple[Gap, ...]


def live(until_utc: float, zone: tzinfo | None, rng: np.random.Generator) -> Life:
    """Live DAYS days that end at `until_utc`; hours of the day are the family's (`zone`, None: the machine's)."""
    return _Family(until_utc, zone, rng).life()


class _Family:
    def __init__(self, until_utc: float, zone: tzinfo | None, rng: np.random.Generator) -> None:
        self._start = until_utc - DAYS * DAY_S
        self._until = until_utc
        self._zone = zone
        self._rng = rng
        self._cries: list[Cry] = []
        self._contexts: list[Context] = []

    def life(self) -> Life:
        gaps = self._gaps()
        self._feeding_and_hunger()
        self._other_reasons()
        kept: list[Cry] = []
        for cry in sorted(self._cries, key=lambda cry: cry.at_utc):
            near = bool(kept) and cry.at_utc - kept[-1].at_utc < 1_200.0
            unheard = any(gap.start_utc - 900.0 < cry.at_utc < gap.end_utc + 60.0 for gap in gaps)
            if not near and not unheard and self._start + 600.0 < cry.at_utc < self._until - 1_200.0:
                kept.append(cry)
        contexts = sorted(self._contexts, key=lambda context: context.start_utc)
        return Life(tuple(kept), tuple(context for context in contexts if context.start_utc < self._until), gaps)

    # ---- what happens ----

    def _feeding_and_hunger(self) -> None:
        """Feeds 2 to 3 h apart by day; at night the stretches grow from week to week. Most begin with crying."""
        at = self._start - 2.0 * HOUR_S
        while at < self._until:
            night = self._night(at)
            stretch = (3.1 + 0.07 * self._day(at)) if night else 2.55
            hungry = at + HOUR_S * max(1.2, stretch + self._rng.normal(0.0, 0.35))
            fed = hungry + self._rng.uniform(120.0, 900.0)
            if self._rng.random() < (0.95 if night else 0.6):
                self._answered(hungry, Need.HUNGER, self._rng.normal(0.45, 0.12))
                fed = hungry + (self._cries[-1].response_s or 0.0) + 120.0
            self._context("feed", fed, fed + self._rng.uniform(600.0, 1_800.0))
            if self._rng.random() < 0.45:
                self._context("change", fed - 60.0, None)
            at = fed

    def _other_reasons(self) -> None:
        for day in range(DAYS + 1):
            midnight = self._midnight(day)
            for nap_hour in (9.2, 12.3, 15.6):
                awake = midnight + HOUR_S * (nap_hour + self._rng.normal(0.0, 0.4))
                if self._rng.random() < 0.42:
                    self._answered(awake, Need.TIRED, self._rng.normal(0.32, 0.1))
                self._context("sleep", awake + 600.0, awake + HOUR_S * self._rng.uniform(0.6, 1.9))
            bed = midnight + HOUR_S * (19.6 + self._rng.normal(0.0, 0.3))
            self._context("sleep", bed, bed + HOUR_S * (3.5 + 0.1 * day))
            for _ in range(int(self._rng.poisson(2.6))):  # the evening's unrest, most of all in the first weeks
                evening = midnight + HOUR_S * float(np.clip(self._rng.normal(18.6, 1.0), 16.5, 21.5))
                cause = self._rng.choice(np.array([Need.DISCOMFORT, Need.TIRED, Need.UNSURE]), p=[0.6, 0.2, 0.2])
                self._answered(evening, Need(str(cause)), self._rng.normal(0.62, 0.15), calm=2.5)
            for _ in range(int(self._rng.poisson(1.4))):  # fusses and falls asleep again
                night = midnight + HOUR_S * self._rng.uniform(20.5, 30.0)
                self._cries.append(Cry(night, Need.UNSURE, float(self._rng.uniform(0.08, 0.28)), self._rng.uniform(15, 65)))
            if self._rng.random() < 0.3:
                cat = midnight + HOUR_S * self._rng.uniform(4.5, 7.0)
                heard = Cry(cat, None, 0.3, self._rng.uniform(5.0, 14.0), false_alarm=self._rng.random() < 0.75)
                self._cries.append(replace(heard, note="the cat" if heard.false_alarm else ""))
            if day in (5, 16):
                shower = midnight + HOUR_S * self._rng.uniform(9.5, 10.5)
                self._cries.append(Cry(shower, Need.UNSURE, 0.45, self._rng.uniform(200.0, 380.0)))
            if day == 9:
                self._answered(midnight + 13.5 * HOUR_S, Need.PAIN, 0.85, calm=3.0)

    def _answered(self, at_utc: float, cause: Need, distress: float, calm: float = 1.0) -> None:
        rng = self._rng
        night = self._night(at_utc)
        turn = (self._day(at_utc) + night) % 2
        caregiver = CAREGIVERS[turn if rng.random() < 0.8 else 1 - turn]
        response_s = float(np.clip(rng.lognormal(np.log(135.0 if night else 75.0), 0.55), 12.0, 1_100.0))
        sources = np.array([Source.BUTTON, Source.PAGE, Source.MQTT, Source.VOICE])
        source = Source(str(rng.choice(sources, p=[0.5, 0.15, 0.1, 0.25])))
        on_the_way = response_s > 40.0 and rng.random() < 0.55
        tagged = rng.random() < 0.42
        said = cause if rng.random() < 0.94 else Need(str(rng.choice(np.array([Need.HUNGER, Need.DISCOMFORT, Need.TIRED]))))
        self._cries.append(
            Cry(
                at_utc,
                cause,
                float(np.clip(distress, 0.1, 0.97)),
                alone_s=2_400.0,
                response_s=response_s,
                acknowledge_s=float(rng.uniform(12.0, response_s - 15.0)) if on_the_way else None,
                caregiver=None if source is Source.VOICE else caregiver,
                source=source,
                calm_s=float(np.clip(rng.lognormal(np.log(80.0 * calm), 0.6), 8.0, 1_500.0)),
                tag=said if tagged else None,
                helped=_HELPED[said] if tagged and rng.random() < 0.8 else (),
                note=str(rng.choice(np.array(_NOTES[said]))) if tagged and said in _NOTES and rng.random() < 0.3 else "",
            )
        )

    def _gaps(self) -> tuple[Gap, ...]:
        cut = self._midnight(6) + 11.2 * HOUR_S
        away = self._midnight(15) + 12.0 * HOUR_S
        pulled = self._midnight(13) + 15.0 * HOUR_S
        return (
            Gap(cut, cut + 1_300.0, "off", "cut"),
            Gap(pulled, pulled + 260.0, "lost", "The microphone was unplugged."),
            Gap(away, away + 5.5 * HOUR_S, "off", "stopped"),
        )

    # ---- when it is ----

    def _local(self, utc: float) -> datetime:
        return datetime.fromtimestamp(utc, self._zone) if self._zone else datetime.fromtimestamp(utc).astimezone()

    def _midnight(self, day: int) -> float:
        return self._local(self._start + day * DAY_S).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()

    def _night(self, utc: float) -> bool:
        return not 7 <= self._local(utc).hour < 20

    def _day(self, utc: float) -> int:
        return max(0, int((utc - self._start) // DAY_S))

    def _context(self, kind: str, start_utc: float, end_utc: float | None) -> None:
        end = None if end_utc is None else min(end_utc, self._until)
        number = len(self._contexts)
        self._contexts.append(Context(f"demo-{number:04d}", kind, start_utc, end, "", "demo"))
