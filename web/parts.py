"""What every view of the page shares: settings, clock, monitor, history, language; held by the application, not globally."""

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app, g, request, session

from device import memory
from device.clock import Clock
from device.config import data_dir, journal_path
from device.journal import JournalReader
from device.settings import Config
from web.keys import Keys
from web.live import LiveMonitor
from web.taught import Taught
from web.throttle import Throttle
from web.words import Words, choose
from web.work import Key, Work


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that the views are given."""

    config: Config
    clock: Clock
    live: LiveMonitor
    keys: Keys
    throttle: Throttle
    zone: ZoneInfo
    streams: BoundedSemaphore
    taught: Work[Taught]
    run: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def folder(self) -> Path:
        """Where history and secrets are kept."""
        return data_dir(self.config)


def parts() -> Parts:
    """The parts of the application that serves this request."""
    found: Parts = current_app.extensions["nursery"]
    return found


def now_utc() -> float:
    """The present time, UTC seconds."""
    return parts().clock.now().utc


def words() -> Words:
    """The language and time zone of this request."""
    if "words" not in g:
        language = choose(
            request.headers.get("Accept-Language", ""), parts().config.nursery.language, session.get("language", "")
        )
        g.words = Words(language, parts().zone)
    said: Words = g.words
    return said


def reader() -> JournalReader:
    """The history, opened once for this request and closed after it.

    Raises:
        JournalError: it cannot be read.
    """
    if "reader" not in g:
        g.reader = JournalReader(journal_path(parts().config))
    opened: JournalReader = g.reader
    return opened


def json_object() -> dict[str, Any] | None:
    """The object that was sent as application/json; None if it was anything else."""
    if not request.is_json:
        return None
    try:
        sent = request.get_json(silent=True)
        # Half a surrogate pair is no text: it could neither be stored nor shown.
        json.dumps(sent, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return sent if isinstance(sent, dict) else None


def changes() -> str:
    """Another text whenever a page may show something else: the history, what was learned, or another run of the server."""
    return f"{parts().run}.{parts().live.now().changes}.{parts().taught.turn}"


def revision(config: Config) -> Key:
    """What changes whenever anything is written to the journal."""
    journal = journal_path(config)
    stamp: list[int] = []
    for path in (journal, journal.with_name(journal.name + "-wal")):
        try:
            found = path.stat()
            stamp += (found.st_mtime_ns, found.st_size)
        except OSError:
            stamp += (0, 0)
    return tuple(stamp)


def tidy(_error: BaseException | None = None) -> None:
    """At the end of a request, close the history, and let begin what has waited for the page to be made."""
    opened = g.pop("reader", None)
    if opened is not None:
        opened.close()
        memory.give_back()
    parts().taught.begin()
