"""Do sounds tell the cause of a stranger's cry? Donate-a-Cry's labels, split at random and split by uploader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from device.audio import Samples
from device.features import LogMel
from device.need_prior import NEEDS, Array, soft
from device.need_sound import SoundSums, Vector
from device.vocabulary import Need
from evaluation.corpus import Clip, Corpus
from evaluation.figures import auc

CAUSES = {
    "hungry": Need.HUNGER,
    "discomfort": Need.DISCOMFORT,
    "burping": Need.DISCOMFORT,
    "tired": Need.TIRED,
    "belly_pain": Need.PAIN,
}
SOURCE = "gveres/donateacry-corpus"
FOLDS, TIMES = 5, 5


@dataclass(frozen=True, slots=True)
class Labelled:
    """Embeddings (n, d), the index of each clip's cause in NEEDS, its uploader."""

    embeddings: NDArray[np.float32]
    causes: NDArray[np.int64]
    groups: NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class Split:
    """Figures of one way to split.

    Macro-F1 of the likeliest cause, and of the cause by sound alone (all causes equally likely before); area under the
    curve of hunger against the rest; log-loss with the sound at full weight, and without it.
    """

    macro_f1: float
    macro_f1_sound: float
    hunger_auc: float
    log_loss: float
    log_loss_prior: float


def labelled(corpus: Corpus, embed: Callable[[Clip], Vector | None]) -> Labelled:
    """Every clip with a parent's cause, as far as anything was heard in it."""
    clips: list[Clip] = []
    vectors: list[Vector] = []
    for clip in corpus.select(label="cry"):
        if clip.source.startswith(SOURCE) and clip.sublabel in CAUSES:
            vector = embed(clip)
            if vector is not None:
                clips.append(clip)
                vectors.append(vector)
    causes = np.array([NEEDS.index(CAUSES[clip.sublabel]) for clip in clips])
    return Labelled(np.array(vectors), causes, np.array([clip.group for clip in clips]))


def by_spectrum(samples: Samples) -> Vector | None:
    """Mean and spread of 64 mel bands over the louder half of the clip: what any cepstral study begins with."""
    hops = LogMel().push(samples)
    if not hops:
        return None
    frames = np.concatenate([np.asarray(hop.inputs, dtype=np.float32).reshape(-1, 64) for hop in hops])
    level = frames.mean(axis=1)
    loud = frames[level >= np.median(level)]
    return np.asarray(np.concatenate((loud.mean(axis=0), loud.std(axis=0))), dtype=np.float32)


def compare(data: Labelled, seed: int = 0) -> Mapping[str, Split]:
    """The same model, cross-validated with random folds and with folds that never share an uploader."""
    rng = np.random.default_rng(seed)
    return {
        "random": _mean([_run(data, rng.permutation(len(data.causes)) % FOLDS) for _ in range(TIMES)]),
        "by uploader": _mean([_run(data, _by_group(data.groups, rng)) for _ in range(TIMES)]),
    }


def majority(data: Labelled) -> float:
    """Macro-F1 of always saying the most common cause."""
    most = int(np.bincount(data.causes).argmax())
    return macro_f1(data.causes, np.full(len(data.causes), most))


def macro_f1(truth: NDArray[np.int64], said: NDArray[np.int64], classes: tuple[int, ...] = (0, 1, 2, 3)) -> float:
    """Mean over `classes` of the harmonic mean of precision and recall."""
    scores = []
    for each in classes:
        both = np.sum((truth == each) & (said == each))
        scores.append(2 * both / max(1, np.sum(truth == each) + np.sum(said == each)))
    return float(np.mean(scores))


def _by_group(groups: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.int64]:
    names, member = np.unique(groups, return_inverse=True)
    return np.asarray((rng.permutation(len(names)) % FOLDS)[member])


def _run(data: Labelled, folds: NDArray[np.int64]) -> Split:
    evidence = np.zeros((len(data.causes), len(NEEDS)))
    log_train = np.zeros_like(evidence)
    for fold in range(FOLDS):
        sums = SoundSums(data.embeddings.shape[1])
        for vector, cause in zip(data.embeddings[folds != fold], data.causes[folds != fold], strict=True):
            sums.hear(vector, soft(NEEDS[cause]))
        model = sums.fit()
        for index in np.flatnonzero(folds == fold):
            evidence[index] = model.evidence(data.embeddings[index])
            log_train[index] = model.log_train
    rows = np.arange(len(data.causes))
    both = log_train + evidence
    both = both - np.logaddexp.reduce(both, axis=1)[:, None]
    hungry = data.causes == 0
    score: Array = evidence[:, 0]
    return Split(
        macro_f1(data.causes, both.argmax(axis=1)),
        macro_f1(data.causes, evidence.argmax(axis=1)),
        auc(score[hungry], score[~hungry]),
        float(-both[rows, data.causes].mean()),
        float(-log_train[rows, data.causes].mean()),
    )


def _mean(splits: list[Split]) -> Split:
    names = ("macro_f1", "macro_f1_sound", "hunger_auc", "log_loss", "log_loss_prior")
    return Split(*(float(np.mean([getattr(split, name) for split in splits])) for name in names))
