"""Memory, sparingly: what is free is given back, and who is to go first if there is none left in 512 MB."""

import contextlib
import ctypes
import os
import sys
import threading
from pathlib import Path

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of mallopt(3), from glibc's malloc.h."""

LARGE_BYTES = 64 * 1024
"""Larger pieces are mapped one by one and given back when freed: loading the model leaves some 25 MB of holes otherwise."""

ARENAS = 2
"""By default each thread may get a heap of its own, and what one has freed serves no other."""


def spare() -> bool:
    """Tell malloc to give back what is free; False where it is not glibc's. To be called before threads are started."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    wishes = ((_MMAP_THRESHOLD, LARGE_BYTES), (_TRIM_THRESHOLD, 2 * LARGE_BYTES), (_ARENA_MAX, ARENAS))
    return all([mallopt(parameter, value) for parameter, value in wishes])


def give_back() -> None:
    """Give back at once what is free between pieces that are in use, after work that took much for a short time."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def expendable() -> None:
    """Have the kernel end this process before others if memory runs out: somebody starts it again."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")


def end_without() -> None:
    """Have a thread that finds no memory end the whole process, at once: a new one starts within seconds and has some.

    A thread that died alone would leave a monitor that looks alive and is deaf. Nothing is tidied up, for that would need
    memory too; the journal bears it as it bears a power cut.
    """
    usual = threading.excepthook

    def hook(why: threading.ExceptHookArgs) -> None:
        with contextlib.suppress(MemoryError):
            usual(why)
        if issubclass(why.exc_type, MemoryError):
            with contextlib.suppress(MemoryError, OSError):
                sys.stderr.flush()
            os._exit(_NO_MEMORY)

    threading.excepthook = hook


_NO_MEMORY = 71
"""Exit status: EX_OSERR of sysexits.h."""
