"""The evaluation on a small corpus made here: its truth rule, its sets, its figures and its command."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from evaluation import document, figures, measures, microphones, report, scenes
from evaluation.acoustics import loudest
from evaluation.changes import BEFORE_S, CHANGES, filtered, high_pass, low_pass
from evaluation.corpus import Corpus, kind_of, unseen_sources
from evaluation.ears import Heard, Store, merged, plain_trigger, sustained
from evaluation.goals import goals
from evaluation.hearing import Trial, hear_all
from evaluation.material import Material
from evaluation.peers import LevelTrigger, Yamnet
from evaluation.run import Part, Size, evaluate
from evaluation.truth import cry_spans
from evaluation.visits import arrivals, visits

from device.audio import RATE_HZ, Samples
from device.synthesis import cry, door, room_noise
from device.throat import cat, murmur

ROOT = Path(__file__).resolve().parent.parent


def crying_clip(seed: int) -> Samples:
    random = np.random.default_rng(seed)
    clip = 0.02 * room_noise(8.0, random)
    clip[2 * RATE_HZ : 6 * RATE_HZ] += 0.5 * cry(4.0, 0.8, random)
    return clip.astype(np.float32)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(1)
    rows = []
    for i in range(4):
        rows.append(("cry", "", f"cries-{i}", f"baby-{i}", "test", crying_clip(i)))
    for _ in range(3):
        rows.append(("animal", "cat", "cats", "the cat", "test", 0.4 * cat(4.0, random)))
    rows.append(("noise", "door_wood_creaks", "doors", "the door", "test", door(random)))
    rows.append(("noise", "rain", "weather", "rain", "test", 0.1 * random.standard_normal(25 * RATE_HZ).astype(np.float32)))
    rows.append(("adult_speech", "en", "people", "ann", "test", murmur(6.0, random)))
    rows.append(("music", "moh", "radio", "song", "test", 0.1 * np.sin(np.arange(8 * RATE_HZ) / 9).astype(np.float32)))
    rows.append(("cry", "", "cries-0", "baby-9", "train", crying_clip(9)))
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "sublabel", "source", "group", "split", "duration_s"])
        for i, (label, sublabel, source, group, split, samples) in enumerate(rows):
            soundfile.write(folder / f"{i}.wav", samples, RATE_HZ)
            writer.writerow([f"{i}.wav", label, sublabel, source, group, split, len(samples) / RATE_HZ])
    return Corpus(folder)


def trial(score: list[float], kind: str, *, seconds: float = 1800.0, events: tuple[tuple[float, float], ...] = ()) -> Trial:
    at = np.arange(1, len(score) + 1, dtype=np.float64) * 0.5
    heard = Heard(at, np.array(score), np.zeros(len(score)), np.zeros((len(score), 0)))
    scene = scenes.Scene(kind, np.zeros(0, np.float32), kind, kind, events, events, counted_s=seconds)
    return Trial(scene, len(score) / 2, {"level": heard}, {"level": {"normal": LevelTrigger().decide(heard, "normal")}})


def test_truth_rule_finds_the_crying_and_not_the_voice_or_the_hiss() -> None:
    spans = cry_spans(crying_clip(3))
    assert 1.8 < spans[0][0] < 2.6 and 5.0 < spans[-1][1] < 6.3
    random = np.random.default_rng(0)
    assert not cry_spans(0.1 * random.standard_normal(4 * RATE_HZ).astype(np.float32))
    voice = cry_spans(murmur(6.0, random, f0_hz=190.0))
    assert sum(end - start for start, end in voice) < 0.6


@pytest.mark.parametrize(
    ("label", "sublabel", "kind"),
    [("noise", "train", "traffic, engines"), ("noise", "rain", "rain, wind, water"), ("noise", "seasonal", "other noise"),
     ("animal", "cat", "cat"), ("laugh", "baby_laugh", "baby laugh"), ("other", "cry_unspecified", "cry"),
     ("adult_speech", "nb_letters", "spoken letters"), ("animal", "insects", "other animals")],
)  # fmt: skip
def test_classes(label: str, sublabel: str, kind: str) -> None:
    assert kind_of(label, sublabel) == kind


def test_unseen_sources_have_no_clip_in_training(corpus: Corpus) -> None:
    unseen = unseen_sources(corpus.clips)
    assert "cries-1" in unseen and "cries-0" not in unseen


def test_mixes_repeat_and_have_the_ratio_they_claim(corpus: Corpus) -> None:
    material = Material(corpus.select(split="test"), corpus.samples)
    first, again = (list(scenes.mixes(material, 6, 5)) for _ in range(2))
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))
    assert [bool(scene.events) for scene in first] == [True, False] * 3
    assert {scene.ratio_db for scene in first if scene.events} == set(scenes.RATIOS_DB)
    for scene in first:
        assert scene.duration_s == scenes.MIX_S
        for start, end in scene.events:
            assert 0 < start < end < scenes.MIX_S


def test_only_the_test_split_is_used(corpus: Corpus) -> None:
    material = Material(corpus.select(split="test"), corpus.samples)
    assert "baby-9" not in material.cries and set(material.cries) <= {f"baby-{i}" for i in range(4)}


def test_episodes_have_bouts_in_order(corpus: Corpus) -> None:
    for scene in scenes.episodes(Material(corpus.select(split="test"), corpus.samples), 3, 1):
        flat = [time for event in scene.events for time in event]
        assert flat == sorted(flat) and flat[-1] < scene.duration_s
        assert all(later[0] - earlier[1] > 3.0 for earlier, later in zip(scene.events, scene.events[1:], strict=False))


def test_every_negative_is_heard_once_and_never_looped(corpus: Corpus) -> None:
    clips = [clip for clip in corpus.select(split="test") if clip.negative]
    made = list(scenes.negatives(clips, corpus.samples))
    assert sum(scene.counted_s for scene in made) == pytest.approx(sum(clip.duration_s for clip in clips), abs=0.01)
    assert sum(scene.kind == "cat" for scene in made) == 1  # one recording, under half a minute


def test_negatives_in_rooms_are_the_same_scenes_at_a_crib_s_level(corpus: Corpus) -> None:
    clips = [clip for clip in corpus.select(split="test") if clip.negative]
    dry, wet = (
        list(scenes.negatives(clips, corpus.samples)),
        list(scenes.in_rooms(scenes.negatives(clips, corpus.samples), 1)),
    )
    assert [(a.name, a.counted_s, a.duration_s) for a in dry] == [(b.name, b.counted_s, b.duration_s) for b in wet]
    for scene in wet:
        assert -42 < 20 * np.log10(loudest(scene.samples)) < -12


def test_a_visit_is_an_episode_with_a_voice_from_then_on(corpus: Corpus) -> None:
    clips = corpus.select(split="test")
    made = list(visits(Material(clips, corpus.samples), clips, corpus.samples, 2, 1))
    assert [scene.kind for scene in made] == ["alone", "visit"] * 2
    for alone, visit in zip(made[::2], made[1::2], strict=True):
        assert visit.came_s is not None and alone.came_s is None and alone.events == visit.events
        begin = int(visit.came_s * RATE_HZ)
        assert np.array_equal(alone.samples[:begin], visit.samples[:begin])
        assert not np.array_equal(alone.samples[begin : begin + RATE_HZ], visit.samples[begin : begin + RATE_HZ])


def test_arrivals_count_only_after_somebody_came() -> None:
    ear = LevelTrigger()

    def told(came_s: float | None, arrived_s: float | None) -> Trial:
        one = trial([0.0], "visit")
        decided = replace(one.decided["level"]["normal"], arrived_s=arrived_s)
        return replace(one, scene=replace(one.scene, came_s=came_s), decided={"level": {"normal": decided}})

    found = arrivals([told(10, 12), told(10, None), told(10, 4), told(10, 11), told(None, None), told(None, 5)], ear)
    assert found["told"]["value"] == 0.5 and found["wrong"]["value"] == 0.5 and found["error_s"]["median"] == 1.5


@pytest.mark.parametrize("name", CHANGES)
def test_a_microphone_changes_a_sound_but_not_its_length(name: str) -> None:
    sound = crying_clip(1)
    heard, again = (CHANGES[name](np.random.default_rng(0), sound) for _ in range(2))
    before = len(heard) - len(sound)
    assert before in (0, int(BEFORE_S * RATE_HZ)) and np.isfinite(heard).all() and np.array_equal(heard, again)
    assert np.array_equal(heard, sound) is (name == "as recorded")


def test_filters_pass_what_they_should() -> None:
    time = np.arange(RATE_HZ) / RATE_HZ
    low, high = (np.sin(2 * np.pi * hz * time).astype(np.float32) for hz in (200, 4000))
    for gains, passed, stopped in ((low_pass(1200, 1.5), low, high), (high_pass(500, 3), high, low)):
        assert loudest(filtered(passed, gains)) > 0.9 * loudest(passed)
        assert loudest(filtered(stopped, gains)) < 0.25 * loudest(stopped)


def test_microphones_are_measured_against_the_clip_as_it_was(corpus: Corpus) -> None:
    clips = [clip for clip in corpus.select(split="test") if clip.label == "cry" or clip.negative]
    played = [microphones.scene(clip, corpus.samples, "telephone", i) for i, clip in enumerate(clips)]
    assert [bool(scene.events) for scene in played] == [clip.label == "cry" for clip in clips]
    found = microphones.figures(hear_all(played, [LevelTrigger()], Store(None)), LevelTrigger())
    assert set(found) == {"auc", "missed", "heard"} and found["heard"] > 0.5  # all is loud to a level
    assert "telephone" in microphones.text({"telephone": {"level": found}})


def test_area_under_the_curve() -> None:
    assert figures.auc(np.array([2.0, 3.0]), np.array([0.0, 1.0])) == 1.0
    assert figures.auc(np.array([1.0, 1.0]), np.array([1.0])) == 0.5


def test_no_alarm_is_bounded_by_the_rule_of_three() -> None:
    rate = figures.rate_per_hour([0, 0], [3600, 7200], ["a", "b"])
    assert (rate.value, rate.low, rate.high) == (0.0, 0.0, 1.0)
    assert figures.by_groups([0.0] * 10, [str(i) for i in range(10)]).high == pytest.approx(0.3)


def test_intervals_widen_when_values_share_groups() -> None:
    values = [1.0] * 20 + [0.0] * 20
    alone = figures.by_groups(values, [str(i) for i in range(40)])
    together = figures.by_groups(values, ["a"] * 20 + ["b"] * 20)
    assert together.high - together.low > alone.high - alone.low


def test_reliability_of_honest_and_of_boastful_scores() -> None:
    scores = np.repeat([0.25, 0.75], 1000)
    honest = np.concatenate([np.arange(1000) % 4 == 0, np.arange(1000) % 4 != 0])
    assert figures.reliability(scores, honest).ece < 0.01
    assert figures.reliability(scores, np.zeros(2000, dtype=bool)).ece == pytest.approx(0.5)


def test_a_trigger_needs_two_of_three_and_alarms_settle() -> None:
    heard = Heard(np.arange(1.0, 9.0), np.array([0, 1, 0, 0, 0, 1, 1, 0.0]), np.zeros(8), np.zeros((8, 0)))
    assert plain_trigger(heard, 0.5, (2, 3), 1.0).alerts_s == (7.0,)
    assert list(sustained(heard, (2, 3))) == [0, 0, 0, 0, 1, 1]
    assert merged([0.0, 50.0, 120.0]) == (0.0, 120.0)


def test_recall_at_one_alarm_an_hour_lies_between_the_thresholds_around_it() -> None:
    negatives = [trial([0.9] * 4, "cat"), trial([0.6] * 4, "door"), trial([0.1] * 4, "rain, wind, water", seconds=36_000)]
    crying = [trial([p] * 4, "cry", events=((0.0, 2.0),)) for p in (0.95, 0.7, 0.7, 0.3)]
    ear = LevelTrigger()
    assert measures.threshold_for(negatives[:2], ear, 0) > 0.9
    assert measures.threshold_for(negatives[:2], ear, 1) == pytest.approx(0.9)
    assert measures.at_one_an_hour(negatives, crying, ear)["value"] == pytest.approx(0.25)


def test_scores_are_kept_between_runs(tmp_path: Path) -> None:
    class Counting(LevelTrigger):
        heard = 0

        def hear(self, samples: Samples) -> Heard:
            self.heard += 1
            return super().hear(samples)

    ear, store = Counting(), Store(tmp_path)
    sound = 0.1 * np.ones(RATE_HZ * 2, np.float32)
    first, again = store.hear(ear, sound), store.hear(ear, sound)
    assert ear.heard == 1 and np.array_equal(first.cry, again.cry)


def test_whole_evaluation_with_the_level_trigger(corpus: Corpus, tmp_path: Path) -> None:
    size = Size(mixes=6, episodes=4, every=1, machine_s=5.0, night_s=120.0)
    said: list[str] = []
    parts = [Part(corpus.select(split="test"), [LevelTrigger()])]
    results = evaluate(parts, corpus.samples, frozenset(), size=size, seed=3, cache=tmp_path, say=said.append)
    level = results.figures["ears"]["level"]
    assert level["machines"]["machine-brown"] == 1 and level["machines"]["machine-digital silence"] == 0
    assert level["negatives"]["normal"]["all"]["hours"] > 0.01
    assert 0 <= level["episodes"]["all"]["normal"]["recall"]["value"] <= 1
    assert json.loads(json.dumps(results.figures)) and said
    shown = report.text(results.figures)
    assert "cat" in shown and "sources never trained on" in shown


def test_results_replace_only_their_section(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text("before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter\n")
    document.rewrite(page, "results", "new")
    assert page.read_text() == "before\n<!-- results: begin -->\nnew\n<!-- results: end -->\nafter\n"


def test_command_says_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts/evaluate"), "--corpus", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "manifest.csv is missing" in done.stderr


def test_goals_say_what_was_missed() -> None:
    ours = {"clips": {"unseen": {"value": 0.96}}, "machines": {"white": 1}}
    lines = goals({"ours": ours}).splitlines()
    assert any("clip AUC" in line and "0.960 ✓" in line for line in lines)
    assert any("noise machines" in line and "1.00 ✗" in line for line in lines)
    assert any("single cries at 0 dB" in line and "–" in line for line in lines)
    assert goals({"level": {}}) == ""


def test_yamnet_turned_up_hears_quiet_sound_as_it_hears_loud() -> None:
    pytest.importorskip("ai_edge_litert")
    model = ROOT.parent / "shared" / "peers" / "yamnet.tflite"
    if not model.exists():
        pytest.skip("needs YAMNet in ../shared/peers")
    loud = crying_clip(3)
    quiet = (loud * 0.02).astype(np.float32)
    as_it_is, turned_up = Yamnet(model), Yamnet(model, turned_up=True)
    assert as_it_is.name != turned_up.name and as_it_is.version != turned_up.version
    assert np.abs(turned_up.hear(quiet).cry - turned_up.hear(loud).cry).max() < 0.02
    assert np.abs(as_it_is.hear(quiet).cry - as_it_is.hear(loud).cry).max() > 0.02
