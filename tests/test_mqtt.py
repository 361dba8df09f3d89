"""MQTT as phones and Home Assistant see it, on a real mosquitto."""

import contextlib
import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device.address import Address, address_of
from device.clock import Instant, SystemClock
from device.errors import BrokerError, CommandError, JournalError
from device.events import (
    EpisodeAcknowledged,
    EpisodeAlerted,
    EpisodeEdited,
    EpisodeEnded,
    EpisodeEscalated,
    EpisodeResponded,
    EpisodeStarted,
    EpisodeTagged,
    EpisodeUpdated,
    Event,
    Fault,
    FaultCleared,
    FaultRaised,
    MicLost,
    MicRestored,
    Tested,
)
from device.inputs import Mute, Response, SetAlerts, SetSensitivity, Tag
from device.mqtt import MAX_PAYLOAD, read_payload
from device.payloads import EVENT_TYPES
from device.record import AlertMark, Bout, Episode, Mark, NeedGuess
from device.roundtrip import round_trip
from device.settings import AlertSettings, MqttSettings, NurserySettings
from device.sinks import StoredEvent
from device.texts import FAULT_CODES, line
from device.topics import NAMES
from device.vocabulary import Helped, Kind, Mic, Need, Outcome, Source
from tests.fakes import FakeClock
from tests.fakes_mqtt import BASE, PASSWORD, USER, Desk, Ear, MemoryOutbox, Mosquitto, running, wait_for

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(Mosquitto.missing(), reason="mosquitto is not installed"),
]
DOCS = Path(__file__).parent.parent / "docs" / "mqtt.md"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path)) as broker:
        yield broker


@pytest.fixture
def ear(broker: Mosquitto) -> Iterator[Ear]:
    with Ear(broker.port, "#") as ear:
        yield ear


@contextlib.contextmanager
def desk_at(broker: Mosquitto, **kwargs: Any) -> Iterator[Desk]:
    with Desk(broker.address, **kwargs) as desk:
        wait_for(desk.connected, what="connected")
        yield desk


def an_episode(now: Instant, **changes: Any) -> Episode:
    return replace(
        Episode(
            "e1",
            now.plus(-40),
            bouts=(Bout(0.0, 40.0, 0.8),),
            distress=0.8,
            alerts=(AlertMark(4.0, 1),),
            guess=NeedGuess(Need.HUNGER, {Need.HUNGER: 0.62}, 12),
        ),
        **changes,
    )


def test_says_what_it_is_and_parts_in_peace(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker) as desk:
        wait_for(lambda: ear.on("health"))
        assert ear.on("status")[-1] == "online"
        assert ear.on("mic")[-1] == "ok"
        assert ear.on("cry")[-1] == "OFF"
        desk.set(mic=Mic.LOST, crying=True)
        wait_for(lambda: ear.on("mic")[-1] == "lost" and ear.on("cry")[-1] == "ON")
    wait_for(lambda: ear.on("status")[-1] == "offline", what="offline after a clean stop")
    with Ear(broker.port) as late:
        wait_for(lambda: len(late.heard) >= 7)
        kept = {topic.removeprefix(BASE) for topic, _, retained in late.heard if retained}
    assert kept == {"status", "mic", "cry", "episode", "today", "settings", "health"}


def test_what_has_not_changed_is_not_said_again(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker) as desk:
        wait_for(lambda: ear.on("health"))
        count = len(ear.heard)
        for level in range(5):
            desk.set(level_dbfs=-40.0 - level)
            desk.say(Tested(desk.clock.now(), "x", token=str(level)))
            wait_for(lambda: len(ear.events("test")) > level)  # noqa: B023
        assert len(ear.on("health")) == 1
        assert len(ear.heard) == count + 10  # an alert and an event each, and nothing else


