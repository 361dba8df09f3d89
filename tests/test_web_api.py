"""The JSON API is what its description says, whatever is asked of it."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as examples

from device.commands import COMMANDS
from tests.fakes_web import House, app_for, fill, log_in, remember_password, settings, until, year

DESCRIPTION: dict[str, Any] = json.loads((Path(__file__).parent.parent / "web" / "openapi.json").read_text())
TOKENS: dict[FlaskClient, str] = {}
schema = schemathesis.openapi.from_dict(DESCRIPTION)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    folder = tmp_path_factory.mktemp("house")
    remember_password(folder)
    house = House(settings(folder))
    fill(house.config, year(time.time(), 120, 40))
    house.start()
    client, live = app_for(house.config)
    live.start()
    until(lambda: live.now().reachable)
    TOKENS[client] = log_in(client)
    yield client
    live.close()
    house.close()


def from_the_house(app: Flask) -> Callable[..., Any]:
    """The application, asked from this machine."""

    def ask(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        return app(environ | {"REMOTE_ADDR": "127.0.0.1"}, start_response)

    return ask


@pytest.mark.slow
@schema.parametrize()
@examples(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: schemathesis.Case[Any], client: FlaskClient) -> None:
    if case.path == "/login":
        case.cookies = {}
    else:
        cookie = client.get_cookie("nursery")
        assert cookie is not None
        case.cookies = {"nursery": cookie.value}
        case.headers["X-CSRF-Token"] = TOKENS[client]
    answer = case.call(app=from_the_house(client.application))
    assert answer.status_code < 500, answer.text
    case.validate_response(
        answer,
        excluded_checks=[
            schemathesis.checks.ignored_auth,
            schemathesis.checks.unsupported_method,
            schemathesis.checks.positive_data_acceptance,
            schemathesis.checks.negative_data_rejection,
            schemathesis.checks.missing_required_header,
        ],
    )


def test_the_description_names_every_way_in(client: FlaskClient) -> None:
    rules = {
        rule.rule.removeprefix("/api/v1")
        .replace("<name>", "{name}")
        .replace("<day>", "{day}")
        .replace("/episodes/{name}", "/episodes/{id}")
        for rule in client.application.url_map.iter_rules()
        if rule.rule.startswith("/api/v1")
    }
    assert rules == set(DESCRIPTION["paths"])
    named = DESCRIPTION["paths"]["/commands/{name}"]["post"]["parameters"][0]["schema"]["enum"]
    assert set(named) == set(COMMANDS) - {"import"}


def test_the_description_is_served(client: FlaskClient) -> None:
    assert client.get("/api/v1/openapi.json").get_json() == DESCRIPTION


def test_a_program_logs_in_reads_and_answers(client: FlaskClient) -> None:
    token = TOKENS[client]
    found = client.get("/api/v1/episodes?limit=3").get_json()
    assert (found["total"], len(found["episodes"])) == (120, 3)
    name = found["episodes"][0]["id"]
    done = client.post("/api/v1/commands/need", json={"episode": name, "need": "tired"}, headers={"X-CSRF-Token": token})
    assert done.get_json() == {"ok": True}
    until(lambda: client.get(f"/api/v1/episodes/{name}").get_json()["episode"]["need"] == "tired")
    refused = client.post("/api/v1/commands/mute", json={"minutes": "soon"}, headers={"X-CSRF-Token": token})
    assert refused.status_code == 400
    assert "minutes" in refused.get_json()["error"]
    assert client.post("/api/v1/commands/need", json={"need": "tired"}).status_code == 400
