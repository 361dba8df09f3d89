"""The log-normal law of times of which some are only known to be longer: pure, numpy alone."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from device.survival import EVENT, Array

ROUNDING = 1e-12
"""Of a likelihood: near the summit, a step up changes it by less than its own rounding, and can look like one down."""


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A log-normal law: `typical_s` is its median, two of three times lie within a factor `spread` of it."""

    mu: float
    sigma: float
    n: int
    events: int

    @property
    def typical_s(self) -> float:
        """The median, e to the mu."""
        return math.exp(self.mu)

    @property
    def spread(self) -> float:
        """The factor e to the sigma: 1 would be always the same; smaller is more consistent."""
        return math.exp(self.sigma)


def log_normal(times: ArrayLike, kinds: ArrayLike) -> LogNormal | None:
    """The log-normal law that makes the times most likely; competing and censored ones count as "not until then".

    Times under a second count as one second. Newton's method on mu and log sigma. None with fewer than three events or
    without any spread.
    """
    logs = np.log(np.maximum(np.asarray(times, dtype=np.float64), 1.0))
    event = np.asarray(kinds) == EVENT
    seen, left = logs[event], logs[~event]
    if len(seen) < 3 or float(np.ptp(seen)) < 1e-9:
        return None
    mu = float(seen.mean())
    beta = math.log(float(seen.std()))
    value = _likelihood(seen, left, mu, beta)
    for _ in range(200):
        g_mu, g_beta, h_mm, h_mb, h_bb = _derivatives(seen, left, mu, beta)
        if math.hypot(g_mu, g_beta) < 1e-10 * len(logs):
            break
        determinant = h_mm * h_bb - h_mb * h_mb
        if determinant > 0 and h_mm < 0:
            step = (-(h_bb * g_mu - h_mb * g_beta) / determinant, -(h_mm * g_beta - h_mb * g_mu) / determinant)
        else:
            # Not yet where Newton's step leads uphill: follow the gradient.
            step = (g_mu / len(logs), g_beta / len(logs))
        factor = 1.0
        while factor > 1e-9:
            new = _likelihood(seen, left, mu + factor * step[0], beta + factor * step[1])
            if new >= value - ROUNDING * abs(value):
                break
            factor /= 2
        else:
            break
        mu, beta, value = mu + factor * step[0], beta + factor * step[1], new
    return LogNormal(mu, math.exp(beta), len(logs), len(seen))


def _tail(z: Array) -> tuple[Array, Array]:
    """The log of the normal law's upper tail at z, and its hazard there; a continued fraction where it underflows."""
    near = np.minimum(z, 25.0)
    tail = 0.5 * np.fromiter(map(math.erfc, (near / math.sqrt(2)).tolist()), np.float64, len(near))
    far = np.maximum(z, 25.0)
    hazard = far + 1 / (far + 2 / (far + 3 / (far + 4 / far)))
    return (
        np.where(z < 25, np.log(tail), -far * far / 2 - 0.5 * math.log(2 * math.pi) - np.log(hazard)),
        np.where(z < 25, np.exp(-near * near / 2) / math.sqrt(2 * math.pi) / tail, hazard),
    )


def _likelihood(seen: Array, left: Array, mu: float, beta: float) -> float:
    sigma = math.exp(beta)
    return float((-beta - ((seen - mu) / sigma) ** 2 / 2).sum() + _tail((left - mu) / sigma)[0].sum())


def _derivatives(seen: Array, left: Array, mu: float, beta: float) -> tuple[float, float, float, float, float]:
    """First and second derivatives of the log-likelihood in mu and beta = log sigma."""
    sigma = math.exp(beta)
    z, far = (seen - mu) / sigma, (left - mu) / sigma
    hazard = _tail(far)[1]
    slope = hazard * (hazard - far)
    return (
        float(z.sum() + hazard.sum()) / sigma,
        float((z * z - 1).sum() + (far * hazard).sum()),
        -float(len(z) + slope.sum()) / sigma**2,
        -float(2 * z.sum() + (hazard + far * slope).sum()) / sigma,
        -float((2 * z * z).sum() + (far * (hazard + far * slope)).sum()),
    )
