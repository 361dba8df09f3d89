"""What is wrong, in the language of whoever reads it."""

import re
import socket
from pathlib import Path

import pytest

from device.clock import Instant
from device.events import Fault
from device.inputs import AudioLost
from device.quiet import family_zone
from device.sinks import MonitorState, Trouble
from device.texts import FAULT_CODES
from device.vocabulary import Mic
from tests.fakes_web import House, app_for, log_in, remember_password, serving, settings, until
from web.present import fault_text, mic_text
from web.words import Words

AT = Instant(1.0, 1_760_000_000.0)
EN, DE = (Words(language, family_zone("UTC")) for language in ("en", "de"))


@pytest.mark.parametrize("code", FAULT_CODES)
def test_every_fault_has_words_of_its_own_in_each_language(code: str) -> None:
    fault = Fault(code, "Only 12 MB are free.", AT)
    assert fault_text(fault, EN) == "Only 12 MB are free."
    assert fault_text(fault, DE) not in ("", code, fault.text)


def test_an_unknown_fault_is_told_as_it_came_and_one_without_words_by_its_name() -> None:
    assert fault_text(Fault("new", "Something new.", AT), DE) == "Something new."
    assert fault_text(Fault("disk_low", "", AT), EN) == "The memory card is nearly full"


@pytest.mark.parametrize(
    ("mic", "english", "german"),
    [
        (Mic.OK, "", ""),
        (
            Mic.LOST,
            "The microphone was unplugged.",
            "Das Mikrofon fehlt. Bitte einstecken; das Zuhören beginnt dann von selbst.",
        ),
        (Mic.SILENT, "Flat for 10 s.", "Das Mikrofon ist stumm. Bitte Stummschalter und Stecker prüfen."),
    ],
)
def test_the_microphone_too(mic: Mic, english: str, german: str) -> None:
    state = MonitorState(AT, mic, english)
    assert (mic_text(state, EN), mic_text(state, DE)) == (english, german)


def test_the_pages_say_it_in_german(tmp_path: Path) -> None:
    remember_password(tmp_path)
    config = settings(tmp_path)
    house = House(config, lag_s=0.0)
    house.start()
    client, live = app_for(config)
    live.start()
    try:
        house.take(Trouble(house.clock.now(), "disk_low", "Only 12 MB are free on the disk."))
        house.take(AudioLost(house.clock.now(), "The microphone was unplugged."))
        until(lambda: (state := live.now().state) is not None and state.mic is Mic.LOST and state.faults)
        log_in(client)
        for path in ("/", "/health"):
            german, english = (client.get(path, headers={"Accept-Language": each}).text for each in ("de", "en"))
            assert "Die Speicherkarte ist fast voll" in german and "12 MB" not in german
            assert "Only 12 MB are free on the disk." in english
            assert "unplugged" not in german
    finally:
        live.close()
        house.close()


def test_every_word_in_a_template_is_where_the_translations_test_finds_it() -> None:
    templates = (Path(__file__).parent.parent / "web" / "templates").glob("*.html")
    assert not [(each.name, found) for each in templates for found in re.findall(r"\w\.n?_\(.{30}", each.read_text())]


def test_a_server_that_stops_leaves_nobody_waiting(tmp_path: Path) -> None:
    with serving(settings(tmp_path)) as url:
        reader = socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=10)
        reader.sendall(b"GET /login HTTP/1.1\r\nHost: nursery\r\n\r\n")  # and keeps the line open
        assert reader.recv(12).startswith(b"HTTP/1.1")
    with reader:
        while reader.recv(65_536):
            pass  # the rest of the page, then the end: recv would time out if it never came
