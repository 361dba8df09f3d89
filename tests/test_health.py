"""Probes: each trouble once, and once when it is over."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from device.clock import Instant
from device.health import Health, clock_probe, disk_probe, page_probe
from device.sinks import Trouble
from tests.fakes import FakeClock


def test_a_trouble_is_told_when_it_begins_and_when_it_ends() -> None:
    answers = iter([None, "full", "full", None, None])
    told: list[object] = []
    health = Health({"disk_low": lambda: next(answers)}, FakeClock())
    for _ in range(5):
        health.look(told.append)
    assert [(t.code, t.standing) for t in told if isinstance(t, Trouble)] == [("disk_low", True), ("disk_low", False)]


def test_it_looks_by_itself_and_stops() -> None:
    looked = threading.Event()

    def probe() -> str | None:
        looked.set()
        return None

    health = Health({"x": probe}, FakeClock(), every_s=0.01)
    health.start(lambda item: None)
    assert looked.wait(5)
    health.close()
    health.close()


def test_a_probe_that_fails_blinds_no_other(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> str | None:
        raise RuntimeError("unforeseen")

    told: list[object] = []
    Health({"odd": broken, "disk_low": lambda: "Full."}, FakeClock()).look(told.append)
    assert [item.code for item in told if isinstance(item, Trouble)] == ["disk_low"]
    assert "the probe odd failed" in caplog.text


def test_disk_and_clock(tmp_path: Path) -> None:
    assert disk_probe(tmp_path, 0.001)() is None
    assert "make room" in str(disk_probe(tmp_path, 1e12)())
    assert "cannot be read" in str(disk_probe(tmp_path / "gone", 1)())
    clock = FakeClock()
    assert clock_probe(clock)() is None
    clock.at = Instant(0, 0, synced=False)
    assert "not set" in str(clock_probe(clock)())


def test_a_page_is_missed_only_after_it_has_answered_once() -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Page)
    probe = page_probe("0.0.0.0", server.server_port, tls=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    other = page_probe("127.0.0.1", 1, tls=False)
    assert other() is None and other() is None and other() is None
    thread.start()
    assert probe() is None
    server.shutdown()
    thread.join()
    server.server_close()
    assert probe() is None
    assert "does not answer" in str(probe())
