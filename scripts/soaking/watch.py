"""What the kernel knows of a process, at one moment; and whether it grows."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

MB = 1024 * 1024
MEMORY_MB = 4.0
"""What memory may grow by, from the second quarter of a soak to its last, before it counts as a leak."""

HANDLES = 3
"""How many open files, sockets and threads may come and go: connections of the page, and the broker's."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one moment; memory in MB, `own` without what is only mapped from files."""

    rss_mb: float
    pss_mb: float
    own_mb: float
    peak_mb: float
    files: int
    threads: int
    written_mb: float
    handed_mb: float
    cpu_s: float


def look(pid: int) -> Sample:
    """Read /proc.

    Raises:
        OSError: there is no such process any more.
    """
    proc = Path(f"/proc/{pid}")
    status, smaps, io = ((proc / name).read_text() for name in ("status", "smaps_rollup", "io"))
    times = (proc / "stat").read_text().rpartition(")")[2].split()
    return Sample(
        rss_mb=_number(r"VmRSS:\s+(\d+)", status) / 1024,
        pss_mb=_number(r"^Pss:\s+(\d+)", smaps) / 1024,
        own_mb=_number(r"RssAnon:\s+(\d+)", status) / 1024,
        peak_mb=_number(r"VmHWM:\s+(\d+)", status) / 1024,
        files=len(list((proc / "fd").iterdir())),
        threads=int(_number(r"Threads:\s+(\d+)", status)),
        written_mb=_number(r"^write_bytes: (\d+)", io) / MB,
        handed_mb=_number(r"^wchar: (\d+)", io) / MB,
        cpu_s=(int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"),
    )


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text, re.M)
    return float(found.group(1)) if found else 0.0


def growth(samples: Sequence[Sample]) -> list[str]:
    """What has grown, in words; nothing if all is flat. The first quarter is for warming up."""
    quarter = len(samples) // 4
    if quarter < 1:
        return ["too few samples to judge"]
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    found = []
    memory = median(one.own_mb for one in late) - median(one.own_mb for one in early)
    if memory > MEMORY_MB:
        found.append(f"memory grows: {memory:+.1f} MB from the second quarter to the last")
    for what in ("files", "threads"):
        # The fewest, since connections come and go: what is never given back raises those, too.
        more = min(getattr(one, what) for one in late) - min(getattr(one, what) for one in early)
        if more > HANDLES:
            found.append(f"{what} grow: {more:+.0f} from the second quarter to the last")
    return found


def size_mb(folder: Path, pattern: str = "**/*") -> float:
    """Bytes under a folder, in MB; files that go while it looks do not count."""
    total = 0
    for path in folder.glob(pattern):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total / MB
