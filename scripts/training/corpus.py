"""The corpus: which clips there are, how they are split into folds, and their samples.

It knows the manifest of the corpus folder, never the network or the labels within a clip.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
FOLDS = 6
ANIMALS = (  # those mistaken for crying have classes of their own; the first word that fits wins
    ("cat", "cat"), ("dog", "dog"), ("pupp", "dog"), ("crow", "crow"), ("rooster", "crow"), ("sheep", "sheep"),
    ("goat", "sheep"), ("cow", "sheep"), ("seagull", "crow"),
)  # fmt: skip
# Collections of many unrelated recordings: held out by recording (group), not as a whole.
AGGREGATES = ("ESC-50", "remvze/moodist", "tuxpaint", "speechocean762", "speechdnn", "klettres", "ten-vad")
OPEN_LICENCES = (
    "ODbL", "CC BY 4", "CC BY-SA", "CC0", "GPL", "MIT", "Apache", "per-file licences", "public domain", "Debian main",
)  # fmt: skip
NEVER_OPEN = ("NC", "origin of the sound not stated", "none stated", "research use")


@dataclass(frozen=True, slots=True)
class Clip:
    """One row of the manifest; `fold` is the fold that leaves it out."""

    path: str
    label: str
    sublabel: str
    source: str
    group: str
    licence: str
    split: str
    duration_s: float
    fold: int

    @property
    def kind(self) -> str:
        """The class that balancing and hard-negative mining count by."""
        return kind_of(self.label, self.sublabel, self.path)

    @property
    def cry_source(self) -> str:
        """The name under which the figures list a cry source."""
        if "donateacry" in self.source:
            return "donateacry"
        if self.path.split("/")[1] in ("todly", "giulbia"):
            return self.path.split("/")[1]
        return f"more-{self.fold}"


def kind_of(label: str, sublabel: str, path: str) -> str:
    """Name the sampling class of a clip: coarse where sounds are harmless, fine where they are mistaken."""
    if label in ("cry", "silence", "child_speech", "music"):
        return label
    if label == "unverified":
        return "unverified"
    if label == "adult_speech":
        return "letters" if "letters" in sublabel else "adult_speech"
    if label == "laugh":
        return sublabel
    if label == "animal":
        return next((kind for word, kind in ANIMALS if word in sublabel), "animal")
    if sublabel == "game":
        return "game"
    if label == "other":
        if sublabel in ("adult_cry", "moan", "babble", "scream", "singing", "laughing"):
            return "adult_laugh" if sublabel == "laughing" else sublabel
        return "crowd"
    alarms = ("siren", "alarm", "horn", "phone", "bell")
    if any(word in sublabel for word in alarms):
        return "siren"
    if "creak" in sublabel or "door" in sublabel:
        return "door"
    if "room_nocry" in sublabel or "shush" in sublabel:
        return "room"
    return "noise"


def is_open(licence: str) -> bool:
    """Tell whether a licence text lets anybody use, change and share the sound, also commercially."""
    return any(word in licence for word in OPEN_LICENCES) and not any(word in licence for word in NEVER_OPEN)


def _fixed_fold(path: str, source: str) -> int | None:
    if "donateacry" in source:
        return 0
    if "/todly/" in path:
        return 1
    if "giulbia" in source:
        return 2
    return None


def assign_folds(rows: Sequence[dict[str, str]]) -> list[int]:
    """Give each row a fold: a source is never split, nor is a group, nor are sources that share a group.

    Fold 0 leaves Donate-a-Cry out, 1 todly, 2 giulbia, 3 to 5 a third each of the small sources.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            name = parent[name]
        return name

    keys = []
    for row in rows:
        aggregate = any(word in row["source"] for word in AGGREGATES)
        key = "g:" + row["group"]
        if not aggregate:
            parent[root(key)] = root("s:" + row["source"])
        keys.append(key)
    fold_of: dict[str, int] = {}
    weight: dict[str, list[float]] = {}
    for row, key in zip(rows, keys, strict=True):
        fixed = _fixed_fold(row["path"], row["source"])
        if fixed is not None:
            fold_of[root(key)] = fixed
        entry = weight.setdefault(root(key), [0.0, 0.0])
        entry[0 if row["label"] == "cry" else 1] += float(row["duration_s"])
    load = np.zeros(FOLDS)
    for name in sorted(weight, key=lambda n: -weight[n][0]):
        if name in fold_of:
            continue
        if weight[name][0] > 0:  # cries: the emptiest of the three small-source folds
            fold_of[name] = 3 + int(np.argmin(load[3:]))
            load[fold_of[name]] += min(weight[name][0], 120.0)
        else:
            fold_of[name] = int(hashlib.sha256(name.encode()).hexdigest(), 16) % FOLDS
    return [fold_of[root(key)] for key in keys]


def read_manifest(folder: Path) -> list[Clip]:
    """Read every clip of the corpus in `folder`."""
    with (folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    clips = []
    for row, fold in zip(rows, assign_folds(rows), strict=True):
        fields = {name: row[name] for name in ("path", "label", "sublabel", "source", "group", "licence", "split")}
        clips.append(Clip(**fields, duration_s=float(row["duration_s"]), fold=fold))
    return clips


def _decode(path: Path) -> NDArray[np.int16]:
    import soundfile

    samples, rate = soundfile.read(path, dtype="int16")
    if rate != SAMPLE_RATE_HZ:
        raise ValueError(f"{path}: {rate} Hz, but the corpus is {SAMPLE_RATE_HZ} Hz")
    return np.asarray(samples if samples.ndim == 1 else samples[:, 0], dtype=np.int16)


def load_samples(folder: Path, clips: Sequence[Clip], workers: int = 1) -> list[NDArray[np.int16]]:
    """Decode the clips, in order, to int16 at 16 kHz."""
    paths = [folder / clip.path for clip in clips]
    if workers <= 1:
        return [_decode(path) for path in paths]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(_decode, paths, chunksize=16))
