"""The microphone: finds it, listens, notices when it is lost or flat, and opens it again, for as long as it takes."""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from device.clock import Clock, Instant
from device.errors import AudioSourceError
from device.inputs import AudioLost, AudioRestored
from device.listening import Listening
from device.patience import Patience, Stuck
from device.portaudio import Device, Frames, PortAudio, SoundSystem, Stream, choose
from device.settings import MicrophoneSettings
from device.sinks import Trouble
from device.vocabulary import Mic

log = logging.getLogger(__name__)

WAITING_RUNS = 100
"""Runs of 0.1 s that may wait for this module's thread; more are lost, and counted as an overflow."""

CALL_S = 8.0
"""No call of PortAudio may take longer; a hanging one is left behind."""

TROUBLE_S = 60.0
"""Overflow or clipping counts as over when it has not been seen for so long."""

SETTLE_S = 1.0
"""An overflow while the stream starts is no fault."""

REOPEN_SILENT_S = 30.0
"""A flat microphone is opened anew this often: the sound server may have put another source in its place."""

STUCK_S = 30.0


@dataclass(frozen=True, slots=True)
class _Run:
    frames: Frames
    arrived: Instant
    overflow: bool


class _Opened:
    """One opening of a device: its runs come here, so that a stream left behind disturbs no later one."""

    def __init__(self, device: Device, clock: Clock) -> None:
        self.device = device
        self.runs: queue.Queue[_Run | None] = queue.Queue(WAITING_RUNS)
        self._clock = clock
        self._missed = False

    def on_frames(self, frames: Frames, overflow: bool) -> None:
        try:
            self.runs.put_nowait(_Run(frames, self._clock.now(), overflow or self._missed))
            self._missed = False
        except queue.Full:
            self._missed = True

    def on_end(self) -> None:
        try:
            self.runs.put_nowait(None)
        except queue.Full:
            # Then the runs stop, which is noticed as well, only later.
            return


