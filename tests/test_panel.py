"""The panel on gpiozero's mock pins: what the hand does, what the light shows."""

import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from device.clock import Instant
from device.errors import PanelError
from device.events import Fault
from device.inputs import Response, Tag
from device.panel import Panel
from device.record import AlertMark, Episode, Mark
from device.settings import PanelSettings
from device.signals import (
    BEEPS,
    CRYING,
    FAULT,
    LISTENING,
    OFF,
    ON_THE_WAY,
    Player,
    brightness,
    buzzer_pattern,
    light_pattern,
)
from device.sinks import MonitorState, Trouble
from device.vocabulary import Kind, Mic, Need, Source
from tests.fakes_hands import HandClock, Inbox
from tests.test_gestures import Timers

NOON = Instant(500.0, 1_700_049_600.0)  # 2023-11-15 12:00 UTC
STATE = MonitorState(NOON, Mic.OK, broker=True)
CRY = Episode("e", NOON, alerts=(AlertMark(3.0, 1),))
MARK = Mark(10.0, Source.BUTTON, "Ana")


def _until(true: Callable[[], bool]) -> None:
    until, pause = time.monotonic() + 10, threading.Event()
    while not true():
        assert time.monotonic() < until
        pause.wait(0.005)


@pytest.fixture
def pins() -> Iterator[MockFactory]:
    factory = MockFactory(pin_class=MockPWMPin)
    yield factory
    factory.reset()
    factory.close()


class Fixture:
    def __init__(self, pins: MockFactory, **settings: Any) -> None:
        self.pins, self.inbox, self.clock, self.timers = pins, Inbox(), HandClock(), Timers()
        self.panel = Panel(
            settings=PanelSettings(**settings),
            clock=self.clock,
            time_zone="UTC",
            pin_factory=pins,
            later=self.timers.later,
        )
        self.panel.start(self.inbox.put)

    def press(self, pin: int) -> None:
        self.pins.pin(pin).drive_low()

    def release(self, pin: int) -> None:
        self.pins.pin(pin).drive_high()

    def value(self, pin: int) -> float:
        return float(self.pins.pin(pin).state)


@pytest.fixture
def fitted(pins: MockFactory) -> Iterator[Callable[..., Fixture]]:
    made = []

    def make(**settings: Any) -> Fixture:
        made.append(Fixture(pins, **settings))
        return made[-1]

    yield make
    for fixture in made:
        fixture.panel.close()
        fixture.panel.close()


# ---- buttons ----


def test_each_caregiver_has_a_button(fitted: Callable[..., Fixture]) -> None:
    it = fitted(buttons={"Ana": 17, "Ben": 27})
    for pin in (17, 27):
        it.press(pin)
        it.release(pin)
        it.timers.ring()
    at = it.clock.now()
    assert it.inbox.items == [
        Response(at, Kind.ARRIVE, Source.BUTTON, "Ana"),
        Response(at, Kind.ARRIVE, Source.BUTTON, "Ben"),
    ]


def test_pressing_twice_says_on_my_way(fitted: Callable[..., Fixture]) -> None:
    it = fitted(buttons={"Ana": 17})
    it.press(17)
    it.release(17)
    it.press(17)
    it.release(17)
    it.timers.ring()
    assert it.inbox.items == [Response(it.clock.now(), Kind.ACKNOWLEDGE, Source.BUTTON, "Ana")]


@pytest.mark.parametrize(
    ("word", "need", "not_crying"),
    [("not_crying", None, True), ("hunger", Need.HUNGER, False), ("tired", Need.TIRED, False)],
)
def test_a_long_press_tags_the_last_episode(
    fitted: Callable[..., Fixture], word: str, need: Need | None, not_crying: bool
) -> None:
    it = fitted(buttons={"Ana": 17}, long_press_s=0.01, long_press_tag=word)
    it.press(17)
    it.inbox.wait(lambda item: item == Tag(it.clock.now(), Source.BUTTON, need=need, not_crying=not_crying))
    it.release(17)
    it.timers.ring()
    assert it.inbox.items == []


