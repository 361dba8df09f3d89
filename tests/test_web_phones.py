"""How a phone connects, for whoever has logged in: the broker's login, and the certificate to trust."""

from dataclasses import replace
from pathlib import Path

import pytest

from device import credentials
from device.settings import BrokerSettings, Config, MqttSettings
from tests.fakes_web import PASSWORD, app_for, fill, remember_password, settings


@pytest.fixture
def config(tmp_path: Path) -> Config:
    remember_password(tmp_path)
    made = settings(tmp_path)
    fill(made, [])
    return made


def shown(config: Config, path: str = "/phones", at: str = "http://nursery.local:8080") -> str:
    client, live = app_for(config)
    try:
        answer = client.post("/api/v1/login", json={"password": PASSWORD}, base_url=at)
        if path != "/phones":
            return client.get(path, base_url=at).text
        assert password(config) not in client.get(path, base_url=at).text, "only when it is asked for"
        return client.post(path, data={"csrf": answer.get_json()["csrf"]}, base_url=at).text
    finally:
        live.close()


def password(config: Config) -> str:
    return credentials.load_or_create(Path(config.nursery.data_dir))[0].mqtt_password


def test_strangers_learn_nothing(config: Config) -> None:
    client, live = app_for(config)
    assert client.get("/phones").status_code in (302, 401)
    assert client.get("/phones/authority.crt").status_code in (302, 401)
    live.close()


def test_the_embedded_broker_under_the_name_that_the_phone_used(config: Config) -> None:
    page = shown(replace(config, broker=BrokerSettings(port=1993)))
    assert all(
        word in page for word in ("<dd>nursery.local</dd>", "<dd>1993</dd>", password(config), "nursery/home/alert")
    ), page


def test_mosquitto_as_the_installer_sets_it_up(config: Config) -> None:
    mosquitto = MqttSettings(host="127.0.0.1", port=8883, user="nursery-monitor", password="inner", tls=True)
    page = shown(replace(config, mqtt=mosquitto))
    assert password(config) in page and "8883 (TLS)" in page and "inner" not in page


def test_the_house_s_own_broker_has_its_own_logins(config: Config) -> None:
    page = shown(replace(config, mqtt=MqttSettings(host="hub.local", user="ha", password="secret")))
    assert "<dd>hub.local</dd>" in page and "of your own broker" in page
    assert password(config) not in page and "secret" not in page


def test_only_the_authority_is_handed_out(config: Config, tmp_path: Path) -> None:
    leaf, root = (f"-----BEGIN CERTIFICATE-----\n{name}\n-----END CERTIFICATE-----\n" for name in ("bGVhZg==", "cm9vdA=="))
    chain = tmp_path / "chain.pem"
    chain.write_text(leaf + root)
    tls = replace(config, page=replace(config.page, tls_cert=str(chain)))
    assert "/phones/authority.crt" in shown(tls, at="https://nursery.local:8080")
    assert shown(tls, "/phones/authority.crt", at="https://nursery.local:8080") == root
    chain.write_text(leaf)  # a certificate of the family's own, signed by nobody whom we know
    assert "/phones/authority.crt" not in shown(tls, at="https://nursery.local:8080")
