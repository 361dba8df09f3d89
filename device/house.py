"""What a family changes while the monitor runs, kept beside the history: it outlasts a restart, and the file's settings."""

import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from device.clock import Instant
from device.config import load
from device.errors import ConfigError
from device.files import write_whole
from device.quiet import quiet_hours
from device.settings import AlertSettings, Config

log = logging.getLogger(__name__)

CHANGEABLE = ("detector.sensitivity", "alerts.alert_after_s", "alerts.quiet_hours")


class House:
    """The kept changes, in `folder`/house.json; a damaged file counts as none."""

    def __init__(self, folder: Path) -> None:
        """Read what was kept."""
        self._path = folder / "house.json"
        self._values: dict[str, object] = {}
        self._config = Config()
        try:
            kept = json.loads(self._path.read_text("utf-8"))
            self._values = {name: kept[name] for name in CHANGEABLE if name in kept}
            load(Path(os.devnull), self._values)
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, ConfigError) as error:
            log.warning("%s: cannot be used (%s); the configuration's settings hold", self._path, error)
            self._values = {}

    def kept(self, name: str) -> object:
        """What was kept under a name; None if nothing."""
        return self._values.get(name)

    def settle(self, config: Config) -> Config:
        """The configuration with the kept changes in it."""
        for name, value in self._values.items():
            table, _, key = name.partition(".")
            config = replace(config, **{table: replace(getattr(config, table), **{key: value})})
        self._config = config
        return config

    def alerts(self, changes: Mapping[str, object]) -> tuple[AlertSettings, Callable[[Instant], bool]]:
        """Keep changes of the alerts; give the settings as they now are, and what tells quiet hours."""
        self.keep(changes)
        self._config = self.settle(self._config)
        return self._config.alerts, quiet_hours(self._config.alerts.quiet_hours, self._config.nursery.time_zone)

    def keep(self, changes: Mapping[str, object]) -> None:
        """Keep more changes, whole or not at all; a full disk is only logged, since they hold until the next start."""
        self._values |= {name: value for name, value in changes.items() if name in CHANGEABLE}
        try:
            write_whole(self._path, json.dumps(self._values))
        except OSError as error:
            log.warning("%s: cannot be written (%s); the change holds until the next start", self._path, error)
