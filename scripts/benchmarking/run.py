"""All measurements in order, and their text."""

import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarking import processes
from device.audio import RATE_HZ
from device.synthesis import cry, room_noise

PI_HZ = 1.0e9
PI_IPC = 0.7
PI_MORE = 1.5
"""Reference: Raspberry Pi Zero 2 W, Cortex-A53 at 1 GHz, 0.7 instructions a cycle (in-order, small caches), and half as
many instructions again as on x86-64 with AVX2, since NEON is half as wide. An estimate, to be replaced by a Pi's own."""

CRYING_SHARE = 0.05
"""A night for the average: a twentieth of it crying."""

Figures = dict[str, Any]


def sounds(folder: Path, seconds: float) -> dict[str, Path]:
    """Two minutes and the like of a quiet bedroom and of a crying baby in it, made by device.synthesis."""
    random = np.random.default_rng(7)
    quiet = 0.05 * room_noise(seconds, random)
    crying = quiet + 0.3 * cry(seconds, 0.6, random)
    found = {}
    for name, samples in (("quiet", quiet), ("crying", crying)):
        found[name] = folder / f"{name}.npy"
        np.save(found[name], samples.astype(np.float32))
    return found


def benchmark(folder: Path, yamnet: Path | None, *, quick: bool, say: Callable[[str], None]) -> Figures:
    """Measure everything; `folder` is for temporary files."""
    seconds, repeats = (12.0, 1) if quick else (60.0, 3)
    sound = sounds(folder, seconds)
    out: Figures = {"subjects": {}}
    jobs = [("pipeline", "quiet"), ("pipeline", "crying")]
    jobs += [("both", "quiet"), ("both", "crying"), ("yamnet", "crying"), ("yamnet-sparse", "crying")] if yamnet else []
    for turn in range(repeats):  # in turns, so that a busy minute of the machine falls on all of them
        for name, kind in jobs:
            say(f"{name}, {kind}" + (f" ({turn + 1} of {repeats})" if repeats > 1 else ""))
            more = () if name == "pipeline" else (str(yamnet),)
            one = processes.subject(name, sound[kind], seconds, *more)
            best = out["subjects"].get(f"{name}, {kind}")
            if one and (best is None or one["ms_per_s"] < best["ms_per_s"]):  # the one that was disturbed least
                out["subjects"][f"{name}, {kind}"] = one
    say("the whole monitor")
    out["monitor"] = whole(folder, 120.0 if quick else 3600.0, say, yamnet)
    say("profile")
    out["profile"] = processes.profile(sound["crying"], seconds)
    if not quick:
        say("instruction counts (slow)")
        counted = [("pipeline", "quiet"), ("pipeline", "crying")] + ([("yamnet", "crying")] if yamnet else [])
        out["instructions"] = {
            f"{name}, {kind}": processes.instructions_per_s(name, sound[kind], 6.0, 16.0, *([str(yamnet)] if yamnet else []))
            for name, kind in counted
        }
    return out


def whole(folder: Path, quiet_s: float, say: Callable[[str], None], yamnet: Path | None = None) -> Figures:
    """The monitor's process over crying and over quiet, and the page's: memory, start-up, bytes written a day.

    With YAMNet's file, its memory with both ears too.
    """
    out: Figures = {}
    random = np.random.default_rng(8)
    crying = 0.05 * room_noise(90.0, random)
    crying[20 * RATE_HZ : 60 * RATE_HZ] += 0.3 * cry(40.0, 0.6, random)
    soundfile.write(folder / "crying.wav", crying, RATE_HZ)
    home = folder / "crying-home"
    home.mkdir()
    with processes.monitor(home, folder / "crying.wav") as running:
        out["start_s"] = running.wait_for("ok", 30.0)
        if running.wait_for("lost", 120.0) is None:
            say(f"the monitor did not run: {(home / 'monitor.log').read_text()[-500:]}")
            return out
        out["peak_mb"], out["pss_mb"] = running.memory_mb()
        port = _free_port()
        with processes.page(home, port) as page:
            out["page_peak_mb"], out["page_pss_mb"] = _visit(page, port)
    if yamnet:
        home = folder / "both-home"
        (home / "models").mkdir(parents=True)
        (home / "models" / "yamnet.tflite").symlink_to(yamnet)
        with processes.monitor(home, folder / "crying.wav") as running:
            if running.wait_for("lost", 120.0) is not None:
                out["both_peak_mb"], out["both_pss_mb"] = running.memory_mb()
    lengths = (quiet_s / 2, quiet_s)
    written = [_quiet(folder / f"quiet-{length:.0f}", length, out) for length in lengths]
    if None not in written:  # the difference: starting and ending are not part of a quiet day
        out["written_mb_a_day"] = (written[1] - written[0]) / 1e6 * 86_400 / (lengths[1] - lengths[0])
    return out


def _quiet(home: Path, quiet_s: float, out: Figures) -> Any:
    """Bytes written while a quiet bedroom of this length is replayed; adds the memory after it to `out`."""
    random = np.random.default_rng(9)
    home.mkdir()
    quiet = 0.05 * room_noise(60.0, random)
    with soundfile.SoundFile(home / "quiet.wav", "w", RATE_HZ, 1, "PCM_16") as file:
        for _ in range(int(quiet_s / 60)):
            file.write(quiet)
    with processes.monitor(home, home / "quiet.wav") as running:
        if running.wait_for("lost", 900.0) is None:
            return None
        out["quiet_peak_mb"], out["quiet_pss_mb"] = running.memory_mb()
        return running.written_bytes()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _visit(page: processes.Running, port: int) -> tuple[float, float]:
    """Ask for the login page a few times, then look at the memory."""
    end = time.monotonic() + 30
    seen = 0
    while seen < 20 and time.monotonic() < end and page.alive:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/login", timeout=5) as answer:
                answer.read()
            seen += 1
        except OSError:
            time.sleep(0.1)
    return page.memory_mb() if page.alive else (0.0, 0.0)


def pi_share(instructions_per_s: float) -> float:
    """Share of one core of the reference Pi."""
    return instructions_per_s * PI_MORE / (PI_HZ * PI_IPC)
