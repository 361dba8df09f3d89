"""The inbox: in order, bounded, sound and everything else apart, and nobody waits once it is closed."""

import threading

import numpy as np

from device.audio import AudioBlock
from device.inbox import INBOX_BLOCKS, INBOX_EXTRA, Inbox
from tests.fakes import at

BLOCK = AudioBlock(np.zeros(160, np.float32), at(0))


def test_neither_sound_nor_commands_push_out_the_other() -> None:
    inbox = Inbox()
    assert [inbox.put(f"command {number}") for number in range(INBOX_EXTRA + 3)].count(True) == INBOX_EXTRA
    assert [inbox.put(BLOCK) for _ in range(INBOX_BLOCKS + 2)].count(True) == INBOX_BLOCKS
    assert inbox.dropped == 2
    assert inbox.get(0) == "command 0"
    assert not inbox.put(BLOCK) and inbox.put("one more")
    for number in range(1, INBOX_EXTRA):
        assert inbox.get(0) == f"command {number}"
    assert inbox.get(0) is BLOCK and inbox.put(BLOCK)


def test_whoever_waits_is_woken_by_room_by_news_and_by_the_end() -> None:
    inbox, taken = Inbox(), threading.Event()
    while inbox.put(BLOCK):
        pass

    def wait_for_room() -> None:
        inbox.put_wait(BLOCK)
        taken.set()

    waiter = threading.Thread(target=wait_for_room)
    waiter.start()
    assert inbox.get(1) is BLOCK
    assert taken.wait(5)
    waiters = [threading.Thread(target=lambda: inbox.put_wait(BLOCK)) for _ in range(2)]
    for each in waiters:
        each.start()
    inbox.close()
    for each in (waiter, *waiters):
        each.join(5)
        assert not each.is_alive()
    empty = Inbox()
    reader = threading.Thread(target=lambda: empty.get(60))
    reader.start()
    empty.close()
    reader.join(5)
    assert not reader.is_alive() and empty.closed and empty.get(0) is None
