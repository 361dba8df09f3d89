"""The control socket and its client, on real Unix sockets."""

import json
import os
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from device import commands
from device.control import MAX_CLIENTS, Control
from device.control_client import ControlClient
from device.control_line import MAX_LINE_BYTES, Lines, Wrong, read_request
from device.errors import CommandError, ControlError
from device.events import Tested
from device.inputs import Edit, Mute, Response, Tag
from device.sinks import MonitorState
from device.vocabulary import Kind, Mic, Need, Source
from device.wire import decode_event, decode_state
from tests.fakes_hands import HandClock, Inbox


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nm") as name:
        yield Path(name) / "control.sock"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def control(path: Path, inbox: Inbox, clock: HandClock) -> Iterator[Control]:
    control = Control(path=path, parse=commands.parse, clock=clock)
    control.start(inbox.put)
    yield control
    control.close()


def _state(clock: HandClock, **fields: object) -> MonitorState:
    return MonitorState(clock.now(), Mic.OK, **fields)  # type: ignore[arg-type]


def test_a_command_becomes_an_input_and_is_answered(path: Path, control: Control, inbox: Inbox, clock: HandClock) -> None:
    with ControlClient(path) as client:
        client.send("acknowledge", {"caregiver": "Ana"}, source="page")
        client.send("mute", {"minutes": 10})
        client.send("need", {"need": "hunger", "helped": ["feed"]})
        client.send("edit", {"episode": "x", "action": "delete"}, source="page")
    at = clock.now()
    assert inbox.items == [
        Response(at, Kind.ACKNOWLEDGE, Source.PAGE, "Ana"),
        Mute(at, Source.COMMAND, 600),
        Tag(at, Source.COMMAND, need=Need.HUNGER, helped=(inbox.items[2].helped[0],)),  # type: ignore[attr-defined]
        Edit(at, Source.PAGE, "x", "delete"),
    ]


@pytest.mark.parametrize(
    ("name", "payload", "source", "sentence"),
    [
        ("dance", {}, "command", "is no command"),
        ("mute", {}, "command", "for how many minutes"),
        ("mute", {"minutes": -1}, "command", "from 0 to"),
        ("acknowledge", {"who": "Ana"}, "command", "not understood"),
        ("acknowledge", {}, "button", "must be page, push or command"),
    ],
)
def test_what_makes_no_sense_is_answered_and_changes_nothing(
    path: Path, control: Control, inbox: Inbox, name: str, payload: dict[str, object], source: str, sentence: str
) -> None:
    with ControlClient(path) as client:
        with pytest.raises(CommandError, match=sentence):
            client.send(name, payload, source=source)
        client.send("test", {"token": "t"})
    assert len(inbox.items) == 1


def test_a_full_inbox_is_said(path: Path, clock: HandClock) -> None:
    control = Control(path=path, parse=commands.parse, clock=clock)
    control.start(lambda item: False)
    with ControlClient(path) as client, pytest.raises(CommandError, match="too busy"):
        client.send("arrived")
    control.close()


def test_a_new_client_is_told_the_state_at_once_and_then_everything(path: Path, control: Control, clock: HandClock) -> None:
    state = _state(clock, device="USB Mic")
    control.update(state)
    with ControlClient(path) as client:
        assert decode_state(client.state()) == state
        event = Tested(clock.now(), "This is a test alert.", token="abc")
        control.handle(event)
        later = _state(clock, crying=True)
        control.update(later)
        messages = client.messages()
        assert decode_event(next(messages)["event"]) == event
        assert decode_state(next(messages)["state"]) == later


def test_every_client_hears_it(path: Path, control: Control, clock: HandClock) -> None:
    control.update(_state(clock))
    clients = [ControlClient(path) for _ in range(5)]
    for client in clients:
        client.state()
    control.handle(Tested(clock.now()))
    for client in clients:
        assert next(client.messages())["type"] == "event"
        client.close()


def test_no_more_clients_than_can_be_served(path: Path, control: Control, clock: HandClock) -> None:
    control.update(_state(clock))
    clients = [ControlClient(path) for _ in range(MAX_CLIENTS)]
    for client in clients:
        client.state()
    with ControlClient(path) as one_too_many, pytest.raises(ControlError, match="closed the connection"):
        one_too_many.state()
    for client in clients:
        client.close()


def test_a_client_that_never_reads_is_dropped_and_holds_up_nobody(path: Path, control: Control, clock: HandClock) -> None:
    with socket.socket(socket.AF_UNIX) as lazy, ControlClient(path) as other:
        lazy.connect(str(path))
        control.update(_state(clock))
        other.state()
        lazy.sendall(b'{"id": 1, "command": "test"}\n')
        other.send("test")
        big = _state(clock, mic_text="x" * 50_000)
        for _ in range(60):
            control.update(big)
            other.state()
        lazy.settimeout(10)
        taken = 0
        while data := lazy.recv(1 << 20):
            taken += len(data)
        assert taken < 60 * 50_000, "it was dropped before it had everything"


