"""A private sound server with a microphone that plays what it is given, for tests through the real PortAudio."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

AVAILABLE = all(shutil.which(tool) for tool in ("pulseaudio", "paplay", "pactl"))

ALSA = """
pcm.default { type pulse }
ctl.default { type pulse }
"""
"""All there is, in the place of Debian's own, which beside a sound server also lists encoders, with all of ffmpeg."""


class SoundServer:
    """A PulseAudio of our own, with a null sink whose monitor is the microphone."""

    def __init__(self, folder: Path, rate_hz: int = 48_000) -> None:
        self.folder = folder
        self.rate_hz = rate_hz
        self.name = "nursery"
        self.environment = {
            "HOME": str(folder),
            "ALSA_CONFIG_PATH": str(folder / "alsa.conf"),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "PULSE_SERVER": f"unix:{folder}/pulse/native",
            "PULSE_RUNTIME_PATH": str(folder / "pulse"),
        }
        (folder / "alsa.conf").write_text(ALSA)
        self._server: subprocess.Popen[bytes] | None = None
        self._players: list[subprocess.Popen[bytes]] = []

    def _env(self) -> dict[str, str]:
        return {**os.environ, **self.environment}

    def plug(self, *, taken: bool = False) -> None:
        """Start the server; returns when it answers. `taken`: ALSA lists the device, and opening it fails."""
        self._server = subprocess.Popen(
            [
                "pulseaudio",
                "-n",
                "--exit-idle-time=-1",
                "--daemonize=no",
                "--use-pid-file=no",
                "--realtime=no",
                "--high-priority=no",
                "-L",
                "module-native-protocol-unix auth-anonymous=1",
                *([] if taken else ["-L", f"module-null-sink sink_name={self.name} rate={self.rate_hz}"]),
            ],
            env=self._env(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while self.control("info").returncode != 0:
            assert time.monotonic() < until, "the sound server does not answer"
        if not taken:
            assert self.control("set-default-source", f"{self.name}.monitor").returncode == 0

    def unplug(self) -> None:
        """Kill the server: the microphone is gone in the middle of a word."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def freeze(self) -> None:
        """Stop the server from doing anything, without its noticing."""
        assert self._server is not None
        self._server.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGCONT)

    def control(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["pactl", *arguments], env=self._env(), capture_output=True, timeout=20)

    def mute(self, muted: bool) -> None:
        assert self.control("set-source-mute", f"{self.name}.monitor", "1" if muted else "0").returncode == 0

    def play(self, samples: NDArray[np.float32], rate_hz: int) -> None:
        """Begin to play; it does not wait for the end."""
        path = self.folder / f"sound{len(self._players)}.wav"
        soundfile.write(path, samples, rate_hz, subtype="PCM_16")
        self._players.append(
            subprocess.Popen(["paplay", str(path)], env=self._env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )

    def hush(self) -> None:
        for player in self._players:
            player.kill()
            player.wait()

    def close(self) -> None:
        self.hush()
        self.unplug()


@contextmanager
def sound_server(folder: Path, rate_hz: int = 48_000) -> Iterator[SoundServer]:
    server = SoundServer(folder, rate_hz)
    try:
        yield server
    finally:
        server.close()


def hiss(seconds: float, rate_hz: int, level: float = 0.001) -> NDArray[np.float32]:
    """What any live capsule gives."""
    return np.random.default_rng(7).normal(0, level, round(seconds * rate_hz)).astype(np.float32)
