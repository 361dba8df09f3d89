"""The processes of a soak: a sound server, a broker with a phone on it, the monitor, the page and somebody who reads it."""

import contextlib
import http.cookiejar
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from device.control_client import ControlClient
from device.errors import ControlError, NurseryError

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("/", "/history", "/insights", "/day", "/health", "/api/v1/now", "/api/v1/insights")
PASSWORD = "soak-soak-soak"


class House:
    """A folder with everything in it, and the commands that run there; a context manager that ends whatever it began."""

    def __init__(self, folder: Path) -> None:
        """Choose free ports and make the folders."""
        self.folder = folder
        self.data = folder / "data"
        self.tmp = folder / "tmp"
        for made in (self.data, self.tmp):
            made.mkdir()
        self.control = self.data / "control.sock"
        self.mqtt_port, self.page_port = free_port(), free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> "House":
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End everything, the latest first."""
        self._stack.close()

    def settings(self) -> dict[str, str]:
        """What differs from the defaults."""
        return {
            "nursery.data_dir": str(self.data),
            "nursery.control_socket": str(self.control),
            "mqtt.host": "127.0.0.1",
            "mqtt.port": str(self.mqtt_port),
            "page.bind": "127.0.0.1",
            "page.port": str(self.page_port),
            "clips.keep": "true",
            "clips.max_mb": "5",
        }

    def options(self) -> list[str]:
        """The same as options of a command."""
        given = [word for name, value in self.settings().items() for word in ("--set", f"{name}={value}")]
        return ["--config", os.devnull, *given]

    def start(self, name: str, command: list[str], more: Mapping[str, str] | None = None) -> None:
        """Start a process whose output goes to NAME.log."""
        log = self._stack.enter_context((self.folder / f"{name}.log").open("wb"))
        path = os.pathsep.join([str(ROOT), str(ROOT / "scripts")])
        ours = {"PYTHONPATH": path, "TMPDIR": str(self.tmp), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **ours, **(more or {})}, cwd=ROOT
        )
        self.processes[name] = process
        self._stack.callback(_end, process)

    def broker(self) -> None:
        """A real mosquitto, and a phone that listens to everything."""
        if shutil.which("mosquitto") is None or shutil.which("mosquitto_sub") is None:
            raise NurseryError("mosquitto or mosquitto_sub is missing; install mosquitto and mosquitto-clients")
        settings = self.folder / "mosquitto.conf"
        settings.write_text(f"listener {self.mqtt_port} 127.0.0.1\nallow_anonymous true\nuser root\n")
        self.start("mosquitto", ["mosquitto", "-c", str(settings)])
        until(lambda: _answers(self.mqtt_port), 10.0, "mosquitto")
        phone = ["mosquitto_sub", "-p", str(self.mqtt_port), "-q", "1", "-v", "-t", "nursery/home/alert", "-t"]
        self.start("phone", [*phone, "nursery/home/event"])

    def page(self) -> None:
        """The page, with a known password."""
        command = [sys.executable, "-m", "device", "password", "--stdin", *self.options()]
        subprocess.run(command, input=PASSWORD.encode(), cwd=ROOT, check=True, capture_output=True)
        self.start("page", [sys.executable, "-m", "web", *self.options()])
        until(lambda: _answers(self.page_port), 30.0, "the page")

    def reader(self, pause_s: float) -> "Reader":
        """Somebody who reads the page all the time, with so long a pause between two looks."""
        return self._stack.enter_context(Reader(self.page_port, pause_s))

    def sink(self) -> None:
        """A sound server whose microphone hears what is played; sets the monitor's surroundings."""
        from tests.sound import sound_server

        (self.folder / "sound").mkdir()
        server = self._stack.enter_context(sound_server(self.folder / "sound"))
        server.plug()
        self._sound = server.environment

    def player(self, recording: Path) -> None:
        """Play a recording into it, over and over."""
        loop = 'while paplay "$0"; do :; done'
        self.start("player", ["bash", "-c", loop, str(recording)], self._sound)

    def monitor(self) -> None:
        """The monitor on that microphone."""
        self.start("monitor", [sys.executable, "-m", "device", "run", *self.options()], self._sound)

    def replaying(self, recording: Path) -> None:
        """The monitor on a recording that begins anew when it ends, as fast as it goes."""
        settings = json.dumps(self.settings())
        self.start("monitor", [sys.executable, "-m", "soaking.replaying", str(recording), settings])

    def listening(self) -> bool:
        """True if the monitor says that its microphone works."""
        with contextlib.suppress(ControlError), ControlClient(self.control) as client:
            return bool(client.state()["mic"] == "ok")
        return False

    def heard_s(self) -> float:
        """The monitor's own time: UTC seconds of its latest state."""
        with ControlClient(self.control, timeout_s=30.0) as client:
            return float(client.state()["at"]["utc"])

    def lines(self, name: str) -> list[str]:
        """What a process has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace").splitlines()


class Reader:
    """Reads every page in turn; counts answers and failures."""

    def __init__(self, port: int, pause_s: float) -> None:
        """Log in."""
        self._pause_s = pause_s
        self.answers = 0
        self.failures: list[str] = []
        self._base = f"http://127.0.0.1:{port}"
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        body = json.dumps({"password": PASSWORD}).encode()
        login = urllib.request.Request(self._base + "/api/v1/login", body, {"Content-Type": "application/json"})
        self._opener.open(login, timeout=30).close()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reader")

    def __enter__(self) -> "Reader":
        """Look at every page, so that what a page loads at its first look is not taken for growth; then begin."""
        for path in PAGES * 2:
            self._read(path)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        for turn in range(10**9):
            if self._closing.wait(self._pause_s):
                return
            self._read(PAGES[turn % len(PAGES)])

    def _read(self, path: str) -> None:
        try:
            with self._opener.open(self._base + path, timeout=30) as answer:
                answer.read()
            self.answers += 1
        except OSError as error:
            self.failures.append(f"{path}: {error}")


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Wait.

    Raises:
        NurseryError: it does not come true in time.
    """
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise NurseryError(f"{what} does not work after {timeout_s:g} s; look into the logs")
        time.sleep(0.1)


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def every(seconds: float, turns: int) -> Iterator[int]:
    """Count turns, one each so many seconds."""
    begin = time.monotonic()
    for turn in range(turns):
        time.sleep(max(0.0, begin + (turn + 1) * seconds - time.monotonic()))
        yield turn
