from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluation.needs import families_text, main
from evaluation.needs_causes import Labelled, compare, macro_f1, majority
from evaluation.needs_distress import Graded, steady
from evaluation.needs_distress import compare as compare_grades
from evaluation.needs_families import FAMILIES, Family
from evaluation.needs_hearing import listen
from evaluation.needs_trials import risk_coverage, trial

from device.detector import Detector
from device.synthesis import Baby, cry


def strangers(own_sound: float, cause_sound: float) -> Labelled:
    """Thirty uploaders of six clips: each sounds like itself by `own_sound`, and has one cause, which may sound too."""
    rng = np.random.default_rng(0)
    uploaders = np.repeat(np.arange(30), 6)
    causes = rng.choice(3, 30)[uploaders]
    voices, tells = rng.normal(size=(30, 20)) * own_sound, rng.normal(size=(3, 20)) * cause_sound
    sounds = voices[uploaders] + tells[causes] + rng.normal(size=(180, 20))
    return Labelled(sounds.astype(np.float32), causes, uploaders.astype(str))


def test_a_leak_of_identity_shows_as_the_gap_between_random_and_grouped_folds() -> None:
    found = compare(strangers(own_sound=3.0, cause_sound=0.0))
    assert found["random"].macro_f1_sound > found["by uploader"].macro_f1_sound + 0.15
    assert found["by uploader"].log_loss > found["by uploader"].log_loss_prior


def test_causes_that_do_sound_are_found_in_strangers_too() -> None:
    found = compare(strangers(own_sound=0.2, cause_sound=3.0))
    assert found["by uploader"].macro_f1 > 0.65
    assert found["by uploader"].log_loss < found["by uploader"].log_loss_prior


def test_macro_f1_of_perfect_and_of_constant_answers() -> None:
    truth = np.array([0, 0, 0, 1, 2, 3])
    assert macro_f1(truth, truth) == 1.0
    assert macro_f1(truth, np.zeros(6, dtype=np.int64)) == pytest.approx((2 * 3 / 9) / 4)
    assert majority(Labelled(np.zeros((6, 1), dtype=np.float32), truth, truth.astype(str))) == pytest.approx(1 / 6)


def test_families_meet_what_is_promised() -> None:
    telling, silent = (trial(family, range(4)) for family in (FAMILIES[0], FAMILIES[2]))
    assert telling.macro_f1.mean() > 0.7
    assert telling.share(telling.right)[0] > 0.7
    assert telling.spoken.mean() > 0.3
    assert telling.worse_by[0] < -0.4
    assert telling.ever == 1.0
    assert silent.worse_by[0] <= 0.02
    assert not silent.spoken.any()
    assert silent.first is None
    hours = next(family for family in FAMILIES if family.rhythm > 1.0)
    by_hour = trial(hours, range(8))
    assert by_hour.ever > 0.5
    assert by_hour.share(by_hour.right)[0] > 0.7
    text = families_text([telling, silent], 4)
    assert "sound tells nothing" in text


def test_intervals_lie_round_their_figures() -> None:
    found = trial(FAMILIES[0], range(6))
    for value, low, high in (found.share(found.right), found.share(found.true), found.ece()):
        assert 0.0 <= low <= value + 0.01
        assert value <= high + 0.01
    assert found.share(found.right)[2] > found.share(found.right)[1]


def test_more_confidence_means_less_coverage() -> None:
    rows = risk_coverage(trial(Family("x", loud=3.0), range(2)), (0.3, 0.6, 0.9))
    shares = [share for _, share, _ in rows]
    assert shares == sorted(shares, reverse=True)
    assert rows[2][2] > rows[0][2]


def graded(middle: float, groups: int, seed: int) -> Graded:
    rng = np.random.default_rng(seed)
    grades = np.clip(rng.normal(middle, 0.1, groups * 2), 0, 1)
    return Graded(tuple(float(each) for each in grades), tuple(f"{seed}-{n // 2}" for n in range(groups * 2)))


def test_names_that_lie_apart_are_told_from_names_that_do_not() -> None:
    high, low, alike = graded(0.7, 20, 1), graded(0.4, 20, 2), graded(0.4, 20, 3)
    assert compare_grades(high, low).low > 0.9
    same = compare_grades(low, alike)
    assert same.low < 0.5 < same.high
    assert steady([0.1, 0.5, 0.9], [0.2, 0.5, 0.95]).correlation == pytest.approx(1.0)
    assert steady([0.1, 0.5, 0.9], [0.1, 0.7, 0.95]).other_word == pytest.approx(1 / 3)


def test_the_ear_grades_a_louder_harder_cry_higher_whatever_the_level() -> None:
    detector, baby = Detector(), Baby()
    mild, hard = (cry(4.0, distress, np.random.default_rng(5), baby) for distress in (0.1, 0.9))
    quiet = (0.1 * hard).astype(np.float32)
    grades = [listen(detector, sound).distress for sound in (mild, hard, quiet)]
    assert grades[1] > grades[0] + 0.1
    assert grades[2] == pytest.approx(grades[1], abs=0.15)
    nothing = listen(detector, np.zeros(10, dtype=np.float32))
    assert nothing.vector is None
    assert np.isnan(nothing.distress)


def test_a_missing_corpus_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--corpus", str(tmp_path)]) == 2
    assert "no corpus here" in capsys.readouterr().err
