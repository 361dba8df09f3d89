"""The log-normal law of times of which some are only known to be longer: pure, standard library alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from device.survival import EVENT


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


def log_normal(times: Sequence[float], kinds: Sequence[int]) -> LogNormal | None:
    """The log-normal law that makes the times most likely; competing and censored ones count as "not until then".

    Times under a second count as one second. Newton's method on mu and log sigma. None with fewer than three events or
    without any spread.
    """
    logs = [math.log(max(1.0, time)) for time in times]
    seen = [x for x, kind in zip(logs, kinds, strict=True) if kind == EVENT]
    left = [x for x, kind in zip(logs, kinds, strict=True) if kind != EVENT]
    if len(seen) < 3 or max(seen) - min(seen) < 1e-9:
        return None
    mu = math.fsum(seen) / len(seen)
    beta = math.log(math.sqrt(math.fsum((x - mu) ** 2 for x in seen) / len(seen)))
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
            if new >= value:
                break
            factor /= 2
        else:
            break
        mu, beta, value = mu + factor * step[0], beta + factor * step[1], new
    return LogNormal(mu, math.exp(beta), len(logs), len(seen))


def _tail(z: float) -> tuple[float, float]:
    """The log of the normal law's upper tail at z, and its hazard there; a continued fraction where it underflows."""
    if z < 25:
        tail = 0.5 * math.erfc(z / math.sqrt(2))
        return math.log(tail), math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / tail
    hazard = z + 1 / (z + 2 / (z + 3 / (z + 4 / z)))
    return -z * z / 2 - 0.5 * math.log(2 * math.pi) - math.log(hazard), hazard


def _likelihood(seen: Sequence[float], left: Sequence[float], mu: float, beta: float) -> float:
    sigma = math.exp(beta)
    return math.fsum(-beta - ((x - mu) / sigma) ** 2 / 2 for x in seen) + math.fsum(_tail((x - mu) / sigma)[0] for x in left)


def _derivatives(
    seen: Sequence[float], left: Sequence[float], mu: float, beta: float
) -> tuple[float, float, float, float, float]:
    """First and second derivatives of the log-likelihood in mu and beta = log sigma."""
    sigma = math.exp(beta)
    g_mu = g_beta = h_mm = h_mb = h_bb = 0.0
    for x in seen:
        z = (x - mu) / sigma
        g_mu, g_beta = g_mu + z / sigma, g_beta + z * z - 1
        h_mm, h_mb, h_bb = h_mm - 1 / sigma**2, h_mb - 2 * z / sigma, h_bb - 2 * z * z
    for x in left:
        z = (x - mu) / sigma
        hazard = _tail(z)[1]
        slope = hazard * (hazard - z)
        g_mu, g_beta = g_mu + hazard / sigma, g_beta + z * hazard
        h_mm, h_mb = h_mm - slope / sigma**2, h_mb - (hazard + z * slope) / sigma
        h_bb -= z * (hazard + z * slope)
    return g_mu, g_beta, h_mm, h_mb, h_bb
