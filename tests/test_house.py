"""What a family changes while the monitor runs outlasts a restart."""

from pathlib import Path

import pytest

from device.events import EpisodeAlerted
from device.evidence import Thresholds
from device.house import House
from device.inputs import SetAlerts, SetSensitivity
from device.settings import Config
from device.vocabulary import Source
from tests.fakes import at, pick
from tests.test_monitor import CRY, Rig


def test_changes_are_kept_and_settled_into_the_configuration(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.settle(Config())
    alerts, quiet = house.alerts({"alerts.alert_after_s": 120.0, "alerts.quiet_hours": "00:00-23:59"})
    house.keep({"detector.sensitivity": "high", "mqtt.password": "never"})
    assert (alerts.alert_after_s, quiet(at(0))) == (120.0, True)
    again = House(tmp_path).settle(Config())
    assert (again.alerts.alert_after_s, again.alerts.quiet_hours) == (120.0, "00:00-23:59")
    assert again.detector.sensitivity == "high" and again.mqtt.password == ""
    assert house.kept("detector.sensitivity") == "high" and house.kept("mqtt.password") is None


@pytest.mark.parametrize("text", ["", "{", '{"alerts.alert_after_s": -5}', '{"detector.sensitivity": 3}', "[]"])
def test_a_damaged_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "house.json").write_text(text)
    assert House(tmp_path).settle(Config()) == Config()


def test_a_command_changes_when_the_monitor_alerts(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.settle(Config())
    rig = Rig(house=house, thresholds=lambda word: Thresholds(0.7, 0.4))
    rig.monitor.consume(SetAlerts(rig.clock.now(), Source.MQTT, 20.0, "00:00-23:59"))
    rig.monitor.consume(SetSensitivity(rig.clock.now(), Source.PAGE, "high"))
    rig.hear(15, CRY)
    assert pick(rig.sink.events, EpisodeAlerted) == []
    rig.hear(10, CRY)
    (alerted,) = pick(rig.sink.events, EpisodeAlerted)
    assert alerted.quiet
    state = rig.sink.states[-1]
    assert (state.alert_after_s, state.quiet_between, state.quiet_hours) == (20.0, "00:00-23:59", True)
    assert House(tmp_path).settle(Config()).detector.sensitivity == "high"
