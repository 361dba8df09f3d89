"""Back from a newer version of the program, with what was heard meanwhile."""

from dataclasses import dataclass
from pathlib import Path

from device.clock import Clock, SystemClock
from device.journal_backup import check_backup, must_rest, restore, swap_in
from device.journal_reader import JournalReader
from device.journal_salvage import gather
from device.journal_schema import explained


@dataclass(frozen=True, slots=True)
class Returned:
    """How a return went: episodes carried over that the backup did not have, and where the newer journal now lies."""

    carried: int
    aside: Path | None


def go_back(backup: Path, path: Path, *, clock: Clock | None = None) -> Returned:
    """Put a journal that this version can read in the place of the one at `path`, which a newer version has written.

    It holds all that this version understands of the newer journal, and what only the `backup` of before has; rows of kinds
    that it does not know stay in the newer file, which is kept aside. Alerts that still wait are told late, not lost.

    Raises:
        JournalError: the backup is damaged or of a newer version itself, or the monitor runs; nothing is changed.
    """
    if not path.exists():
        return Returned(0, restore(backup, path, clock=clock))
    check_backup(backup)
    must_rest(path)
    with JournalReader(backup) as reader:
        before = reader.count()
    new = path.with_name(path.name + ".returned")
    with explained(new):
        count = gather((path, backup), new)
    new.chmod(0o600)
    return Returned(max(0, count - before), swap_in(new, path, (clock or SystemClock()).now().utc))
