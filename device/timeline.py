"""When samples were heard: counted, so that block joins block, and held to the clock, so that they do not drift away."""

from device.clock import Instant

TOLERANCE_S = 0.05
WINDOW_S = 3.0


class Timeline:
    """Stamps runs of samples from their count.

    A run's arrival is late by however long the machine took to hand it over, never early; so the least lateness within
    `WINDOW_S` tells how far the count has gone astray (the sound card's clock drifts, samples were lost). Beyond
    `TOLERANCE_S` the count is set right at once, in one step.
    """

    def __init__(self, rate_hz: float) -> None:
        """Take the samples' rate."""
        self._rate_hz = rate_hz
        self._anchor_s: float | None = None
        self._count = 0
        self._gone_s = 0.0
        self._window: list[float] = []
        self._window_s = 0.0

    @property
    def gone_s(self) -> float:
        """Seconds that have never come, so far, beyond those that `lost` told of."""
        return self._gone_s

    def lost(self) -> None:
        """Samples are known to be missing: the next run is stamped from its arrival."""
        self._anchor_s = None

    def stamp(self, count: int, arrived: Instant) -> Instant:
        """Give the start of a run of `count` samples that ended, by the clock, no later than `arrived`."""
        length_s = count / self._rate_hz
        if self._anchor_s is None:
            self._restart(arrived.monotonic - length_s)
        start_s = self._next_s()
        self._window.append(arrived.monotonic - length_s - start_s)
        self._window_s += length_s
        if self._window_s >= WINDOW_S:
            astray_s = min(self._window)
            self._window.clear()
            self._window_s = 0.0
            if abs(astray_s) > TOLERANCE_S:
                start_s += astray_s
                self._gone_s += max(0.0, astray_s)
                self._restart(start_s)
        self._count += count
        # UTC comes from the clock each time, so that a clock set right is right from the next block on.
        return arrived.plus(start_s - arrived.monotonic)

    def _next_s(self) -> float:
        assert self._anchor_s is not None
        return self._anchor_s + self._count / self._rate_hz

    def _restart(self, start_s: float) -> None:
        self._anchor_s = start_s
        self._count = 0
        self._window.clear()
        self._window_s = 0.0
