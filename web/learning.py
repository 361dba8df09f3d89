"""What has been taught, worked out beside the pages whenever the history changes."""

from contextlib import closing

from device.clock import Clock
from device.config import journal_path
from device.journal import JournalReader
from device.need_history import lessons
from device.quiet import family_zone
from device.settings import Config
from web.live import LiveMonitor
from web.parts import parts, revision
from web.taught import Taught, look
from web.work import Key, Result, Work


def work(config: Config, clock: Clock, live: LiveMonitor) -> Work[Taught]:
    """What the family has taught the ear that now listens, or that listened last."""
    zone = family_zone(config.nursery.time_zone)

    def version() -> str:
        known = live.now()
        return known.state.ears[0] if known.reachable and known.state is not None and known.state.ears else ""

    def key() -> Key:
        return (*revision(config), version(), int(clock.now().utc // 86_400))

    def make() -> Taught:
        with closing(JournalReader(journal_path(config))) as history:
            seen = lessons(history, clock.now().utc, zone)
        heard = [each.model_version for each in seen.examples if each.model_version]
        return look(seen, version() or (heard[-1] if heard else ""))

    return Work("what was learned", key, make)


def taught() -> Result[Taught]:
    """The last look at it.

    Raises:
        JournalError: the history cannot be read.
    """
    return parts().taught.look()
