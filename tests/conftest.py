"""What takes long begins first; tests through the real PortAudio run in processes of their own.

The appliance is checked in machines, which takes minutes, most of them spent waiting: that begins beside the first test, and
its own test comes last and looks at how it ended.

ALSA's way to PulseAudio may hang for good, holding its locks, when the server is killed in the middle of a word (seen in one
of twelve runs). An installed monitor is then started anew by systemd; here the test is, once.
"""

import contextlib
import os
import pickle
import select
import signal
import subprocess
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

PATIENCE_S = 90.0
MACHINES_S = 1500.0

Machines = tuple["subprocess.Popen[bytes]", Path]
MACHINES = pytest.StashKey[Machines]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests in machines come last."""
    items.sort(key=lambda item: item.get_closest_marker("machine") is not None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin the check in machines, if its test is among those to run."""
    if session.config.option.collectonly or not any(item.get_closest_marker("machine") for item in session.items):
        return
    handle, said = tempfile.mkstemp(prefix="nursery-check-machine-")
    script = Path(__file__).parent.parent / "scripts/check-machine"
    command = ["nice", "-n", "10", str(script), os.environ.get("NURSERY_CHECK_SUITE", "trixie")]
    with os.fdopen(handle, "wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    session.config.stash[MACHINES] = (process, Path(said))


def pytest_unconfigure(config: pytest.Config) -> None:
    """End it, if nobody has waited for it."""
    if (begun := config.stash.get(MACHINES, None)) is not None:
        process, said = begun
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)
        said.unlink()


@pytest.fixture
def machines(pytestconfig: pytest.Config) -> tuple[int, str]:
    """Give the exit status of the check in machines, and what it said."""
    process, said = pytestconfig.stash[MACHINES]
    status = process.wait(MACHINES_S)
    return status, said.read_text(errors="replace")


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test marked `own_process` in a child; all others as ever."""
    if item.get_closest_marker("own_process") is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = in_child(item, nextitem) or in_child(item, nextitem)
    if reports is None:
        hung = f"hung twice for {PATIENCE_S:.0f} s, or died"
        reports = [pytest.TestReport(item.nodeid, item.location, {}, "failed", hung, "call")]
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.session._setupstate.teardown_exact(nextitem)  # the child has ended its own; this is what earlier tests left here
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def in_child(item: pytest.Item, nextitem: pytest.Item | None) -> list[Any] | None:
    """Run the test in a child and give its reports; None if it hangs or dies."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child uses none of the parent's
        pid = os.fork()
    if pid == 0:
        os.setsid()
        hook = item.config.hook
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        plain = [hook.pytest_report_to_serializable(config=item.config, report=report) for report in reports]
        with os.fdopen(write, "wb") as pipe:
            pickle.dump(plain, pipe)
        os._exit(0)
    os.close(write)
    told, until = b"", time.monotonic() + PATIENCE_S
    while select.select([read], [], [], max(0.0, until - time.monotonic()))[0]:
        if not (part := os.read(read, 65_536)):
            break
        told += part
    os.close(read)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # it and its sound server
    os.waitpid(pid, 0)
    try:
        plain = pickle.loads(told)
    except (EOFError, pickle.UnpicklingError):
        return None
    return [item.config.hook.pytest_report_from_serializable(config=item.config, data=data) for data in plain]
