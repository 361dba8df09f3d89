"""A recording as it is really made, played in a real Chromium: heard, sought in, and by nobody without a login."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Response, expect

from device.audio import RATE_HZ, AudioBlock
from device.clip_store import ClipStore
from device.clips import Clips
from device.events import EpisodeEnded, EpisodeStarted
from device.record import Episode
from device.settings import ClipSettings
from device.vocabulary import Outcome
from tests.fakes_browser import browser, enter, house
from tests.fakes_hands import HandClock
from tests.fakes_web import House, fill, serving, until, year

__all__ = ["browser", "house"]
"""Fixtures."""

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CRYING_S = 16.0


def record(folder: Path, episode_id: str) -> None:
    """What the monitor does: it hears, and keeps what was heard around an episode."""
    clock = HandClock()
    clips = Clips(settings=ClipSettings(keep=True), data_dir=folder, clock=clock)
    clips.start(lambda item: None)
    hear = clips.tap(lambda item: None)
    rng = np.random.default_rng(3)
    episode = Episode(episode_id, clock.now().plus(3.0))
    for number in range(round((CRYING_S + 8) * 10)):
        seconds = number / 10 + np.arange(RATE_HZ // 10) / RATE_HZ
        cry = 0.4 * np.sin(2 * np.pi * 450 * seconds) * (np.sin(2 * np.pi * 0.8 * seconds) > 0)
        hear(AudioBlock((cry + 0.01 * rng.normal(size=len(seconds))).astype(np.float32), clock.now()))
        clock.go(0.1)
        if number == 40:
            clips.handle(EpisodeStarted(clock.now(), episode))
    ended = replace(episode, offset_s=CRYING_S, outcome=Outcome.SELF_SETTLED)
    clips.handle(EpisodeEnded(clock.now(), ended))
    clips.close()


def state(page: Page) -> dict[str, float]:
    """Where the player is, and how much there is."""
    found: dict[str, float] = page.locator("audio").evaluate(
        "a => ({at: a.currentTime, long: a.duration, error: a.error ? a.error.code : 0, seekable: a.seekable.length ?"
        " a.seekable.end(0) : 0, heard: a.played.length ? a.played.end(a.played.length - 1) : 0})"
    )
    return found


def test_a_recording_is_heard_and_sought_in(browser: Browser, house: House) -> None:
    episodes = year(time.time(), 3, 1)
    fill(house.config, episodes)
    folder = Path(house.config.nursery.data_dir)
    record(folder, episodes[-1].id)
    assert ClipStore(folder).path(episodes[-1].id) is not None
    house.start()
    config = replace(house.config, clips=ClipSettings(keep=True))
    with serving(config) as url:
        context, page, complaints = enter(browser, url)
        asked: list[Response] = []
        page.on("response", lambda answer: asked.append(answer) if answer.url.endswith("/recording") else None)
        page.goto(f"{url}/episode/{episodes[-1].id}")
        page.locator("h1").click()  # a browser plays nothing before a person has touched the page
        page.locator("audio").evaluate("a => a.play()")
        until(lambda: state(page)["heard"] > 0.3, 40)
        found = state(page)
        assert found["error"] == 0
        assert found["long"] == pytest.approx(CRYING_S + 4.0, abs=0.3)
        assert found["seekable"] == pytest.approx(found["long"])
        page.locator("audio").evaluate("a => { a.currentTime = 15 }")
        until(lambda: state(page)["at"] > 15.3, 40)
        assert {each.status for each in asked} <= {200, 206}
        assert 206 in {each.status for each in asked}, "a player asks for pieces"
        assert complaints == []
        page.goto(f"{url}/episode/{episodes[0].id}")
        expect(page.locator("audio")).to_have_count(0)
        context.close()

        stranger = browser.new_context()
        page = stranger.new_page()
        answer = page.request.get(f"{url}/episode/{episodes[-1].id}/recording", max_redirects=0)
        assert answer.status == 302
        page.goto(url + "/login")
        sound = page.evaluate(
            "src => new Promise(done => { const a = new Audio(src); a.onerror = () => done('refused');"
            " a.oncanplay = () => done('heard') })",
            f"/episode/{episodes[-1].id}/recording",
        )
        assert sound == "refused"
        stranger.close()
