"""The local control socket: state and events out, commands in, as JSON lines; it works while the broker is down."""

import contextlib
import json
import logging
import selectors
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from device.clock import Clock, Instant
from device.control_line import Lines, Request, Wrong, read_request
from device.errors import N_, CommandError, NurseryError
from device.events import Event
from device.inputs import Command
from device.sinks import MonitorState
from device.unix_socket import listen
from device.vocabulary import Source
from device.wire import encode_event, encode_state

log = logging.getLogger(__name__)

MAX_WAITING_BYTES = 1024 * 1024
"""A client that has not fetched so much is dropped: it must never hold up the monitor."""

MAX_CLIENTS = 32
SOURCES = {"page": Source.PAGE, "command": Source.COMMAND, "push": Source.PUSH}

Parse = Callable[[str, Mapping[str, object], Instant, Source], Command]
Put = Callable[[object], object]


class _Client:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.lines = Lines()
        self.waiting = bytearray()
        self.gone = False


class Control:
    """Serves the socket from one thread of its own; `handle` and `update` come from the monitor's and never wait."""

    def __init__(self, *, path: Path, parse: Parse, clock: Clock) -> None:
        """Take the socket's path and the one function that understands commands."""
        self._path = path
        self._parse = parse
        self._clock = clock
        self._put: Put = lambda item: False
        self._state: MonitorState | None = None
        self._clients: dict[int, _Client] = {}
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._inode = 0

    def start(self, put: Put) -> None:
        """Begin to serve; what a command means goes to `put`: False says that there is no room, a `NurseryError` why not.

        Raises:
            ControlError: the socket cannot be made, or another monitor serves it.
        """
        self._put = put
        self._listener = listener = listen(self._path)
        self._inode = self._path.stat().st_ino
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)
        self._thread.start()

    def handle(self, event: Event) -> None:
        """Tell every client of an event."""
        self._tell(lambda: {"type": "event", "event": encode_event(event)})

    def update(self, state: MonitorState) -> None:
        """Tell every client the present state."""
        self._state = state
        self._tell(lambda: {"type": "state", "state": encode_state(state)})

    def close(self) -> None:
        """Drop the clients and take the socket away."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._wake()
        if self._thread is not None:
            self._thread.join(timeout=5)
        for client in list(self._clients.values()):
            self._drop(client)
        if self._listener is not None:
            self._listener.close()
            with contextlib.suppress(OSError):
                # Another monitor may have taken the path over since.
                if self._path.stat().st_ino == self._inode:
                    self._path.unlink()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    # ---- the monitor's thread ----

    def _tell(self, message: Callable[[], Mapping[str, object]]) -> None:
        with self._lock:
            if not self._clients:
                return
            line = _encode(message())
            for client in self._clients.values():
                self._queue(client, line)
        self._wake()

    def _wake(self) -> None:
        # A full pipe means that a wake-up is under way already.
        with contextlib.suppress(OSError):
            self._wake_out.send(b"!")

    def _queue(self, client: _Client, line: bytes) -> None:
        if len(client.waiting) + len(line) > MAX_WAITING_BYTES:
            client.gone = True
        else:
            client.waiting += line

    # ---- the thread of the socket ----

    def _run(self) -> None:
        while not self._stopping.is_set():
            for key, mask in self._selector.select():
                try:
                    self._ready(key.fileobj, mask)
                except Exception:
                    log.exception("the control socket could not serve a client")
            self._look_after_clients()

    def _ready(self, ready: object, mask: int) -> None:
        if ready is self._wake_in:
            self._wake_in.recv(4096)
        elif ready is self._listener:
            self._accept()
        elif isinstance(ready, socket.socket) and ready.fileno() in self._clients:
            client = self._clients[ready.fileno()]
            if mask & selectors.EVENT_READ:
                self._read(client)
            if mask & selectors.EVENT_WRITE:
                self._write(client)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            log.warning("a client of the control socket could not be let in: %s", error)
            # Out of file handles, the client stays at the door: do not spin.
            self._stopping.wait(1.0)
            return
        if len(self._clients) >= MAX_CLIENTS:
            connection.close()
            return
        connection.setblocking(False)
        client = _Client(connection)
        with self._lock:
            self._clients[connection.fileno()] = client
            if self._state is not None:
                self._queue(client, _encode({"type": "state", "state": encode_state(self._state)}))
        self._selector.register(connection, selectors.EVENT_READ)

    def _read(self, client: _Client) -> None:
        try:
            data = client.connection.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            client.gone = True
            return
        for line in client.lines.push(data):
            reply = _encode({"type": "reply", **self._answer(line)})
            with self._lock:
                self._queue(client, reply)

    def _answer(self, line: bytes | None) -> dict[str, object]:
        request = read_request(line)
        if isinstance(request, Wrong):
            return {"id": request.id, "ok": False, "error": request.error}
        try:
            taken = self._put(self._command(request))
        except NurseryError as error:
            values = {key: value if isinstance(value, int) else str(value) for key, value in error.values.items()}
            return {"id": request.id, "ok": False, "error": str(error), "message": error.message, "values": values}
        if taken is False:
            busy = N_("The monitor is too busy just now; try again in a moment.")
            return {"id": request.id, "ok": False, "error": busy, "message": busy}
        return {"id": request.id, "ok": True}

    def _command(self, request: Request) -> Command:
        source = SOURCES.get(request.source)
        if source is None:
            raise CommandError("source = %(value)r: must be page, push or command", value=request.source[:40])
        return self._parse(request.command, request.payload, self._clock.now(), source)

    def _write(self, client: _Client) -> None:
        with self._lock:
            try:
                sent = client.connection.send(client.waiting)
                del client.waiting[:sent]
            except BlockingIOError:
                pass
            except OSError:
                client.gone = True

    def _look_after_clients(self) -> None:
        for client in list(self._clients.values()):
            if client.gone:
                self._drop(client)
            else:
                want = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.waiting else 0)
                self._selector.modify(client.connection, want)

    def _drop(self, client: _Client) -> None:
        with self._lock:
            self._clients.pop(client.connection.fileno(), None)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client.connection)
        client.connection.close()


def _encode(message: Mapping[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"
