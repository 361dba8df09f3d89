"""From trials to figures, a function per set; each returns plain dictionaries for the report and JSON."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation import matching
from evaluation.corpus import HARD
from evaluation.ears import Ear, merged, sustained
from evaluation.figures import by_groups, rate_per_hour
from evaluation.hearing import Trial
from evaluation.scenes import MIX_S, RATIOS_DB

Figures = dict[str, Any]
LATE_S = 10.0  # an alert this long after the last crying still belongs to it
TOLERANCE_S = 1.5  # a score is late by its window


def alarms_at(trial: Trial, ear: Ear, threshold: float) -> int:
    """Alarms that the score lasting a second would raise at a threshold."""
    level = sustained(trial.heard[ear.name], ear.needed)
    times = trial.heard[ear.name].at_s[-len(level) :]
    return len(merged(times[level >= threshold].tolist()))


def threshold_for(negatives: Sequence[Trial], ear: Ear, alarms: int) -> float:
    """The lowest threshold that raises at most so many alarms over the negatives."""
    tops = np.unique([trial.peak(ear) for trial in negatives])[::-1]
    found = float(tops[0]) + 1e-6
    for top in tops:
        if sum(alarms_at(trial, ear, float(top)) for trial in negatives if trial.peak(ear) >= top) > alarms:
            break
        found = float(top)
    return found


def caught(trials: Sequence[Trial], ear: Ear, threshold: float) -> list[float]:
    """1 for each scene with crying that reaches the threshold while it cries."""
    return [
        float(t.peak(ear, t.scene.events[0][0], t.scene.events[-1][1] + TOLERANCE_S) >= threshold)
        for t in trials
        if t.scene.events
    ]


def at_one_an_hour(negatives: Sequence[Trial], trials: Sequence[Trial], ear: Ear) -> Figures:
    """Recall at one false alarm an hour over the hard negatives, between the two thresholds that bracket it."""
    hard = [t for t in negatives if t.scene.kind in HARD]
    hours = sum(t.scene.counted_s for t in hard) / 3600
    crying = [t for t in trials if t.scene.events]
    if not crying or not hours:
        return {}
    low = caught(crying, ear, threshold_for(hard, ear, int(hours)))
    high = caught(crying, ear, threshold_for(hard, ear, int(hours) + 1))
    share = hours - int(hours)
    values = (1 - share) * np.array(low) + share * np.array(high)
    return by_groups(values.tolist(), [t.scene.group for t in crying]).as_dict()


def mixes(trials: Sequence[Trial], negatives: Sequence[Trial], ear: Ear) -> Figures:
    """DCASE-style figures, and recall by ratio at one alarm an hour and with the ear's own events."""
    truth = {t.scene.name: t.scene.events for t in trials}
    heard = {t.scene.name: t.heard[ear.name] for t in trials}
    found = {t.scene.name: t.decided[ear.name]["normal"].bouts for t in trials}
    out: Figures = matching.event_based(truth, found) | matching.psds(truth, heard, ear.step_s, MIX_S)
    out["by_ratio"] = {}
    for ratio in RATIOS_DB:
        some = [t for t in trials if t.scene.ratio_db == ratio]
        own = [float(_overlaps(t, ear)) for t in some]
        fair = [t for t in some if t.scene.fair]
        out["by_ratio"][f"{ratio:+.0f}"] = {
            "one_an_hour": at_one_an_hour(negatives, some, ear),
            "one_an_hour_fair": at_one_an_hour(negatives, fair, ear),
            "own": by_groups(own, [t.scene.group for t in some]).as_dict(),
        }
    silent = [t for t in trials if not t.scene.events]
    out["false_events"] = rate_per_hour(
        [len(t.decided[ear.name]["normal"].bouts) for t in silent], [MIX_S] * len(silent), [t.scene.group for t in silent]
    ).as_dict()
    return out


def _overlaps(trial: Trial, ear: Ear) -> bool:
    (start, end), *_ = trial.scene.events
    return any(a <= end and b >= start for a, b in trial.decided[ear.name]["normal"].bouts)


