"""The monitor's inbox: bounded, filled from any thread, emptied by one; sound and answers never push out each other."""

import threading
from collections import deque

from device.audio import AudioBlock

INBOX_BLOCKS = 256
"""Blocks that may wait: at 0.1 s each, 25 s of sound (1.6 MB)."""

INBOX_EXTRA = 256
"""Everything else that may wait, counted apart: neither pushes out the other."""


class Inbox:
    """What waits for the monitor, in order."""

    def __init__(self) -> None:
        """Begin empty and open."""
        self._items: deque[object] = deque()
        self._blocks = 0
        # Its lock may be taken twice by one thread, so that a signal handler can close the inbox at any moment.
        self._changed = threading.Condition()
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many blocks have found no room so far."""
        return self._dropped

    @property
    def closed(self) -> bool:
        """True once `close` was called."""
        return self._closed

    def put(self, item: object) -> bool:
        """Add at once; False if there is no room (a block is then counted as dropped)."""
        with self._changed:
            if self._room(item):
                self._add(item)
                return True
            self._dropped += isinstance(item, AudioBlock)
            return False

    def put_wait(self, item: object) -> None:
        """Add, waiting for room: for a recording, of which nothing may be dropped."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._room(item))
            if not self._closed:
                self._add(item)

    def get(self, timeout_s: float) -> object | None:
        """Take the oldest; None if nothing came in time, or the inbox was closed meanwhile."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed or self._items, timeout_s) or not self._items:
                return None
            item = self._items.popleft()
            self._blocks -= isinstance(item, AudioBlock)
            self._changed.notify_all()
            return item

    def close(self) -> None:
        """Let nobody wait any longer; safe from any thread and signal handler."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _room(self, item: object) -> bool:
        if isinstance(item, AudioBlock):
            return self._blocks < INBOX_BLOCKS
        return len(self._items) - self._blocks < INBOX_EXTRA

    def _add(self, item: object) -> None:
        self._items.append(item)
        self._blocks += isinstance(item, AudioBlock)
        self._changed.notify_all()
