"""The embedded broker itself, a process of its own: `python -m device.broker_server`, told what to do on its standard input.

amqtt does the work. In front of it stands a door: it reads a client's first packet itself, with a deadline and a limit
on size, and lets nobody in whose login is wrong. (amqtt alone would let a stranger with a borrowed client id end the
owner's session before it looks at the password, wait for ever for a first packet, and read packets of 256 MB into memory.)
"""

import asyncio
import hmac
import json
import logging
import ssl
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session

from device import memory
from device.broker_door import MONITOR, NOT_AUTHORIZED, Rejected, allowed, covers, read_hello

log = logging.getLogger("device.broker")

FIRST_PACKET_S = 10.0
COUNT_S = 2.0
MAX_PACKET = 65_536
MAX_CLIENTS = 64
CONNECT, DISCONNECT = 1, 14
_LISTENER = "door"


class Reader(ReaderAdapter):  # type: ignore[misc]
    """Gives amqtt a client's packets, beginning with the first again; ends when the client is silent for too long.

    (amqtt only notes that a keep-alive has passed, and keeps the client, so a vanished phone would never be let go.)
    `silent_s` is 1.5 times the keep-alive that the client promised (None: it promised none). Before a client's end is
    passed on, `settle` is awaited: amqtt drops what a client has said just before it hangs up.
    """

    def __init__(
        self, stream: asyncio.StreamReader, first: bytes, silent_s: float | None, settle: Callable[[], Awaitable[None]]
    ) -> None:
        """Begin with the first packet."""
        self._stream = stream
        self._packet = first
        self._silent_s = silent_s
        self._settle = settle

    async def read(self, n: int = -1) -> bytes:
        """Give `n` bytes of the present packet; IncompleteReadError if there will be no more."""
        if not self._packet and n:
            try:
                async with asyncio.timeout(self._silent_s):
                    self._packet = await read_packet(self._stream)
            except (TimeoutError, OSError, asyncio.IncompleteReadError, Rejected) as error:
                if isinstance(error, Rejected):
                    log.warning("disconnected a client: %s", error)
                await self._settle()
                raise asyncio.IncompleteReadError(b"", n) from None
            if self._packet[0] >> 4 == DISCONNECT:
                await self._settle()
        taken, self._packet = self._packet[:n], self._packet[n:]
        return taken

    def feed_eof(self) -> None:
        """Pass on that no more will come."""
        self._stream.feed_eof()


class Writer(StreamWriterAdapter):  # type: ignore[misc]
    """Also knows what to say of a client on the private socket."""

    def get_peer_info(self) -> tuple[str, int]:
        """Address and port, or a name where there is none."""
        return super().get_peer_info() or ("here", 0)


class Welcome(BaseAuthPlugin):  # type: ignore[misc]
    """Who has come through the door is let in by amqtt too."""

    async def authenticate(self, *, session: Session) -> bool:
        """Yes."""
        return bool(session.username)


class Rules(BaseTopicPlugin):  # type: ignore[misc]
    """Who may do what: everybody with the login listens to everything; only the monitor speaks for the monitor."""

    async def topic_filtering(
        self, *, session: Session | None = None, topic: str | None = None, action: Action | None = None
    ) -> bool:
        """True if it is allowed."""
        return session is not None and allowed(session.username or "", topic or "", publish=action == Action.PUBLISH)


class Retaining(Broker):  # type: ignore[misc]
    """amqtt, but a new client gets only those retained messages that it has itself subscribed to."""

    async def _publish_retained_messages_for_subscription(self, subscription: tuple[str, int], session: Session) -> None:
        mine = [entry for entry, _qos in self.subscriptions.get(subscription[0], []) if entry is session]
        if mine:
            await super()._publish_retained_messages_for_subscription(subscription, session)


