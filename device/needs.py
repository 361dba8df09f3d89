"""The guess of a need: the hour and the diary first, the sound only as far as it has earned its weight, else "not sure".

    log p(need) = log π(need) + v · [log π(need | situation) − log π(need)]
                              + w · [log p(need | sound) − log p_train(need)] + const

Both weights are found by how well they foretell this family's tags (`device.need_weights`).

Pure, numpy alone. Everything is computed anew from the journal's tags, in their order: delete a tag, and what is learned
is as if it had never been.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from device.need_prior import NEEDS, Array, Prior, Situation, soft
from device.need_sound import Prototypes, SoundSums, Vector
from device.need_trust import Trust
from device.need_weights import MIN_TAGS, Hints, Weighing, Weights
from device.record import NeedGuess
from device.vocabulary import Need

MIN_P = 0.6
MIN_MARGIN = 0.2
RECORD = 20
"""Of how many of the latest guesses the own record tells."""

HALF_LIFE_S = 45 * 86_400.0
MOST_TAGS = 400
"""Older tags have faded anyway; learning anew from so many takes well under a second on a Pi."""


@dataclass(frozen=True, slots=True)
class Example:
    """An ended episode as far as there is something to learn from it.

    `need` is the parent's tag (None or UNSURE: untagged), `not_crying` that it was a false alarm, `confirmed` that a parent
    has said in any way that it was crying (a need, unsure, or what helped). `embedding` is what the
    detector of `model_version` heard; those of another version are set aside.
    """

    episode_id: str
    at_utc: float
    situation: Situation
    need: Need | None = None
    not_crying: bool = False
    embedding: Vector | None = None
    model_version: str = ""
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """Of its last `of` guesses `right` were what the parent said; always guessing the most common: `plain`."""

    right: int
    of: int
    plain: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What has been learned, for the page: tags by need, what hour and sound count, record, how many sounds were set aside.

    `often_right`: it is proved that enough guesses are right; `speaks`: and that they beat naming what is most frequent.
    """

    tags: Mapping[Need, int]
    weights: Weights
    record: Record
    often_right: bool
    speaks: bool
    set_aside: int
    usual: Mapping[Need, float]


class Learner:
    """All that this family's tags have taught."""

    def __init__(self, model_version: str = "") -> None:
        """Know nothing yet; only embeddings of `model_version` will be used."""
        self._version = model_version
        self._prior = Prior()
        self._sums: SoundSums | None = None
        self._sound: Prototypes | None = None
        self._weighing = Weighing()
        self._tags: dict[Need, int] = {}
        self._record: deque[tuple[bool, bool]] = deque(maxlen=RECORD)
        self._trust = Trust()
        self._last_utc: float | None = None
        self._set_aside = 0

    @classmethod
    def from_history(cls, examples: Sequence[Example], model_version: str = "") -> "Learner":
        """Learn from every example in order of time."""
        learner = cls(model_version)
        kept = sorted(examples, key=lambda e: (e.at_utc, e.episode_id))
        tagged = [e.at_utc for e in kept if e.need in NEEDS]
        first = tagged[-MOST_TAGS] if len(tagged) > MOST_TAGS else float("-inf")
        for example in kept:
            if example.at_utc >= first:
                learner.learn(example)
        return learner

    # ---- guessing ----

    @property
    def tags(self) -> int:
        """How many tags it rests on."""
        return sum(self._tags.values())

    @property
    def weights(self) -> Weights:
        """What hour and sound count at present."""
        return self._weighing.weights

    @property
    def record(self) -> Record:
        """How its latest guesses, spoken or not, compare with what the parent said after."""
        right = sum(guessed for guessed, _ in self._record)
        return Record(right, len(self._record), sum(plain for _, plain in self._record))

    @property
    def speaks(self) -> bool:
        """True if its guesses have earned to be shown."""
        return self.tags >= MIN_TAGS and self._trust.earned

    def probabilities(self, at: Situation, embedding: Vector | None = None) -> Array:
        """Probabilities of NEEDS, shape (4,); `embedding` must come from this learner's model version."""
        return self.weights.probabilities(self._hints(at, embedding))

    def guess(self, at: Situation, embedding: Vector | None = None) -> NeedGuess:
        """The guess, UNSURE unless tags, probability, margin and record suffice. Pain is never claimed."""
        p = self.probabilities(at, embedding)
        need = self._settle(p) if self.speaks else Need.UNSURE
        return NeedGuess(need, {each: round(float(value), 4) for each, value in zip(NEEDS, p, strict=True)}, self.tags)

    def _settle(self, p: Array) -> Need:
        second, best = np.sort(p)[-2:]
        if self.tags < MIN_TAGS or best < MIN_P or best - second < MIN_MARGIN:
            return Need.UNSURE
        need = NEEDS[int(np.argmax(p))]
        return Need.UNSURE if need is Need.PAIN else need

    def _hints(self, at: Situation, embedding: Vector | None) -> Hints:
        overall, hour = np.log(self._prior.overall()), self._prior.evidence(at)
        if embedding is None or self._sound is None or len(embedding) != self._sound.centres.shape[1]:
            return Hints(overall, hour, np.zeros(len(NEEDS)))
        return Hints(overall, hour, self._sound.evidence(embedding))

    # ---- learning ----

    def learn(self, example: Example) -> None:
        """Take the next example; first it is guessed, which is how weight, temperature and record are found."""
        self._fade(example.at_utc)
        embedding = self._usable(example)
        tagged = example.need in NEEDS and not example.not_crying
        target = None
        if tagged and example.need is not None:
            self._judge(example.need, example.situation, embedding)
            target = soft(example.need)
            self._prior.learn(example.situation, target)
            self._tags[example.need] = self._tags.get(example.need, 0) + 1
        if embedding is not None and not example.not_crying:
            if self._sums is None:
                self._sums = SoundSums(len(embedding))
            self._sums.hear(embedding, target)
            if tagged and (self.tags <= 40 or self.tags % 4 == 0):
                self._sound = self._sums.fit()

    def _usable(self, example: Example) -> Vector | None:
        if example.embedding is None:
            return None
        if example.model_version != self._version or not np.isfinite(example.embedding).all():
            self._set_aside += 1
            return None
        return example.embedding

    def _fade(self, at_utc: float) -> None:
        if self._last_utc is not None:
            factor = float(0.5 ** (max(0.0, at_utc - self._last_utc) / HALF_LIFE_S))
            self._prior.fade(factor)
            if self._sums is not None:
                self._sums.fade(factor)
        self._last_utc = at_utc

    def _judge(self, need: Need, at: Situation, embedding: Vector | None) -> None:
        """Guess before the tag is learned: so weights, record and trust are found."""
        hints = self._hints(at, embedding)
        p = self.weights.probabilities(hints)
        guessed = self._settle(p)
        if guessed is not Need.UNSURE:
            common = max(self._tags, key=lambda each: self._tags[each])
            self._record.append((guessed is need, common is need))
            chances = dict(zip(NEEDS, p.tolist(), strict=True))
            self._trust.learn(guessed is need, common is need, chances[guessed], chances[common])
        self._weighing.learn(hints, NEEDS.index(need))

    # ---- for people ----

    def summary(self) -> Summary:
        """What has been learned."""
        usual = {need: float(p) for need, p in zip(NEEDS, self._prior.overall(), strict=True)}
        trust = self._trust
        return Summary(dict(self._tags), self.weights, self.record, trust.often_right, self.speaks, self._set_aside, usual)
