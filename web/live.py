"""The page's ear on the monitor: follows its control socket, and comes back by itself when that breaks."""

import json
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device.clock import Clock
from device.errors import N_, CommandError, ControlError
from device.sinks import MonitorState
from device.wire import decode_state

log = logging.getLogger(__name__)

STALE_S = 4.0
"""The monitor speaks at least once a second; after this long without a word, what it said may be old."""

RETRY_S = 1.0
ANSWER_S = 5.0
SETTLE_S = 0.6
LONGEST_LINE = 1 << 20


@dataclass(frozen=True, slots=True)
class Live:
    """What is known of the monitor: its last state, whether it still answers, how old the state is (s).

    `turn` counts states and `changes` counts events, so that a reader can tell news from repetition.
    """

    state: MonitorState | None = None
    reachable: bool = False
    age_s: float = 0.0
    turn: int = 0
    changes: int = 0


class LiveMonitor:
    """Follows the monitor on a thread of its own; asked from any thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Connect to the socket at `path` once started."""
        self._path = path
        self._clock = clock
        self._news = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._state: MonitorState | None = None
        self._heard: float | None = None
        self._turn = 0
        self._changes = 0

    def start(self) -> None:
        """Begin to follow; calling it again does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="live", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop; calling it again does nothing."""
        self._closing.set()
        with self._news:
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join(STALE_S + RETRY_S)

    @property
    def closing(self) -> bool:
        """True once it has been told to stop."""
        return self._closing.is_set()

    def now(self) -> Live:
        """What is known at this moment."""
        with self._news:
            age = 0.0 if self._heard is None else self._clock.now().monotonic - self._heard
            reachable = self._heard is not None and age <= STALE_S
            return Live(self._state, reachable, age, self._turn, self._changes)

    def wait(self, turn: int, timeout_s: float) -> Live:
        """Wait for a state newer than `turn`, at most `timeout_s`; then say what is known."""
        with self._news:
            self._news.wait_for(lambda: self._turn != turn or self._closing.is_set(), timeout_s)
        return self.now()

    def ask(self, command: str, payload: Mapping[str, object]) -> dict[str, Any]:
        """As `send`; then wait a moment for what it changes, so that the next page shows it."""
        before = self.now().changes
        reply = self.send(command, payload)
        with self._news:
            self._news.wait_for(lambda: self._changes != before or self._closing.is_set(), SETTLE_S)
        return reply

    def send(self, command: str, payload: Mapping[str, object], *, source: str = "page") -> dict[str, Any]:
        """Ask the monitor for something and give its reply; `source` is page or push.

        Raises:
            CommandError: it refused, with its sentence.
            ControlError: it does not answer.
        """
        message = {"id": 1, "command": command, "payload": dict(payload), "source": source}
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(ANSWER_S)
                connection.connect(str(self._path))
                connection.sendall(json.dumps(message).encode() + b"\n")
                reply = self._reply(connection)
        except (OSError, ValueError) as error:
            raise ControlError(f"the monitor does not answer on {self._path} ({error}); is it running?") from error
        if not reply.get("ok"):
            raise _refusal(reply)
        return reply

    def _reply(self, connection: socket.socket) -> dict[str, Any]:
        until = self._clock.now().monotonic + ANSWER_S
        for line in _lines(connection):
            message = _message(line)
            if message.get("type") == "reply" and message.get("id") == 1:
                return dict(message)
            if self._clock.now().monotonic > until:
                break
        raise ControlError(f"the monitor on {self._path} gave no reply within {ANSWER_S:g} s; try once more")

    def _follow(self) -> None:
        while not self._closing.is_set():
            try:
                with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                    connection.settimeout(STALE_S)
                    connection.connect(str(self._path))
                    with self._news:
                        self._changes += 1  # nobody knows what has happened meanwhile
                    for line in _lines(connection):
                        self._take(_message(line))
                        if self._closing.is_set():
                            return
            except (OSError, ValueError) as error:
                log.debug("the monitor on %s does not answer: %s", self._path, error)
            self._closing.wait(RETRY_S)

    def _take(self, message: Mapping[str, Any]) -> None:
        kind = message.get("type")
        if kind not in ("state", "event"):
            return
        state = decode_state(message.get("state") or {}) if kind == "state" else None
        with self._news:
            if state is None:
                self._changes += 1
            else:
                self._state = state
                self._heard = self._clock.now().monotonic
            self._turn += 1
            self._news.notify_all()


def _refusal(reply: Mapping[str, Any]) -> CommandError:
    """The monitor's own error, with its holes and what fills them, so that it can be said in any language."""
    values = reply.get("values")
    try:
        return CommandError(str(reply["message"]), **(values if isinstance(values, dict) else {}))
    except (KeyError, ValueError, TypeError):
        return CommandError(str(reply.get("error") or N_("The monitor refused it.")))


def _message(line: bytes) -> dict[str, Any]:
    """Read a line; ValueError if it is no object."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError("what answers there is no nursery monitor")
    return message


def _lines(connection: socket.socket) -> Iterator[bytes]:
    """Lines as they come; ends when the other side closes.

    Raises:
        ValueError: a line longer than any that the monitor writes.
    """
    rest = b""
    while chunk := connection.recv(65536):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if len(rest) > LONGEST_LINE:
            raise ValueError("the monitor's line does not end")
