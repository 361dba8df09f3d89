"""What must hold when things break: nothing lost, nothing doubled by id, in order, nothing blocked. All on real brokers."""

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from device.address import Address
from device.clock import SystemClock
from device.delivery import WINDOW
from device.errors import BrokerError
from device.events import EpisodeAlerted, FaultRaised, Tested
from device.mqtt import Mqtt
from device.settings import AlertSettings, MqttSettings, NurserySettings
from device.sinks import BrokerState, MonitorState
from device.vocabulary import Mic
from tests.fakes_mqtt import USER, Desk, Ear, MemoryOutbox, Mosquitto, Proxy, running, wait_for
from tests.test_mqtt import an_episode

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(Mosquitto.missing(), reason="mosquitto is not installed"),
]
ROOT = Path(__file__).parent.parent
KILLS = 100


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path)) as broker:
        yield broker


@pytest.fixture
def proxy(broker: Mosquitto) -> Iterator[Proxy]:
    proxy = Proxy(broker.port)
    yield proxy
    proxy.close()


def alarms(desk: Desk, numbers: range) -> list[Tested]:
    """Test events, a millisecond apart so that each has an id of its own."""
    now = desk.clock.now()
    return [Tested(now.plus(number / 1000), "x", token=str(number)) for number in numbers]


def firsts(ids: list[str]) -> list[str]:
    """Without repeats: what a receiver counts that knows the ids it has seen."""
    return list(dict.fromkeys(ids))


@pytest.mark.slow
def test_a_killed_broker_loses_nothing_and_nothing_comes_twice(broker: Mosquitto) -> None:
    with Ear(broker.port) as ear:

        def address() -> Address:
            # a killed mosquitto forgets its subscribers: what it takes before they are back, it loses, not we
            if not ear.subscribed.is_set():
                raise BrokerError("The listener is not back yet.")
            return broker.address()

        _check_killed_broker(broker, ear, address)


def _check_killed_broker(broker: Mosquitto, ear: Ear, address: Callable[[], Address]) -> None:
    taken: set[str] = set()  # acknowledged by a broker that was killed before it could pass them on: its loss, not ours
    with Desk(address) as desk:
        wait_for(desk.connected)
        events = alarms(desk, range(300))
        for begin in range(0, 300, 100):
            desk.say(*events[begin : begin + 50])
            wait_for(lambda begin=begin: len(ear.events()) > begin + 10 - len(taken))  # type: ignore[misc]
            broker.kill()
            wait_for(lambda: not ear.subscribed.is_set())
            desk.say(*events[begin + 50 : begin + 100])
            wait_for(lambda: not desk.connected(), what="the loss is noticed")
            wait_for(lambda begin=begin: events[begin + 99].id in waiting(desk), what="all said is stored")  # type: ignore[misc]
            said = {event.id for event in events[: begin + 100]}
            taken.update(said - waiting(desk) - set(ids(ear)))
            broker.start()
            wait_for(lambda said=said: set(ids(ear)) | taken >= said, 20.0)  # type: ignore[misc]
        wait_for(lambda: desk.outbox.pending() == [], what="all acknowledged")
        assert firsts(ids(ear)) == [event.id for event in events if event.id not in taken]
        assert len(taken) <= 3 * WINDOW
        assert all(event["age_s"] >= 0 for event in ear.events())
        reasons = [state.reason for state in desk.broker_states() if not state.connected]
        assert reasons and all(reason.endswith(".") for reason in reasons)


def waiting(desk: Desk) -> set[str]:
    """Events that no broker has acknowledged."""
    return {stored.event.id for stored in desk.outbox.pending(400)}


def ids(ear: Ear) -> list[str]:
    return [event["id"] for event in ear.events()]


