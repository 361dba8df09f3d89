"""A house for the page's tests: the real monitor, tracker, journal and control socket; only the ear is a stand-in."""

import queue
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from flask.testing import FlaskClient
from numpy.typing import NDArray

from device.asked import refuse
from device.audio import AudioBlock
from device.clock import Instant, SystemClock
from device.commands import parse
from device.config import journal_path, socket_path
from device.control import Control
from device.credentials import Credentials, hash_password, store
from device.detector import Heard
from device.events import EpisodeEnded
from device.house import House as Ways
from device.inputs import AudioRestored, Score, Tick
from device.journal import JournalWriter
from device.journal_rows import put_episode
from device.monitor import Monitor
from device.record import AlertMark, Bout, Episode, Mark, NeedGuess
from device.settings import Config, NurserySettings, PageSettings
from device.sinks import EventSink, MonitorState
from device.vocabulary import Helped, Mic, Need, Outcome, Source
from tests.fakes import HOP_S, tracker
from web import create_app
from web.keys import Keys
from web.live import LiveMonitor
from web.serve import Server

PASSWORD = "moon-milk-moss"
DEADLINE_S = 15.0
SALT = "00112233445566778899aabbccddeeff"


class DeafEar:
    """Hears nothing: the tests put scores into the monitor themselves."""

    hop_s = HOP_S
    noise_floor_dbfs = -60.0
    ears: tuple[str, ...] = ()

    def feed(self, block: AudioBlock) -> list[Heard]:
        return []

    def reset(self) -> None:
        return


def until(done: Callable[[], object], timeout_s: float = DEADLINE_S) -> None:
    """Wait until something is so."""
    waiting = threading.Event()
    end = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < end, f"not so within {timeout_s} s"
        waiting.wait(0.02)


def settings(folder: Path, **page: object) -> Config:
    """A house in Berlin with two caregivers, its page on a free port of this machine."""
    nursery = NurserySettings(
        name="Nursery", caregivers=("Ana", "Ben"), time_zone="Europe/Berlin", data_dir=str(folder),
        control_socket=str(folder / "c.sock"),
    )  # fmt: skip
    return Config(nursery=nursery, page=replace(PageSettings(bind="127.0.0.1", port=0), **page))  # type: ignore[arg-type]


def remember_password(folder: Path, password: str = PASSWORD) -> None:
    """Make the secrets, with a password that the tests know."""
    store(folder, Credentials("nursery", "broker-secret", hash_password(password), "session-key"))


class LaggingClock:
    """Goes as the machine's clock does, but behind it; moving it forward is how the tests make time pass."""

    def __init__(self, lag_s: float = 0.0) -> None:
        self._clock = SystemClock()
        self.lag_s = lag_s
        self.boot_id = self._clock.boot_id

    def now(self) -> Instant:
        return self._clock.now().plus(-self.lag_s)


