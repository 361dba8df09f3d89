"""What light and buzzer show: a pattern is a few steps, each a strength (0..1) and how long it lasts, over and over."""

import math
import threading
from collections.abc import Callable
from datetime import datetime, tzinfo

from device.sinks import MonitorState
from device.vocabulary import Mic

Pattern = tuple[tuple[float, float], ...]

_BREATH_STEPS = 32
_BREATH_S = 6.4

OFF: Pattern = ((0.0, 3600.0),)
LISTENING: Pattern = tuple(
    (0.05 + 0.25 * math.sin(math.pi * step / _BREATH_STEPS) ** 2, _BREATH_S / _BREATH_STEPS) for step in range(_BREATH_STEPS)
)
CRYING: Pattern = ((1.0, 3600.0),)
ON_THE_WAY: Pattern = ((0.8, 1.0), (0.1, 1.0))
FAULT: Pattern = ((1.0, 0.15), (0.0, 0.15), (1.0, 0.15), (0.0, 2.0))
BEEPS: Pattern = ((1.0, 0.2), (0.0, 0.2), (1.0, 0.2), (0.0, 3.4))

NIGHT_FROM_H, NIGHT_TO_H = 20, 7


def light_pattern(state: MonitorState) -> Pattern:
    """What the light shows: a fault of the microphone before all, then crying, then any other fault, else a slow breath."""
    if state.mic is not Mic.OK:
        return FAULT
    episode = state.episode
    if episode is not None and episode.arrived is None:
        return CRYING if episode.acknowledged is None else ON_THE_WAY
    if state.crying:
        return CRYING
    return FAULT if state.faults else LISTENING


def buzzer_pattern(state: MonitorState) -> Pattern:
    """Beeps while an alert stands unanswered and phones cannot be told; never while muted, nor in quiet hours."""
    calling = state.episode is not None and state.episode.calling
    return BEEPS if calling and not (state.broker or state.muted_s or state.quiet_hours) else OFF


def brightness(state: MonitorState, zone: tzinfo | None, night: float) -> float:
    """The light's strength: `night` from 20:00 to 07:00 and while the clock may be wrong, else 1."""
    if not state.at.synced:
        return night
    hour = datetime.fromtimestamp(state.at.utc, zone).hour
    return night if hour >= NIGHT_FROM_H or hour < NIGHT_TO_H else 1.0


class Player:
    """Plays a pattern on an output, from a thread of its own that mostly sleeps."""

    def __init__(self, name: str, output: Callable[[float], None]) -> None:
        """Take what sets the output's strength."""
        self._output = output
        self._changed = threading.Condition()
        self._pattern, self._strength = OFF, 1.0
        self._closed = False
        self.error: Exception | None = None
        self._thread = threading.Thread(target=self._play, name=name, daemon=True)
        self._thread.start()

    def show(self, pattern: Pattern, strength: float = 1.0) -> None:
        """Play this from now on; the pattern already playing goes on undisturbed."""
        with self._changed:
            if (pattern, strength) != (self._pattern, self._strength):
                self._pattern, self._strength = pattern, strength
                self._changed.notify()

    def close(self) -> None:
        """Stop, and switch the output off."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=2)

    def _play(self) -> None:
        with self._changed:
            while not self._closed:
                playing = (self._pattern, self._strength)
                for value, seconds in self._pattern:
                    self._set(value * self._strength)
                    if self._changed.wait_for(lambda now=playing: self._news(now), seconds):  # type: ignore[misc]
                        break
            self._set(0.0)

    def _news(self, playing: tuple[Pattern, float]) -> bool:
        return self._closed or playing != (self._pattern, self._strength)

    def _set(self, value: float) -> None:
        try:
            self._output(value)
            self.error = None
        except Exception as error:
            # Told by whoever looks at `error`; the next step tries again.
            self.error = error
