"""The choice of a device, and what is said where PortAudio is missing or finds nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from device.errors import AudioSourceError
from device.microphone import devices
from device.portaudio import Device, choose

DEFAULT = Device(3, "default", 32, 44_100, default=True)
WEBCAM = Device(0, "HD Webcam: USB Audio (hw:1,0)", 1, 16_000)
USB = Device(1, "USB PnP Sound Device: Audio (hw:2,0)", 1, 48_000)
PULSE = Device(2, "pulse", 32, 44_100)
ALL = [WEBCAM, USB, PULSE, DEFAULT]


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("", [DEFAULT, WEBCAM, USB, PULSE]),
        ("usb", [WEBCAM, USB]),
        ("USB PnP", [USB]),
        ("pulse", [PULSE]),
        ("hw:2", [USB]),
    ],
)
def test_the_default_first_then_hardware_or_what_the_name_says(name: str, order: list[Device]) -> None:
    assert choose(ALL, name) == order


def test_an_exact_name_comes_first() -> None:
    longer = Device(9, "pulse of another", 1, 48_000)
    assert choose([longer, PULSE], "Pulse") == [PULSE, longer]


def test_what_is_missing_is_said_with_what_is_there() -> None:
    with pytest.raises(AudioSourceError, match="No microphone is connected; plug one in"):
        choose([], "")
    with pytest.raises(AudioSourceError, match=r"named 'blue'.*microphone\.device.*USB PnP"):
        choose(ALL, "blue")


class _Fixed:
    def devices(self) -> list[Device]:
        return ALL

    def open(self, device: Device, on_frames: object, on_end: object) -> object:
        raise AssertionError("listing opens nothing")


def test_the_list_for_people() -> None:
    lines = devices(_Fixed())  # type: ignore[arg-type]
    assert lines[0] == "default  (32 channels, 44100 Hz)  default"
    assert lines[1] == "HD Webcam: USB Audio (hw:1,0)  (1 channel, 16000 Hz)"


def test_a_machine_without_the_library_says_what_to_install(tmp_path: Path) -> None:
    """In a process where the dynamic linker finds no PortAudio, though sounddevice is there."""
    script = (
        "import ctypes.util\n"
        "ctypes.util.find_library = lambda name: None\n"
        "from device.microphone import devices\n"
        "from device.errors import AudioSourceError\n"
        "for _ in range(2):\n"
        "    try:\n"
        "        devices()\n"
        "    except AudioSourceError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and all("sudo apt install libportaudio2" in line for line in lines)
