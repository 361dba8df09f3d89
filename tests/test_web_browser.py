"""The page in a real Chromium: every page at phone and desktop width, light and dark, without violations; and live."""

import re
import time
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from device.config import journal_path
from device.inputs import AudioLost
from device.journal import JournalReader
from tests.fakes_browser import DESKTOP, PHONE, browser, enter, house
from tests.fakes_web import House, embedding, fill, serving, until, year

__all__ = ["browser", "house"]
"""Fixtures."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PAGES = (
    "/", "/day", "/day?view=night", "/history", "/insights", "/insights?days=7", "/insights?days=90", "/cries", "/letter",
    "/export", "/import", "/health", "/settings", "/phones", "/more",
)  # fmt: skip


def inspect(page: Page) -> None:
    """No violation of accessibility, and nothing wider than the screen."""
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url


@pytest.mark.parametrize("history", ["empty", "one", "year"])
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_every_page_is_sound(browser: Browser, house: House, history: str, colours: str, size: str) -> None:
    episodes = {"empty": [], "one": year(time.time(), 1, 0.2), "year": year(time.time())}[history]
    fill(house.config, episodes)
    house.start()
    for number, each in enumerate(episodes[-40:]):
        house.journal.store_embedding(each.id, "v1", embedding(number))
    house.hear(1, 0.0)
    with serving(house.config) as url:
        wishes = {"viewport": PHONE if size == "phone" else DESKTOP, "color_scheme": colours}
        context, page, complaints = enter(browser, url, **wishes)
        for path in PAGES:
            page.goto(url + path)
            page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")
            inspect(page)
        if episodes:
            page.goto(url + "/history")
            page.locator("a.row").first.click()
            page.wait_for_url("**/episode/**")
            page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true })")
            inspect(page)
        assert complaints == []
        context.close()


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_every_state_is_sound(browser: Browser, house: House, colours: str) -> None:
    house.start()
    with serving(house.config) as url:
        context, page, _ = enter(browser, url, color_scheme=colours)
        inspect(page)
        steps: tuple[tuple[Callable[[], object], str], ...] = (
            (lambda: house.hear(10, 0.95), "Crying"),
            (lambda: page.click("#do-acknowledge"), "Somebody is on the way"),
            (lambda: page.click("#do-arrived"), "Somebody is there"),
            (lambda: house.hear(80, 0.0), "Calm"),
            (lambda: page.click("#do-mute"), "Calm"),
            (lambda: house.take(AudioLost(house.clock.now(), "No microphone is plugged in.")), "I cannot hear the room"),
            (house.stop, "The monitor is not answering"),
        )
        for step, title in steps:
            step()
            expect(page.locator(".state h1")).to_have_text(title)
            inspect(page)
        for path in ("/", "/more"):
            page.goto(url + path)
            box = page.locator(".house").bounding_box()
            assert box is not None and box["height"] < 60, "its name stands on one line"
        context.close()


@pytest.mark.parametrize(("language", "colours"), [("en-GB", "light"), ("de-DE", "dark")])
def test_the_letter_is_one_sheet(browser: Browser, house: House, language: str, colours: str) -> None:
    fill(house.config, year(time.time()))
    house.start()
    with serving(house.config) as url:
        context, page, _ = enter(browser, url, locale=language, color_scheme=colours)
        page.goto(url + "/letter")
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        expect(page.locator("h1")).to_contain_text(re.compile(r" 20\d\d$"))
        expect(page.locator(".only-print")).to_have_text("Nursery")
        for sheet in ("A4", "Letter"):
            drawn = page.pdf(format=sheet)
            assert len(re.findall(rb"/Type\s*/Page\b", drawn)) == 1, sheet
        context.close()


def test_the_login_page_is_sound(browser: Browser, house: House) -> None:
    house.start()
    with serving(house.config) as url:
        context = browser.new_context(viewport=PHONE, locale="de-DE")
        page = context.new_page()
        page.goto(url + "/")
        expect(page.locator("h1")).to_have_text("Babyfon")
        inspect(page)
        page.fill("#password", "wrong")
        page.click("button.big")
        expect(page.get_by_role("alert")).to_contain_text("nicht das Passwort")
        context.close()


def test_a_night_without_a_reload(browser: Browser, house: House) -> None:
    """Crying, on my way, there, calm, and what it was: on two phones at once, and kept in the journal."""
    house.start()
    with serving(house.config) as url:
        one, ana, _ = enter(browser, url)
        two, ben, complaints = enter(browser, url)
        ana.get_by_role("button", name="Ana").click()
        expect(ana.get_by_role("button", name="Ana")).to_have_attribute("aria-pressed", "true")
        for page in (ana, ben):
            page.evaluate("window.mark = 1")
        house.hear(10, 0.95)
        expect(ben.locator(".state h1")).to_have_text("Crying")
        expect(ben.locator("[data-live-part=latest]")).to_contain_text("Still going on")
        ana.click("#do-acknowledge")
        expect(ben.locator(".state h1")).to_have_text("Ana is on the way")
        ana.click("#do-arrived")
        expect(ben.locator(".state h1")).to_have_text("Ana is there")
        house.hear(90, 0.0)
        expect(ana.locator(".state h1")).to_have_text("Calm")
        ana.click("#need-tired")
        expect(ana.locator("#need-tired")).to_have_attribute("aria-pressed", "true")
        expect(ana.locator("#messages")).to_contain_text("Thank you")
        ana.click("#helped-hold")
        expect(ana.locator("#helped-hold")).to_have_attribute("aria-pressed", "true")
        expect(ben.locator("#need-tired")).to_have_attribute("aria-pressed", "true")
        expect(ben.locator("[data-live-part=latest]")).to_contain_text("tired")
        assert ben.evaluate("window.mark") == 1
        assert complaints == []
        one.close()
        two.close()
    with JournalReader(journal_path(house.config)) as reader:
        episode = reader.episodes(limit=1)[0]
    assert (episode.need, episode.helped) == ("tired", ("hold",))
    assert episode.arrived is not None and episode.arrived.caregiver == "Ana"


def test_list_and_episode_are_live_too(browser: Browser, house: House) -> None:
    house.start()
    with serving(house.config) as url:
        context, page, _ = enter(browser, url)
        page.goto(url + "/history")
        page.evaluate("window.mark = 1")
        expect(page.locator("#strip-text")).to_have_text("Listening")
        house.hear(10, 0.95)
        expect(page.locator("#strip-text")).to_have_text("Crying")
        expect(page.locator("a.row")).to_have_count(1)
        assert page.evaluate("window.mark") == 1
        page.locator("a.row").click()
        page.evaluate("window.mark = 1")
        house.hear(80, 0.0)
        expect(page.locator(".lead")).to_have_text("Settled on their own.")
        assert page.evaluate("window.mark") == 1
        context.close()


def test_history_is_put_right_and_undone(browser: Browser, house: House) -> None:
    fill(house.config, year(time.time(), 5, 1))
    house.start()
    with serving(house.config) as url:
        context, page, _ = enter(browser, url)
        page.goto(url + "/history")
        page.locator("a.row").first.click()
        page.wait_for_url("**/episode/**")
        page.fill("#note", "New teeth.\nTwo of them.")
        page.get_by_role("button", name="Keep the note").click()
        expect(page.locator("#note")).to_have_value("New teeth.\nTwo of them.")
        page.get_by_text("Put something right").click()
        there = page.locator("form", has=page.locator("legend", has_text="Somebody was there"))
        there.get_by_label("minutes after the crying began").fill("1")
        there.get_by_label("and seconds").fill("35")
        there.get_by_label("Who").select_option("Ben")
        there.get_by_role("button", name="Keep").click()
        expect(page.locator(".story")).to_contain_text("Ben was there")
        page.get_by_text("Put something right").click()
        page.get_by_role("button", name="Delete this episode").click()
        page.wait_for_url("**/history")
        expect(page.locator("a.row")).to_have_count(4)
        page.locator("#messages").get_by_role("button", name="Undo").click()
        expect(page.locator("a.row")).to_have_count(5)
        context.close()


def test_a_finger_turns_the_days(browser: Browser, house: House) -> None:
    house.start()
    with serving(house.config) as url:
        context, page, _ = enter(browser, url, has_touch=True)
        hand = context.new_cdp_session(page)

        def swipe(begin: int, end: int, down: int = 0) -> None:
            box = page.locator("[data-swipe]").bounding_box()
            assert box is not None
            y = box["y"] + 60
            for kind, points in (
                ("touchStart", [{"x": begin, "y": y}]),
                ("touchMove", [{"x": end, "y": y + down}]),
                ("touchEnd", []),
            ):
                hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        page.goto(url + "/day/2026-03-29")
        swipe(80, 300)
        page.wait_for_url("**/day/2026-03-28")
        swipe(300, 80)
        page.wait_for_url("**/day/2026-03-29")
        swipe(200, 170)
        swipe(200, 80, down=200)
        page.wait_for_timeout(500)
        assert page.url.endswith("/day/2026-03-29"), "what is short, or goes down, is no turning"
        context.close()


def test_a_press_while_it_is_calm_leads_to_the_last_cry(browser: Browser, house: House) -> None:
    house.start()
    house.hear(10, 0.95)
    house.hear(90, 0.0)
    with serving(house.config) as url:
        context, page, _ = enter(browser, url)
        page.click("#do-arrived")
        expect(page.locator("#messages")).to_contain_text("No crying is heard just now, so nothing was written down.")
        page.click("#messages a")
        page.wait_for_url("**/episode/*")
        context.close()


BROKEN_WORDS = """() => [...document.querySelectorAll(".row .what")].flatMap((row) => {
  const walk = document.createTreeWalker(row, NodeFilter.SHOW_TEXT), broken = [];
  while (walk.nextNode()) for (const word of walk.currentNode.data.matchAll(/\\S+/g)) {
    const range = document.createRange();
    range.setStart(walk.currentNode, word.index);
    range.setEnd(walk.currentNode, word.index + word[0].length);
    if (range.getClientRects().length > 1) broken.push(word[0]);
  }
  return broken;
})"""


def test_no_word_of_a_row_is_broken_on_a_narrow_phone(browser: Browser, house: House) -> None:
    episodes = year(time.time(), 300, 30)
    fill(house.config, episodes)
    house.start()
    for number, each in enumerate(episodes[-40:]):
        house.journal.store_embedding(each.id, "v1", embedding(number))
    with serving(house.config) as url:
        for width in (390, 320):
            context, page, _ = enter(browser, url, locale="de-DE", viewport={"width": width, "height": 844})
            page.goto(url + "/cries")
            expect(page.locator(".row").first).to_be_visible()
            assert page.evaluate(BROKEN_WORDS) == [], width
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
            context.close()


def test_the_page_works_without_scripts_and_in_german(browser: Browser, house: House) -> None:
    house.start()
    house.hear(10, 0.95)
    with serving(house.config) as url:
        context, page, _ = enter(browser, url, java_script_enabled=False, locale="de-DE")
        expect(page.locator(".state h1")).to_have_text("Schreien")
        expect(page.locator("#bell")).to_be_hidden()
        page.click("#do-arrived")
        expect(page.locator("#messages")).to_contain_text("Notiert: Jemand ist da.")
        until(lambda: house.state.episode is not None and house.state.episode.arrived is not None)
        context.close()


def test_it_can_be_installed(browser: Browser, house: House) -> None:
    house.start()
    with serving(house.config) as url:
        context, page, _ = enter(browser, url)
        manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then(a => a.json())")
        for icon in manifest["icons"]:
            size = page.evaluate(
                "src => new Promise(done => { const i = new Image();"
                " i.onload = () => done([i.naturalWidth, i.naturalHeight]); i.onerror = () => done(null); i.src = src })",
                f"/static/{icon['src']}",
            )
            assert size is not None, icon
            if icon["sizes"] != "any":
                assert f"{size[0]}x{size[1]}" == icon["sizes"]
        context.close()
