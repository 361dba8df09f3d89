"""`nursery-monitor up` and `run`: everything started in order, said in a few lines, and stopped in reverse."""

import contextlib
import dataclasses
import ipaddress
import logging
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from device import credentials
from device.app import App, build
from device.clock import SystemClock
from device.config import Loaded, data_dir, toml
from device.errors import NurseryError, SoundSystemStuckError
from device.revival import begin_anew
from device.settings import Config, sections
from device.wavfile import ReplayClock, WavFile

log = logging.getLogger(__name__)

PAGE_RESTART_S = 2.0

FRUGAL = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""The page's sums are small: more threads would only take memory."""


def run(loaded: Loaded, *, replay: Path | None, speed: float) -> int:
    """The monitor alone, until a signal; gives the exit status."""
    with _anew(), _built(loaded.config, replay=replay, speed=speed, demo=False, broker_needed=False) as app:
        app.run()
    return 0


@contextlib.contextmanager
def _anew() -> Iterator[None]:
    """Begin anew, once everything is closed, where only a new process helps."""
    try:
        yield
    except SoundSystemStuckError as error:
        log.error("%s; starting anew", error)
        begin_anew()


def up(loaded: Loaded, *, replay: Path | None, speed: float, demo: bool, page: bool) -> int:
    """Broker, monitor and page, until a signal; gives the exit status.

    Raises:
        NurseryError: something needed cannot be started, such as a port that is in use.
    """
    with _anew(), contextlib.ExitStack() as stack:
        config = loaded.config
        if demo:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nursery-demo-")))
            nursery = dataclasses.replace(config.nursery, data_dir=str(folder), control_socket=str(folder / "control.sock"))
            if not nursery.caregivers:
                nursery = dataclasses.replace(nursery, caregivers=("Ana", "Ben"))
            config = dataclasses.replace(config, nursery=nursery)
            from device.demo import prepare

            replay = replay or prepare(folder, SystemClock().now()).recording
        if page:
            _free(config.page.bind, config.page.port, "page.port")
        _, password = credentials.load_or_create(data_dir(config))
        app = stack.enter_context(_built(config, replay=replay, speed=speed, demo=demo, broker_needed=True))
        if page:
            stack.enter_context(_page(config))
        print(login(config, password=password, page=page), flush=True)
        app.run()
    return 0


@contextlib.contextmanager
def _built(config: Config, *, replay: Path | None, speed: float, demo: bool, broker_needed: bool) -> Iterator[App]:
    clock: SystemClock | ReplayClock = SystemClock()
    source = None
    if replay is not None:
        clock = ReplayClock(clock.now(), speed, boot_id=f"replay-{os.getpid()}")
        source = WavFile(replay, clock, speed=speed, loop=demo and math.isfinite(speed))
    with build(config, clock=clock, source=source, broker_needed=broker_needed, demo=demo) as app:
        _on_signals(app)
        yield app


def _on_signals(app: App) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        app.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _free(bind: str, port: int, name: str) -> None:
    """Find out before anything is started whether a port is free."""
    with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            raise NurseryError(
                f"{name} = {port}: cannot be used on {bind} ({error.strerror}); stop what uses it, or set another {name}"
            ) from error


@contextlib.contextmanager
def _page(config: Config) -> Iterator[None]:
    """The page as a process of its own, started again when it ends; it gets exactly the settings in force here."""
    stopping = threading.Event()
    processes: list[subprocess.Popen[bytes]] = []

    def keep() -> None:
        while not stopping.is_set():
            command = [sys.executable, "-m", "web", "--end-with-stdin", *_settings(config)]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, **FRUGAL})
            processes[:] = [process]
            status = process.wait()
            if not stopping.is_set():
                log.warning("the page ended with status %d; starting it again", status)
                stopping.wait(PAGE_RESTART_S)

    thread = threading.Thread(target=keep, name="page", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        for process in processes:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
            if process.stdin is not None:
                process.stdin.close()
        thread.join(timeout=5)


def _settings(config: Config) -> list[str]:
    """The settings that are not defaults, as options; secrets never, since every user of the machine sees a command line."""
    options = ["--config", os.devnull]
    defaults = Config()
    for table, keys in sections().items():
        for key, item in keys.items():
            value = getattr(getattr(config, table), key)
            if value != getattr(getattr(defaults, table), key) and not item.metadata["secret"]:
                options += ["--set", f"{table}.{key}={toml(value)}"]
    return options


def login(config: Config, *, password: str | None = None, page: bool = True) -> str:
    """Where the page is and how a phone's MQTT app connects, for the terminal."""
    secrets, made = credentials.load_or_create(data_dir(config))
    password = password or made
    host = _address()
    lines = []
    if page:
        scheme = "https" if config.page.tls_cert else "http"
        lines.append(f"Page:  {scheme}://{host}:{config.page.port}/")
        lines.append(
            f"       password {password}  (shown only this once; `nursery-monitor password` makes a new one)"
            if password
            else "       log in with the page's password; `nursery-monitor password` makes a new one"
        )
    if config.mqtt.host:
        lines.append(f"MQTT:  your broker {config.mqtt.host}:{config.mqtt.port}, topic nursery/{config.nursery.id}/alert")
    else:
        tls = "with TLS, " if config.broker.tls_cert else ""
        lines.append(
            f"MQTT:  host {host}, port {config.broker.port}, {tls}user {secrets.mqtt_user}, password {secrets.mqtt_password}"
        )
        lines.append(f"       subscribe to nursery/{config.nursery.id}/alert")
    return "\n".join(lines)


def _address() -> str:
    """This machine's address in the house, as a phone reaches it."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # a documentation address: only the route is looked up, nothing is sent
        address = str(probe.getsockname()[0])
        if not ipaddress.ip_address(address).is_loopback:
            return address
    return socket.gethostname()
