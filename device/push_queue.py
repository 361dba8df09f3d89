"""What waits to be pushed: the loudest first, and of what tells the same thing only the latest; bounded, from any thread."""

import threading
from dataclasses import dataclass

from device.events import Event

WAITING = 32
"""At most so many messages wait; then the oldest of the least loud is given up."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """An event on its way, and how loud it is; `about` names the fault that it says to stand or to be over, if it does."""

    event: Event
    priority: int
    about: str = ""


class PushQueue:
    """Messages on their way from the monitor's thread to the sender's; one that is being sent stays until it is `done`."""

    def __init__(self) -> None:
        """Nothing waits yet."""
        self._waiting: list[Message] = []  # oldest first
        self._changed = threading.Condition()
        self._closed = False

    def put(self, message: Message) -> Message | None:
        """Add a message, in the place of one about the same fault; give the one for which there is no room, if any."""
        with self._changed:
            self._waiting = [each for each in self._waiting if not each.about or each.about != message.about]
            self._waiting.append(message)
            self._changed.notify_all()
            if len(self._waiting) <= WAITING:
                return None
            least = min(self._waiting, key=lambda each: each.priority)
            self._waiting.remove(least)
            return least

    def first(self) -> Message | None:
        """Wait for messages, and give the oldest of the loudest; None once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            return None if self._closed else max(self._waiting, key=lambda each: each.priority)

    def done(self, message: Message) -> None:
        """Forget a message, unless another has taken its place already."""
        with self._changed:
            if message in self._waiting:
                self._waiting.remove(message)

    def rest(self, seconds: float, failed: Message) -> None:
        """Wait so long before the next try; not longer once a louder message than the one that failed is there."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or any(each.priority > failed.priority for each in self._waiting), seconds
            )

    def close(self) -> None:
        """Give up what waits, and wake whoever waits for it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
