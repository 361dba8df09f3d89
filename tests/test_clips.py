"""Recordings around episodes, on a real folder."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device.audio import RATE_HZ, AudioBlock
from device.clip_store import ClipStore
from device.clips import BEFORE_S, Clips
from device.events import EpisodeEdited, EpisodeEnded, EpisodeStarted
from device.record import Episode
from device.settings import ClipSettings
from device.sinks import MonitorState, Trouble
from device.vocabulary import Mic, Outcome
from tests.fakes_hands import HandClock, Inbox


class House:
    """Clips with a clock and a source that plays a ramp, so that each sample tells when it was heard."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.clock, self.inbox, self.store = HandClock(), Inbox(), ClipStore(folder)
        self.begin = self.clock.now()
        self.clips = Clips(settings=ClipSettings(**({"keep": True} | settings)), data_dir=folder, clock=self.clock)  # type: ignore[arg-type]
        self.clips.start(self.inbox.put)
        self.put = self.clips.tap(self.inbox.put)

    def play(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            at = self.clock.now()
            second = at.since(self.begin)
            self.put(AudioBlock(np.full(RATE_HZ // 10, second / 1000, np.float32), at))
            self.clock.go(0.1)

    def cry(self, episode_id: str = "a", back_s: float = 1.0) -> Episode:
        episode = Episode(episode_id, self.clock.now().plus(-back_s))
        self.clips.handle(EpisodeStarted(self.clock.now(), episode))
        return episode

    def end(self, episode: Episode, offset_s: float) -> None:
        ended = replace(episode, offset_s=offset_s, outcome=Outcome.SELF_SETTLED)
        self.clips.handle(EpisodeEnded(self.clock.now(), ended))

    def finish(self) -> None:
        """Wait until everything asked for is on the disk."""
        self.clips.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def make(**settings: object) -> House:
        made.append(House(tmp_path, **settings))
        return made[-1]

    yield make
    for one in made:
        one.clips.close()


def _times(path: Path) -> tuple[float, float, float]:
    samples, rate = soundfile.read(path)
    assert rate == RATE_HZ
    return len(samples) / rate, float(samples[0]) * 1000, float(samples[-1]) * 1000


def test_a_recording_begins_before_the_onset_and_ends_after_the_offset(house: Callable[..., House]) -> None:
    it = house(max_s=60)
    it.play(20)
    episode = it.cry(back_s=1)
    it.play(30)
    it.end(episode, offset_s=10)
    it.finish()
    (clip,) = it.store.clips()
    length, first, last = _times(clip.path)
    assert clip.episode_id == "a"
    assert length == pytest.approx(BEFORE_S + 10 + BEFORE_S, abs=0.01)
    assert first == pytest.approx(17, abs=0.11)
    assert last == pytest.approx(31, abs=0.15)


def test_it_is_never_longer_than_allowed_and_is_kept_while_the_crying_goes_on(house: Callable[..., House]) -> None:
    it = house(max_s=8)
    it.play(50)
    it.cry(back_s=5)
    it.play(5)
    it.finish()
    (clip,) = it.store.clips()
    assert _times(clip.path)[0] == pytest.approx(8, abs=0.01)


def test_memory_holds_no_more_than_is_needed(house: Callable[..., House]) -> None:
    it = house(max_s=10)
    it.play(200)
    held = sum(len(samples) for _, samples in it.clips._ring) / RATE_HZ
    assert held < 10 + 40


def test_turned_off_it_costs_and_keeps_nothing(house: Callable[..., House], tmp_path: Path) -> None:
    it = house(keep=False)
    assert it.put == it.inbox.put
    it.play(5)
    it.end(it.cry(), 3)
    it.clips.update(MonitorState(it.clock.now(), Mic.OK))
    assert not any(thread.name == "clips" for thread in threading.enumerate())
    assert not (tmp_path / "clips").exists()


def test_turned_off_again_old_recordings_are_still_looked_after(house: Callable[..., House]) -> None:
    it = house()
    it.play(10)
    it.end(it.cry(), 3)
    it.finish()
    off = house(keep=False)
    off.clips.handle(EpisodeEdited(off.clock.now(), Episode("a", off.clock.now()), deleted=True))
    off.finish()
    assert off.store.clips() == []


def test_a_recording_goes_with_its_episode(house: Callable[..., House]) -> None:
    it = house()
    it.play(10)
    whole, cut_short = it.cry("whole"), it.cry("cut-short")
    it.end(whole, 3)
    for episode in (whole, cut_short):
        it.clips.handle(EpisodeEdited(it.clock.now(), episode, deleted=True))
    it.play(30)
    it.finish()
    assert it.store.clips() == []


def test_the_oldest_go_first_when_there_are_too_many_bytes(house: Callable[..., House]) -> None:
    it = house(max_mb=1.0)
    folder = it.store.folder
    folder.mkdir()
    for index in range(5):
        path = folder / f"old{index}.flac"
        path.write_bytes(bytes(300_000))
        os.utime(path, (it.clock.now().utc - 100 + index,) * 2)
    it.clips.update(MonitorState(it.clock.now(), Mic.OK))
    it.finish()
    assert [clip.episode_id for clip in it.store.clips()] == ["old2", "old3", "old4"]


@pytest.mark.parametrize(("synced", "left"), [(True, ["new"]), (False, ["old", "new"])])
def test_age_counts_only_when_the_clock_is_right(house: Callable[..., House], synced: bool, left: list[str]) -> None:
    it = house(max_days=1)
    it.store.folder.mkdir()
    for name, days in (("old", 1.1), ("new", 0.9)):
        path = it.store.folder / f"{name}.flac"
        path.write_bytes(b"x")
        os.utime(path, (it.clock.now().utc - days * 86400,) * 2)
    it.clock.jump(0.0, synced)
    it.clips.update(MonitorState(it.clock.now(), Mic.OK))
    it.finish()
    assert [clip.episode_id for clip in it.store.clips()] == left


def test_a_disk_that_fails_is_a_fault_that_heals_and_holds_up_nothing(house: Callable[..., House]) -> None:
    it = house()
    it.store.folder.write_text("a file where the folder should be")
    it.play(5)
    it.end(it.cry("a"), 3)
    trouble = it.inbox.wait_for(Trouble, code="clips", standing=True)
    assert "could not be kept" in trouble.text
    it.store.folder.unlink()
    it.play(5)
    it.end(it.cry("b"), 3)
    it.inbox.wait_for(Trouble, code="clips", standing=False)
    assert [clip.episode_id for clip in it.store.clips()] == ["b"]


def test_strangers_cannot_read_them_and_half_written_ones_go(house: Callable[..., House]) -> None:
    it = house()
    it.store.folder.mkdir()
    (it.store.folder / ".x.flac.part").write_bytes(b"half")
    it.play(5)
    it.end(it.cry(), 3)
    it.finish()
    assert [stat.S_IMODE(path.stat().st_mode) & 0o007 for path in it.store.folder.iterdir()] == [0]


@pytest.mark.parametrize("name", ["", "../journal", "a/b", ".hidden", "a\0b", "x" * 200, "nothing-there"])
def test_only_an_episodes_recording_can_be_asked_for(house: Callable[..., House], name: str, tmp_path: Path) -> None:
    it = house()
    it.store.folder.mkdir()
    (tmp_path / "journal.flac").write_bytes(b"secret")
    assert it.store.path(name) is None
    it.store.delete(name)
    assert (tmp_path / "journal.flac").exists()


def test_nothing_is_kept_longer_than_the_history(tmp_path: Path) -> None:
    clock = HandClock()
    clips = Clips(settings=ClipSettings(keep=True, max_days=14), data_dir=tmp_path, clock=clock, history_days=2)
    store = ClipStore(tmp_path)
    store.folder.mkdir()
    (store.folder / "old.flac").write_bytes(b"x")
    os.utime(store.folder / "old.flac", (clock.now().utc - 3 * 86400,) * 2)
    clips.start(Inbox().put)
    clips.update(MonitorState(clock.now(), Mic.OK))
    clips.close()
    assert store.clips() == []
