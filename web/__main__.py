"""The command `nursery-web`: the page alone, in a process of its own."""

import argparse
import gc
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from flask import Flask

from device import memory
from device.clock import SystemClock
from device.config import data_dir, load, socket_path
from device.errors import NurseryError
from web import STREAMS, create_app, words
from web.keys import Keys
from web.live import LiveMonitor
from web.parts import Parts
from web.serve import Server


def main(argv: list[str] | None = None) -> int:
    """Serve the page until stopped; gives the exit status."""
    parser = argparse.ArgumentParser(prog="nursery-web", description="Serve the history page of the nursery monitor.")
    parser.add_argument("--config", type=Path, help="the configuration file (default: as nursery-monitor finds it)")
    parser.add_argument("--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="override one setting")
    parser.add_argument("--end-with-stdin", action="store_true", help="end when standard input does, as a child should")
    options = parser.parse_args(argv)
    memory.spare()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("waitress").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    try:
        overrides = dict(each.partition("=")[::2] for each in options.set)
        config = load(options.config, overrides).config
        clock = SystemClock()
        keys = Keys(data_dir(config))
        live = LiveMonitor(socket_path(config), clock)
        app = create_app(config, clock=clock, live=live, keys=keys)
        server = Server(app, config.page, streams=STREAMS)
    except NurseryError as error:
        print(error, file=sys.stderr)
        return error.exit_status

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    if options.end_with_stdin:
        threading.Thread(target=_end_with_stdin, name="parent", daemon=True).start()
    live.start()
    _settle(app)
    found: Parts = app.extensions["nursery"]
    found.taught.start()
    scheme = "https" if config.page.tls_cert else "http"
    if keys.first_password:
        print(f"The page's password, shown this once: {keys.first_password}", flush=True)
    print(f"The page is at {scheme}://{config.page.bind}:{server.port}", flush=True)
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        live.close()
        found.taught.close()
        server.close()
    return 0


def _settle(app: Flask) -> None:
    """Do now what the first pages would wait for, and give back what only starting needed."""
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)
    words.spare()
    gc.collect()
    memory.give_back()
    gc.freeze()  # what is loaded stays: no collection needs to look at it again while a page is made


def _end_with_stdin() -> None:
    """Wait until whoever started the page is gone, however it went; then stop."""
    # not sys.stdin.read: its lock, held here, would be missed when the interpreter ends
    while os.read(0, 1024):
        continue
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
