"""Results as text: Markdown tables that also read well in a terminal."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from evaluation.corpus import HARD
from evaluation.document import area, percent, rate, spread, table
from evaluation.goals import goals

Figures = Mapping[str, Any]
NIGHT_HARD_H, NIGHT_EASY_H = 0.25, 9.75


def text(figures: Figures) -> str:
    """All tables."""
    ears: Figures = figures["ears"]
    makers = (_main, goals, _mixes, _episodes, _classes, _sensitivity, _sources)
    parts = [_sets(figures["sets"]), *(part for make in makers if (part := make(ears)))]
    first = next(iter(ears.values()))
    if first["negatives"]["worst"]:
        worst = [[w["clip"], w["kind"], f"{w['peak']:.2f}"] for w in first["negatives"]["worst"]]
        parts.append("### What it rang for\n\n" + table(["clip (first of its scene)", "class", "peak"], worst))
    return "\n\n".join(parts) + "\n"


def _sets(sets: Figures) -> str:
    return (
        f"{sets['mixes']} mixes ({sets['mix_hours']} h) and {sets['episodes']} episodes ({sets['episode_hours']} h) from "
        f"{sets['cries']} cries of {sets['groups']} groups; {sets['negative_scenes']} negative scenes "
        f"({sets['negative_hours']} h of unlooped sound); {sets['clips']} clips by themselves. In brackets: 95 % intervals, "
        "whole groups resampled; for times the 5 and 95 % points."
    )


def _rows(ears: Figures, rows: Sequence[tuple[str, Callable[[Figures], str]]]) -> list[list[str]]:
    out = []
    for name, show in rows:
        cells = []
        for ear in ears.values():
            try:
                cells.append(show(ear))
            except (KeyError, TypeError):
                cells.append("–")
        out.append([name, *cells])
    return out


def _main(ears: Figures) -> str:
    rows: list[tuple[str, Callable[[Figures], str]]] = [
        ("clip AUC, all clips", lambda e: area(e["clips"]["all"])),
        ("clip AUC, without clips found with YAMNet", lambda e: area(e["clips"]["fair"])),
        ("clip AUC, cry sources never trained on", lambda e: area(e["clips"]["unseen"])),
        ("at 1 false alarm/h (hard): clear episodes", lambda e: percent(e["episodes"]["clear"]["one_an_hour"])),
        ("… clear episodes, without YAMNet's finds", lambda e: percent(e["episodes"]["clear_fair"]["one_an_hour"])),
        ("… clear episodes, hard sounds in rooms as well", lambda e: percent(e["rooms"]["one_an_hour"])),
        ("… single cries at +6 dB", lambda e: percent(e["mixes"]["by_ratio"]["+6"]["one_an_hour"])),
        ("… single cries at 0 dB", lambda e: percent(e["mixes"]["by_ratio"]["+0"]["one_an_hour"])),
        ("… single cries at −6 dB", lambda e: percent(e["mixes"]["by_ratio"]["-6"]["one_an_hour"])),
        ("own alerts: recall, clear episodes", lambda e: percent(e["episodes"]["clear"]["normal"]["recall"])),
        ("own alerts: recall, noisy episodes", lambda e: percent(e["episodes"]["noisy"]["normal"]["recall"])),
        ("own alerts/h, hard negatives", lambda e: rate(e["negatives"]["normal"]["hard"])),
        ("own alerts/h, hard negatives in rooms", lambda e: rate(e["rooms"]["normal"]["hard"])),
        ("own alerts/h, all other negatives", lambda e: rate(e["negatives"]["normal"]["easy"])),
        ("alerts to noise machines, hum, silence", lambda e: str(sum(e["machines"].values()))),
        ("onset → alert, s, clear episodes", lambda e: spread(e["episodes"]["clear"]["normal"]["latency"])),
        ("calibration error (ECE)", lambda e: f"{e['calibration']['ece']:.3f}"),
        ("adult voice told within 1 s of it", lambda e: percent(e["voice"]["recall_at_1s"])),
        ("cries called voice for 1 s", lambda e: percent(e["voice"]["cries_called_voice"])),
        ("somebody comes and talks: noted as an arrival", lambda e: percent(e["arrivals"]["told"])),
        ("… an arrival noted where nobody came", lambda e: percent(e["arrivals"]["wrong"])),
    ]  # fmt: skip
    return "### In short\n\n" + table(["", *ears], _rows(ears, rows))


def _mixes(ears: Figures) -> str:
    names = ("error_rate", "f1", "precision", "recall", "deletion_rate", "insertion_rate", "psds_strict", "psds_lenient")
    rows: list[tuple[str, Callable[[Figures], str]]] = [
        (name.replace("_", " "), lambda e, name=name: f"{e['mixes'][name]:.2f}") for name in names  # type: ignore[misc]
    ]  # fmt: skip
    for ratio in ("+6", "+0", "-6"):
        rows.append((f"cry heard at {ratio} dB, own events", lambda e, r=ratio: percent(e["mixes"]["by_ratio"][r]["own"])))  # type: ignore[misc]
    rows.append(("false events/h in mixes without a cry", lambda e: rate(e["mixes"]["false_events"])))
    return "### Mixes after DCASE 2017 task 2 (onset collar 0.5 s)\n\n" + table(["", *ears], _rows(ears, rows))


def _episodes(ears: Figures) -> str:
    rows = []
    for ear, figures in ears.items():
        for kind in ("clear", "noisy"):
            one = figures["episodes"][kind]["normal"]
            fragments = "–" if one["fragments"] is None else f"{one['fragments']:.2f}"
            rows.append([
                f"{ear}, {kind}", percent(one["recall"]), spread(one["latency"]), fragments, spread(one["onset_error_s"]),
                spread(one["offset_error_s"]), str(one["alerts_before_onset"]),
            ])  # fmt: skip
    head = ["", "recall", "onset → alert, s", "fragments", "onset error, s", "offset error, s", "alerts before any cry"]
    return "### Episodes\n\n" + table(head, rows)


def _classes(ears: Figures) -> str:
    first = next(iter(ears.values()))["negatives"]["normal"]
    kinds = sorted((k for k in first if k not in ("all", "hard", "easy")), key=lambda k: (k not in HARD, k))
    rows = []
    for kind in ["hard", *[k for k in kinds if k in HARD], "easy", *[k for k in kinds if k not in HARD], "all"]:
        one = first[kind]
        label = {"hard": "**hard together**", "easy": "**others together**", "all": "**all**"}.get(kind, kind)
        rows.append(
            [
                label,
                f"{60 * one['hours']:.1f}",
                str(one["groups"]),
                *(rate(e["negatives"]["normal"][kind]) for e in ears.values()),
            ]
        )
    return "### False alerts an hour, by class\n\n" + table(["class", "minutes", "groups", *ears], rows)


def _sensitivity(ears: Figures) -> str:
    rows = []
    for ear, figures in ears.items():
        if len(figures["negatives"]) < 3:
            continue
        for setting in ("low", "normal", "high"):
            one, episodes = figures["negatives"][setting], figures["episodes"]
            hard, easy = one["hard"], one["easy"]
            night = NIGHT_HARD_H * hard["value"] + NIGHT_EASY_H * easy["value"]
            rows.append([
                f"{ear}, {setting}", *(percent(episodes[kind][setting]["recall"]) for kind in ("clear", "noisy")),
                spread(episodes["clear"][setting]["latency"]), rate(hard), rate(easy), f"{night:.1f}",
            ])  # fmt: skip
    if not rows:
        return ""
    head = [
        "sensitivity",
        "recall, clear",
        "recall, noisy",
        "onset → alert, s",
        "alerts/h, hard",
        "alerts/h, others",
        "a night",
    ]
    note = (
        "\n\nA night is reckoned as ten hours, a quarter of an hour of them hard sounds, the rest others, all as dense "
        "as in the corpus; a sleeping house is far quieter, so this is a bound and not a forecast."
    )
    return "### Sensitivity\n\n" + table(head, rows) + note


def _sources(ears: Figures) -> str:
    names = sorted(next(iter(ears.values()))["clips"]["by_source"])
    rows = []
    for name in names:
        cells = [ear["clips"]["by_source"][name] for ear in ears.values()]
        rows.append([name, str(cells[0]["count"]), *(f"{cell['value']:.3f}" for cell in cells)])
    return "### Clip AUC by cry source\n\n" + table(["source", "clips", *ears], rows)
