"""Everything in one go, as a user starts it: broker, monitor and page as real processes, watched by a real mosquitto_sub."""

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device.audio import RATE_HZ
from device.control_client import ControlClient
from device.errors import CommandError
from device.journal import JournalReader
from device.synthesis import cry, room_noise
from device.vocabulary import Outcome, Source

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="needs mosquitto-clients"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """A running command whose output is kept, line by line."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def wait_for(self, pattern: str, timeout_s: float = 60.0) -> re.Match[str]:
        """The first line that matches; fails if the program ends or the time is over before."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                for line in self.lines:
                    if match := re.search(pattern, line):
                        return match
                left_s = deadline - time.monotonic()
                if left_s <= 0 or not self._thread.is_alive():
                    raise AssertionError(f"{pattern!r} not found in:\n" + "\n".join(self.lines))
                self._news.wait(left_s)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(30)
        self._thread.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


class House:
    """One house: ports, data folder and what options that needs."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.broker_port, self.page_port = free_port(), free_port()
        self.options = [
            "--config", "/dev/null",
            "--set", f"nursery.data_dir={self.data}",
            "--set", f"broker.port={self.broker_port}", "--set", "broker.bind=127.0.0.1",
            "--set", f"page.port={self.page_port}", "--set", "page.bind=127.0.0.1",
            "--set", "episode.settle_after_s=10",
        ]  # fmt: skip

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "device", words[0], *self.options, *words[1:]]

    def say(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False, timeout=60)

    def login(self) -> list[str]:
        secrets = json.loads((self.data / "credentials.json").read_text())
        return ["-h", "127.0.0.1", "-p", str(self.broker_port), "-u", secrets["mqtt_user"], "-P", secrets["mqtt_password"]]

    def listen(self) -> Program:
        return Program("mosquitto_sub", *self.login(), "-q", "1", "-v", "-t", "nursery/home/#")

    def publish(self, topic: str, payload: str, *more: str) -> None:
        subprocess.run(
            ["mosquitto_pub", *self.login(), "-q", "1", "-t", f"nursery/home/{topic}", "-m", payload, *more],
            check=True,
            timeout=30,
        )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def night(tmp_path: Path) -> Path:
    rng = np.random.default_rng(11)
    sound = np.concatenate([room_noise(24, rng), cry(30, 0.7, rng), room_noise(60, rng)])
    path = tmp_path / "night.wav"
    soundfile.write(path, sound, RATE_HZ)
    return path


@pytest.fixture
def running(house: House, night: Path) -> Iterator[Program]:
    program = Program(*house.command("up", "--replay", str(night), "--speed", "2"))
    try:
        program.wait_for(r"^MQTT:")
        yield program
    finally:
        program.end(signal.SIGKILL)


@pytest.mark.patient
def test_a_cry_becomes_an_alert_an_answer_and_a_page(house: House, running: Program) -> None:
    password = running.wait_for(r"password ([a-z0-9-]+)  \(shown only this once").group(1)
    phone = house.listen()
    try:
        assert phone.wait_for(r"/status (\w+)").group(1) == "online"
        phone.wait_for(r"/mic ok")
        phone.wait_for(r"/cry ON")
        started = json.loads(phone.wait_for(r'/event (\{.*"event_type":"started".*)').group(1))
        assert phone.wait_for(r"/alert (.+)").group(1)
        said = house.say("acknowledge", "Ana")
        assert (said.returncode, said.stderr) == (0, "")
        acknowledged = json.loads(phone.wait_for(r'/event (\{.*"event_type":"acknowledged".*)').group(1))
        assert acknowledged["episode"]["id"] == started["episode"]["id"]
        house.publish("cmd/arrived", "Ana")
        phone.wait_for(r'/event (\{.*"event_type":"responded".*)')
        phone.wait_for(r"/cry OFF")
        phone.wait_for(r'/event (\{.*"event_type":"ended".*)')
        house.publish("cmd/need", json.dumps({"need": "hunger", "helped": ["feed"]}))
        phone.wait_for(r'/event (\{.*"event_type":"tagged".*)')
    finally:
        phone.end()
    with JournalReader(house.data / "journal.db") as reader:
        (episode,) = reader.episodes()
    assert episode.outcome is Outcome.ANSWERED
    assert episode.acknowledged is not None and episode.acknowledged.source is Source.COMMAND
    assert episode.arrived is not None and episode.arrived.caregiver == "Ana" and episode.arrived.source is Source.MQTT
    assert episode.need == "hunger"
    with urllib.request.urlopen(f"http://127.0.0.1:{house.page_port}/healthz", timeout=10) as answer:
        assert answer.status == 200
    assert password
    assert running.end() == 0


def test_not_crying_said_while_it_goes_on_outlasts_a_power_cut(house: House, night: Path, running: Program) -> None:
    phone = house.listen()
    try:
        phone.wait_for(r"/cry ON")
        house.publish("cmd/need", "not_crying")
        said = json.loads(phone.wait_for(r'/episode (\{.*"open":true.*"tag":"not_crying".*)').group(1))
        assert said["outcome"] is None
    finally:
        phone.end()
        running.end(signal.SIGKILL)
    program = Program(*house.command("up", "--replay", str(night), "--speed", "2"))
    try:
        program.wait_for(r"^MQTT:")
        phone = house.listen()
        try:
            ended = json.loads(phone.wait_for(r'/episode (\{.*"open":false.*)').group(1))
        finally:
            phone.end()
        assert (ended["id"], ended["tag"], ended["outcome"]) == (said["id"], "not_crying", "false_alarm")
    finally:
        program.end()


def test_nobody_comes_in_without_the_password(house: House, running: Program) -> None:
    for login in ([], ["-u", "nursery", "-P", "wrong"]):
        refused = subprocess.run(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(house.broker_port), *login, "-t", "#", "-W", "5"],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert refused.returncode != 0 and refused.stdout == ""
    assert running.process.poll() is None


def family(pid: int) -> list[int]:
    """A process and all its children."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False, timeout=10).stdout.split()
    return [pid, *(member for child in found for member in family(int(child)))]