def test_a_contact_that_bounces_is_one_press(fitted: Callable[..., Fixture], pins: MockFactory) -> None:
    it = fitted(buttons={"Ana": 17})
    assert pins.pin(17).bounce == 0.05, "the pin library filters bounces"
    it.press(17)
    it.press(17)
    it.release(17)
    it.release(17)
    it.timers.ring()
    assert len(it.inbox.items) == 1


# ---- motion ----


def test_movement_counts_only_while_the_baby_cries(fitted: Callable[..., Fixture]) -> None:
    it = fitted(motion_pin=22)
    sensor = it.pins.pin(22)
    sensor.drive_high()
    sensor.drive_low()
    it.panel.update(STATE)
    sensor.drive_high()
    sensor.drive_low()
    it.panel.update(replace(STATE, episode=CRY, crying=False))
    sensor.drive_high()
    sensor.drive_low()
    assert it.inbox.items == []
    it.panel.update(replace(STATE, episode=CRY, crying=True))
    sensor.drive_high()
    assert it.inbox.items == [Response(it.clock.now(), Kind.ARRIVE, Source.MOTION)]


# ---- light and buzzer ----


@pytest.mark.parametrize(
    ("state", "pattern"),
    [
        (STATE, LISTENING),
        (replace(STATE, mic=Mic.LOST), FAULT),
        (replace(STATE, mic=Mic.SILENT, episode=CRY), FAULT),
        (replace(STATE, faults=(Fault("disk_low", "…", NOON),)), FAULT),
        (replace(STATE, episode=CRY, crying=True), CRYING),
        (replace(STATE, episode=CRY, faults=(Fault("disk_low", "…", NOON),)), CRYING),
        (replace(STATE, episode=replace(CRY, acknowledged=MARK)), ON_THE_WAY),
        (replace(STATE, episode=replace(CRY, arrived=MARK)), LISTENING),
        (replace(STATE, episode=replace(CRY, arrived=MARK), crying=True), CRYING),
    ],
)
def test_what_the_light_shows(state: MonitorState, pattern: object) -> None:
    assert light_pattern(state) == pattern


AWAY = replace(STATE, broker=False, episode=CRY)


@pytest.mark.parametrize(
    ("state", "pattern"),
    [
        (STATE, OFF),
        (replace(STATE, episode=CRY), OFF),
        (AWAY, BEEPS),
        (replace(AWAY, episode=replace(CRY, alerts=())), OFF),
        (replace(AWAY, episode=replace(CRY, acknowledged=MARK)), OFF),
        (replace(AWAY, episode=replace(CRY, arrived=MARK)), OFF),
        (replace(AWAY, episode=replace(CRY, not_crying=True)), OFF),
        (replace(AWAY, muted_until=NOON.plus(1)), OFF),
        (replace(AWAY, muted_until=NOON.plus(-1)), BEEPS),
    ],
)
def test_the_buzzer_takes_over_only_where_phones_cannot_be_told(state: MonitorState, pattern: object) -> None:
    assert buzzer_pattern(state) == pattern


@pytest.mark.parametrize(("hours", "strength"), [(0, 1.0), (7.9, 1.0), (8.1, 0.3), (18.9, 0.3), (19.1, 1.0)])
def test_the_light_is_dim_at_night(hours: float, strength: float) -> None:
    from zoneinfo import ZoneInfo

    state = replace(STATE, at=NOON.plus(hours * 3600))
    assert brightness(state, ZoneInfo("UTC"), 0.3) == strength
    assert brightness(replace(state, at=replace(state.at, synced=False)), ZoneInfo("UTC"), 0.3) == 0.3


def test_patterns_are_calm() -> None:
    """Nothing flashes faster than three times a second, and a breath is slow and never bright."""
    for pattern in (LISTENING, CRYING, ON_THE_WAY, FAULT, BEEPS, OFF):
        assert all(0 <= value <= 1 and seconds > 0.1 for value, seconds in pattern)
    assert sum(seconds for _, seconds in LISTENING) > 5
    assert max(value for value, _ in LISTENING) <= 0.3


