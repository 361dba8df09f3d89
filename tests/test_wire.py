"""The wire format brings everything back exactly, and forgives what it does not know."""

import json
import math
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device import events, wire
from device.clock import Instant
from device.events import DeviceEvent, EpisodeEvent, Event
from device.record import Bout, Episode, Mark, NeedGuess
from device.sinks import MonitorState
from device.vocabulary import Need, Source
from tests.fakes_history import episode, story

FLOATS = st.floats(allow_nan=False)
KINDS = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, (EpisodeEvent, DeviceEvent)) and kind.event_type
]

st.register_type_strategy(float, FLOATS)
EVENTS = st.one_of(*(st.builds(kind) for kind in KINDS))


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data, allow_nan=False))


@given(EVENTS)
def test_events_come_back_exactly(event: Event) -> None:
    assert wire.decode_event(through_json(wire.encode_event(event))) == event


@given(st.builds(Episode))
def test_episodes_come_back_exactly(one: Episode) -> None:
    assert wire.decode_episode(through_json(wire.encode_episode(one))) == one


@given(st.builds(MonitorState))
def test_states_come_back_exactly(state: MonitorState) -> None:
    again = wire.decode_state(through_json(wire.encode_state(state)))
    assert again == state
    assert {key: type(value) for key, value in again.today.items()} == {k: type(v) for k, v in state.today.items()}


def test_every_event_has_a_type_of_its_own() -> None:
    assert len({kind.event_type for kind in KINDS}) == len(KINDS) >= 15


def test_a_mapping_by_need_keeps_its_keys() -> None:
    guess = NeedGuess(Need.HUNGER, {need: 0.2 for need in Need}, 7)
    data = through_json(wire.encode_part(guess))
    assert data["p"]["hunger"] == 0.2
    assert wire.decode_part(NeedGuess, data) == guess


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_what_json_does_not_know_survives(value: float) -> None:
    at = Instant(value, 0.0)
    assert wire.decode_part(Instant, through_json(wire.encode_part(at))) == at


def test_not_a_number_survives() -> None:
    again = wire.decode_part(Bout, through_json(wire.encode_part(Bout(0.0, 1.0, math.nan))))
    assert math.isnan(again.distress)


def test_unknown_keys_are_ignored_and_missing_ones_take_their_defaults() -> None:
    data = wire.encode_episode(episode())
    del data["note"], data["guess"]
    data["from_the_future"] = {"a": 1}
    assert wire.decode_episode(data) == episode()


@pytest.mark.parametrize(
    "change",
    [
        {"type": "unheard_of"},
        {"type": None},
        {"at": None},
        {"at": {"monotonic": "x", "utc": 0.0}},
        {"at": {"monotonic": True, "utc": 0.0}},
        {"episode": {"id": "a"}},
        {"episode": []},
        {"episode": {**wire.encode_episode(episode()), "outcome": "forgotten"}},
        {"episode": {**wire.encode_episode(episode()), "bouts": 3}},
        {"episode": {**wire.encode_episode(episode()), "note": 3}},
        {"episode": {**wire.encode_episode(episode()), "guess": {"guess": "hunger", "p": 3}}},
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    data = {**wire.encode_event(story()[0]), **change}
    with pytest.raises(ValueError, match=r"\S"):
        wire.decode_event(data)


@given(st.recursive(st.none() | st.booleans() | FLOATS | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_garbage_is_refused_and_nothing_worse(garbage: Any) -> None:
    for decode in (wire.decode_event, wire.decode_episode, wire.decode_state):
        with pytest.raises(ValueError, match=r"\S"):
            decode(garbage)


def test_keys_are_the_fields_names() -> None:
    assert list(wire.encode_episode(episode())) == [item.name for item in fields(Episode)]
    assert wire.encode_part(Mark(1.0, Source.BUTTON)) == {"at_s": 1.0, "source": "button", "caregiver": None}
