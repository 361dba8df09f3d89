"""What the family has taught, in the words of the page: pure, from the same lessons as the monitor's own guesses."""

from collections.abc import Sequence
from dataclasses import dataclass

from device.learned import learn
from device.need_history import Lessons
from device.need_rhythm import Usual, usual
from device.needs import Example, Summary
from device.verifier import LONGEST_VETO_S, MIN_CRIES, MIN_FALSE, Effect
from device.vocabulary import Need
from web.cry_map import place
from web.words import Words

LEAST_RECORD = 7
"""From so many guesses on their record is told."""

LARGE_SAY = 0.5
"""From this weight on the sound has a large say."""

LITTLE_SAY = 0.35
"""Under this weight the hour and the diary hardly count."""

ROUND_S = 300.0
"""Waits are said to five minutes: they are never known better."""


MOST = 400
"""The latest cries that the map shows."""


@dataclass(frozen=True, slots=True)
class Place:
    """A cry on the map: its place in the unit square."""

    episode_id: str
    at_utc: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Taught:
    """What was learned of needs and false alarms, the rhythms that the tags carry, and the cries on a map (if enough).

    `begun_utc` is when learning last began anew, None if it never did.
    """

    needs: Summary
    vetoes: bool
    effect: Effect
    rhythms: tuple[Usual, ...]
    places: tuple[Place, ...]
    begun_utc: float | None = None

    @property
    def tags(self) -> int:
        """How many tags it rests on."""
        return sum(self.needs.tags.values())

    @property
    def better(self) -> bool:
        """True if the guesses do better than always guessing what is most frequent, and there are enough to say so."""
        record = self.needs.record
        return record.of >= LEAST_RECORD and record.right > record.plain


def look(lessons: Lessons, model_version: str) -> Taught:
    """Learn all that there is to learn for the ear of this version."""
    learned = learn(lessons.examples, model_version)
    return Taught(
        learned.needs.summary(),
        learned.verifier.active,
        learned.verifier.effect,
        usual(lessons.examples),
        _places(lessons.examples, model_version),
        None if lessons.begun is None else lessons.begun.utc,
    )


def _places(examples: Sequence[Example], model_version: str) -> tuple[Place, ...]:
    heard = [
        (each, each.embedding)
        for each in examples[-MOST:]
        if each.embedding is not None and each.model_version == model_version
    ]
    points = place([vector for _, vector in heard]) or ()
    return tuple(Place(each.episode_id, each.at_utc, x, y) for (each, _), (x, y) in zip(heard, points, strict=False))


def sound_say(taught: Taught, w: Words) -> str:
    """Whether hour and sound count for the guess, in plain words."""
    if taught.needs.weights.sound <= 0 and taught.needs.set_aside:
        return w._(
            "For now it goes by the hour and by when the last feed, sleep and fresh nappy were. "
            "The sound does not count: heard by another ear, it has to prove itself anew."
        )
    if taught.needs.weights.sound <= 0 and taught.needs.weights.hour < LITTLE_SAY:
        return w._(
            "For now it goes mostly by how often each need comes. "
            "So far neither the hour nor the sound has made the guesses better."
        )
    if taught.needs.weights.sound <= 0:
        return w._(
            "For now it goes by the hour and by when the last feed, sleep and fresh nappy were. "
            "The sound does not count yet: so far it has not made the guesses better."
        )
    if taught.needs.weights.sound < LARGE_SAY:
        return w._("It goes by the hour and the diary first. The sound has earned a small say: it made the guesses better.")
    return w._("Beside the hour and the diary, the sound has earned a large say: it made the guesses clearly better.")


def rhythm_lines(rhythms: Sequence[Usual], w: Words) -> list[str]:
    """After how long a need usually comes, a sentence each."""
    lines = []
    for each in rhythms:
        time, span = w.duration(_rounded(each.median_s)), w.span(_rounded(each.low_s), _rounded(each.high_s))
        if each.need is Need.HUNGER:
            said = w._(
                "Hunger usually comes about %(time)s after a feed; half of the times it was %(span)s.", time=time, span=span
            )
        else:
            said = w._(
                "Tiredness usually comes about %(time)s after sleep; half of the times it was %(span)s.",
                time=time,
                span=span,
            )
        lines.append(said + " " + w.n_("(From %(n)s tag.)", "(From %(n)s tags.)", each.tags))
    return lines


def false_alarms(taught: Taught, w: Words) -> str:
    """What has come of the sounds that were called "not crying"."""
    effect = taught.effect
    if taught.vetoes:
        return w._(
            "It has learned which sounds were not crying. Tried on sounds that it had not learned from, it kept silent at "
            "%(caught)s of your %(n)s false alarms and told you of %(recall)s of %(cries)s cries.",
            caught=w.percent(effect.caught),
            n=w.number(effect.false_alarms),
            recall=w.percent(effect.recall),
            cries=w.number(effect.cries),
        )
    if effect.false_alarms >= MIN_FALSE and effect.cries >= MIN_CRIES:
        return w._(
            "The sounds that you called “not crying” are too much like your baby’s cries, so you are still told of them all."
        )
    return w._(
        "From %(false)s sounds called “not crying” and %(cries)s named cries on, it may learn to keep silent at what is "
        "very much like them. So far there are %(known)s and %(named)s; you are told of everything.",
        false=MIN_FALSE,
        cries=MIN_CRIES,
        known=w.number(effect.false_alarms),
        named=w.number(effect.cries),
    )


def safeguard(w: Words) -> str:
    """What a learned false alarm can never silence."""
    return w._(
        "This never holds back what goes on for %(time)s, nor what is surely crying.",
        time=w.duration(LONGEST_VETO_S),
    )


def _rounded(seconds: float) -> float:
    return round(seconds / ROUND_S) * ROUND_S
