"""The microphone's watch over itself: with a sound system that does as the test says, and through the real PortAudio."""

import importlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.audio import RATE_HZ, AudioBlock, level_dbfs
from device.clock import Instant, SystemClock
from device.errors import AudioSourceError
from device.inputs import AudioLost, AudioRestored
from device.microphone import Microphone
from device.portaudio import Device, Frames, OnFrames
from device.settings import MicrophoneSettings
from device.sinks import Trouble
from device.vocabulary import Mic
from tests import sound
from tests.fakes_hands import HandClock, Inbox

USB = Device(0, "USB Mic (hw:1,0)", 1, 16_000, default=True)
OTHER = Device(1, "Webcam (hw:2,0)", 2, 48_000)
NOISE = np.random.default_rng(1).normal(0, 0.05, (1_600, 1)).astype(np.float32)
ZERO = np.zeros((1_600, 1), np.float32)


def _since(item: object, at: Instant) -> bool:
    return isinstance(item, AudioBlock) and item.start.since(at) > 0


@dataclass
class Opened:
    device: Device
    frames: OnFrames
    end: Callable[[], None]
    closed: threading.Event = field(default_factory=threading.Event)
    hang: threading.Event | None = None

    def close(self) -> None:
        if self.hang is not None:
            self.hang.wait(20)
        self.closed.set()


class Desk:
    """A sound system on which microphones come and go as the test says."""

    def __init__(self, *plugged: Device) -> None:
        self.plugged: list[Device] = list(plugged)
        self.busy: set[str] = set()
        self.hang: threading.Event | None = None
        self.opened: list[Opened] = []
        self._more = threading.Condition()

    def devices(self) -> list[Device]:
        return list(self.plugged)

    def open(self, device: Device, on_frames: OnFrames, on_end: Callable[[], None]) -> Opened:
        if device.name in self.busy:
            raise AudioSourceError(f"{device.name}: cannot be opened (Device unavailable)")
        with self._more:
            self.opened.append(Opened(device, on_frames, on_end, hang=self.hang))
            self._more.notify_all()
        return self.opened[-1]

    def wait_opened(self, count: int) -> Opened:
        with self._more:
            assert self._more.wait_for(lambda: len(self.opened) >= count, 10), "it was not opened"
            return self.opened[count - 1]


class Bench:
    def __init__(self, desk: Desk, settings: dict[str, Any], **more: Any) -> None:
        self.desk, self.inbox, self.clock = desk, Inbox(), HandClock()
        quick = {"lost_after_s": 10.0, "silent_after_s": 1.0, "retry_s": 0.02} | settings
        self.mic = Microphone(settings=MicrophoneSettings(**quick), clock=self.clock, system=desk, **more)
        self.mic.start(self.inbox.put)

    def say(self, opened: Opened, frames: Frames, times: int = 1, overflow: bool = False) -> None:
        for _ in range(times):
            self.clock.go(len(frames) / opened.device.rate_hz)
            opened.frames(frames.copy(), overflow)


@pytest.fixture
def bench() -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def make(desk: Desk, settings: dict[str, Any] | None = None, **more: Any) -> Bench:
        made.append(Bench(desk, settings or {}, **more))
        return made[-1]

    yield make
    for one in made:
        one.mic.close()
        one.mic.close()


def test_blocks_flow_and_join(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(USB))
    opened = it.desk.wait_opened(1)
    it.say(opened, NOISE, 5)
    restored = it.inbox.wait_for(AudioRestored)
    assert restored.device == USB.name
    blocks = [it.inbox.wait_for(AudioBlock) for _ in range(5)]
    assert all(b.start.since(a.end) == pytest.approx(0) for a, b in zip(blocks, blocks[1:], strict=False))
    np.testing.assert_array_equal(blocks[0].samples, NOISE[:, 0])


def test_without_a_microphone_it_says_so_and_starts_by_itself_when_one_comes(bench: Callable[..., Bench]) -> None:
    it = bench(Desk())
    lost = it.inbox.wait_for(AudioLost)
    assert "plug one in" in lost.reason and lost.mic is Mic.LOST
    it.desk.plugged.append(USB)
    it.say(it.desk.wait_opened(1), NOISE, 2)
    it.inbox.wait_for(AudioRestored)
    it.inbox.wait_for(AudioBlock)


@pytest.mark.parametrize("told", [True, False], ids=["the stream ends", "the callback is stuck"])
def test_a_microphone_that_stops_is_lost_closed_and_opened_anew(bench: Callable[..., Bench], told: bool) -> None:
    it = bench(Desk(USB), {} if told else {"lost_after_s": 0.5})
    first = it.desk.wait_opened(1)
    it.say(first, NOISE, 3)
    it.inbox.wait_for(AudioRestored)
    at = it.clock.now()
    if told:
        first.end()
    lost = it.inbox.wait_for(AudioLost, mic=Mic.LOST)
    assert "check its cable" in lost.reason and lost.at == at
    assert first.closed.wait(10)
    it.say(it.desk.wait_opened(2), NOISE, 2)
    it.inbox.wait_for(AudioRestored)


