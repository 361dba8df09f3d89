"""What a machine does to the whole monitor, as a process: a slow card, no network, a clock that leaps, a halt, a dead page.

Nothing stands in for anything: strace delays the disk, a network namespace has no network, libfaketime moves the clock.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
import soundfile

from device.audio import RATE_HZ
from device.control_client import ControlClient
from device.errors import ControlError
from device.journal import JournalReader
from device.synthesis import cry, room_noise
from tests import sound
from tests.fakes_mqtt import PASSWORD, USER, Ear, Mosquitto, free_port, running, wait_for

ROOT = Path(__file__).parent.parent
pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("mosquitto") is None, reason="mosquitto is not installed"),
]
NOTICED_S = 10.0
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class Device:
    """A folder, the settings, and the monitor that runs with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.control = folder / "control.sock"
        self.settings: dict[str, object] = {
            "nursery.data_dir": str(folder / "data"), "nursery.control_socket": str(self.control),
            "episode.settle_after_s": 15,
        }  # fmt: skip

    def at(self, broker: Mosquitto) -> "Device":
        self.settings |= {
            "mqtt.host": "127.0.0.1", "mqtt.port": broker.port, "mqtt.user": USER, "mqtt.password": PASSWORD,
        }  # fmt: skip
        return self

    def record(self, *parts: np.ndarray[Any, np.dtype[np.float32]]) -> list[str]:
        """Options to replay these sounds, one after the other."""
        soundfile.write(self.folder / "night.wav", np.concatenate(parts), RATE_HZ)
        return ["--replay", str(self.folder / "night.wav")]

    @contextmanager
    def running(
        self, command: str, *options: str, before: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> Iterator["subprocess.Popen[bytes]"]:
        given = [word for name, value in self.settings.items() for word in ("--set", f"{name}={json.dumps(value)}")]
        whole = [*before, sys.executable, "-m", "device", command, "--config", os.devnull, *given, *options]
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                whole, cwd=ROOT, env={**os.environ, **(environment or {})}, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def state(self) -> dict[str, Any]:
        try:
            with ControlClient(self.control) as client:
                return client.state()
        except ControlError:
            return {"mic": "", "faults": [], "crying": False, "at": {"utc": 0.0, "synced": None}}

    def faults(self) -> set[str]:
        return {fault["code"] for fault in self.state()["faults"]}

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with running(Mosquitto(tmp_path)) as broker:
        yield broker


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def quiet(seconds: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(0.05 * room_noise(seconds, rng()), np.float32)


@pytest.mark.patient
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_card_that_takes_seconds_for_every_third_write(device: Device, broker: Mosquitto) -> None:
    night = device.at(broker).record(quiet(4), cry(20, 0.8, rng()), quiet(60))
    slow = ["strace", "-f", "-qq", "-e", "trace=fdatasync,fsync", "-e", "signal=none", "-o", os.devnull,
            "-e", "inject=fdatasync,fsync:delay_enter=3000000:when=3+3"]  # fmt: skip
    with Ear(broker.port) as ear, device.running("run", *night, before=slow):
        wait_for(lambda: ear.events("alerted"), 90.0, "the alert")
        assert ear.events("alerted")[0]["age_s"] < 15, "late, but told"
        wait_for(lambda: "disk_slow" in device.faults(), 30.0, "the slow card is said")
        wait_for(lambda: ear.events("ended"), 90.0, "the episode's end")
    assert "dropped" not in device.log(), "nothing goes unheard meanwhile"
    with JournalReader(device.folder / "data/journal.db") as reader:
        assert reader.count() == 1


@pytest.mark.patient
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root can take the network away")
def test_no_network_at_boot(device: Device) -> None:
    night = device.record(quiet(3), cry(15, 0.8, rng()), quiet(200))
    port = device.settings["broker.port"] = free_port()
    with device.running("run", *night, before=["unshare", "--net"]) as process:
        inside = ["nsenter", "--net", "-t", str(process.pid)]
        began = time.monotonic()
        wait_for(lambda: device.state()["mic"] == "ok", 30.0, "it listens without a network")
        assert time.monotonic() - began < 15
        wait_for(lambda: "broker_down" in device.faults(), NOTICED_S, "it says that nobody can be told")
        wait_for(lambda: device.state()["crying"], 30.0, "it hears")
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        wait_for(lambda: "broker_down" not in device.faults(), 60.0, "it mends itself when there is one")
        secrets = json.loads((device.folder / "data/credentials.json").read_text())
        login = ["-p", str(port), "-u", secrets["mqtt_user"], "-P", secrets["mqtt_password"]]

        def status() -> str:
            command = [*inside, "mosquitto_sub", *login, "-t", "nursery/home/status", "-C", "1", "-W", "10"]
            return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout.strip()

        # the will of a connection that was lost may come first: the monitor contradicts it
        wait_for(lambda: status() == "online", 30.0, "everybody can see that it is there")
    with JournalReader(device.folder / "data/journal.db") as reader:
        (one,) = reader.episodes()
        assert one.alerts, "heard, stored, and told late"


@pytest.mark.patient
@pytest.mark.skipif(os.geteuid() != 0 or FAKETIME is None, reason="needs root, and libfaketime (apt install faketime)")
@pytest.mark.skipif(not sound.AVAILABLE, reason="PulseAudio is not installed")
def test_a_leap_from_1970_in_the_middle_of_an_episode(device: Device, broker: Mosquitto) -> None:
    """As on a Pi without a battery clock: systemd-timesyncd is there, and marks the clock when it is right."""
    device.at(broker)
    moment = device.folder / "moment"
    moment.write_text("@1970-01-01 00:05:00\n")
    leap = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(moment), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}  # fmt: skip
    unsynced = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs none /run/systemd && mkdir /run/systemd/timesync && exec "$@"',
        "-",
    ]
    Path("/run/systemd").mkdir(exist_ok=True)
    home = device.folder / "sound"
    home.mkdir()
    with sound.sound_server(home) as server, Ear(broker.port) as ear:
        server.plug()
        server.play(quiet(300), RATE_HZ)
        with device.running("run", before=unsynced, environment={**server.environment, **leap}) as process:
            wait_for(lambda: device.state()["mic"] == "ok", 40.0, "it listens in 1970")
            assert device.state()["at"]["utc"] < 86_400 and device.state()["at"]["synced"] is False
            wait_for(lambda: "clock_unsynced" in device.faults(), 60.0, "it says that its clock is not right yet")
            server.play(cry(25, 0.8, rng()), RATE_HZ)
            wait_for(lambda: ear.on("alert"), 30.0, "the alert")
            moment.write_text("+0\n")
            Path(f"/proc/{process.pid}/root/run/systemd/timesync/synchronized").touch()
            wait_for(lambda: device.state()["at"]["utc"] > 1.7e9, NOTICED_S, "the leap")
            wait_for(lambda: ear.events("ended"), 90.0, "the episode's end")
            wait_for(lambda: "clock_unsynced" not in device.faults(), 60.0, "the clock is right")
    with JournalReader(device.folder / "data/journal.db") as reader:
        (one,) = reader.episodes()
        assert one.offset_s is not None and 15 < one.offset_s < 60, "durations know nothing of the leap"
        assert one.alert_s is not None and one.alert_s < 15
        assert abs(one.onset.utc - time.time()) < 600, "in 1970 by the clock of then, today by the clock of now"


