"""A monitor that hangs begins anew, where no service manager sees to that: what hangs must not say that all is well."""

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

HANGS_S = 45.0
"""Without a beat for so long it hangs: the inbox has held no more sound for twenty of these seconds."""

WAIT_S = 5.0
"""Until the new start, so that the page and the broker of the old one have ended and their ports are free."""

STATUS = 75
"""Exit status for a service manager: EX_TEMPFAIL of sysexits.h, try again."""


def begin_anew(wait_s: float = WAIT_S) -> None:
    """Replace this process, hanging threads and all, by a new start of the same command; under systemd, end and be started.

    Nothing is tidied up, for that may hang as well; the journal bears it as it bears a power cut.
    """
    if "NOTIFY_SOCKET" in os.environ:
        os._exit(STATUS)
    again = [sys.executable, "-m", "device", *sys.argv[1:]]
    os.execv("/bin/sh", ["sh", "-c", f'sleep {wait_s}; exec "$@"', "sh", *again])


class Pulse:
    """Ends a process in which nothing beats any more.

    It counts its own seconds awake, not the clock's: a process that was stopped or put to sleep has not been hanging.
    """

    def __init__(self, *, hangs_s: float = HANGS_S, every_s: float = 1.0, end: Callable[[], None] = begin_anew) -> None:
        """Take how long is too long, how often to look, and what to do then. It counts from the first beat on."""
        self._most = round(hangs_s / every_s)
        self._every_s = every_s
        self._end = end
        self._missed: int | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._thread = threading.Thread(target=self._watch, name="pulse", daemon=True)
        self._thread.start()

    def beat(self) -> None:
        """Something was heard, or the lack of it dealt with."""
        self._missed = 0

    def close(self) -> None:
        """Stop watching; calling it again does nothing."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while not self._closing.wait(self._every_s):
            if self._missed is None:
                continue
            self._missed += 1
            if self._missed > self._most:
                log.error("nothing has been heard or told for too long; where everything stands follows, then a new start")
                faulthandler.dump_traceback(sys.stderr)
                self._end()
                return
