"""Running subjects and the whole monitor as processes, and reading what the kernel knows of them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _environment() -> dict[str, str]:
    return {**os.environ, **ONE_THREAD, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'scripts'}"}


def subject(name: str, sound: Path, seconds: float, *more: str) -> dict[str, Any] | None:
    """Measure a subject in a process of its own; None if it is not there."""
    command = [sys.executable, "-m", "benchmarking.subject", name, str(sound), str(seconds), *more]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def instructions_per_s(name: str, sound: Path, short_s: float, long_s: float, *more: str) -> float | None:
    """Instructions per second of sound, by Cachegrind: the difference of two lengths, so that starting up cancels out."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    counts = []
    for seconds in (short_s, long_s):
        command = [valgrind, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", sys.executable, "-m",
                   "benchmarking.subject", name, str(sound), str(seconds), *more]  # fmt: skip
        done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
        found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
        if done.returncode or found is None:
            return None
        counts.append(int(found.group(1).replace(",", "")))
    return (counts[1] - counts[0]) / (long_s - short_s)


def profile(sound: Path, seconds: float) -> list[tuple[str, float]]:
    """Where the pipeline's time goes: (function, share of its processor time), by cProfile, the largest first."""
    code = (
        "import cProfile, io, pstats, sys; sys.argv=['']; from pathlib import Path; import numpy as np\n"
        "from benchmarking import subject\n"
        f"sound = np.load({str(sound)!r}); made = subject.pipeline(); p = cProfile.Profile(); p.enable()\n"
        f"subject.measure(lambda: made, sound, {seconds}); p.disable(); s = pstats.Stats(p)\n"
        "import json; print(json.dumps([[f, l, n, t[2]] for (f, l, n), t in s.stats.items()]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        return []
    rows = [(f"{Path(file).name}:{name}" if line else name, own) for file, line, name, own in json.loads(done.stdout)]
    total = sum(own for _, own in rows) or 1.0
    return [(name, own / total) for name, own in sorted(rows, key=lambda row: -row[1])[:8]]


@contextmanager
def monitor(folder: Path, recording: Path) -> "Iterator[Running]":
    """The whole monitor as `nursery-monitor run` starts it, replaying a recording as fast as it goes."""
    control = folder / "control.sock"
    command = [sys.executable, "-m", "device", "run", "--config", os.devnull, "--replay", str(recording), "--speed", "max",
               "--set", f"nursery.data_dir={folder}", "--set", f"nursery.control_socket={control}"]  # fmt: skip
    with _running(command, folder / "monitor.log") as process:
        yield Running(process, control)


@contextmanager
def page(folder: Path, port: int) -> "Iterator[Running]":
    """The page as a process."""
    command = [sys.executable, "-m", "web", "--config", os.devnull, "--set", f"nursery.data_dir={folder}", "--set",
               "page.bind=127.0.0.1", "--set", f"page.port={port}", "--set",
               f"nursery.control_socket={folder / 'control.sock'}"]  # fmt: skip
    with _running(command, folder / "page.log") as process:
        yield Running(process, folder / "control.sock")


@contextmanager
def _running(command: list[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Running:
    """A process that is being watched."""

    def __init__(self, process: "subprocess.Popen[bytes]", control: Path) -> None:
        """Take the process and the control socket of the monitor."""
        self.began = time.perf_counter()
        self._process = process
        self._control = control

    @property
    def alive(self) -> bool:
        """False once it has ended."""
        return self._process.poll() is None

    def memory_mb(self) -> tuple[float, float]:
        """Peak resident and present proportional memory (RSS, PSS) in MB."""
        proc = Path(f"/proc/{self._process.pid}")
        peak = re.search(r"VmHWM:\s+(\d+)", (proc / "status").read_text())
        shared = re.search(r"Pss:\s+(\d+)", (proc / "smaps_rollup").read_text())
        return (int(peak.group(1)) / 1024 if peak else 0.0), (int(shared.group(1)) / 1024 if shared else 0.0)

    def written_bytes(self) -> int:
        """Bytes handed to the kernel for writing, log lines included."""
        found = re.search(r"wchar: (\d+)", Path(f"/proc/{self._process.pid}/io").read_text())
        return int(found.group(1)) if found else 0

    def wait_for(self, mic: str, timeout_s: float) -> float | None:
        """Seconds from the start until the monitor says that its microphone is in this state; None if it never does."""
        end = time.perf_counter() + timeout_s
        while time.perf_counter() < end and self.alive:
            try:
                with socket.socket(socket.AF_UNIX) as link:
                    link.settimeout(2.0)
                    link.connect(str(self._control))
                    with link.makefile("rb") as lines:
                        for line in lines:
                            message = json.loads(line)
                            if message.get("type") == "state" and message["state"]["mic"] == mic:
                                return time.perf_counter() - self.began
                            if time.perf_counter() > end:
                                return None
            except OSError:
                time.sleep(0.02)
        return None
