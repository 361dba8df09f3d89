"""The secrets of one installation: made at random on first start, kept in one file that only its owner can read."""

import hashlib
import hmac
import json
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from device.errors import ConfigError
from device.files import write_whole

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without letters that look like digits


@dataclass(frozen=True, slots=True)
class Credentials:
    """The broker's user and password, the page's password (as a salted scrypt hash) and the key that signs its cookies."""

    mqtt_user: str
    mqtt_password: str
    page_password_hash: str
    session_key: str

    def verify(self, password: str) -> bool:
        """True if `password` is the page's; takes the same time whether it is or not."""
        salt, _, digest = self.page_password_hash.partition("$")
        return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)).hex(), digest)


def push_key(credentials: Credentials) -> str:
    """The secret in the address of a push message's On my way button: 32 hex digits, other ones after a new password."""
    return hmac.new(credentials.session_key.encode(), b"push acknowledge", "sha256").hexdigest()[:32]


def _scrypt(password: str, salt: bytes) -> bytes:
    # n=2**14, r=8, p=1: OWASP's scrypt minimum for 16 MB, which a Pi Zero 2 W still does within a second
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1, maxmem=2**26)


def hash_password(password: str) -> str:
    """Salted scrypt hash of a password, as `salt$digest` in hex."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_scrypt(password, salt).hex()}"


def new_password(words: int = 3) -> str:
    """A random password that can be typed from a screen: `words` groups of four letters or digits (20 bits each)."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(words))


def load_or_create(folder: Path) -> tuple[Credentials, str | None]:
    """Read `folder`/credentials.json, or make it.

    Returns the credentials and, only when they were just made, the page's password, to be shown once.

    Raises:
        ConfigError: the file is damaged or cannot be read or written.
    """
    path = folder / "credentials.json"
    try:
        if path.exists():
            return Credentials(**json.loads(path.read_text())), None
        password = new_password()
        made = Credentials("nursery", new_password(4), hash_password(password), secrets.token_hex(32))
        store(folder, made)
        return made, password
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(
            [f"{path}: the secrets cannot be read ({error}); delete the file to have new ones made"]
        ) from error


def store(folder: Path, credentials: Credentials) -> None:
    """Write the credentials with mode 0600, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "credentials.json", json.dumps(asdict(credentials), indent=1))


def with_password(credentials: Credentials, password: str) -> Credentials:
    """The same credentials with another page password; every session made before ends."""
    return replace(credentials, page_password_hash=hash_password(password), session_key=secrets.token_hex(32))
