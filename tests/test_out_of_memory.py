"""The real monitor without memory: it hears on with what it has or ends at once, and a new one has lost nothing."""

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device.audio import RATE_HZ
from device.control_client import ControlClient
from device.errors import ControlError
from device.journal import JournalReader
from device.synthesis import cry, room_noise
from tests.fakes_mqtt import PASSWORD, USER, Ear, Mosquitto, running, wait_for

ROOT = Path(__file__).parent.parent
TOO_LITTLE = 48 << 20
"""Bytes of address space: less than it has already, so that it gets no more."""

pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("mosquitto") is None, reason="mosquitto is not installed"),
]


@contextmanager
def monitor(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    settings = {
        "nursery.data_dir": folder / "data", "nursery.control_socket": folder / "control.sock",
        "mqtt.host": "127.0.0.1", "mqtt.port": port, "mqtt.user": USER, "mqtt.password": PASSWORD,
    }  # fmt: skip
    options = [word for name, value in settings.items() for word in ("--set", f"{name}={json.dumps(str(value))}")]
    options = [word.replace(f'"{port}"', str(port)) for word in options]
    command = [sys.executable, "-m", "device", "run", "--config", os.devnull, "--replay", str(folder / "night.wav")]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def crying(folder: Path) -> bool:
    try:
        with ControlClient(folder / "control.sock") as client:
            return bool(client.state()["crying"])
    except ControlError:
        return False


def heard_s(folder: Path) -> float:
    """Up to where it has heard; 0 if it does not answer."""
    try:
        with ControlClient(folder / "control.sock") as client:
            return float(client.state()["last_block"]["monotonic"])
    except ControlError:
        return 0.0


@pytest.mark.patient
def test_it_hears_on_or_ends_is_missed_and_goes_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    soundfile.write(tmp_path / "night.wav", np.concatenate([room_noise(3, rng), cry(90, 0.7, rng)]), RATE_HZ)
    with running(Mosquitto(tmp_path)) as broker, Ear(broker.port) as ear:
        with monitor(tmp_path, broker.port) as process:
            wait_for(lambda: ear.on("alert"), 60.0, "the first alert")
            resource.prlimit(process.pid, resource.RLIMIT_AS, (TOO_LITTLE, resource.RLIM_INFINITY))
            before_s = heard_s(tmp_path)
            # Never alive and deaf: within ten seconds it has ended, or has heard more than what waited already.
            wait_for(lambda: process.poll() is not None or heard_s(tmp_path) > before_s + 5.0, 15.0, "ended, or hearing")
            assert process.poll() in (None, 1, 71), (tmp_path / "log").read_text()[-2000:]
            process.kill()  # as the kernel does when nothing else is left
        wait_for(lambda: ear.on("status")[-1] == "offline", 10.0, "phones are told that nobody listens")
        with closing(sqlite3.connect(tmp_path / "data/journal.db")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        with JournalReader(tmp_path / "data/journal.db") as reader:
            (before,) = reader.episodes()
        with monitor(tmp_path, broker.port):
            wait_for(lambda: ear.on("status")[-1] == "online", 30.0, "the next one says that it listens")
            wait_for(lambda: crying(tmp_path), 30.0, "it hears the baby still crying")
            with JournalReader(tmp_path / "data/journal.db") as reader:
                kept = reader.episode(before.id)
                assert kept is not None and kept.alerts[: len(before.alerts)] == before.alerts
