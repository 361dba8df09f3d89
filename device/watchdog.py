"""What systemd is told: ready, alive, stopping. Alive means that sound was heard and scored, never that a timer ran."""

import os
import socket
from collections.abc import Mapping

from device.clock import Clock, Instant
from device.events import Event
from device.sinks import MonitorState
from device.vocabulary import Mic


class Watchdog:
    """Speaks sd_notify's protocol (man 3 sd_notify) with the service manager; without one, does nothing.

    It has no thread: whoever computes scores calls `alive`, and if that stops, systemd restarts the monitor.
    As an EventSink it tells systemd in a sentence what the monitor is doing.
    """

    def __init__(self, *, clock: Clock, environment: Mapping[str, str] | None = None) -> None:
        """Read NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment (by default the process's own)."""
        env = os.environ if environment is None else environment
        address = env.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of Linux's abstract socket names.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        if self._socket is not None:
            self._socket.setblocking(False)
        ours = env.get("WATCHDOG_PID", "") in ("", str(os.getpid()))
        micros = env.get("WATCHDOG_USEC", "0")
        self._every_s = int(micros) / 3e6 if ours and micros.isascii() and micros.isdigit() else 0.0
        self._clock = clock
        self._pinged: Instant | None = None
        self._status = ""

    @property
    def every_s(self) -> float:
        """The shortest time between two pings, a third of what systemd allows; 0 if it watches nothing."""
        return self._every_s

    def ready(self) -> None:
        """Start-up is done."""
        self._send("READY=1")

    def alive(self, at: Instant) -> None:
        """A score was computed, or a lost microphone was dealt with; `at` is the sound's time and is not needed."""
        now = self._clock.now()
        if self._every_s and (self._pinged is None or now.since(self._pinged) >= self._every_s) and self._send("WATCHDOG=1"):
            self._pinged = now

    def status(self, text: str) -> None:
        """Say in a sentence what goes on; `systemctl status` shows it."""
        if text != self._status:
            self._status = text
            self._send("STATUS=" + " ".join(text.split()))

    def stopping(self) -> None:
        """Shut-down has begun."""
        self._send("STOPPING=1")

    def handle(self, event: Event) -> None:
        """Events are no news to systemd."""

    def update(self, state: MonitorState) -> None:
        """Say what the monitor is doing."""
        if state.mic is not Mic.OK:
            text = state.mic_text or "The microphone is lost."
        elif state.crying:
            text = "The baby is crying."
        else:
            text = f"Listening to {state.device or state.source}."
        if state.faults:
            text += " Faults: " + ", ".join(fault.code for fault in state.faults) + "."
        self.status(text)

    def close(self) -> None:
        """Say that it stops, once."""
        if self._socket is not None:
            self.stopping()
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> bool:
        if self._socket is None:
            return False
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError:
            # systemd that is busy or gone is no reason to stop listening; the next message tries again.
            return False
        return True
