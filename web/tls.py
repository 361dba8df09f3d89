"""TLS in front of the server, which has none of its own: decrypts, and passes the bytes on inside this machine.

Each connection goes to the server over a loopback connection of its own, and the address it really came from is kept under
that connection's port, so that the page can tell the house from the world and one sender from another. Nothing is read
out of headers, which anybody could write.
"""

import asyncio
import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Iterable
from typing import Any

from device.errors import NurseryError

log = logging.getLogger(__name__)

HANDSHAKE_S = 10.0
MOST = 200
CHUNK = 65536

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class RealPeer:
    """Tells the application who is really there; connections that did not come through the front are refused."""

    def __init__(self, app: Wsgi, peers: dict[int, str]) -> None:
        """Wrap `app`; `peers` is the front's table of addresses by loopback port."""
        self._app = app
        self._peers = peers

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve one request."""
        peer = self._peers.get(int(environ.get("REMOTE_PORT") or 0))
        if peer is None:
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"Use https.\n"]
        environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = peer
        environ["wsgi.url_scheme"] = "https"
        return self._app(environ, start_response)


class TlsFront:
    """Listens with TLS and passes every connection on."""

    def __init__(self, host: str, port: int, certificate: str, key: str) -> None:
        """Read the certificate.

        Raises:
            NurseryError: it cannot be read, or does not belong to the key.
        """
        self.peers: dict[int, str] = {}
        self._host, self._port = host, port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            self._context.load_cert_chain(certificate, key or None)
        except (OSError, ssl.SSLError) as error:
            raise NurseryError(
                f"page.tls_cert = {certificate!r}, page.tls_key = {key!r}: cannot be used ({error}); "
                "give a PEM certificate and its key without a passphrase"
            ) from error
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tls", daemon=True)
        self._server: asyncio.Server | None = None

    def start(self, inner: int) -> int:
        """Begin to pass connections on to loopback port `inner`; gives the port listened on.

        Raises:
            NurseryError: the port cannot be used.
        """
        self._thread.start()
        try:
            return asyncio.run_coroutine_threadsafe(self._listen(inner), self._loop).result(10)
        except OSError as error:
            self.close()
            raise NurseryError(
                f"the page cannot listen on {self._host} port {self._port} ({error}); stop what uses it, or set page.port"
            ) from error

    async def _listen(self, inner: int) -> int:
        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._pass(reader, writer, inner)

        self._server = await asyncio.start_server(
            meet, self._host, self._port, ssl=self._context, ssl_handshake_timeout=HANDSHAKE_S
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, inner: int) -> None:
        if len(self.peers) >= MOST:
            writer.close()
            return
        port = 0
        try:
            onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", inner)
            port = onward_writer.get_extra_info("sockname")[1]
            self.peers[port] = str(writer.get_extra_info("peername")[0])
            ways = [
                asyncio.ensure_future(_copy(reader, onward_writer)),
                asyncio.ensure_future(_copy(onward_reader, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                await _shut(onward_writer)
        except OSError as error:
            log.debug("a TLS connection broke: %s", error)
        finally:
            self.peers.pop(port, None)
            await _shut(writer)

    def close(self) -> None:
        """Stop; calling it again does nothing."""
        if self._loop.is_closed():
            return

        async def stop() -> None:
            if self._server is not None:
                self._server.close()
            here = asyncio.current_task()
            others = [task for task in asyncio.all_tasks() if task is not here]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        if self._thread.is_alive():
            with contextlib.suppress(TimeoutError):
                asyncio.run_coroutine_threadsafe(stop(), self._loop).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
        self._loop.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()


async def _shut(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 2)