@pytest.mark.patient
@pytest.mark.skipif(not sound.AVAILABLE, reason="PulseAudio is not installed")
def test_a_processor_that_stands_still_for_a_while(device: Device, broker: Mosquitto) -> None:
    device.at(broker)
    home = device.folder / "sound"
    home.mkdir()
    with sound.sound_server(home) as server, Ear(broker.port) as ear:
        server.plug()
        server.play(quiet(120), RATE_HZ)
        with device.running("run", environment=server.environment) as process:
            wait_for(lambda: device.state()["mic"] == "ok", 30.0, "it listens")
            wait_for(lambda: device.state().get("last_block"), 10.0, "sound")
            threading.Event().wait(2.0)
            process.send_signal(signal.SIGSTOP)
            threading.Event().wait(25.0)
            process.send_signal(signal.SIGCONT)
            told = {"cpu_slow", "audio_overflow"}
            wait_for(lambda: told & device.faults() or ear.events("mic_lost"), NOTICED_S, "the loss is said")
            wait_for(lambda: device.state()["mic"] == "ok", NOTICED_S, "it listens on")
    with JournalReader(device.folder / "data/journal.db") as reader:
        spans = reader.coverage(time.time() - 60, time.time())
        assert any(span.kind != "listening" for span in spans), "the gap is no quiet night"


def test_a_page_that_is_killed_comes_back(device: Device) -> None:
    night = device.record(quiet(120))
    device.settings |= {"broker.port": free_port(), "page.port": free_port(), "page.bind": "127.0.0.1"}

    def pages() -> list[int]:
        found = subprocess.run(
            ["pgrep", "-f", "--", f"-m web .*{device.folder}"], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in found.stdout.split()]

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{device.settings['page.port']}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    with device.running("up", *night):
        wait_for(answers, 60.0, "the page")
        (first,) = pages()
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: pages() not in ([], [first]), NOTICED_S, "a new page")
        wait_for(answers, 30.0, "the page answers again")
        assert device.state()["mic"] == "ok", "the monitor has listened all the time"
