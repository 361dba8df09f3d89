from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from itertools import islice

import numpy as np
import pytest
from evaluation.needs_families import SIZE, VERSION, Family, cries
from hypothesis import given, settings
from hypothesis import strategies as st

from device.inputs import Context
from device.need_prior import NEEDS, Array, Diary, Prior, Situation, soft
from device.need_rhythm import usual
from device.need_sound import Mean, SoundSums, projection
from device.need_trust import CHANCE, Trust
from device.need_weights import HOURS, MIN_TAGS, SOUNDS, TEMPERATURES, Weights, choose
from device.needs import Example, Learner
from device.vocabulary import Need

DAY = 86_400.0
AFTER_FEED = Situation(since_feed_s=10_000.0)
JUST_FED = Situation(since_feed_s=1_000.0)


def examples(family: Family, count: int, seed: int = 0) -> list[Example]:
    return [example for example, _ in islice(cries(family, np.random.default_rng(seed)), count)]


LOUD = Family("loud", loud=4.0)
NULL = Family("null")


def tagged(count: int, need: Need = Need.HUNGER, at: Situation = AFTER_FEED) -> list[Example]:
    return [Example(f"e{n}", n * 3600.0, at, need) for n in range(count)]


# ---- the prior ----


def test_without_tags_the_population_is_all_there_is() -> None:
    p = Learner().probabilities(AFTER_FEED)
    assert dict(zip(NEEDS, p.round(2), strict=True)) == pytest.approx(
        {Need.HUNGER: 0.45, Need.DISCOMFORT: 0.25, Need.TIRED: 0.25, Need.PAIN: 0.05}
    )


def test_hunger_follows_the_time_since_the_last_feed() -> None:
    prior = Prior()
    for _ in range(20):
        prior.learn(AFTER_FEED, soft(Need.HUNGER))
        prior.learn(JUST_FED, soft(Need.TIRED))
    hunger = NEEDS.index(Need.HUNGER)
    assert chances(prior, AFTER_FEED)[hunger] > 0.65
    assert chances(prior, JUST_FED)[hunger] < 0.4


def test_nights_say_what_days_have_taught_until_they_have_taught_otherwise() -> None:
    prior, hunger = Prior(), NEEDS.index(Need.HUNGER)
    at_night = replace(AFTER_FEED, night=True)
    before = chances(prior, at_night)[hunger]
    for _ in range(20):
        prior.learn(AFTER_FEED, soft(Need.HUNGER))
        prior.learn(JUST_FED, soft(Need.TIRED))
    assert chances(prior, at_night)[hunger] > before + 0.1
    for _ in range(20):
        prior.learn(at_night, soft(Need.TIRED))
    assert chances(prior, at_night)[hunger] < before
    assert chances(prior, AFTER_FEED)[hunger] > 0.6


def chances(prior: Prior, at: Situation) -> Array:
    """What the counts by themselves make of a situation."""
    found = prior.overall() * np.exp(prior.evidence(at))
    return np.asarray(found / found.sum())


def entry(kind: str, start_utc: float, end_utc: float | None = None) -> Context:
    return Context(f"{kind}{start_utc}", kind, start_utc, end_utc, "", "test")


def test_the_situation_comes_from_what_happened_before() -> None:
    noon = 12 * 3600.0
    diary = Diary(
        [
            entry("feed", noon + 60.0),
            entry("feed", noon - 7_200.0, noon - 6_000.0),
            entry("sleep", noon - 9_000.0, noon - 1_800.0),
            entry("change", noon - 13 * 3600.0),
            entry("sleep", noon - 100.0, noon + 5_000.0),
            entry("other", noon - 1.0),
        ],
        UTC,
    )
    assert diary.situation(noon) == Situation(7_200.0, 1_800.0, None, night=False)
    assert diary.situation(noon - 7_200.0).since_feed_s == 0.0
    assert Diary([], UTC).situation(3 * 3600.0) == Situation(night=True)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(NEEDS), st.one_of(st.none(), st.floats(0, 40_000)), st.one_of(st.none(), st.floats(0, 40_000))
        ),
        max_size=30,
    )
)
def test_probabilities_are_always_probabilities(story: Sequence[tuple[Need, float | None, float | None]]) -> None:
    learner = Learner()
    for n, (need, fed, slept) in enumerate(story):
        learner.learn(Example(str(n), n * 1000.0, Situation(fed, slept), need))
    p = learner.probabilities(AFTER_FEED)
    assert p.sum() == pytest.approx(1.0)
    assert (p > 0).all()


