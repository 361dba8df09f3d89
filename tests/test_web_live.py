"""The page follows the real monitor over its real socket: news, staleness, coming back; and the real server and TLS."""

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trustme
from flask.testing import FlaskClient

from device.clock import Instant, SystemClock
from device.config import journal_path, socket_path
from device.errors import CommandError, ControlError, NurseryError
from device.inputs import AudioLost, AudioRestored, Response
from device.journal import JournalReader
from device.payloads import iso, settings_payload
from device.quiet import family_zone
from device.settings import Config
from device.sinks import MonitorState
from device.vocabulary import Kind, Mic, Source
from tests.fakes_web import PASSWORD, House, app_for, fill, log_in, remember_password, serving, settings, until, year
from web.live import Live, LiveMonitor
from web.moment import now
from web.words import Words

WORDS = Words("en", family_zone("UTC"))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    remember_password(tmp_path)
    house = House(settings(tmp_path))
    house.start()
    yield house
    house.close()


@pytest.fixture
def live(house: House) -> Iterator[LiveMonitor]:
    live = LiveMonitor(socket_path(house.config), SystemClock())
    live.start()
    until(lambda: live.now().reachable)
    yield live
    live.close()


def kind(live: LiveMonitor) -> str:
    return now(live.now(), WORDS).kind


def opened(house: House) -> tuple[FlaskClient, LiveMonitor, str]:
    """A page that follows the house, logged in: its client, what it follows, the client's token."""
    client, live = app_for(house.config)
    live.start()
    until(lambda: live.now().reachable)
    return client, live, log_in(client)


# ---- following ----


def test_every_state_is_told_in_its_words(house: House, live: LiveMonitor) -> None:
    until(lambda: kind(live) == "listening")
    house.hear(20, 0.95, 0.9)
    until(lambda: kind(live) == "crying")
    said = now(live.now(), WORDS)
    assert (said.title, said.detail, said.answer, said.answered) == ("Crying", "It sounds very upset.", True, False)
    live.ask("acknowledge", {"caregiver": "Ben"})
    until(lambda: now(live.now(), WORDS).title == "Ben is on the way")
    live.ask("arrived", {"caregiver": "Ana"})
    until(lambda: now(live.now(), WORDS).title == "Ana is there")
    house.hear(90, 0.0)
    until(lambda: kind(live) == "calm")
    assert now(live.now(), WORDS).ask
    house.take(AudioLost(house.clock.now(), "Unplugged."))
    until(lambda: kind(live) == "lost")
    house.take(AudioLost(house.clock.now(), "Flat.", Mic.SILENT))
    until(lambda: kind(live) == "silent")


def test_quiet_is_never_claimed_of_a_time_in_which_nobody_listened(house: House, live: LiveMonitor) -> None:
    began = house.clock.now().utc

    def quiet_since() -> float:
        said = now(live.now(), WORDS)
        return said.since_utc or 0.0 if said.kind == "listening" else 0.0

    until(lambda: abs(quiet_since() - began) < 5)
    house.hear(20, 0.95)
    house.hear(2000, 0.0)
    cried = house.state.last
    assert cried is not None and cried.offset is not None
    ended_utc = cried.offset.utc
    until(lambda: quiet_since() == ended_utc)
    house.take(AudioLost(house.clock.now(), "Unplugged."))
    until(lambda: kind(live) == "lost")
    house.clock.lag_s -= 600
    back = house.clock.now()
    house.take(AudioRestored(back, "USB microphone"))
    until(lambda: abs(quiet_since() - back.utc) < 5)
    house.take(AudioRestored(house.clock.now().plus(60), "USB microphone"))
    assert house.state.listening_since == back, "it was never away"


def test_that_no_phone_would_hear_an_alert_is_said(house: House) -> None:
    state = MonitorState(Instant(1000.0, 1_760_000_000.0), Mic.OK)
    said = [now(Live(replace(state, listeners=n), reachable=True), WORDS).unheard for n in (None, 0, 2)]
    assert said == [False, True, False]
    client, live, _ = opened(house)
    assert "No phone is connected" not in client.get("/").text, "with a broker of its own nobody knows"
    live.close()


