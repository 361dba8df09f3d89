"""Push messages to a real HTTP server on loopback: what is sent, tried again, given up, and never waited for."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from email.header import decode_header, make_header
from typing import Any

import pytest

from device.clock import Clock, SystemClock
from device.errors import ConfigError
from device.events import (
    EpisodeAcknowledged,
    EpisodeAlerted,
    EpisodeEscalated,
    EpisodeStarted,
    EpisodeTagged,
    Event,
    FaultCleared,
    FaultRaised,
    MicLost,
    MicRestored,
    Tested,
)
from device.push import Push
from device.push_queue import WAITING, Message, PushQueue
from device.record import Mark
from device.settings import AlertSettings, NurserySettings, PushSettings
from device.sinks import MonitorState, Trouble
from device.texts import line
from device.vocabulary import Mic, Source
from tests.fakes import START, FakeClock
from tests.fakes_mqtt import free_port, wait_for
from tests.test_mqtt import an_episode


class Server:
    """Takes posts and answers with `status`; it is slow while `open` is not set. `asked` counts what has come so far."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict[str, str], str]] = []
        self.taken: list[str] = []
        self.asked = 0
        self.status = 200
        self.open = threading.Event()
        self.open.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.asked += 1
                outer.open.wait(10.0)
                outer.posts.append((self.path, dict(self.headers.items()), body))
                if outer.status == 200:
                    outer.taken.append(body)
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/our-topic"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


class Pusher:
    def __init__(
        self,
        url: str,
        *,
        max_age_s: float = 120.0,
        nursery: NurserySettings | None = None,
        clock: Clock | None = None,
        retry_s: float = 0.02,
        longest_wait_s: float = 0.1,
        **settings: Any,
    ) -> None:
        self.clock = clock or SystemClock()
        self.items: list[object] = []
        self.push = Push(
            settings=PushSettings(url=url, **settings),
            nursery=nursery or NurserySettings(),
            alerts=AlertSettings(alert_max_age_s=max_age_s),
            clock=self.clock,
            acknowledge_key="c0ffee",
            retry_s=retry_s,
            longest_wait_s=longest_wait_s,
        )

    def __enter__(self) -> "Pusher":
        self.push.start(self.items.append)
        return self

    def __exit__(self, *_: object) -> None:
        self.push.close()
        self.push.close()

    def alert(self, age_s: float = 0.0, **changes: Any) -> EpisodeAlerted:
        now = self.clock.now().plus(-age_s)
        return EpisodeAlerted(now, an_episode(now, **changes))


def test_an_alert_rings_and_can_be_answered(server: Server) -> None:
    with Pusher(server.url, token="secret", acknowledge_url="https://nursery.local:8080/") as pusher:
        pusher.push.handle(pusher.alert())
        wait_for(lambda: server.posts)
    path, headers, body = server.posts[0]
    assert path == "/our-topic"
    assert body == "Baby crying hard for 40 s, perhaps hungry"
    assert headers["Title"] == "Nursery" and headers["Priority"] == "5"
    assert headers["Authorization"] == "Bearer secret"
    assert json.loads(headers["Actions"]) == [
        {
            "action": "http",
            "label": "On my way",
            "url": "https://nursery.local:8080/push/c0ffee/acknowledge",
            "method": "POST",
            "clear": True,
        }
    ]


def test_other_languages_and_names(server: Server) -> None:
    with Pusher(server.url, nursery=NurserySettings(name="Zoës Zimmer", language="de")) as pusher:
        pusher.push.handle(MicLost(pusher.clock.now(), "Unplugged."))
        wait_for(lambda: server.posts)
    _, headers, body = server.posts[0]
    assert str(make_header(decode_header(headers["Title"]))) == "Zoës Zimmer"
    assert body == "Das Babyfon hört nichts mehr: Bitte einstecken; das Zuhören beginnt dann von selbst."
    assert "Actions" not in headers and "Authorization" not in headers and headers["Priority"] == "4"


def test_how_loud_each_event_is(server: Server) -> None:
    with Pusher(server.url) as pusher:
        now = pusher.clock.now()
        alert = pusher.alert()
        coming = replace(alert.episode, acknowledged=Mark(9.0, Source.MQTT, "Ana"))
        events: list[tuple[Event, str]] = [
            (EpisodeStarted(now, alert.episode), ""),
            (MicRestored(now), ""),  # nothing was said to be lost
            (alert, "5"),
            (replace(alert, quiet=True), "2"),
            (EpisodeEscalated(now, alert.episode), "5"),
            (MicLost(now, "x"), "4"),
            (FaultRaised(now, "x", code="mic_lost"), ""),
            (MicRestored(now), "3"),
            (FaultRaised(now, "x", code="broker_down"), "4"),
            (FaultCleared(now, "x", code="broker_down"), "3"),
            (FaultRaised(now, "x", code="push"), ""),
            (FaultCleared(now, "x", code="push"), ""),
            (Tested(now, "x"), "3"),
            (EpisodeAcknowledged(now, coming), "2"),
        ]
        told: list[str] = []
        for event, priority in events:
            pusher.push.handle(event)
            pusher.push.update(MonitorState(now, Mic.OK))
            if priority:
                told.append(priority)
                wait_for(lambda: len(server.posts) == len(told))
    assert [headers["Priority"] for _, headers, _ in server.posts] == told
    assert server.posts[-1][2] == "Ana is on the way"


