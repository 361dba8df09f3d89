"""Sounds of packages: what is kept of them, under which names, and what rings for them."""

import csv
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from device.audio import RATE_HZ
from device.errors import NurseryError

PACKAGE = "hide-and-seek-data"

packing = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs dpkg-deb, which Debian has")


def tone(seconds: float, rate_hz: int, hz: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz)).astype(np.float32)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A package of a game: a song in stereo at 44.1 kHz, a call at 8 kHz, silence, a click, and a file that is no sound."""
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
    subprocess.run(["dpkg-deb", "--build", root, tmp_path / f"{PACKAGE}.deb"], check=True, capture_output=True)
    return tmp_path / f"{PACKAGE}.deb"


@packing
def test_a_package_becomes_clips_with_rows(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from gathering.packages import keep

    call, song = sorted(keep(archive, PACKAGE, "test", tmp_path / "out"), key=lambda row: row["label"], reverse=True)
    assert (song["label"], song["sublabel"]) == ("music", "game_music")
    assert (call["label"], call["sublabel"]) == ("other", "game")
    assert call["source"] == f"{PACKAGE} (Debian)" and call["split"] == "test"
    assert song["duration_s"] == "90.00" and call["duration_s"] == "2.00"
    assert "torn.wav is left out" in capsys.readouterr().err
    for row, level in ((song, 0.25), (call, 0.5)):
        samples, rate = soundfile.read(tmp_path / "out" / row["path"])
        assert rate == RATE_HZ and samples.ndim == 1
        middle = samples[RATE_HZ // 2 : RATE_HZ * 3 // 2]
        assert np.argmax(np.abs(np.fft.rfft(middle))) == 440
        assert np.abs(middle).max() == pytest.approx(level, rel=0.15)


@packing
def test_a_folder_of_packages_is_a_corpus(archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from evaluation.corpus import Corpus
    from gathering import packages

    monkeypatch.setattr(packages, "download", lambda package, folder: archive)
    out = tmp_path / "out"
    assert list(packages.gather(out, {"test": (PACKAGE,)})) == [f"{PACKAGE}: 2 sounds, 1.5 minutes"]
    with (out / "manifest.csv").open(newline="") as file:
        assert [row["split"] for row in csv.DictReader(file)] == ["test", "test"]
    corpus = Corpus(out)
    assert sorted(clip.kind for clip in corpus.clips) == ["game", "music"] and all(clip.negative for clip in corpus.clips)
    assert len(corpus.samples(corpus.clips[0])) in (2 * RATE_HZ, 90 * RATE_HZ)


@packing
def test_what_rings_for_them_is_counted(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from evaluation.strangers import main
    from gathering import packages

    out = tmp_path / "out"
    rows = list(packages.keep(archive, PACKAGE, "test", out))
    with (out / "manifest.csv").open("w", newline="") as file:
        manifest = csv.DictWriter(file, packages.COLUMNS)
        manifest.writeheader()
        manifest.writerows(rows)
    assert main(["--sounds", str(out), "--ears", "ours,level"]) == 0
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