def test_the_socket_is_for_its_group_alone_and_goes_away(path: Path, control: Control) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    control.close()
    control.close()
    assert not path.exists()
    with pytest.raises(ControlError, match="no monitor answers"):
        ControlClient(path)


def test_a_socket_left_over_is_replaced(path: Path, clock: HandClock, inbox: Inbox) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    control = Control(path=path, parse=commands.parse, clock=clock)
    control.start(inbox.put)
    with ControlClient(path) as client:
        client.send("test")
    control.close()


def test_a_second_monitor_is_refused_and_takes_nothing_away(path: Path, control: Control, clock: HandClock) -> None:
    second = Control(path=path, parse=commands.parse, clock=clock)
    with pytest.raises(ControlError, match="another monitor"):
        second.start(lambda item: True)
    second.close()
    with ControlClient(path) as client:
        client.send("test")


@pytest.mark.parametrize("name", ["x" * 120, "taken", "taken/control.sock"])
def test_a_path_that_cannot_be_used_says_why_and_what_to_do(path: Path, clock: HandClock, name: str) -> None:
    (path.parent / "taken").write_text("mine")
    control = Control(path=path.parent / name, parse=commands.parse, clock=clock)
    with pytest.raises(ControlError, match=r"(too long|no socket|cannot be made).*nursery\.control_socket"):
        control.start(lambda item: True)
    control.close()
    assert (path.parent / "taken").read_text() == "mine"


def _replies(client: socket.socket, count: int) -> list[dict[str, object]]:
    client.settimeout(10)
    data = b""
    while data.count(b"\n") < count:
        got = client.recv(1 << 16)
        assert got, "the server has closed the connection"
        data += got
    return [json.loads(line) for line in data.splitlines()]


def test_a_line_that_is_too_long_gets_an_error_and_the_next_is_read(path: Path, control: Control, inbox: Inbox) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"x" * (3 * MAX_LINE_BYTES) + b"\n" + b'{"id": 7, "command": "test"}\n')
        replies = _replies(client, 2)
    assert [reply["ok"] for reply in replies] == [False, True]
    assert replies[1]["id"] == 7


def _send(client: socket.socket, data: bytes, piece: int) -> None:
    for begin in range(0, len(data), piece):
        client.sendall(data[begin : begin + piece])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
NAMES = st.sampled_from([*commands.COMMANDS, "dance", ""]) | st.text(max_size=10)
REQUESTS = st.fixed_dictionaries(
    {"id": JSON, "command": NAMES | JSON},
    optional={"payload": st.dictionaries(st.sampled_from(["minutes", "need", "caregiver", "action"]), JSON) | JSON,
              "source": JSON},
).map(lambda request: json.dumps(request).encode())  # fmt: skip
GARBAGE = st.binary(min_size=1, max_size=200).map(lambda data: b"x" + data.replace(b"\n", b" "))
DEEP = st.integers(1, 40_000).map(lambda depth: b"[" * depth)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(REQUESTS | GARBAGE | DEEP, min_size=1, max_size=40), cuts=st.integers(1, 4096))
def test_any_line_gets_one_reply_and_the_connection_stays(
    path: Path, control: Control, lines: list[bytes], cuts: int
) -> None:
    data = b"".join(line + b"\n" for line in lines)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        sender = threading.Thread(target=_send, args=(client, data, cuts))
        sender.start()
        replies = _replies(client, len(lines))
        sender.join()
        client.sendall(b'{"id": "still there", "command": "test"}\n')
        (last,) = _replies(client, 1)
    assert len(replies) == len(lines)
    assert all(reply["type"] == "reply" and (reply["ok"] or reply["error"]) for reply in replies)
    assert last == {"type": "reply", "id": "still there", "ok": True}


@given(st.binary(max_size=300))
def test_lines_do_not_depend_on_how_they_arrive(data: bytes) -> None:
    whole = list(Lines().push(data))
    lines = Lines()
    assert [line for byte in data for line in lines.push(bytes([byte]))] == whole


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert isinstance(read_request(b'{"id": 1, "command": "need", "payload": {"note": "\\ud800"}}'), Wrong)


def test_the_client_gives_up_on_a_monitor_that_does_not_answer(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        with ControlClient(path, timeout_s=0.05) as client, pytest.raises(ControlError, match="did not answer"):
            client.send("test")
        with ControlClient(path, timeout_s=0.05) as client, pytest.raises(ControlError, match="told no state"):
            client.state()


def test_no_handle_is_left_open(path: Path, clock: HandClock) -> None:
    def handles() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = handles()
    for _ in range(20):
        control = Control(path=path, parse=commands.parse, clock=clock)
        control.start(lambda item: True)
        with ControlClient(path) as client:
            client.send("test")
        control.close()
    assert handles() == before
