"""From Debian packages to a corpus folder: unpack, read, keep, and a row of the manifest for each sound."""

import csv
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from device.audio import RATE_HZ
from device.errors import NurseryError

SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": (
        "ardentryst", "boswars-data", "btanks-data", "colobot-common-sounds", "drascula-music", "endless-sky-data",
        "fillets-ng-data", "freedink-data", "freedroidrpg-data", "frozen-bubble-data", "hyperrogue-music",
        "ktuberling-data", "lugaru-data", "marsshooter-data", "megaglest-data", "nexuiz-data", "openarena-data",
        "openclonk-data", "pekka-kana-2-data", "scratch", "searchandrescue-data", "singularity-music",
        "supertuxkart-data", "tuxfootball", "tuxtype-data", "wesnoth-1.16-data", "wesnoth-1.16-music",
    ),
    "test": (
        "enigma-data", "extremetuxracer-data", "hedgewars-data", "lincity-ng-data", "pingus-data", "scorched3d-data",
        "supertux-data", "trackballs-data", "tuxmath-data", "unknown-horizons", "warmux-data", "widelands-data",
    ),
}  # fmt: skip
"""A package is in one split, so is everything in it; decided before any ear had learned from the one or the other."""

LONGEST_S, SHORTEST_S = 90, 0.15
SILENT = 1e-3
"""A sound whose peak stays below this is none."""
ENDINGS = ".ogg", ".oga", ".opus", ".wav", ".mp3", ".flac"
ARCHIVES = ".pk3", ".zip"
"""Within a package; both are zip."""
LEFT_OUT = "baby", "infant", "ric2", "ric3"
"""In the name of a sound that may be an infant's, or is in packages of both splits (two ricochets)."""
COLUMNS = "path", "label", "sublabel", "source", "group", "licence", "duration_s", "split"


def gather(out: Path, splits: Mapping[str, tuple[str, ...]] = SPLITS) -> Iterator[str]:
    """Download the packages, keep their sounds in `out` with a manifest, and say for each package what came of it."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "manifest.csv").open("w", newline="") as file:
        manifest = csv.DictWriter(file, COLUMNS)
        manifest.writeheader()
        for split, packages in splits.items():
            for package in packages:
                with TemporaryDirectory() as scratch:
                    archive = download(package, Path(scratch))
                    rows = list(keep(archive, package, split, out))
                manifest.writerows(rows)
                yield f"{package}: {len(rows)} sounds, {sum(float(row['duration_s']) for row in rows) / 60:.1f} minutes"


def download(package: str, folder: Path) -> Path:
    """Fetch a package's archive with apt.

    Raises:
        NurseryError: apt is not there, or knows no such package.
    """
    try:
        done = subprocess.run(["apt-get", "download", package], cwd=folder, check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise NurseryError("apt-get is not here; gather the sounds on Debian or Raspberry Pi OS") from error
    found = list(folder.glob("*.deb"))
    if done.returncode or len(found) != 1:
        raise NurseryError(f"{package} cannot be downloaded ({done.stderr.strip()}); run apt-get update")
    return found[0]


def keep(archive: Path, package: str, split: str, out: Path) -> Iterator[dict[str, str]]:
    """Keep an archive's sounds, coded as the rest of the corpus is; yield a row of the manifest for each."""
    with TemporaryDirectory() as scratch:
        root = Path(scratch)
        subprocess.run(["dpkg-deb", "--extract", archive, root], check=True)
        for inner in [p for p in root.rglob("*") if p.suffix.lower() in ARCHIVES and p.is_file()]:
            with ZipFile(inner) as zipped:
                zipped.extractall(inner.with_suffix(""))
        paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
        paths = [p for p in paths if not any(word in p.stem.lower() for word in LEFT_OUT)]
        for number, path in enumerate(paths):
            try:
                samples = read(path)
            except soundfile.LibsndfileError as error:
                print(f"{package}: {path.name} is left out ({error})", file=sys.stderr)
                continue
            if len(samples) < SHORTEST_S * RATE_HZ or np.abs(samples).max() < SILENT:
                continue
            kept = out / package / f"{number:04d}_{path.stem}.opus"
            kept.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(kept, samples, RATE_HZ, format="OGG", subtype="OPUS")
            inside = path.relative_to(root).parent.as_posix().lower()
            music = "music" in inside or package.endswith("-music")
            yield {
                "path": kept.relative_to(out).as_posix(),
                "label": "music" if music else "other",
                "sublabel": "game_music" if music else "game",
                "source": f"{package} (Debian)",
                "group": f"{package}/{path.stem if music else inside}",
                "licence": f"free (Debian main): the copyright file of {package}",
                "duration_s": f"{len(samples) / RATE_HZ:.2f}",
                "split": split,
            }


def read(path: Path) -> NDArray[np.float32]:
    """The first 90 s of a sound file as mono at 16 kHz, -1..1."""
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        samples = file.read(rate * LONGEST_S, dtype="float32", always_2d=True).mean(axis=1)
    return np.asarray(soxr.resample(samples, rate, RATE_HZ), dtype=np.float32).clip(-1.0, 1.0)
