"""Which losses of the microphone the family is told of: all, but silences that pass by themselves less and less. Pure."""

from collections import deque

from device.clock import Instant
from device.events import Event, MicLost, MicRestored
from device.inputs import AudioLost, AudioRestored
from device.vocabulary import Mic

REMEMBERED_S = 3600.0
"""A silence that passed by itself counts for so long."""

HOLD_S, LONGEST_S = 8.0, 600.0
"""The wait before the next silence is told, doubled for each that counts; one that lasts is told however many there were."""


class MicAlarm:
    """Takes what the microphone says; gives the events that are worth telling.

    A microphone that suppresses noise is flat whenever the room is quiet, and a phone that rings for that all night is
    switched off. What is not told yet is no quiet all the same: state, history and coverage know of it at once.
    """

    def __init__(self) -> None:
        """Nothing has been said yet."""
        self._mic: Mic | None = None
        self._waiting: AudioLost | None = None
        self._passed: deque[Instant] = deque(maxlen=16)
        self._told = False

    @property
    def told(self) -> bool:
        """True while the family has been told that the microphone is not well."""
        return self._told

    def lost(self, item: AudioLost) -> tuple[Event, ...]:
        """It is lost or silent."""
        if self._mic is item.mic:
            return ()
        self._mic = item.mic
        if item.mic is Mic.SILENT and self._hold_s(item.at) > 0:
            self._waiting = item
            return ()
        self._waiting, self._told = None, True
        return (MicLost(item.at, item.reason, mic=item.mic),)

    def restored(self, item: AudioRestored) -> tuple[Event, ...]:
        """It is heard again."""
        if self._mic is Mic.SILENT:
            self._passed.append(item.at)
        told, self._told = self._told, False
        self._mic, self._waiting = Mic.OK, None
        return (MicRestored(item.at, item.device),) if told else ()

    def waited(self, now: Instant) -> tuple[Event, ...]:
        """Time has passed; a silence that has lasted is told, as of now."""
        item = self._waiting
        if item is None or now.since(item.at) < self._hold_s(item.at):
            return ()
        self._waiting, self._told = None, True
        return (MicLost(now, f"{item.reason} It was so before and passed: is noise suppression on?", mic=item.mic),)

    def _hold_s(self, at: Instant) -> float:
        count = sum(at.since(passed) <= REMEMBERED_S for passed in self._passed)
        return float(min(HOLD_S * 2.0**count, LONGEST_S)) if count else 0.0
