"""Which ears there are to compare."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from device.detector import Detector
from device.ears import make_detector
from device.errors import DetectorError, NurseryError
from device.second_ear import SecondEar, available
from device.settings import Config
from evaluation.corpus import Corpus, unseen_sources
from evaluation.ears import Ear
from evaluation.hearing import Say
from evaluation.peers import LevelTrigger, Yamnet
from evaluation.pipeline import Pipeline
from evaluation.run import Part


def choose_ears(wanted: str, yamnet: Path, say: Say) -> list[Ear]:
    """The ears named in `wanted` (comma-separated), or every one that is there; ours first.

    Raises:
        NurseryError: one that was asked for by name is not there, or none is.
    """
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    config = Config()
    first_only = replace(config, detector=replace(config.detector, second_ear="off"))

    def ours() -> Ear:
        return Pipeline(make_detector(first_only), first_only, "ours")

    def both() -> Ear:
        if not available() or not yamnet.is_file():
            raise NurseryError(f"the second ear is not installed, or {yamnet} is missing; scripts/fetch-model fetches it")
        return Pipeline(Detector(second_ear=SecondEar(yamnet)), config, "both ears")

    makers: dict[str, Callable[[], Ear]] = {
        "ours": ours,
        "both": both,
        "YAMNet": lambda: Yamnet(yamnet),
        "louder": lambda: Yamnet(yamnet, turned_up=True),
        "level": LevelTrigger,
    }
    unknown = [name for name in names if name not in makers]
    if unknown:
        raise NurseryError(f"there is no ear {unknown[0]!r}; choose from {', '.join(makers)}")
    ears: list[Ear] = []
    for name, make in makers.items():
        if names and name not in names:
            continue
        try:
            ears.append(make())
        except (NurseryError, DetectorError) as error:
            if names:
                raise
            say(f"without {name}: {error}")
    if not ears:
        raise NurseryError("there is no ear to evaluate")
    return ears


def fold_ears(folder: Path, fold: int, peers: Sequence[Ear]) -> list[Ear]:
    """The ear in fold<N>.onnx, which never heard the sources of that fold, and the peers, which are the same for all.

    Raises:
        NurseryError: the model is not there.
    """
    model = folder / f"fold{fold}.onnx"
    config = Config(detector=replace(Config().detector, second_ear="off"))
    return [Pipeline(Detector(model), config, "ours", model), *peers]


def divide(corpus: Corpus, folds: Path | None, ears: Sequence[Ear]) -> tuple[list[Part], frozenset[str]]:
    """The test split for the ears as installed; or, with fold models, all clips, each part to the ear that never heard it.

    Besides, the cry sources that the ears never heard: those of the test split alone, or all.
    """
    if folds is None:
        return [Part(corpus.select(split="test"), ears)], unseen_sources(corpus.clips)
    from training.corpus import read_manifest

    peers = [ear for ear in ears if not isinstance(ear, Pipeline)]
    fold_of = {clip.path: clip.fold for clip in read_manifest(corpus.folder)}
    numbers = sorted(set(fold_of.values()))
    parts = [Part([c for c in corpus.clips if fold_of[c.path] == n], fold_ears(folds, n, peers)) for n in numbers]
    return parts, frozenset(clip.source for clip in corpus.clips)
