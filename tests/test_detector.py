"""The detector: streaming like whole files, safe with bad input, quiet in quiet, and as good as the card says."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from device.audio import AudioBlock
from device.clock import Instant
from device.detector import MODEL, REMEMBERED_HOPS, Detector, Heard, thresholds
from device.errors import DetectorError
from device.evidence import CryEvidence, Thresholds
from device.features import HOP, HOP_S, SAMPLE_RATE_HZ, LogMel
from device.network import Network
from device.settings import EpisodeSettings

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
START = Instant(100.0, 1_800_000_000.0, True)


def hear(detector: Detector, samples: np.ndarray, size: int = 4000) -> list[Heard]:
    heard = []
    for i in range(0, len(samples), size):
        block = AudioBlock(samples[i : i + size].astype(np.float32), START.plus(i / SAMPLE_RATE_HZ))
        heard += detector.feed(block)
    return heard


def noise(seconds: float, level: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(round(seconds * SAMPLE_RATE_HZ)) * level).astype(np.float32)


def wail(seconds: float) -> np.ndarray:
    """Harmonics of a gliding 450 Hz with breaths: not a cry, but enough to move the network."""
    t = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * np.cumsum(450 + 60 * np.sin(2 * np.pi * t)) / SAMPLE_RATE_HZ
    voice = sum(np.sin(k * phase) / k for k in range(1, 8))
    return (0.1 * voice * ((t % 1.2) < 0.9)).astype(np.float32)


@pytest.mark.parametrize("size", [100, 1600, 3840, 7777])
def test_any_chunking_gives_the_same_scores(size: int) -> None:
    samples = np.concatenate([noise(1.0, 0.01), wail(3.0), noise(1.0, 0.01)])
    whole = hear(Detector(), samples, len(samples))
    parts = hear(Detector(), samples, size)
    assert len(whole) == len(parts) == len(samples) // HOP
    for a, b in zip(whole, parts, strict=True):
        assert b.score.cry == pytest.approx(a.score.cry, abs=1e-6)
        assert b.score.voice == pytest.approx(a.score.voice, abs=1e-6)
        assert b.score.distress == pytest.approx(a.score.distress, abs=1e-6)
        assert b.score.at.monotonic == pytest.approx(a.score.at.monotonic, abs=1e-6)
        np.testing.assert_allclose(a.embedding, b.embedding, atol=1e-5)


def test_scores_are_stamped_with_the_end_of_their_sound() -> None:
    heard = hear(Detector(), noise(2.0, 0.01), 1000)
    for number, item in enumerate(heard):
        assert item.score.at.monotonic - START.monotonic == pytest.approx((number + 1) * HOP_S, abs=1e-6)


def test_shapes_and_names() -> None:
    detector = Detector()
    assert detector.hop_s == HOP_S <= 0.25
    assert 64 <= detector.embedding_size <= 128
    assert detector.model_version.startswith("ear-")
    (item, *_) = hear(detector, noise(0.3, 0.01))
    assert item.embedding.shape == (detector.embedding_size,)


@pytest.mark.parametrize("level", [0.0, 1e-5, 1e-3, 0.03, 0.3])
def test_silence_and_steady_noise_never_score(level: float) -> None:
    heard = hear(Detector(), noise(20.0, level))
    assert max(item.score.cry for item in heard[4:]) < thresholds("high").on


def test_bad_samples_do_not_poison_the_state() -> None:
    samples = noise(30.0, 0.01)
    broken = samples.copy()
    broken[16_000:16_100] = np.nan
    broken[17_000] = np.inf
    clean, hurt = hear(Detector(), samples), hear(Detector(), broken)
    assert all(np.isfinite([i.score.cry, i.score.voice, i.score.distress]).all() for i in hurt)
    assert hurt[-1].score.cry == pytest.approx(clean[-1].score.cry, abs=0.05)


def test_reset_forgets() -> None:
    detector = Detector()
    hear(detector, wail(3.0))
    detector.reset()
    samples = noise(2.0, 0.02)
    assert hear(detector, samples)[-1].score.cry == pytest.approx(hear(Detector(), samples)[-1].score.cry, abs=1e-6)


def test_the_network_rests_in_quiet_and_wakes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    hear_one, catch_up = Network.hear, Network.catch_up

    def heard(*given: Any) -> Any:
        runs.append("hop")
        return hear_one(*given)

    def caught_up(*given: Any) -> Any:
        runs.append("missed")
        return catch_up(*given)

    monkeypatch.setattr(Network, "hear", heard)
    monkeypatch.setattr(Network, "catch_up", caught_up)
    detector = Detector()
    hear(detector, noise(60.0, 0.002))
    assert runs.count("hop") < 250 * 0.3
    runs.clear()
    hear(detector, wail(1.0))
    assert runs == ["missed"] + ["hop"] * 4


@pytest.mark.parametrize("quiet_s", [8.0, 20.0])
def test_a_network_that_wakes_hears_as_if_it_had_never_slept(monkeypatch: pytest.MonkeyPatch, quiet_s: float) -> None:
    samples = np.concatenate([noise(quiet_s, 0.0005), wail(3.0) + noise(3.0, 0.0005)])
    rested = hear(Detector(), samples)
    monkeypatch.setattr("device.detector.QUIET_HOPS", 10**9)
    awake = hear(Detector(), samples)
    from_s = quiet_s + HOP_S  # the first hop may hold too little of the wail to wake it
    for a, b in zip(rested, awake, strict=True):
        if a.score.at.monotonic - START.monotonic >= from_s:
            assert a.score.cry == pytest.approx(b.score.cry, abs=1e-5)
            assert a.score.voice == pytest.approx(b.score.voice, abs=1e-5)
            np.testing.assert_allclose(a.embedding, b.embedding, atol=1e-4)
        assert abs(a.score.cry - b.score.cry) < 0.1
    assert any(a.score.cry != b.score.cry for a, b in zip(rested, awake, strict=True)), "it never slept"


def test_nothing_earlier_is_left_in_the_state() -> None:
    hops = [hop.inputs for hop in LogMel().push(noise(REMEMBERED_HOPS * HOP_S, 0.01))]
    after = []
    for before in (wail(6.0), noise(6.0, 0.3)):
        network = Network(MODEL)
        network.catch_up([hop.inputs for hop in LogMel().push(before)])
        network.catch_up(hops)
        after.append(network.hear(hops[0]))
    np.testing.assert_allclose(after[0][0], after[1][0], atol=1e-6)
    np.testing.assert_allclose(after[0][1], after[1][1], atol=1e-5)


def test_sensitivities_are_ordered_and_have_hysteresis() -> None:
    low, normal, high = (thresholds(name) for name in ("low", "normal", "high"))
    assert high.on <= normal.on <= low.on
    assert all(0.0 < pair.off < pair.on < pair.sure < 1.0 for pair in (low, normal, high))
    assert high.sure <= normal.sure <= low.sure
    with pytest.raises(DetectorError, match="normal"):
        thresholds("extreme")


def test_a_damaged_model_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ear.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(DetectorError, match="ear.onnx"):
        Detector(path)


def test_a_wrong_rate_is_refused() -> None:
    with pytest.raises(DetectorError, match="44100"):
        Detector().feed(AudioBlock(np.zeros(100, dtype=np.float32), START, 44_100))


def test_the_model_is_small() -> None:
    assert MODEL.stat().st_size <= 1.0e6


def begins(heard: list[Heard], pair: Thresholds) -> bool:
    """True if the monitor, with its default settings, would begin an episode."""
    evidence, longest_s = CryEvidence(pair, hop_s=HOP_S, hangover_s=EpisodeSettings().hangover_s), 0.0
    for item in heard:
        evidence.feed(item.score)
        longest_s = max(longest_s, evidence.heard_s)
    return longest_s >= EpisodeSettings().min_cry_s


@pytest.fixture(scope="module")
def heard_on_the_test_split() -> tuple[list[list[Heard]], list[list[Heard]]]:
    """What the streaming detector hears in every clip of the test split that holds crying, and in every other one.

    A clip holds crying if the training's labels find 1 s of it (Donate-a-Cry's hold silence and talk too); which those are
    is kept in crying_clips.txt. Other clips filed as cries, and the unverified, count for neither.
    """
    if not CORPUS.exists():
        pytest.skip("needs the corpus in ../shared/corpus")
    soundfile = pytest.importorskip("soundfile")
    holding = set((Path(__file__).parent / "crying_clips.txt").read_text().split("\n")) - {""}
    with (CORPUS / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    assert holding <= {row["path"] for row in rows}
    detector = Detector()
    crying: list[list[Heard]] = []
    other: list[list[Heard]] = []
    for row in rows:
        if row["path"] in holding or row["label"] not in ("cry", "unverified"):
            samples, _ = soundfile.read(CORPUS / row["path"], dtype="float32")
            samples = np.pad(samples, (0, -len(samples) % HOP))  # the monitor goes on listening: the last hop becomes whole
            detector.reset()
            (crying if row["path"] in holding else other).append(hear(detector, samples, 48_000))
    return crying, other


def test_on_the_test_split_few_cries_are_missed_and_little_else_is_heard(
    heard_on_the_test_split: tuple[list[list[Heard]], list[list[Heard]]],
) -> None:
    crying, other = heard_on_the_test_split
    assert len(crying) > 150 and len(other) > 1000
    pair = thresholds("normal")
    missed = 1.0 - np.mean([begins(heard, pair) for heard in crying])
    wrong = np.mean([begins(heard, pair) for heard in other])
    assert missed <= 0.05, f"{missed:.1%} of cries missed"
    assert wrong <= 0.03, f"{wrong:.1%} of other clips heard as crying"


def test_a_higher_sensitivity_hears_more_of_both(
    heard_on_the_test_split: tuple[list[list[Heard]], list[list[Heard]]],
) -> None:
    pairs = [thresholds(name) for name in ("low", "normal", "high")]
    for clips in heard_on_the_test_split:
        shares = [np.mean([begins(heard, pair) for heard in clips]) for pair in pairs]
        assert shares[0] <= shares[1] <= shares[2] and shares[0] < shares[2]


class Echo:
    """A second ear that doubles its confidence, and remembers what it was asked."""

    name = "echo"

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def listen(self, samples: np.ndarray, cry: float, embedding: np.ndarray) -> float | None:
        self.lengths.append(len(samples))
        return None if len(self.lengths) % 2 else 0.123

    def reset(self) -> None:
        self.lengths.clear()


def test_a_second_ear_hears_every_hop_and_may_overrule() -> None:
    second = Echo()
    heard = hear(Detector(second_ear=second), wail(1.2))
    assert second.lengths == [HOP] * len(heard)
    assert [item.score.cry == 0.123 for item in heard] == [False, True] * (len(heard) // 2) + [False] * (len(heard) % 2)


class Failing(Echo):
    """A second ear whose runtime breaks down at its third hop, or gives nonsense from then on."""

    def __init__(self, opinion: float | Exception) -> None:
        super().__init__()
        self.opinion = opinion

    def listen(self, samples: np.ndarray, cry: float, embedding: np.ndarray) -> float | None:
        self.lengths.append(len(samples))
        if len(self.lengths) < 3:
            return cry
        if isinstance(self.opinion, Exception):
            raise self.opinion
        return self.opinion


@pytest.mark.parametrize("opinion", [RuntimeError("tensor 3 is gone"), float("nan"), float("inf")])
def test_a_second_ear_that_fails_is_left_out_and_said(opinion: float | Exception) -> None:
    """It is asked while there is crying, so one that fails would make the monitor deaf to just that."""
    second = Failing(opinion)
    detector = Detector(second_ear=second)
    assert detector.trouble() is None and detector.ears[1:] == ("echo",)
    heard = hear(detector, wail(2.0))
    assert [h.score for h in heard] == [h.score for h in hear(Detector(), wail(2.0))]
    assert len(second.lengths) == 3 and len(detector.ears) == 1
    trouble = detector.trouble()
    assert trouble is not None and "echo failed" in trouble and "fetch-model" in trouble


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not really"])
def test_a_damaged_head_is_one_sentence(tmp_path: Path, damage: bytes) -> None:
    pytest.importorskip("ai_edge_litert")
    from device.second_ear import SecondEar

    model = CORPUS.parent / "peers" / "yamnet.tflite"
    if not model.exists():
        pytest.skip("needs YAMNet in ../shared/peers")
    (tmp_path / "head.npz").write_bytes(damage)
    with pytest.raises(DetectorError, match="fetch-model"):
        SecondEar(model, tmp_path / "head.npz")


def test_a_score_that_is_no_number_is_an_error_and_the_ear_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    detector = Detector()
    hear(detector, wail(1.0))
    broken = np.array([np.nan, 0.5, 0.5], np.float32), np.zeros(detector.embedding_size, np.float32)
    with monkeypatch.context() as patch, pytest.raises(DetectorError, match="no number"):
        patch.setattr("device.network.Network.hear", lambda self, inputs: broken)
        hear(detector, wail(1.0))
    assert all(np.isfinite(h.score.cry) for h in hear(detector, wail(1.0)))


def test_yamnet_is_asked_only_on_suspicion_and_fuses() -> None:
    pytest.importorskip("ai_edge_litert")
    from device.second_ear import SecondEar

    model = CORPUS.parent / "peers" / "yamnet.tflite"
    if not model.exists():
        pytest.skip("needs YAMNet in ../shared/peers")
    ear = SecondEar(model)
    samples, embedding = wail(0.24), np.zeros(96, dtype=np.float32)
    assert ear.listen(samples, 0.05, embedding) is None
    fused = ear.listen(samples, 0.6, embedding)
    assert fused is not None and 0.0 <= fused <= 1.0
    higher = ear.listen(samples, 0.9, embedding)
    assert higher is not None and higher > fused  # the same opinion of YAMNet, a surer first ear


def test_a_missing_second_ear_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    from device.second_ear import SecondEar

    with pytest.raises(DetectorError, match="fetch-model"):
        SecondEar(tmp_path / "none.tflite")
