"""The embedded broker, spoken to by real clients and by strangers."""

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from device.broker import Broker
from device.broker_door import MONITOR, Rejected, allowed, covers, read_hello
from device.errors import BrokerError
from device.events import EpisodeAlerted, Tested
from device.inputs import Response
from device.roundtrip import round_trip
from device.settings import BrokerSettings
from tests.fakes_mqtt import BASE, PASSWORD, USER, Desk, Ear, Mosquitto, free_port, wait_for
from tests.test_mqtt import an_episode

ROOT = Path(__file__).parent.parent
CLIENTS = pytest.mark.skipif(Mosquitto.missing(), reason="mosquitto's clients are not installed")


@contextlib.contextmanager
def serving(**settings: object) -> Iterator[tuple[Broker, int]]:
    port = free_port()
    broker = Broker(
        BrokerSettings(bind="127.0.0.1", port=port, **settings),  # type: ignore[arg-type]
        user=USER,
        password=PASSWORD,
        restart_s=0.05,
        alert=f"{BASE}alert",
    )
    broker.start()
    try:
        yield broker, port
    finally:
        broker.close()


@pytest.fixture
def served() -> Iterator[tuple[Broker, int]]:
    with serving() as served:
        yield served


@contextlib.contextmanager
def connected(broker: Broker) -> Iterator[Desk]:
    with Desk(broker.address) as desk:
        wait_for(desk.connected)
        yield desk


def login(port: int) -> list[str]:
    return ["-h", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD]


def connect_packet(client_id: str, user: str, password: str, *, level: int = 4, keepalive_s: int = 60) -> bytes:
    def field(text: str) -> bytes:
        return len(text).to_bytes(2, "big") + text.encode()

    flags = 0x02 | (0x80 if user else 0) | (0x40 if password else 0)
    body = field("MQTT") + bytes([level, flags]) + keepalive_s.to_bytes(2, "big") + field(client_id)
    body += (field(user) if user else b"") + (field(password) if password else b"")
    return bytes([0x10, len(body)]) + body


def answer(port: int, packet: bytes, timeout_s: float = 5.0) -> bytes:
    """What the broker says to a packet before it hangs up or falls silent."""
    with socket.create_connection(("127.0.0.1", port), timeout_s) as sock:
        sock.sendall(packet)
        try:
            return sock.recv(100)
        except ConnectionResetError:
            return b""


@CLIENTS
def test_it_knows_whether_anybody_would_hear_an_alert(served: tuple[Broker, int]) -> None:
    broker, port = served
    wait_for(lambda: broker.listeners == 0)
    with connected(broker), subprocess.Popen(["mosquitto_sub", *login(port), "-t", f"{BASE}cmd/#"]) as other:
        with subprocess.Popen(["mosquitto_sub", *login(port), "-t", "nursery/+/alert"]) as phone:
            wait_for(lambda: broker.listeners == 1)
            phone.kill()
        wait_for(lambda: broker.listeners == 0)
        other.kill()


@pytest.mark.parametrize(
    ("pattern", "yes"),
    [("a/b/c", True), ("#", True), ("a/#", True), ("a/b/c/#", True), ("a/+/c", True), ("+/+/+", True), ("a/b", False),
     ("a/b/+/#", True), ("a/b/d", False), ("+/+", False), ("a/b/c/d", False), ("", False), ("b/#", False)],
)  # fmt: skip
def test_what_a_subscription_covers(pattern: str, yes: bool) -> None:
    assert covers(pattern, "a/b/c") is yes


@CLIENTS
def test_real_clients_hear_alerts_and_answer(served: tuple[Broker, int]) -> None:
    broker, port = served
    with (
        connected(broker) as desk,
        subprocess.Popen(
            ["mosquitto_sub", *login(port), "-t", f"{BASE}alert", "-t", f"{BASE}status", "-v", "-C", "2", "-W", "10"],
            stdout=subprocess.PIPE,
            text=True,
        ) as sub,
    ):
        assert sub.stdout is not None
        assert sub.stdout.readline() == f"{BASE}status online\n"
        now = desk.clock.now()
        desk.say(EpisodeAlerted(now, an_episode(now)))
        assert sub.stdout.readline() == f"{BASE}alert Baby crying hard for 40 s, perhaps hungry\n"
        for number in range(20):
            # with QoS 0, mosquitto_pub hangs up at once; nothing it has said may be lost for that
            subprocess.run(
                ["mosquitto_pub", *login(port), "-t", f"{BASE}cmd/acknowledge", "-m", str(number), "-q", str(number % 2)],
                check=True,
            )
        wait_for(lambda: len(desk.commands()) == 20)
        assert [command.caregiver for command in desk.commands() if isinstance(command, Response)] == [
            str(number) for number in range(20)
        ]