def test_an_alert_is_one_line_and_an_event_with_its_age(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker) as desk:
        now = desk.clock.now()
        desk.set(episode=an_episode(now))
        desk.say(EpisodeAlerted(now, an_episode(now)))
        wait_for(lambda: ear.events("alerted"))
        assert ear.on("alert") == ["Baby crying hard for 40 s, perhaps hungry"]
        event = ear.events("alerted")[0]
        assert event["told"] is True and 0 <= event["age_s"] < 5 and event["level"] == 1
        assert event["id"] == EpisodeAlerted(now, an_episode(now)).id
        assert not any(retained for topic, _, retained in ear.heard if topic.endswith(("/event", "/alert")))
        wait_for(lambda: desk.outbox.pending() == [], what="taken out of the outbox")


def test_escalation_reaches_the_second_caregiver_and_quiet_hours_do_not_ring(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker, alerts=AlertSettings(escalate_to=("Ben",))) as desk:
        now = desk.clock.now()
        episode = an_episode(now)
        desk.say(EpisodeAlerted(now, episode), EpisodeEscalated(now, episode, level=2))
        wait_for(lambda: ear.events("escalated"))
        assert ear.on("alert/Ben") == ear.on("alert")[1:]
        assert "nobody has answered" in ear.on("alert")[1]
        desk.say(EpisodeAlerted(now.plus(1), episode, quiet=True))
        wait_for(lambda: len(ear.events("alerted")) == 2)
        assert len(ear.on("alert")) == 2
        assert ear.on("notice") == [ear.events("alerted")[1]["text"]]


def test_the_other_parent_hears_who_is_coming(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker) as desk:
        now = desk.clock.now()
        desk.say(EpisodeAcknowledged(now, an_episode(now, acknowledged=Mark(20.0, Source.MQTT, "Ana"))))
        wait_for(lambda: ear.events("acknowledged"))
        assert ear.on("notice") == ["Ana is on the way"]
        assert ear.on("alert") == []
        assert (
            ear.events("acknowledged")[0] | {"source": "mqtt", "caregiver": "Ana", "at_s": 20.0}
            == (ear.events("acknowledged")[0])
        )


def test_old_cries_do_not_ring_but_say_so(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker, nursery=NurserySettings(time_zone="UTC")) as desk:
        now = desk.clock.now()
        old = replace(now.plus(-121), utc=1_790_043_240.0)  # 2026-09-22 02:14 UTC
        desk.say(EpisodeAlerted(old, an_episode(old)))
        wait_for(lambda: ear.events("alerted"))
        event = ear.events("alerted")[0]
        assert event["told"] is False and 121 <= event["age_s"] < 130
        assert event["text"] == "Baby was crying hard; you were not told at 02:14"
        assert ear.on("alert") == ear.on("notice") == []


def test_an_alert_delayed_by_an_outage_rings_only_if_nobody_has_answered(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker) as desk:
        now = desk.clock.now()
        late = now.plus(-30)
        desk.set(episode=an_episode(now))
        wait_for(lambda: ear.on("episode") and json.loads(ear.on("episode")[-1])["id"])
        desk.say(EpisodeAlerted(late, an_episode(now)))
        wait_for(lambda: ear.on("alert"))
        desk.set(episode=an_episode(now, acknowledged=Mark(20.0, Source.PAGE)))
        wait_for(lambda: json.loads(ear.on("episode")[-1])["acknowledged"])
        desk.say(EpisodeEscalated(late.plus(1), an_episode(now)))
        wait_for(lambda: ear.events("escalated"))
        assert ear.events("escalated")[0]["told"] is False
        desk.say(EpisodeEscalated(late.plus(1.5), an_episode(now), level=1, reminder=True))
        wait_for(lambda: len(ear.on("alert")) == 2)  # whoever is on the way has not arrived
        reminder = AlertMark(25.0, 1, reminder=True, answered=True)
        desk.set(episode=an_episode(now, acknowledged=Mark(20.0, Source.PAGE), alerts=(AlertMark(4.0, 1), reminder)))
        wait_for(lambda: json.loads(ear.on("episode")[-1])["alerts"] == 2)
        desk.say(EpisodeEscalated(late.plus(1.7), an_episode(now), level=1, reminder=True))
        wait_for(lambda: len(ear.events("escalated")) == 3)
        assert ear.events("escalated")[2]["told"] is False, "somebody has answered it"
        desk.set(episode=an_episode(now, arrived=Mark(3.0, Source.VOICE)))
        wait_for(lambda: json.loads(ear.on("episode")[-1])["arrived"])
        desk.say(EpisodeAlerted(late.plus(1.8), an_episode(now)))
        wait_for(lambda: len(ear.on("alert")) == 3)  # a voice holds back no first alert
        desk.set(episode=an_episode(now, not_crying=True))
        wait_for(lambda: json.loads(ear.on("episode")[-1])["tag"] == "not_crying")
        desk.say(EpisodeEscalated(late.plus(2), an_episode(now)))
        wait_for(lambda: len(ear.events("escalated")) == 4)
        assert ear.events("escalated")[3]["told"] is False
        assert len(ear.on("alert")) == 3


