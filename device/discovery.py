"""What Home Assistant is told about the device: one message that makes the device and all its entities.

Fields and rules are those of Home Assistant's documentation of MQTT device discovery. `default_entity_id` is given, and
never the deprecated `object_id`.
"""

from typing import Any

from device.payloads import EVENT_TYPES
from device.settings import NurserySettings
from device.topics import Topics
from device.vocabulary import Distress, Need

CALM = "calm"
"""State of the distress sensor while nobody cries."""


def discovery(nursery: NurserySettings, *, topics: Topics, version: str, page_url: str = "") -> dict[str, Any]:
    """Give the retained payload of `homeassistant/device/nursery_<id>/config`."""
    key = f"nursery_{nursery.id}"
    device: dict[str, Any] = {
        "identifiers": [key],
        "name": nursery.name,
        "manufacturer": "nursery-monitor",
        "model": "Nursery monitor",
        "sw_version": version,
    }
    if page_url:
        device["configuration_url"] = page_url
    online = {"topic": topics.status}
    hearing = {"topic": topics.mic, "value_template": "{{ 'online' if value == 'ok' else 'offline' }}"}
    parts = _parts(topics)
    slug = key.lower().replace("-", "_")
    for name, part in parts.items():
        part["unique_id"] = f"{key}_{name}"
        part["default_entity_id"] = f"{part['platform']}.{slug}_{name}"
        # what depends on hearing is unavailable while the microphone is not heard: silence must never look like quiet
        part["availability"] = [online, hearing] if name in _HEARD else [online]
        part["availability_mode"] = "all"
    return {
        "device": device,
        "origin": {"name": "nursery-monitor", "sw_version": version},
        "qos": 1,
        "components": parts,
    }


_HEARD = ("crying", "distress", "level")


def _parts(topics: Topics) -> dict[str, dict[str, Any]]:
    return {
        "crying": {
            "platform": "binary_sensor",
            "name": "Crying",
            "device_class": "sound",
            "state_topic": topics.cry,
            "json_attributes_topic": topics.episode,
        },
        "distress": {
            "platform": "sensor",
            "name": "Distress",
            "device_class": "enum",
            "options": [CALM, *(grade.value for grade in Distress)],
            "icon": "mdi:emoticon-cry-outline",
            "state_topic": topics.episode,
            "value_template": f"{{{{ value_json.distress if value_json.open else '{CALM}' }}}}",
        },
        "last_response": _seconds("Last time to response", topics.today, "last_response_s", "mdi:timer-outline"),
        "episodes_today": _count("Cries today", topics.today, "episodes", "mdi:counter"),
        "answered_today": _count("Answered today", topics.today, "answered", "mdi:account-heart-outline"),
        "crying_today": _seconds("Crying today", topics.today, "crying_s", "mdi:timer-sand"),
        "event": {
            "platform": "event",
            "name": "Event",
            "icon": "mdi:baby-face-outline",
            "event_types": list(EVENT_TYPES),
            "state_topic": topics.event,
        },
        "on_my_way": _button("On my way", topics.command("acknowledge"), "mdi:run-fast"),
        "here": _button("I'm here", topics.command("arrived"), "mdi:account-check-outline"),
        "need": {
            "platform": "select",
            "name": "It was",
            "icon": "mdi:tag-heart-outline",
            "options": [*(need.value for need in Need), "not_crying"],
            "command_topic": topics.command("need"),
            "state_topic": topics.episode,
            "value_template": "{{ value_json.tag }}",
        },
        "muted": {
            "platform": "switch",
            "name": "Mute alerts for 30 minutes",
            "icon": "mdi:bell-sleep-outline",
            "command_topic": topics.command("mute"),
            "payload_on": "30",
            "payload_off": "0",
            "state_topic": topics.settings,
            "state_on": "ON",
            "state_off": "OFF",
            "value_template": "{{ 'ON' if value_json.muted else 'OFF' }}",
        },
        "sensitivity": {
            "platform": "select",
            "name": "Sensitivity",
            "icon": "mdi:ear-hearing",
            "entity_category": "config",
            "options": ["low", "normal", "high"],
            "command_topic": topics.command("sensitivity"),
            "state_topic": topics.settings,
            "value_template": "{{ value_json.sensitivity }}",
        },
        "microphone": {
            "platform": "binary_sensor",
            "name": "Microphone fault",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": topics.mic,
            "value_template": "{{ 'OFF' if value == 'ok' else 'ON' }}",
        },
        "fault": {
            "platform": "binary_sensor",
            "name": "Monitor fault",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "state_topic": topics.health,
            "value_template": "{{ 'ON' if value_json.faults else 'OFF' }}",
            "json_attributes_topic": topics.health,
        },
        "level": {
            "platform": "sensor",
            "name": "Sound level",
            "icon": "mdi:volume-medium",
            "unit_of_measurement": "dBFS",
            "state_class": "measurement",
            "entity_category": "diagnostic",
            "enabled_by_default": False,
            "state_topic": topics.health,
            "value_template": "{{ value_json.level_dbfs }}",
        },
        "test": {**_button("Test alert", topics.command("test"), "mdi:bell-check-outline"), "entity_category": "diagnostic"},
    }


def _button(name: str, command: str, icon: str) -> dict[str, Any]:
    return {"platform": "button", "name": name, "icon": icon, "command_topic": command, "payload_press": "{}"}


def _count(name: str, topic: str, key: str, icon: str) -> dict[str, Any]:
    return {
        "platform": "sensor",
        "name": name,
        "icon": icon,
        "state_class": "measurement",
        "state_topic": topic,
        "value_template": f"{{{{ value_json.{key} }}}}",
    }


def _seconds(name: str, topic: str, key: str, icon: str) -> dict[str, Any]:
    return _count(name, topic, key, icon) | {
        "device_class": "duration",
        "unit_of_measurement": "s",
        "suggested_display_precision": 0,
    }
