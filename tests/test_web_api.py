"""The JSON API is what its description says, whatever is asked of it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import settings as examples

from device.commands import COMMANDS
from device.errors import CommandError
from tests.fakes_web import House, app_for, fill, log_in, remember_password, serving, settings, until, year
from web.words import Words

DESCRIPTION: dict[str, Any] = json.loads((Path(__file__).parent.parent / "web" / "openapi.json").read_text())
TOKENS: dict[FlaskClient, str] = {}
HERE = "the-family-s"
schema = schemathesis.openapi.from_dict(DESCRIPTION)


@schema.auth()
class Family:
    """Says which requests are to be let in; what lets them in is known only once the house stands."""

    def get(self, case: schemathesis.Case[Any], _context: object) -> str:
        return HERE

    def set(self, case: schemathesis.Case[Any], data: str, _context: object) -> None:
        case.cookies["nursery"] = case.headers["X-CSRF-Token"] = data


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


@pytest.fixture(scope="module")
def address(client: FlaskClient) -> Iterator[str]:
    """A real server of the same house; its sessions are the same too."""
    with serving(client.application.extensions["nursery"].config) as url:
        yield url + "/api/v1"


@pytest.mark.slow
@schema.parametrize()
@examples(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: schemathesis.Case[Any], client: FlaskClient, address: str) -> None:
    cookie = client.get_cookie("nursery")
    assert cookie is not None
    if case.cookies.get("nursery") == HERE:
        case.cookies["nursery"] = cookie.value
    if case.headers.get("X-CSRF-Token") == HERE:
        case.headers["X-CSRF-Token"] = TOKENS[client]
    answer = case.call(base_url=address)
    assert answer.status_code < 500, answer.text
    case.validate_response(answer)


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        (path, parameter)
        for path, ways in DESCRIPTION["paths"].items()
        for parameter in ways.get("get", {}).get("parameters", ())
        if parameter["in"] == "query"
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else value,
)
def test_a_parameter_without_a_value_is_neither_described_nor_taken(
    path: str, parameter: dict[str, Any], client: FlaskClient
) -> None:
    described = parameter["schema"]
    assert "enum" in described or "format" in described or described["type"] == "integer" or described["minLength"] > 0
    assert client.get(f"/api/v1{path}?{parameter['name']}=").status_code == 400
    assert client.get(f"/api/v1{path}?{parameter['name']}=1&{parameter['name']}=1").status_code == 400


@pytest.mark.parametrize("name", [" ", "\0", "\n", "\u2028", "😀" * 24, "%", "' OR 1=1 --"])
def test_any_short_name_may_be_looked_for(name: str, client: FlaskClient) -> None:
    answer = client.get("/api/v1/episodes", query_string={"caregiver": name})
    assert (answer.status_code, answer.get_json()["total"]) == (200, 0)
    assert client.get("/api/v1/episodes", query_string={"caregiver": "😀" * 25}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"password":' + b"[" * 100_000, b'{"password":"\\ud800"}',
     b'{"caregiver":"\\udfff"}', b'{"\\ud800":""}'],
    ids=lambda body: repr(body[:24]),
)  # fmt: skip
@pytest.mark.parametrize("path", ["login", "commands/acknowledge", "commands/edit"])
def test_what_is_no_json_object_is_refused(path: str, body: bytes, client: FlaskClient) -> None:
    headers = {"X-CSRF-Token": TOKENS[client], "Content-Type": "application/json"}
    answer = client.post(f"/api/v1/{path}", data=body, headers=headers)
    assert answer.status_code == 400
    assert answer.get_json()["error"]


def test_the_description_names_every_way_in(client: FlaskClient) -> None:
    rules = {
        rule.rule.removeprefix("/api/v1")
        .replace("<name>", "{name}")
        .replace("<day>", "{day}")
        .replace("/episodes/{name}", "/episodes/{id}")
        for rule in client.application.url_map.iter_rules()
        if rule.rule.startswith("/api/v1") and rule.endpoint != "api.command"
    }
    commands = {f"/commands/{name}" for name in COMMANDS if name != "import"}
    assert rules | commands == set(DESCRIPTION["paths"])


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


@pytest.mark.parametrize(
    ("name", "payload"),
    [("need", {"need": "tired"}), ("edit", {"action": "note"}), ("edit", {"action": "arrive", "at_s": 3})],
)
def test_an_episode_that_is_not_there_is_named_in_the_refusal(
    name: str, payload: dict[str, object], client: FlaskClient
) -> None:
    headers = {"X-CSRF-Token": TOKENS[client]}
    refused = client.post(f"/api/v1/commands/{name}", json={**payload, "episode": "e-gone"}, headers=headers)
    assert refused.status_code == 404
    assert "There is no episode 'e-gone'" in refused.get_json()["error"]
    headers["Accept-Language"] = "de"
    refused = client.post(f"/api/v1/commands/{name}", json={**payload, "episode": "e-gone"}, headers=headers)
    assert "Es gibt keine Episode 'e-gone'" in refused.get_json()["error"]


def test_what_the_monitor_refuses_is_said_in_the_language_of_the_page(client: FlaskClient) -> None:
    live = client.application.extensions["nursery"].live
    with pytest.raises(CommandError) as refused:
        live.ask("edit", {"episode": "e-gone", "action": "delete"})
    assert Words("de", ZoneInfo("Europe/Berlin")).error(refused.value).startswith("Es gibt keine Episode 'e-gone'")