class House:
    """A running monitor in a folder."""

    def __init__(self, config: Config, *, demo: bool = False, lag_s: float = 3600.0) -> None:
        self.config = config
        self.clock = LaggingClock(lag_s)
        self.journal = JournalWriter(journal_path(config), clock=self.clock, demo=demo)
        self.demo = demo
        self._inbox: queue.Queue[object] = queue.Queue()
        self._turn = threading.RLock()
        self._stopping = threading.Event()
        self._monitor: Monitor | None = None
        self._thread: threading.Thread | None = None
        self._control: Control | None = None

    def start(self) -> None:
        self.journal.start()
        self._control = Control(path=socket_path(self.config), parse=parse, clock=self.clock)
        sinks: dict[str, EventSink] = {"journal": self.journal, "control": self._control}
        state = MonitorState(self.clock.now(), Mic.LOST, "Not listening yet.", demo=self.demo, version="1.2.3")
        ways = Ways(Path(self.config.nursery.data_dir))
        ways.settle(self.config)
        self._monitor = Monitor(
            detector=DeafEar(),
            tracker=tracker(),
            sinks=sinks,
            clock=self.clock,
            history=self.journal,
            state=state,
            house=ways,
        )
        self._stopping.clear()
        self._control.start(self._put)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.take(AudioRestored(self.clock.now(), "USB microphone"))

    def _put(self, item: object) -> bool:
        refuse(item, self.state, journal_path(self.config))
        self._inbox.put(item)
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                item = self._inbox.get(timeout=0.3)
            except queue.Empty:
                item = Tick(self.clock.now())
            self.take(item)

    def take(self, item: object) -> None:
        """Give the monitor an item, as its inbox would."""
        with self._turn:
            assert self._monitor is not None
            self._monitor.consume(item)

    def hear(self, seconds: float, cry: float, distress: float = 0.5) -> None:
        """Let so many seconds pass in which it hears this."""
        with self._turn:
            for _ in range(round(seconds / HOP_S)):
                self.clock.lag_s -= HOP_S
                self.take(Score(self.clock.now(), cry, 0.0, distress, -30.0))

    @property
    def state(self) -> MonitorState:
        assert self._monitor is not None
        return self._monitor.state

    def stop(self) -> None:
        """Stop the monitor; the journal stays open, so that it can be started again."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)
        if self._control is not None:
            self._control.close()
        self._monitor = self._control = self._thread = None

    def close(self) -> None:
        self.stop()
        self.journal.close()


@contextmanager
def serving(config: Config, *, streams: int = 8) -> Iterator[str]:
    """The page on a real server; gives its address."""
    clock = SystemClock()
    live = LiveMonitor(socket_path(config), clock)
    live.start()
    app = create_app(config, clock=clock, live=live, streams=streams)
    server = Server(app, config.page, streams=streams)
    server.start()
    try:
        yield f"{'https' if config.page.tls_cert else 'http'}://127.0.0.1:{server.port}"
    finally:
        live.close()
        server.close()


def log_in(client: FlaskClient, password: str = PASSWORD) -> str:
    """Log a test client in; gives its token."""
    answer = client.post("/api/v1/login", json={"password": password})
    assert answer.status_code == 200, answer.text
    token: str = answer.get_json()["csrf"]
    return token


def episode(onset_utc: float, rng: random.Random, number: int = 0) -> Episode:
    """A made-up episode, as a family's really go: most answered within minutes."""
    pieces = rng.randint(1, 4)
    bouts, at = [], 0.0
    for _ in range(pieces):
        length = rng.uniform(5, 90)
        bouts.append(Bout(at, at + length, min(1.0, max(0.02, rng.gauss(0.45, 0.22)))))
        at += length + rng.uniform(3, 25)
    end = bouts[-1].end_s
    kind = rng.random()
    name = rng.choice(["Ana", "Ben", None])
    answered = kind < 0.72
    arrived = rng.lognormvariate(4.6, 0.8) if answered else None
    if arrived is not None:
        end = max(end, arrived + rng.uniform(10, 240))
        bouts[-1] = replace(bouts[-1], end_s=end)
    acknowledged = None if arrived is None or arrived < 12 or rng.random() < 0.4 else Mark(arrived * 0.5, Source.PAGE, name)
    outcome = (
        Outcome.ANSWERED if answered
        else Outcome.SELF_SETTLED if kind < 0.88
        else Outcome.UNANSWERED if kind < 0.93
        else Outcome.FALSE_ALARM if kind < 0.97
        else Outcome.INTERRUPTED
    )  # fmt: skip
    tagged = answered and rng.random() < 0.6
    return Episode(
        id=f"{int(onset_utc * 1000):012x}-{number:x}",
        onset=Instant(1000.0 + number, onset_utc),
        offset_s=end,
        bouts=tuple(bouts),
        alerts=(AlertMark(4.0, 1), *((AlertMark(64.0, 2),) if (arrived or end) > 64 else ())),
        acknowledged=acknowledged,
        arrived=None if arrived is None else Mark(arrived, rng.choice([Source.PAGE, Source.BUTTON, Source.VOICE]), name),
        outcome=outcome,
        distress=sum(b.distress for b in bouts) / len(bouts),
        peak_score=0.97,
        guess=NeedGuess(Need.HUNGER, {Need.HUNGER: 0.68, Need.TIRED: 0.2, Need.DISCOMFORT: 0.12}, 24) if tagged else None,
        need=rng.choice([Need.HUNGER, Need.HUNGER, Need.TIRED, Need.DISCOMFORT, Need.UNSURE]) if tagged else None,
        helped=(rng.choice([Helped.FEED, Helped.FEED, Helped.HOLD, Helped.CHANGE, Helped.DUMMY]),) if tagged else (),
        note="Teething, we think." if rng.random() < 0.03 else "",
        boot_id="test-boot",
    )


def year(now_utc: float, count: int = 10_000, days: float = 365.0) -> list[Episode]:
    """A history of `count` episodes that ends just before now, more of them in the evening and at night."""
    rng = random.Random(7)
    onsets: list[float] = []
    while len(onsets) < count:
        onset = now_utc - 1800 - rng.random() * days * 86400
        hour = (onset / 3600) % 24
        if rng.random() < (1.0 if hour in range(17, 24) or hour < 6 else 0.45):
            onsets.append(onset)
    return [episode(onset, rng, n) for n, onset in enumerate(sorted(onsets))]


def fill(config: Config, episodes: list[Episode], *, demo: bool = False) -> None:
    """Make a journal that holds these episodes, fast: each as its last event would leave it."""
    path = journal_path(config)
    writer = JournalWriter(path, clock=SystemClock(), demo=demo)
    writer.start()
    if episodes:
        writer.handle(EpisodeEnded(episodes[-1].onset, episodes[-1]))
    writer.update(MonitorState(SystemClock().now(), Mic.OK))
    writer.close()
    if len(episodes) < 2:
        return
    with closing(sqlite3.connect(path)) as db, db:
        for each in episodes[:-1]:
            put_episode(db, each)
        first = episodes[0].onset.utc - 3600
        db.execute(
            "INSERT INTO coverage (boot_id, kind, reason, start_utc, start_monotonic, end_utc, synced, ended) "
            "VALUES ('test-boot', 'listening', '', ?, 0, ?, 1, 'stopped')",
            (first, episodes[-1].onset.utc - 2 * 86400),
        )
        db.execute(
            "INSERT INTO coverage (boot_id, kind, reason, start_utc, start_monotonic, end_utc, synced, ended) "
            "VALUES ('test-boot', 'listening', '', ?, 0, ?, 1, 'stopped')",
            (episodes[-1].onset.utc - 2 * 86400 + 5400, episodes[-1].onset.utc + 600),
        )


def embedding(number: int) -> NDArray[np.float32]:
    """A made-up embedding."""
    return np.random.default_rng(number).normal(size=16).astype(np.float32)


def app_for(config: Config) -> tuple[FlaskClient, LiveMonitor]:
    """A test client of the page, and its ear (not started)."""
    live = LiveMonitor(socket_path(config), SystemClock())
    app = create_app(config, live=live, keys=Keys(Path(config.nursery.data_dir)))
    return app.test_client(), live