def test_the_light_shines_and_goes_out(fitted: Callable[..., Fixture]) -> None:
    it = fitted(led_pin=18, led_brightness=0.2)
    it.panel.update(replace(STATE, episode=CRY))
    _until(lambda: it.value(18) == 1.0)
    it.panel.update(replace(STATE, episode=CRY, at=NOON.plus(12 * 3600)))
    _until(lambda: it.value(18) == pytest.approx(0.2))
    it.panel.update(STATE)
    _until(lambda: 0 < it.value(18) < 0.2)
    it.panel.close()
    assert it.value(18) == 0 or it.pins.pin(18).function == "input"


def test_the_buzzer_sounds_and_stops_at_the_response(fitted: Callable[..., Fixture]) -> None:
    it = fitted(buzzer_pin=23)
    it.panel.update(AWAY)
    _until(lambda: it.value(23) == 1)
    it.panel.update(replace(AWAY, episode=replace(CRY, acknowledged=MARK)))
    _until(lambda: it.value(23) == 0)


def test_the_same_pattern_again_is_not_begun_anew() -> None:
    shown: list[float] = []
    player = Player("test", shown.append)
    player.show(CRYING)
    _until(lambda: shown[-1:] == [1.0])
    count = len(shown)
    for _ in range(100):
        player.show(CRYING)
    player.close()
    assert shown[count:] == [0.0]


# ---- what is missing or broken ----


def test_a_machine_without_pins_is_normal_and_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox()
    panel = Panel(settings=PanelSettings(led_pin=18), clock=HandClock(), chips=tmp_path)
    with caplog.at_level("INFO"):
        panel.start(inbox.put)
    panel.update(STATE)
    panel.close()
    assert inbox.items == []
    assert [record.message for record in caplog.records] == [
        "This machine has no GPIO pins; buttons, light and buzzer are left out."
    ]


def test_without_pins_in_the_settings_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox()
    panel = Panel(settings=PanelSettings(), clock=HandClock())
    panel.start(inbox.put)
    panel.update(STATE)
    panel.close()
    assert inbox.items == [] and caplog.records == []


def test_pins_that_cannot_be_used_are_a_fault(tmp_path: Path) -> None:
    (tmp_path / "gpiochip0").touch()
    inbox = Inbox()
    with pytest.warns():
        panel = Panel(settings=PanelSettings(led_pin=18), clock=HandClock(), chips=tmp_path)
        panel.start(inbox.put)
    panel.update(STATE)
    panel.close()
    (trouble,) = inbox.items
    assert isinstance(trouble, Trouble) and trouble.code == "panel" and trouble.standing


def test_one_pin_that_fails_leaves_the_others_working(fitted: Callable[..., Fixture]) -> None:
    it = fitted(buttons={"Ana": 17}, led_pin=17)
    trouble = it.inbox.wait_for(Trouble, code="panel")
    assert "The light on pin 17" in trouble.text
    it.press(17)
    it.release(17)
    it.timers.ring()
    assert len(it.inbox.items) == 1


def test_a_light_that_fails_later_is_said_and_heals(fitted: Callable[..., Fixture], pins: MockFactory) -> None:
    broken = threading.Event()

    class Failing(MockPWMPin):  # type: ignore[misc]
        def _set_state(self, value: float) -> None:
            if broken.is_set():
                raise OSError("wire off")
            super()._set_state(value)

    pins.pin_class = Failing
    it = fitted(led_pin=18)
    it.panel.update(replace(STATE, episode=CRY))
    _until(lambda: it.value(18) == 1.0)
    broken.set()

    def fails() -> bool:
        try:
            it.panel.update(STATE)
        except PanelError as error:
            return "wire off" in str(error)
        return False

    _until(fails)
    broken.clear()
    _until(lambda: not fails())


# ---- the drawing ----


def test_the_wiring_shown_is_one_that_works(fitted: Callable[..., Fixture]) -> None:
    docs = Path(__file__).parent.parent / "docs"
    text = (docs / "wiring.md").read_text()
    table = tomllib.loads(text.split("```toml")[1].split("```")[0])["panel"]
    it = fitted(**table)
    assert it.inbox.items == []
    drawing = (docs / "wiring.svg").read_text()
    for pin in [*table["buttons"].values(), table["led_pin"], table["buzzer_pin"], table["motion_pin"]]:
        assert f"GPIO{pin} (pin" in text
        assert f">GPIO{pin}<" in drawing
