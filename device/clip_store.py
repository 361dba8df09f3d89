"""Where recordings around episodes lie: one file per episode, with limits of bytes and age. No sound library needed."""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".flac"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording: its episode, its file, its size, and when it was made (Unix time)."""

    episode_id: str
    path: Path
    size_bytes: int
    made_utc: float


class ClipStore:
    """The folder `clips` of the data directory; readable by its owner and group alone."""

    def __init__(self, data_dir: Path) -> None:
        """Take the data directory; nothing is made yet."""
        self.folder = data_dir / "clips"

    def path(self, episode_id: str) -> Path | None:
        """The recording of an episode; None if there is none, or if that is no episode's id."""
        if not _ID.fullmatch(episode_id):
            return None
        path = self.folder / (episode_id + SUFFIX)
        return path if path.is_file() else None

    def clips(self) -> list[Clip]:
        """All recordings, oldest first."""
        clips = []
        for path in self.folder.glob("*" + SUFFIX):
            # Another process may delete one in the middle of this.
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                clips.append(Clip(path.name.removesuffix(SUFFIX), path, found.st_size, found.st_mtime))
        return sorted(clips, key=lambda clip: (clip.made_utc, clip.episode_id))

    def room(self, episode_id: str) -> tuple[Path, Path]:
        """Where to write an episode's recording, and what to rename it to once it is whole.

        Raises:
            ValueError: that is no episode's id.
            OSError: the folder cannot be made.
        """
        if not _ID.fullmatch(episode_id):
            raise ValueError(f"{episode_id!r} is no episode's id")
        self.folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        final = self.folder / (episode_id + SUFFIX)
        return self.folder / f".{final.name}.part", final

    def delete(self, episode_id: str) -> None:
        """Delete an episode's recording, if there is one."""
        path = self.path(episode_id)
        if path is not None:
            path.unlink(missing_ok=True)

    def prune(self, *, max_bytes: float, older_than_utc: float | None) -> list[Clip]:
        """Delete recordings made before `older_than_utc`, then the oldest ones above `max_bytes`; gives what was deleted."""
        for part in self.folder.glob(".*.part"):
            part.unlink(missing_ok=True)
        clips = self.clips()
        old = [clip for clip in clips if older_than_utc is not None and clip.made_utc < older_than_utc]
        kept = clips[len(old) :]
        total = sum(clip.size_bytes for clip in kept)
        while kept and total > max_bytes:
            old.append(kept.pop(0))
            total -= old[-1].size_bytes
        for clip in old:
            clip.path.unlink(missing_ok=True)
        return old


def finish(part: Path, final: Path) -> None:
    """Put a recording that is whole in its place, so that nobody ever sees half of one."""
    os.chmod(part, 0o640)
    os.replace(part, final)
