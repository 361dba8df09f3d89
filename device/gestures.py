"""A button's language: one press, two presses, a long one; each press means exactly one of them."""

import threading
from collections.abc import Callable
from typing import Protocol

from device.clock import Clock, Instant

DOUBLE_S = 0.4
"""A second press within this after letting go makes it a double press."""


class Waiting(Protocol):
    """A call that is yet to come."""

    def cancel(self) -> None:
        """Make it not come; calling it too late does nothing."""
        ...


Later = Callable[[float, Callable[[], None]], Waiting]
"""Arranges for a call after so many seconds."""


def later(seconds: float, call: Callable[[], None]) -> Waiting:
    """Arrange for a call, on a thread of its own."""
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    return timer


class Gestures:
    """Turns what a button does into `once`, `twice` or `long`, each called with the instant of the first press."""

    def __init__(
        self,
        *,
        once: Callable[[Instant], None],
        twice: Callable[[Instant], None],
        long: Callable[[Instant], None],
        clock: Clock,
        later: Later = later,
    ) -> None:
        """Take what to call; it is called on whichever thread noticed."""
        self._once, self._twice, self._long = once, twice, long
        self._clock = clock
        self._later = later
        self._lock = threading.Lock()
        self._waiting: Waiting | None = None
        self._at: Instant | None = None
        self._meant = True

    def pressed(self) -> None:
        """The button went down."""
        with self._lock:
            if self._waiting is None:
                self._at, self._meant = self._clock.now(), False
                return
            self._waiting.cancel()
            self._waiting, self._meant = None, True
            at = self._at
        if at is not None:
            self._twice(at)

    def held(self) -> None:
        """It has been down for long."""
        with self._lock:
            if self._meant or self._waiting is not None:
                return
            self._meant, at = True, self._at
        if at is not None:
            self._long(at)

    def released(self) -> None:
        """It came up."""
        with self._lock:
            if not self._meant and self._waiting is None:
                self._waiting = self._later(DOUBLE_S, self._alone)

    def close(self) -> None:
        """Forget a press that waits for its second."""
        with self._lock:
            if self._waiting is not None:
                self._waiting.cancel()
            self._waiting, self._meant = None, True

    def _alone(self) -> None:
        with self._lock:
            if self._waiting is None:
                return
            self._waiting, self._meant = None, True
            at = self._at
        if at is not None:
            self._once(at)
