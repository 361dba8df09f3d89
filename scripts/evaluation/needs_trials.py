"""Simulated families through the real learner: every cry is guessed before its tag is learned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from device.need_prior import NEEDS, Array
from device.need_weights import MIN_TAGS
from device.needs import Learner
from device.vocabulary import Need
from evaluation.needs_causes import macro_f1
from evaluation.needs_families import VERSION, Family, cries

TAGS, AFTER, FRESH = 150, 40, 200
RESAMPLES = 500

Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]
Range = tuple[float, float, float]

CLAIMED = (0, 1, 2)
"""Hunger, discomfort, tired: pain is never claimed from sound, so it has no F1 (its cries still count as errors)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One kind of family over several seeds.

    `log_loss`, `log_loss_prior` and `macro_f1` have a number for each family; `macro_f1` is of the likeliest need of 200
    fresh cries, against the truth, after exactly 40 tags. The rest have a row for each family and a column for each cry
    from the ninth on: the guess's probability, whether the tag agreed, whether a parent would have seen it, and whether it
    was true, whatever was tagged.
    """

    name: str
    log_loss: Array
    log_loss_prior: Array
    macro_f1: Array
    p: Array
    right: Flags
    spoken: Flags
    true: Flags

    @property
    def worse_by(self) -> tuple[float, float]:
        """Mean of log-loss minus that of the prior alone, and half the width of its 95 % interval over the families."""
        difference = self.log_loss - self.log_loss_prior
        return float(difference.mean()), float(1.96 * difference.std(ddof=1) / len(difference) ** 0.5)

    @property
    def ever(self) -> float:
        """The share of families in which a guess was spoken at all."""
        return float(self.spoken.any(axis=1).mean())

    @property
    def first(self) -> float | None:
        """After how many tags the first guess was spoken, in the middle one of all families; None if never in most."""
        return float(np.median(self.spoken.argmax(axis=1)) + MIN_TAGS) if self.ever > 0.5 else None

    def share(self, of: Flags) -> Range:
        """Of the spoken guesses, the share for which `of` holds, with its 95 % interval; nan if none was spoken."""
        hits, said = (of & self.spoken).sum(axis=1), self.spoken.sum(axis=1)

        def share(rows: Rows) -> float:
            return float(hits[rows].sum() / said[rows].sum()) if said[rows].any() else float("nan")

        return _resampled(len(hits), share)

    def ece(self) -> Range:
        """Expected calibration error of every guess, spoken or not, over ten equal bins, with its 95 % interval."""
        bins = np.minimum((self.p * 10).astype(int), 9)
        gaps = np.array([np.where(bins == each, self.p - self.right, 0.0).sum(axis=1) for each in range(10)])
        return _resampled(
            len(self.p), lambda rows: float(np.abs(gaps[:, rows].sum(axis=1)).sum() / (len(rows) * bins.shape[1]))
        )


def _resampled(families: int, figure: Callable[[Rows], float]) -> Range:
    """A figure of the families in given rows, and the range that it takes in 95 % of resamplings of whole families."""
    value = figure(np.arange(families))
    if np.isnan(value):
        return value, value, value
    drawn = np.random.default_rng(0).integers(families, size=(RESAMPLES, families))
    low, high = np.nanpercentile([figure(rows) for rows in drawn], (2.5, 97.5))
    return value, float(low), float(high)


def trial(family: Family, seeds: Sequence[int]) -> Outcome:
    """Let one kind of family tag TAGS cries, once for each seed."""
    return Outcome(family.name, *(np.array(each) for each in zip(*(_one(family, seed) for seed in seeds), strict=True)))


def _one(family: Family, seed: int) -> tuple[float, float, float, Array, Flags, Flags, Flags]:
    learner, plain = Learner(VERSION), Learner(VERSION)
    loss, prior_loss, p, right, spoken, true = [], [], [], [], [], []
    f1 = float("nan")
    for number, (example, truth) in enumerate(islice(cries(family, np.random.default_rng(seed)), TAGS)):
        assert example.need is not None
        index = NEEDS.index(example.need)
        if number >= MIN_TAGS:
            probabilities = learner.probabilities(example.situation, example.embedding)
            loss.append(-np.log(probabilities[index]))
            prior_loss.append(-np.log(plain.probabilities(example.situation)[index]))
            p.append(probabilities.max())
            right.append(probabilities.argmax() == index)
            spoken.append(learner.guess(example.situation, example.embedding).guess is not Need.UNSURE)
            true.append(probabilities.argmax() == truth)
        learner.learn(example)
        plain.learn(replace(example, embedding=None))
        if number + 1 == AFTER:
            f1 = _fresh(learner, family, seed)
    return (
        float(np.mean(loss)),
        float(np.mean(prior_loss)),
        f1,
        np.array(p),
        np.array(right),
        np.array(spoken),
        np.array(true),
    )


def _fresh(learner: Learner, family: Family, seed: int) -> float:
    """Macro-F1 on the cries that follow, without learning from them."""
    fresh = list(islice(cries(family, np.random.default_rng(seed)), AFTER, AFTER + FRESH))
    said = np.array([learner.probabilities(e.situation, e.embedding).argmax() for e, _ in fresh])
    return macro_f1(np.array([truth for _, truth in fresh]), said, CLAIMED)


def risk_coverage(outcome: Outcome, at: Sequence[float]) -> list[tuple[float, float, float]]:
    """For each probability asked for: the share of guesses that reach it (coverage), and how many of those are right."""
    rows = []
    for least in at:
        enough = outcome.p >= least
        rows.append((least, float(enough.mean()), float(outcome.right[enough].mean()) if enough.any() else float("nan")))
    return rows