def test_a_loss_that_lasts_keeps_its_beginning(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(USB))
    it.say(it.desk.wait_opened(1), NOISE, 3)
    it.inbox.wait_for(AudioRestored)
    it.desk.plugged.clear()
    it.desk.opened[0].end()
    began = it.inbox.wait_for(AudioLost).at
    it.clock.go(100)
    assert it.inbox.wait_for(AudioLost).at == began
    assert it.inbox.wait_for(AudioLost).at == began


def test_a_flat_microphone_is_silent_not_quiet(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(USB))
    opened = it.desk.wait_opened(1)
    it.say(opened, NOISE, 2)
    it.inbox.wait_for(AudioRestored)
    flat_from = it.clock.now()
    it.say(opened, ZERO, 12)
    silent = it.inbox.wait_for(AudioLost)
    assert silent.mic is Mic.SILENT and "muted" in silent.reason
    assert silent.at.since(flat_from) == pytest.approx(0, abs=1e-6)
    it.say(opened, ZERO, 20)
    it.say(opened, NOISE, 1)
    it.inbox.wait_for(AudioRestored)
    assert not any(isinstance(item, AudioBlock) and not item.samples.any() for item in it.inbox.items)


def test_flat_from_the_start_is_never_called_restored(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(USB))
    it.say(it.desk.wait_opened(1), ZERO, 15)
    it.inbox.wait_for(AudioLost, mic=Mic.SILENT)
    assert not any(isinstance(item, AudioRestored | AudioBlock) for item in it.inbox.items)


def test_a_microphone_flat_for_long_is_opened_anew_and_stays_silent_until_it_sounds(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(USB))
    first = it.desk.wait_opened(1)
    for _ in range(8):
        it.say(first, ZERO, 40)
        it.clock.go(0)
        if first.closed.wait(0.05):
            break
    assert first.closed.wait(10)
    it.inbox.wait_for(AudioLost, mic=Mic.SILENT)
    it.say(it.desk.wait_opened(2), NOISE, 1)
    it.inbox.wait_for(AudioRestored)
    assert not any(isinstance(item, AudioLost) for item in it.inbox.items)


def test_a_busy_device_gives_way_to_the_next_and_is_named_if_there_is_none(bench: Callable[..., Bench]) -> None:
    desk = Desk(USB, OTHER)
    desk.busy = {USB.name, OTHER.name}
    it = bench(desk)
    lost = it.inbox.wait_for(AudioLost)
    assert "another program" in lost.reason and USB.name in lost.reason
    desk.busy = {USB.name}
    assert desk.wait_opened(1).device == OTHER


def test_another_microphone_does_not_stand_in_for_the_one_that_was_named(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(OTHER), {"device": "USB Mic"})
    assert "No microphone named 'USB Mic'" in it.inbox.wait_for(AudioLost).reason
    it.desk.plugged.append(Device(7, "usb mic of another make (hw:4,0)", 1, 44_100))
    assert it.desk.wait_opened(1).device.index == 7


def test_a_rate_that_changes_with_the_next_opening(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(USB))
    first = it.desk.wait_opened(1)
    it.say(first, NOISE, 2)
    it.desk.plugged[0] = Device(0, USB.name, 2, 48_000, default=True)
    first.end()
    second = it.desk.wait_opened(2)
    frames = np.random.default_rng(2).normal(0, 0.05, (4_800, 2)).astype(np.float32)
    it.inbox.wait_for(AudioLost)
    it.say(second, frames, 5)
    it.inbox.wait_for(AudioRestored)
    assert it.inbox.wait_for(AudioBlock).sample_rate_hz == RATE_HZ


def test_overflows_are_a_fault_that_ends(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(USB))
    opened = it.desk.wait_opened(1)
    it.say(opened, NOISE, 1, overflow=True)
    it.say(opened, NOISE, 15)
    it.say(opened, NOISE, 3, overflow=True)
    it.inbox.wait_for(Trouble, code="audio_overflow", standing=True)
    item: object = None
    for _ in range(13):
        it.say(opened, NOISE, 50)
        recent = it.clock.now().plus(-0.15)
        item = it.inbox.wait(lambda item, recent=recent: isinstance(item, Trouble) or _since(item, recent))  # type: ignore[misc]
        if isinstance(item, Trouble):
            break
    assert isinstance(item, Trouble) and item.code == "audio_overflow" and not item.standing


