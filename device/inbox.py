"""The monitor's inbox: bounded, filled from any thread, emptied by one; sound never pushes out somebody's answer."""

import queue
import threading

from device.audio import AudioBlock

INBOX_BLOCKS = 256
"""Blocks that may wait: at 0.1 s each, 25 s of sound (1.6 MB)."""

INBOX_EXTRA = 256
"""Room kept for everything that is not audio."""

PATIENCE_S = 0.5
"""How often one who waits for room looks whether the inbox was closed."""


class Inbox:
    """What waits for the monitor, in order."""

    def __init__(self) -> None:
        """Begin empty and open."""
        self._items: queue.Queue[object] = queue.Queue(INBOX_BLOCKS + INBOX_EXTRA)
        self._closed = threading.Event()
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many blocks have found no room so far."""
        return self._dropped

    @property
    def closed(self) -> bool:
        """True once `close` was called."""
        return self._closed.is_set()

    def put(self, item: object) -> bool:
        """Add at once; False if there is no room (a block is then counted as dropped)."""
        try:
            if isinstance(item, AudioBlock) and self._items.qsize() >= INBOX_BLOCKS:
                raise queue.Full
            self._items.put_nowait(item)
            return True
        except queue.Full:
            self._dropped += isinstance(item, AudioBlock)
            return False

    def put_wait(self, item: object) -> None:
        """Add, waiting for room: for a recording, of which nothing may be dropped."""
        while not self.closed:
            try:
                self._items.put(item, timeout=PATIENCE_S)
                return
            except queue.Full:
                continue

    def get(self, timeout_s: float) -> object | None:
        """Take the oldest; None if nothing came in time, or to wake up whoever waits when the inbox is closed."""
        try:
            return self._items.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Let nobody wait any longer; safe from any thread and signal handler."""
        self._closed.set()
        self.put(None)
