"""What is promised in docs/privacy.md and no single module keeps alone."""

import os
import subprocess
import sys
from pathlib import Path

LOADS_THE_RUNTIME = """
import contextlib, device.detector, onnxruntime
with contextlib.suppress(Exception):
    onnxruntime.InferenceSession(b"no model", providers=["CPUExecutionProvider"])
"""


def test_the_neural_runtime_sends_and_keeps_nothing_about_its_use(tmp_path: Path) -> None:
    # Left to itself it keeps a device identifier and a queue of events to upload under the user's cache.
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        environment.pop(name, None)
    words = [sys.executable, "-c", LOADS_THE_RUNTIME]
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert list(tmp_path.rglob("*")) == []
