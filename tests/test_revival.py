"""What hangs is ended and begun anew; what lives, sleeps or was stopped is not."""

import os
import subprocess
import sys
import threading

import pytest

from device.revival import STATUS, Pulse

ANEW = (
    "import sys; sys.argv[1:] = ['--version']; from device.revival import begin_anew; begin_anew(0.1); print('not reached')"
)


def test_a_pulse_that_stops_ends_the_process_once_and_only_after_a_first_beat(capfd: pytest.CaptureFixture[str]) -> None:
    ended, ends = threading.Event(), []

    def end() -> None:
        ends.append(1)
        ended.set()

    pulse = Pulse(hangs_s=0.3, every_s=0.02, end=end)
    pulse.start()
    assert not ended.wait(0.6), "it has not begun to listen"
    for _ in range(10):
        pulse.beat()
        assert not ended.wait(0.05)
    assert ended.wait(10)
    pulse.close()
    pulse.close()
    assert ends == [1]
    assert "test_revival" in capfd.readouterr().err, "where everything stood"


def test_the_same_command_begins_anew_in_the_same_process() -> None:
    alone = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    done = subprocess.run([sys.executable, "-c", ANEW], env=alone, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "0.1.0" in done.stdout and "not reached" not in done.stdout


def test_under_a_service_manager_it_ends_and_is_started() -> None:
    watched = {**os.environ, "NOTIFY_SOCKET": "/nowhere"}
    done = subprocess.run([sys.executable, "-c", ANEW], env=watched, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (STATUS, "")
