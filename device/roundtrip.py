"""Sends a test alert the whole way, to the broker, through the monitor and back, and says how long it took."""

import json
import queue
import secrets
from dataclasses import dataclass

from device.address import Address, Received
from device.clock import Clock, SystemClock
from device.errors import BrokerError
from device.link import Link
from device.topics import Topics, dump


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """A test alert that has come back: seconds until its event, and the line that phones were shown."""

    seconds: float
    text: str


def round_trip(address: Address, device_id: str, *, timeout_s: float = 10.0, clock: Clock | None = None) -> RoundTrip:
    """Send `cmd/test` as a phone would, and wait for its event and its line on `alert`.

    Raises:
        BrokerError: the broker cannot be reached, the monitor is not connected to it, or no answer comes in time.
    """
    clock = clock or SystemClock()
    topics = Topics(device_id)
    token = secrets.token_hex(8)
    heard: queue.SimpleQueue[Received | str | None] = queue.SimpleQueue()
    link = Link(
        address=lambda: address,
        client_id=f"nursery-check-{token}",
        clock=clock,
        subscribe=(topics.event, topics.alert, topics.status, topics.reply),
        will=None,
        up=lambda: heard.put(None),
        down=heard.put,
        received=heard.put,
        retry_s=(0.5, 2.0),
    )
    link.start()
    try:
        return _wait(link, heard, topics, token, clock, timeout_s)
    finally:
        link.close()


def _wait(
    link: Link,
    heard: "queue.SimpleQueue[Received | str | None]",
    topics: Topics,
    token: str,
    clock: Clock,
    timeout_s: float,
) -> RoundTrip:
    began = clock.now()
    sent = began
    status = text = ""
    back_s: float | None = None
    while (left_s := timeout_s - clock.now().since(began)) > 0:
        try:
            item = heard.get(timeout=left_s)
        except queue.Empty:
            break
        if isinstance(item, str):
            raise BrokerError(item)
        if item is None:
            sent = clock.now()
            link.send(topics.command("test"), dump({"token": token}))
        elif item.topic == topics.status:
            status = item.payload.decode("utf-8", "replace")
        elif item.topic == topics.alert:
            text = item.payload.decode("utf-8", "replace")
        elif item.topic == topics.event and _token(item.payload) == token:
            back_s = clock.now().since(sent)
        if back_s is not None and text:
            return RoundTrip(back_s, text)
    if back_s is not None:
        raise BrokerError(
            f"The monitor answered, but no line came on {topics.alert}, so phones would not ring; "
            "does the broker let it through?"
        )
    if status != "online":
        raise BrokerError(
            f"The broker answers, but no monitor {topics.id!r} is connected to it ({topics.status} is {status or 'unset'}); "
            "is the monitor running, with the same nursery.id and broker?"
        )
    raise BrokerError(f"The monitor did not answer a test alert within {timeout_s:g} s; look at its log.")


def _token(payload: bytes) -> object:
    try:
        event = json.loads(payload)
    except ValueError:
        return None
    return event.get("token") if isinstance(event, dict) else None
