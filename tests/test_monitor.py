"""The monitor: one inbox, sinks in order, none of which stops another; silence never looks like quiet."""

import threading
from collections.abc import Iterable

import numpy as np
import pytest

from device.audio import RATE_HZ, AudioBlock, level_dbfs
from device.clock import Instant
from device.detector import Heard
from device.episode import EpisodeTracker
from device.errors import DetectorError, JournalError
from device.events import (
    EpisodeAlerted,
    EpisodeEdited,
    EpisodeEnded,
    EpisodeTagged,
    Event,
    FaultCleared,
    FaultRaised,
    MicLost,
    MicRestored,
    Tested,
)
from device.evidence import Thresholds
from device.inbox import INBOX_BLOCKS
from device.inputs import AudioLost, AudioRestored, Context, Edit, Response, Score, SetSensitivity, Tag, TestAlert, Tick
from device.monitor import Monitor
from device.ports import NoLearning
from device.sinks import BrokerState, Delivered, MonitorState, StoredEvent, Trouble
from device.vocabulary import Kind, Mic, Need, Source
from tests.fakes import HOP_S, FakeClock, RecordingSink, at, pick, tracker, types

CRY, QUIET = 0.9, 0.0


class LoudnessEar:
    """Takes any loud block for crying: a stand-in for the model, not for the path."""

    hop_s = HOP_S
    noise_floor_dbfs = -60.0
    ears: tuple[str, ...] = ("ear", "second")

    def __init__(self) -> None:
        self.resets = 0
        self.broken = False

    def feed(self, block: AudioBlock) -> list[Heard]:
        if self.broken:
            raise DetectorError("the model is damaged")
        level = level_dbfs(block.samples)
        score = Score(block.end, 0.95 if level > -20 else 0.02, 0.0, 0.5, level)
        return [Heard(score, np.zeros(4, np.float32))]

    def reset(self) -> None:
        self.resets += 1


class BrokenSink(RecordingSink):
    broken = True

    def handle(self, event: Event) -> None:
        if self.broken:
            raise JournalError("the disk is full; make room")
        super().handle(event)


class MemoryOutbox:
    def __init__(self) -> None:
        self.gone: list[str] = []

    def pending(self, limit: int = 100) -> list[StoredEvent]:
        return []

    def delivered(self, event_id: str) -> None:
        self.gone.append(event_id)


class Rig:
    """A monitor with a clock that follows the sound."""

    def __init__(self, **more: object) -> None:
        self.clock = FakeClock()
        self.ear = LoudnessEar()
        self.sink = RecordingSink()
        self.outbox = MemoryOutbox()
        parts: dict[str, object] = {"sinks": {"first": self.sink}, "outbox": self.outbox, **more}
        self.monitor = Monitor(detector=self.ear, tracker=tracker(), clock=self.clock, **parts)  # type: ignore[arg-type]
        self.monitor.consume(AudioRestored(self.clock.now(), "cradle"))

    def hear(self, seconds: float, level: float) -> None:
        for _ in range(round(seconds / HOP_S)):
            block = AudioBlock(np.full(round(HOP_S * RATE_HZ), level, np.float32), self.clock.now())
            self.clock.advance(HOP_S)
            self.monitor.consume(block)


def test_sound_becomes_an_episode_that_every_sink_is_told_of() -> None:
    second = RecordingSink()
    rig = Rig()
    rig.monitor = Monitor(detector=rig.ear, tracker=tracker(), clock=rig.clock, sinks={"first": rig.sink, "second": second})
    rig.hear(10, CRY)
    rig.hear(65, QUIET)
    assert types(rig.sink.events) == ["started", "alerted", "ended"]
    assert rig.sink.events == second.events
    assert rig.monitor.state.last is not None and rig.monitor.state.episode is None


