"""A phone that shows the page rings, aloud: for each alert that nobody has answered, and for a monitor that is gone."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socket import create_server
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from device.clock import Instant
from device.events import Fault
from device.inputs import AudioLost, AudioRestored, Response
from device.record import AlertMark, Episode, Mark
from device.sinks import MonitorState
from device.vocabulary import Kind, Mic, Source
from tests.fakes_browser import CHROMIUM, browser, enter, house
from tests.fakes_web import House, serving
from tests.sound import AVAILABLE, SoundServer, sound_server
from web.live import Live
from web.ring import ring

__all__ = ["browser", "house"]
"""Fixtures."""

LONG_MS = 30_000
NOON = Instant(1000.0, 1_700_000_000.0)
CRY = Episode("e", NOON, alerts=(AlertMark(4.0, 1),))
TWICE = replace(CRY, alerts=(*CRY.alerts, AlertMark(64.0, 2)))
SAID = Mark(10.0, Source.PAGE, "Ana")
VOICE = Mark(10.0, Source.VOICE)
REMINDED = replace(CRY, acknowledged=SAID, alerts=(*CRY.alerts, AlertMark(310.0, 1, reminder=True)))


def live(**state: Any) -> Live:
    return Live(replace(MonitorState(NOON, Mic.OK), **state), reachable=True)


@pytest.mark.parametrize(
    ("known", "name"),
    [
        (Live(), "gone"),
        (Live(MonitorState(NOON, Mic.OK), reachable=False), "gone"),
        (live(), ""),
        (live(mic=Mic.LOST, mic_told=True), "mic lost"),
        (live(mic=Mic.SILENT, mic_told=True), "mic silent"),
        (live(mic=Mic.SILENT), ""),
        (live(faults=(Fault("detector", "The hearing has failed.", NOON),)), "deaf"),
        (live(faults=(Fault("disk_low", "Only 12 MB are free.", NOON),)), ""),
        (live(episode=replace(CRY, alerts=())), ""),
        (live(episode=CRY), "cry e 1"),
        (live(episode=CRY, mic=Mic.LOST), "cry e 1"),
        (live(episode=TWICE), "cry e 2"),
        (live(episode=CRY, muted_until=NOON.plus(60)), ""),
        (live(episode=replace(CRY, not_crying=True)), ""),
        (live(episode=replace(CRY, alerts=(AlertMark(4.0, 1, quiet=True),))), ""),
        (live(episode=replace(CRY, acknowledged=SAID)), ""),
        (live(episode=replace(CRY, arrived=VOICE)), ""),
        (live(episode=REMINDED), "cry e 2"),
        (live(episode=replace(REMINDED, arrived=VOICE)), "cry e 2"),
        (live(episode=replace(REMINDED, arrived=SAID)), "cry e 2"),
        (live(episode=replace(REMINDED, arrived=replace(SAID, at_s=320.0))), ""),
        (live(episode=replace(REMINDED, alerts=(replace(REMINDED.alerts[-1], answered=True),))), ""),
        (live(episode=replace(CRY, arrived=replace(VOICE, at_s=2.0))), "cry e 1"),
    ],
)
def test_what_rings(known: Live, name: str) -> None:
    assert ring(known) == name


@contextmanager
def aloud(folder: Path) -> Iterator[tuple[Browser, SoundServer]]:
    """A browser whose sound goes to a sound server, as a phone's to its loudspeaker."""
    if CHROMIUM is None or not AVAILABLE:
        pytest.skip("there is no Chromium or no PulseAudio here")
    with sound_server(folder) as server, sync_playwright() as play:
        server.plug()
        browser = play.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-quic"],
            ignore_default_args=["--mute-audio"],
            env={**server.environment},
        )
        yield browser, server
        browser.close()


def loudest(server: SoundServer, seconds: float, after: Callable[[], None] = lambda: None) -> float:
    """The highest level, 0..1, that comes out of the loudspeaker in so much time from `after` on."""
    with subprocess.Popen(
        ["parec", f"--device={server.name}.monitor", "--format=s16le", "--rate=16000", "--channels=1"],
        env=server.environment,
        stdout=subprocess.PIPE,
    ) as recorder:
        assert recorder.stdout is not None
        recorder.stdout.read(3200)
        after()
        heard = recorder.stdout.read(round(seconds * 16000) * 2)
        recorder.kill()
    return float(np.abs(np.frombuffer(heard, np.int16)).max()) / 32768


def bell(page: Page) -> None:
    page.click("#bell")
    expect(page.locator("#bell")).to_have_attribute("aria-pressed", "true")


def ringing(page: Page, yes: bool) -> None:
    expect(page.locator("body.ringing")).to_have_count(int(yes), timeout=LONG_MS)


@pytest.mark.browser
@pytest.mark.slow
def test_an_alert_is_heard_until_somebody_answers(house: House, tmp_path: Path) -> None:
    house.start()
    (tmp_path / "sound").mkdir()
    with aloud(tmp_path / "sound") as (browser, speaker), serving(house.config) as url:
        context, page, complaints = enter(browser, url)
        expect(page.locator("#bell-note")).to_contain_text("This phone can ring")
        assert loudest(speaker, 1) == 0
        assert loudest(speaker, 3, lambda: bell(page)) > 0.05, "it is tried at once, so that one knows how loud it is"
        house.hear(4, 0.95)
        ringing(page, True)
        assert loudest(speaker, 2) > 0.1
        page.click("#do-acknowledge")
        ringing(page, False)
        loudest(speaker, 1)  # what was in the loudspeaker's buffer
        assert loudest(speaker, 1) == 0
        assert complaints == []
        context.close()


@pytest.mark.browser
@pytest.mark.slow
def test_it_rings_once_for_each_alert_and_a_tap_silences_it(browser: Browser, house: House) -> None:
    house.start()
    with serving(house.config) as url:
        context, page, _ = enter(browser, url)
        house.hear(4, 0.95)
        expect(page.locator(".state h1")).to_have_text("Crying")
        ringing(page, False)  # nobody has asked it to
        bell(page)
        ringing(page, True)
        page.click("h2")
        ringing(page, False)
        page.click('nav a[href="/history"]')
        expect(page.locator("body.rings")).to_have_count(1)
        page.wait_for_timeout(2500)
        ringing(page, False)  # silenced is silenced, also on the next page
        page.click('nav a[href="/"]')
        expect(page.locator("#bell")).to_have_attribute("aria-pressed", "true")
        house.hear(62, 0.95)
        ringing(page, True)
        house.take(Response(house.clock.now(), Kind.ARRIVE, Source.BUTTON))
        ringing(page, False)
        page.click("#bell")
        expect(page.locator("#bell")).to_have_attribute("aria-pressed", "false")
        expect(page.locator("body.rings")).to_have_count(0)
        context.close()


@pytest.mark.browser
@pytest.mark.slow
def test_it_rings_when_the_monitor_or_its_microphone_is_gone(browser: Browser, house: House) -> None:
    house.start()
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = replace(house.config, page=replace(house.config.page, port=port))
    with serving(config) as url:
        context, page, _ = enter(browser, url)
        bell(page)
        page.click('nav a[href="/history"]')  # on every page, once it was asked for
        expect(page.locator("body.rings")).to_have_count(1)
        house.take(AudioLost(house.clock.now(), "Unplugged.", Mic.LOST))
        ringing(page, True)
        house.take(AudioRestored(house.clock.now()))
        ringing(page, False)
        house.stop()
        ringing(page, True)
        house.start()
        ringing(page, False)
    ringing(page, True)  # nor does the page's own server answer
    page.click("h1")
    ringing(page, False)
    context.close()
