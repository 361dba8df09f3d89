"""What is worked out beside the pages: never shown as of now when it is not, and never lost to an error."""

import threading
from collections.abc import Iterator

import pytest

from device.errors import JournalError
from tests.fakes_web import until
from web.work import Key, Work


class History:
    """Something that changes, and takes its time to be worked out."""

    def __init__(self) -> None:
        self.version = 0
        self.ready = threading.Event()
        self.ready.set()
        self.problem: Exception | None = None
        self.made = 0

    def key(self) -> Key:
        return (self.version,)

    def make(self) -> str:
        version = self.version
        assert self.ready.wait(20)
        self.made += 1
        if self.problem is not None:
            raise self.problem
        return f"as of {version}"


@pytest.fixture
def history() -> History:
    return History()


@pytest.fixture
def work(history: History) -> Iterator[Work[str]]:
    work = Work("a test", history.key, history.make)
    yield work
    history.ready.set()
    work.close()


def test_before_it_is_started_whoever_looks_gets_the_present(history: History, work: Work[str]) -> None:
    assert (work.look().value, work.look().current, history.made) == ("as of 0", True, 1)
    history.version = 1
    assert (work.look().value, work.look().current, history.made) == ("as of 1", True, 2)


def test_after_a_change_the_last_result_is_told_as_such_and_the_next_follows(history: History, work: Work[str]) -> None:
    work.start()
    assert work.look().value == "as of 0"
    history.ready.clear()
    history.version = 1
    found, turn = work.look(), work.turn
    assert (found.value, found.current) == ("as of 0", False)
    history.ready.set()
    work.begin()
    until(lambda: work.look().current)
    assert work.look().value == "as of 1"
    assert work.turn > turn, "pages that were too early are told to look again"


def test_nobody_needs_to_look(history: History, work: Work[str]) -> None:
    work.start()
    until(lambda: history.made == 1)
    history.version = 1
    until(lambda: history.made == 2)
    assert work.look().current


def test_an_error_is_told_and_the_next_look_tries_again(history: History, work: Work[str]) -> None:
    history.problem = JournalError("There is no history yet.")
    work.start()
    with pytest.raises(JournalError, match="no history"):
        work.look()
    history.problem = None

    def well() -> bool:
        try:
            return work.look().current
        except JournalError:
            return False

    until(well)


def test_a_mistake_in_it_is_logged_and_ends_nothing(
    history: History, work: Work[str], caplog: pytest.LogCaptureFixture
) -> None:
    history.problem = KeyError("a bug")
    work.start()
    with pytest.raises(KeyError):
        work.look()
    assert "cannot work out a test" in caplog.text
    history.problem = None
    history.version = 1
    until(lambda: history.made >= 2)
