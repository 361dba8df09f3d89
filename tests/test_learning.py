from __future__ import annotations

import logging
import threading
from dataclasses import replace

import numpy as np
import pytest

from device.errors import JournalError
from device.events import EpisodeEnded, EpisodeTagged, Event, Forgotten
from device.inputs import Score, Tag
from device.learned import learn
from device.learning import OnlineLearning
from device.need_history import Lessons
from device.need_prior import Diary, Situation
from device.need_sound import Vector
from device.needs import Example
from device.vocabulary import Need
from device.vocabulary import Source as From
from tests.fakes import HOP_S, at, tracker
from tests.fakes_web import until

SIZE = 8
HUNGRY, TIRED = np.eye(SIZE, dtype=np.float32)[:2] * 8.0


def sound(of: Vector, seed: int) -> Vector:
    return np.asarray(of + np.random.default_rng(seed).normal(size=SIZE), dtype=np.float32)


def history(count: int = 60) -> list[Example]:
    return [
        Example(
            f"{n:03d}",
            n * 3600.0,
            Situation(),
            Need.HUNGER if n % 2 else Need.TIRED,
            embedding=sound(HUNGRY if n % 2 else TIRED, n),
            model_version="1",
            confirmed=True,
        )
        for n in range(count)
    ]


class House:
    """A history in memory, and what was kept."""

    def __init__(self, examples: list[Example], *, beside: bool = False) -> None:
        self.examples = examples
        self.kept: list[tuple[str, str, Vector]] = []
        self.asked = 0
        self.broken = self.absurd = False
        self.tracker = tracker()
        self.may_read = threading.Event()
        self.may_read.set()
        self.learning = OnlineLearning("1", history=self.history, keep=lambda *all_: self.kept.append(all_), beside=beside)
        self.second = 0.0

    def history(self) -> Lessons:
        self.asked += 1
        assert self.may_read.wait(30)
        if self.broken:
            raise JournalError("The history cannot be read.")
        if self.absurd:
            raise ValueError("never seen before")
        return Lessons(tuple(self.examples), Diary(()))

    def hear(self, seconds: float, cry: float, embedding: Vector) -> list[Event]:
        events: list[Event] = []
        for _ in range(int(seconds / HOP_S)):
            self.second += HOP_S
            score = Score(at(self.second), cry, 0.0, 0.5, -40.0)
            self.learning.hear(score, embedding, crying=self.tracker.crying)
            events += [self.learning.complete(event, self.tracker) for event in self.tracker.handle(score)]
        return events


def test_an_episode_gets_its_guess_and_its_sound_is_kept() -> None:
    house = House(history())
    house.hear(2.0, 0.01, np.zeros(SIZE, dtype=np.float32))
    events = house.hear(10.0, 0.95, HUNGRY)
    assert events
    assert house.tracker.episode is not None
    assert house.tracker.episode.guess is not None
    events += house.hear(70.0, 0.01, np.zeros(SIZE, dtype=np.float32))
    ended = next(event for event in events if isinstance(event, EpisodeEnded))
    assert ended.episode.guess is not None
    assert ended.episode.guess.guess is Need.HUNGER
    assert ended.episode.guess.tags == 60
    assert house.tracker.last == ended.episode
    assert ended.episode.alerts, "the guess takes nothing away from the episode"
    ((episode_id, version, vector),) = house.kept
    assert (episode_id, version) == (ended.episode.id, "1")
    assert vector == pytest.approx(HUNGRY, abs=0.01)


def test_a_full_disk_keeps_no_episode_from_ending(caplog: pytest.LogCaptureFixture) -> None:
    house = House(history())

    def keep(*_: object) -> None:
        raise JournalError("The disk is full; make room.")

    house.learning = OnlineLearning("1", history=house.history, keep=keep)
    events = house.hear(10.0, 0.95, HUNGRY) + house.hear(70.0, 0.01, np.zeros(SIZE, dtype=np.float32))
    assert any(isinstance(event, EpisodeEnded) for event in events)
    assert "The disk is full" in caplog.text


