"""The button of a push message, from the phone through the page to the running monitor."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from device.credentials import load_or_create, push_key
from device.settings import Config
from device.vocabulary import Source
from tests.fakes_web import House, app_for, remember_password, settings, until


@pytest.fixture
def config(tmp_path: Path) -> Config:
    remember_password(tmp_path)
    return settings(tmp_path)


@pytest.fixture
def house(config: Config) -> Iterator[House]:
    house = House(config)
    house.start()
    yield house
    house.stop()
    house.journal.close()


@pytest.fixture
def client(config: Config, house: House) -> Iterator[FlaskClient]:
    client, live = app_for(config)
    yield client
    live.close()


def test_the_button_says_on_my_way_without_a_login(client: FlaskClient, house: House, tmp_path: Path) -> None:
    house.hear(10.0, 0.95)
    until(lambda: house.state.episode is not None)
    key = push_key(load_or_create(tmp_path)[0])
    assert client.post(f"/push/{key}/acknowledge").status_code == 200

    def answered() -> bool:
        episode = house.state.episode
        return episode is not None and episode.acknowledged is not None and episode.acknowledged.source is Source.PUSH

    until(answered)


def test_a_wrong_secret_opens_nothing_and_is_tried_slowly(client: FlaskClient, house: House) -> None:
    answers = [client.post(f"/push/{number:032x}/acknowledge").status_code for number in range(8)]
    assert set(answers) == {404, 429} and answers[0] == 404 and answers[-1] == 429
    assert client.get(f"/push/{0:032x}/acknowledge").status_code in (302, 405)
    assert house.state.episode is None


def test_the_secret_does_not_open_the_page(client: FlaskClient, house: House, tmp_path: Path) -> None:
    key = push_key(load_or_create(tmp_path)[0])
    assert client.post(f"/push/{key}/arrived").status_code in (303, 401, 404)
    client.post(f"/push/{key}/acknowledge")
    assert client.get("/").status_code == 302
