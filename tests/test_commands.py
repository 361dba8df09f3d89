"""Commands: the same words from everywhere, and a sentence for what makes no sense."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.commands import COMMANDS, parse
from device.errors import CommandError
from device.inputs import (
    Command,
    Context,
    Edit,
    Forget,
    ImportContexts,
    Mute,
    Response,
    SetAlerts,
    SetSensitivity,
    Tag,
    TestAlert,
)
from device.vocabulary import Helped, Kind, Need, Source
from tests.fakes import START

PAGE = Source.PAGE


@pytest.mark.parametrize(
    ("name", "payload", "expected"),
    [
        ("acknowledge", {"caregiver": "Ana"}, Response(START, Kind.ACKNOWLEDGE, PAGE, "Ana")),
        ("arrived", {}, Response(START, Kind.ARRIVE, PAGE)),
        ("arrived", {"caregiver": " Ben "}, Response(START, Kind.ARRIVE, PAGE, "Ben")),
        ("arrived", {"caregiver": " \n"}, Response(START, Kind.ARRIVE, PAGE)),
        ("need", {"need": "hunger", "helped": ["feed"]}, Tag(START, PAGE, need=Need.HUNGER, helped=(Helped.FEED,))),
        ("need", {"need": "not_crying", "episode": "e1"}, Tag(START, PAGE, "e1", not_crying=True)),
        ("need", {"helped": "hold"}, Tag(START, PAGE, helped=(Helped.HOLD,))),
        ("mute", {"minutes": "30"}, Mute(START, PAGE, 1800.0)),
        ("sensitivity", {"sensitivity": "high"}, SetSensitivity(START, PAGE, "high")),
        ("alerts", {"alert_after_s": 120, "quiet_hours": "22:00-06:00"}, SetAlerts(START, PAGE, 120.0, "22:00-06:00")),
        ("alerts", {"quiet_hours": ""}, SetAlerts(START, PAGE, None, "")),
        ("forget", {}, Forget(START, PAGE)),
        ("forget", {"undo": True}, Forget(START, PAGE, undo=True)),
        ("test", {"token": "x"}, TestAlert(START, PAGE, "x")),
        ("edit", {"episode": "e1", "action": "arrive", "at_s": 40}, Edit(START, PAGE, "e1", "arrive", 40.0)),
        ("edit", {"action": "undo"}, Edit(START, PAGE, "", "undo")),
        (
            "import",
            {"entries": [{"id": "b1", "kind": "feed", "start_utc": 5.0, "source": "diary"}]},
            ImportContexts(START, PAGE, (Context("b1", "feed", 5.0, None, "", "diary"),)),
        ),
    ],
)
def test_commands(name: str, payload: dict[str, object], expected: Command) -> None:
    assert parse(name, payload, START, PAGE) == expected


@pytest.mark.parametrize(
    ("name", "payload", "says"),
    [
        ("ring", {}, "is no command"),
        ("acknowledge", {"who": "Ana"}, "'who' is not understood"),
        ("acknowledge", {"caregiver": "x" * 25}, "at most 24"),
        ("need", {"need": "love"}, "must be one of hunger"),
        ("need", {}, "say the need"),
        ("need", {"note": "\ud800"}, "must be text"),
        ("need", {"helped": ["magic"]}, "must be a list of feed"),
        ("mute", {}, "how many minutes"),
        ("mute", {"minutes": -1}, "from 0 to 1440"),
        ("mute", {"minutes": "nan"}, "from 0 to 1440"),
        ("mute", {"minutes": 10**400}, "from 0 to 1440"),
        ("mute", {"minutes": True}, "from 0 to 1440"),
        ("alerts", {}, "say alert_after_s"),
        ("alerts", {"alert_after_s": 1801}, "from 0 to 1800"),
        ("alerts", {"quiet_hours": "night"}, "write hours like"),
        ("sensitivity", {"sensitivity": "max"}, "low, normal, high"),
        ("forget", {"undo": "yes"}, "must be true or false"),
        ("edit", {"episode": "e", "action": "burn"}, "must be one of"),
        ("edit", {"action": "delete"}, "which episode"),
        ("import", {}, "1 to 200 entries"),
        ("import", {"entries": [7]}, "is no entry"),
        ("import", {"entries": [{"id": "x", "kind": "party", "start_utc": 5}]}, "a kind of feed"),
    ],
)
def test_nonsense_is_answered_with_what_would_be_right(name: str, payload: dict[str, object], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        parse(name, payload, START, PAGE)


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from(
    ["caregiver", "need", "episode", "helped", "note", "minutes", "token", "action", "at_s", "sensitivity", "undo"]
)


@given(st.sampled_from(COMMANDS), st.dictionaries(keys | st.text(max_size=5), values, max_size=4))
def test_any_payload_is_a_command_or_a_sentence(name: str, payload: dict[str, object]) -> None:
    try:
        command = parse(name, payload, START, PAGE)
    except CommandError as error:
        assert len(str(error)) < 300 and json.dumps(str(error))
    else:
        assert command.source is PAGE