def test_after_an_outage_old_cries_do_not_ring_and_have_their_age(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    with Desk(broker.address, alerts=AlertSettings(alert_max_age_s=1.0)) as desk:
        wait_for(desk.broker_states, what="a reason why there is no broker")
        assert "cannot be reached" in desk.broker_states()[0].reason
        now = desk.clock.now()
        desk.say(EpisodeAlerted(now, an_episode(now)))
        wait_for(lambda: desk.clock.now().since(now) > 1.2)
        fresh = Tested(desk.clock.now(), "x", token="fresh")
        desk.say(fresh)
        with running(broker), Ear(broker.port) as ear:
            wait_for(lambda: len(ear.events()) == 2, 20.0)
            old, new = ear.events()
            assert (old["event_type"], old["told"], new["event_type"]) == ("alerted", False, "test")
            assert old["age_s"] >= 1.2 > new["age_s"] or new["age_s"] < old["age_s"]
            assert "you were not told at" in old["text"]
            assert "Baby" not in " ".join(ear.on("alert"))


@pytest.mark.slow
def test_kill_9_at_random_instants_loses_and_doubles_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    """What stands in the journal is what arrives: every id, in the journal's order, after a hundred kills."""
    path = tmp_path / "journal.db"
    chance = random.Random(4)
    with (
        Ear(broker.port) as ear,
        subprocess.Popen(
            [sys.executable, "-m", "tests.kill_driver", str(broker.port), str(path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as driver,
    ):
        assert driver.stdin is not None and driver.stdout is not None
        for _ in range(KILLS):
            print("go", file=driver.stdin, flush=True)
            pid = int(driver.stdout.readline())
            threading.Event().wait(chance.uniform(0.0, 0.15))
            os.kill(pid, signal.SIGKILL)
            assert driver.stdout.readline() == "ended\n"
        print("drain", file=driver.stdin, flush=True)
        driver.stdout.readline()
        assert driver.stdout.readline() == "ended\n"
        driver.stdin.close()
        with contextlib.closing(sqlite3.connect(path)) as db:
            stored = [row[0] for row in db.execute("SELECT id FROM event WHERE type = 'test' ORDER BY seq")]
            waiting = db.execute("SELECT count(*) FROM event WHERE delivered IS NULL").fetchone()[0]
        wait_for(lambda: len(set(ids(ear))) >= len(stored))
        heard = ids(ear)
    assert waiting == 0
    assert len(stored) >= KILLS, "the children were killed before they said anything"
    assert firsts(heard) == stored
    assert ear.on("status")[-1] == "offline"


def test_a_stalled_network_is_noticed_and_nothing_is_lost(broker: Mosquitto, proxy: Proxy) -> None:
    address = broker.address(port=proxy.port)
    with Ear(broker.port) as ear, Desk(lambda: address) as desk:
        wait_for(desk.connected)
        wait_for(lambda: ear.on("health"))
        events = alarms(desk, range(60))
        desk.say(*events[:20])
        wait_for(lambda: len(ear.events()) == 20)
        proxy.flowing.clear()
        began = time.monotonic()
        desk.say(*events[20:])
        wait_for(
            lambda: len([item for item in desk.taken if isinstance(item, Tested)]) == 60, 2.0, "the monitor is not held up"
        )
        wait_for(lambda: not desk.connected(), 12.0, "the stall is noticed")
        assert time.monotonic() - began < 10.5
        assert "no longer answers" in desk.broker_states()[-1].reason
        proxy.flowing.set()
        wait_for(desk.connected, 20.0)
        wait_for(lambda: len(firsts(ids(ear))) == 60, 20.0)
        assert firsts(ids(ear)) == [event.id for event in events]
        wait_for(lambda: ear.on("status")[-1] == "online")


def test_a_wrong_password_is_said_and_tried_again(broker: Mosquitto, tmp_path: Path) -> None:
    addresses = [broker.address(password="wrong")]
    with Desk(lambda: addresses[-1]) as desk:
        wait_for(desk.broker_states)
        state = desk.broker_states()[0]
        assert not state.connected
        assert state.reason == (
            f"The broker at 127.0.0.1:{broker.port} refused the login {USER!r}; check mqtt.user and mqtt.password."
        )
        addresses.append(broker.address())
        wait_for(desk.connected, what="connected once the password is right")
        assert len(desk.broker_states()) == 2, "each reason is said once"


def test_a_server_that_is_no_broker_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address("127.0.0.1", server.getsockname()[1])
        with Desk(lambda: address) as desk:
            wait_for(desk.broker_states, 10.0)
            assert "does not answer as a broker" in desk.broker_states()[0].reason


@pytest.mark.slow
def test_ten_thousand_bad_payloads_are_each_answered_and_change_nothing(broker: Mosquitto) -> None:
    chance = random.Random(5)
    names = ["acknowledge", "arrived", "need", "mute", "sensitivity", "test", "edit", "import", "nonsense", "+x", "ä"]
    count = 10_000
    with Ear(broker.port, "nursery/home/#") as ear, Desk(broker.address) as desk:
        wait_for(desk.connected)
        wait_for(lambda: ear.on("health"))
        states = [topic for topic, _, _ in list(ear.heard)]
        sent = 0
        for begin in range(0, count, 500):
            for _ in range(500):
                ear.queue(f"cmd/{chance.choice(names).lstrip('+')}", bad_payload(chance))
                sent += 1
            wait_for(lambda begin=begin: len(ear.on("reply")) >= begin + 500, 30.0)  # type: ignore[misc]
        replies = [json.loads(reply) for reply in ear.on("reply")]
        assert len(replies) == sent == count
        assert not any(reply["ok"] for reply in replies)
        assert all(isinstance(reply["error"], str) and len(reply["error"]) < 400 for reply in replies)
        assert desk.commands() == []
        said = [topic for topic, _, _ in ear.heard if "/cmd/" not in topic and not topic.endswith("/reply")]
        assert said == states, "a bad command has changed something"
        ear.publish("cmd/acknowledge", "Ana")
        wait_for(desk.commands, what="good commands still work")


def bad_payload(chance: random.Random) -> bytes:
    """A payload that no command may take: broken, of the wrong type, too long, or with an unknown key."""
    key = chance.choice(["x", "who", "minute", "Need", "", "épisode"])
    values = [None, True, -1, 1e300, [], {}, "word", [[["x"]]], {"a": {"b": 1}}]
    kind = chance.randrange(8)
    if kind == 0:
        return b"\xff" + chance.randbytes(chance.randrange(1, 200))
    if kind == 1:
        return json.dumps({key or "-": chance.choice(values)}).encode()
    if kind == 2:
        return b"[" * chance.randrange(1, 3000)
    if kind == 3:
        return json.dumps(chance.choice([[1], "text", [], [{}]])).encode()
    if kind == 4:
        return b"{" + chance.randbytes(chance.randrange(1, 60)).hex().encode()
    if kind == 5:
        return b"y" * chance.randrange(4097, 9000)
    if kind == 6:
        return json.dumps({"caregiver": 5, "need": {}, "minutes": "NaN", "sensitivity": 3, "token": []}).encode()
    return b"\x00\x01" + b"z" * chance.randrange(65, 300)


def test_publishing_never_waits_even_if_nobody_reads(broker: Mosquitto, proxy: Proxy) -> None:
    """Thousands of events during a stall: handling each stays quick, and memory stays bounded by the window."""
    clock = SystemClock()
    outbox = MemoryOutbox(clock.boot_id)
    items: list[object] = []
    mqtt = Mqtt(
        address=lambda: broker.address(port=proxy.port),
        nursery=NurserySettings(),
        settings=MqttSettings(),
        alerts=AlertSettings(),
        clock=clock,
        outbox=outbox,
        version="0",
    )
    mqtt.start(items.append)
    try:
        wait_for(lambda: any(isinstance(item, BrokerState) and item.connected for item in items))
        proxy.flowing.clear()
        now = clock.now()
        slowest = 0.0
        for number in range(2000):
            event = FaultRaised(now.plus(number / 1000), "x" * 1000, code="cpu_slow")
            outbox.store(event)
            began = time.perf_counter()
            mqtt.handle(event)
            mqtt.update(MonitorState(clock.now(), Mic.OK, crying=bool(number % 2)))
            slowest = max(slowest, time.perf_counter() - began)
        assert slowest < 2.0, "waiting for the broker would take 5 s at least; a busy machine takes some tenths"
    finally:
        proxy.flowing.set()
        mqtt.close()
