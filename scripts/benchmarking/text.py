"""The benchmark's figures as Markdown that also reads well in a terminal."""

from typing import Any

from evaluation.document import table

from benchmarking.run import CRYING_SHARE, PI_HZ, PI_IPC, PI_MORE, pi_share

Figures = dict[str, Any]


def text(figures: Figures) -> str:
    """All tables."""
    subjects: Figures = figures["subjects"]
    reference = subjects.get("yamnet, crying")
    rows = []
    for name, one in subjects.items():
        ratio = f"{one['ms_per_s'] / reference['ms_per_s']:.2f}" if reference else "–"
        rows.append([name, f"{one['ms_per_s']:.2f}", ratio, f"{one['hop_p50_ms']:.2f}", f"{one['hop_p99_ms']:.2f}",
                     f"{one['peak_mb']:.0f}", f"{one['start_s']:.2f}"])  # fmt: skip
    head = [
        "one thread",
        "ms per s of sound",
        "against YAMNet",
        "hop p50, ms",
        "hop p99, ms",
        "peak RSS, MB",
        "first hop, s",
    ]
    parts = ["### The ear\n\n" + table(head, rows)]
    if reference is None:
        parts.append("YAMNet was not measured: its model or ai-edge-litert is not here, so there are no ratios.")
    for ear in ("pipeline", "both"):
        quiet, crying = subjects.get(f"{ear}, quiet"), subjects.get(f"{ear}, crying")
        if reference and quiet and crying:
            night = (CRYING_SHARE * crying["ms_per_s"] + (1 - CRYING_SHARE) * quiet["ms_per_s"]) / reference["ms_per_s"]
            parts.append(f"Over a night with {CRYING_SHARE:.0%} crying, {ear} costs {night:.2f} of YAMNet.")
    parts.append("### The processes\n\n" + table(["", "measured", "limit"], _processes(figures["monitor"])))
    counts = {name: count for name, count in (figures.get("instructions") or {}).items() if count}
    if counts:
        of_yamnet = counts.get("yamnet, crying")
        head = ["instructions", "M per s of sound", "against YAMNet", "of a Pi Zero 2 W core"]
        rows = [
            [name, f"{count / 1e6:.1f}", f"{count / of_yamnet:.2f}" if of_yamnet else "–", f"{100 * pi_share(count):.1f} %"]
            for name, count in counts.items()
        ]
        parts.append(
            "### Instructions, and a small Pi\n\n" + table(head, rows) + "\n\n"
            "Counted by Cachegrind, so that other programs and caches play no part. The limit for the Pi is 8 % of a core. "
            f"Its share is an estimate: a Cortex-A53 at {PI_HZ / 1e9:.0f} GHz with {PI_IPC} instructions a cycle, and "
            f"{PI_MORE} times as many instructions as on x86-64 (narrower vectors)."
        )
    if figures["profile"]:
        shares = [[name, f"{100 * share:.0f} %"] for name, share in figures["profile"]]
        title = "### Where the time goes (crying, cProfile, which inflates Python)\n\n"
        parts.append(title + table(["function", "own time"], shares))
    return "\n\n".join(parts) + "\n"


def _processes(monitor: Figures) -> list[list[str]]:
    rows = (
        ("monitor, after crying: peak RSS", "peak_mb", "MB", "120 MB"),
        ("monitor, after crying: PSS", "pss_mb", "MB", ""),
        ("monitor, after an hour of quiet: peak RSS", "quiet_peak_mb", "MB", "120 MB"),
        ("start to listening", "start_s", "s", "5 s"),
        ("monitor with both ears, after crying: peak RSS", "both_peak_mb", "MB", "180 MB"),
        ("page: peak RSS", "page_peak_mb", "MB", "80 MB"),
        ("page: PSS", "page_pss_mb", "MB", ""),
        ("written a day in quiet (every byte handed to the kernel, log included)", "written_mb_a_day", "MB", "2 MB"),
    )
    shown = {key: f"{monitor[key]:.1f} {unit}" for _, key, unit, _ in rows if monitor.get(key) is not None}
    return [[name, shown.get(key, "–"), limit] for name, key, _, limit in rows]
