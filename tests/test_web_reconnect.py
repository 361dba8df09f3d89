"""A page that has lost its server says so, and comes back by itself with what happened meanwhile, whatever went wrong."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socket import create_server

import pytest
from flask import Flask, Response
from playwright.sync_api import Browser, Page, Route, expect

from device.commands import parse
from device.settings import Config
from device.vocabulary import Source
from tests.fakes_browser import browser, enter, house
from tests.fakes_web import PASSWORD, House, fill, remember_password, serving, year
from web.serve import Server

__all__ = ["browser", "house"]
"""Fixtures."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COMES_BACK_MS = 25_000
"""Busy test machines are slow; at rest it takes some seconds."""


@pytest.fixture
def config(house: House) -> Config:
    """The house's settings with a fixed port, so that a server can come back to it."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    return replace(house.config, page=replace(house.config.page, port=port))


def well(page: Page) -> None:
    """The page is told of the present."""
    expect(page.locator("#strip-text")).to_have_text("Listening", timeout=COMES_BACK_MS)
    assert page.evaluate("window.mark") == 1, "without a reload"


def lost(page: Page) -> None:
    """The page says that it is not."""
    expect(page.locator("#strip-text")).to_have_text("No connection to the device", timeout=COMES_BACK_MS)


@contextmanager
def failing(config: Config, status: int) -> Iterator[None]:
    """A server in the page's place that answers everything with an error, as a proxy does whose page is down."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 1000
    app.add_url_rule("/<path:any>", "all", lambda any: Response("Not now.", status), methods=["GET", "POST"])
    server = Server(app, config.page, streams=2)
    server.start()
    try:
        yield
    finally:
        server.close()


def test_server_and_monitor_come_back_time_after_time(browser: Browser, house: House, config: Config) -> None:
    house.start()
    with serving(config) as url:
        context, page, _ = enter(browser, url)
        page.evaluate("window.mark = 1")
        well(page)
    for _ in range(3):
        with serving(config):
            well(page)
    lost(page)
    with serving(config):
        well(page)
        for _ in range(3):
            house.stop()
            expect(page.locator("#strip-text")).to_have_text("The monitor is not answering", timeout=COMES_BACK_MS)
            house.start()
            well(page)
    context.close()


@pytest.mark.parametrize("status", [500, 502, 503])
def test_errors_in_between_end_nothing(browser: Browser, house: House, config: Config, status: int) -> None:
    house.start()
    with serving(config) as url:
        context, page, _ = enter(browser, url)
        page.evaluate("window.mark = 1")
        well(page)
    with failing(config, status):
        lost(page)
    with serving(config):
        well(page)
        expect(page.locator("#stale")).to_be_hidden()
    context.close()


@pytest.mark.parametrize("path", ["/", "/history"])
def test_what_happened_while_the_server_was_gone_is_on_the_page_after(
    browser: Browser, house: House, config: Config, path: str
) -> None:
    house.start()
    with serving(config) as url:
        context, page, _ = enter(browser, url)
        page.goto(url + path)
        page.evaluate("window.mark = 1")
        well(page)
        expect(page.locator("a.row")).to_have_count(0)
    house.hear(10, 0.95)
    house.hear(80, 0.0)
    with serving(config):
        expect(page.locator("a.row")).to_have_count(1, timeout=COMES_BACK_MS)
        assert page.evaluate("window.mark") == 1
    context.close()