def test_the_last_alert_of_a_cry_that_goes_on_rings_however_late(broker: Mosquitto, ear: Ear) -> None:
    """All that an episode may have can fall into an outage; then no other would ever tell of it."""
    with desk_at(broker, alerts=AlertSettings(alert_max_age_s=120)) as desk:
        now = desk.clock.now()
        first = an_episode(now)
        second = an_episode(now, alerts=(*first.alerts, AlertMark(64.0, 2)))
        desk.set(episode=second)
        wait_for(lambda: ear.on("episode") and json.loads(ear.on("episode")[-1]).get("alerts") == 2)
        desk.say(EpisodeAlerted(now.plus(-760), first), EpisodeEscalated(now.plus(-700), second, level=2))
        wait_for(lambda: len(ear.events()) == 2)
        assert [event["told"] for event in ear.events()] == [False, True]
        assert len(ear.on("alert")) == 1
        desk.set(episode=None)
        wait_for(lambda: json.loads(ear.on("episode")[-1])["id"] is None)
        desk.say(EpisodeEscalated(now.plus(-699), second, level=2))
        wait_for(lambda: len(ear.events()) == 3)
        assert ear.events()[2]["told"] is False, "it is over"


def test_a_cry_does_not_wait_behind_what_an_outage_has_left(broker: Mosquitto, ear: Ear) -> None:
    clock = SystemClock()
    outbox = MemoryOutbox(clock.boot_id)
    for number in range(600):
        outbox.store(FaultRaised(clock.now().plus(-4000 + number), "disk_low", "Only 12 MB are free."))
    with desk_at(broker, outbox=outbox, clock=clock) as desk:
        now = desk.clock.now()
        desk.set(episode=an_episode(now))
        desk.say(EpisodeAlerted(now, an_episode(now)))
        wait_for(lambda: ear.on("alert"))
        wait_for(lambda: len(ear.events()) == 601, 60)
        assert [event["event_type"] for event in ear.events()].index("alerted") < 400
        assert len(ear.on("alert")) == len(ear.events("alerted")) == 1, "and only once"


