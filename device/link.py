"""One connection to a broker, for ever: it connects, notices when the other side no longer answers, and tries again.

paho's own reconnecting and its unbounded queue are not used: a message that was under way when the connection broke
would be sent again much later, with its old age. Every connection gets a client of its own; what was not acknowledged is
dropped here, and the caller, who still has it, sends it anew.
"""

import logging
import random
import socket
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from device.address import Address, Received, Will, refused, unreachable
from device.clock import Clock, Instant
from device.errors import NurseryError

log = logging.getLogger(__name__)

KEEPALIVE_S = 5
"""A broker tells everybody of our death 1.5 times this after the last sign of life."""

SHORT_S, SHORT_TIMES = 10.0, 3
"""A broker that so often in a row ends a connection so soon does it for another client of the same name, as MQTT demands."""

CONNECT_S = 5.0
ACKNOWLEDGE_S = 8.0
"""A message not acknowledged within this means that nobody is there any more."""

QUEUED = 2000
"""At most so many messages wait in memory for the broker's acknowledgement."""


class _PahoLog(logging.LoggerAdapter[logging.Logger]):
    """paho's own words; once we part in peace, its surprise at a closed socket is nobody's trouble."""

    def __init__(self, logger: logging.Logger, closing: threading.Event) -> None:
        super().__init__(logger)
        self._closing = closing

    def log(self, level: int, msg: object, *args: object, **more: Any) -> None:
        super().log(logging.DEBUG if self._closing.is_set() else level, msg, *args, **more)


class _Connection:
    """One life of a connection: a paho client, and who waits for which acknowledgement."""

    def __init__(self, client: paho.Client, clock: Clock) -> None:
        self.client = client
        self.ended = threading.Event()
        self.reason = ""
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[Instant, Callable[[], None] | None]] = {}
        self._early: set[int] = set()

    def send(self, topic: str, payload: str | bytes, retain: bool, acked: Callable[[], None] | None) -> bool:
        # The lock is never held while paho is called: paho calls `acknowledged` under a lock that `publish` needs too.
        info = self.client.publish(topic, payload, 1, retain)
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        with self._lock:
            if info.mid not in self._early:
                self._waiting[info.mid] = (self._clock.now(), acked)
                return True
            self._early.discard(info.mid)
        if acked is not None:
            acked()
        return True

    def acknowledged(self, mid: int) -> None:
        with self._lock:
            if mid not in self._waiting:
                self._early.add(mid)
                return
            _, acked = self._waiting.pop(mid)
        if acked is not None:
            acked()

    def stalled(self) -> bool:
        with self._lock:
            oldest = next(iter(self._waiting.values()), None)
        return oldest is not None and self._clock.now().since(oldest[0]) > ACKNOWLEDGE_S

    def cut(self) -> None:
        """End the connection without a word, so that the broker speaks the will."""
        sock = self.client.socket()
        if isinstance(sock, socket.socket):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("the socket was closed already")

    def let_go(self) -> None:
        """Know each other no more: paho closes its own sockets only once nobody holds the client."""
        self.client.on_connect = self.client.on_subscribe = self.client.on_disconnect = None
        self.client.on_message = self.client.on_publish = None


