"""One subject in a process of its own: `python -m benchmarking.subject NAME SOUND.npy SECONDS [YAMNET]` prints JSON.

Nothing is imported before the clock runs, so that start-up time and memory are the subject's own.
"""

import time

_BEGAN = time.perf_counter()

import json  # noqa: E402
import re  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BLOCK = 1600  # samples, 0.1 s, as the microphone delivers
RATE_HZ = 16_000
WARM_UP_S = 2.0


def pipeline() -> tuple[Callable[[Any, float], int], int]:
    """The detector as the monitor runs it; feeding returns how many hops were completed."""
    from device.audio import AudioBlock
    from device.clock import Instant
    from device.ears import make_detector
    from device.settings import Config, DetectorSettings

    detector = make_detector(Config(detector=DetectorSettings(second_ear="off")))
    return lambda samples, at_s: len(detector.feed(AudioBlock(samples, Instant(at_s, at_s)))), BLOCK


def both_ears(model: Path) -> tuple[Callable[[Any, float], int], int]:
    """The detector with the second ear."""
    from device.audio import AudioBlock
    from device.clock import Instant
    from device.detector import Detector
    from device.second_ear import SecondEar

    detector = Detector(second_ear=SecondEar(model))
    return lambda samples, at_s: len(detector.feed(AudioBlock(samples, Instant(at_s, at_s)))), BLOCK


def yamnet(model: Path, step: int) -> tuple[Callable[[Any, float], int], int]:
    """YAMNet on one thread, a patch of 15,600 samples every `step` of them."""
    from ai_edge_litert.interpreter import Interpreter

    net = Interpreter(str(model), num_threads=1)
    net.allocate_tensors()
    given, got = net.get_input_details()[0]["index"], net.get_output_details()[0]["index"]

    heard = np.zeros(15_600, np.float32)

    def feed(samples: Any, at_s: float) -> int:
        heard[:-step] = heard[step:]
        heard[-step:] = samples
        net.set_tensor(given, heard)
        net.invoke()
        net.get_tensor(got)
        return 1

    return feed, step


def nothing() -> tuple[Callable[[Any, float], int], int]:
    """Only this program itself, to be taken off."""
    return lambda samples, at_s: 1, BLOCK


def measure(make: Callable[[], tuple[Callable[[Any, float], int], int]], sound: Any, seconds: float) -> dict[str, Any]:
    """Feed `seconds` of sound; cost is processor time, start-up is wall time from the process's begin to the first hop."""
    feed, step = make()
    hops: list[float] = []
    started_s = cost_s = fed_s = 0.0
    for at in range(0, min(len(sound), int(seconds * RATE_HZ)) - step + 1, step):
        block = np.ascontiguousarray(sound[at : at + step])
        wall, cpu = time.perf_counter(), time.process_time()
        done = feed(block, at / RATE_HZ)
        spent_s = time.process_time() - cpu
        if done and not started_s:
            started_s = time.perf_counter() - _BEGAN
        if at >= WARM_UP_S * RATE_HZ:
            cost_s += spent_s
            fed_s += step / RATE_HZ
            if done:
                hops.append(time.perf_counter() - wall)
    ordered = sorted(hops) or [0.0]
    return {
        "start_s": started_s,
        "ms_per_s": 1000 * cost_s / max(fed_s, 1e-9),
        "hop_p50_ms": 1000 * ordered[len(ordered) // 2],
        "hop_p99_ms": 1000 * ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))],
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """Peak resident memory; getrusage would count what the parent held when it forked."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


def main(arguments: list[str]) -> int:
    """Run one subject and print what was measured."""
    sys.path[:0] = [str(ROOT)]
    name, sound, seconds, *rest = arguments
    makers = {
        "pipeline": pipeline,
        "both": lambda: both_ears(Path(rest[0])),
        "nothing": nothing,
        "yamnet": lambda: yamnet(Path(rest[0]), 7_680),
        "yamnet-sparse": lambda: yamnet(Path(rest[0]), 15_600),
    }
    print(json.dumps(measure(makers[name], np.load(sound, mmap_mode="r"), float(seconds))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
