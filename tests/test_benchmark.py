"""The benchmark's arithmetic, and its measurements of a short run through the real parts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarking import processes
from benchmarking.run import pi_share, sounds, whole
from benchmarking.text import text

from device.detector import MODEL


def test_share_of_the_reference_pi() -> None:
    assert pi_share(0.0) == 0.0
    assert pi_share(46.7e6) == pytest.approx(0.1, rel=0.01)


def test_sounds_are_quiet_and_crying(tmp_path: Path) -> None:
    made = sounds(tmp_path, 4.0)
    quiet, crying = (np.load(made[name]) for name in ("quiet", "crying"))
    assert len(quiet) == len(crying) == 64_000
    assert np.std(crying) > 10 * np.std(quiet)


def test_a_subject_is_measured_in_its_own_process(tmp_path: Path) -> None:
    sound = sounds(tmp_path, 4.0)["crying"]
    one = processes.subject("nothing", sound, 4.0)
    assert one is not None and one["ms_per_s"] < 50 and 5 < one["peak_mb"] < 400
    assert processes.subject("no such subject", sound, 4.0) is None


@pytest.mark.skipif(not MODEL.is_file(), reason="the model is not built")
def test_the_detector_and_the_whole_monitor_are_measured(tmp_path: Path) -> None:
    sound = sounds(tmp_path, 6.0)["crying"]
    one = processes.subject("pipeline", sound, 6.0)
    assert one is not None and 0 < one["hop_p50_ms"] <= one["hop_p99_ms"] and one["ms_per_s"] > 0
    said: list[str] = []
    whole_monitor = whole(tmp_path, 60.0, said.append)
    figures: dict[str, Any] = {"subjects": {"pipeline, crying": one}, "monitor": whole_monitor, "profile": []}
    assert not said and figures["monitor"]["start_s"] < 30 and figures["monitor"]["page_peak_mb"] > 10
    shown = text(figures)
    assert "YAMNet was not measured" in shown and "start to listening" in shown