def test_clipping_is_a_fault_that_ends_with_the_microphone(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(USB))
    opened = it.desk.wait_opened(1)
    it.say(opened, np.sign(NOISE), 60)
    it.inbox.wait_for(Trouble, code="audio_clipping", standing=True)
    opened.end()
    it.inbox.wait_for(Trouble, code="audio_clipping", standing=False)


def test_a_channel_that_is_not_there_is_said(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(USB), {"channel": "3"})
    it.say(it.desk.wait_opened(1), NOISE, 1)
    it.inbox.wait(lambda item: isinstance(item, AudioLost) and "has only 1" in item.reason)


def test_a_sound_system_that_hangs_hangs_nobody_and_asks_for_a_new_process_at_last(bench: Callable[..., Bench]) -> None:
    desk, hang = Desk(USB), threading.Event()
    asked: list[str] = []
    desk.hang = hang
    it = bench(desk, on_stuck=asked.append, call_s=0.05, stuck_s=0.2)
    first = desk.wait_opened(1)
    it.say(first, NOISE, 2)
    first.end()
    it.inbox.wait(lambda item: isinstance(item, AudioLost) and "does not answer" in item.reason)
    for _ in range(8):
        it.inbox.wait(lambda item: isinstance(item, AudioLost) and "does not answer" in item.reason)
    assert len(asked) == 1
    desk.hang = None
    hang.set()
    second = desk.wait_opened(2)
    it.inbox.items.clear()
    it.say(second, NOISE, 2)
    it.inbox.wait_for(AudioRestored)


def test_a_full_inbox_does_not_swallow_the_news(bench: Callable[..., Bench]) -> None:
    desk, inbox = Desk(USB), Inbox()
    full = threading.Event()
    full.set()
    mic = Microphone(settings=MicrophoneSettings(retry_s=0.2), clock=HandClock(), system=desk)
    mic.start(lambda item: False if full.is_set() else inbox.put(item))
    opened = desk.wait_opened(1)
    opened.frames(NOISE.copy(), False)
    full.clear()
    for _ in range(5):
        opened.frames(NOISE.copy(), False)
    inbox.wait_for(AudioRestored)
    mic.close()


def test_close_frees_the_device(bench: Callable[..., Bench]) -> None:
    it = bench(Desk(USB), {"lost_after_s": 10.0})
    opened = it.desk.wait_opened(1)
    it.say(opened, NOISE, 1)
    it.inbox.wait_for(AudioBlock)
    it.mic.close()
    assert opened.closed.is_set()
    assert not any(isinstance(item, AudioLost) for item in it.inbox.items)


# ---- through the real PortAudio -------------------------------------------------------------------------------------

REAL_S = 10.0
"""Each failure is noticed, and each healing too, within this."""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sound.SoundServer]:
    with sound.sound_server(tmp_path) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
        # PortAudio keeps ALSA's view of that home in its memory; leave it stopped for the next.
        sd = importlib.import_module("sounddevice")
        while sd._initialized:
            sd._terminate()
        sd._initialize()


@pytest.fixture
def heard(server: sound.SoundServer) -> Iterator[Inbox]:
    inbox = Inbox()
    mic = Microphone(settings=MicrophoneSettings(silent_after_s=3.0, retry_s=0.3), clock=SystemClock())
    mic.start(inbox.put)
    yield inbox
    mic.close()


real = pytest.mark.skipif(not sound.AVAILABLE, reason="PulseAudio is not installed")


@real
@pytest.mark.sound
@pytest.mark.own_process
@pytest.mark.patient
@pytest.mark.slow
def test_plugged_muted_unplugged_plugged_again(server: sound.SoundServer, heard: Inbox) -> None:
    assert "plug one in" in heard.wait_for(AudioLost, REAL_S).reason
    server.plug()
    server.play(sound.hiss(60, 16_000, 0.05), 16_000)
    heard.wait_for(AudioRestored, REAL_S)
    loud = heard.wait(lambda item: isinstance(item, AudioBlock) and level_dbfs(item.samples) > -40, REAL_S)
    assert isinstance(loud, AudioBlock) and level_dbfs(loud.samples) == pytest.approx(-26, abs=1.5)
    server.mute(True)
    heard.wait_for(AudioLost, REAL_S, mic=Mic.SILENT)
    server.mute(False)
    heard.wait_for(AudioRestored, REAL_S)
    server.unplug()
    heard.wait_for(AudioLost, REAL_S, mic=Mic.LOST)
    server.plug()
    server.play(sound.hiss(60, 16_000, 0.05), 16_000)
    heard.wait_for(AudioRestored, REAL_S)


