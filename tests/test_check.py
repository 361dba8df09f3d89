"""`nursery-monitor check` says whether a cry would be heard and told now, and if not, why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from device.inputs import AudioLost, Mute, SetAlerts
from device.maintenance import check
from device.vocabulary import Source
from tests.fakes_web import House, settings, until


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(settings(tmp_path), lag_s=0.0)
    house.start()
    yield house
    house.close()


def monitor(house: House, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert check(house.config, as_json=True) == 1, "there is no broker here"
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["monitor"]
    return found


def test_what_would_keep_an_alert_from_ringing_is_said(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    until(lambda: monitor(house, capsys)["ok"])
    house.take(Mute(house.clock.now(), Source.PAGE, 7200))
    until(lambda: "alerts are muted for another 2 h" in monitor(house, capsys)["text"])
    assert not monitor(house, capsys)["ok"]
    house.take(Mute(house.clock.now(), Source.PAGE, 0))
    until(lambda: monitor(house, capsys)["ok"])
    house.take(SetAlerts(house.clock.now(), Source.PAGE, quiet_hours="00:00-23:59"))
    until(lambda: "quiet hours 00:00-23:59: no phone rings" in monitor(house, capsys)["text"])
    house.take(SetAlerts(house.clock.now(), Source.PAGE, quiet_hours=""))
    house.take(AudioLost(house.clock.now(), "Unplugged."))
    until(lambda: monitor(house, capsys)["text"] == "Unplugged.")
    assert not monitor(house, capsys)["ok"]
