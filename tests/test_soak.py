"""The long run, shortened; and that it would see something grow."""

import shutil
from pathlib import Path

import pytest
from soaking.run import fast, live, text
from soaking.watch import HANDLES, MEMORY_MB, Sample, growth

from tests import sound

needs_broker = pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="needs mosquitto and mosquitto-clients")


def samples(count: int, **slopes: float) -> list[Sample]:
    """Samples of a process of which each named figure grows by so much a sample."""
    still = dict.fromkeys(Sample.__slots__, 100.0)
    return [Sample(**{name: round(value + slopes.get(name, 0) * i) for name, value in still.items()}) for i in range(count)]


def test_what_is_flat_passes() -> None:
    assert growth(samples(40)) == []


@pytest.mark.parametrize("figure", ["own_mb", "files", "threads"])
def test_what_grows_is_seen(figure: str) -> None:
    found = growth(samples(40, **{figure: 2 * max(MEMORY_MB, HANDLES) / 20}))
    assert len(found) == 1 and "grow" in found[0]


def test_warming_up_is_no_growth() -> None:
    warm = samples(10, own_mb=5.0)
    assert growth([*warm, *[warm[-1]] * 30]) == []


def test_too_little_is_no_verdict() -> None:
    assert growth(samples(3)) != []


@pytest.mark.slow
@pytest.mark.broker
@needs_broker
def test_a_quarter_of_an_hour_as_fast_as_it_goes_is_flat(tmp_path: Path) -> None:
    seen = fast(tmp_path, 0.25, lambda _: None)
    assert seen.problems == [], text(seen)
    assert "Flat: nothing grows." in text(seen) and seen.ended["episodes in the history"] >= 3


@pytest.mark.patient
@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.sound
@needs_broker
@pytest.mark.skipif(not sound.AVAILABLE, reason="needs PulseAudio")
def test_a_minute_through_a_real_capture_is_flat(tmp_path: Path) -> None:
    seen = live(tmp_path, 0.7, lambda _: None)
    assert seen.problems == [], text(seen)
    assert seen.ended["alerts on the phone"] >= 1
