"""The discovery message against the fields that Home Assistant documents; without Home Assistant itself."""

import re
from typing import Any

import pytest

from device.clock import Instant
from device.commands import parse
from device.discovery import CALM, discovery
from device.mqtt import OVER_MQTT, read_payload
from device.payloads import EVENT_TYPES, episode_payload, health_payload, settings_payload, today_payload
from device.settings import NurserySettings
from device.sinks import MonitorState
from device.topics import NAMES, Topics
from device.vocabulary import Distress, Mic, Source

COMMON = {
    "platform", "unique_id", "default_entity_id", "name", "icon", "availability", "availability_mode",
    "entity_category", "enabled_by_default", "device_class",
}  # fmt: skip
FIELDS = {
    "binary_sensor": {"state_topic", "value_template", "json_attributes_topic"},
    "sensor": {
        "state_topic", "value_template", "options", "unit_of_measurement", "state_class", "suggested_display_precision",
    },
    "event": {"state_topic", "event_types"},
    "button": {"command_topic", "payload_press"},
    "select": {"state_topic", "command_topic", "value_template", "options"},
    "switch": {
        "state_topic", "command_topic", "value_template", "payload_on", "payload_off", "state_on", "state_off",
    },
}  # fmt: skip
NEEDED = {
    "binary_sensor": {"state_topic"},
    "sensor": {"state_topic"},
    "event": {"state_topic", "event_types"},
    "button": {"command_topic"},
    "select": {"command_topic", "options"},
    "switch": {"command_topic"},
}
CLASSES = {
    "binary_sensor": {"sound", "problem"},
    "sensor": {"enum", "duration"},
    "event": set(),
    "button": set(),
    "select": set(),
    "switch": set(),
}


@pytest.fixture
def payload() -> dict[str, Any]:
    return discovery(
        NurserySettings(id="up-stairs", name="Nursery"), topics=Topics("up-stairs"), version="1.2.3", page_url="http://x"
    )


def test_device_and_origin(payload: dict[str, Any]) -> None:
    assert set(payload) == {"device", "origin", "qos", "components"}
    assert payload["qos"] == 1
    assert payload["origin"] == {"name": "nursery-monitor", "sw_version": "1.2.3"}
    assert payload["device"]["identifiers"] == ["nursery_up-stairs"]
    assert payload["device"]["configuration_url"] == "http://x"
    assert "configuration_url" not in discovery(NurserySettings(), topics=Topics("home"), version="1")["device"]


def test_every_component_has_documented_fields_only(payload: dict[str, Any]) -> None:
    for name, part in payload["components"].items():
        platform = part["platform"]
        assert set(part) <= COMMON | FIELDS[platform], name
        assert set(part) >= {"unique_id", "default_entity_id", "name", "availability"} | NEEDED[platform], name
        assert part.get("device_class") in {None, *CLASSES[platform]}, name
        assert part.get("entity_category") in {None, "config", "diagnostic"}, name
        assert part.get("entity_category") != "config" or platform in ("select", "switch", "button"), name


def test_never_the_deprecated_object_id(payload: dict[str, Any]) -> None:
    assert "object_id" not in str(payload).replace("default_entity_id", "")
    for part in payload["components"].values():
        assert re.fullmatch(rf"{part['platform']}\.[a-z0-9_]+", part["default_entity_id"])


def test_ids_are_unique(payload: dict[str, Any]) -> None:
    parts = payload["components"].values()
    assert len({part["unique_id"] for part in parts}) == len(parts) == len({part["default_entity_id"] for part in parts})


def test_everything_asked_for_is_there(payload: dict[str, Any]) -> None:
    assert set(payload["components"]) >= {
        "crying", "distress", "last_response", "episodes_today", "event", "on_my_way", "here", "need", "muted",
        "sensitivity", "microphone", "fault", "test",
    }  # fmt: skip
    assert payload["components"]["event"]["event_types"] == list(EVENT_TYPES)


def test_topics_are_those_the_monitor_uses(payload: dict[str, Any]) -> None:
    topics = Topics("up-stairs")
    said = {getattr(topics, name) for name in NAMES}
    taken = {topics.command(name) for name in OVER_MQTT}
    for part in payload["components"].values():
        assert part.get("state_topic", topics.cry) in said
        assert part.get("json_attributes_topic", topics.cry) in said
        assert part.get("command_topic", topics.command("test")) in taken


def test_availability_follows_the_microphone_but_for_its_own_fault(payload: dict[str, Any]) -> None:
    parts = payload["components"]
    for name in ("crying", "distress"):
        assert [entry["topic"] for entry in parts[name]["availability"]] == [
            "nursery/up-stairs/status",
            "nursery/up-stairs/mic",
        ]
        assert parts[name]["availability_mode"] == "all"
    for name in ("microphone", "fault", "on_my_way", "event"):
        assert [entry["topic"] for entry in parts[name]["availability"]] == ["nursery/up-stairs/status"]


def test_templates_read_keys_that_are_published(payload: dict[str, Any]) -> None:
    topics = Topics("up-stairs")
    state = MonitorState(Instant(1.0, 1.0), Mic.OK)
    published = {
        topics.episode: episode_payload(None),
        topics.today: today_payload(state, None),
        topics.settings: settings_payload(state),
        topics.health: health_payload(state, "en"),
    }
    for name, part in payload["components"].items():
        for key in re.findall(r"value_json\.(\w+)", part.get("value_template", "")):
            assert key in published[part["state_topic"]], (name, key)


def test_what_home_assistant_sends_is_understood(payload: dict[str, Any]) -> None:
    now = Instant(1.0, 1.0)
    for part in payload["components"].values():
        if "command_topic" in part:
            name = part["command_topic"].rsplit("/", 1)[-1]
            sent = part.get("options") or [
                part[key] for key in ("payload_press", "payload_on", "payload_off") if key in part
            ]
            for text in sent:
                assert parse(name, read_payload(name, text.encode()), now, Source.MQTT)


def test_distress_is_one_of_its_options(payload: dict[str, Any]) -> None:
    assert payload["components"]["distress"]["options"] == [CALM, *(grade.value for grade in Distress)]
