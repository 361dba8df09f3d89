"""The faults that now stand: each is told once when it begins and once when it ends."""

from device.clock import Instant
from device.events import DeviceEvent, Fault, FaultCleared, FaultRaised


class Faults:
    """A register of standing faults, by code; `raise_` and `clear` say what is new as events, and nothing if nothing is."""

    def __init__(self) -> None:
        """Begin with none."""
        self._standing: dict[str, Fault] = {}

    @property
    def standing(self) -> tuple[Fault, ...]:
        """Faults that stand now, oldest first."""
        return tuple(self._standing.values())

    def raise_(self, code: str, text: str, at: Instant) -> tuple[DeviceEvent, ...]:
        """A fault is there; its text may change while it stands."""
        before = self._standing.get(code)
        self._standing[code] = Fault(code, text, before.at if before else at)
        return () if before else (FaultRaised(at, text, code=code),)

    def clear(self, code: str, at: Instant) -> tuple[DeviceEvent, ...]:
        """A fault is over."""
        before = self._standing.pop(code, None)
        return (FaultCleared(at, before.text, code=code),) if before else ()
