"""A Unix socket to listen on, made safely where one may be left over."""

import os
import socket
import stat
from pathlib import Path

from device.errors import ControlError


def listen(path: Path) -> socket.socket:
    """Give a listening, non-blocking socket at `path`, mode 0660; a socket left over by a monitor that died is replaced.

    Raises:
        ControlError: it cannot be made there, or another monitor serves it.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_room(path)
        listener.bind(str(path))
        # Nobody can connect before listen(), so the mode is right for the first client already.
        os.chmod(path, 0o660)
        listener.listen(128)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        advice = "set nursery.control_socket to a shorter path" if "too long" in str(error) else "see nursery.control_socket"
        raise ControlError(f"{path}: the control socket cannot be made ({error.strerror or error}); {advice}") from error
    except ControlError:
        listener.close()
        raise
    return listener


def _make_room(path: Path) -> None:
    """Remove the socket of a monitor that is no more."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"{path}: is there already and is no socket; remove it or change nursery.control_socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise ControlError(f"{path}: another monitor serves this control socket; stop it, or change nursery.control_socket")
