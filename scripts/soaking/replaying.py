"""The real monitor on a recording without end: `python -m soaking.replaying RECORDING SETTINGS-JSON`."""

import json
import logging
import math
import signal
import sys
from pathlib import Path
from types import FrameType

from device.app import build
from device.clock import SystemClock
from device.config import load
from device.wavfile import ReplayClock, WavFile


def main(recording: str, settings: str) -> None:
    """Listen until a signal, on the recording's own clock."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    clock = ReplayClock(SystemClock().now(), math.inf)
    source = WavFile(Path(recording), clock, speed=math.inf, loop=True)
    with build(load(Path("/dev/null"), json.loads(settings)).config, clock=clock, source=source) as app:

        def stop(_number: int, _frame: FrameType | None) -> None:
            app.stop()

        signal.signal(signal.SIGTERM, stop)
        app.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