def test_a_change_just_after_another_is_not_missed(browser: Browser, house: House, config: Config) -> None:
    fill(house.config, year(time.time(), 3, 1))
    house.start()
    with serving(config) as url:
        context, page, _ = enter(browser, url)
        page.goto(url + "/history")
        page.evaluate("window.mark = 1")
        well(page)
        held = threading.Event()

        def slow(route: Route) -> None:
            """The first look is answered with what was so before the second change."""
            answer = route.fetch()
            if not held.is_set():
                held.set()
                house.hear(10, 0.95)
                page.wait_for_timeout(4000)
            route.fulfill(response=answer)

        page.locator("a.row").first.focus()
        page.route("**/history", slow)
        latest = house.journal.last()
        assert latest is not None
        house.take(parse("edit", {"action": "note", "episode": latest.id, "note": "Hm."}, house.clock.now(), Source.PAGE))
        expect(page.locator("a.row")).to_have_count(4, timeout=COMES_BACK_MS)
        expect(page.locator("[data-live-part=list]")).to_contain_text("with a note")
        assert held.is_set()
        assert page.evaluate("window.mark") == 1
        context.close()


def test_a_session_that_has_ended_leads_to_the_login(browser: Browser, house: House, config: Config) -> None:
    house.start()
    with serving(config) as url:
        context, page, _ = enter(browser, url)
        page.goto(url + "/history")
        well_known = page.locator("#strip-text")
        expect(well_known).to_have_text("Listening")
    remember_password(Path(config.nursery.data_dir))
    secrets = Path(config.nursery.data_dir) / "credentials.json"
    secrets.write_text(secrets.read_text().replace("session-key", "other-key"))
    with serving(config):
        page.wait_for_url("**/login**", timeout=COMES_BACK_MS)
        page.fill("#password", PASSWORD)
        page.click("button.big")
        page.wait_for_url("**/history")
    context.close()


def hide(page: Page, hidden: bool) -> None:
    """What the browser does when a phone is locked, or another tab comes to the front."""
    page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: true});"
        " document.dispatchEvent(new Event('visibilitychange')) }",
        hidden,
    )


def test_a_phone_that_wakes_never_shows_old_state_as_new(browser: Browser, house: House, config: Config) -> None:
    house.start()
    with serving(config) as url:
        context, page, _ = enter(browser, url)
        page.evaluate("window.mark = 1")
        well(page)
        hide(page, True)
        page.evaluate(
            "window.slept = performance.now(); performance.now = () => window.slept"
        )  # a phone asleep counts nothing
        page.evaluate("const before = Date.now; Date.now = () => before() + 3600000")
        house.hear(10, 0.95)
    hide(page, False)
    expect(page.locator("body")).to_have_class("now is-stale", timeout=2500)
    expect(page.locator("#strip-text")).not_to_have_text("Listening", timeout=2500)
    expect(page.locator(".state h1")).to_have_text(re.compile("One moment|No connection"))
    expect(page.locator(".detail")).to_be_hidden()
    with serving(config):
        expect(page.locator("#strip-text")).to_have_text("Crying", timeout=COMES_BACK_MS)
        expect(page.locator(".state h1")).to_have_text("Crying")
    context.close()


def test_going_back_to_a_page_finds_the_present(browser: Browser, house: House, config: Config) -> None:
    house.start()
    with serving(config) as url:
        context, page, _ = enter(browser, url)
        page.goto(url + "/history")
        expect(page.locator("a.row")).to_have_count(0)
        page.goto(url + "/export")
        house.hear(10, 0.95)
        page.go_back()
        expect(page.locator("a.row")).to_have_count(1, timeout=COMES_BACK_MS)
        expect(page.locator("#strip-text")).to_have_text("Crying", timeout=COMES_BACK_MS)
        context.close()


def test_old_state_is_gone_while_there_is_no_connection(browser: Browser, house: House, config: Config) -> None:
    house.start()
    with serving(config) as url:
        context, page, _ = enter(browser, url)
        page.evaluate("window.mark = 1")
        well(page)
        expect(page.locator(".detail")).to_have_text("All quiet.")
    lost(page)
    expect(page.locator(".state h1")).to_have_text("No connection to the device")
    for part in (".detail", ".since", ".say .sign"):
        expect(page.locator(part)).to_be_hidden()
    with serving(config):
        well(page)
        expect(page.locator(".state h1")).to_have_text("Listening")
        expect(page.locator(".detail")).to_be_visible()
    context.close()