def test_a_test_alert_goes_there_and_back(served: tuple[Broker, int]) -> None:
    broker, port = served
    with Desk(broker.address) as desk:
        wait_for(desk.connected)
        address = broker.address()
        trip = round_trip(type(address)(port=port, user=USER, password=PASSWORD), "home")
    assert 0 < trip.seconds < 5


@CLIENTS
def test_strangers_are_refused(served: tuple[Broker, int]) -> None:
    _, port = served
    for who in ([], ["-u", USER, "-P", "wrong"], ["-u", "other", "-P", PASSWORD], ["-u", USER], ["-u", MONITOR, "-P", ""]):
        refused = subprocess.run(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), *who, "-t", "x", "-m", "y"], capture_output=True, text=True
        )
        assert refused.returncode != 0 and "not authorised" in refused.stderr, who


def test_the_monitors_own_login_is_not_taken_from_the_network(served: tuple[Broker, int]) -> None:
    broker, port = served
    secret = broker.address().password
    assert answer(port, connect_packet("x", MONITOR, secret)) == b"\x20\x02\x00\x05"
    assert answer(port, connect_packet("x", USER, PASSWORD)) == b"\x20\x02\x00\x00"


def test_a_stranger_with_the_monitors_client_id_does_not_end_its_session(served: tuple[Broker, int]) -> None:
    broker, port = served
    with Desk(broker.address) as desk, Ear(port) as ear:
        wait_for(desk.connected)
        for _ in range(5):
            assert answer(port, connect_packet("nursery-monitor-home", USER, "guess")) == b"\x20\x02\x00\x05"
        now = desk.clock.now()
        desk.say(Tested(now, "x", token="still here"))
        wait_for(lambda: ear.events("test"))
        assert len(desk.broker_states()) == 1


@CLIENTS
def test_nobody_speaks_in_the_monitors_name(served: tuple[Broker, int]) -> None:
    broker, port = served
    with Desk(broker.address) as desk, Ear(port, "#") as ear:
        wait_for(lambda: ear.on("health"))
        for topic in (f"{BASE}cry", f"{BASE}alert", f"{BASE}event", "homeassistant/device/evil/config"):
            subprocess.run(["mosquitto_pub", *login(port), "-t", topic, "-m", "forged", "-q", "1"], check=True)
        subprocess.run(["mosquitto_pub", *login(port), "-t", f"{BASE}cmd/arrived", "-m", "Ana", "-q", "1"], check=True)
        wait_for(desk.commands)
        wait_for(lambda: ear.on("cmd/arrived"))
        assert "forged" not in [payload for _, payload, _ in ear.heard]
        will = ["--will-topic", f"{BASE}cry", "--will-payload", "forged"]
        refused = subprocess.run(["mosquitto_sub", *login(port), *will, "-t", "x", "-W", "2"], capture_output=True)
        assert refused.returncode == 5


def test_rules() -> None:
    assert allowed(MONITOR, "nursery/home/cry", publish=True)
    assert allowed(USER, "nursery/home/cry", publish=False)
    assert not allowed(USER, "nursery/home/cry", publish=True)
    assert allowed(USER, "nursery/home/cmd/test", publish=True)
    assert not allowed(USER, "nursery/home/cmd", publish=True)
    assert allowed(USER, "homeassistant/status", publish=True)
    assert not allowed(USER, "homeassistant/device/x/config", publish=True)
    assert not allowed(MONITOR, "$SYS/broker/uptime", publish=False)


def test_mqtt_5_is_told_to_use_3_1_1(served: tuple[Broker, int]) -> None:
    _, port = served
    assert answer(port, connect_packet("x", USER, PASSWORD, level=5)) == b"\x20\x03\x00\x84\x00"
    assert answer(port, connect_packet("x", USER, PASSWORD, level=3)) == b"\x20\x02\x00\x01"


@pytest.mark.parametrize(
    "packet",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x10\xff\xff\xff\xff\x7f",
        b"\x10\xff\xff\xff\x7f",
        b"\x10\x02\x00\x04",
        b"\x10\x0c\x00\x04XXXX\x04\x02\x00\x3c\x00\x00",
        b"\x10\x11\x00\x04MQTT\x04\xc2\x00\x3c\x00\x05\xff\xff\xff\xff\xff",
        b"\x30\x05\x00\x01xhi",
    ],
)
def test_garbage_is_turned_away_and_others_are_served_on(served: tuple[Broker, int], packet: bytes) -> None:
    broker, port = served
    pid = broker.pid
    assert answer(port, packet) == b""
    assert answer(port, connect_packet("x", USER, PASSWORD)) == b"\x20\x02\x00\x00"
    assert broker.pid == pid


def test_a_client_that_breaks_its_keep_alive_is_let_go(served: tuple[Broker, int]) -> None:
    _, port = served
    with socket.create_connection(("127.0.0.1", port), 5.0) as sock:
        sock.sendall(connect_packet("sleepy", USER, PASSWORD, keepalive_s=1))
        assert sock.recv(4) == b"\x20\x02\x00\x00"
        assert sock.recv(4) == b"", "the broker hangs up after 1.5 s"