def test_a_mute_from_before_the_clock_was_right_is_shown_while_it_holds() -> None:
    at = Instant(1000.0, 1_760_000_000.0)
    yesterday = Instant(1600.0, at.utc - 86400 + 600, synced=False)
    said = now(Live(MonitorState(at, Mic.OK, muted_until=yesterday), reachable=True, age_s=2.0), WORDS)
    assert said.muted_until_utc == at.utc + 600
    over = MonitorState(at.plus(700), Mic.OK, muted_until=yesterday)
    assert now(Live(over, reachable=True), WORDS).muted_until_utc is None
    assert settings_payload(MonitorState(at, Mic.OK, muted_until=yesterday))["muted_until"] == iso(at.plus(600))


def test_not_crying_is_shown_while_it_goes_on_and_can_be_taken_back(house: House) -> None:
    client, live, token = opened(house)
    house.hear(20, 0.95)
    until(lambda: kind(live) == "crying")
    assert house.state.episode is not None
    page, pressed = f"/episode/{house.state.episode.id}", 'id="need-not_crying" aria-pressed="true"'
    assert pressed not in client.get(page).text

    client.post(f"{page}/need", data={"csrf": token, "need": "not_crying"})
    until(lambda: kind(live) == "calm")
    assert now(live.now(), WORDS).title == "Somebody said: not crying"
    shown = client.get("/").text
    assert pressed in shown
    assert ">Undo</button>" in shown
    shown = client.get(page).text
    assert pressed in shown
    assert "Take back what was said" in shown

    client.post("/history/undo", data={"csrf": token})
    until(lambda: kind(live) == "crying")
    assert pressed not in client.get(page).text
    client.post(f"{page}/need", data={"csrf": token, "need": "not_crying"})
    until(lambda: kind(live) == "calm")
    client.post(f"{page}/untag", data={"csrf": token})
    until(lambda: kind(live) == "crying")
    live.close()


def test_what_helped_can_be_taken_off_and_the_rest_stays_said(house: House) -> None:
    client, live, token = opened(house)
    house.hear(20, 0.95)
    house.hear(80, 0.0)
    assert house.state.last is not None
    page = f"/episode/{house.state.last.id}"
    for path, said in (("need", "not_crying"), ("helped", "feed"), ("helped", "feed")):
        client.post(f"{page}/{path}", data={"csrf": token, path: said})
    until(lambda: house.state.last is not None and not house.state.last.helped)
    until(lambda: 'id="need-not_crying" aria-pressed="true"' in client.get(page).text)
    live.close()


def test_a_correction_needs_a_time_and_one_that_can_be(house: House) -> None:
    client, live, token = opened(house)
    house.hear(20, 0.95)
    house.hear(80, 0.0)
    assert house.state.last is not None
    page = f"/episode/{house.state.last.id}"
    assert 'name="minutes" inputmode="numeric" min="0" max="600" value=""' in client.get(page).text
    assert client.post(f"{page}/arrive", data={"csrf": token, "minutes": "", "seconds": ""}).status_code == 400
    refused = client.post(f"{page}/arrive", data={"csrf": token, "minutes": "590"}, follow_redirects=True)
    assert "That lies in the future. Nothing was changed." in refused.text
    assert house.state.last.arrived is None
    client.post(f"{page}/arrive", data={"csrf": token, "seconds": "12"})
    until(lambda: house.state.last is not None and house.state.last.arrived is not None)
    assert "The last change: when somebody was there, for the episode of" in client.get("/history").text
    undone = client.post("/history/undo", data={"csrf": token, "back": page}, follow_redirects=True)
    assert undone.request.path == page and "The last change is taken back." in undone.text
    assert client.post("/history/undo", data={"csrf": token, "back": "//elsewhere"}).location == "/history"
    live.close()


def test_without_a_microphone_all_is_not_well(house: House) -> None:
    client, live, _ = opened(house)
    assert "All is well." in client.get("/health").text
    house.take(AudioLost(house.clock.now(), "Unplugged."))
    until(lambda: kind(live) == "lost")
    assert "All is well." not in client.get("/health").text
    live.close()


