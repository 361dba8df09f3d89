"""A recording instead of the microphone: WAV or FLAC of any rate, in real time or as fast as it goes."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from device.audio import RATE_HZ, AudioBlock, Samples
from device.clock import Instant
from device.errors import AudioSourceError
from device.inputs import AudioLost, AudioRestored
from device.resample import Resampler

BLOCK_S = 0.1


class ReplayClock:
    """Time as the recording tells it: it stands at the end of the latest block delivered, and goes on by itself after."""

    def __init__(self, start: Instant, speed: float, boot_id: str = "replay") -> None:
        """Begin at `start`; `speed` is how many seconds pass in each real one once the recording has ended."""
        self._at = start
        self._speed = speed if math.isfinite(speed) else 1.0
        self._ended: float | None = None
        self._boot_id = boot_id

    @property
    def boot_id(self) -> str:
        """A name that no real boot has, so that replayed and real instants are never subtracted."""
        return self._boot_id

    def now(self) -> Instant:
        """The replay's present instant."""
        gone_s = 0.0 if self._ended is None else (time.monotonic() - self._ended) * self._speed
        return self._at.plus(gone_s)

    def advance(self, at: Instant) -> None:
        """Stand at `at`."""
        self._at = at

    def run_free(self) -> None:
        """Go on in real time (times the speed): the recording is over."""
        self._ended = time.monotonic()


def read_blocks(path: Path, start: Instant, block_s: float = BLOCK_S) -> Iterator[AudioBlock]:
    """Give a recording's blocks of `block_s` seconds, 16 kHz mono, stamped from sample counts since `start`.

    Of several channels the one with the most energy in the whole file is heard. Block length changes neither samples
    nor, behind the detector, scores.

    Raises:
        AudioSourceError: the file cannot be opened, holds no sound, or breaks off in the middle.
    """
    done = 0
    for samples in _resampled(path, max(1, round(block_s * RATE_HZ))):
        yield AudioBlock(samples, start.plus(done / RATE_HZ))
        done += len(samples)


def _resampled(path: Path, length: int) -> Iterator[Samples]:
    try:
        with soundfile.SoundFile(path) as file:
            channel = _loudest(file) if file.channels > 1 else 0
            resampler = Resampler(file.samplerate)
            rest = np.zeros(0, np.float32)
            got = False
            for chunk in file.blocks(blocksize=file.samplerate, dtype="float32", always_2d=True):
                got = True
                rest = np.concatenate([rest, resampler.push(np.ascontiguousarray(chunk[:, channel]))])
                while len(rest) >= length:
                    yield rest[:length]
                    rest = rest[length:]
            rest = np.concatenate([rest, resampler.flush()])
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise AudioSourceError(f"{path}: cannot be read as sound ({error}); give a WAV or FLAC file") from error
    if not got:
        raise AudioSourceError(f"{path}: holds no sound (0 seconds); give a recording that is longer")
    for begin in range(0, len(rest), length):
        yield rest[begin : begin + length]
    if _breaks_off(path):
        raise AudioSourceError(f"{path}: breaks off in the middle; record or copy it again")


def _breaks_off(path: Path) -> bool:
    """True for a WAV file shorter than its header says, which libsndfile reads without a word."""
    with path.open("rb") as file:
        kind, size = file.read(4), int.from_bytes(file.read(4), "little")
    # recorders that stream write 0 or the largest number where they cannot know the size yet
    return kind == b"RIFF" and size not in (0, 0xFFFFFFFF) and path.stat().st_size < size + 8


def _loudest(file: soundfile.SoundFile) -> int:
    energy = np.zeros(file.channels)
    for chunk in file.blocks(blocksize=file.samplerate, dtype="float32", always_2d=True):
        energy += np.sum(np.nan_to_num(chunk).astype(np.float64) ** 2, axis=0)
    file.seek(0)
    return int(np.argmax(energy))


class WavFile:
    """Replays a recording as an AudioSource. When it ends, it says so: the microphone counts as lost."""

    def __init__(self, path: Path, clock: ReplayClock, *, speed: float, loop: bool = False) -> None:
        """Take the recording and its clock; `speed` is 1 for real time, inf for as fast as it goes.

        Raises:
            AudioSourceError: the file cannot be read.
        """
        self._path = path
        self._clock = clock
        self._speed = speed
        self._loop = loop
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        next(read_blocks(path, clock.now()))

    def start(self, put: Callable[[object], object]) -> None:
        """Begin to deliver from a thread of its own."""
        self._thread = threading.Thread(target=self._run, args=(put,), name="replay", daemon=True)
        self._thread.start()

    def _run(self, put: Callable[[object], object]) -> None:
        put(AudioRestored(self._clock.now(), self._path.name))
        reason = f"The recording {self._path.name} has ended."
        try:
            while not self._stop.is_set():
                self._play(put)
                if not self._loop:
                    break
        except AudioSourceError as error:
            reason = str(error)
        if not self._stop.is_set():
            put(AudioLost(self._clock.now(), reason))
            self._clock.run_free()

    def _play(self, put: Callable[[object], object]) -> None:
        began, start = time.monotonic(), self._clock.now()
        for block in read_blocks(self._path, start):
            due = began + block.end.since(start) / self._speed
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            self._clock.advance(block.end)
            put(block)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the recording has been delivered; False if it has not within `timeout_s`."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._thread is None or not self._thread.is_alive()

    def close(self) -> None:
        """Stop."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
