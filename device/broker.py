"""The embedded broker, for a house that has none: kept running as a process of its own.

It is a process so that nothing a stranger does to an open port can touch the listening, and so that its memory and its
crashes are its own. It ends when the monitor does, however the monitor ends: its standard input is then closed.
"""

import json
import logging
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO

from device.address import Address
from device.broker_door import MONITOR
from device.errors import BrokerError
from device.settings import BrokerSettings

log = logging.getLogger(__name__)

START_S = 30.0
"""A Pi Zero that has just booted needs many seconds to load it."""


class Broker:
    """Serves phones on `settings.bind:port` with one login; the monitor itself comes in by a private socket."""

    def __init__(
        self, settings: BrokerSettings, *, user: str, password: str, alert: str = "", restart_s: float = 2.0
    ) -> None:
        """Start nothing yet. `alert` is the topic whose listeners count; `restart_s` the wait before a new start."""
        if not user or not password:
            raise BrokerError("The broker needs a user and a password; delete credentials.json to have new ones made.")
        self._settings = settings
        self._login = (user, password)
        self._monitor_password = secrets.token_urlsafe(24)
        self._restart_s = restart_s
        self._alert = alert
        self._listeners: int | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._trouble = ""
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="broker", daemon=True)

    def start(self, *, needed: bool = True) -> None:
        """Start it and wait until phones can connect; if it is not `needed`, a failure is logged and tried again.

        Raises:
            BrokerError: it is needed and cannot serve, for instance because the port is in use.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="nursery-")
        try:
            self._process = self._launch()
        except BrokerError as error:
            if needed:
                self._folder.cleanup()
                raise
            self._say(error)
        self._keeper.start()

    def address(self) -> Address:
        """Where the monitor finds it.

        Raises:
            BrokerError: it does not run at present.
        """
        if self._trouble:
            raise BrokerError(self._trouble)
        return Address(user=MONITOR, password=self._monitor_password, socket=self._socket())

    def close(self) -> None:
        """Stop it; calling it again does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        process = self._process
        if process is not None:
            _end(process)
        if self._keeper.is_alive():
            self._keeper.join(5.0)
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def listeners(self) -> int | None:
        """How many clients would hear an alert now; None while that is not known."""
        return self._listeners

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def _socket(self) -> str:
        assert self._folder is not None
        return str(Path(self._folder.name) / "broker.sock")

    def _launch(self) -> subprocess.Popen[str]:
        settings, (user, password) = self._settings, self._login
        order = {
            "bind": settings.bind,
            "port": settings.port,
            "tls_cert": settings.tls_cert,
            "tls_key": settings.tls_key,
            "socket": self._socket(),
            "user": user,
            "password": password,
            "monitor_password": self._monitor_password,
            "alert": self._alert,
        }
        here = str(Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
        process = subprocess.Popen(
            [sys.executable, "-m", "device.broker_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        too_slow = threading.Timer(START_S, process.kill)
        too_slow.start()
        try:
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline().strip()
        except OSError:
            answer = ""
        finally:
            too_slow.cancel()
        if answer == "ready":
            return process
        _end(process)
        raise BrokerError(_sentence(answer, settings))

    def _keep(self) -> None:
        while not self._closing.is_set():
            process = self._process
            if process is not None:
                self._follow(process)
            if self._closing.wait(self._restart_s):
                return
            if process is not None:
                _end(process)
                log.warning("the broker ended with status %s and is started again", process.returncode)
                self._process = None
            try:
                self._process = self._launch()
                self._trouble = ""
            except BrokerError as error:
                self._say(error)
            if self._closing.is_set() and self._process is not None:
                _end(self._process)

    def _follow(self, process: subprocess.Popen[str]) -> None:
        """Take what it says until it ends."""
        assert process.stdout is not None
        try:
            for line in process.stdout:
                kind, _, number = line.partition(" ")
                if kind == "listeners" and number.strip().isdigit():
                    self._listeners = int(number)
        except (OSError, ValueError):
            log.debug("the broker's pipe was closed while it was read")
        process.wait()
        self._listeners = None

    def _say(self, error: BrokerError) -> None:
        if str(error) != self._trouble:
            log.error("%s", error)
        self._trouble = str(error)


def _end(process: subprocess.Popen[str]) -> None:
    """End it: it stops when its standard input does. What is read of it elsewhere ends first, then its output is closed."""
    _close(process.stdin)
    try:
        process.wait(3.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _close(process.stdout)


def _close(pipe: IO[str] | None) -> None:
    if pipe is not None:
        try:
            pipe.close()
        except OSError:
            log.debug("the broker's pipe was closed already")


def _sentence(answer: str, settings: BrokerSettings) -> str:
    kind, _, rest = answer.partition(" ")
    number, _, text = rest.partition(" ")
    place = f"{settings.bind}:{settings.port}"
    if kind != "error":
        return f"The broker for {place} could not be started; the log tells why."
    if number == "98":
        return (
            f"Port {settings.port} is in use by another program; set broker.port, or mqtt.host if that is your own broker."
        )
    if number == "13":
        return f"Port {settings.port} is reserved; set broker.port to 1024 or more."
    if settings.tls_cert and number in ("2", "0"):
        return f"The broker's certificate cannot be used ({text}); check broker.tls_cert and broker.tls_key."
    return f"The broker cannot listen on {place} ({text}); check broker.bind and broker.port."
