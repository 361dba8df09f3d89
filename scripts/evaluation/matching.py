"""Events found against events there: DCASE's event-based error rate and F1, and the intersection-based PSDS."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from evaluation.ears import Heard
from evaluation.truth import Spans


def event_based(truth: Mapping[str, Spans], found: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, float]:
    """Error rate and F1 with a 0.5 s collar on the onset alone, as in DCASE 2017 task 2 (Mesaros 2016), by sed_eval."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sed_eval and dcase_util use names that numpy has deprecated
        import dcase_util
        import sed_eval

        metric = sed_eval.sound_event.EventBasedMetrics(
            event_label_list=["babycry"],
            t_collar=0.5,
            evaluate_onset=True,
            evaluate_offset=False,
            event_matching_type="optimal",
        )

        def listed(name: str, spans: Sequence[tuple[float, float]]) -> Any:
            rows = [{"filename": name, "onset": a, "offset": max(b, a + 0.05), "event_label": "babycry"} for a, b in spans]
            return dcase_util.containers.MetaDataContainer(rows)

        for name, spans in truth.items():
            metric.evaluate(listed(name, spans), listed(name, found[name]))
        overall = metric.results_overall_metrics()
    error, f = overall["error_rate"], overall["f_measure"]
    result = {name: round(float(error[name]), 4) for name in ("error_rate", "deletion_rate", "insertion_rate")}
    shares = {"f1": f["f_measure"], "precision": f["precision"], "recall": f["recall"]}
    return result | {name: round(float(value), 4) for name, value in shares.items()}


def psds(truth: Mapping[str, Spans], heard: Mapping[str, Heard], step_s: float, length_s: float) -> dict[str, float]:
    """PSDS (Bilen 2020, exact as in Ebbers 2022) by sed_scores_eval: once strict in time (0.7), once lenient (0.1)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a newer Python says of its texts, the first time that it reads them
        from sed_scores_eval import intersection_based
        from sed_scores_eval.base_modules.scores import create_score_dataframe

    scores = {}
    for name, one in heard.items():
        ends = [min(length_s, float(at)) for at in one.at_s]
        edges = [max(0.0, ends[0] - step_s), *ends]
        scores[name] = create_score_dataframe(one.cry[:, None], edges, ["babycry"])
    events = {name: [(a, b, "babycry") for a, b in spans] for name, spans in truth.items()}
    durations = {name: length_s for name in truth}
    out = {}
    for name, share in (("psds_strict", 0.7), ("psds_lenient", 0.1)):
        value, *_ = intersection_based.psds(
            scores, events, durations, dtc_threshold=share, gtc_threshold=share, cttc_threshold=None, alpha_ct=0.0,
            alpha_st=0.0, max_efpr=100.0, unit_of_time="hour",
        )  # fmt: skip
        out[name] = round(float(value), 4)
    return out
