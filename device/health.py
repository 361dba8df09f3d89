"""Looks after what no other part would notice: disk, clock and page; each trouble goes onto the inbox once."""

import logging
import shutil
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from device.clock import Clock
from device.sinks import Trouble

log = logging.getLogger(__name__)

EVERY_S = 4.0
PAGE_FAILS = 2
"""A page that misses one request may just be busy; two misses in a row are a fault, noticed within 10 s."""

Probe = Callable[[], str | None]
"""Looks at one thing: None if it is well, else a sentence for a person."""


class Health:
    """Runs every probe every few seconds on a thread of its own, as a slow disk must not delay the listening."""

    def __init__(self, probes: Mapping[str, Probe], clock: Clock, every_s: float = EVERY_S) -> None:
        """Take the probes by fault code."""
        self._probes = dict(probes)
        self._clock = clock
        self._every_s = every_s
        self._standing: set[str] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, put: Callable[[object], object]) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._run, args=(put,), name="health", daemon=True)
        self._thread.start()

    def _run(self, put: Callable[[object], object]) -> None:
        while not self._stop.is_set():
            self.look(put)
            self._stop.wait(self._every_s)

    def look(self, put: Callable[[object], object]) -> None:
        """Look once at everything."""
        for code, probe in self._probes.items():
            try:
                text = probe()
            except Exception:  # one that fails must not blind the others
                log.exception("the probe %s failed", code)
                continue
            if text is not None and code not in self._standing:
                self._standing.add(code)
                put(Trouble(self._clock.now(), code, text))
            elif text is None and code in self._standing:
                self._standing.discard(code)
                put(Trouble(self._clock.now(), code, standing=False))

    def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)


def disk_probe(folder: Path, min_free_mb: float) -> Probe:
    """Is there room for the history?"""

    def probe() -> str | None:
        try:
            free_mb = shutil.disk_usage(folder).free / 1e6
        except OSError as error:
            return f"The disk with {folder} cannot be read ({error.strerror}); look at the SD card."
        return (
            f"Only {free_mb:.0f} MB are free on the disk; make room, or history may stop." if free_mb < min_free_mb else None
        )

    return probe


def clock_probe(clock: Clock) -> Probe:
    """Is the time of day right?"""
    return lambda: (
        None
        if clock.now().synced
        else "The clock is not set yet; until the network is back, times may be shown wrongly and no hour counts as quiet."
    )


def page_probe(bind: str, port: int, *, tls: bool) -> Probe:
    """Does the page answer? Only asked once it has: a house may well run the monitor without it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the page's own certificate, on this machine
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    host = "127.0.0.1" if bind in ("", "0.0.0.0", "::") else f"[{bind}]" if ":" in bind else bind
    seen, fails = False, 0

    def probe() -> str | None:
        nonlocal seen, fails
        try:
            with opener.open(f"{'https' if tls else 'http'}://{host}:{port}/healthz", timeout=2):
                seen, fails = True, 0
        except (OSError, urllib.error.URLError, ValueError):
            fails += 1
        return f"The page on port {port} does not answer." if seen and fails >= PAGE_FAILS else None

    return probe
