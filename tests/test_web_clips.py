"""Recordings on the page: only where they are kept, only after login, in the pieces that a player asks for."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from device.clip_store import ClipStore, finish
from device.settings import ClipSettings, Config
from tests.fakes_web import app_for, fill, log_in, remember_password, settings, year

SOUND = bytes(range(256)) * 8


def house(folder: Path, *, keep: bool) -> Config:
    remember_password(folder)
    return replace(settings(folder), clips=ClipSettings(keep=keep))


def record(folder: Path, episode_id: str) -> None:
    part, final = ClipStore(folder).room(episode_id)
    part.write_bytes(SOUND)
    finish(part, final)


@pytest.fixture
def known() -> list[str]:
    return [each.id for each in year(time.time(), 3, 1)]


@pytest.fixture
def client(tmp_path: Path, known: list[str]) -> Iterator[FlaskClient]:
    config = house(tmp_path, keep=True)
    fill(config, year(time.time(), 3, 1))
    record(tmp_path, known[0])
    client, live = app_for(config)
    yield client
    live.close()


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the made-up history be the same each time it is made."""
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)


def test_a_recording_plays_on_its_episodes_page(client: FlaskClient, known: list[str]) -> None:
    log_in(client)
    assert f'src="/episode/{known[0]}/recording"' in client.get(f"/episode/{known[0]}").text
    assert "<audio" not in client.get(f"/episode/{known[1]}").text
    with client.get(f"/episode/{known[0]}/recording") as answer:
        assert (answer.status_code, answer.data, answer.mimetype) == (200, SOUND, "audio/flac")
        assert answer.headers["Content-Disposition"] == "inline"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "media-src 'self'" in answer.headers["Content-Security-Policy"]


def test_a_player_may_ask_for_a_piece(client: FlaskClient, known: list[str]) -> None:
    log_in(client)
    with client.get(f"/episode/{known[0]}/recording", headers={"Range": "bytes=100-199"}) as answer:
        assert (answer.status_code, answer.data) == (206, SOUND[100:200])
        assert answer.headers["Content-Range"] == f"bytes 100-199/{len(SOUND)}"
    assert client.get(f"/episode/{known[0]}/recording", headers={"Range": "bytes=9999-"}).status_code == 416


def test_nobody_hears_it_before_login(client: FlaskClient, known: list[str]) -> None:
    answer = client.get(f"/episode/{known[0]}/recording")
    assert answer.status_code == 302
    assert SOUND not in answer.data


def test_only_episodes_of_the_history_have_one(client: FlaskClient, known: list[str], tmp_path: Path) -> None:
    record(tmp_path, "forgotten")
    log_in(client)
    for name in (known[1], "forgotten", "..%2fcredentials", "x" * 200):
        assert client.get(f"/episode/{name}/recording").status_code == 404


def test_the_settings_tell_the_limits_and_what_is_kept(client: FlaskClient) -> None:
    log_in(client)
    text = client.get("/settings").text
    assert "at most 20 s each, 200 MB together, and 14 days. 1 recording is kept now (0 MB)." in text


def test_turned_off_nothing_plays_and_what_is_left_is_not_hidden(tmp_path: Path, known: list[str]) -> None:
    config = house(tmp_path, keep=False)
    fill(config, year(time.time(), 3, 1))
    client, live = app_for(config)
    log_in(client)
    assert "No sound is stored.</p>" in client.get("/settings").text
    record(tmp_path, known[0])
    assert "No sound is stored any more. 1 recording is kept now" in client.get("/settings").text
    assert "<audio" not in client.get(f"/episode/{known[0]}").text
    assert client.get(f"/episode/{known[0]}/recording").status_code == 404
    live.close()
