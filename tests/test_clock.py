"""Instants and the system's clock."""

import time

from device.clock import Instant, SystemClock


def test_an_instant_moves_on_both_clocks() -> None:
    later = Instant(5.0, 100.0, False).plus(2.5)
    assert later == Instant(7.5, 102.5, False)
    assert later.since(Instant(5.0, 999.0)) == 2.5


def test_the_system_clock_counts_from_boot_and_names_it() -> None:
    clock = SystemClock()
    first, second = clock.now(), clock.now()
    assert second.since(first) >= 0
    assert abs(first.utc - time.time()) < 5
    assert clock.boot_id == SystemClock().boot_id != ""
