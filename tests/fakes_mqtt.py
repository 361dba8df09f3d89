"""Real brokers, subscribers and a stalling network for the MQTT tests; nothing here is a mock."""

import contextlib
import json
import queue
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from device.address import Address
from device.clock import Clock, SystemClock
from device.events import Event, Tested
from device.inputs import TestAlert
from device.mqtt import Mqtt
from device.settings import AlertSettings, MqttSettings, NurserySettings
from device.sinks import BrokerState, Delivered, MonitorState, Outbox, StoredEvent
from device.vocabulary import Mic

USER, PASSWORD = "nursery", "abcd-efgh-jkmn"
BASE = "nursery/home/"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(condition: Callable[[], object], timeout_s: float = 10.0, what: str = "") -> None:
    """Wait until a condition holds; fail with a word about what was awaited."""
    deadline = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what or condition}"
        pause.wait(0.01)


class Mosquitto:
    """A real mosquitto on a loopback port, with one login; it can be killed and started again."""

    def __init__(self, folder: Path, *, lines: str = "", port: int | None = None) -> None:
        self.port = port or free_port()
        self._config = folder / "mosquitto.conf"
        passwords = folder / "passwords"
        subprocess.run(["mosquitto_passwd", "-b", "-c", passwords, USER, PASSWORD], check=True, capture_output=True)
        passwords.chmod(0o644)
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
            f"max_queued_messages 100000\nmax_inflight_messages 0\n{lines}"
        )
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def missing() -> bool:
        return shutil.which("mosquitto") is None

    def address(self, **changes: Any) -> Address:
        return replace(Address("127.0.0.1", self.port, USER, PASSWORD), **changes)

    def start(self) -> "Mosquitto":
        self._process = subprocess.Popen(
            ["mosquitto", "-c", self._config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._listens, what="mosquitto listens")
        return self

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
            return True
        return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Ear:
    """A subscriber that keeps what it hears, in order; it reconnects by itself."""

    def __init__(self, port: int, topic: str = "nursery/#", *, client_id: str = "", user: str = USER) -> None:
        self.heard: list[tuple[str, str, bool]] = []
        self.subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=not client_id)
        self._client.username_pw_set(user, PASSWORD)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_disconnect = lambda *_: self.subscribed.clear()
        self._client.on_message = self._keep
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self.subscribed.wait(5.0), "the subscriber could not connect"

    def _keep(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload).decode("utf-8", "replace"), message.retain))

    def on(self, name: str) -> list[str]:
        """Payloads on the topic nursery/home/<name>, in order."""
        return [payload for topic, payload, _ in list(self.heard) if topic == BASE + name]

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        found = [json.loads(payload) for payload in self.on("event")]
        return [event for event in found if kind in ("", event["event_type"])]

    def publish(self, name: str, payload: str | bytes, *, retain: bool = False, base: str = BASE) -> None:
        self._client.publish(base + name, payload, 1, retain).wait_for_publish(5.0)

    def queue(self, name: str, payload: bytes) -> None:
        """Publish without waiting."""
        self._client.publish(BASE + name, payload, 1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> "Ear":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Proxy:
    """Forwards TCP to a port, until it is told to stall: then it still accepts and reads, and passes nothing on."""

    def __init__(self, target: int) -> None:
        self._target = target
        self.flowing = threading.Event()
        self.flowing.set()
        self._stop = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._socks: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._spawn(self._accept)

    def _spawn(self, call: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=call, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._socks += [near, far]
            self._spawn(self._pump, near, far)
            self._spawn(self._pump, far, near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                while not self.flowing.wait(0.1):
                    if self._stop.is_set():
                        return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for sock in self._socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5.0)


class MemoryOutbox:
    """Keeps events as the journal does, without a disk."""

    def __init__(self, boot_id: str) -> None:
        self.boot_id = boot_id
        self.stored: dict[str, StoredEvent] = {}
        self.done: list[str] = []

    def store(self, event: Event) -> None:
        self.stored.setdefault(event.id, StoredEvent(len(self.stored) + 1, event, self.boot_id))

    def pending(self, limit: int = 100) -> list[StoredEvent]:
        return [entry for event_id, entry in self.stored.items() if event_id not in self.done][:limit]

    def delivered(self, event_id: str) -> None:
        self.done.append(event_id)


class Desk:
    """The monitor's inbox and thread, without its ears: stores each event, tells MQTT, answers test alerts."""

    def __init__(
        self,
        address: Callable[[], Address],
        *,
        outbox: Outbox | None = None,
        clock: Clock | None = None,
        alerts: AlertSettings | None = None,
        nursery: NurserySettings | None = None,
        settings: MqttSettings | None = None,
        state: dict[str, Any] | None = None,
        retry_s: tuple[float, float] = (0.05, 0.2),
    ) -> None:
        self.clock = clock or SystemClock()
        self.outbox = MemoryOutbox(self.clock.boot_id) if outbox is None else outbox
        self.taken: list[object] = []
        self.errors: list[ValueError] = []
        self.inbox: queue.Queue[object] = queue.Queue()
        self.changes: dict[str, Any] = {"mic": Mic.OK, **(state or {})}
        self.mqtt = Mqtt(
            address=address,
            nursery=nursery or NurserySettings(),
            settings=settings or MqttSettings(),
            alerts=alerts or AlertSettings(),
            clock=self.clock,
            outbox=self.outbox,
            version="1.2.3",
            page_url="http://nursery.local:8080",
            retry_s=retry_s,
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Desk":
        self.mqtt.start(self.inbox.put)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5.0)
        self.mqtt.close()

    def say(self, *events: Event) -> None:
        """Let events happen, on the monitor's thread."""
        for event in events:
            self.inbox.put(event)

    def set(self, **changes: Any) -> None:
        """Change the present state."""
        self.changes |= changes

    def broker_states(self) -> list[BrokerState]:
        return [item for item in list(self.taken) if isinstance(item, BrokerState)]

    def commands(self) -> list[object]:
        return [item for item in list(self.taken) if not isinstance(item, BrokerState | Delivered) and not _is_event(item)]

    def connected(self) -> bool:
        states = self.broker_states()
        return bool(states) and states[-1].connected

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(queue.Empty):
                self._take(self.inbox.get(timeout=0.05))
            try:
                self.mqtt.update(MonitorState(self.clock.now(), **self.changes))
            except ValueError as error:  # of which the monitor makes a fault
                self.errors.append(error)

    def _take(self, item: object) -> None:
        if isinstance(item, Delivered):
            self.outbox.delivered(item.event_id)
        elif isinstance(item, TestAlert):
            self._happen(Tested(item.at, "This is a test alert.", token=item.token))
        elif _is_event(item):
            self._happen(item)  # type: ignore[arg-type]
        self.taken.append(item)

    def _happen(self, event: Event) -> None:
        if isinstance(self.outbox, MemoryOutbox):
            self.outbox.store(event)
        self.mqtt.handle(event)


def _is_event(item: object) -> bool:
    return hasattr(item, "event_type")


@contextlib.contextmanager
def running(broker: Mosquitto) -> Iterator[Mosquitto]:
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