class Link:
    """Keeps a connection to a broker.

    `address` is asked before each attempt, and may raise a `NurseryError` instead. `up` is called (on the network's
    thread) when the connection stands and the subscriptions are accepted, `down` with a sentence when it is lost or an
    attempt has failed for another reason than before, `received` for each message. None of them may block. `retry_s` is
    the first and the longest wait between attempts.
    """

    def __init__(
        self,
        *,
        address: Callable[[], Address],
        client_id: str,
        clock: Clock,
        subscribe: tuple[str, ...],
        will: Will | None,
        up: Callable[[], None],
        down: Callable[[str], None],
        received: Callable[[Received], None],
        retry_s: tuple[float, float] = (1.0, 30.0),
    ) -> None:
        """Connect nothing yet."""
        self._address = address
        self._client_id = client_id
        self._clock = clock
        self._subscribe = subscribe
        self._will = will
        self._up = up
        self._down = down
        self._received = received
        self._retry_s = retry_s
        self._now: _Connection | None = None
        self._short = 0  # connections in a row that the other side has soon ended
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-link", daemon=True)

    @property
    def connected(self) -> bool:
        """True while the broker has accepted us."""
        return self._now is not None

    def start(self) -> None:
        """Begin to connect, on a thread of its own."""
        self._thread.start()

    def send(
        self, topic: str, payload: str | bytes, *, retain: bool = False, acked: Callable[[], None] | None = None
    ) -> bool:
        """Send with QoS 1, never waiting; False if it cannot be sent now. `acked` is called when the broker has it."""
        connection = self._now
        return connection is not None and connection.send(topic, payload, retain, acked)

    def close(self, *, last_words: Will | None = None, wait_s: float = 2.0) -> None:
        """Say `last_words` (retained), part from the broker in peace and stop; calling it again does nothing."""
        if self._closing.is_set():
            return
        connection = self._now
        if connection is not None:
            if last_words is not None:
                said = threading.Event()
                if connection.send(last_words.topic, last_words.payload, True, said.set):
                    said.wait(wait_s)
            self._closing.set()
            connection.client.disconnect()
            if not connection.ended.wait(wait_s):
                connection.cut()
        self._closing.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(CONNECT_S + wait_s)

    def _run(self) -> None:
        low, high = self._retry_s
        wait_s, told = low, ""
        while not self._closing.is_set():
            try:
                reason, was_up = self._live()
            except Exception:  # whatever it is, the phones must be reached again
                log.exception("the connection failed unexpectedly")
                reason, was_up = "The connection to the broker failed unexpectedly; the log tells more.", False
            if self._closing.is_set():
                return
            if was_up:
                wait_s, told = low, ""
            if reason != told:
                log.warning("%s", reason)
                self._down(reason)
                told = reason
            self._closing.wait(wait_s * random.uniform(0.8, 1.2))
            wait_s = min(high, wait_s * 2)

    def _live(self) -> tuple[str, bool]:
        """Connect and wait until it is over; say why, and whether it ever stood."""
        try:
            address = self._address()
        except NurseryError as error:
            return str(error), False
        try:
            connection = self._connect(address)
        except (OSError, ValueError) as error:
            return unreachable(error, address), False
        try:
            began = self._clock.now()
            while not connection.ended.wait(0.2):
                if connection.stalled():
                    connection.reason = f"{address:S} no longer answers."
                    break
                if self._now is None and (self._closing.is_set() or self._clock.now().since(began) > CONNECT_S):
                    break
        finally:
            connection.cut()
            was_up, self._now = self._now is not None, None
            connection.ended.wait(CONNECT_S)
            if connection.ended.is_set():
                connection.client.loop_stop()
                connection.let_go()
        soon = was_up and not connection.reason and self._clock.now().since(began) < SHORT_S
        self._short = self._short + 1 if soon else 0
        lost = f"The connection to {address} was lost."
        if self._short >= SHORT_TIMES:
            lost = (
                f"{address:S} ends the connection again and again; perhaps another monitor uses the same nursery.id: "
                "each needs its own."
            )
        mute = f"{address:S} took the connection but does not answer as a broker; check mqtt.port and mqtt.tls."
        return connection.reason or (lost if was_up else mute), was_up

    def _connect(self, address: Address) -> _Connection:
        if address.socket:
            # paho leaves a Unix socket open if nobody listens at its path, so ask first
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(address.socket)
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=True,
            reconnect_on_failure=False,
            transport="unix" if address.socket else "tcp",
        )
        client.connect_timeout = CONNECT_S
        client.suppress_exceptions = True  # one in a callback would end paho's thread, and nobody would notice
        client.enable_logger(_PahoLog(log, self._closing))  # type: ignore[arg-type]
        client.max_queued_messages_set(QUEUED)
        client.max_inflight_messages_set(100)
        if address.user:
            client.username_pw_set(address.user, address.password)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, 1, True)
        if address.tls:
            client.tls_set(address.ca_file or None)
        connection = _Connection(client, self._clock)

        def on_connect(_c: paho.Client, _u: Any, _f: Any, code: Any, _p: Any) -> None:
            if code.is_failure:
                connection.reason = refused(str(code), address)
            else:
                client.subscribe([(topic, 1) for topic in self._subscribe])

        def on_subscribe(_c: paho.Client, _u: Any, _m: int, codes: list[Any], _p: Any) -> None:
            if any(code.is_failure for code in codes):
                log.warning("%s does not let user %r read commands; allow it in the broker's ACL", address, address.user)
            self._now = connection
            self._up()

        def on_disconnect(_c: paho.Client, _u: Any, _f: Any, _code: Any, _p: Any) -> None:
            connection.ended.set()

        def on_message(_c: paho.Client, _u: Any, message: paho.MQTTMessage) -> None:
            self._received(Received(message.topic, bytes(message.payload), message.retain))

        client.on_connect = on_connect
        client.on_subscribe = on_subscribe
        client.on_disconnect = on_disconnect
        client.on_message = on_message
        client.on_publish = lambda _c, _u, mid, _code, _p: connection.acknowledged(mid)
        client.connect(address.socket or address.host, address.port, KEEPALIVE_S)
        client.loop_start()
        return connection
