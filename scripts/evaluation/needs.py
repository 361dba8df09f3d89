"""How well the guess of a need does: on labelled cries of strangers, and in simulated families."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from device.detector import Detector
from device.errors import NurseryError
from device.need_sound import Vector
from evaluation import needs_distress
from evaluation.corpus import Clip, Corpus
from evaluation.document import rewrite, table
from evaluation.figures import reliability
from evaluation.needs_causes import Split, by_spectrum, compare, labelled, majority
from evaluation.needs_families import FAMILIES
from evaluation.needs_hearing import Listener
from evaluation.needs_trials import Outcome, risk_coverage, trial
from evaluation.needs_verifier import Effect, measure

ROOT = Path(__file__).resolve().parent.parent.parent
LEVELS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
FIRST_SEED = 40_000
"""Families from here on are for reporting alone: whatever was chosen was chosen on others (below)."""


def main(argv: Sequence[str]) -> int:
    """Evaluate; the exit status is 0, or 2 where the corpus or the model is missing."""
    parser = argparse.ArgumentParser(prog="scripts/evaluate needs", description=__doc__)
    parser.add_argument("--corpus", type=Path, default=ROOT.parent / "shared/corpus", help="folder with manifest.csv")
    parser.add_argument("--model", type=Path, help="another ear.onnx than the installed one")
    parser.add_argument("--families-only", action="store_true", help="leave the corpus out")
    parser.add_argument("--seeds", type=int, default=100, help="families of each kind")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="of the first family; others are for choosing")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--docs", action="store_true", help="rewrite these results in docs/evaluation.md")
    options = parser.parse_args(argv)
    try:
        parts: list[str] = []
        figures: dict[str, Any] = {}
        if not options.families_only:
            corpus = Corpus(options.corpus)
            listener = Listener(corpus, Detector(options.model))
            causes = corpus_figures(corpus, listener)
            figures["causes"] = causes
            parts.append(corpus_text(causes))
            check = measure(corpus, listener)
            figures["check"] = {name: getattr(check, name) for name in Effect.__slots__}
            parts.append(check_text(check))
            distress = needs_distress.measure(corpus, listener)
            figures["distress"] = distress_figures(distress)
            parts.append(distress_text(distress))
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        outcomes = [trial(family, seeds) for family in FAMILIES]
        figures["families"] = [family_figures(outcome) for outcome in outcomes]
        parts.append(families_text(outcomes, options.seeds))
        text = "\n\n".join(parts) + "\n"
        if options.docs:
            rewrite(ROOT / "docs/evaluation.md", "needs", text)
    except NurseryError as error:
        print(f"evaluate needs: {error}", file=sys.stderr)
        return 2
    print(text)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


def corpus_figures(corpus: Corpus, listener: Listener) -> dict[str, Any]:
    """Cross-validation over the corpus's causes, for each kind of embedding."""
    ways: dict[str, Callable[[Clip], Vector | None]] = {
        "mel spectrum": lambda clip: by_spectrum(corpus.samples(clip)),
        "the ear's embedding": lambda clip: listener.hear(clip).vector,
    }
    out: dict[str, Any] = {}
    for name, embed in ways.items():
        data = labelled(corpus, embed)
        splits = compare(data)
        out[name] = {
            "clips": len(data.causes),
            "uploaders": len(np.unique(data.groups)),
            "majority_macro_f1": majority(data),
            **{way: _as_dict(split) for way, split in splits.items()},
        }
    return out


def _as_dict(split: Split) -> dict[str, float]:
    return {name: round(float(getattr(split, name)), 4) for name in Split.__slots__}


