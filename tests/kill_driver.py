"""A monitor's way from event to broker, to be killed: real journal, real MQTT, real processes.

Run as `python -m tests.kill_driver PORT JOURNAL`: for each line on standard input it forks a child that says its pid and
then makes events as fast as they go, until somebody kills it. The line `drain` makes a child that makes none, sends what
is left and ends.
"""

import os
import queue
import sys
from pathlib import Path

from device.address import Address
from device.clock import SystemClock
from device.events import Tested
from device.inputs import TestAlert
from device.journal import JournalWriter
from device.mqtt import Mqtt
from device.settings import AlertSettings, MqttSettings, NurserySettings
from device.sinks import Delivered, MonitorState
from device.vocabulary import Mic, Source
from tests.fakes_mqtt import PASSWORD, USER


def child(port: int, path: Path, *, drain: bool) -> None:
    clock = SystemClock()
    inbox: queue.Queue[object] = queue.Queue(512)
    journal = JournalWriter(path, clock=clock)
    mqtt = Mqtt(
        address=lambda: Address("127.0.0.1", port, USER, PASSWORD),
        nursery=NurserySettings(),
        settings=MqttSettings(),
        alerts=AlertSettings(),
        clock=clock,
        outbox=journal,
        version="0",
        retry_s=(0.02, 0.1),
    )
    journal.start()
    mqtt.start(inbox.put_nowait)
    print(os.getpid(), flush=True)
    while not drain or journal.pending(1):
        try:
            item = inbox.get(timeout=0.002)
        except queue.Empty:
            item = None
        if isinstance(item, Delivered):
            journal.delivered(item.event_id)
        if not drain and item is None:
            wish = TestAlert(clock.now(), Source.MQTT)
            event = Tested(wish.at, "This is a test alert.", token=wish.token)
            journal.handle(event)
            mqtt.handle(event)
        mqtt.update(MonitorState(clock.now(), Mic.OK))
    mqtt.close()
    journal.close()


def main() -> None:
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            child(port, path, drain=line.strip() == "drain")
            os._exit(0)
        os.waitpid(pid, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main()
