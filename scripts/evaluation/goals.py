"""What was to be reached, beside what was: so that falling short is seen as plainly as passing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.document import table

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and its limit for the first ear and for both; `least` says whether it is a lower limit."""

    name: str
    value: Callable[[Figures], float | None]
    first: float
    both: float
    least: bool = True
    unit: str = "%"

    def cell(self, figures: Figures, limit: float) -> str:
        """The figure and whether it passes."""
        try:
            found = self.value(figures)
        except (KeyError, TypeError):
            found = None
        if found is None or found != found:
            return "–"
        passed = found >= limit if self.least else found <= limit
        return f"{self._shown(found)} {'✓' if passed else '✗'}"

    def limit(self, limit: float) -> str:
        """The limit as shown."""
        return f"{'≥' if self.least else '≤'} {self._shown(limit)}"

    def _shown(self, value: float) -> str:
        if self.unit == "%":
            return f"{100 * value:.0f} %"
        return f"{value:.3f}" if self.unit == "area" else f"{value:.2f}"


def _ratio(ratio: str) -> Callable[[Figures], float | None]:
    return lambda e: float(e["mixes"]["by_ratio"][ratio]["one_an_hour"]["value"])


def _latency(point: str) -> Callable[[Figures], float | None]:
    return lambda e: e["episodes"]["clear"]["normal"]["latency"][point]


GOALS = (
    Goal("clip AUC, unseen sources", lambda e: e["clips"]["unseen"]["value"], 0.95, 0.975, unit="area"),
    Goal("at 1 false alarm/h (hard): clear episodes", lambda e: e["episodes"]["clear"]["one_an_hour"]["value"], 0.95, 0.98),
    Goal("… single cries at +6 dB", _ratio("+6"), 0.80, 0.88),
    Goal("… single cries at 0 dB", _ratio("+0"), 0.70, 0.80),
    Goal("… single cries at −6 dB", _ratio("-6"), 0.55, 0.65),
    Goal("own alerts: recall, clear episodes", lambda e: e["episodes"]["clear"]["normal"]["recall"]["value"], 0.95, 0.98),
    Goal("own alerts/h, hard negatives", lambda e: e["negatives"]["normal"]["hard"]["value"], 0.3, 0.15, False, "1/h"),
    Goal("alerts to noise machines, hum, silence", lambda e: sum(e["machines"].values()), 0, 0, False, "n"),
    Goal("onset → alert, clear, median, s", _latency("median"), 3.5, 3.5, False, "s"),
    Goal("onset → alert, clear, p95, s", _latency("p95"), 6.0, 6.0, False, "s"),
    Goal("calibration error (ECE)", lambda e: e["calibration"]["ece"], 0.05, 0.05, False, "area"),
    Goal("adult voice told within 1 s of it", lambda e: e["voice"]["recall_at_1s"]["value"], 0.93, 0.93),
    Goal("cries called voice for 1 s", lambda e: e["voice"]["cries_called_voice"]["value"], 0.02, 0.02, False),
)  # fmt: skip


def goals(ears: Figures) -> str:
    """The table of goals, for the ears of ours that were heard."""
    ours = {name: limit for name, limit in (("ours", "first"), ("both ears", "both")) if name in ears}
    if not ours:
        return ""
    head = ["", *(text for name in ours for text in (f"{name}: goal", "reached"))]
    rows = []
    for goal in GOALS:
        row = [goal.name]
        for name, which in ours.items():
            limit = goal.first if which == "first" else goal.both
            row += [goal.limit(limit), goal.cell(ears[name], limit)]
        rows.append(row)
    return "### Against the goals\n\n" + table(head, rows)
