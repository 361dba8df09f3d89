from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from device.need_sound import Vector
from device.verifier import LONGEST_VETO_S, SURE, Verifier


def cloud(count: int, at: float, seed: int, size: int = 16) -> list[Vector]:
    rng = np.random.default_rng(seed)
    middle = np.zeros(size)
    middle[:4] = at
    return [(middle + rng.normal(size=size)).astype(np.float32) for _ in range(count)]


CRIES, CATS = cloud(40, 0.0, 1), cloud(6, 4.0, 2)


def test_the_cat_stops_ringing_and_the_baby_does_not() -> None:
    verifier = Verifier(CRIES, CATS)
    assert verifier.active
    assert verifier.effect.recall == 1.0
    assert verifier.effect.caught >= 0.5
    vetoed = [not verifier.allows(cat, 0.8) for cat in cloud(50, 4.0, 3)]
    assert np.mean(vetoed) > 0.6
    assert all(verifier.allows(cry, 0.8) for cry in cloud(300, 0.0, 4))


def test_a_cry_that_the_ear_is_sure_of_or_that_goes_on_is_never_vetoed() -> None:
    verifier = Verifier(CRIES, CATS)
    cat = np.mean(CATS, axis=0).astype(np.float32)
    assert not verifier.allows(cat, 0.8)
    assert verifier.allows(cat, SURE)
    assert verifier.allows(cat, 0.8, heard_s=LONGEST_VETO_S)


def test_it_stays_out_of_it_with_too_few_tags() -> None:
    for verifier in (Verifier(CRIES, CATS[:2]), Verifier(CRIES[:7], CATS), Verifier([], [])):
        assert not verifier.active
        assert verifier.allows(CATS[0], 0.5)


def test_tags_that_say_cries_are_no_cries_switch_it_off() -> None:
    """A mistaken or mischievous tagger: the "false alarms" sound just like this baby."""
    verifier = Verifier(CRIES, cloud(6, 0.0, 9))
    assert all(verifier.allows(cry, 0.8) for cry in cloud(300, 0.0, 10))


def test_a_strange_sound_is_let_through_unless_it_lies_near_the_false_alarms() -> None:
    verifier = Verifier(CRIES, CATS)
    assert verifier.allows(None, 0.5)
    assert verifier.allows(np.full(16, np.nan, dtype=np.float32), 0.5)
    assert verifier.allows(np.zeros(3, dtype=np.float32), 0.5)


@settings(max_examples=20, deadline=None)
@given(distance=st.floats(0.0, 6.0), cats=st.integers(3, 12), seed=st.integers(0, 1000))
def test_no_known_cry_is_ever_lost(distance: float, cats: int, seed: int) -> None:
    verifier = Verifier(CRIES, cloud(cats, distance, seed))
    assert verifier.effect.recall == 1.0 or not verifier.active
    assert all(verifier.allows(cry, 0.9) for cry in CRIES)


def test_one_cry_like_the_cat_keeps_it_off() -> None:
    """Its own bar does not excuse it: judged by what the other cries alone would set, it would have been lost."""
    odd = [np.mean(CATS, axis=0).astype(np.float32)]
    assert Verifier(CRIES, CATS).active
    verifier = Verifier([*CRIES, *odd], CATS)
    assert verifier.effect.recall < 1.0
    assert not verifier.active
    assert verifier.allows(CATS[0], 0.5)