def corpus_text(causes: Mapping[str, Any]) -> str:
    """The corpus's table."""
    rows = []
    for name, found in causes.items():
        for way in ("random", "by uploader"):
            split = found[way]
            rows.append(
                [name, way, *(f"{split[key]:.3f}" for key in ("macro_f1", "macro_f1_sound", "hunger_auc"))]
                + [f"{split['log_loss']:.3f}", f"{split['log_loss_prior']:.3f}"]
            )
    first = next(iter(causes.values()))
    head = ["embedding", "folds", "macro-F1", "by sound alone", "hunger AUC", "log-loss", "prior alone"]
    return (
        f"### Strangers' cries\n\n{first['clips']} clips of Donate-a-Cry, {first['uploaders']} uploaders, 5 × 5 folds. "
        f"Always saying hunger: macro-F1 {first['majority_macro_f1']:.3f}.\n\n{table(head, rows)}"
    )


def check_text(check: Effect) -> str:
    """The table of the check of false alarms."""
    rows = [
        ["the home's own other cries", "let through at once", f"{100 * check.own:.1f} %"],
        ["strangers' cries, the hardest case", "let through at once", f"{100 * check.strangers:.1f} %"],
        ["the same, whatever the ear's certainty", "let through at once", f"{100 * check.unguarded:.1f} %"],
        ["the same cat, unheard before", "held back", f"{100 * check.same_cat:.0f} %"],
        ["other cats", "held back", f"{100 * check.other_cats:.0f} %"],
    ]
    return (
        f"### The check of false alarms\n\n{check.homes} homes made of a baby's 10 cries and 4 sounds of a cat that the ear "
        f"takes for crying at least a little; the check switched itself on in {check.active}.\n\n"
        + table(["sound", "is", "share"], rows)
    )


def distress_figures(found: needs_distress.Found) -> dict[str, Any]:
    """The check of the grade of distress, for JSON."""
    return {
        "names": {
            name: {"clips": len(graded.grades), "groups": len(set(graded.groups)), "quartiles": _quartiles(graded.grades)}
            for name, graded in found.names.items()
            if graded.grades
        },
        "apart": [{"high": high, "low": low, **figure.as_dict()} for (high, low), figure in found.apart.items()],
        "quieter": {"correlation": found.quieter.correlation, "other_word": found.quieter.other_word},
        "noisier": {"correlation": found.noisier.correlation, "other_word": found.noisier.other_word},
    }


def distress_text(found: needs_distress.Found) -> str:
    """The tables of the grade of distress."""
    rows = []
    for name, graded in found.names.items():
        if graded.grades:
            low, middle, high = _quartiles(graded.grades)
            rows.append(
                [name, f"{len(graded.grades)}", f"{len(set(graded.groups))}", f"{middle:.2f}", f"{low:.2f}–{high:.2f}"]
            )
    apart = [
        [f"{high} over {low}", f"{figure.value:.2f} ({figure.low:.2f}–{figure.high:.2f})"]
        for (high, low), figure in found.apart.items()
    ]
    kept = [
        [what, f"{steady.correlation:.2f}", f"{100 * steady.other_word:.0f} %"]
        for what, steady in (("20 dB quieter", found.quieter), ("a room's noise 10 dB below", found.noisier))
    ]
    return "\n\n".join(
        (
            "### Distress, against what people called the sounds",
            table(["called", "clips", "sources or babies", "grade", "middle half"], rows),
            "How often the one has the higher grade, 0.5 being chance (95 % interval, groups resampled):",
            table(["", "area under the curve"], apart),
            "The same cries changed: rank correlation with the grade before, and how many get another word for it.",
            table(["change", "correlation", "another word"], kept),
        )
    )