@real
@pytest.mark.sound
@pytest.mark.own_process
@pytest.mark.patient
@pytest.mark.slow
def test_a_sound_server_that_freezes(server: sound.SoundServer, heard: Inbox) -> None:
    server.plug()
    server.play(sound.hiss(60, 16_000, 0.05), 16_000)
    heard.wait_for(AudioRestored, REAL_S)
    server.freeze()
    heard.wait_for(AudioLost, REAL_S, mic=Mic.LOST)
    server.thaw()
    heard.wait_for(AudioRestored, 2 * REAL_S)


@real
@pytest.mark.sound
@pytest.mark.own_process
@pytest.mark.patient
@pytest.mark.slow
def test_what_is_played_is_what_is_heard(server: sound.SoundServer, heard: Inbox) -> None:
    """A tone comes through resampling and stamps as it was: no gap, no click, no other pitch."""
    server.plug()
    rate = 44_100
    tone = (0.4 * np.sin(2 * np.pi * 500 * np.arange(rate * 12) / rate)).astype(np.float32)
    server.play(tone, rate)
    heard.wait_for(AudioRestored, REAL_S)
    heard.wait(lambda item: isinstance(item, AudioBlock) and level_dbfs(item.samples) > -15, REAL_S)
    blocks: list[AudioBlock] = []
    while sum(block.duration_s for block in blocks) < 4:
        block = heard.wait_for(AudioBlock, REAL_S)
        blocks.append(block)
    joined = np.concatenate([block.samples for block in blocks])
    spectrum = np.abs(np.fft.rfft(joined * np.hanning(len(joined))))
    peak_hz = float(np.argmax(spectrum)) * RATE_HZ / len(joined)
    assert peak_hz == pytest.approx(500, abs=1)
    near = int(5 * len(joined) / RATE_HZ)
    centre = int(np.argmax(spectrum))
    rest = np.delete(spectrum, slice(max(0, centre - near), centre + near))
    assert np.sum(rest**2) < 1e-5 * np.sum(spectrum**2)


@real
@pytest.mark.sound
@pytest.mark.own_process
@pytest.mark.patient
@pytest.mark.slow
def test_overdriven_through_the_real_capture(server: sound.SoundServer, heard: Inbox) -> None:
    server.plug()
    server.play(np.sign(sound.hiss(60, 16_000, 0.5)).astype(np.float32), 16_000)
    trouble = heard.wait_for(Trouble, 2 * REAL_S)
    assert (trouble.code, trouble.standing) == ("audio_clipping", True)
    server.unplug()
    heard.wait_for(AudioLost, REAL_S, mic=Mic.LOST)


@real
@pytest.mark.sound
@pytest.mark.own_process
@pytest.mark.patient
@pytest.mark.slow
def test_another_microphone_at_another_rate_takes_its_place(server: sound.SoundServer, heard: Inbox) -> None:
    """Pulled out, and a new one of another name and rate put in: the default is looked up anew."""
    server.plug()
    server.play(sound.hiss(60, 16_000, 0.05), 16_000)
    heard.wait_for(AudioRestored, REAL_S)
    server.unplug()
    heard.wait_for(AudioLost, REAL_S, mic=Mic.LOST)
    server.rate_hz, server.name = 22_050, "other"
    server.plug()
    rate = 16_000
    tone = (0.4 * np.sin(2 * np.pi * 500 * np.arange(rate * 30) / rate)).astype(np.float32)
    server.play(tone, rate)
    heard.wait_for(AudioRestored, REAL_S)
    heard.wait(lambda item: isinstance(item, AudioBlock) and level_dbfs(item.samples) > -15, REAL_S)
    joined = np.concatenate([heard.wait_for(AudioBlock, REAL_S).samples for _ in range(20)])
    spectrum = np.abs(np.fft.rfft(joined * np.hanning(len(joined))))
    assert float(np.argmax(spectrum)) * RATE_HZ / len(joined) == pytest.approx(500, abs=2)


@real
@pytest.mark.sound
@pytest.mark.own_process
@pytest.mark.patient
@pytest.mark.slow
def test_a_device_that_cannot_be_opened_is_said_and_tried_again(server: sound.SoundServer, heard: Inbox) -> None:
    """Busy, as ALSA tells it: the device is listed, and opening it fails until the other program is gone."""
    server.plug(taken=True)
    lost = heard.wait(lambda item: isinstance(item, AudioLost) and "cannot be used" in item.reason, REAL_S)
    assert isinstance(lost, AudioLost) and "is another program using it?" in lost.reason
    server.unplug()
    server.plug()
    server.play(sound.hiss(60, 16_000, 0.05), 16_000)
    heard.wait_for(AudioRestored, REAL_S)
