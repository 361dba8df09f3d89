"""Calls into a library that may hang: all on one thread, each waited for only so long."""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Stuck(Exception):
    """A call did not come back in time, or the one before it still has not."""


class _Job:
    def __init__(self, call: Callable[[], Any], late: Callable[[Any], object] | None) -> None:
        self.call = call
        self.late = late
        self.done = threading.Event()
        self.lock = threading.Lock()
        self.given_up = False
        self.result: Any = None
        self.error: BaseException | None = None


class Patience:
    """Runs calls one after the other on a thread of its own, so that a hanging one hangs nobody else."""

    def __init__(self, name: str, limit_s: float) -> None:
        """Name the thread; `limit_s` is how long a call may take."""
        self.limit_s = limit_s
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._running: _Job | None = None
        self._stuck_since: float | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def stuck_s(self) -> float:
        """For how long the present call has hung beyond its limit; 0 if it does not."""
        return 0.0 if self._stuck_since is None else time.monotonic() - self._stuck_since

    def call(self, call: Callable[[], T], late: Callable[[T], object] | None = None) -> T:
        """Run a call and give its result or raise its error. `late` is given a result that came too late, to undo it.

        Raises:
            Stuck: it hangs. The calls after it wait until it has come back.
        """
        if self._running is not None and not self._running.done.wait(self.limit_s):
            raise Stuck
        self._stuck_since = None
        job = self._running = _Job(call, late)
        self._jobs.put(job)
        if not job.done.wait(self.limit_s):
            with job.lock:
                job.given_up = not job.done.is_set()
            if job.given_up:
                self._stuck_since = time.monotonic()
                raise Stuck
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    def close(self) -> None:
        """End the thread, if it does not hang."""
        self._jobs.put(None)
        self._thread.join(timeout=self.limit_s if self.stuck_s == 0.0 else 0.0)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job.result = job.call()
            except BaseException as error:
                job.error = error
            with job.lock:
                job.done.set()
                undo = job.given_up and job.late is not None and job.error is None
            if undo:
                assert job.late is not None
                try:
                    job.late(job.result)
                except Exception:
                    # It was given up already; there is nobody left to tell.
                    continue