def test_the_state_follows_within_a_second() -> None:
    rig = Rig()
    rig.hear(5, CRY)
    state = rig.sink.states[-1]
    assert state.crying and state.episode is not None and state.mic is Mic.OK and state.device == "cradle"
    assert state.level_dbfs == pytest.approx(-0.9, abs=0.1)
    stamps = [s.at.monotonic for s in rig.sink.states]
    assert max(b - a for a, b in zip(stamps, stamps[1:], strict=False)) <= 1.25


def test_a_failing_sink_stops_no_other_and_is_said_once_then_mended() -> None:
    broken = BrokenSink()
    rig = Rig(sinks={})
    rig.monitor = Monitor(detector=rig.ear, tracker=tracker(), clock=rig.clock, sinks={"journal": broken, "mqtt": rig.sink})
    rig.hear(10, CRY)
    assert [f.text for f in pick(rig.sink.events, FaultRaised)] == ["the disk is full; make room"]
    assert pick(rig.sink.events, EpisodeAlerted)
    assert [f.code for f in rig.monitor.state.faults] == ["journal"]
    broken.broken = False
    rig.hear(20, CRY)
    assert [f.code for f in pick(rig.sink.events, FaultCleared)] == ["journal"]
    assert rig.monitor.state.faults == ()


@pytest.mark.parametrize("mic", [Mic.LOST, Mic.SILENT])
def test_a_lost_or_silent_microphone_is_an_alarm_of_its_own(mic: Mic) -> None:
    rig = Rig()
    rig.hear(2, QUIET)
    rig.monitor.consume(AudioLost(rig.clock.now(), "The plug is out.", mic))
    rig.monitor.consume(AudioLost(rig.clock.now(), "The plug is out.", mic))
    assert [e.mic for e in pick(rig.sink.events, MicLost)] == [mic]
    assert rig.monitor.state.mic is mic and rig.monitor.state.mic_text == "The plug is out."
    assert rig.ear.resets == 2
    rig.monitor.consume(AudioRestored(rig.clock.now(), "cradle"))
    assert len(pick(rig.sink.events, MicRestored)) == 1
    assert rig.monitor.state.mic is Mic.OK


def test_whatever_is_taken_is_a_beat_even_if_the_ear_fails() -> None:
    beats: list[int] = []
    rig = Rig(beat=lambda: beats.append(1))
    rig.ear.broken = True
    rig.hear(2, QUIET)
    assert len(beats) == 9, "it does not hang; what is wrong is told as a fault"


def test_silences_that_pass_are_told_less_and_less() -> None:
    """A microphone that suppresses noise is flat in every quiet minute; one that stays flat is told all the same."""
    rig = Rig()

    def silent(seconds: float) -> list[str]:
        before = len(rig.sink.events)
        rig.monitor.consume(AudioLost(rig.clock.now(), "Flat.", Mic.SILENT))
        assert rig.monitor.state.mic is Mic.SILENT, "it is never taken for quiet"
        for _ in range(round(seconds)):
            rig.clock.advance(1)
            rig.monitor.consume(Tick(rig.clock.now()))
        told = rig.monitor.state.mic_told
        rig.monitor.consume(AudioRestored(rig.clock.now(), "cradle"))
        found = [event for event in rig.sink.events[before:] if isinstance(event, MicLost | MicRestored)]
        assert all(rig.clock.now().since(event.at) <= 8 for event in found), "as of now, so that it is no old alarm"
        assert told is bool(found)
        return types(found)

    both = ["mic_lost", "mic_restored"]
    assert silent(5) == both
    assert [silent(14), silent(28), silent(60)] == [[], [], []]
    assert silent(8 * 16 + 3) == both
    for _ in range(8):
        silent(1)
    assert silent(590) == [] and silent(603) == both
    rig.clock.advance(3700)
    assert silent(5) == both


def test_a_microphone_that_was_never_there_is_an_alarm_too() -> None:
    rig = Rig(sinks={})
    rig.monitor = Monitor(detector=rig.ear, tracker=tracker(), clock=rig.clock, sinks={"first": rig.sink})
    rig.monitor.consume(AudioLost(rig.clock.now(), "No microphone is connected."))
    assert [e.mic for e in pick(rig.sink.events, MicLost)] == [Mic.LOST]


