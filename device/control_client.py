"""The other end of the control socket: commands to the running monitor, and what it says. Standard library alone."""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from device.errors import CommandError, ControlError

MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class ControlClient:
    """A connection to the running monitor; a context manager."""

    def __init__(self, path: Path, *, timeout_s: float = 5.0) -> None:
        """Connect.

        Raises:
            ControlError: no monitor answers there.
        """
        self._path = path
        self._timeout_s = timeout_s
        self._rest = bytearray()
        self._number = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(str(path))
        except OSError as error:
            self._socket.close()
            raise ControlError(
                f"{path}: no monitor answers there ({error.strerror or error}); start it, or check nursery.control_socket"
            ) from error

    def __enter__(self) -> "ControlClient":
        """Give itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Disconnect."""
        self.close()

    def close(self) -> None:
        """Disconnect; calling it again does nothing."""
        self._socket.close()

    def send(self, command: str, payload: Mapping[str, object] | None = None, *, source: str = "command") -> None:
        """Send a command and wait until the monitor has taken it; messages that come before the reply are passed over.

        Raises:
            CommandError: the monitor says why it makes no sense.
            ControlError: the monitor does not answer in time, or is gone.
        """
        self._number += 1
        request = {"id": self._number, "command": command, "payload": dict(payload or {}), "source": source}
        try:
            self._socket.settimeout(self._timeout_s)
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise ControlError(f"{self._path}: the monitor is gone ({error.strerror or error})") from error
        for message in self.messages():
            if message.get("type") == "reply" and message.get("id") == self._number:
                if message.get("ok") is not True:
                    raise CommandError(str(message.get("error") or "The monitor refused it."))
                return
        raise ControlError(f"{self._path}: the monitor did not answer within {self._timeout_s:g} s; is it busy?")

    def state(self) -> dict[str, Any]:
        """The next state that the monitor tells, as `device.wire` encodes it.

        Raises:
            ControlError: none comes in time, or the monitor is gone.
        """
        for message in self.messages():
            if message.get("type") == "state":
                return dict(message["state"])
        raise ControlError(f"{self._path}: the monitor told no state within {self._timeout_s:g} s; is it busy?")

    def messages(self, timeout_s: float | None = None) -> Iterator[dict[str, Any]]:
        """Give messages as they come, until `timeout_s` (by default the connection's) has passed.

        Raises:
            ControlError: the monitor is gone, or what answers is no monitor.
        """
        until = time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s)
        while (line := self._line(until)) is not None:
            try:
                message = json.loads(line)
            except ValueError as error:
                raise ControlError(f"{self._path}: what answers there is no nursery monitor") from error
            if isinstance(message, dict):
                yield message

    def _line(self, until: float) -> bytes | None:
        while (end := self._rest.find(b"\n")) < 0:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return None
            try:
                self._socket.settimeout(left_s)
                data = self._socket.recv(65536)
            except TimeoutError:
                return None
            except OSError as error:
                raise ControlError(f"{self._path}: the monitor is gone ({error.strerror or error})") from error
            if not data or len(self._rest) > MAX_MESSAGE_BYTES:
                raise ControlError(f"{self._path}: the monitor has closed the connection")
            self._rest += data
        line = bytes(self._rest[:end])
        del self._rest[: end + 1]
        return line