def test_an_event_that_cannot_be_put_into_words_holds_up_no_other(
    broker: Mosquitto, ear: Ear, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(event: Event, **more: Any) -> str:
        if isinstance(event, FaultRaised):
            raise ValueError("no words for it")
        return line(event, **more)

    monkeypatch.setattr("device.delivery.line", failing)
    clock = FakeClock()
    outbox = MemoryOutbox(clock.boot_id)
    outbox.store(FaultRaised(clock.at, "…", code="disk_low"))
    outbox.store(EpisodeAlerted(clock.at.plus(1), an_episode(clock.at)))
    with desk_at(broker, outbox=outbox, clock=clock) as desk:
        wait_for(lambda: ear.on("alert"))
        wait_for(lambda: not outbox.pending(), what="nothing waits")
        assert str(desk.errors[0]) == "no words for it"
    assert [event["event_type"] for event in ear.events()] == ["alerted"]


def test_an_event_of_an_earlier_boot_has_its_age_from_utc_or_none(broker: Mosquitto, ear: Ear) -> None:
    clock = FakeClock()
    outbox = MemoryOutbox("an-earlier-boot")
    synced = clock.at.plus(-60)
    unsynced = replace(clock.at.plus(-50), synced=False)
    outbox.store(EpisodeAlerted(replace(synced, monotonic=99_999.0), an_episode(synced)))
    outbox.store(EpisodeEscalated(unsynced, an_episode(unsynced)))
    going_on = an_episode(synced, alerts=(AlertMark(4.0, 1), AlertMark(64.0, 2)))
    with desk_at(broker, outbox=outbox, clock=clock, state={"episode": going_on}):
        wait_for(lambda: ear.events("escalated"))
    first, second = ear.events()
    assert first["age_s"] == 60.0 and first["told"] is True
    assert second["age_s"] is None and second["told"] is False
    assert second["text"] == "Baby was crying hard; you were not told"


def test_health_alarms_ring_once_and_are_resolved(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker) as desk:
        now = desk.clock.now()
        desk.say(
            MicLost(now, "It is unplugged.", mic=Mic.LOST),
            FaultRaised(now, "It is unplugged.", code="mic_lost"),
            FaultRaised(now, "Only 12 MB are free.", code="disk_low"),
            FaultRaised(now, "…", code="broker_down"),
            MicRestored(now.plus(1)),
            FaultCleared(now.plus(1), "It is unplugged.", code="mic_lost"),
            FaultCleared(now.plus(1), "Only 12 MB are free.", code="disk_low"),
            FaultCleared(now.plus(1), "…", code="broker_down"),
        )
        wait_for(lambda: len(ear.events()) == 8)
        assert ear.on("alert") == [
            "The monitor cannot hear: It is unplugged.",
            "The memory card is nearly full: Only 12 MB are free.",
            "The monitor hears again",
            "Solved: The memory card is nearly full",
        ]


def test_a_fault_that_still_stands_rings_however_late(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker) as desk:
        old = desk.clock.now().plus(-3600)
        desk.set(faults=(Fault("journal", "x", old),))
        wait_for(lambda: ear.on("health") and json.loads(ear.on("health")[-1])["faults"])
        desk.say(FaultRaised(old, "x", code="journal"), FaultRaised(old, "y", code="cpu_slow"))
        wait_for(lambda: len(ear.events("fault")) == 2)
        assert [event["told"] for event in ear.events("fault")] == [True, False]
        assert ear.on("alert") == ["The history cannot be stored: x"]


def test_commands_become_inputs_and_are_answered(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker) as desk:
        for name, payload in [
            ("acknowledge", "Ana"),
            ("arrived", '{"caregiver": "Ben"}'),
            ("need", "hunger"),
            ("need", '{"need": "not_crying", "note": "the cat"}'),
            ("mute", "30"),
            ("mute", '{"minutes": 0}'),
            ("sensitivity", "high"),
            ("alerts", "120"),
            ("alerts", '{"quiet_hours": "22:00-06:00"}'),
            ("acknowledge", ""),
        ]:
            ear.publish(f"cmd/{name}", payload)
        wait_for(lambda: len(ear.on("reply")) == 10)
        assert all(json.loads(reply)["ok"] for reply in ear.on("reply"))
        wait_for(lambda: len(desk.commands()) == 10)
        first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, last = desk.commands()
        assert isinstance(first, Response) and (first.kind, first.caregiver) == (Kind.ACKNOWLEDGE, "Ana")
        assert isinstance(second, Response) and (second.kind, second.caregiver) == (Kind.ARRIVE, "Ben")
        assert isinstance(third, Tag) and third.need is Need.HUNGER and third.source is Source.MQTT
        assert isinstance(fourth, Tag) and fourth.not_crying and fourth.note == "the cat"
        assert isinstance(fifth, Mute) and fifth.for_s == 1800
        assert isinstance(sixth, Mute) and sixth.for_s == 0
        assert isinstance(seventh, SetSensitivity) and seventh.sensitivity == "high"
        assert isinstance(eighth, SetAlerts) and (eighth.alert_after_s, eighth.quiet_hours) == (120.0, None)
        assert isinstance(ninth, SetAlerts) and (ninth.alert_after_s, ninth.quiet_hours) == (None, "22:00-06:00")
        assert isinstance(last, Response) and last.caregiver is None


def test_bad_payloads_are_answered_and_change_nothing(broker: Mosquitto, ear: Ear) -> None:
    bad = [
        ("acknowledge", b'{"who": "Ana"}', "who"),
        ("need", b"bananas", "bananas"),
        ("mute", b"for ever", "for ever"),
        ("mute", b"-1", "-1"),
        ("alerts", b'{"quiet_hours": "at night"}', "at night"),
        ("need", b"{", "not valid JSON"),
        ("need", b"[1]", "must be an object"),
        ("test", b"\xff\xfe", "not UTF-8"),
        ("sing", b"", "no command"),
        ("edit", b"delete", "no command here"),
        ("acknowledge", b"x" * (MAX_PAYLOAD + 1), "too long"),
    ]
    with desk_at(broker) as desk:
        for name, payload, _ in bad:
            ear.publish(f"cmd/{name}", payload)
        wait_for(lambda: len(ear.on("reply")) == len(bad))
        for (name, _, word), text in zip(bad, ear.on("reply"), strict=True):
            reply = json.loads(text)
            assert reply["command"] == name and reply["ok"] is False and word in reply["error"], reply
        assert desk.commands() == []


def test_retained_commands_are_ignored(broker: Mosquitto, ear: Ear) -> None:
    ear.publish("cmd/acknowledge", "somebody last week", retain=True)
    try:
        with desk_at(broker) as desk:
            ear.publish("cmd/arrived", "Ana")
            wait_for(lambda: ear.on("reply"))
            wait_for(desk.commands)
            assert [type(command) for command in desk.commands()] == [Response]
            assert len(ear.on("reply")) == 1
    finally:
        ear.publish("cmd/acknowledge", "", retain=True)


def test_a_test_alert_goes_there_and_back(broker: Mosquitto) -> None:
    with desk_at(broker):
        trip = round_trip(broker.address(), "home", timeout_s=10.0)
    assert 0.0 < trip.seconds < 5.0
    assert trip.text == "Test alert: everything works"


def test_the_round_trip_asks_for_the_line_that_rings_too(broker: Mosquitto, ear: Ear) -> None:
    """Some brokers let events through and not what a phone listens to."""
    with ThreadPoolExecutor(1) as pool:
        trip = pool.submit(round_trip, broker.address(), "home", timeout_s=3.0)
        wait_for(lambda: ear.on("cmd/test"))
        ear.publish("event", json.dumps({"event_type": "test", "token": json.loads(ear.on("cmd/test")[-1])["token"]}))
        with pytest.raises(BrokerError, match="no line came on nursery/home/alert, so phones would not ring"):
            trip.result(30)


def test_the_round_trip_says_what_is_wrong(broker: Mosquitto) -> None:
    with pytest.raises(BrokerError, match="refused the login 'nursery'; check mqtt.user and mqtt.password"):
        round_trip(broker.address(password="wrong"), "home", timeout_s=5.0)
    with pytest.raises(BrokerError, match=r"no monitor 'elsewhere' is connected .*unset"):
        round_trip(broker.address(), "elsewhere", timeout_s=0.5)
    with pytest.raises(BrokerError, match="cannot be reached"):
        round_trip(broker.address(port=1), "home", timeout_s=5.0)
    with pytest.raises(BrokerError, match="cannot be found; check mqtt.host"):
        round_trip(broker.address(host="no-such-host.invalid"), "home", timeout_s=10.0)
    with pytest.raises(BrokerError, match="mqtt.ca_file = '/nowhere.pem' cannot be read"):
        round_trip(broker.address(tls=True, ca_file="/nowhere.pem"), "home", timeout_s=5.0)
    with pytest.raises(BrokerError, match="wants a login"):
        round_trip(broker.address(user="", password=""), "home", timeout_s=5.0)


def test_discovery_is_retained_and_said_again_at_home_assistants_birth(broker: Mosquitto, ear: Ear) -> None:
    topic = "homeassistant/device/nursery_home/config"
    with desk_at(broker):
        wait_for(lambda: ear.on("health"))
        found = [payload for at, payload, _ in ear.heard if at == topic]
        assert len(found) == 1 and json.loads(found[0])["device"]["name"] == "Nursery"
        with Ear(broker.port, topic) as late:
            wait_for(lambda: late.heard)
            assert late.heard[0][2] is True
        ear.publish("homeassistant/status", "online", base="")
        wait_for(lambda: len([1 for at, _, _ in ear.heard if at == topic]) == 2)
        wait_for(lambda: len(ear.on("health")) == 2, what="states said again too")


def test_discovery_can_be_turned_off(broker: Mosquitto, ear: Ear) -> None:
    count = len(ear.heard)
    with desk_at(broker, settings=MqttSettings(discovery=False)):
        wait_for(lambda: ear.on("health"))
        assert not [topic for topic, _, retained in ear.heard[count:] if topic.startswith("homeassistant") and not retained]


def test_two_monitors_of_one_name_are_told_what_is_the_matter(broker: Mosquitto) -> None:
    with desk_at(broker) as first, Desk(broker.address) as second:
        desks = (first, second)
        wait_for(lambda: any("same nursery.id" in state.reason for desk in desks for state in desk.broker_states()), 60)


def test_an_old_will_does_not_outlive_a_new_connection(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker):
        wait_for(lambda: ear.on("health"))
        ear.publish("status", "offline", retain=True)  # as the broker does, late, for a connection that died unseen
        wait_for(lambda: ear.on("status")[-1] == "online" and len(ear.on("status")) >= 3)


def test_an_inbox_that_fails_does_not_end_the_connection(broker: Mosquitto, ear: Ear) -> None:
    desk = Desk(broker.address)

    def put(item: object) -> None:
        raise RuntimeError("the inbox is broken")

    desk.mqtt.start(put)
    try:
        wait_for(lambda: ear.on("status") == ["online"])
        ear.publish("cmd/acknowledge", "Ana")
        ear.publish("cmd/mute", "for ever")
        wait_for(lambda: len(ear.on("reply")) == 2)
        assert json.loads(ear.on("reply")[0])["error"] == "acknowledge: this could not be understood"
    finally:
        desk.mqtt.close()
    wait_for(lambda: ear.on("status")[-1] == "offline")


class BrokenOutbox(MemoryOutbox):
    def pending(self, limit: int = 100) -> list[StoredEvent]:
        raise JournalError("the disk is gone")


def test_alerts_go_out_even_when_the_journal_cannot_be_read(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker, outbox=BrokenOutbox("test")) as desk:
        now = desk.clock.now()
        desk.say(EpisodeAlerted(now, an_episode(now)))
        wait_for(lambda: ear.on("alert"))
        desk.say(EpisodeEscalated(now.plus(1), an_episode(now)))
        wait_for(lambda: len(ear.on("alert")) == 2)
        assert len(ear.events()) == 2


class ForgetfulOutbox(MemoryOutbox):
    """A journal that could not store an event: it knows nothing of it."""

    def store(self, event: Event) -> None:
        pass


def test_alerts_go_out_even_when_the_journal_could_not_store_them(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker, outbox=ForgetfulOutbox("test")) as desk:
        now = desk.clock.now()
        desk.say(EpisodeAlerted(now, an_episode(now)), EpisodeEscalated(now.plus(1), an_episode(now)))
        wait_for(lambda: len(ear.on("alert")) == 2)
        assert [event["event_type"] for event in ear.events()] == ["alerted", "escalated"]


def test_what_is_no_news_leaves_the_outbox_unsent(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker) as desk:
        now = desk.clock.now()
        desk.say(EpisodeUpdated(now, an_episode(now)), EpisodeStarted(now, an_episode(now)))
        wait_for(lambda: ear.events("started"))
        wait_for(lambda: desk.outbox.pending() == [])
        assert len(ear.events()) == 1


def test_alerts_in_german(broker: Mosquitto, ear: Ear) -> None:
    with desk_at(broker, nursery=NurserySettings(language="de")) as desk:
        now = desk.clock.now()
        desk.say(EpisodeAlerted(now, an_episode(now)))
        wait_for(lambda: ear.on("alert"))
        assert ear.on("alert") == ["Baby schreit sehr aufgebracht seit 40 s, vielleicht hungrig"]


def test_read_payload_takes_objects_words_and_nothing() -> None:
    assert read_payload("acknowledge", b"") == {}
    assert read_payload("acknowledge", b" Ana ") == {"caregiver": "Ana"}
    assert read_payload("mute", b'{"minutes": 5}') == {"minutes": 5}
    with pytest.raises(CommandError, match="not valid JSON"):
        read_payload("need", b'{"need": ' + b"[" * 4000)


def test_address_of_settings_never_shows_the_password() -> None:
    address = address_of(MqttSettings(host="pi.local", port=8883, user="u", password="geheim", tls=True, ca_file="/ca"))
    assert address == Address("pi.local", 8883, "u", "geheim", True, "/ca")
    assert "geheim" not in repr(address) + str(address)


# ---- docs/mqtt.md -----------------------------------------------------------------------------------------------------


def documented() -> dict[str, list[str]]:
    """The payloads in docs/mqtt.md, by the heading they stand under."""
    found: dict[str, list[str]] = {}
    heading = ""
    for part in re.split(r"^(## .+)$", DOCS.read_text("utf-8"), flags=re.M):
        if part.startswith("## "):
            heading = part[3:].strip().strip("`")
        elif heading:
            found[heading] = re.findall(r"^```(?:json|text)\n(.*?)\n```$", part, flags=re.M | re.S)
    return found


def shape(value: object) -> object:
    """Keys and types of a JSON value, to compare two."""
    if isinstance(value, dict):
        return {key: shape(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [shape(entry) for entry in value[:1]]
    return type(value).__name__


def every_event(now: Instant) -> list[Event]:
    episode = an_episode(now, helped=(Helped.FEED,))
    acknowledged = replace(episode, acknowledged=Mark(12.0, Source.MQTT, "Ana"))
    arrived = replace(acknowledged, arrived=Mark(30.5, Source.VOICE, "Ana"))
    ended = replace(arrived, outcome=Outcome.ANSWERED, offset_s=95.0)
    tagged = replace(ended, need=Need.HUNGER)
    return [
        EpisodeStarted(now, replace(episode, alerts=())),
        EpisodeAlerted(now, episode),
        EpisodeEscalated(now, replace(episode, alerts=(AlertMark(4.0, 1), AlertMark(64.0, 2))), level=2),
        EpisodeAcknowledged(now, acknowledged),
        EpisodeResponded(now, arrived),
        EpisodeEnded(now, ended),
        EpisodeTagged(now, tagged),
        EpisodeEdited(now, tagged),
        MicLost(now, "The microphone “USB PnP” is unplugged.", mic=Mic.LOST),
        MicRestored(now, "USB PnP"),
        FaultRaised(now, "Only 12 MB are free on the disk.", code="disk_low"),
        FaultCleared(now, "Only 12 MB are free on the disk.", code="disk_low"),
        Tested(now, "This is a test alert.", token="8f14e45f"),
    ]


def test_docs_show_what_is_really_published(broker: Mosquitto, ear: Ear) -> None:
    pages = documented()
    with desk_at(broker) as desk:
        now = desk.clock.now()
        *_, tagged = (event for event in every_event(now) if isinstance(event, EpisodeTagged))
        desk.set(
            last=tagged.episode,
            muted_until=now.plus(1800),
            faults=(Fault("disk_low", "Only 12 MB are free on the disk.", now),),
            device="USB PnP",
            ears=("network",),
            today={
                **dict.fromkeys(("episodes", "answered", "self_settled", "unanswered", "interrupted"), 1),
                "crying_s": 1.5,
                "median_response_s": 1.5,
                "coverage": 0.5,
            },
        )
        ear.publish("cmd/mute", "30")
        ear.publish("cmd/mute", "for ever")
        desk.say(*every_event(now))
        wait_for(lambda: len(ear.events()) == len(EVENT_TYPES) and len(ear.on("reply")) == 2)
        wait_for(lambda: json.loads(ear.on("settings")[-1])["muted"])
    said = {json.loads(payload)["event_type"]: json.loads(payload) for payload in ear.on("event")}
    shown = {json.loads(payload)["event_type"]: json.loads(payload) for payload in pages["event"]}
    assert set(said) == set(EVENT_TYPES)
    for name, event in shown.items():
        published = said[name]
        if name != "alerted" and "episode" in event:
            assert event["episode"] == {}
            published["episode"] = {}
        assert shape(published) == shape(event), name
    assert set(shown) == set(EVENT_TYPES)
    for name in ("episode", "today", "settings", "health"):
        assert shape(json.loads(ear.on(name)[-1])) == shape(json.loads(pages[name][0])), name
    for reply, page in zip(ear.on("reply"), pages["reply"], strict=True):
        assert shape(json.loads(reply)) == shape(json.loads(page))
    assert set(pages["status"][0].split("\n")) == {"online", "offline"}
    assert set(pages["mic"][0].split("\n")) == {mic.value for mic in Mic}
    assert set(pages["cry"][0].split("\n")) == {"ON", "OFF"}
    assert pages["alert"][0].split("\n")[0] in ear.on("alert")
    assert set(pages["notice"][0].split("\n")) <= set(ear.on("notice"))


def test_docs_have_a_heading_for_every_topic() -> None:
    text = DOCS.read_text("utf-8")
    assert set(NAMES) | {"alert/<caregiver>"} <= set(documented())
    assert all(f"`{code}`" in text for code in FAULT_CODES)


# ---- other people's clients -------------------------------------------------------------------------------------------


def test_a_real_mosquitto_client_sees_and_answers(broker: Mosquitto) -> None:
    login = ["-h", "127.0.0.1", "-p", str(broker.port), "-u", USER, "-P", PASSWORD]
    with (
        desk_at(broker) as desk,
        subprocess.Popen(
            ["mosquitto_sub", *login, "-t", f"{BASE}alert", "-t", f"{BASE}status", "-v", "-C", "2", "-W", "10"],
            stdout=subprocess.PIPE,
            text=True,
        ) as sub,
    ):
        assert sub.stdout is not None
        assert sub.stdout.readline() == f"{BASE}status online\n"
        subprocess.run(["mosquitto_pub", *login, "-t", f"{BASE}cmd/acknowledge", "-m", "Ana"], check=True)
        wait_for(desk.commands)
        now = desk.clock.now()
        desk.say(EpisodeAlerted(now, an_episode(now)))
        assert sub.stdout.readline() == f"{BASE}alert Baby crying hard for 40 s, perhaps hungry\n"
    refused = subprocess.run(
        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-t", f"{BASE}cmd/acknowledge", "-m", "x"],
        capture_output=True,
    )
    assert refused.returncode != 0