# ---- abstaining ----


def test_it_says_nothing_under_eight_tags() -> None:
    learner = Learner.from_history(tagged(MIN_TAGS - 1))
    assert not learner.speaks
    assert learner.guess(AFTER_FEED).guess is Need.UNSURE
    assert learner.guess(AFTER_FEED).tags == MIN_TAGS - 1


def test_it_says_nothing_when_the_most_common_need_would_do_as_well() -> None:
    learner = Learner.from_history(tagged(40))
    assert learner.probabilities(AFTER_FEED)[0] > 0.6
    assert learner.record.right == learner.record.plain
    assert learner.guess(AFTER_FEED).guess is Need.UNSURE


def test_it_speaks_once_its_record_is_better_and_then_rests_on_what_it_says() -> None:
    learner = Learner.from_history(examples(LOUD, 60), VERSION)
    assert learner.speaks
    assert learner.record.right > learner.record.plain
    rng_cries = examples(LOUD, 120)[60:]
    guesses = [(learner.guess(e.situation, e.embedding), e.need) for e in rng_cries]
    spoken = [(g.guess, need) for g, need in guesses if g.guess is not Need.UNSURE]
    assert len(spoken) > 30
    assert np.mean([guess is need for guess, need in spoken]) > 0.85
    assert all(max(g.p.values()) >= 0.6 for g, _ in guesses if g.guess is not Need.UNSURE)


def test_hours_that_tell_are_enough_to_speak() -> None:
    """No sound at all: a baby that is hungry after a while and tired after a while, as the diary knows."""
    family = Family("hours", rhythm=3.0)
    spoken: list[bool] = []
    for seed in range(6):
        story = [replace(e, embedding=None) for e in examples(family, 160, seed)]
        learner = Learner.from_history(story[:120])
        said = [(learner.guess(e.situation).guess, e.need) for e in story[120:]]
        spoken += [guess is need for guess, need in said if guess is not Need.UNSURE]
    assert len(spoken) > 60
    assert np.mean(spoken) > 0.75


def test_pain_is_never_claimed_from_sound_alone() -> None:
    rng = np.random.default_rng(0)
    story = []
    for n in range(120):
        need = (Need.PAIN, Need.HUNGER, Need.TIRED)[n % 3]
        sound = rng.normal(0, 1, 16).astype(np.float32)
        sound[n % 3] += 12.0
        story.append(Example(f"{n:03d}", n * 3600.0, JUST_FED, need, embedding=sound, model_version="1"))
    learner = Learner.from_history(story, "1")
    scream = np.zeros(16, dtype=np.float32)
    scream[0] = 12.0
    hungry = np.zeros(16, dtype=np.float32)
    hungry[1] = 12.0
    assert learner.guess(JUST_FED, hungry).guess is Need.HUNGER
    assert learner.probabilities(JUST_FED, scream)[NEEDS.index(Need.PAIN)] > 0.8
    assert learner.guess(JUST_FED, scream).guess is Need.UNSURE


def test_pain_is_not_claimed_from_the_hour_either() -> None:
    """A week of vaccination and teeth: nearly every cry by day is tagged pain, and nothing at night."""
    night = replace(JUST_FED, night=True)
    story = [
        Example(f"{n:03d}", n * 3600.0, night if n % 3 == 0 else JUST_FED, Need.HUNGER if n % 3 == 0 else Need.PAIN)
        for n in range(150)
    ]
    learner = Learner.from_history(story)
    assert learner.probabilities(JUST_FED)[NEEDS.index(Need.PAIN)] > 0.6
    assert learner.guess(JUST_FED).guess is Need.UNSURE


def bet(right: str, plain: str, p: float = 0.8) -> Trust:
    """A record as two rows of hits (+) and misses (-): its own, and that of naming the most common need."""
    trust = Trust()
    for own, common in zip(right, plain, strict=True):
        trust.learn(own == "+", common == "+", p, 1.0 - p)
    return trust


@pytest.mark.parametrize(
    ("right", "plain", "trust"),
    [
        ("+" * 7, "+-+--+-", False),
        ("+" * 14, "+-" * 7, True),
        ("+" * 12, "+-" * 6, False),
        ("+" * 30, "+" * 30, False),
        ("+++-" * 10, "+-" * 20, False),
        ("+++++++++-" * 3, "+-" * 15, True),
        ("+++++++++-" * 3 + "----", "+-" * 15 + "----", False),
    ],
    ids=["too few", "all right", "nearly enough", "no better", "three of four", "nine of ten", "turned bad"],
)
def test_a_record_earns_trust_by_being_better_and_good_enough(right: str, plain: str, trust: bool) -> None:
    assert bet(right, plain).earned is trust


