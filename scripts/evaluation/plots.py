"""Plots for docs/evaluation.md, as SVG: a night, the error trade-off, latencies, calibration."""

from pathlib import Path
from typing import Any

from device.errors import NurseryError
from evaluation.run import Results

COLOURS = ("#0b6e99", "#2e8b57", "#d9730d", "#787774")


def draw(results: Results, folder: Path, prefix: str) -> None:
    """Write <prefix>-*.svg into `folder`.

    Raises:
        NurseryError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise NurseryError("plots need matplotlib; install the dependency group `evaluate`") from error
    matplotlib.use("svg")
    from matplotlib import pyplot

    matplotlib.rcParams.update(
        {"svg.hashsalt": "nursery", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    folder.mkdir(parents=True, exist_ok=True)

    def save(figure: Any, name: str) -> None:
        figure.tight_layout()
        figure.savefig(folder / f"{prefix}-{name}.svg", metadata={"Date": None})
        pyplot.close(figure)

    save(_night(pyplot, results.night), "night")
    ears = results.figures["ears"]
    save(_trade_off(pyplot, ears), "trade-off")
    save(_latency(pyplot, ears), "latency")
    save(_calibration(pyplot, ears), "calibration")


def _night(pyplot: Any, night: dict[str, Any]) -> Any:
    figure, axes = pyplot.subplots(figsize=(9, 2.8))
    labelled = set()
    for kind, begin, end in night["placed"]:
        crying = kind == "crying"
        label = "crying" if crying else "hard sound"
        axes.axvspan(
            begin / 60,
            end / 60,
            color="#f2c9a1" if crying else "#d5d5d5",
            label=label if label not in labelled else None,
            lw=0,
        )
        labelled.add(label)
    count = max(1, len(night["cry"]) // 4)
    peaks = [max(night["cry"][i * 4 : i * 4 + 4]) for i in range(count)]
    axes.plot([night["at_s"][i * 4] / 60 for i in range(count)], peaks, color=COLOURS[0], lw=0.6)
    for i, at in enumerate(night["alerts_s"]):
        axes.plot(at / 60, 1.05, "v", color="#b02a2a", ms=5, label="alert" if not i else None, clip_on=False)
    axes.set(xlabel="minutes", ylabel="score", ylim=(0, 1.08), title=f"A condensed night through {night['ear']}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), ncol=3, frameon=False)
    return figure


def _trade_off(pyplot: Any, ears: dict[str, Any]) -> Any:
    figure, axes = pyplot.subplots(figsize=(5.5, 3.6))
    for colour, (name, ear) in zip(COLOURS, ears.items(), strict=False):
        alarms, missed = zip(*ear["curve"], strict=True)
        axes.step(alarms, [100 * m for m in missed], where="post", color=colour, label=name)
    axes.set_xscale("symlog", linthresh=1.5)
    axes.set(xlabel="false alarms an hour, hard negatives", ylabel="clear episodes missed, %", ylim=(-1, None))
    axes.axvline(1, color="#cccccc", lw=0.8)
    axes.legend(frameon=False)
    return figure


def _latency(pyplot: Any, ears: dict[str, Any]) -> Any:
    figure, axes = pyplot.subplots(figsize=(5.5, 3.2))
    edges = [i * 0.5 for i in range(33)]
    for colour, (name, ear) in zip(COLOURS, ears.items(), strict=False):
        values = [min(v, 15.9) for v in ear["episodes"]["clear"]["normal"]["latency_s"]]
        axes.hist(values, edges, histtype="step", color=colour, label=name, lw=1.3)
    axes.set(xlabel="onset to alert, s (last bin: later)", ylabel="clear episodes")
    axes.legend(frameon=False)
    return figure


def _calibration(pyplot: Any, ears: dict[str, Any]) -> Any:
    figure, axes = pyplot.subplots(figsize=(3.8, 3.6))
    axes.plot([0, 1], [0, 1], color="#cccccc", lw=0.8)
    for colour, (name, ear) in zip(COLOURS, ears.items(), strict=False):
        if found := ear["calibration"]:
            axes.plot(found["score"], found["share"], "o-", ms=3, color=colour, label=f"{name}, ECE {found['ece']:.3f}")
    axes.set(xlabel="score", ylabel="share really crying", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    return figure