def test_an_oversized_packet_ends_only_its_own_connection(served: tuple[Broker, int]) -> None:
    _, port = served
    with Ear(port) as ear, socket.create_connection(("127.0.0.1", port), 5.0) as sock:
        sock.sendall(connect_packet("big", USER, PASSWORD))
        assert sock.recv(4) == b"\x20\x02\x00\x00"
        sock.sendall(b"\x30\xff\xff\x7f")  # announces 2 MB
        assert sock.recv(4) == b""
        ear.publish("cmd/test", "small")
        wait_for(lambda: ear.on("cmd/test") == ["small"])


def test_a_full_house_turns_newcomers_away_and_recovers(served: tuple[Broker, int]) -> None:
    _, port = served
    with contextlib.ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 5.0))
        assert answer(port, connect_packet("x", USER, PASSWORD)) == b""
    wait_for(lambda: answer(port, connect_packet("x", USER, PASSWORD)) == b"\x20\x02\x00\x00")


def test_a_port_in_use_is_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        broker = Broker(BrokerSettings(bind="127.0.0.1", port=port), user=USER, password=PASSWORD)
        with pytest.raises(BrokerError, match=rf"^Port {port} is in use by another program; set broker.port, or mqtt.host"):
            broker.start()
        broker.close()


def test_a_broker_that_is_not_needed_yet_begins_when_the_port_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        broker = Broker(BrokerSettings(bind="127.0.0.1", port=port), user=USER, password=PASSWORD, restart_s=0.05)
        broker.start(needed=False)
        try:
            with Desk(broker.address) as desk:
                wait_for(desk.broker_states)
                assert desk.broker_states()[0].reason.startswith(f"Port {port} is in use")
                taken.close()
                wait_for(desk.connected, 15.0)
        finally:
            broker.close()


def test_a_bad_address_and_a_bad_certificate_are_said(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"cannot listen on 192\.0\.2\.1:\d+ .*; check broker.bind and broker.port"):
        Broker(BrokerSettings(bind="192.0.2.1", port=free_port()), user=USER, password=PASSWORD).start()
    missing = BrokerSettings(bind="127.0.0.1", port=free_port(), tls_cert="/nowhere.pem", tls_key="/nowhere.pem")
    with pytest.raises(BrokerError, match="certificate cannot be used .* check broker.tls_cert and broker.tls_key"):
        Broker(missing, user=USER, password=PASSWORD).start()
    with pytest.raises(BrokerError, match="needs a user and a password"):
        Broker(BrokerSettings(), user="", password="")


def test_a_crashed_broker_is_started_again_and_says_everything_again(served: tuple[Broker, int]) -> None:
    broker, port = served
    with Desk(broker.address) as desk:
        wait_for(desk.connected)
        pid = broker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: broker.pid not in (None, pid))
        wait_for(lambda: len(desk.broker_states()) >= 3 and desk.connected(), what="lost, and connected again")
        with Ear(port) as ear:
            wait_for(lambda: ear.on("health"))
            assert ear.on("status") == ["online"]


def test_the_broker_ends_with_the_monitor_however_it_ends() -> None:
    code = (
        "import sys\nfrom device.broker import Broker\nfrom device.settings import BrokerSettings\n"
        f"b = Broker(BrokerSettings(bind='127.0.0.1', port={free_port()}), user='u', password='p')\n"
        "b.start()\nprint(b.pid, flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.kill()
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tls(tmp_path: Path) -> None:
    # paho leaves a socket whose certificate it has refused to the garbage collector, hence the filter
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    with serving(tls_cert=str(cert), tls_key=str(key)) as (broker, port), Desk(broker.address) as desk:
        wait_for(desk.connected)
        address = type(broker.address())("localhost", port, USER, PASSWORD, tls=True, ca_file=str(cert))
        assert round_trip(address, "home").seconds < 5
        with pytest.raises(BrokerError, match="certificate of .* is not trusted .* set mqtt.ca_file"):
            round_trip(type(address)("localhost", port, USER, PASSWORD, tls=True), "home")
        with pytest.raises((ssl.SSLError, ConnectionError, BrokerError)):
            round_trip(type(address)("localhost", port, USER, PASSWORD), "home", timeout_s=3)


def test_hello_is_read_as_the_standard_says() -> None:
    hello = read_hello(connect_packet("phone", "u", "p", keepalive_s=30))
    assert (hello.level, hello.client_id, hello.user, hello.password, hello.keepalive_s) == (4, "phone", "u", "p", 30)
    assert read_hello(hello.packet).keepalive_s == 0
    packet = connect_packet("phone", "user", "password")
    for length in range(2, len(packet)):
        with pytest.raises(Rejected):
            read_hello(packet[:length])


def test_closing_twice_is_harmless_and_leaves_no_thread() -> None:
    with serving() as (broker, _):
        pass
    broker.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "broker"]