def test_sure_guesses_earn_trust_sooner_and_lose_it_sooner() -> None:
    def needed(p: float) -> int:
        return next(n for n in range(100) if bet("+" * n, "-" * n, p).earned)

    def lost(p: float) -> int:
        return next(n for n in range(100) if not bet("+" * 50 + "-" * n, "-" * 50 + "+" * n, p).earned)

    assert needed(0.95) < needed(0.8) < needed(0.65)
    assert lost(0.95) < lost(0.65)


@pytest.mark.parametrize(
    ("precision", "plain", "sure"),
    [(0.7, 0.4, (0.6, 0.65)), (0.7, 0.4, (0.95, 1.0)), (0.7, 0.4, (0.6, 1.0)), (0.9, 0.9, (0.6, 1.0))],
    ids=["modest", "boastful", "of any kind", "right but no better"],
)
def test_luck_alone_seldom_earns_trust_however_often_one_looks(
    precision: float, plain: float, sure: tuple[float, float]
) -> None:
    rng = np.random.default_rng(11)
    fooled = 0
    for _ in range(1000):
        trust = Trust()
        for _ in range(150):
            p = float(rng.uniform(*sure))
            trust.learn(bool(rng.random() < precision), bool(rng.random() < plain), p, float(rng.uniform(0, 1 - p)))
            if trust.earned:
                fooled += 1
                break
    assert fooled / 1000 <= CHANCE


# ---- the sound earns its weight ----


def test_a_useless_sound_keeps_weight_zero_and_costs_nothing() -> None:
    story = examples(NULL, 120)
    with_sound = Learner.from_history(story, VERSION)
    without = Learner.from_history([replace(e, embedding=None) for e in story], VERSION)
    assert with_sound.weights.sound == 0.0
    probe = story[-1]
    assert with_sound.probabilities(probe.situation, probe.embedding) == pytest.approx(
        without.probabilities(probe.situation), abs=0.05
    )


def test_a_telling_sound_earns_weight() -> None:
    story = examples(LOUD, 160)
    learner = Learner.from_history(story[:40], VERSION)
    assert learner.weights.sound > 0.3
    right = [NEEDS[int(np.argmax(learner.probabilities(e.situation, e.embedding)))] is e.need for e in story[40:]]
    assert np.mean(right) > 0.75


def test_choose_wants_proof_before_the_sound_counts() -> None:
    losses = np.ones((20, len(HOURS), len(SOUNDS), len(TEMPERATURES)))
    found = choose(losses)
    assert (found.hour, found.temperature) == pytest.approx((1.0, 1.0), abs=0.06)
    assert found.sound == 0.0
    losses[:, :, 3:, :] = 0.95
    assert choose(losses).sound == 0.0, "one nat in twenty tags may be chance"
    losses[:, :, 3:, :] = 0.5
    assert choose(losses).sound == pytest.approx(0.8, abs=0.01), "as likely from 0.6 to 1"
    losses[:, :, 2, :] = 0.2
    assert choose(losses).sound == pytest.approx(0.4, abs=0.01)


def test_the_hour_counts_as_far_as_it_has_foretold_the_tags() -> None:
    assert Learner.from_history(tagged(MIN_TAGS - 1)).weights == Weights()
    telling, silent = (
        [Learner.from_history(examples(Family("x", rhythm=rhythm), 150, seed)).weights.hour for seed in range(8)]
        for rhythm in (3.0, 0.0)
    )
    assert np.mean(telling) > 1.4
    assert np.mean(silent) < 0.6


def test_prototypes_of_no_tags_say_nothing() -> None:
    sums = SoundSums(8)
    rng = np.random.default_rng(1)
    for _ in range(5):
        sums.hear(rng.normal(size=8).astype(np.float32), None)
    assert sums.fit().evidence(rng.normal(size=8)) == pytest.approx(np.zeros(4), abs=1e-9)


# ---- safe learning ----


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 29), st.randoms(use_true_random=False))
def test_deleting_a_tag_leaves_the_model_as_if_it_had_never_been(victim: int, shuffler: object) -> None:
    story = examples(LOUD, 30)
    never = story[:victim] + story[victim + 1 :]
    deleted = [e for e in story if e.episode_id != story[victim].episode_id]
    shuffler.shuffle(deleted)  # type: ignore[attr-defined]
    probe = story[victim]
    one, two = (Learner.from_history(each, VERSION) for each in (never, deleted))
    assert (one.weights, one.record, one.tags) == (two.weights, two.record, two.tags)
    assert np.array_equal(
        one.probabilities(probe.situation, probe.embedding), two.probabilities(probe.situation, probe.embedding)
    )