def test_an_episode_ends_although_the_microphone_is_gone() -> None:
    rig = Rig()
    rig.hear(10, CRY)
    rig.monitor.consume(AudioLost(rig.clock.now(), "gone"))
    for _ in range(70):
        rig.clock.advance(1)
        rig.monitor.consume(BrokerState(rig.clock.now(), True))
    assert pick(rig.sink.events, EpisodeEnded)


def test_blocks_that_find_no_room_are_counted_and_said() -> None:
    rig = Rig()
    block = AudioBlock(np.zeros(160, np.float32), rig.clock.now())
    taken = [rig.monitor.inbox.put(block) for _ in range(INBOX_BLOCKS + 5)]
    assert taken.count(False) == 5
    assert rig.monitor.inbox.put(Response(at(0), Kind.ARRIVE, Source.BUTTON)), "an answer always finds room"
    rig.hear(1, QUIET)
    assert [f.code for f in pick(rig.sink.events, FaultRaised)] == ["cpu_slow"]
    rig.hear(62, QUIET)
    assert [f.code for f in pick(rig.sink.events, FaultCleared)] == ["cpu_slow"]


def test_a_gap_between_blocks_starts_the_detector_anew() -> None:
    rig = Rig()
    rig.hear(1, QUIET)
    rig.clock.advance(3)
    rig.hear(1, QUIET)
    assert rig.ear.resets == 1


def test_a_damaged_model_is_a_fault_and_the_monitor_lives_on() -> None:
    rig = Rig()
    rig.ear.broken = True
    rig.hear(2, CRY)
    assert [(f.code, f.text) for f in pick(rig.sink.events, FaultRaised)] == [("detector", "the model is damaged")]
    rig.ear.broken = False
    rig.hear(15, QUIET)
    assert pick(rig.sink.events, FaultCleared)


def test_an_ear_that_is_left_out_is_no_longer_among_those_that_are_on() -> None:
    rig = Rig()
    rig.hear(2, QUIET)
    before = rig.monitor.state.ears
    rig.ear.ears = ("ear",)
    rig.hear(2, QUIET)
    assert (before, rig.monitor.state.ears) == (("ear", "second"), ("ear",))


class BrokenLearning(NoLearning):
    """Fails whenever it is asked to complete an event."""

    def complete(self, event: Event, tracker: EpisodeTracker) -> Event:
        raise JournalError("the disk is full; make room")


def test_an_event_that_cannot_be_completed_is_told_all_the_same() -> None:
    rig = Rig(learning=BrokenLearning())
    rig.hear(10, CRY)
    rig.hear(65, QUIET)
    assert types(rig.sink.events) == ["started", "alerted", "ended"]
    assert not any(isinstance(event, FaultRaised) for event in rig.sink.events)


def test_what_follows_from_an_item_ends_the_monitor_no_more_than_the_item_itself() -> None:
    broken = True

    def today(at: Instant) -> dict[str, int]:
        if broken:
            raise ValueError("a row of the history makes no sense")
        return {"cries": 3}

    rig = Rig(today=today)
    rig.hear(5, CRY)
    assert [f.code for f in pick(rig.sink.events, FaultRaised)] == ["monitor"]
    assert pick(rig.sink.events, EpisodeAlerted) and rig.sink.states[-1].crying, "the sinks are told of the rest"
    broken = False
    rig.hear(15, QUIET)
    assert pick(rig.sink.events, FaultCleared) and rig.sink.states[-1].today == {"cries": 3}


def test_troubles_and_the_broker_become_faults_once() -> None:
    rig = Rig()
    for _ in range(3):
        rig.monitor.consume(BrokerState(rig.clock.now(), False, "The broker refused the password."))
        rig.monitor.consume(Trouble(rig.clock.now(), "disk_low", "Only 3 MB are free."))
    assert {f.code for f in pick(rig.sink.events, FaultRaised)} == {"broker_down", "disk_low"}
    assert len(pick(rig.sink.events, FaultRaised)) == 2
    rig.monitor.consume(BrokerState(rig.clock.now(), True))
    rig.monitor.consume(Trouble(rig.clock.now(), "disk_low", standing=False))
    assert len(pick(rig.sink.events, FaultCleared)) == 2


