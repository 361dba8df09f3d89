"""The secrets of one installation."""

from pathlib import Path

import pytest

from device.credentials import load_or_create, new_password, store, with_password
from device.errors import ConfigError


def test_secrets_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    made, password = load_or_create(folder)
    assert password is not None and made.verify(password) and not made.verify(password + "x")
    assert (folder / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert password not in (folder / "credentials.json").read_text()
    again, shown = load_or_create(folder)
    assert again == made and shown is None


def test_two_installations_share_nothing(tmp_path: Path) -> None:
    one, _ = load_or_create(tmp_path / "a")
    other, _ = load_or_create(tmp_path / "b")
    assert one.mqtt_password != other.mqtt_password and one.session_key != other.session_key
    assert len({new_password() for _ in range(100)}) == 100


def test_a_new_password_ends_the_old_one_and_every_session(tmp_path: Path) -> None:
    made, password = load_or_create(tmp_path)
    changed = with_password(made, "a better one")
    store(tmp_path, changed)
    kept, _ = load_or_create(tmp_path)
    assert kept.verify("a better one") and not kept.verify(str(password))
    assert kept.session_key != made.session_key and kept.mqtt_password == made.mqtt_password


def test_a_damaged_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text("{")
    with pytest.raises(ConfigError, match="delete the file"):
        load_or_create(tmp_path)
