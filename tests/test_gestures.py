"""What presses mean, as a table; time passes only when the test says so."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.clock import Instant
from device.gestures import DOUBLE_S, Gestures
from tests.fakes_hands import HandClock


class Timers:
    """Stands in for the timer: calls come when `ring` says."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.seconds: list[float] = []

    def later(self, seconds: float, call: Callable[[], None]) -> "Timers._Waiting":
        self.waiting.append(call)
        self.seconds.append(seconds)
        return Timers._Waiting(self, call)

    def ring(self) -> None:
        calls, self.waiting = self.waiting, []
        for call in calls:
            call()

    class _Waiting:
        def __init__(self, timers: "Timers", call: Callable[[], None]) -> None:
            self._timers, self._call = timers, call

        def cancel(self) -> None:
            if self._call in self._timers.waiting:
                self._timers.waiting.remove(self._call)


def _play(script: str) -> list[str]:
    """Letters: p(ressed), h(eld), r(eleased), t(he time for a second press is over)."""
    meant: list[str] = []
    timers, clock = Timers(), HandClock()
    gestures = Gestures(
        once=lambda at: meant.append("once"),
        twice=lambda at: meant.append("twice"),
        long=lambda at: meant.append("long"),
        clock=clock,
        later=timers.later,
    )
    act = {"p": gestures.pressed, "h": gestures.held, "r": gestures.released, "t": timers.ring}
    for letter in script:
        act[letter]()
    return meant


@pytest.mark.parametrize(
    ("script", "meant"),
    [
        ("pr", []),
        ("prt", ["once"]),
        ("prpr", ["twice"]),
        ("prprt", ["twice"]),
        ("prtprt", ["once", "once"]),
        ("phr", ["long"]),
        ("phrt", ["long"]),
        ("prphr", ["twice"]),
        ("prprprt", ["twice", "once"]),
        ("phrprt", ["long", "once"]),
        ("r", []),
        ("h", []),
        ("rt", []),
        ("t", []),
    ],
)
def test_each_press_means_one_thing(script: str, meant: list[str]) -> None:
    assert _play(script) == meant


@given(st.text("phrt", max_size=40))
def test_never_more_meanings_than_presses(script: str) -> None:
    assert len(_play(script)) <= script.count("p")


def test_the_instant_is_that_of_the_first_press() -> None:
    clock, timers = HandClock(), Timers()
    heard: list[Instant] = []
    gestures = Gestures(once=heard.append, twice=heard.append, long=heard.append, clock=clock, later=timers.later)
    at = clock.now()
    gestures.pressed()
    clock.go(0.1)
    gestures.released()
    clock.go(DOUBLE_S)
    timers.ring()
    assert heard == [at]
    assert timers.seconds == [DOUBLE_S]


def test_a_press_that_waits_is_forgotten_on_close() -> None:
    clock, timers = HandClock(), Timers()
    heard: list[Instant] = []
    gestures = Gestures(once=heard.append, twice=heard.append, long=heard.append, clock=clock, later=timers.later)
    gestures.pressed()
    gestures.released()
    gestures.close()
    timers.ring()
    gestures.held()
    assert heard == []
