"""Stamps from counts: they abut, whatever the jitter, and stay with the clock."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.clock import Instant
from device.timeline import TOLERANCE_S, WINDOW_S, Timeline

RATE = 48_000


def _start(timeline: Timeline, count: int, arrived_s: float, utc_s: float = 1_700_000_000.0) -> float:
    return timeline.stamp(count, Instant(arrived_s, utc_s + arrived_s)).monotonic


@given(late=st.lists(st.floats(0.0, 0.3), min_size=5, max_size=200), counts=st.sampled_from([480, 1024, 4_800]))
def test_runs_abut_whatever_the_jitter(late: list[float], counts: int) -> None:
    """Runs that arrive late now and then, but on time at least once in each window."""
    timeline = Timeline(RATE)
    end = None
    for index, lateness in enumerate(late):
        on_time = (index + 1) * counts / RATE + 100.0
        start = _start(timeline, counts, on_time + (0.0 if index % 5 == 0 else lateness))
        if end is not None:
            assert start == pytest.approx(end, abs=1e-9)
        end = start + counts / RATE


@pytest.mark.parametrize("drift", [-500e-6, -50e-6, 50e-6, 500e-6])
def test_a_sound_card_whose_clock_drifts_is_followed(drift: float) -> None:
    timeline = Timeline(RATE)
    worst = 0.0
    for index in range(36_000):
        true_end = 100.0 + (index + 1) * 0.1 * (1 + drift)
        start = _start(timeline, 4_800, true_end)
        worst = max(worst, abs(start + 0.1 - true_end))
    # The least lateness of a window may be as old as the window, and the next look comes a window later.
    assert worst < TOLERANCE_S + 2 * WINDOW_S * abs(drift) + 1e-6


def test_lost_samples_are_noticed_by_the_clock() -> None:
    timeline = Timeline(RATE)
    rng = np.random.default_rng(3)
    for index in range(50):
        _start(timeline, 4_800, 100.1 + index * 0.1 + rng.uniform(0, 0.02))
    late = [_start(timeline, 4_800, 102.1 + index * 0.1 + rng.uniform(0, 0.02)) for index in range(50, 120)]
    assert late[-1] == pytest.approx(102.0 + 119 * 0.1, abs=0.03)


def test_a_gap_that_is_known_is_put_right_at_once() -> None:
    timeline = Timeline(RATE)
    _start(timeline, 4_800, 100.1)
    timeline.lost()
    assert _start(timeline, 4_800, 105.0) == pytest.approx(104.9)


def test_utc_follows_the_clock_when_it_is_set() -> None:
    timeline = Timeline(RATE)
    before = timeline.stamp(4_800, Instant(10.1, 0.0, False))
    after = timeline.stamp(4_800, Instant(10.2, 1_700_000_000.0, True))
    assert before.utc == pytest.approx(-0.1) and not before.synced
    assert after.utc == pytest.approx(1_699_999_999.9) and after.synced
    assert after.since(before) == pytest.approx(0.1)
