"""Simulated families through the real learner: every cry is guessed before its tag is learned."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from device.events import Need
from device.need_prior import NEEDS, Array
from device.needs import MIN_TAGS, Learner
from evaluation.needs_causes import macro_f1
from evaluation.needs_families import VERSION, Family, cries

TAGS, AFTER, FRESH = 150, 40, 200
CLAIMED = (0, 1, 2)
"""Hunger, discomfort, tired: pain is never claimed from sound, so it has no F1 (its cries still count as errors)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One kind of family over several seeds; log-losses per seed, the rest over all guesses together.

    `macro_f1` is of the likeliest need of 200 fresh cries, against the truth, after exactly 40 tags. `p`, `right` are each
    guess's probability and whether the tag agreed; `spoken` marks the guesses that a parent would have seen.
    """

    name: str
    log_loss: Array
    log_loss_prior: Array
    macro_f1: Array
    p: Array
    right: NDArray[np.bool_]
    spoken: NDArray[np.bool_]
    spoken_right: NDArray[np.bool_]

    @property
    def worse_by(self) -> tuple[float, float]:
        """Mean of log-loss minus that of the prior alone, and half the width of its 95 % interval over the seeds."""
        difference = self.log_loss - self.log_loss_prior
        return float(difference.mean()), float(1.96 * difference.std(ddof=1) / len(difference) ** 0.5)


def trial(family: Family, seeds: Sequence[int]) -> Outcome:
    """Let one kind of family tag TAGS cries, once for each seed."""
    losses, priors, f1 = [], [], []
    p, right, spoken, spoken_right = [], [], [], []
    for seed in seeds:
        source = cries(family, np.random.default_rng(seed))
        learner, plain = Learner(VERSION), Learner(VERSION)
        loss, prior_loss = [], []
        for number, (example, _) in enumerate(islice(source, TAGS)):
            assert example.need is not None
            index = NEEDS.index(example.need)
            probabilities = learner.probabilities(example.situation, example.embedding)
            guess = learner.guess(example.situation, example.embedding).guess
            if number >= MIN_TAGS:
                loss.append(-np.log(probabilities[index]))
                prior_loss.append(-np.log(plain.probabilities(example.situation)[index]))
                p.append(probabilities.max())
                right.append(probabilities.argmax() == index)
                spoken.append(guess is not Need.UNSURE)
                spoken_right.append(guess is example.need)
            learner.learn(example)
            plain.learn(replace(example, embedding=None))
            if number + 1 == AFTER:
                f1.append(_fresh(learner, family, seed))
        losses.append(np.mean(loss))
        priors.append(np.mean(prior_loss))
    said = np.array(spoken)
    return Outcome(
        family.name, np.array(losses), np.array(priors), np.array(f1), np.array(p), np.array(right), said,
        np.array(spoken_right)[said],
    )  # fmt: skip


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
