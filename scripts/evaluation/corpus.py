"""The corpus folder: which clips there are, of which class, and their samples."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile

from device.audio import RATE_HZ, Samples
from device.errors import NurseryError

HARD = (
    "cat", "baby laugh", "adult laugh", "babble", "adult crying", "moan", "scream", "child speech", "crow, rooster, gull",
    "sheep, goat, cow", "siren, alarm, horn", "door", "music",
)  # fmt: skip
"""Classes that cry detectors are known to ring for (research and field reports), whatever our own model does with them."""

_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("dog", ("dog", "pupp")),
    ("crow, rooster, gull", ("crow", "rooster", "gull", "hen", "chick", "duck", "drake", "penguin")),
    ("sheep, goat, cow", ("sheep", "goat", "cow", "bovine", "deer", "camel", "pig", "horse", "equine", "/ape", "monkey")),
    ("siren, alarm, horn", ("siren", "alarm", "horn", "phone", "morse")),
    ("door", ("creak", "door")),
    ("vacuum, washing", ("vacuum", "washing", "laundry", "toilet", "toothbrush")),
    ("traffic, engines", ("train", "engine", "airplane", "heli", "traffic", "vehicle", "saw", "road", "submarine")),
    ("rain, wind, water", ("rain", "wind", "waves", "water", "thunder", "drop", "river", "ocean", "crackling")),
)


@dataclass(frozen=True, slots=True)
class Clip:
    """A row of the manifest. `kind` is the class that reports count by."""

    path: str
    label: str
    sublabel: str
    source: str
    group: str
    split: str
    duration_s: float

    @property
    def kind(self) -> str:
        """The class, in a parent's words."""
        return kind_of(self.label, self.sublabel)

    @property
    def negative(self) -> bool:
        """True if it holds no infant's crying, as far as the manifest knows."""
        return self.kind not in ("cry", "unverified")

    @property
    def by_yamnet(self) -> bool:
        """True if the clip was found with YAMNet's help, so that YAMNet must not be compared on it."""
        return "/more/" in self.path


def kind_of(label: str, sublabel: str) -> str:
    """Name the class of a clip."""
    if label in ("child_speech", "music", "silence", "cry", "unverified"):
        return label.replace("_", " ")
    if label == "adult_speech":
        return "spoken letters" if "letters" in sublabel else "adult speech"
    if label == "laugh":
        return "baby laugh" if "baby" in sublabel else "adult laugh"
    if label == "other":
        named = {"adult_cry": "adult crying", "laughing": "adult laugh", "cry_unspecified": "cry"}
        same = ("moan", "babble", "scream", "game")
        return named.get(sublabel, sublabel if sublabel in same else "people, places")
    if sublabel == "cat" or sublabel.startswith(("cat_", "mammals/cat")):
        return "cat"
    for kind, words in _WORDS:
        if any(word in sublabel for word in words):
            return kind
    return "other animals" if label == "animal" else "other noise"


class Corpus:
    """The clips of a corpus folder, and their samples (the latest few kept in memory)."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest of `folder`.

        Raises:
            NurseryError: there is no manifest.csv in it.
        """
        manifest = folder / "manifest.csv"
        if not manifest.is_file():
            raise NurseryError(f"{folder}: no corpus here (manifest.csv is missing); name its folder with --corpus")
        with manifest.open(newline="") as file:
            rows = list(csv.DictReader(file))
        self.clips = tuple(_clip(row) for row in rows)
        self.folder = folder
        self.samples: Callable[[Clip], Samples] = lru_cache(maxsize=256)(self._read)

    def _read(self, clip: Clip) -> Samples:
        samples, rate = soundfile.read(self.folder / clip.path, dtype="float32", always_2d=True)
        if rate != RATE_HZ:
            raise NurseryError(f"{clip.path}: {rate} Hz, but the corpus is {RATE_HZ} Hz; convert it")
        return np.ascontiguousarray(samples[:, 0])

    def select(self, *, split: str | None = None, label: str | None = None) -> tuple[Clip, ...]:
        """Clips of a split and a label, in the manifest's order."""
        return tuple(c for c in self.clips if split in (None, c.split) and label in (None, c.label))


def _clip(row: dict[str, str]) -> Clip:
    seconds = float(row["duration_s"])
    return Clip(row["path"], row["label"], row["sublabel"], row["source"], row["group"], row["split"], seconds)


def by_group(clips: Iterable[Clip]) -> dict[str, list[Clip]]:
    """Clips by their group, in order."""
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        groups.setdefault(clip.group, []).append(clip)
    return groups


def unseen_sources(clips: Sequence[Clip]) -> frozenset[str]:
    """Sources of which no clip is in the training split."""
    return frozenset(c.source for c in clips if c.split == "test") - frozenset(c.source for c in clips if c.split != "test")
