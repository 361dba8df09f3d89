"""PortAudio, through sounddevice: which microphones there are, and opening one. Every call here may hang or fail."""

import atexit
import contextlib
import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from device.errors import AudioSourceError

Frames = NDArray[np.float32]

BLOCK_S = 0.1

MAX_CHANNELS = 8
"""Plug-in devices (default, pulse, pipewire) claim dozens of channels; such a claim says nothing of the microphone."""


@dataclass(frozen=True, slots=True)
class Device:
    """An input device as PortAudio lists it; `index` holds only until the list is made anew."""

    index: int
    name: str
    channels: int
    rate_hz: float
    default: bool = False

    @property
    def hardware(self) -> bool:
        """True for an ALSA hardware device, which works without a desktop session's sound server."""
        return "(hw:" in self.name


class Stream(Protocol):
    """An open microphone."""

    def close(self) -> None:
        """Stop it and free the device."""
        ...


OnFrames = Callable[[Frames, bool], None]
"""Takes frames of shape (n, channels), which are the taker's own, and whether sound was lost just before (overflow)."""


class SoundSystem(Protocol):
    """What a microphone needs of PortAudio; all of it is called from one thread."""

    def devices(self) -> list[Device]:
        """List the inputs that are there now; no stream may be open.

        Raises:
            AudioSourceError: there is no sound system.
        """
        ...

    def open(self, device: Device, on_frames: OnFrames, on_end: Callable[[], None]) -> Stream:
        """Open a device and let it run; `on_end` tells that it has ended by itself.

        Raises:
            AudioSourceError: it cannot be opened.
        """
        ...


class PortAudio:
    """The real one. The library is looked for at each try, so that installing it mends a running monitor."""

    def devices(self) -> list[Device]:
        """List the inputs that are there now. PortAudio's list is frozen while it runs, so it is started anew."""
        sd = _sounddevice()
        # If it does not run, since its last start failed, that is all that is wanted.
        with contextlib.suppress(sd.PortAudioError, AssertionError):
            sd._terminate()
        try:
            sd._initialize()
            default = sd.default.device[0]
            if default in (-1, None):
                default = _default_input(sd)
            return [
                Device(
                    info["index"],
                    info["name"],
                    info["max_input_channels"],
                    info["default_samplerate"],
                    info["index"] == default,
                )
                for info in sd.query_devices()
                if info["max_input_channels"] > 0
            ]
        except sd.PortAudioError as error:
            raise AudioSourceError(f"The sound system does not start ({_words(error)}); it is tried again.") from error

    def open(self, device: Device, on_frames: OnFrames, on_end: Callable[[], None]) -> Stream:
        """Open a device at its own rate, with as many channels as it takes."""
        sd = _sounddevice()

        def callback(data: Frames, frames: int, time: Any, status: Any) -> None:
            on_frames(data.copy(), bool(status.input_overflow))

        problem: Exception | None = None
        for channels in _channels(device):
            try:
                stream = sd.InputStream(
                    device=device.index,
                    samplerate=device.rate_hz,
                    channels=channels,
                    dtype="float32",
                    blocksize=round(device.rate_hz * BLOCK_S),
                    latency="high",
                    callback=callback,
                    finished_callback=on_end,
                )
            except (sd.PortAudioError, ValueError) as error:
                problem = error
                continue
            try:
                stream.start()
            except sd.PortAudioError as error:
                problem = error
                stream.close(ignore_errors=True)
                continue
            return _Open(stream)
        raise AudioSourceError(f"{device.name}: cannot be opened ({_words(problem)})")


class _Open:
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def close(self) -> None:
        # abort, since stop waits for buffers that a vanished device never fills.
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)


def choose(devices: Iterable[Device], name: str) -> list[Device]:
    """Order the devices to try: those whose name holds `name` (exact first); without one, the default, then hardware.

    Raises:
        AudioSourceError: there is none, or none of that name.
    """
    inputs = list(devices)
    if not inputs:
        raise AudioSourceError("No microphone is connected; plug one in, and listening starts by itself.")
    if name:
        wanted = [device for device in inputs if name.casefold() in device.name.casefold()]
        if not wanted:
            there = ", ".join(device.name for device in inputs)
            raise AudioSourceError(
                f"No microphone named {name!r} is connected; plug it in, or change microphone.device. Connected: {there}."
            )
        return sorted(wanted, key=lambda device: device.name.casefold() != name.casefold())
    return sorted(inputs, key=lambda device: (not device.default, not device.hardware))


def _channels(device: Device) -> list[int]:
    most = device.channels if device.channels <= MAX_CHANNELS else 2
    return sorted({most, min(most, 2), 1}, reverse=True)


def _sounddevice() -> Any:
    try:
        sd = importlib.import_module("sounddevice")
    except OSError as error:
        raise AudioSourceError(
            f"The sound library is missing ({error}); install it with: sudo apt install libportaudio2"
        ) from error
    except Exception as error:
        # It starts PortAudio as it is imported, with an error class that nobody can name before.
        raise AudioSourceError(f"The sound system does not start ({_words(error)}); it is tried again.") from error
    # Its clean-up at exit would wait for a stream that hangs; the microphone closes its own.
    atexit.unregister(sd._exit_handler)
    return sd


def _default_input(sd: Any) -> int:
    return next((int(api["default_input_device"]) for api in sd.query_hostapis() if api["default_input_device"] >= 0), -1)


def _words(error: Exception | None) -> str:
    text = str(error.args[0] if error is not None and error.args else error)
    return text.removeprefix("Error opening InputStream: ").removeprefix("Error starting stream: ")