def test_the_broker_s_word_empties_the_outbox() -> None:
    rig = Rig()
    rig.monitor.consume(Delivered("started-1"))
    assert rig.outbox.gone == ["started-1"]


def test_a_test_alert_carries_its_token() -> None:
    rig = Rig()
    rig.monitor.consume(TestAlert(rig.clock.now(), Source.COMMAND, "abc"))
    assert [e.token for e in pick(rig.sink.events, Tested)] == ["abc"]


def test_sensitivity_changes_the_thresholds() -> None:
    rig = Rig(thresholds=lambda word: {"low": Thresholds(0.99, 0.98), "high": Thresholds(0.5, 0.3)}[word])
    rig.monitor.consume(SetSensitivity(rig.clock.now(), Source.PAGE, "low"))
    rig.hear(10, CRY)
    assert rig.monitor.state.sensitivity == "low"
    assert pick(rig.sink.events, EpisodeAlerted) == []


class OneOldEpisode:
    def __init__(self, known: EpisodeTagged) -> None:
        self.known = known

    def tag(self, tag: Tag) -> EpisodeTagged | None:
        return self.known if tag.episode_id == self.known.episode.id else None

    def apply(self, edit: Edit) -> EpisodeEdited | None:
        return EpisodeEdited(edit.at, self.known.episode, deleted=True) if edit.action == "delete" else None

    def import_contexts(self, contexts: Iterable[Context]) -> int:
        self.kept = list(contexts)
        return len(self.kept)


def test_old_episodes_are_tagged_and_corrected_through_the_history() -> None:
    source = Rig()
    source.hear(10, CRY)
    source.hear(65, QUIET)
    old = source.monitor.state.last
    assert old is not None
    rig = Rig(history=OneOldEpisode(EpisodeTagged(at(0), old)))
    rig.monitor.consume(Tag(rig.clock.now(), Source.PAGE, "unknown", Need.HUNGER))
    rig.monitor.consume(Tag(rig.clock.now(), Source.PAGE, old.id, Need.HUNGER))
    rig.monitor.consume(Edit(rig.clock.now(), Source.PAGE, old.id, "note"))
    rig.monitor.consume(Edit(rig.clock.now(), Source.PAGE, old.id, "delete"))
    assert [e.event_type for e in rig.sink.events] == ["tagged", "edited"]


def test_run_consumes_from_another_thread_until_stopped() -> None:
    rig = Rig()
    thread = threading.Thread(target=rig.monitor.run)
    thread.start()
    done = threading.Event()

    class Waker(RecordingSink):
        def handle(self, event: Event) -> None:
            done.set()

    rig.monitor._sinks["waker"] = Waker()  # noqa: SLF001
    rig.monitor.inbox.put_wait(TestAlert(rig.clock.now(), Source.COMMAND))
    assert done.wait(5)
    rig.monitor.stop()
    thread.join(5)
    assert not thread.is_alive()


def test_the_watchdog_is_fed_by_scores_and_by_an_honest_wait_alone() -> None:
    fed: list[Instant] = []
    rig = Rig(alive=fed.append)
    rig.hear(2, QUIET)
    assert len(fed) == 8
    rig.ear.broken = True
    rig.hear(5, QUIET)
    assert len(fed) == 8, "blocks without scores are no sign of life"
    rig.monitor.consume(AudioLost(rig.clock.now(), "gone"))
    rig.clock.advance(2)
    rig.monitor.consume(BrokerState(rig.clock.now(), True))
    assert len(fed) > 8


def test_state_knows_what_the_day_was() -> None:
    rig = Rig(today=lambda at: {"episodes": 3})
    rig.hear(2, QUIET)
    assert rig.sink.states[-1].today == {"episodes": 3}
    assert isinstance(rig.sink.states[-1], MonitorState)