class Door:
    """Accepts clients and hands the welcome ones to amqtt."""

    def __init__(self, broker: Broker, logins: dict[str, str]) -> None:
        """Know who may come in."""
        self._broker = broker
        self._logins = logins
        self._inside = 0

    async def public(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client from the network."""
        await self._serve(reader, writer, lambda user: user != MONITOR)

    async def private(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The monitor."""
        await self._serve(reader, writer, lambda user: user == MONITOR)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, here: Any) -> None:
        peer = writer.get_extra_info("peername")
        self._inside += 1
        try:
            if self._inside > MAX_CLIENTS:
                raise Rejected(f"more than {MAX_CLIENTS} clients")
            async with asyncio.timeout(FIRST_PACKET_S):
                hello = read_hello(await read_packet(reader, CONNECT))
            right = hmac.compare_digest(hello.password.encode(), self._logins.get(hello.user, "").encode())
            if not hello.user or not hello.password or not right or not here(hello.user):
                raise Rejected(f"wrong login as {hello.user!r}", NOT_AUTHORIZED)
            if hello.will_topic and not allowed(hello.user, hello.will_topic, publish=True):
                raise Rejected(f"a will for {hello.will_topic!r}, which is not its to speak on", NOT_AUTHORIZED)
            await self._broker.external_connected(
                Reader(reader, hello.packet, hello.keepalive_s * 1.5 or None, partial(self._settle, hello.client_id)),
                Writer(writer),
                _LISTENER,
            )
        except Rejected as why:
            log.warning("turned away %s: %s", peer[0] if peer else "the monitor", why)
            writer.write(why.answer)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            self._inside -= 1
            writer.close()

    async def _settle(self, client_id: str) -> None:
        """Wait until amqtt has passed on everything that the client has said, two seconds at most."""
        for _ in range(100):
            await asyncio.sleep(0.02)
            session, _handler = self._broker.sessions.get(client_id, (None, None))
            if session is None or session.delivered_message_queue.empty():
                break
        await asyncio.sleep(0.02)


async def read_packet(stream: asyncio.StreamReader, kind: int | None = None) -> bytes:
    """Read one packet, whole; only one of this `kind`, if given.

    Raises:
        Rejected: it is longer than 64 KiB, or no MQTT.
        asyncio.IncompleteReadError: the client has gone.
    """
    packet = await stream.readexactly(1)
    if kind not in (None, packet[0] >> 4):
        raise Rejected("what it says is not MQTT")
    length = shift = 0
    while True:
        byte = await stream.readexactly(1)
        packet += byte
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if not byte[0] & 0x80:
            break
        if shift > 21:
            raise Rejected("what it says is not MQTT")
    if length > MAX_PACKET:
        raise Rejected(f"a packet of {length} bytes")
    return packet + await stream.readexactly(length)


async def count_listeners(broker: Broker, topic: str) -> None:
    """Say on standard output how many clients are connected that would hear of `topic`, whenever that changes."""
    said = -1
    while True:
        found = {
            session.client_id
            for pattern, entries in broker.subscriptions.items()
            if covers(pattern, topic)
            for session, _qos in entries
            if session.username != MONITOR and session.transitions.is_connected()
        }
        if len(found) != said:
            said = len(found)
            print(f"listeners {said}", flush=True)
        await asyncio.sleep(COUNT_S)


async def serve(order: dict[str, Any]) -> None:
    """Serve until standard input ends, that is until the monitor stops, however it stops."""
    broker = Retaining(
        {
            "listeners": {"default": {"type": "external"}, _LISTENER: {"type": "external", "bind": "door"}},
            "plugins": {f"{__name__}.Welcome": {}, f"{__name__}.Rules": {}},
        }
    )
    await broker.start()
    context = None
    if order["tls_cert"]:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(order["tls_cert"], order["tls_key"])
    door = Door(broker, {order["user"]: order["password"], MONITOR: order["monitor_password"]})
    public = await asyncio.start_server(door.public, order["bind"], order["port"], ssl=context)
    private = await asyncio.start_unix_server(door.private, order["socket"])
    print("ready", flush=True)
    counting = asyncio.create_task(count_listeners(broker, order["alert"]))
    await asyncio.to_thread(sys.stdin.read)
    counting.cancel()
    public.close()
    private.close()


def main() -> None:
    """Read the order, serve; one line on standard output says `ready` or what is wrong."""
    memory.spare()
    memory.expendable()  # the monitor, which starts it anew, tells by its buzzer and its page meanwhile
    logging.basicConfig(level=logging.WARNING, format="broker: %(message)s")
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    order = json.loads(sys.stdin.readline())
    try:
        asyncio.run(serve(order))
    except (OSError, ssl.SSLError) as error:
        print(f"error {error.errno or 0} {error.strerror or error}", flush=True)


if __name__ == "__main__":
    main()
