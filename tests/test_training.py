"""Training's own parts: an ear that ships comes back as it was, and what is spoilt is still the same sound."""

from pathlib import Path

import numpy as np
import pytest

from device.features import HOP, HOP_S, LogMel
from device.network import Network
from device.synthesis import cry

torch = pytest.importorskip("torch", reason="needs PyTorch, an extra of training")
pytest.importorskip("onnx", reason="needs onnx, an extra of training")

MODEL = Path(__file__).resolve().parent.parent / "device" / "models" / "ear.onnx"


def test_a_restored_ear_says_what_the_shipped_one_says() -> None:
    from training.restore import restore

    ear, about = restore(MODEL)
    network = Network(MODEL)
    assert about["version"] == network.version
    hops = [hop.inputs for hop in LogMel().push(cry(20 * HOP_S, 0.7, np.random.default_rng(1)).astype(np.float32))]
    told = np.stack([network.hear(hop)[0] for hop in hops])
    with torch.no_grad():
        logits, _, _ = ear(torch.from_numpy(np.concatenate(hops, axis=2)))
    assert told[:, 0].max() > 0.5
    np.testing.assert_allclose(torch.sigmoid(logits[0]).numpy(), told, atol=1e-4)


def test_another_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    import onnx
    from training.restore import restore

    model = onnx.load(str(MODEL))
    del model.graph.node[-20:]
    onnx.save(model, str(tmp_path / "half.onnx"))
    with pytest.raises(ValueError, match="something else than one ear"):
        restore(tmp_path / "half.onnx")


def test_spoilt_sound_keeps_its_place_and_says_where_it_is_covered() -> None:
    from training.augment import Studio
    from training.spoil import Spoiler

    hops = 25
    studio = Studio(hops * HOP, HOP, torch.device("cpu"), 4, 1)
    wave = torch.zeros(16, hops * HOP)
    loud = torch.sin(torch.arange(5 * HOP) * 0.3)
    wave[:, 10 * HOP : 15 * HOP] = 0.5 * loud
    spoilt = Spoiler(studio, 4).spoil(wave)
    assert spoilt.wave.shape == wave.shape and spoilt.wave.abs().max() <= 1.0
    assert spoilt.audible[:, 10:15].all(), "the loudest is never called covered"
    power = spoilt.wave.unflatten(1, (hops, HOP)).pow(2).mean(2)
    assert (power[:, 10:15].mean(1) > 0.5 * power[:, :8].mean(1)).all()
    assert not torch.equal(*Spoiler(studio, 4).spoil(wave[:2] + 0.0).wave[:2].chunk(2)), "each in its own way"


def test_the_loss_does_not_ask_for_what_noise_has_covered() -> None:
    from training.examples import Sound
    from training.refine import Lesson, loss_of
    from training.spoil import Spoilt

    truth = torch.zeros(1, 25)
    truth[:, 10:20] = 1.0
    no = torch.zeros(1, 25)
    sound = Sound(torch.zeros(1, 25 * HOP), torch.tensor([True]), truth, torch.ones(1, 25), no, no, truth * 0.5)
    tutor = torch.where(truth[..., None] == 1, 3.0, -4.0).repeat(1, 1, 3)
    lesson = Lesson(sound, tutor, torch.randn(1, 25, 8))
    deaf = torch.full((1, 25, 3), -4.0)

    def loss(audible: bool) -> float:
        covered = torch.ones(1, 25, dtype=torch.bool) if audible else truth == 0
        return float(loss_of(deaf, lesson.trunk, lesson, Spoilt(sound.wave, covered, torch.tensor([False]))))

    assert loss(audible=True) > 10 * loss(audible=False)


def test_a_refined_ear_that_is_too_sure_is_brought_back() -> None:
    from training.calibrate import matched
    from training.corpus import Clip
    from training.judge import Judged

    random = np.random.default_rng(0)
    before = random.normal(0, 3, (400, 3)).astype(np.float32)
    clip, nothing = Clip.__new__(Clip), np.zeros(0)
    old, new = (
        [Judged(clip, z, nothing, nothing, nothing, nothing)]  # type: ignore[arg-type]
        for z in (before, before * 2.0 - 1.0 + random.normal(0, 0.1, before.shape).astype(np.float32))
    )
    scale, shift = matched(new, old)
    assert scale == pytest.approx(0.5, abs=0.02) and shift == pytest.approx(0.5, abs=0.05)


