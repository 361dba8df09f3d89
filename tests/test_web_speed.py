"""The page as it is really served, in a process of its own: quick and small with a year of history, and always true."""

import json
import os
import re
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path

import numpy as np
import pytest

from device.config import journal_path
from device.journal_rows import blob_of
from device.record import Episode
from device.up import FRUGAL
from tests.fakes_web import PASSWORD, House, fill, remember_password, settings, year

pytestmark = pytest.mark.slow

EPISODES = 10_000
SIZE = 96
"""Numbers in an embedding of the ear that ships."""

PAGES = (
    "/", "/day", "/day?view=night", "/history", "/history?page=200", "/history?need=pain", "/insights?days=7", "/insights",
    "/insights?days=90", "/cries", "/letter", "/export", "/import", "/health", "/settings", "/more", "/episode/{id}",
)  # fmt: skip
LARGEST = 100_000
SLOWEST_MS = 50.0
MOST_MB = 80.0
PEAK_MB = 90.0
"""For the moment in which a page is made."""
ROUNDS = 3
CI_MARGIN = 20.0
CPU_MARGIN = 3.0
"""Other work makes a page wait, and shares the processor's caches; docs/page.md has the figures of a quiet machine."""


class Served:
    """The page's process, and a browser that is logged in."""

    def __init__(self, house: House, episodes: list[Episode]) -> None:
        self.episodes = episodes
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        nursery = house.config.nursery
        wishes = {"data_dir": nursery.data_dir, "control_socket": nursery.control_socket, "time_zone": nursery.time_zone}
        options = [f"nursery.{name}={value}" for name, value in wishes.items()]
        command = [sys.executable, "-m", "web", "--config", os.devnull]
        for option in (*options, "page.bind=127.0.0.1", f"page.port={port}"):
            command += ["--set", option]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | FRUGAL)
        assert self.process.stdout is not None
        assert "The page is at" in self.process.stdout.readline()
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        status, text, headers = self._ask("POST", "/api/v1/login", {}, {"password": PASSWORD})
        assert status == 200
        cookies = "; ".join(each.split(";")[0] for each in headers.get_all("Set-Cookie") or ())
        self._headers = {"Cookie": cookies, "X-CSRF-Token": json.loads(text)["csrf"]}
        # checking a password takes 16 MB for a tenth of a second, and is meant to; from here on it is the pages' own
        self._proc("clear_refs").write_text("5")

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: object = None) -> tuple[int, str, HTTPMessage]:
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, {**headers, "Content-Type": "application/json"})
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers

    def get(self, path: str) -> str:
        status, text, _ = self._ask("GET", path.format(id=self.episodes[-1].id), self._headers)
        assert status == 200, (path, status)
        return text

    def change(self, number: int, **payload: object) -> None:
        """Something changes in the history: a note, if nothing else is said."""
        body = {
            "action": "note",
            "episode": self.episodes[-1 - number].id,
            "note": f"Changed at {time.monotonic()}.",
            **payload,
        }
        status, text, _ = self._ask("POST", "/api/v1/commands/edit", self._headers, body)
        assert status == 200, text

    def memory_mb(self, name: str = "VmHWM") -> float:
        """What the process takes now (VmRSS), or has taken at most since the login."""
        found = re.search(rf"{name}:\s+(\d+) kB", self._proc("status").read_text())
        assert found is not None
        return int(found[1]) / 1024

    def cpu_ms(self) -> float:
        """The processor's time that all its threads have taken."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in tasks) / 1e6

    def _proc(self, name: str) -> Path:
        return Path(f"/proc/{self.process.pid}/{name}")

    def close(self) -> None:
        self._connection.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=15)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    remember_password(tmp_path)
    episodes = year(time.time(), EPISODES)
    house = House(settings(tmp_path), lag_s=0.0)
    fill(house.config, episodes)
    rng = np.random.default_rng(1)
    with closing(sqlite3.connect(journal_path(house.config))) as db, db:
        db.executemany(
            "INSERT INTO embedding (episode_id, model_version, vector) VALUES (?, 'v1', ?)",
            [(each.id, blob_of(rng.normal(size=SIZE))) for each in episodes],
        )
    house.start()
    served = Served(house, episodes)
    yield served
    served.close()
    house.close()


def learned(served: Served) -> None:
    """Wait until what is learned is of now."""
    patience = threading.Event()
    end = time.monotonic() + 120
    while "follows by itself" in served.get("/cries"):
        assert time.monotonic() < end
        patience.wait(0.25)


def test_every_page_is_small_quick_and_true_right_after_a_change(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    learned(served)
    took: dict[str, list[tuple[float, float]]] = {path: [] for path in PAGES}
    sizes: dict[str, int] = {}
    for number in range(ROUNDS):
        for path in PAGES:
            served.change(number)
            cpu, begin = served.cpu_ms(), time.perf_counter()
            text = served.get(path)
            took[path].append(((time.perf_counter() - begin) * 1000, served.cpu_ms() - cpu))
            sizes[path] = len(text.encode())
            learned(served)
    medians = {path: tuple(map(statistics.median, zip(*both, strict=True))) for path, both in took.items()}
    lines = [
        f"{path:20} {sizes[path] / 1000:6.1f} kB {wall:6.1f} ms, of these {cpu:6.1f} ms of the processor"
        for path, (wall, cpu) in medians.items()
    ]
    lines.append(f"memory: {served.memory_mb('VmRSS'):.0f} MB, at most {served.memory_mb():.0f} MB")
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    for path, (wall, cpu) in medians.items():
        assert sizes[path] < LARGEST, path
        assert wall < SLOWEST_MS * CI_MARGIN, path
        assert cpu < SLOWEST_MS * CPU_MARGIN, path
    assert served.memory_mb("VmRSS") <= MOST_MB
    assert served.memory_mb() <= PEAK_MB


def test_figures_hold_the_change_at_once_and_what_is_learned_says_so_until_it_does(served: Served) -> None:
    latest = next(each for each in reversed(served.episodes) if each.outcome == "answered")
    number = len(served.episodes) - 1 - served.episodes.index(latest)

    def counted() -> int:
        outcomes = json.loads(served.get("/api/v1/insights?days=7"))["outcomes"]
        return int(outcomes["answered"])

    before = counted()
    learned(served)
    served.change(number, action="delete")
    assert counted() == before - 1
    page = served.get("/cries")
    assert "follows by itself" in page, "what was learned before the change is not shown as if it were of now"
    learned(served)
    served.change(number, action="undo")
    assert counted() == before
