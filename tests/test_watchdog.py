"""What systemd hears, on a real datagram socket."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.events import Fault
from device.sinks import MonitorState
from device.vocabulary import Mic
from device.watchdog import Watchdog
from tests.fakes_hands import HandClock


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(5)

    def heard(self) -> list[str]:
        out = []
        self.socket.setblocking(False)
        try:
            while True:
                out.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return out


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nm") as name:
        yield Path(name)


@pytest.fixture
def manager(directory: Path) -> Iterator[Manager]:
    manager = Manager(str(directory / "notify"))
    yield manager
    manager.socket.close()


@pytest.fixture
def environment(directory: Path) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(directory / "notify"), "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}


def test_ready_status_and_stopping(manager: Manager, environment: dict[str, str]) -> None:
    watchdog = Watchdog(clock=HandClock(), environment=environment)
    watchdog.ready()
    watchdog.status("Listening\nto it.")
    watchdog.status("Listening\nto it.")
    watchdog.close()
    watchdog.close()
    assert manager.heard() == ["READY=1", "STATUS=Listening to it.", "STOPPING=1"]


def test_it_pings_a_third_of_the_limit_at_most_and_only_when_told(manager: Manager, environment: dict[str, str]) -> None:
    clock = HandClock()
    watchdog = Watchdog(clock=clock, environment=environment)
    for _ in range(100):
        watchdog.alive(clock.go(0.5))
    assert manager.heard() == ["WATCHDOG=1"] * 5
    clock.go(1000)
    assert manager.heard() == []
    watchdog.close()


def test_pings_follow_the_monotonic_clock_when_utc_jumps(manager: Manager, environment: dict[str, str]) -> None:
    clock = HandClock()
    watchdog = Watchdog(clock=clock, environment=environment)
    watchdog.alive(clock.now())
    clock.jump(-365 * 86400)
    watchdog.alive(clock.go(10))
    clock.jump(2 * 365 * 86400)
    watchdog.alive(clock.now())
    assert manager.heard() == ["WATCHDOG=1"] * 2
    watchdog.close()


@pytest.mark.parametrize("change", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": ""}])
def test_no_pings_where_systemd_watches_somebody_else(
    manager: Manager, environment: dict[str, str], change: dict[str, str]
) -> None:
    watchdog = Watchdog(clock=HandClock(), environment=environment | change)
    watchdog.alive(HandClock().now())
    watchdog.ready()
    assert manager.heard() == ["READY=1"]
    watchdog.close()


def test_without_systemd_it_does_nothing() -> None:
    watchdog = Watchdog(clock=HandClock(), environment={})
    watchdog.ready()
    watchdog.alive(HandClock().now())
    watchdog.close()


def test_an_abstract_socket(environment: dict[str, str]) -> None:
    name = f"nursery-test-{os.getpid()}"
    manager = Manager("\0" + name)
    watchdog = Watchdog(clock=HandClock(), environment=environment | {"NOTIFY_SOCKET": "@" + name})
    watchdog.ready()
    assert manager.heard() == ["READY=1"]
    watchdog.close()
    manager.socket.close()


def test_a_manager_that_is_gone_or_full_harms_nothing(manager: Manager, environment: dict[str, str]) -> None:
    clock = HandClock()
    watchdog = Watchdog(clock=clock, environment=environment)
    for _ in range(2000):
        watchdog.ready()
    watchdog.alive(clock.now())
    manager.heard()
    watchdog.alive(clock.now())
    assert manager.heard() == ["WATCHDOG=1"], "a ping that could not be sent is sent at the next score"
    manager.socket.close()
    watchdog.alive(clock.go(20))
    watchdog.close()


def test_systemctl_status_says_what_goes_on(manager: Manager, environment: dict[str, str]) -> None:
    clock = HandClock()
    watchdog = Watchdog(clock=clock, environment=environment)
    now = clock.now()
    watchdog.update(MonitorState(now, Mic.LOST, "No microphone is connected."))
    watchdog.update(MonitorState(now, Mic.OK, device="USB Mic"))
    watchdog.update(MonitorState(now, Mic.OK, crying=True, faults=(Fault("broker_down", "…", now),)))
    assert manager.heard() == [
        "STATUS=No microphone is connected.",
        "STATUS=Listening to USB Mic.",
        "STATUS=The baby is crying. Faults: broker_down.",
    ]
    watchdog.close()
