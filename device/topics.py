"""The names of the MQTT topics, and how JSON is written on them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one device, all under nursery/<id>/."""

    id: str

    def __getattr__(self, name: str) -> str:
        """The topic of that name, as `topics.status`."""
        if name not in NAMES:
            raise AttributeError(name)
        return f"nursery/{self.id}/{name}"

    def alert_to(self, caregiver: str) -> str:
        """The topic that rings for one caregiver alone."""
        return f"nursery/{self.id}/alert/{caregiver}"

    def command(self, name: str) -> str:
        """The topic of a command; `+` for all of them."""
        return f"nursery/{self.id}/cmd/{name}"


NAMES = ("status", "mic", "cry", "episode", "today", "health", "settings", "event", "alert", "notice", "reply")
"""Everything that the monitor says; docs/mqtt.md describes each."""


def dump(payload: Mapping[str, object]) -> str:
    """Compact JSON in UTF-8, always with the keys in the same order."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
