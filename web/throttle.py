"""How often a password may be tried: a few times at once, then ever more slowly, and never "locked for good"."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

EACH_TRIES = 5
"""Wrong passwords in a row that one sender has at once."""
EACH_REFILL_S = 30.0
"""Time until it has one more."""
ALL_TRIES = 30
"""Wrong passwords that all unknown senders together have at once."""
ALL_REFILL_S = 10.0
REMEMBERED = 1000


@dataclass(slots=True)
class _Bucket:
    tries: float
    at_s: float


class Throttle:
    """A bucket of tries for each sender, and one for all senders that were never logged in.

    A device that has been logged in once is told apart from the others by its cookie and does not draw on the common
    bucket: whoever tries passwords from many addresses slows down strangers, never the family's own phones.
    """

    def __init__(self) -> None:
        """Begin with every bucket full."""
        self._lock = threading.Lock()
        self._each: OrderedDict[str, _Bucket] = OrderedDict()
        self._all = _Bucket(ALL_TRIES, 0.0)

    def wait_s(self, sender: str, *, known: bool, at_s: float) -> float:
        """Take one try for `sender`: 0 if there was one, else the seconds until there is. `at_s` is monotonic."""
        with self._lock:
            mine = self._mine(sender, at_s)
            waits = [] if mine.tries >= 1 else [(1 - mine.tries) * EACH_REFILL_S]
            if not known:
                _refill(self._all, at_s, ALL_TRIES, ALL_REFILL_S)
                waits += [] if self._all.tries >= 1 else [(1 - self._all.tries) * ALL_REFILL_S]
            if waits:
                return max(waits)
            mine.tries -= 1
            if not known:
                self._all.tries -= 1
            return 0.0

    def succeeded(self, sender: str, *, known: bool) -> None:
        """The password was right: forget the sender's mistakes and give the try back."""
        with self._lock:
            self._each.pop(sender, None)
            if not known:
                self._all.tries = min(ALL_TRIES, self._all.tries + 1)

    def _mine(self, sender: str, at_s: float) -> _Bucket:
        bucket = self._each.pop(sender, None) or _Bucket(EACH_TRIES, at_s)
        self._each[sender] = bucket
        while len(self._each) > REMEMBERED:
            self._each.popitem(last=False)
        _refill(bucket, at_s, EACH_TRIES, EACH_REFILL_S)
        return bucket


def _refill(bucket: _Bucket, at_s: float, most: int, refill_s: float) -> None:
    bucket.tries = min(most, bucket.tries + max(0.0, at_s - bucket.at_s) / refill_s)
    bucket.at_s = at_s


def sender_of(address: str) -> str:
    """One name for everything that one sender can call itself: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ip) if ip.is_link_local else f"{IPv6Address(int(ip) >> 64 << 64)}/64"
    return str(ip)
