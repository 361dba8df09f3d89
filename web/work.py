"""What takes longer than a page may take is worked out beside the pages, anew whenever the history changes."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from device import memory
from device.errors import NurseryError

log = logging.getLogger(__name__)

LOOK_S = 5.0
"""How often it is seen whether anything has changed; what then stays the same until the next look is worked out anew."""

AFTER_S = 0.1
"""The page that asked goes out first."""

FIRST_S = 30.0
"""How long a page waits when there is nothing to show yet at all: in the first seconds after a start."""

T = TypeVar("T")
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Result(Generic[T]):
    """What was worked out last, and whether nothing has changed since."""

    value: T
    current: bool


@dataclass(frozen=True, slots=True)
class _Made(Generic[T]):
    key: Key
    value: T | None
    problem: Exception | None = None


class Work(Generic[T]):
    """Works out one thing on a thread of its own; until that is started, whoever looks works it out."""

    def __init__(self, name: str, key: Callable[[], Key], make: Callable[[], T]) -> None:
        """Take what changes whenever the result would be another, and what makes it; both are called in any thread."""
        self._name = name
        self._key = key
        self._make = make
        self._change = threading.Condition()
        self._made: _Made[T] | None = None
        self._asked = self._due = False
        self._closing = False
        self._thread: threading.Thread | None = None
        self.turn = 0
        """Counts up whenever what somebody looked at too early has become ready."""

    def start(self) -> None:
        """Begin to work ahead; calling it again does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop, at the latest after what is in hand; calling it again does nothing."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join(LOOK_S)

    def look(self) -> Result[T]:
        """The last result, at once; if it is not of now, `begin` begins the next one.

        Raises:
            NurseryError: what went wrong when it was worked out.
        """
        key = self._key()
        if self._thread is None and not self._is(key):
            self._work(key)
        with self._change:
            if not self._is(key):
                self._asked = True
            if self._made is None:
                self._due = True
                self._change.notify_all()
                self._change.wait_for(lambda: self._made is not None or self._closing, FIRST_S)
            made = self._made
        if made is None:
            raise NurseryError(f"{self._name} took longer than {FIRST_S:g} s; try again in a moment")
        if made.problem is not None or made.value is None:
            raise made.problem or NurseryError(f"{self._name} gave nothing; this is a bug, please report it")
        return Result(made.value, made.key == key)

    def begin(self) -> None:
        """Begin what was asked for by a look; called once the page that looked is made, so that it need not share."""
        with self._change:
            self._due |= self._asked
            self._change.notify_all()

    def _is(self, key: Key) -> bool:
        return self._made is not None and self._made.key == key and self._made.problem is None

    def _run(self) -> None:
        seen: Key | None = None
        while not self._closing:
            key = self._key()
            asked, first = self._asked, self._made is None
            # A cry writes again and again: unless somebody looks, wait until it has been still for a while.
            if first or (not self._is(key) and (asked or seen == key)):
                self._asked = False
                self._work(key)
                memory.give_back()
                with self._change:
                    self.turn += asked or self._asked
                    if self._key() == key:  # whoever asked meanwhile has it too; the next change waits for its own page
                        self._asked = self._due = False
            seen = key
            with self._change:
                if self._change.wait_for(lambda: self._due or self._closing, LOOK_S):
                    self._change.wait_for(lambda: self._closing, AFTER_S)
                self._due = False

    def _work(self, key: Key) -> None:
        made: _Made[T]
        try:
            made = _Made(key, self._make())
        except NurseryError as error:
            made = _Made(key, None, error)
        except Exception as error:
            # Whoever looks is told; the thread must go on.
            log.exception("cannot work out %s", self._name)
            made = _Made(key, None, error)
        with self._change:
            self._made = made
            self._change.notify_all()
