"""Reading the configuration: defaults, origins, and every mistake at once."""

from pathlib import Path

import pytest

from device import config
from device.checks import MASK
from device.errors import ConfigError
from device.settings import sections


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


def problems(folder: Path, text: str, overrides: dict[str, object] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        config.load(write(folder, text), overrides)
    return caught.value.problems


def test_without_a_file_every_default_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("NURSERY_MONITOR_CONFIG", raising=False)
    loaded = config.load()
    assert loaded.config.alerts.alert_after_s == 3.0
    assert set(loaded.origins.values()) == {"default"}


def test_values_know_where_they_came_from(tmp_path: Path) -> None:
    path = write(tmp_path, '[nursery]\nname = "Mia"\n\n[alerts]\nalert_after_s = 120\n')
    loaded = config.load(path, {"mqtt.port": "8883"})
    assert (loaded.config.nursery.name, loaded.config.alerts.alert_after_s, loaded.config.mqtt.port) == ("Mia", 120.0, 8883)
    assert loaded.origins["alerts.alert_after_s"] == f"{path}:5"
    assert loaded.origins["mqtt.port"] == "command line"
    assert loaded.origins["mqtt.host"] == "default"


def test_every_mistake_is_reported_at_once_with_line_and_hint(tmp_path: Path) -> None:
    text = '[nursery]\nnam = "x"\n[alert]\n[mqtt]\nport = 99999\n[episode]\nhangover_s = "long"\n'
    text += "[panel]\nbuttons = {Ana = 99}\n"
    found = problems(tmp_path, text, {"mqtt.prt": 1})
    assert [problem.split(": ")[0].rsplit(":", 1)[-1] for problem in found[:5]] == ["2", "3", "5", "7", "9"]
    assert "did you mean name?" in found[0] and "did you mean alerts?" in found[1]
    assert "from 1 to 65535" in found[2] and "must be a number" in found[3] and "Ana = 99" in found[4]
    assert "mqtt.port" in found[5]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[nursery\n", "not valid TOML"),
        ("nursery = 3\n", "write [nursery]"),
        ("[detector]\non_threshold = nan\n", "on_threshold"),
        ("[detector]\non_threshold = 0.5\noff_threshold = 0.6\n", "must not be above"),
        ('[detector]\nsensitivity = "hgh"\n', "did you mean high?"),
        ('[nursery]\nid = "a/b"\n', "nursery.id"),
        ('[nursery]\ntime_zone = "Europe/Atlantis"\n', "no such time zone"),
        ('[alerts]\nquiet_hours = "25:00-06:00"\n', "quiet_hours"),
        ("[alerts]\nmax_alerts = true\n", "must be a whole number"),
        ('[page]\ntls_cert = "a.pem"\n', "set both or neither"),
        ("[panel]\nled_pin = 17\nbuzzer_pin = 17\n", "pin 17 is used twice"),
        ('[nursery]\ncaregivers = ["a/b"]\n', "'a/b' cannot stand"),
        ("[episode]\nsettle_after_s = 5\nhangover_s = 20\n", "must not be below hangover_s"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, says: str) -> None:
    assert any(says in problem for problem in problems(tmp_path, text)), problems(tmp_path, text)


def test_a_named_file_that_is_missing_or_unreadable_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        config.load(tmp_path / "none.toml")
    binary = tmp_path / "config.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        config.load(binary)


def test_secrets_are_masked_when_shown_and_in_mistakes(tmp_path: Path) -> None:
    loaded = config.load(write(tmp_path, '[mqtt]\npassword = "hush-hush"\n'))
    shown = config.describe(loaded)
    assert "hush-hush" not in shown and MASK in shown
    assert loaded.config.mqtt.password == "hush-hush"
    assert "hush" not in " ".join(problems(tmp_path, "[mqtt]\npassword = ['hush']\n"))


def test_what_is_shown_can_be_read_back(tmp_path: Path) -> None:
    first = config.load(
        write(tmp_path, '[nursery]\nname = "A \\"B\\""\ncaregivers = ["Ana"]\n[panel]\nbuttons = {Ana = 17}\n')
    )
    again = config.load(write(tmp_path, config.describe(first)))
    assert again.config == first.config


def test_every_setting_has_a_help_text() -> None:
    for table, keys in sections().items():
        for key, item in keys.items():
            assert item.metadata["help"].endswith("."), f"{table}.{key}"
