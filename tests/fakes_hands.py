"""A clock that stands still until it is moved, an inbox that can be waited on, and things to put into either."""

import threading
from collections.abc import Callable
from typing import TypeVar

from device.clock import Instant

T = TypeVar("T")
DEADLINE_S = 10.0


class HandClock:
    """Stands at an instant; `go` moves it."""

    boot_id = "boot"

    def __init__(self, monotonic: float = 1_000.0, utc: float = 1_700_000_000.0) -> None:
        self._at = Instant(monotonic, utc)

    def now(self) -> Instant:
        return self._at

    def go(self, seconds: float) -> Instant:
        self._at = self._at.plus(seconds)
        return self._at

    def jump(self, utc_s: float, synced: bool = True) -> None:
        self._at = Instant(self._at.monotonic, self._at.utc + utc_s, synced)


class Inbox:
    """Takes what adapters put; `wait` blocks until something wanted is there, at most until the deadline."""

    def __init__(self) -> None:
        self.items: list[object] = []
        self._changed = threading.Condition()

    def put(self, item: object) -> bool:
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()
        return True

    def wait(self, wanted: Callable[[object], bool], timeout_s: float = DEADLINE_S) -> object:
        """The first item wanted, also of those that came before; it and what came before it are taken out."""
        with self._changed:
            found = self._changed.wait_for(lambda: any(wanted(item) for item in self.items), timeout_s)
            assert found, f"nothing like it within {timeout_s} s; there is {self.items[-5:]}"
            index = next(i for i, item in enumerate(self.items) if wanted(item))
            item = self.items[index]
            del self.items[: index + 1]
            return item

    def wait_for(self, kind: type[T], timeout_s: float = DEADLINE_S, **fields: object) -> T:
        """The first item of a kind whose fields are as given."""
        item = self.wait(
            lambda item: isinstance(item, kind) and all(getattr(item, k) == v for k, v in fields.items()), timeout_s
        )
        assert isinstance(item, kind)
        return item