def test_a_tag_is_learned_in_the_next_quiet_hop_and_not_before() -> None:
    house = House(history())
    silence = np.zeros(SIZE, dtype=np.float32)
    house.hear(1.0, 0.01, silence)
    house.hear(10.0, 0.95, HUNGRY)
    house.hear(70.0, 0.01, silence)
    before = house.asked
    house.examples = house.examples[:20]
    (tagged,) = house.tracker.handle(Tag(at(house.second), From.PAGE, need=Need.HUNGER))
    assert isinstance(tagged, EpisodeTagged)
    house.learning.complete(tagged, house.tracker)
    assert house.asked == before
    house.hear(2.0, 0.01, silence)
    assert house.asked == before + 1
    assert house.learning.learned.needs.tags == 20


def test_a_history_that_cannot_be_read_leaves_what_was_known() -> None:
    house = House(history())
    house.broken = True
    house.hear(1.0, 0.01, np.zeros(SIZE, dtype=np.float32))
    events = house.hear(10.0, 0.95, HUNGRY)
    assert events
    assert house.learning.learned.needs.tags == 0


SILENCE = np.zeros(SIZE, dtype=np.float32)


def test_learning_beside_never_holds_up_the_listening() -> None:
    house = House(history(), beside=True)
    house.may_read.clear()
    house.hear(2.0, 0.01, SILENCE)
    events = house.hear(10.0, 0.95, HUNGRY)
    assert events, "it listens while the history is being read"
    assert house.learning.learned.needs.tags == 0
    house.hear(70.0, 0.01, SILENCE)
    assert house.asked == 1, "one at a time"
    house.may_read.set()
    until(lambda: house.learning.learned.needs.tags == 60)
    until(lambda: house.hear(1.0, 0.01, SILENCE) is not None and house.asked == 2)
    house.learning.close()
    house.learning.close()


def test_an_error_beside_leaves_what_was_known(caplog: pytest.LogCaptureFixture) -> None:
    house = House(history(), beside=True)
    house.hear(1.0, 0.01, SILENCE)
    until(lambda: house.learning.learned.needs.tags == 60)
    house.absurd = True
    with caplog.at_level(logging.ERROR):
        house.learning.complete(Forgotten(at(house.second)), house.tracker)
        until(lambda: house.hear(1.0, 0.01, SILENCE) is not None and house.asked == 2)
        house.learning.close()
    assert "could not learn" in caplog.text
    assert house.learning.learned.needs.tags == 60


def test_learning_anew_is_learned_from_in_the_next_quiet_hop() -> None:
    house = House(history())
    house.hear(1.0, 0.01, SILENCE)
    house.examples = []
    event = Forgotten(at(house.second))
    assert house.learning.complete(event, house.tracker) is event
    assert house.learning.learned.needs.tags == 60
    house.hear(1.0, 0.01, SILENCE)
    assert house.learning.learned.needs.tags == 0


def test_known_false_alarms_hold_the_alert_back_for_a_while() -> None:
    cat = np.full(SIZE, -6.0, dtype=np.float32)
    cats = [
        replace(example, episode_id=f"cat{n}", need=None, not_crying=True, confirmed=False, embedding=sound(cat, 900 + n))
        for n, example in enumerate(history(6))
    ]
    house = House(history() + cats)
    silence = np.zeros(SIZE, dtype=np.float32)
    house.hear(1.0, 0.01, silence)
    house.hear(3.0, 0.8, cat)
    assert not house.learning.allows(0.8, 3.0)
    assert house.learning.allows(0.8, 30.0)
    assert house.learning.allows(0.99, 3.0)


def test_an_untagged_episode_is_no_proof_of_crying() -> None:
    cats = [replace(e, not_crying=True, need=None) for e in history(6)]
    untagged = [replace(e, episode_id="u" + e.episode_id, need=None, confirmed=False) for e in history(20)]
    learned = learn(cats + untagged, "1")
    assert learned.verifier.effect.cries == 0
    assert not learned.verifier.active