def test_off_by_default() -> None:
    threads = threading.active_count()
    with Pusher("") as pusher:
        pusher.push.handle(pusher.alert())
        assert threading.active_count() == threads


def test_a_server_that_fails_is_tried_again_and_said_once(server: Server) -> None:
    server.status = 503
    with Pusher(server.url) as pusher:
        pusher.push.handle(pusher.alert())
        wait_for(lambda: len(server.posts) >= 3)
        assert [item.code for item in pusher.items if isinstance(item, Trouble)] == ["push"]
        server.status = 200
        wait_for(lambda: len(pusher.items) == 2)
        last = pusher.items[-1]
        assert isinstance(last, Trouble) and not last.standing
        count = len(server.posts)
        pusher.push.handle(Tested(pusher.clock.now(), "x"))
        wait_for(lambda: len(server.posts) == count + 1)


def test_a_refusal_is_not_tried_again_and_the_secret_address_is_not_said(server: Server) -> None:
    server.status = 403
    with Pusher(server.url) as pusher:
        pusher.push.handle(pusher.alert())
        wait_for(lambda: pusher.items)
        trouble = pusher.items[0]
        assert isinstance(trouble, Trouble)
        assert trouble.text == "The push server refused the message (403); check push.url and push.token."
        assert server.url not in trouble.text
        server.status = 200
        pusher.push.handle(Tested(pusher.clock.now(), "x"))
        wait_for(lambda: len(server.posts) == 2)


def test_an_unreachable_server_gives_up_old_alerts() -> None:
    with Pusher(f"http://127.0.0.1:{free_port()}/t", max_age_s=0.3) as pusher:
        pusher.push.handle(pusher.alert())
        wait_for(lambda: pusher.items)
        trouble = pusher.items[0]
        assert isinstance(trouble, Trouble) and "cannot be reached" in trouble.text
        begun = time.monotonic()
        pusher.push.close()
        assert time.monotonic() - begun < 2.0


@pytest.mark.parametrize(
    ("begins", "ends"),
    [
        (MicLost(START, "unplugged"), MicRestored(START.plus(600.0))),
        (FaultRaised(START, "x", code="disk_low"), FaultCleared(START.plus(600.0), "x", code="disk_low")),
    ],
)
def test_a_fault_that_still_stands_is_told_however_late_and_so_is_its_end(
    server: Server, begins: Event, ends: Event
) -> None:
    server.status = 503
    clock = FakeClock()
    with Pusher(server.url, clock=clock) as pusher:
        pusher.push.handle(begins)
        wait_for(lambda: server.posts)
        clock.advance(600.0)
        tried = len(server.posts)
        wait_for(lambda: len(server.posts) > tried + 1, what="it is tried on")
        server.status = 200
        wait_for(lambda: len(server.taken) == 1)
        server.status = 503
        tried = len(server.posts)
        pusher.push.handle(ends)
        wait_for(lambda: len(server.posts) > tried)
        clock.advance(900.0)
        tried = len(server.posts)
        wait_for(lambda: len(server.posts) > tried + 1)
        server.status = 200
        wait_for(lambda: len(server.taken) == 2)
    assert server.taken == [line(begins), line(ends)]


def test_a_fault_that_is_over_before_it_could_be_told_is_not_told_nor_its_end(server: Server) -> None:
    server.status = 503
    with Pusher(server.url, retry_s=60.0) as pusher:
        now = pusher.clock.now()
        pusher.push.handle(MicLost(now, "x"))
        wait_for(lambda: pusher.items)
        pusher.push.handle(MicRestored(now))
        server.status = 200
        pusher.push.handle(Tested(now, "x"))
        pusher.push.handle(pusher.alert())
        wait_for(lambda: len(server.taken) == 2)
    assert server.taken[0].startswith("Baby crying")
    assert server.taken[1] == line(Tested(now, "x"))


def test_a_fault_that_ends_while_it_is_being_told_has_its_end_told_too(server: Server) -> None:
    server.open.clear()
    with Pusher(server.url) as pusher:
        now = pusher.clock.now()
        pusher.push.handle(MicLost(now, "x"))
        wait_for(lambda: server.asked)
        pusher.push.handle(MicRestored(now))
        server.open.set()
        wait_for(lambda: len(server.taken) == 2)
    assert server.taken == [line(MicLost(now, "x")), line(MicRestored(now))]