def test_training_counts_the_alerts_that_the_monitor_gives() -> None:
    from training.calibrate import alerts

    from device.clock import Instant
    from device.episode import EpisodeTracker
    from device.events import EpisodeAlerted
    from device.evidence import EAR_LAG_S, Thresholds
    from device.inputs import Score
    from device.settings import AlertSettings, EpisodeSettings

    random, thresholds, counts = np.random.default_rng(3), Thresholds(0.62, 0.372, 0.85), []
    for _ in range(60):
        level = np.convolve(random.normal(0, 3, 140), np.ones(12) / 6, "valid") - 1
        said = (1 / (1 + np.exp(-level))).astype(np.float32)
        tracker = EpisodeTracker(EpisodeSettings(), AlertSettings(), thresholds=thresholds, hop_s=HOP_S, lag_s=EAR_LAG_S)
        heard = [Score(Instant((i + 1) * HOP_S, 0.0), float(cry), 0.0, 0.0, 0.0) for i, cry in enumerate(said)]
        rang = [event for score in heard for event in tracker.handle(score) if isinstance(event, EpisodeAlerted)]
        assert len(rang) == alerts(said, thresholds)
        counts.append(len(rang))
    assert 10 < sum(counts) < 50, "some ring and some do not"


def test_sounds_of_another_folder_join_the_corpus_as_no_crying(tmp_path: Path) -> None:
    import soundfile
    from training.corpus import is_open
    from training.prepare import Corpus, joined

    (tmp_path / "game").mkdir()
    loud = (0.3 * np.sin(np.arange(16_000) * 0.2)).astype(np.float32)
    soundfile.write(tmp_path / "game" / "song.opus", loud, 16_000, format="OGG", subtype="OPUS")
    columns = "path,label,sublabel,source,group,licence,duration_s,split"
    row = "game/song.opus,other,game,game-data (Debian),game-data/calls,free (Debian main): its copyright file,1.00,train"
    (tmp_path / "manifest.csv").write_text(f"{columns}\n{row}\n")
    both = joined(Corpus([], [], []), tmp_path, 1)
    (clip,), (samples,), (found,) = both.clips, both.samples, both.labels
    assert (clip.kind, clip.split) == ("game", "train") and is_open(clip.licence)
    assert len(samples) == 16_000 and not found.cry.any(), "none of it is crying"
    assert (found.voice == -1).all(), "whether somebody speaks is not known"


def test_voices_that_squeak_are_played_faster_and_asked_for_no_adult() -> None:
    from training.bank import Bank
    from training.corpus import Clip
    from training.labels import Labels
    from training.prepare import Corpus

    def clip(label: str, path: str) -> Clip:
        return Clip(path, label, "", "here", path, "CC0", "train", 10.0, 0)

    steps = 250
    none, all_of_it, grade = np.zeros(steps, np.int8), np.ones(steps, np.int8), np.zeros(steps, np.float32)
    sound = np.full(160_000, 1000, np.int16)
    parts = Corpus(
        [clip("cry", "cry/more/a"), clip("adult_speech", "speech/b"), clip("noise", "noise/c")],
        [sound] * 3,
        [Labels(all_of_it, none, grade), Labels(none, all_of_it, grade), Labels(none, none, grade)],
    )
    told = {}
    for share in (0.0, 1.0):
        bank = Bank(parts, "train", torch.device("cpu"), share)
        picks = bank.draw(np.random.default_rng(1), 64, 96_000)
        speech = np.array([bank.clips[i].kind == "adult_speech" for i in picks.clip[:, 0]])
        assert 5 < speech.sum() < 60
        assert (picks.speed[speech, 0] > 1.25).all() == (share == 1.0) and (picks.speed[~speech, 0] <= 1.25).all()
        _, voice, _ = bank.targets(picks, 25, 3840)
        told[share] = set(voice[speech, 0].unique().tolist())
    assert 1 in told[0.0] and 1 not in told[1.0]


def test_a_raised_head_says_the_same_a_little_higher(tmp_path: Path) -> None:
    from training.second import raised, read, save

    from device.second_ear import HEAD

    before = read(HEAD)
    save(raised(before, 0.3), tmp_path / "head.npz")
    after = read(tmp_path / "head.npz")
    np.testing.assert_array_equal(after[:-1], before[:-1])
    assert after[-1] == pytest.approx(before[-1] + 0.3, abs=1e-6)
