"""Small files written whole or not at all, for what must survive a power cut."""

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Put `text` in the place of whatever `path` held, readable by its owner alone.

    Raises:
        OSError: it cannot be written; what was there before is untouched.
    """
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
