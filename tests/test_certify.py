"""The house's own certificates, made by scripts/certify and used by real brokers and real clients."""

import os
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from device.roundtrip import round_trip
from tests.fakes_mqtt import PASSWORD, USER, Desk, Mosquitto, running, wait_for
from tests.test_broker import serving

ROOT = Path(__file__).parent.parent
pytestmark = [
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
    # paho leaves a socket whose certificate it has refused to the garbage collector
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CLIENTS = pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="needs mosquitto and mosquitto-clients")


def openssl(*words: str | Path, check: bool = True) -> str:
    ran = subprocess.run(["openssl", *words], capture_output=True, text=True, timeout=60, check=False)
    assert not check or ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


def certify(folder: Path, *words: str) -> str:
    environment = {**os.environ, "TLS_FOLDER": str(folder), "TLS_OWNER": str(os.getuid())}
    ran = subprocess.run(
        [ROOT / "scripts/certify", *words], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    assert certify(tmp_path / "tls", "nursery").startswith("A new certificate for nursery.local")
    return tmp_path / "tls"


def leaf(tls: Path, name: str, days: int) -> str:
    """A certificate that the house's authority signs for any name."""
    (tls / "extensions").write_text(f"subjectAltName=DNS:{name}\n")
    openssl("req", "-new", "-key", tls / "key.pem", "-subj", f"/CN={name}", "-out", tls / "request")
    openssl("x509", "-req", "-in", tls / "request", "-CA", tls / "ca.pem", "-CAkey", tls / "ca.key", "-days", str(days),
            "-set_serial", "7", "-extfile", tls / "extensions", "-out", tls / "other.pem")  # fmt: skip
    return (tls / "other.pem").read_text()


def test_it_is_right_for_the_name_and_for_this_machine_and_its_keys_are_private(tls: Path) -> None:
    for name in ("nursery.local", "localhost"):
        assert "OK" in openssl("verify", "-CAfile", tls / "ca.pem", "-verify_hostname", name, tls / "cert.pem")
    assert "OK" in openssl("verify", "-CAfile", tls / "ca.pem", "-verify_ip", "127.0.0.1", tls / "cert.pem")
    assert "OK" not in openssl(
        "verify", "-CAfile", tls / "ca.pem", "-verify_hostname", "other.local", tls / "cert.pem", check=False
    )
    for secret in ("ca.key", "key.pem"):
        assert stat.S_IMODE((tls / secret).stat().st_mode) == 0o600


def test_what_is_good_stays_as_it_is(tls: Path) -> None:
    before = {path: path.read_bytes() for path in tls.iterdir()}
    assert certify(tls) == ""
    assert {path: path.read_bytes() for path in tls.iterdir()} == before


def test_it_is_renewed_in_time_under_the_authority_that_phones_trust(tls: Path) -> None:
    authority = (tls / "ca.pem").read_bytes()
    (tls / "cert.pem").write_text(leaf(tls, "nursery.local", days=59))
    assert certify(tls).startswith("A new certificate")
    openssl("x509", "-in", tls / "cert.pem", "-noout", "-checkend", str(700 * 86_400))
    assert (tls / "ca.pem").read_bytes() == authority
    assert certify(tls) == ""


def test_a_key_that_does_not_fit_is_mended(tls: Path) -> None:
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", tls / "key.pem")
    assert certify(tls).startswith("A new certificate")
    assert certify(tls) == ""


def test_the_authority_cannot_speak_for_the_world(tls: Path) -> None:
    leaf(tls, "bank.example", days=100)
    said = openssl("verify", "-CAfile", tls / "ca.pem", tls / "other.pem", check=False)
    assert "permitted subtree violation" in said
    leaf(tls, "other.local", days=100)
    assert "OK" in openssl("verify", "-CAfile", tls / "ca.pem", tls / "other.pem")


def hears(port: int, *words: str | Path) -> subprocess.CompletedProcess[str]:
    login = ["-h", "127.0.0.1", "-p", str(port), "-u", USER, "-P", PASSWORD, "-W", "5"]
    command = ["mosquitto_sub", *login, "-t", "nursery/home/status", "-C", "1", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.broker
@CLIENTS
def test_mosquitto_over_tls(tls: Path, tmp_path: Path) -> None:
    certify(tmp_path / "stranger", "nursery")
    lines = f"certfile {tls}/cert.pem\nkeyfile {tls}/key.pem\n"
    with running(Mosquitto(tmp_path, lines=lines)) as broker:
        address = replace(broker.address(), tls=True, ca_file=str(tls / "ca.pem"))
        with Desk(lambda: address) as desk:
            wait_for(desk.connected)
            assert hears(broker.port, "--cafile", tls / "ca.pem").stdout == "online\n"
            assert round_trip(address, "home").seconds < 5
            assert hears(broker.port, "--cafile", tmp_path / "stranger/ca.pem").returncode != 0
            assert hears(broker.port).returncode != 0  # in the clear
        wrong = replace(address, ca_file=str(tmp_path / "stranger/ca.pem"))
        with Desk(lambda: wrong) as desk:
            wait_for(desk.broker_states)
            assert "is not trusted" in desk.broker_states()[0].reason


@pytest.mark.broker
@CLIENTS
def test_the_embedded_broker_over_tls(tls: Path, tmp_path: Path) -> None:
    certify(tmp_path / "stranger", "nursery")
    with (
        serving(tls_cert=str(tls / "cert.pem"), tls_key=str(tls / "key.pem")) as (broker, port),
        Desk(broker.address) as desk,
    ):
        wait_for(desk.connected)
        assert hears(port, "--cafile", tls / "ca.pem").stdout == "online\n"
        assert hears(port, "--cafile", tmp_path / "stranger/ca.pem").returncode != 0
        assert hears(port).returncode != 0
        # as `nursery-monitor check` does, which knows the broker's own certificate alone
        own = type(broker.address())("127.0.0.1", port, USER, PASSWORD, tls=True, ca_file=str(tls / "cert.pem"))
        assert round_trip(own, "home").seconds < 5