def test_a_cry_does_not_wait_for_what_matters_less(server: Server) -> None:
    server.status = 503
    with Pusher(server.url, retry_s=60.0, longest_wait_s=60.0) as pusher:
        pusher.push.handle(FaultRaised(pusher.clock.now(), "x", code="disk_low"))
        wait_for(lambda: pusher.items)
        server.status = 200
        pusher.push.handle(pusher.alert())
        wait_for(lambda: len(server.taken) == 2)
    assert server.taken[0].startswith("Baby crying")


def test_the_wait_between_two_tries_stays_short(server: Server) -> None:
    server.status = 503
    with Pusher(server.url) as pusher:
        pusher.push.handle(pusher.alert())
        wait_for(lambda: len(server.posts) >= 14, what="doubled each time, that would take minutes")


def test_a_server_that_hangs_does_not_hold_up_the_stop(server: Server) -> None:
    server.open.clear()
    with Pusher(server.url) as pusher:
        pusher.push.handle(pusher.alert())
        wait_for(lambda: server.asked)
        begun = time.monotonic()
        pusher.push.close()
        assert time.monotonic() - begun < 4.0
        server.open.set()


def test_too_many_messages_cost_the_oldest_of_the_least_loud() -> None:
    waiting, now = PushQueue(), START
    cry, late = Message(Tested(now, "cry"), 5), Message(Tested(now, "late"), 2)
    minor = [Message(Tested(now, f"{number}"), 3) for number in range(WAITING - 1)]
    assert [waiting.put(each) for each in (cry, *minor)] == [None] * WAITING
    assert waiting.put(late) is late
    loud = [Message(Tested(now, f"{number}"), 5) for number in range(WAITING)]
    assert [waiting.put(each) for each in loud] == [*minor, cry]
    assert waiting.first() is loud[0]


def test_old_and_answered_alerts_do_not_ring(server: Server) -> None:
    with Pusher(server.url) as pusher:
        pusher.push.handle(pusher.alert(age_s=121.0))
        server.open.clear()
        pusher.push.handle(Tested(pusher.clock.now(), "first"))  # holds the line
        wait_for(lambda: server.asked)
        alert = pusher.alert()
        pusher.push.handle(alert)
        pusher.push.handle(EpisodeAcknowledged(alert.at, replace(alert.episode, acknowledged=Mark(9.0, Source.MQTT))))
        server.open.set()
        wait_for(lambda: len(server.posts) == 2)
    assert [body for _, _, body in server.posts] == ["Test alert: everything works", "Somebody is on the way"]


def test_a_reminder_rings_although_somebody_is_on_the_way(server: Server) -> None:
    with Pusher(server.url) as pusher:
        alert = pusher.alert()
        coming = replace(alert.episode, acknowledged=Mark(9.0, Source.MQTT))
        pusher.push.handle(EpisodeAcknowledged(alert.at, coming))
        wait_for(lambda: server.posts)
        pusher.push.handle(EpisodeEscalated(alert.at.plus(0.1), coming, level=1, reminder=True))
        wait_for(lambda: len(server.posts) == 2)
    assert server.posts[1][1]["Priority"] == "5"


def test_what_was_said_to_be_no_crying_does_not_ring_until_that_is_taken_back(server: Server) -> None:
    with Pusher(server.url) as pusher:
        server.open.clear()
        pusher.push.handle(Tested(pusher.clock.now(), "first"))  # holds the line
        wait_for(lambda: server.asked)
        alert = pusher.alert()
        pusher.push.handle(alert)
        pusher.push.handle(EpisodeTagged(alert.at.plus(0.1), replace(alert.episode, not_crying=True)))
        pusher.push.handle(EpisodeTagged(alert.at.plus(0.2), alert.episode))
        pusher.push.handle(EpisodeEscalated(alert.at.plus(0.3), alert.episode, level=2))
        server.open.set()
        wait_for(lambda: len(server.posts) == 2)
    assert [headers["Priority"] for _, headers, _ in server.posts] == ["3", "5"]


def test_a_slow_server_never_holds_up_the_monitor(server: Server) -> None:
    server.open.clear()
    with Pusher(server.url) as pusher:
        begun = time.monotonic()
        for _ in range(10 * WAITING):
            pusher.push.handle(pusher.alert())
        assert time.monotonic() - begun < 1.0
        server.open.set()
        wait_for(lambda: len(server.posts) >= WAITING)
        last = server.posts[-1]
    assert len(server.posts) <= WAITING + 2, "the oldest were given up"
    assert last[2].startswith("Baby crying")


def test_only_http_is_posted_to() -> None:
    with pytest.raises(ConfigError, match="push.url must begin with https://"):
        Pusher("file:///etc/passwd")