def _quartiles(grades: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = (float(each) for each in np.percentile(grades, (25, 50, 75)))
    return low, middle, high


def family_figures(outcome: Outcome) -> dict[str, Any]:
    """One kind of family, for JSON; ranges are a value and its 95 % interval over families."""
    worse, half = outcome.worse_by
    return {
        "name": outcome.name,
        "families": len(outcome.log_loss),
        "log_loss": float(outcome.log_loss.mean()),
        "log_loss_prior": float(outcome.log_loss_prior.mean()),
        "difference": worse,
        "difference_half_interval": half,
        "difference_worst_family": float((outcome.log_loss - outcome.log_loss_prior).max()),
        "macro_f1_after_40": float(outcome.macro_f1.mean()),
        "macro_f1_middle_nine_tenths": [float(each) for each in np.percentile(outcome.macro_f1, (5, 95))],
        "ece": outcome.ece(),
        "ever_spoke": outcome.ever,
        "first_spoke_after": outcome.first,
        "spoken": float(outcome.spoken.mean()),
        "spoken_count": int(outcome.spoken.sum()),
        "right": outcome.share(outcome.right),
        "true": outcome.share(outcome.true),
        "risk_coverage": risk_coverage(outcome, LEVELS),
    }


def families_text(outcomes: Sequence[Outcome], seeds: int) -> str:
    """Tables of the simulated families."""
    found = [family_figures(outcome) for outcome in outcomes]
    learning = [
        [each["name"], f"{each['log_loss']:.3f}", f"{each['log_loss_prior']:.3f}"]
        + [f"{each['difference']:+.3f} ± {each['difference_half_interval']:.3f}", f"{each['difference_worst_family']:+.3f}"]
        + [f"{each['macro_f1_after_40']:.2f} ({_two(each['macro_f1_middle_nine_tenths'])})"]
        + [f"{each['ece'][0]:.3f} ({_three(each['ece'][1:])})"]
        for each in found
    ]
    speaking = [
        [each["name"], f"{100 * each['ever_spoke']:.0f} %"]
        + ["–" if each["first_spoke_after"] is None else f"{each['first_spoke_after']:.0f} tags"]
        + [f"{100 * each['spoken']:.1f} %", f"{each['spoken_count']}", _percent(each["right"]), _percent(each["true"])]
        for each in found
    ]
    coverage = [
        [outcome.name, *(_share(share, right) for _, share, right in risk_coverage(outcome, LEVELS))] for outcome in outcomes
    ]
    calibration = [[outcome.name, _bins(outcome)] for outcome in outcomes]
    losses = ["family", "log-loss", "prior alone", "difference", "worst family", "macro-F1 at 40 tags", "ECE"]
    words = ["family", "ever speaks", "first after", "of all cries", "guesses", "right, as tagged", "right, in truth"]
    return "\n\n".join(
        (
            f"### Simulated families\n\n{seeds} of each kind, 150 tagged cries each; every cry is guessed before its tag. "
            "In brackets: the range of nine tenths of them (macro-F1), else 95 % intervals, whole families resampled.",
            table(losses, learning),
            "What a parent would have seen: in how many families a guess was spoken at all, from which tag on in the middle "
            "one of them, at how many of all cries, and how often it was right.",
            table(words, speaking),
            "Risk and coverage, with every guess counted, spoken or not: share of cries / right among them.",
            table(["family", *(f"p ≥ {level}" for level in LEVELS)], coverage),
            "Reliability: mean probability → share right (number of guesses).",
            table(["family", "by tenths of probability"], calibration),
        )
    )


def _two(pair: Sequence[float]) -> str:
    return f"{pair[0]:.2f}–{pair[1]:.2f}"


def _three(pair: Sequence[float]) -> str:
    return f"{pair[0]:.3f}–{pair[1]:.3f}"


def _percent(share: tuple[float, float, float]) -> str:
    value, low, high = (100 * each for each in share)
    return "–" if np.isnan(value) else f"{value:.0f} % ({low:.0f}–{high:.0f})"


def _share(share: float, right: float) -> str:
    return "–" if share == 0.0 else f"{100 * share:.0f} / {100 * right:.0f} %"


def _bins(outcome: Outcome) -> str:
    found = reliability(outcome.p.ravel(), outcome.right.ravel())
    rows = zip(found.score, found.share, found.count, strict=True)
    return ", ".join(f"{score:.2f} → {share:.2f} ({count})" for score, share, count in rows)
