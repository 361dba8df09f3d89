"""Sounds of packages: what is kept of them, under which names, and what rings for them."""

import csv
import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
import soundfile

from device.audio import RATE_HZ
from device.errors import NurseryError

PACKAGE = "hide-and-seek-data"
SOUNDS = 3
"""Of the archive's files those that are kept."""

packing = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb, which Debian has")


def tone(seconds: float, rate_hz: int, hz: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)).astype(np.float32)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A package of a game: a song in stereo at 44.1 kHz, a call at 8 kHz, silence, a click, a baby, a file that
    is no sound, and a shout in an archive of its own."""
    root = tmp_path / "package"
    (root / "DEBIAN").mkdir(parents=True)
    about = f"Package: {PACKAGE}\nVersion: 1\nArchitecture: all\nMaintainer: A B <a@example.org>\nDescription: a game\n"
    (root / "DEBIAN" / "control").write_text(about)
    game = root / "usr" / "share" / "games"
    (game / "music").mkdir(parents=True)
    (game / "calls").mkdir()
    song = tone(92, 44_100, 440)
    soundfile.write(game / "music" / "song.flac", np.stack([song, 0 * song], axis=1), 44_100)
    soundfile.write(game / "calls" / "call.wav", tone(2, 8_000, 440), 8_000)
    soundfile.write(game / "calls" / "click.wav", tone(0.05, 8_000, 440), 8_000)
    soundfile.write(game / "calls" / "nothing.wav", np.zeros(8_000), 8_000)
    (game / "calls" / "torn.wav").write_bytes(b"RIFF")
    soundfile.write(game / "calls" / "BabyCry.wav", tone(2, 8_000, 440), 8_000)
    soundfile.write(tmp_path / "shout.ogg", tone(1, 22_050, 880), 22_050)
    with ZipFile(game / "data.pk3", "w") as zipped:
        zipped.write(tmp_path / "shout.ogg", "player/shout.ogg")
    subprocess.run(["dpkg-deb", "--build", root, tmp_path / f"{PACKAGE}.deb"], check=True, capture_output=True)
    return tmp_path / f"{PACKAGE}.deb"


@packing
def test_a_package_becomes_clips_with_rows(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gathering.packages import keep

    call, shout, song = keep(archive, PACKAGE, "test", tmp_path / "out")
    assert (song["label"], song["sublabel"]) == ("music", "game_music")
    assert (call["label"], call["sublabel"]) == ("other", "game")
    assert call["source"] == f"{PACKAGE} (Debian)" and call["split"] == "test"
    assert song["duration_s"] == "90.00" and call["duration_s"] == "2.00"
    assert shout["path"].endswith("shout.opus") and shout["group"] == f"{PACKAGE}/usr/share/games/data/player"
    assert "torn.wav is left out" in capsys.readouterr().err
    for row, level in ((song, 0.25), (call, 0.5)):
        samples, rate = soundfile.read(tmp_path / "out" / row["path"])
        assert rate == RATE_HZ and samples.ndim == 1
        middle = samples[RATE_HZ // 2 : RATE_HZ * 3 // 2]
        assert np.argmax(np.abs(np.fft.rfft(middle))) == 440
        assert np.abs(middle).max() == pytest.approx(level, rel=0.15)


@pytest.fixture
def gathered(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is gathered from that package alone."""
    from gathering import packages

    monkeypatch.setattr(packages, "download", lambda package, folder: archive)
    out = tmp_path / "out"
    assert list(packages.gather(out, {"test": (PACKAGE,)})) == [f"{PACKAGE}: {SOUNDS} sounds, 1.6 minutes"]
    return out


@packing
def test_a_folder_of_packages_is_a_corpus(gathered: Path) -> None:
    from evaluation.corpus import Corpus

    with (gathered / "manifest.csv").open(newline="") as file:
        assert [row["split"] for row in csv.DictReader(file)] == ["test"] * SOUNDS
    corpus = Corpus(gathered)
    assert sorted(clip.kind for clip in corpus.clips) == ["game", "game", "music"] and all(
        clip.negative for clip in corpus.clips
    )
    assert sorted(len(corpus.samples(clip)) / RATE_HZ for clip in corpus.clips) == [1, 2, 90]


@packing
def test_what_rings_for_them_is_counted(gathered: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from evaluation.strangers import main

    assert main(["--sounds", str(gathered), "--ears", "ours,level"]) == 0
    told = capsys.readouterr().out
    together = next(line for line in told.splitlines() if line.startswith("| together, as recorded"))
    ours, level = (cell.strip().split()[0] for cell in together.split("|")[3:5])
    assert float(level) > 0 and ours == "0.00", together


def test_a_missing_folder_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from evaluation.strangers import main

    assert main(["--sounds", str(tmp_path), "--ears", "level"]) == 2
    assert "no corpus here" in capsys.readouterr().err


def test_no_package_is_in_both_splits() -> None:
    from gathering.packages import SPLITS

    assert not set(SPLITS["train"]) & set(SPLITS["test"])


def test_without_apt_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gathering.packages import download

    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NurseryError, match="on Debian or Raspberry Pi OS"):
        download(PACKAGE, tmp_path)
