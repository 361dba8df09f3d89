"""The scripts, run as a person would run them."""

import os
import re
import runpy
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "scripts"
SECOND_START_S = 10.0
"""Generous: other tests may keep both cores busy."""


def run(*words: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **more}
    return subprocess.run(
        words, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, timeout=1500, check=False
    )


def shell_scripts() -> list[Path]:
    files = [path for path in [*SCRIPTS.iterdir(), ROOT / ".ci/run"] if path.is_file()]
    return sorted(path for path in files if path.read_bytes().startswith(b"#!/usr/bin/env bash"))


@pytest.mark.parametrize("script", shell_scripts(), ids=lambda path: path.name)
def test_scripts_are_strict_and_begin_with_their_usage(script: Path) -> None:
    lines = script.read_text().splitlines()
    assert lines[1].startswith(("# Usage: scripts/", "# Usage: sudo scripts/", "# Usage: .ci/"))
    assert "set -euo pipefail" in lines
    assert os.access(script, os.X_OK)


def test_every_script_is_told_about() -> None:
    told = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    for path in SCRIPTS.iterdir():
        if path.is_file():
            assert f"scripts/{path.name}" in told, f"say in docs/contributing.md what scripts/{path.name} is for"


def test_every_dependency_is_listed_with_its_licence() -> None:
    packages = runpy.run_path(str(SCRIPTS / "dependencies"))["closure"]("nursery-monitor")
    assert {"numpy", "onnxruntime", "paho-mqtt", "flask"} <= set(packages)
    listed = set(re.findall(r"^\| ([a-z0-9-]+) \| (?!not stated)", (ROOT / "docs/licences.md").read_text(), re.M))
    assert set(packages) - listed == set(), "run scripts/dependencies > docs/licences.md"


def test_the_installer_tells_its_options() -> None:
    ran = run(SCRIPTS / "install", "--brocker", "embedded")
    assert ran.returncode == 2
    assert ran.stderr.startswith("Usage: sudo scripts/install") and "--broker" in ran.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the working tree as a fresh clone would have it."""
    listed = run("git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            target = tmp_path / "nursery monitor" / name  # people's folders have spaces
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
    return tmp_path / "nursery monitor"


@pytest.mark.patient
@pytest.mark.slow
def test_one_command_sets_everything_up_and_the_second_time_takes_seconds(checkout: Path) -> None:
    start = checkout / "scripts/start"
    first = run(start, "--help")
    assert first.returncode == 0, first.stderr
    assert "--replay" in first.stdout  # the arguments went on to `nursery-monitor up`
    began = time.monotonic()
    second = run(start, "--help")
    assert second.returncode == 0 and second.stderr == ""
    assert time.monotonic() - began < SECOND_START_S

    # Another version asks for more than is there, and there is no network: what is there is used, and said.
    pyproject = checkout / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"numpy>=2.0"', '"numpy>=2.0",\n    "packaging>=9999"'))
    offline = run(start, "--help", PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert offline.returncode == 0
    assert "starting with what is there" in offline.stderr


def test_without_network_and_with_nothing_there_it_says_so(checkout: Path) -> None:
    ran = run(checkout / "scripts/start", PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert ran.returncode == 1
    assert "Is there a network?" in ran.stderr.splitlines()[-1]


@pytest.mark.machine
@pytest.mark.slow
def test_the_appliance_on_a_fresh_machine(machines: tuple[int, str]) -> None:
    status, said = machines
    if status == 77:
        pytest.skip(said.strip())
    steps = [line for line in said.splitlines() if re.search(r"\[\d+ s\]|FAILED", line)]
    assert status == 0, "\n".join([*steps, said[-6000:]])
    print("\n".join(steps))
