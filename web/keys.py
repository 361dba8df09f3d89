"""The page's own view of the installation's secrets: reread when the file changes, so that a new password counts at once."""

import threading
from pathlib import Path

from device.credentials import Credentials, load_or_create, store, with_password


class Keys:
    """Verifies passwords and keeps the key that signs cookies."""

    def __init__(self, folder: Path) -> None:
        """Read the secrets in `folder`, or make them.

        Raises:
            ConfigError: the file is damaged or cannot be read or written.
        """
        self._folder = folder
        self._lock = threading.Lock()
        self._hashing = threading.Lock()
        self._credentials, self.first_password = load_or_create(folder)
        self._stamp = self._stamped()

    def _stamped(self) -> tuple[int, int]:
        try:
            found = (self._folder / "credentials.json").stat()
            return found.st_mtime_ns, found.st_ino
        except OSError:
            return 0, 0

    def current(self) -> Credentials:
        """The secrets as they stand in the file.

        Raises:
            ConfigError: the file has become unreadable.
        """
        with self._lock:
            stamp = self._stamped()
            if stamp != self._stamp and stamp != (0, 0):
                self._credentials, _ = load_or_create(self._folder)
                self._stamp = stamp
            return self._credentials

    def verify(self, password: str) -> bool:
        """True if `password` is the page's; one at a time, since each hash takes 16 MB."""
        with self._hashing:
            return self.current().verify(password)

    def change(self, password: str) -> None:
        """Store another password; every session made before ends."""
        self.put(with_password(self.current(), password))

    def put(self, fresh: Credentials) -> None:
        """Store other secrets."""
        with self._lock:
            store(self._folder, fresh)
            self._credentials, self._stamp = fresh, self._stamped()
