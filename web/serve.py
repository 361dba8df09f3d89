"""The server: waitress, with enough threads that live streams never keep anybody waiting, and TLS in front if wanted."""

import logging
import threading
from typing import TYPE_CHECKING, Any

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server

from device.errors import NurseryError
from device.settings import PageSettings

if TYPE_CHECKING:
    from web import tls

log = logging.getLogger(__name__)

WORKERS = 4
"""Threads for pages, beside one for each live stream."""


class Server:
    """Serves the application until it is closed."""

    def __init__(self, app: Flask, page: PageSettings, *, streams: int) -> None:
        """Listen on the configured address; port 0 takes a free one.

        Raises:
            NurseryError: the address or port cannot be used, or the certificate cannot be read.
        """
        self._front: tls.TlsFront | None = None
        wsgi: Any = app
        host, port = page.bind, page.port
        if page.tls_cert:
            from web.tls import RealPeer, TlsFront  # brings asyncio, which takes memory that most houses need not give

            self._front = TlsFront(page.bind, page.port, page.tls_cert, page.tls_key)
            wsgi, host, port = RealPeer(app, self._front.peers), "127.0.0.1", 0
        self._sockets: dict[int, Any] = {}
        self._closed = False
        try:
            self._server = create_server(
                wsgi,
                map=self._sockets,
                host=host,
                port=port,
                threads=WORKERS + streams,
                connection_limit=200,
                channel_timeout=60,
                channel_request_lookahead=1,  # notices at once that a stream's reader is gone
                max_request_body_size=app.config["MAX_CONTENT_LENGTH"],
                ident="",
                clear_untrusted_proxy_headers=True,
            )
        except (OSError, ValueError) as error:
            raise NurseryError(
                f"the page cannot listen on {page.bind} port {page.port} ({error}); stop what uses it, or set page.port"
            ) from error
        inner = self._server.effective_port
        self.port = self._front.start(inner) if self._front else inner
        self._thread: threading.Thread | None = None

    def run(self) -> None:
        """Serve until `close`, or until interrupted."""
        try:
            self._server.run()
        except OSError:  # the loop was just about to wait for sockets that `close` has closed
            if not self._closed:
                raise

    def start(self) -> None:
        """Serve on a thread of its own."""
        self._thread = threading.Thread(target=self.run, name="page", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; calling it again does nothing."""
        if self._front is not None:
            self._front.close()
            self._front = None
        self._closed = True
        self._server.task_dispatcher.shutdown(timeout=5)
        self._server.close()
        if self._thread is not None:
            self._thread.join(5)
            self._thread = None
        wasyncore.close_all(self._sockets, ignore_all=True)  # readers that have not gone yet
