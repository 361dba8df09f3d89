"""The panel at the cot: buttons, light, buzzer and motion sensor on a Raspberry Pi's pins, through gpiozero."""

import contextlib
import importlib
import logging
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from device.clock import Clock, Instant
from device.errors import PanelError
from device.events import Event
from device.gestures import Gestures, Later, later
from device.inputs import Response, Tag
from device.settings import PanelSettings
from device.signals import Player, brightness, buzzer_pattern, light_pattern
from device.sinks import MonitorState, Trouble
from device.vocabulary import Kind, Need, Source

log = logging.getLogger(__name__)

BOUNCE_S = 0.05


class Panel:
    """An EventSink that shows the state, and a source of responses. Without pins in the settings it does nothing."""

    def __init__(
        self,
        *,
        settings: PanelSettings,
        clock: Clock,
        time_zone: str = "",
        pin_factory: Any = None,
        later: Later = later,
        chips: Path = Path("/dev"),
    ) -> None:
        """Take the pins; `pin_factory` and `later` are gpiozero's and a timer unless a test gives others.

        `time_zone` tells when it is night (empty: the machine's); `chips` is where GPIO chips appear.
        """
        self._settings = settings
        self._clock = clock
        self._zone: tzinfo | None = ZoneInfo(time_zone) if time_zone else None
        self._factory = pin_factory
        self._later = later
        self._chips = chips
        self._put: Callable[[object], object] = lambda item: None
        self._gpiozero: Any = None
        self._stack = contextlib.ExitStack()
        self._light: Player | None = None
        self._buzzer: Player | None = None
        self._state: MonitorState | None = None

    def start(self, put: Callable[[object], object]) -> None:
        """Set the pins up. A pin that fails becomes the fault `panel`; the others work."""
        self._put = put
        settings = self._settings
        if not (settings.buttons or settings.led_pin or settings.buzzer_pin or settings.motion_pin):
            return
        if self._factory is None and not any(self._chips.glob("gpiochip*")):
            log.info("This machine has no GPIO pins; buttons, light and buzzer are left out.")
            return
        try:
            # Only here, since most monitors have no pins and should not carry the library in memory.
            self._gpiozero = importlib.import_module("gpiozero")
            factory = self._factory or self._gpiozero.Device._default_pin_factory()
        except Exception as error:
            self._trouble([f"The GPIO pins cannot be used ({error}); install python3-lgpio."])
            return
        problems: list[str] = []
        for caregiver, pin in settings.buttons.items():
            self._fit(f"The button of {caregiver}", pin, lambda p, c=caregiver: self._button(c, p, factory), problems)  # type: ignore[misc]
        self._fit("The light", settings.led_pin, lambda pin: self._make_light(pin, factory), problems)
        self._fit("The buzzer", settings.buzzer_pin, lambda pin: self._make_buzzer(pin, factory), problems)
        self._fit("The motion sensor", settings.motion_pin, lambda pin: self._motion(pin, factory), problems)
        self._trouble(problems)

    def handle(self, event: Event) -> None:
        """The panel shows states, not events."""

    def update(self, state: MonitorState) -> None:
        """Show the present state.

        Raises:
            PanelError: a light or buzzer that worked no longer does.
        """
        self._state = state
        if self._light is not None:
            self._light.show(light_pattern(state), brightness(state, self._zone, self._settings.led_brightness))
        if self._buzzer is not None:
            self._buzzer.show(buzzer_pattern(state))
        for name, player in (("light", self._light), ("buzzer", self._buzzer)):
            if player is not None and player.error is not None:
                raise PanelError(f"The {name} at the cot cannot be switched ({player.error}); check its wiring.")

    def close(self) -> None:
        """Switch everything off and free the pins."""
        self._stack.close()
        self._light = self._buzzer = None

    # ---- fitting ----

    def _fit(self, name: str, pin: int, make: Callable[[int], None], problems: list[str]) -> None:
        if not pin:
            return
        try:
            make(pin)
        except Exception as error:
            # gpiozero's pin libraries each raise errors of their own.
            problems.append(f"{name} on pin {pin} cannot be used ({error}).")

    def _trouble(self, problems: list[str]) -> None:
        if problems:
            text = " ".join(problems)
            log.warning("%s", text)
            self._put(Trouble(self._clock.now(), "panel", text))

    def _button(self, caregiver: str, pin: int, factory: Any) -> None:
        button = self._gpiozero.Button(pin, bounce_time=BOUNCE_S, hold_time=self._settings.long_press_s, pin_factory=factory)
        self._stack.callback(button.close)
        gestures = Gestures(
            once=lambda at: self._respond(at, Kind.ARRIVE, Source.BUTTON, caregiver),
            twice=lambda at: self._respond(at, Kind.ACKNOWLEDGE, Source.BUTTON, caregiver),
            long=self._tag,
            clock=self._clock,
            later=self._later,
        )
        self._stack.callback(gestures.close)
        button.when_pressed, button.when_released, button.when_held = gestures.pressed, gestures.released, gestures.held

    def _make_light(self, pin: int, factory: Any) -> None:
        led = self._gpiozero.PWMLED(pin, pin_factory=factory)
        self._stack.callback(led.close)
        self._light = Player("light", lambda value: setattr(led, "value", value))
        self._stack.callback(self._light.close)

    def _make_buzzer(self, pin: int, factory: Any) -> None:
        buzzer = self._gpiozero.DigitalOutputDevice(pin, pin_factory=factory)
        self._stack.callback(buzzer.close)
        self._buzzer = Player("buzzer", lambda value: setattr(buzzer, "value", value > 0))
        self._stack.callback(self._buzzer.close)

    def _motion(self, pin: int, factory: Any) -> None:
        sensor = self._gpiozero.DigitalInputDevice(pin, pull_up=False, pin_factory=factory)
        self._stack.callback(sensor.close)
        sensor.when_activated = self._moved

    # ---- what people do; on gpiozero's threads ----

    def _respond(self, at: Instant, kind: Kind, source: Source, caregiver: str | None) -> None:
        self._put(Response(at, kind, source, caregiver))

    def _tag(self, at: Instant) -> None:
        word = self._settings.long_press_tag
        not_crying = word == "not_crying"
        self._put(Tag(at, Source.BUTTON, need=None if not_crying else Need(word), not_crying=not_crying))

    def _moved(self) -> None:
        state = self._state
        # Movement means somebody is there only while the baby cries; at other times it is the baby, the cat, the day.
        if state is not None and state.crying and state.episode is not None:
            self._respond(self._clock.now(), Kind.ARRIVE, Source.MOTION, None)