@pytest.mark.skipif(shutil.which("ss") is None, reason="needs ss, of iproute2")
def test_nothing_listens_but_what_is_documented(house: House, running: Program) -> None:
    running.wait_for(r"^The page is at")
    ours = {f"pid={pid}," for pid in family(running.process.pid)}
    listed = subprocess.run(["ss", "-H", "-lntup"], capture_output=True, text=True, check=True, timeout=10).stdout
    ports = {line.split()[4].rpartition(":")[2] for line in listed.splitlines() if any(pid in line for pid in ours)}
    assert ports == {str(house.page_port), str(house.broker_port)}


def test_a_port_in_use_is_one_sentence_and_an_exit_status(house: House, night: Path) -> None:
    for port, name in ((house.page_port, "page.port"), (house.broker_port, "broker.port")):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", port))
            taken.listen()
            done = house.say("up", "--replay", str(night))
        assert done.returncode != 0
        (sentence,) = [line for line in done.stderr.splitlines() if not line.startswith(("WARNING", "ERROR"))]
        assert name in sentence and str(port) in sentence


@contextmanager
def without_a_microphone(house: House) -> Iterator[Program]:
    """The program running without one; gives a phone that has been told so. In the end the program ends well."""
    program = Program(*house.command("up", "--no-page", "--set", "microphone.device=no-such-microphone"))
    try:
        program.wait_for(r"^MQTT:")
        phone = house.listen()
        try:
            phone.wait_for(r"/mic lost")
            yield phone
        finally:
            phone.end()
        assert program.process.poll() is None
    finally:
        assert program.end() == 0


def test_without_a_microphone_it_says_so_and_goes_on(house: House) -> None:
    with without_a_microphone(house) as phone:
        health = json.loads(phone.wait_for(r"/health (\{.*)").group(1))
        assert health["listening"] is False and health["mic_text"]


def test_what_is_said_of_an_episode_that_is_not_there_is_refused_on_every_way_in(house: House) -> None:
    with without_a_microphone(house) as phone:
        house.publish("cmd/need", json.dumps({"need": "hunger", "episode": "e-gone"}))
        reply = json.loads(phone.wait_for(r"/reply (\{.*)").group(1))
        assert reply["ok"] is False and "There is no episode 'e-gone'" in reply["error"]
        with ControlClient(house.data / "control.sock") as page:
            for action in ("acknowledge", "arrive", "untag", "note", "delete", "undo"):
                with pytest.raises(CommandError, match="There is no episode 'e-gone'"):
                    page.send("edit", {"episode": "e-gone", "action": action}, source="page")
            with pytest.raises(CommandError, match="There is no episode 'e-gone'"):
                page.send("need", {"need": "not_crying", "episode": "e-gone"}, source="page")
        done = house.say("need", "hunger")
        assert done.returncode != 0 and "There is no last episode" in done.stderr


def test_wrong_settings_are_all_said_and_nothing_starts(house: House) -> None:
    done = house.say("up", "--set", "alerts.alert_after_s=-1", "--set", "mqtt.prt=1")
    assert done.returncode == 2
    assert "alert_after_s" in done.stderr and "mqtt.prt" in done.stderr
    assert not house.data.exists()
