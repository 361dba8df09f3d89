"""Memory that is free is given back, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = """
import re, sys
from pathlib import Path
from device.memory import spare
if sys.argv[1] == "sparing" and not spare():
    sys.exit(77)
pinned, large = [], []
for _ in range(400):  # what loading a model leaves behind: large pieces freed between small ones that stay
    large.append(bytearray(100_000))
    pinned.append(bytearray(2_000))
large.clear()
print(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""


def held_mb(how: str) -> float:
    command = [sys.executable, "-c", PROGRAM, how]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    if ran.returncode == 77:
        pytest.skip("not glibc's malloc")
    assert ran.returncode == 0, ran.stderr
    return int(ran.stdout) / 1024


def test_holes_are_given_back() -> None:
    assert held_mb("sparing") < held_mb("as usual") - 25


@pytest.mark.parametrize(("error", "status"), [("MemoryError", 71), ("ValueError", 0)])
def test_a_thread_without_memory_ends_the_process(error: str, status: int) -> None:
    program = f"""
import threading
from device.memory import end_without
end_without()
def work() -> None:
    raise {error}("none left")
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    command = [sys.executable, "-c", program]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == status
    assert f"{error}: none left" in ran.stderr
