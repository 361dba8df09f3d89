"""A client's lines on the control socket, whatever they hold: every line becomes a request or the reason why not."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MAX_LINE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A command as a client sent it; `id` comes back with the reply."""

    id: str | int | None
    command: str
    payload: Mapping[str, object]
    source: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that is no request, and why."""

    id: str | int | None
    error: str


class Lines:
    """Cuts a byte stream into lines; one that is too long comes as None, and what follows it is read again."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rest = bytearray()
        self._skipping = False

    def push(self, data: bytes) -> Iterator[bytes | None]:
        """Take bytes, give the lines that are whole; blank ones are left out."""
        self._rest += data
        while (end := self._rest.find(b"\n")) >= 0:
            line = bytes(self._rest[:end])
            del self._rest[: end + 1]
            if self._skipping:
                self._skipping = False
            elif len(line) > MAX_LINE_BYTES:
                yield None
            elif line.strip():
                yield line
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest.clear()
            if not self._skipping:
                self._skipping = True
                yield None


def read_request(line: bytes | None) -> Request | Wrong:
    """Understand a line; None stands for one that was too long. Never raises."""
    if line is None:
        return Wrong(None, f"The line is longer than {MAX_LINE_BYTES} bytes; send less.")
    try:
        data = json.loads(line.decode())
        # Half a surrogate pair is no text: it could neither be stored nor shown.
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return Wrong(None, 'The line is not JSON; send {"id": 1, "command": "acknowledge", "payload": {}}.')
    if not isinstance(data, dict):
        return Wrong(None, "The line is no JSON object.")
    given = data.get("id")
    ident = given if isinstance(given, str | int) and not isinstance(given, bool) and len(str(given)) <= 64 else None
    command, payload, source = data.get("command"), data.get("payload", {}), data.get("source", "command")
    if not isinstance(command, str):
        return Wrong(ident, "command: must be text, e.g. acknowledge.")
    if not isinstance(payload, dict):
        return Wrong(ident, "payload: must be an object, e.g. {}.")
    if not isinstance(source, str):
        return Wrong(ident, "source: must be page or command.")
    return Request(ident, command, payload, source)
