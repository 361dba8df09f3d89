from __future__ import annotations

from collections import Counter
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device.audio import RATE_HZ, AudioBlock
from device.clock import Instant
from device.demo import Demo, prepare
from device.demo_history import boots
from device.demo_life import CAREGIVERS, DAY_S, DAYS, Gap, live
from device.detector import Detector, thresholds
from device.episode import EpisodeTracker
from device.events import EpisodeEnded
from device.inputs import Tick
from device.journal_reader import JournalReader
from device.record import Episode
from device.settings import AlertSettings, EpisodeSettings
from device.vocabulary import Need, Outcome

NOW = Instant(5_000.0, 1_764_000_000.0)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return prepare(tmp_path_factory.mktemp("demo"), NOW, zone=UTC)


@pytest.fixture(scope="module")
def episodes(demo: Demo) -> list[Episode]:
    with JournalReader(demo.journal) as reader:
        return reader.episodes(newest_first=False)


def test_the_journal_says_that_it_is_a_demonstration(demo: Demo) -> None:
    with JournalReader(demo.journal) as reader:
        assert reader.meta()["demo"] == "1"


def test_three_weeks_of_ended_episodes_up_to_now(episodes: list[Episode]) -> None:
    assert 130 < len(episodes) < 320
    assert all(not episode.open for episode in episodes)
    assert NOW.utc - DAYS * DAY_S < episodes[0].onset.utc < NOW.utc - (DAYS - 1) * DAY_S
    assert NOW.utc - DAY_S < episodes[-1].onset.utc + (episodes[-1].offset_s or 0.0) <= NOW.utc


def test_every_kind_of_ending_and_of_answer_is_there(episodes: list[Episode]) -> None:
    outcomes = Counter(episode.outcome for episode in episodes)
    assert outcomes[Outcome.ANSWERED] > len(episodes) / 2
    assert min(outcomes[o] for o in (Outcome.SELF_SETTLED, Outcome.UNANSWERED, Outcome.FALSE_ALARM)) >= 1
    assert {e.arrived.caregiver for e in episodes if e.arrived and not e.arrived.inferred} == set(CAREGIVERS)
    assert any(e.arrived and e.arrived.inferred for e in episodes)
    assert any(e.acknowledged for e in episodes)
    assert any(len(e.alerts) > 1 for e in episodes)
    tagged = [e for e in episodes if e.need]
    assert len(tagged) >= 40
    assert any(e.helped for e in tagged)
    assert any(e.note for e in episodes)


def test_evenings_have_most_crying(episodes: list[Episode]) -> None:
    by_hour = Counter(int(episode.onset.utc // 3600 % 24) for episode in episodes)
    evening = sum(by_hour[hour] for hour in (17, 18, 19)) / 3
    assert evening > 1.5 * len(episodes) / 24


def test_gaps_are_gaps_and_nobody_cries_in_them(demo: Demo, episodes: list[Episode]) -> None:
    with JournalReader(demo.journal) as reader:
        spans = reader.coverage(NOW.utc - DAYS * DAY_S, NOW.utc)
    gaps = [span for span in spans if span.kind != "listening"]
    assert [(span.kind, span.reason) for span in gaps] == [
        ("off", "cut"),
        ("lost", "The microphone was unplugged."),
        ("off", "stopped"),
    ]
    for span in gaps:
        assert not [e for e in episodes if span.start_utc < e.onset.utc < span.end_utc]


def test_nothing_of_the_history_waits_to_be_sent(demo: Demo) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(demo.journal)) as db:
        assert db.execute("SELECT count(*) FROM event WHERE delivered IS NULL").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM event").fetchone()[0] > 500


def test_hunger_comes_hours_after_a_feed(demo: Demo, episodes: list[Episode]) -> None:
    with JournalReader(demo.journal) as reader:
        feeds = [c.start_utc for c in reader.contexts(NOW.utc - DAYS * DAY_S, NOW.utc) if c.kind == "feed"]
    waits = [
        episode.onset.utc - max(feed for feed in feeds if feed < episode.onset.utc)
        for episode in episodes
        if episode.need == "hunger" and min(feeds) < episode.onset.utc
    ]
    assert 1.8 * 3600 < sorted(waits)[len(waits) // 2] < 3.6 * 3600


def test_the_same_seed_gives_the_same_history(demo: Demo, episodes: list[Episode], tmp_path: Path) -> None:
    again = prepare(tmp_path, NOW, zone=UTC)
    with JournalReader(again.journal) as reader:
        assert reader.episodes(newest_first=False) == episodes
    assert again.recording.read_bytes() == demo.recording.read_bytes()


def test_another_seed_gives_another_family() -> None:
    def cries(seed: int) -> list[float]:
        return [cry.at_utc for cry in live(NOW.utc, UTC, np.random.default_rng(seed)).cries]

    assert cries(1) != cries(2)
    assert len(cries(2)) > 130


def test_guesses_rest_on_the_tags_until_then_and_sounds_are_kept(demo: Demo, episodes: list[Episode]) -> None:
    tags = 0
    for episode in episodes:
        assert episode.guess is not None
        assert episode.guess.tags == tags
        tags += episode.need not in (None, Need.UNSURE)
    with JournalReader(demo.journal) as reader:
        kept = reader.embeddings()
    assert {each.episode_id for each in kept} == {episode.id for episode in episodes}
    assert len({each.model_version for each in kept}) == 1


def test_the_recording_is_a_few_minutes_of_sixteen_kilohertz(demo: Demo) -> None:
    info = soundfile.info(str(demo.recording))
    assert (info.samplerate, info.channels) == (16_000, 1)
    assert 120 < info.duration < 300


def test_boots_lie_between_the_times_without_power() -> None:
    gaps = [Gap(10.0, 20.0, "off"), Gap(25.0, 26.0, "lost"), Gap(30.0, 40.0, "off")]
    found = boots(0.0, 100.0, gaps)
    assert [(boot.start_utc, boot.end_utc) for boot in found] == [(0.0, 10.0), (20.0, 30.0), (40.0, 100.0)]
    assert found[1].instant(25.0).since(found[1].instant(20.0)) == 5.0


def test_the_real_pipeline_hears_the_night(demo: Demo) -> None:
    """No score is made up: the shipped ear and the tracker with its usual settings get the recording, and nothing else."""
    detector, pair = Detector(), thresholds("normal")
    tracker = EpisodeTracker(EpisodeSettings(), AlertSettings(), thresholds=pair, hop_s=detector.hop_s)
    samples, _ = soundfile.read(demo.recording, dtype="float32")
    start = Instant(0.0, NOW.utc)
    heard = detector.feed(AudioBlock(samples, start))
    events = [event for hop in heard for event in tracker.handle(hop.score)]
    events += tracker.handle(Tick(start.plus(len(samples) / RATE_HZ + 90.0)))
    ended = [event.episode for event in events if isinstance(event, EpisodeEnded)]
    assert [round(episode.onset.since(start), -1) for episode in ended] == [10.0, 100.0, 170.0]
    assert [episode.outcome for episode in ended] == [Outcome.ANSWERED, Outcome.SELF_SETTLED, Outcome.ANSWERED]
    assert all(episode.alerts for episode in ended)
    assert [bool(episode.arrived and episode.arrived.inferred) for episode in ended] == [True, False, True]
    assert ended[1].distress < ended[2].distress