@pytest.mark.parametrize(("source", "sign"), [(Source.VOICE, "A voice was heard."), (Source.MOTION, "Something moved.")])
def test_an_inferred_arrival_is_said_as_such(house: House, live: LiveMonitor, source: Source, sign: str) -> None:
    house.hear(20, 0.95)
    house.take(Response(house.clock.now(), Kind.ARRIVE, source))
    until(lambda: kind(live) == "there")
    said = now(live.now(), WORDS)
    assert said.title == "Somebody seems to be there" and said.detail.endswith(sign)
    assert said.answer


def test_silence_of_the_monitor_is_stale_and_it_comes_back(house: House, live: LiveMonitor) -> None:
    house.stop()
    until(lambda: kind(live) == "unreachable")
    assert "last heard from" in now(live.now(), WORDS).detail
    with pytest.raises(ControlError, match="does not answer"):
        live.send("arrived", {})
    house.start()
    until(lambda: kind(live) == "listening")


def test_a_refusal_is_told_with_its_sentence(live: LiveMonitor) -> None:
    with pytest.raises(CommandError, match="minutes"):
        live.send("mute", {"minutes": "soon"})


def test_muting_is_shown(live: LiveMonitor) -> None:
    live.ask("mute", {"minutes": 30})
    until(lambda: now(live.now(), WORDS).muted_until_utc is not None)
    live.ask("mute", {"minutes": 0})
    until(lambda: now(live.now(), WORDS).muted_until_utc is None)


def test_quiet_hours_are_shown_while_they_hold(house: House) -> None:
    client, live, token = opened(house)

    def choose(begin_h: int, end_h: int) -> str:
        local = datetime.fromtimestamp(house.clock.now().utc, ZoneInfo("Europe/Berlin"))
        hours = [f"{local + timedelta(hours=h):%H:%M}" for h in (begin_h, end_h)]
        client.post("/settings/alerts", data={"csrf": token, "alert_after_s": "3", "begin": hours[0], "end": hours[1]})
        until(lambda: house.state.quiet_between == "-".join(hours))
        return hours[1]

    end = choose(-1, 2)
    line = f"Quiet hours until {end}: phones do not ring for crying."
    until(lambda: line in client.get("/").text)
    before = house.state
    for begin, stop in (("21:00", ""), ("", "06:00")):
        form = {"csrf": token, "alert_after_s": "60", "begin": begin, "end": stop}
        answer = client.post("/settings/alerts", data=form, follow_redirects=True)
        assert "Please give both times, or neither." in answer.text
    assert (house.state.quiet_between, house.state.alert_after_s) == (before.quiet_between, before.alert_after_s)
    choose(2, 4)
    until(lambda: line not in client.get("/").text)
    assert "Quiet hours" not in client.get("/").text
    live.close()


def test_a_response_that_no_history_takes_is_not_said_to_be_noted(house: House) -> None:
    client, live, token = opened(house)

    def press() -> dict[str, Any]:
        answer = client.post("/do/arrived", data={"csrf": token}, headers={"Accept": "application/json"})
        found: dict[str, Any] = answer.get_json()
        return found

    until(lambda: kind(live) == "listening")
    first = press()
    assert (first["said"].startswith("No crying is heard just now"), first["link"]) == (True, None)
    house.hear(20, 0.95)
    until(lambda: kind(live) == "crying")
    assert press()["said"] == "Noted: you are there."
    assert house.state.episode is not None
    page = f"/episode/{house.state.episode.id}"
    house.hear(90, 0.0)
    until(lambda: kind(live) == "calm")
    later = press()
    assert later["said"].startswith("No crying is heard just now")
    assert later["link"][0] == page and later["link"][1].startswith("The last cry: ")
    shown = client.post("/do/acknowledge", data={"csrf": token}, follow_redirects=True).text
    assert f'<a class="button quiet" href="{page}">The last cry: ' in shown
    house.hear(0.75, 0.95)
    assert house.state.episode is None
    press()
    house.hear(5, 0.95)
    until(lambda: house.state.episode is not None)
    assert house.state.episode is not None and house.state.episode.arrived is not None, "it was kept for the cry that began"
    live.close()


