"""What was worked out once and is kept while nothing changes."""

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

KEPT = 8

T = TypeVar("T")


class Kept(Generic[T]):
    """Results by what they were made of; the oldest are forgotten."""

    def __init__(self) -> None:
        """Keep none yet."""
        self._lock = threading.Lock()
        self._found: OrderedDict[tuple[object, ...], T] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> T | None:
        """What is kept under a key."""
        with self._lock:
            return self._found.get(key)

    def put(self, key: tuple[object, ...], found: T) -> None:
        """Keep a result under a key."""
        with self._lock:
            self._found[key] = found
            while len(self._found) > KEPT:
                self._found.popitem(last=False)
