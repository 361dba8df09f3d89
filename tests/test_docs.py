"""What is not documented fails here: settings, topics, commands, modules, scripts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from device.__main__ import _parser
from device.mqtt import OVER_MQTT

ROOT = Path(__file__).parent.parent


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_settings_and_modules_are_documented() -> None:
    done = subprocess.run([sys.executable, ROOT / "scripts" / "document", "--check"], check=False)
    assert done.returncode == 0, "a page is out of date; run scripts/document"


def cli_commands() -> list[str]:
    (sub,) = [action for action in _parser()._actions if action.dest == "command"]  # noqa: SLF001
    assert sub.choices is not None
    return list(sub.choices)


@pytest.mark.parametrize("name", cli_commands())
def test_every_command_is_documented(name: str) -> None:
    assert re.search(rf"nursery-monitor {name}\b", read("docs/commands.md")), name


def test_the_commands_that_are_documented_are_those_taken_over_mqtt() -> None:
    documented = re.findall(r"^## `cmd/(.+)`$", read("docs/mqtt.md"), re.MULTILINE)
    assert sorted(documented) == sorted(OVER_MQTT)


@pytest.mark.parametrize("topic", ["status", "mic", "cry", "episode", "today", "health", "event", "alert"])
def test_every_topic_is_documented(topic: str) -> None:
    assert re.search(rf"^#+ .*`[^`]*{topic}`", read("docs/mqtt.md"), re.MULTILINE), topic


@pytest.mark.parametrize("path", sorted((ROOT / "device").glob("*.py")), ids=lambda path: path.name)
def test_every_module_of_the_device_is_on_the_map(path: Path) -> None:
    if path.name != "__init__.py":
        assert f"`{path.name}`" in read("docs/architecture.md"), path.name


@pytest.mark.parametrize("path", sorted(p for p in (ROOT / "scripts").iterdir() if p.is_file()), ids=lambda path: path.name)
def test_every_script_is_documented(path: Path) -> None:
    if path.suffix != ".sh":
        assert f"scripts/{path.name}" in "".join(read(f"docs/{doc.name}") for doc in (ROOT / "docs").glob("*.md")), path.name


def test_every_test_that_the_faults_name_exists() -> None:
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", read("docs/faults.md"))
    assert len(named) > 30
    for file, name in named:
        assert re.search(rf"^def {name}\(", read(f"tests/{file}"), re.MULTILINE), f"{file}::{name}"


def links() -> list[tuple[Path, str]]:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    found = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))]
    return [(page, link) for page, link in found if "://" not in link]


@pytest.mark.parametrize(("page", "link"), links(), ids=lambda value: value if isinstance(value, str) else value.name)
def test_links_lead_somewhere(page: Path, link: str) -> None:
    assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_readme_is_one_screen() -> None:
    assert len(read("README.md").splitlines()) <= 60
    assert "not a medical device" in read("README.md").lower()
