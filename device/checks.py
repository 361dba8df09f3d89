"""What makes a setting's value right: its kind, its bounds, and that it fits the others."""

import difflib
import re
import zoneinfo
from collections.abc import Iterable
from dataclasses import MISSING, Field
from typing import Any

from device.errors import ConfigError
from device.settings import Config

MASK = "••••••"


def check_value(name: str, value: Any, item: Field[Any]) -> tuple[str, Any]:
    """Give a problem (or "") and the value as the settings keep it."""
    meta = item.metadata
    kind = type(item.default) if item.default is not MISSING else dict
    shown = MASK if meta["secret"] else repr(value)
    if kind is float and type(value) is int:
        value = float(value)
    if kind is tuple and isinstance(value, list):
        bad = [entry for entry in value if not isinstance(entry, str) or not re.fullmatch(meta["pattern"] or ".*", entry)]
        return (f"{name} = {shown}: {bad[0]!r} cannot stand in this list; {meta['help']}" if bad else "", tuple(value))
    if kind is dict and isinstance(value, dict):
        bad = [key for key, pin in value.items() if type(pin) is not int or not meta["low"] <= pin <= meta["high"]]
        return (
            f"{name}: {bad[0]} = {value[bad[0]]!r} is no GPIO pin from {meta['low']} to {meta['high']}" if bad else "",
            value,
        )
    if type(value) is not kind:
        return f"{name} = {shown}: must be {_KINDS[kind]}; {meta['help']}", value
    if meta["low"] is not None and value < meta["low"] or meta["high"] is not None and value > meta["high"]:
        return f"{name} = {shown}: must be from {meta['low']:g} to {meta['high']:g}; {meta['help']}", value
    if kind is float and value != value:
        return f"{name} = nan: must be a number; {meta['help']}", value
    if meta["choices"] and value not in meta["choices"]:
        listed = ", ".join(choice or '""' for choice in meta["choices"])
        return f"{name} = {shown}: must be one of {listed}{meant(str(value), meta['choices'])}", value
    if meta["pattern"] and not re.fullmatch(meta["pattern"], str(value)):
        return f"{name} = {shown}: not of the form needed; {meta['help']}", value
    return "", value


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes", tuple: "a list of texts",
          dict: "a table of names and pins"}  # fmt: skip


def check_together(config: Config) -> None:
    """Find settings that are fine alone but not together.

    Raises:
        ConfigError: with every such problem.
    """
    problems = []
    on, off = config.detector.on_threshold, config.detector.off_threshold
    if on and off and off > on:
        problems.append(f"detector.off_threshold = {off:g}: must not be above on_threshold = {on:g}")
    if config.episode.settle_after_s < config.episode.hangover_s:
        problems.append(f"episode.settle_after_s = {config.episode.settle_after_s:g}: must not be below hangover_s")
    for table, settings in (("broker", config.broker), ("page", config.page)):
        if bool(settings.tls_cert) != bool(settings.tls_key):
            problems.append(f"{table}.tls_cert and {table}.tls_key: TLS needs both; set both or neither")
    zone = config.nursery.time_zone
    if zone:
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            problems.append(f'nursery.time_zone = {zone!r}: no such time zone; write one like "Europe/Berlin"')
    pins = [*config.panel.buttons.values(), config.panel.led_pin, config.panel.buzzer_pin, config.panel.motion_pin]
    fitted = [pin for pin in pins if pin]
    problems += [
        f"panel: pin {pin} is used twice; each part needs a pin of its own"
        for pin in {p for p in fitted if fitted.count(p) > 1}
    ]
    if problems:
        raise ConfigError(problems)


def meant(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the nearest known one, or all of them if they are few."""
    words = [entry for entry in known if entry]
    if near := difflib.get_close_matches(word, words, 1, 0.6):
        return f"; did you mean {near[0]}?"
    return f"; known are {', '.join(words)}" if len(words) < 16 else ""