def test_learning_one_by_one_is_learning_at_once() -> None:
    story = examples(LOUD, 50)
    learner = Learner(VERSION)
    for example in story:
        learner.learn(example)
    again = Learner.from_history(story, VERSION)
    assert np.array_equal(
        learner.probabilities(AFTER_FEED, story[0].embedding), again.probabilities(AFTER_FEED, story[0].embedding)
    )


def test_embeddings_of_another_model_are_set_aside_and_said() -> None:
    story = examples(LOUD, 40)
    old = [replace(e, model_version="older") for e in story[:15]]
    learner = Learner.from_history(old + story[15:], VERSION)
    assert learner.summary().set_aside == 15
    assert learner.tags == 40, "their tags still count for the hours"
    assert learner.probabilities(AFTER_FEED, np.ones(3, dtype=np.float32)).sum() == pytest.approx(1.0)


def test_a_broken_embedding_harms_nothing() -> None:
    story = examples(LOUD, 20)
    bad = np.full(SIZE, np.nan, dtype=np.float32)
    learner = Learner.from_history([*story, replace(story[0], episode_id="zz", embedding=bad)], VERSION)
    assert np.isfinite(learner.probabilities(AFTER_FEED, story[0].embedding)).all()


def test_not_crying_and_unsure_teach_no_need() -> None:
    learner = Learner.from_history(
        [Example("a", 0.0, AFTER_FEED, Need.UNSURE), Example("b", 1.0, AFTER_FEED, Need.HUNGER, not_crying=True)]
    )
    assert learner.tags == 0


def test_the_summary_counts_what_was_said() -> None:
    summary = Learner.from_history(
        [*tagged(5), *[replace(e, episode_id="t" + e.episode_id, need=Need.TIRED) for e in tagged(3)]]
    )
    found = summary.summary()
    assert found.tags == {Need.HUNGER: 5, Need.TIRED: 3}
    assert not found.speaks
    assert sum(found.usual.values()) == pytest.approx(1.0)


# ---- embeddings of an episode, the map, the rhythm ----


def test_the_mean_embedding_follows_the_hops_that_are_surely_crying() -> None:
    mean = Mean()
    assert mean.vector is None
    mean.add(np.array([1.0, 0.0], dtype=np.float32), 1.0)
    mean.add(np.array([0.0, 1.0], dtype=np.float32), 0.1)
    assert mean.vector == pytest.approx(np.array([1 / 1.01, 0.01 / 1.01]), abs=1e-6)


def test_the_map_shows_what_differs_most_and_does_not_flip() -> None:
    rng = np.random.default_rng(0)
    cloud = [rng.normal(size=12).astype(np.float32) + (6.0 if n % 2 else 0.0) for n in range(40)]
    points = projection(cloud)
    assert points.shape == (40, 2)
    assert np.abs(points).max() == pytest.approx(1.0)
    assert min(points[1::2, 0]) > max(points[::2, 0])
    assert np.allclose(projection(cloud), points)
    assert projection(cloud[:2]).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert projection([np.ones(4, dtype=np.float32)] * 5).tolist() == [[0.0, 0.0]] * 5


def test_the_rhythm_is_said_only_when_the_tags_carry_it() -> None:
    rng = np.random.default_rng(0)
    hungry = [Example(f"h{n}", n * DAY, Situation(rng.normal(9_600.0, 900.0)), Need.HUNGER) for n in range(12)]
    other = [Example(f"o{n}", n * DAY, Situation(rng.uniform(300.0, 14_000.0)), Need.DISCOMFORT) for n in range(20)]
    (found,) = usual(hungry + other)
    assert (found.need, found.after, found.tags) == (Need.HUNGER, "feed", 12)
    assert found.median_s == pytest.approx(9_600.0, abs=600.0)
    assert found.low_s < found.median_s < found.high_s
    assert usual(hungry[:7] + other) == (), "too few"
    anytime = [replace(e, need=Need.HUNGER if n % 2 else Need.DISCOMFORT) for n, e in enumerate(other)]
    assert usual(anytime) == (), "hunger comes at any time here"
    assert usual([replace(e, need=None) for e in hungry]) == ()
