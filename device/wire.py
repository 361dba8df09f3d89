"""Events, episodes and state as plain JSON objects: what the journal stores, the control socket sends and the page reads.

Keys are the dataclasses' field names, enums are their values, an event carries its `type`. Unknown keys are ignored and
missing ones take their defaults, so that old journals and newer pages understand each other. Floats that JSON does not
know are the strings "nan", "inf" and "-inf"; everything comes back exactly as it was.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from device import events
from device.events import Event
from device.record import Episode
from device.sinks import MonitorState

Json = dict[str, Any]

_EVENTS: Mapping[str, type[Any]] = {
    kind.event_type: kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, (events.EpisodeEvent, events.DeviceEvent)) and kind.event_type
}


def encode_event(event: Event) -> Json:
    """Give an event as an object with its `type` and its fields."""
    return {"type": event.event_type, **_encode(event)}


def decode_event(data: Mapping[str, Any]) -> Event:
    """Read an event back; ValueError if it is malformed or of a type that this version does not know."""
    kind = _EVENTS.get(str(data.get("type"))) if isinstance(data, Mapping) else None
    if kind is None:
        raise ValueError(f"This is not an event that this version knows: {str(data)[:80]!r}.")
    return cast(Event, _decoder(cast(Any, kind))(data))


def encode_episode(episode: Episode) -> Json:
    """Give an episode as an object."""
    return cast(Json, _encode(episode))


def decode_episode(data: Mapping[str, Any]) -> Episode:
    """Read an episode back; ValueError if it is malformed."""
    return cast(Episode, _decoder(Episode)(data))


def encode_state(state: MonitorState) -> Json:
    """Give the monitor's state as an object."""
    return cast(Json, _encode(state))


def decode_state(data: Mapping[str, Any]) -> MonitorState:
    """Read the monitor's state back; ValueError if it is malformed."""
    return cast(MonitorState, _decoder(MonitorState)(data))


def encode_part(part: object) -> Any:
    """Give any smaller dataclass of these (a mark, a fault …) or a plain value."""
    return _encode(part)


def decode_part(kind: Any, data: object) -> Any:
    """Read back what `encode_part` gave, as the type `kind`; ValueError if it is malformed."""
    return _decoder(kind)(data)


def _encode(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {_encode(key): _encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_encode(item) for item in value]
    return {name: _encode(getattr(value, name)) for name in _names(cast(Any, type(value)))}


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))


@cache
def _decoder(kind: Any) -> Callable[[Any], Any]:
    """Make the reader of one type; the types are few, so each is worked out once."""
    if isinstance(kind, type) and is_dataclass(kind):
        return _object(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if kind is float:
        return _float
    if kind in (int, str, bool):
        return _plain(kind)
    if kind is type(None):
        return _none
    if isinstance(kind, UnionType):
        return _union(get_args(kind))
    origin, args = get_origin(kind), get_args(kind)
    if origin is tuple:
        return _tuple(_decoder(args[0]))
    if origin is Mapping:
        return _mapping(_decoder(args[0]), _decoder(args[1]))
    raise TypeError(f"The wire format has no rule for {kind!r}; give device/wire.py one.")


def _object(kind: type[Any]) -> Callable[[Any], Any]:
    hints = get_type_hints(kind)
    readers = [(item.name, _decoder(hints[item.name])) for item in fields(kind)]
    needed = {item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING}

    def read(data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValueError(f"{kind.__name__} must be an object, but is {str(data)[:80]!r}.")
        if not needed <= data.keys():
            raise ValueError(f"{kind.__name__} lacks {', '.join(sorted(needed - data.keys()))}.")
        return kind(**{name: reader(data[name]) for name, reader in readers if name in data})

    return read


def _float(data: Any) -> float:
    if isinstance(data, float):
        return data
    if isinstance(data, bool) or not (isinstance(data, int) or data in ("nan", "inf", "-inf")):
        raise ValueError(f"A number was expected, but here is {str(data)[:80]!r}.")
    return float(data)


def _plain(kind: type[Any]) -> Callable[[Any], Any]:
    def read(data: Any) -> Any:
        if type(data) is not kind:
            raise ValueError(f"A value of type {kind.__name__} was expected, but here is {str(data)[:80]!r}.")
        return data

    return read


def _none(data: Any) -> None:
    if data is not None:
        raise ValueError(f"Nothing was expected, but here is {str(data)[:80]!r}.")


def _union(kinds: tuple[Any, ...]) -> Callable[[Any], Any]:
    optional = type(None) in kinds
    # int before float, so that a whole number stays one; a float is never taken for an int.
    readers = [_decoder(kind) for kind in sorted(kinds, key=lambda kind: kind is float) if kind is not type(None)]

    def read(data: Any) -> Any:
        if data is None and optional:
            return None
        for reader in readers[:-1]:
            try:
                return reader(data)
            except ValueError:
                continue
        return readers[-1](data)

    return read


def _tuple(reader: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(data: Any) -> Any:
        if not isinstance(data, (list, tuple)):
            raise ValueError(f"A list was expected, but here is {str(data)[:80]!r}.")
        return tuple([reader(item) for item in data])

    return read


def _mapping(key: Callable[[Any], Any], value: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def read(data: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValueError(f"An object was expected, but here is {str(data)[:80]!r}.")
        return {key(name): value(item) for name, item in data.items()}

    return read
