"""Calls that hang hang nobody else."""

import threading

import pytest

from device.patience import Patience, Stuck


@pytest.fixture
def gate() -> threading.Event:
    return threading.Event()


def test_results_and_errors_come_back() -> None:
    patience = Patience("test", 5)
    assert patience.call(lambda: 7) == 7
    with pytest.raises(ValueError, match="invalid literal"):
        patience.call(lambda: int("x"))
    names = {patience.call(lambda: threading.current_thread().name) for _ in range(3)}
    assert names == {"test"}, "all on one thread"
    patience.close()


def test_a_call_that_hangs_is_left_behind_and_undone_when_it_comes_back(gate: threading.Event) -> None:
    patience = Patience("test", 0.05)
    undone = threading.Event()

    def hang() -> str:
        gate.wait(10)
        return "late"

    with pytest.raises(Stuck):
        patience.call(hang, late=lambda result: undone.set() if result == "late" else None)
    with pytest.raises(Stuck):
        patience.call(lambda: 1)
    assert patience.stuck_s > 0.04
    gate.set()
    assert undone.wait(10)
    patience.limit_s = 5
    assert patience.call(lambda: 2) == 2
    assert patience.stuck_s == 0
    patience.close()


def test_closing_does_not_wait_for_a_call_that_hangs(gate: threading.Event) -> None:
    patience = Patience("test", 0.02)
    with pytest.raises(Stuck):
        patience.call(lambda: gate.wait(10))
    patience.close()
    gate.set()