def test_of_a_cry_that_goes_on_the_lists_show_no_figures_of_a_while_ago(house: House) -> None:
    client, live, _ = opened(house)
    house.hear(20, 0.95, 0.9)
    until(lambda: kind(live) == "crying")
    assert house.state.episode is not None
    episode = f"/episode/{house.state.episode.id}"
    day = f"/day/{WORDS.today(house.clock.now().utc)}"

    def rows(path: str) -> str:
        return client.get(path).text.partition('<ol class="rows">')[2] or client.get(path).text.partition('class="lead"')[2]

    for path in ("/", day, "/history", episode):
        assert "Still going on." in rows(path), path
        assert "very upset" not in rows(path) and "d-screaming" not in rows(path), path
    house.hear(90, 0.0)
    until(lambda: kind(live) == "calm")
    for path in ("/", day, "/history", episode):
        assert "very upset" in rows(path), path
    live.close()


def test_in_its_first_minute_it_has_only_just_begun_to_listen(house: House) -> None:
    client, live, _ = opened(house)
    today = f"/day/{Words('en', ZoneInfo('Europe/Berlin')).today(SystemClock().now().utc)}"
    letter = f"/letter?week={Words('en', ZoneInfo('Europe/Berlin')).today(SystemClock().now().utc)}"
    for path in ("/", today, "/insights", letter):
        page = client.get(path).text
        assert "It has only just begun to listen." in page and "Nobody was listening, so" not in page, path
    house.take(AudioLost(house.clock.now(), "Unplugged."))
    until(lambda: kind(live) == "lost")
    assert "Nobody was listening, so nothing is known of this time." in client.get("/").text
    live.close()


def test_garbage_on_the_socket_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        server.settimeout(15)
        live = LiveMonitor(path, SystemClock())
        live.start()
        for garbage in (b"no json\n", b'{"type": "state", "state": {}}\n', b"[]\n", b'"x"\n', b'{"type": "state"}\n'):
            connection, _ = server.accept()
            with connection:
                connection.sendall(garbage)
        assert not live.now().reachable
        live.close()


# ---- the server ----


