"""The units and the other files that an installation puts in place."""

import configparser
import re
import shutil
import socket
import subprocess
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "systemd"
UNITS = ("nursery-monitor.service", "nursery-web.service")
ALL = (*UNITS, "nursery-certify.service")
MOST_EXPOSED = 2.0


def read(unit: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((FOLDER / unit).read_text())
    return parser


def analyze(*words: str | Path) -> str:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    ran = subprocess.run([tool, *words], capture_output=True, text=True, timeout=60, check=False)
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("unit", ALL)
def test_units_are_little_exposed(unit: str) -> None:
    said = analyze("security", "--offline=true", "--no-pager", FOLDER / unit)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("unit", [*ALL, "nursery-certify.timer"])
def test_systemd_has_nothing_to_say_about_the_units(unit: str, tmp_path: Path) -> None:
    # Where the monitor is not installed, its program is missing, which would be the only complaint.
    for path in FOLDER.glob("*.service"):
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", path.read_text(), flags=re.M)
        (tmp_path / path.name).write_text(text)
    shutil.copy(FOLDER / "nursery-certify.timer", tmp_path)
    assert analyze("verify", tmp_path / unit) == ""


@pytest.mark.parametrize("unit", UNITS)
def test_units_never_give_up_and_stay_bounded(unit: str) -> None:
    parts = read(unit)
    assert parts["Unit"]["StartLimitIntervalSec"] == "0"
    service = parts["Service"]
    assert service["Restart"] == "always"
    assert {"MemoryMax", "TasksMax", "LogRateLimitBurst", "User"} <= set(service)
    assert service["UMask"] == "0077"


def test_if_memory_runs_out_the_monitor_goes_last() -> None:
    monitor, page = (read(unit)["Service"] for unit in UNITS)
    assert int(monitor["OOMScoreAdjust"]) < 0 < int(page["OOMScoreAdjust"])
    assert monitor["ManagedOOMPreference"] == "avoid"
    # A broker that was killed must not take the monitor with it: the monitor starts it again.
    assert monitor["OOMPolicy"] == "continue"


def test_neither_unit_needs_the_other() -> None:
    for unit in UNITS:
        assert not {"Requires", "BindsTo", "PartOf", "Requisite"} & set(read(unit)["Unit"])


def test_the_monitor_is_watched_and_reaches_microphone_and_pins_without_a_desktop() -> None:
    service = read("nursery-monitor.service")["Service"]
    assert service["Type"] == "notify"
    assert 0 < int(service["WatchdogSec"]) <= 10  # every failure is noticed within 10 s
    assert service["SupplementaryGroups"].split() == ["audio", "gpio"]
    text = (FOLDER / "nursery-monitor.service").read_text()
    assert "DeviceAllow=char-alsa rw" in text and "DeviceAllow=char-gpiochip rw" in text


@pytest.mark.parametrize("unit", UNITS)
def test_units_start_commands_that_exist(unit: str) -> None:
    scripts = (ROOT / "pyproject.toml").read_text()
    program = Path(read(unit)["Service"]["ExecStart"].split()[0]).name
    assert f"{program} = " in scripts


def test_settings_of_a_new_installation_are_valid() -> None:
    from device.config import load

    nursery = load(FOLDER / "config.toml").config.nursery
    monitor = read("nursery-monitor.service")["Service"]
    assert nursery.data_dir == f"/var/lib/{monitor['StateDirectory']}"
    assert Path(nursery.control_socket).parent == Path("/run", monitor["RuntimeDirectory"])


def test_the_announcement_is_xml() -> None:
    text = (FOLDER / "avahi.xml").read_text().replace("@SCHEME@", "http").replace("@PORT@", "8080")
    service = ElementTree.fromstring(text).find("service")
    assert service is not None and service.findtext("type") == "_http._tcp" and service.findtext("port") == "8080"


def test_the_card_template_runs_the_installer_with_options_that_it_knows() -> None:
    text = (FOLDER / "user-data").read_text()
    assert text.startswith("#cloud-config\n")
    program = textwrap.dedent(text.partition("runcmd:\n  - |\n")[2])
    assert program
    ran = subprocess.run(["sh", "-n"], input=program, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    installer = (ROOT / "scripts/install").read_text()
    assert "scripts/install" in program
    for option in re.findall(r"--[a-z-]+", program):
        assert f"{option})" in installer


# ---- mosquitto as scripts/install sets it up, with the real mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[int]:
    program = shutil.which("mosquitto") or ("/usr/sbin/mosquitto" if Path("/usr/sbin/mosquitto").exists() else None)
    if program is None:
        pytest.skip("mosquitto is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    acl, passwords, settings = tmp_path / "acl", tmp_path / "passwd", tmp_path / "conf"
    text = (FOLDER / "mosquitto.acl").read_text()
    for key, value in {"@ID@": "home", "@PREFIX@": "homeassistant", "@FAMILY@": "nursery"}.items():
        text = text.replace(key, value)
    acl.write_text(text)
    passwords.write_text("nursery-monitor:inner\nnursery:outer\n")
    subprocess.run(["mosquitto_passwd", "-U", passwords], check=True, capture_output=True)
    text = (FOLDER / "mosquitto.conf").read_text().replace("@PORT@", f"{port} 127.0.0.1")
    for name, path in {"nursery-monitor.passwd": passwords, "nursery-monitor.acl": acl}.items():
        text = text.replace(f"/etc/mosquitto/{name}", str(path))
    # Started by root it would become the user mosquitto, who cannot read a test's folder.
    settings.write_text(text + "user root\n")
    process = subprocess.Popen([program, "-c", settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield port
    finally:
        process.terminate()
        process.wait(timeout=10)


def say(port: int, login: list[str], topic: str, text: str) -> int:
    words = ["mosquitto_pub", "-V", "5", "-q", "1", "-p", str(port), *login, "-t", topic, "-m", text, "-r"]
    return subprocess.run(words, capture_output=True, timeout=20, check=False).returncode


def heard(port: int, login: list[str], topic: str) -> str:
    words = ["mosquitto_sub", "-p", str(port), *login, "-t", topic, "-C", "1", "-W", "2"]
    return subprocess.run(words, capture_output=True, text=True, timeout=20, check=False).stdout.strip()


MONITOR = ["-u", "nursery-monitor", "-P", "inner"]
FAMILY = ["-u", "nursery", "-P", "outer"]


@pytest.mark.broker
def test_phones_hear_the_monitor_and_cannot_pretend_to_be_it(broker: int) -> None:
    assert say(broker, MONITOR, "nursery/home/mic", "lost") == 0
    say(broker, FAMILY, "nursery/home/mic", "ok")
    assert heard(broker, FAMILY, "nursery/home/mic") == "lost"


@pytest.mark.broker
def test_phones_send_commands_and_home_assistant_finds_the_device(broker: int) -> None:
    assert say(broker, FAMILY, "nursery/home/cmd/arrived", "Ana") == 0
    assert heard(broker, MONITOR, "nursery/home/cmd/arrived") == "Ana"
    assert say(broker, MONITOR, "homeassistant/device/home/config", "{}") == 0
    assert heard(broker, FAMILY, "homeassistant/device/home/config") == "{}"
    assert say(broker, FAMILY, "homeassistant/status", "online") == 0
    assert heard(broker, MONITOR, "homeassistant/status") == "online"


@pytest.mark.broker
def test_strangers_stay_outside(broker: int) -> None:
    assert say(broker, MONITOR, "nursery/home/mic", "ok") == 0
    assert heard(broker, [], "nursery/home/mic") == ""
    assert heard(broker, ["-u", "nursery", "-P", "guess"], "nursery/home/mic") == ""
    assert say(broker, [], "nursery/home/cmd/mute", "60") != 0
