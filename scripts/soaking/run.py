"""One soak from beginning to end, its table and its verdict."""

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.document import table

from device.errors import NurseryError
from device.journal import JournalReader
from soaking.house import House, every, until
from soaking.sounds import recording
from soaking.watch import Sample, growth, look, size_mb

ROWS = 12
"""Rows of the printed table."""

SAID = 5
"""Different lines of the monitor's log that are shown."""


@dataclass
class Soak:
    """What was seen."""

    title: str
    at: list[str] = field(default_factory=list)
    monitor: list[Sample] = field(default_factory=list)
    page: list[Sample] = field(default_factory=list)
    places: list[tuple[float, float, float]] = field(default_factory=list)
    ended: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def see(self, house: House, at: str) -> None:
        """Look at everything once."""
        self.at.append(at)
        self.monitor.append(look(house.processes["monitor"].pid))
        self.page.append(look(house.processes["page"].pid))
        data = house.data
        self.places.append((size_mb(data, "journal.db*"), size_mb(data / "clips"), size_mb(house.tmp)))


def live(folder: Path, minutes: float, say: Callable[[str], None]) -> Soak:
    """In real time, through a real capture."""
    soak = Soak(f"{minutes:g} minutes in real time, through PortAudio, ALSA and a sound server")
    turns = max(16, min(240, round(minutes * 6)))
    with House(folder) as house:
        recording(folder / "sound.wav", min(60.0, max(5.0, minutes)), seed=1)
        house.sink()
        house.broker()
        house.player(folder / "sound.wav")
        house.monitor()
        until(house.listening, 60.0, "the microphone")
        house.page()
        reader = house.reader(pause_s=0.5)
        begin = time.monotonic()
        for _ in every(minutes * 60 / turns, turns):
            soak.see(house, f"{(time.monotonic() - begin) / 60:.1f} min")
            say(line(soak))
        _end(soak, house, reader.answers, reader.failures)
        if not house.listening():
            soak.problems.append("the monitor does not listen at the end")
    return soak


def fast(folder: Path, hours: float, say: Callable[[str], None]) -> Soak:
    """Hours of a recording as fast as the monitor hears them, on the recording's own clock."""
    soak = Soak(f"{hours:g} hours of replayed sound, as fast as they go")
    with House(folder) as house:
        recording(folder / "sound.wav", min(60.0, max(10.0, hours * 60 / 4)), seed=2)
        house.broker()
        house.replaying(folder / "sound.wav")
        until(house.listening, 60.0, "the monitor")
        house.page()
        reader = house.reader(pause_s=0.05)  # its time goes faster, too
        begin, wall = house.heard_s(), time.monotonic()
        turns = max(16, min(96, round(hours * 4)))
        for turn in range(turns):
            until(lambda due=begin + (turn + 1) * hours * 3600 / turns: house.heard_s() >= due, 3600.0, "hearing")  # type: ignore[misc]
            soak.see(house, f"{(house.heard_s() - begin) / 3600:.2f} h")
            say(line(soak))
        soak.ended["times as fast as real time"] = (house.heard_s() - begin) / (time.monotonic() - wall)
        _end(soak, house, reader.answers, reader.failures)
    return soak


def _end(soak: Soak, house: House, answers: int, failures: list[str]) -> None:
    with JournalReader(house.data / "journal.db") as reader:
        soak.ended["episodes in the history"] = reader.count()
    said = house.lines("monitor")
    soak.ended["blocks dropped"] = sum(
        int(found.group(1)) for one in said if (found := re.search(r"dropped (\d+) blocks", one))
    )
    soak.ended["lines in the monitor's log"] = len(said)
    soak.said = sorted(set(said))[:SAID]
    soak.ended["alerts on the phone"] = sum(one.startswith("nursery/home/alert ") for one in house.lines("phone"))
    soak.ended["pages read"] = answers
    soak.ended["pages that failed"] = len(failures)
    if failures:
        soak.problems.append(f"{len(failures)} pages failed, the first: {failures[0]}")
    if not soak.ended["episodes in the history"] or not soak.ended["alerts on the phone"]:
        soak.problems.append("it heard no crying")
    if soak.ended["blocks dropped"]:
        soak.problems.append(f"{soak.ended['blocks dropped']:.0f} blocks were dropped")
    for name, samples in (("monitor", soak.monitor), ("page", soak.page)):
        soak.problems += [f"{name}: {one}" for one in growth(samples)]
    if max(place[2] for place in soak.places) > 1.0:
        soak.problems.append("temporary files pile up")


def line(soak: Soak) -> str:
    """The latest sample, in a line."""
    monitor, page = soak.monitor[-1], soak.page[-1]
    return (
        f"{soak.at[-1]}: monitor {monitor.rss_mb:.1f} MB, {monitor.files} files, {monitor.threads} threads; "
        f"page {page.rss_mb:.1f} MB, {page.files} files; journal {soak.places[-1][0]:.2f} MB"
    )


def text(soak: Soak) -> str:
    """The table, what was counted, and the verdict."""
    head = ["at", "RSS, MB", "PSS, MB", "files", "threads", "page RSS, MB", "page files", "journal, MB", "clips, MB",
            "written, MB", "/tmp, MB", "CPU, s"]  # fmt: skip
    step = max(1, len(soak.at) // ROWS)
    rows = []
    for i in sorted({*range(0, len(soak.at), step), len(soak.at) - 1}):
        one, page, (journal, clips, tmp) = soak.monitor[i], soak.page[i], soak.places[i]
        cells = [
            one.rss_mb,
            one.pss_mb,
            one.files,
            one.threads,
            page.rss_mb,
            page.files,
            journal,
            clips,
            one.written_mb,
            tmp,
        ]
        shown = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells]
        rows.append([soak.at[i], *shown, f"{one.cpu_s:.0f}"])
    counted = "; ".join(f"{name}: {value:.0f}" for name, value in soak.ended.items())
    verdict = "Flat: nothing grows." if not soak.problems else "NOT flat: " + "; ".join(soak.problems) + "."
    said = "".join(f"    {one}\n" for one in soak.said)
    log = f"The monitor's log says:\n\n{said}\n" if said else ""
    return f"### {soak.title}\n\n{table(head, rows)}\n\n{counted}.\n\n{log}{verdict}\n"


def soak(folder: Path, *, minutes: float | None, hours: float | None) -> list[Soak]:
    """Run what is asked for, one after the other."""

    def say(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    done = []
    for name, length, run in (("live", minutes, live), ("fast", hours, fast)):
        if length is not None:
            (folder / name).mkdir()
            try:
                done.append(run(folder / name, length, say))
            except (NurseryError, OSError) as error:
                logs = "".join(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in (folder / name).glob("*.log"))
                raise NurseryError(f"{error}\n{logs}") from error
    return done
