"""A real Chromium for the tests of the page, and a house to look at."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from tests.fakes_web import PASSWORD, House, remember_password, settings

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
DEADLINE_MS = 15_000
expect.set_options(timeout=DEADLINE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium here")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"])
        yield browser
        browser.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    remember_password(tmp_path)
    house = House(settings(tmp_path))
    yield house
    house.close()


def enter(browser: Browser, url: str, **wishes: Any) -> tuple[BrowserContext, Page, list[str]]:
    """A context that is logged in, its page, and everything that its console complains of."""
    context = browser.new_context(**{"viewport": PHONE, "locale": "en-GB", **wishes})
    context.set_default_timeout(DEADLINE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url + "/login")
    page.fill("#password", PASSWORD)
    page.click("button.big")
    page.wait_for_url(url + "/")
    return context, page, complaints