def session(url: str) -> dict[str, str]:
    """Log in over the network; the headers of the session."""
    request = urllib.request.Request(
        url + "/api/v1/login", json.dumps({"password": PASSWORD}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        cookie = next(each for each in answer.headers.get_all("Set-Cookie") if each.startswith("nursery="))
        return {"Cookie": cookie.split(";")[0], "X-CSRF-Token": json.load(answer)["csrf"]}


def test_streams_never_keep_a_page_waiting(house: House) -> None:
    with serving(house.config, streams=2) as url:
        headers = session(url)
        host = url.removeprefix("http://")
        open_ones = []
        for _ in range(2):
            stream = HTTPConnection(host, timeout=10)
            stream.request("GET", "/live", headers=headers)
            answer = stream.getresponse()
            assert answer.status == 200
            assert answer.getheader("Content-Type", "").startswith("text/event-stream")
            open_ones.append((stream, answer))
        extra = HTTPConnection(host, timeout=10)
        extra.request("GET", "/live", headers=headers)
        refused = extra.getresponse()
        assert (refused.status, refused.getheader("Retry-After")) == (503, "5")
        refused.close()
        for _ in range(20):
            extra.request("GET", "/live/once", headers=headers)
            assert json.loads(extra.getresponse().read())["reachable"]
        extra.close()
        for stream, answer in open_ones:
            answer.close()
            stream.close()

        # A closed stream is noticed at its next word, and its place is free again.
        def again() -> bool:
            connection = HTTPConnection(host, timeout=10)
            connection.request("GET", "/live", headers=headers)
            with connection.getresponse() as answer:
                status = answer.status
            connection.close()
            return status == 200

        until(again)


def test_the_stream_tells_news_within_a_second(house: House) -> None:
    with serving(house.config) as url:
        connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
        connection.request("GET", "/live", headers=session(url))
        answer = connection.getresponse()
        found = threading.Event()

        def read() -> None:
            while line := answer.readline():
                if line.startswith(b"data:") and json.loads(line[5:])["kind"] == "crying":
                    found.set()
                    return

        reading = threading.Thread(target=read)
        reading.start()
        house.hear(10, 0.95)
        assert found.wait(10)
        reading.join()
        answer.close()
        connection.close()


def test_a_day_of_the_diary_is_taken_over(house: House) -> None:
    text = "Time,End Time,Type\n"
    lines = ["id,start,end,duration,type,method,amount,notes,tags"]
    lines += [
        f"{n},2026-11-{1 + n % 28:02d} {n % 24:02d}:{n % 60:02d}:00,,0:10:00,Breast Milk,Bottle,90,note {n},"
        for n in range(450)
    ]
    text = "\n".join(lines)
    with serving(house.config) as url:
        headers = session(url)
        body = (
            f'--x\r\nContent-Disposition: form-data; name="diary"; filename="feedings.csv"\r\n\r\n{text}\r\n--x--\r\n'
        ).encode()
        said = []
        for _ in range(2):
            connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
            wishes = {"Content-Type": "multipart/form-data; boundary=x", "Accept": "application/json"}
            connection.request("POST", "/import", body, headers | wishes)
            with connection.getresponse() as answer:
                assert answer.status == 200
                said.append(json.load(answer)["said"])
            connection.close()
    assert said == [
        "450 entries taken over from Baby Buddy.",
        "0 entries taken over from Baby Buddy. 450 entries were there already.",
    ]
    with JournalReader(journal_path(house.config)) as reader:
        assert len(reader.contexts(0, 4e9)) == 450


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    authority = trustme.CA()
    made = authority.issue_cert("localhost", "127.0.0.1")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")


def with_tls(config: Config, certificate: tuple[str, str]) -> Config:
    return replace(config, page=replace(config.page, tls_cert=certificate[0], tls_key=certificate[1]))


def test_tls_serves_pages_and_streams(house: House, certificate: tuple[str, str], tmp_path: Path) -> None:
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with serving(with_tls(house.config, certificate)) as url:
        connection = HTTPSConnection(url.removeprefix("https://"), timeout=10, context=context)
        connection.request("POST", "/api/v1/login", json.dumps({"password": PASSWORD}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        cookies = answer.headers.get_all("Set-Cookie") or []
        assert answer.status == 200
        answer.read()
        assert cookies and all("Secure" in cookie for cookie in cookies)
        headers = {"Cookie": next(each for each in cookies if each.startswith("nursery=")).split(";")[0]}
        connection.request("GET", "/history", headers=headers)
        assert connection.getresponse().read().startswith(b"<!doctype html>")
        connection.request("GET", "/live", headers=headers)
        stream = connection.getresponse()
        assert stream.readline() == b"retry: 1000\n"
        stream.close()
        connection.close()


def test_behind_tls_the_plain_port_is_shut_and_old_tls_too(house: House, certificate: tuple[str, str]) -> None:
    with serving(with_tls(house.config, certificate)) as url:
        host, port = url.removeprefix("https://").split(":")
        plain = HTTPConnection(host, int(port), timeout=5)
        with pytest.raises(OSError):
            plain.request("GET", "/healthz")
            plain.getresponse()
        plain.close()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with pytest.warns(DeprecationWarning):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection((host, int(port)), timeout=5) as raw, pytest.raises(OSError):
            context.wrap_socket(raw)


def test_a_certificate_that_cannot_be_read_is_said(house: House, tmp_path: Path) -> None:
    with pytest.raises(NurseryError, match="tls_cert"), serving(with_tls(house.config, (str(tmp_path / "none.pem"), ""))):
        pass


# ---- the command ----


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_the_command_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    fill(settings(tmp_path), year(1_760_000_000.0, 3, 1))
    options = ["--set", f"nursery.data_dir={tmp_path}", "--set", "page.bind=127.0.0.1", "--set", f"page.port={free_port()}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "web", "--config", os.devnull, *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first.startswith("The page's password, shown this once: ")
        url = process.stdout.readline().split()[-1]
        with urllib.request.urlopen(url + "/healthz", timeout=10) as answer:
            assert answer.read() == b"ok\n"
    finally:
        process.terminate()
        out, err = process.communicate(timeout=15)
    assert process.returncode == 0, err


def test_a_port_in_use_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ["--set", f"nursery.data_dir={tmp_path}", "--set", "page.bind=127.0.0.1", "--set", f"page.port={port}"]
        done = subprocess.run(
            [sys.executable, "-m", "web", "--config", os.devnull, *options],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 1
    assert f"port {port}" in done.stderr and "Traceback" not in done.stderr