class Microphone:
    """An AudioSource. One thread takes what the callback copied, resamples it and puts blocks; it also keeps watch."""

    def __init__(
        self,
        *,
        settings: MicrophoneSettings,
        clock: Clock,
        system: SoundSystem | None = None,
        on_stuck: Callable[[str], None] | None = None,
        call_s: float = CALL_S,
        stuck_s: float = STUCK_S,
    ) -> None:
        """Take what to listen with.

        `system` is PortAudio unless a test gives another. `on_stuck` is called once if PortAudio has hung for `stuck_s`
        seconds: only a new process helps then.
        """
        self._settings = settings
        self._clock = clock
        self._system = system or PortAudio()
        self._patience = Patience("portaudio", call_s)
        self._on_stuck = on_stuck
        self._stuck_s = stuck_s
        self._put: Callable[[object], object] = lambda item: None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._mic = Mic.LOST
        self._lost_at = clock.now()
        self._troubles: dict[str, Instant] = {}
        self._opened: _Opened | None = None

    def start(self, put: Callable[[object], object]) -> None:
        """Begin to listen, on a thread of its own; without a microphone it says so and keeps looking."""
        self._put = put
        self._lost_at = self._clock.now()
        self._thread = threading.Thread(target=self._run, name="microphone", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and free the device."""
        self._stop.set()
        if self._opened is not None:
            self._opened.on_end()
        if self._thread is not None:
            self._thread.join(timeout=self._patience.limit_s + 1)
        self._patience.close()

    # ---- keeping it open ----

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen_once()
            except AudioSourceError as error:
                self._lost(str(error))
            except Stuck:
                self._lost("The sound system does not answer; unplug the microphone and plug it in again.")
                if self._on_stuck is not None and self._patience.stuck_s > self._stuck_s:
                    self._on_stuck(f"PortAudio has hung for more than {self._stuck_s:g} s")
                    self._on_stuck = None
            except Exception:
                log.exception("the microphone's thread failed; it goes on")
                self._lost("Something unexpected went wrong with the microphone; it is opened anew.")
            self._stop.wait(self._settings.retry_s)

    def _listen_once(self) -> None:
        opened, stream = self._open()
        self._opened = opened
        try:
            self._listen(opened)
        finally:
            self._patience.call(stream.close)

    def _open(self) -> tuple[_Opened, Stream]:
        devices = choose(self._patience.call(self._system.devices), self._settings.device)
        problems = []
        for device in devices:
            opened = _Opened(device, self._clock)
            try:
                return opened, self._patience.call(
                    lambda d=device, o=opened: self._system.open(d, o.on_frames, o.on_end),  # type: ignore[misc]
                    late=lambda stream: stream.close(),
                )
            except AudioSourceError as error:
                problems.append(str(error))
        raise AudioSourceError(f"The microphone cannot be used; is another program using it? {'; '.join(problems)}")

    def _listen(self, opened: _Opened) -> None:
        """Deliver blocks until the device is lost, has been flat for long, or `close` is called."""
        listening = Listening(opened.device.rate_hz, self._settings.channel)
        heard_s = 0.0
        while not self._stop.is_set():
            try:
                run = opened.runs.get(timeout=self._settings.lost_after_s)
            except queue.Empty:
                run = None
            if run is None:
                self._lost(f"{opened.device.name} has stopped giving sound; check its cable.")
                return
            heard = listening.push(run.frames, run.arrived, run.overflow)
            heard_s += len(run.frames) / opened.device.rate_hz
            lost = (run.overflow and heard_s > SETTLE_S) or heard.missing
            self._notice("audio_overflow", lost, _OVERFLOW, run.arrived)
            self._notice("audio_faint", heard.faint, _FAINT, run.arrived)
            self._notice("audio_clipping", heard.clipping, _CLIPPING, run.arrived)
            if heard.flat_s >= self._settings.silent_after_s:
                self._silent(opened.device, run.arrived, heard.flat_s)
                if heard.flat_s >= self._settings.silent_after_s + REOPEN_SILENT_S:
                    return
            elif heard.flat_s == 0.0 and self._mic is not Mic.OK:
                self._say(Mic.OK, AudioRestored(run.arrived, opened.device.name))
            if self._mic is Mic.OK and heard.block is not None:
                self._put(heard.block)

    # ---- saying so ----

    def _say(self, mic: Mic, item: object) -> None:
        """Put what the microphone's state has become; if the inbox is full, it has not, and is tried again."""
        if self._put(item) is not False:
            self._mic = mic

    def _lost(self, reason: str) -> None:
        if self._stop.is_set():
            return
        now = self._clock.now()
        if self._mic is not Mic.LOST:
            self._mic = Mic.LOST
            self._lost_at = now
        for code in self._troubles:
            self._put(Trouble(now, code, standing=False))
        self._troubles.clear()
        # Said again at each try, for the inbox may have been full; for the monitor it is one loss.
        self._put(AudioLost(self._lost_at, reason))

    def _silent(self, device: Device, at: Instant, flat_s: float) -> None:
        if self._mic is not Mic.SILENT:
            text = f"{device.name} gives no sound at all; it is muted or broken."
            self._say(Mic.SILENT, AudioLost(at.plus(-flat_s), text, Mic.SILENT))

    def _notice(self, code: str, seen: bool, text: str, at: Instant) -> None:
        since = self._troubles.get(code)
        if seen:
            self._troubles[code] = at
            if since is None:
                self._put(Trouble(at, code, text))
        elif since is not None and at.since(since) > TROUBLE_S:
            del self._troubles[code]
            self._put(Trouble(at, code, standing=False))


_OVERFLOW = "Sound was lost between the microphone and the monitor; the processor is too busy or the cable is loose."
_FAINT = "The microphone gives next to nothing, less than any quiet room: is it muted, or turned down?"
_CLIPPING = "The microphone is overdriven; turn its level down or move it further from the cot."


def devices(system: SoundSystem | None = None) -> list[str]:
    """Say in a line each which microphones are connected, the one used by default first.

    Raises:
        AudioSourceError: there is none, or no sound system.
    """
    found = choose((system or PortAudio()).devices(), "")
    return [
        f"{device.name}  ({device.channels} channel{'s' * (device.channels != 1)}, {device.rate_hz:g} Hz)"
        + ("  default" if device.default else "")
        for device in found
    ]