def episodes(trials: Sequence[Trial], negatives: Sequence[Trial], ear: Ear) -> Figures:
    """Recall, latency, fragments, errors of onset and offset; for all, the clear and the noisy ones."""
    out: Figures = {}
    for name in ("all", "clear", "noisy"):
        some = [t for t in trials if name in ("all", t.scene.kind)]
        out[name] = {"one_an_hour": at_one_an_hour(negatives, some, ear)} | {
            setting: _episodes(some, ear, setting) for setting in ear.settings
        }
    fair = [t for t in trials if t.scene.fair and t.scene.kind == "clear"]
    out["clear_fair"] = {"one_an_hour": at_one_an_hour(negatives, fair, ear), "normal": _episodes(fair, ear, "normal")}
    return out


def _episodes(trials: Sequence[Trial], ear: Ear, setting: str) -> Figures:
    told, latency, fragments, onset, offset, early = [], [], [], [], [], 0
    for trial in trials:
        first, last = trial.scene.events[0][0], trial.scene.events[-1][1]
        decided = trial.decided[ear.name][setting]
        in_time = [a for a in decided.alerts_s if first <= a <= last + LATE_S]
        early += sum(a < first for a in decided.alerts_s)
        told.append(float(bool(in_time)))
        latency += [in_time[0] - first] if in_time else []
        mine = [(a, b) for a, b in decided.episodes if a <= last and b >= first]
        if mine:
            fragments.append(len(mine))
            onset.append(mine[0][0] - first)
            offset.append(mine[-1][1] - last)
    return {
        "recall": by_groups(told, [t.scene.group for t in trials]).as_dict(),
        "latency_s": latency,
        "latency": spread_of(latency),
        "fragments": round(float(np.mean(fragments)), 3) if fragments else None,
        "onset_error_s": spread_of(onset),
        "offset_error_s": spread_of(offset),
        "alerts_before_onset": early,
    }


def spread_of(values: Sequence[float]) -> Figures:
    """Median with its 5 and 95 % points, all None without values."""
    if not values:
        return {"p5": None, "median": None, "p95": None}
    p5, median, p95 = (round(float(v), 2) for v in np.percentile(values, [5, 50, 95]))
    return {"p5": p5, "median": median, "p95": p95}


def negatives(trials: Sequence[Trial], ear: Ear) -> Figures:
    """Alerts an hour of the ear's own trigger: by class, over the hard classes, over all, for each setting."""
    out: Figures = {}
    kinds = sorted({t.scene.kind for t in trials})
    for setting in ear.settings:
        rows: Figures = {}
        for name in ("all", "hard", "easy", *kinds):
            some = [t for t in trials if _belongs(t.scene.kind, name)]
            seconds = [t.scene.counted_s for t in some]
            alerts = [len(t.decided[ear.name][setting].alerts_s) for t in some]
            rate = rate_per_hour(alerts, seconds, [t.scene.group for t in some])
            rows[name] = rate.as_dict() | {
                "hours": round(sum(seconds) / 3600, 3),
                "groups": len({t.scene.group for t in some}),
            }
        out[setting] = rows
    ringing = [(t.peak(ear), t.scene.kind, t.scene.name) for t in trials if t.decided[ear.name]["normal"].alerts_s]
    out["worst"] = [{"peak": round(p, 3), "kind": k, "clip": n} for p, k, n in sorted(ringing, reverse=True)[:15]]
    return out


def _belongs(kind: str, name: str) -> bool:
    return name == "all" or kind == name or (name == "hard" and kind in HARD) or (name == "easy" and kind not in HARD)


def curve(negatives: Sequence[Trial], trials: Sequence[Trial], ear: Ear) -> list[tuple[float, float]]:
    """Detection error trade-off: (false alarms an hour over the hard negatives, share of episodes missed)."""
    hard = [t for t in negatives if t.scene.kind in HARD]
    hours = sum(t.scene.counted_s for t in hard) / 3600
    points = []
    for alarms in (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64):
        threshold = threshold_for(hard, ear, alarms)
        points.append((round(alarms / hours, 3), round(1 - float(np.mean(caught(trials, ear, threshold))), 4)))
    return points
