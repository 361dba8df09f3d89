"""The command line: `nursery-monitor COMMAND`; each command's work is done by the module it names."""

import argparse
import json
import logging
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from device import __version__, config, memory
from device.errors import NurseryError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit status: 0, 1 for a failure, 2 for something wrongly given."""
    arguments = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if arguments.verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except NurseryError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; nothing is left to say
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nursery-monitor", description="Hears the baby cry, tells the parents, keeps the history."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], help_: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help_, description=help_)
        config.add_arguments(sub)
        sub.add_argument("--verbose", action="store_true", help="log everything to stderr")
        sub.set_defaults(run=run)
        return sub

    for name, run, help_ in (
        ("up", _up, "everything in one go: broker (if none is configured), monitor, page"),
        ("run", _run, "the monitor alone, as systemd runs it"),
    ):
        sub = add(name, run, help_)
        sub.add_argument("--replay", type=Path, metavar="FILE", help="listen to a recording instead of the microphone")
        sub.add_argument("--speed", type=_speed, default=1.0, metavar="N|max", help="how fast to replay (default 1)")
        if name == "up":
            sub.add_argument(
                "--demo", action="store_true", help="a throw-away journal with simulated history and a replayed night"
            )
            sub.add_argument("--no-page", action="store_true", help="without the page")
    sub = add("analyze", _analyze, "what the monitor would hear in recordings")
    sub.add_argument("files", nargs="+", type=Path, metavar="FILE")
    sub.add_argument("--json", action="store_true", help="one JSON object a line")
    sub.add_argument("--scores", action="store_true", help="with --json: also a line per hop")
    add("devices", _devices, "the microphones that can be chosen")
    sub = add("check", _check, "looks at everything once, and sends a test alert to and fro")
    sub.add_argument("--json", action="store_true", help="as JSON")
    add("config", _config, "the settings in force and where each comes from")
    add("login", _login, "where the page is and how a phone's MQTT app connects")
    sub = add("export", _export, "the whole history as CSV or JSON")
    sub.add_argument("--format", choices=("csv", "json"), default="json")
    sub.add_argument("--output", type=Path, metavar="FOLDER|FILE", help="where to (default: JSON to the terminal)")
    sub = add("backup", _backup, "a copy of the journal, while everything runs")
    sub.add_argument("file", type=Path, metavar="FILE")
    sub = add("restore", _restore, "puts a backup in the journal's place; stop the monitor first")
    sub.add_argument("file", type=Path, metavar="FILE")
    sub.add_argument("--go-back", action="store_true", help="from a newer version: with what was heard since the backup")
    sub = add("erase", _erase, "deletes history, recordings and secrets")
    sub.add_argument("--yes", action="store_true", help="do not ask")
    sub = add("forget", _forget, "learns anew: what was said so far stays in the history, but teaches no more")
    sub.add_argument("--yes", action="store_true", help="do not ask")
    sub.add_argument("--undo", action="store_true", help="takes the last forgetting back")
    sub = add("password", _password, "a new password for the page")
    sub.add_argument("--stdin", action="store_true", help="read it from the first line of stdin instead of making one")
    for name, key, help_ in (
        ("acknowledge", "caregiver", "says: I am on my way"),
        ("arrived", "caregiver", "says: I am here"),
        ("need", "need", "says what the last crying was: hunger, discomfort, tired, pain, unsure or not_crying"),
        ("mute", "minutes", "no alerts for so many minutes; 0 ends it"),
        ("sensitivity", "sensitivity", "hear less or more readily: low, normal, high"),
        ("test", "token", "sends a test alert"),
    ):
        sub = add(name, _command, help_)
        sub.add_argument("value", nargs="?" if key in ("caregiver", "token") else None, metavar=key.upper())
        sub.set_defaults(key=key)
    return parser


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0.01 <= speed <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed; give a number from 0.01 to 10000, or max")
    return speed


def _up(arguments: argparse.Namespace) -> int:
    memory.spare()
    memory.end_without()
    from device.up import up

    return up(
        config.from_arguments(arguments),
        replay=arguments.replay,
        speed=arguments.speed,
        demo=arguments.demo,
        page=not arguments.no_page,
    )


def _run(arguments: argparse.Namespace) -> int:
    memory.spare()
    memory.end_without()
    from device.up import run

    return run(config.from_arguments(arguments), replay=arguments.replay, speed=arguments.speed)


def _analyze(arguments: argparse.Namespace) -> int:
    from device.analysis import analyze, open_ears, sentence
    from device.errors import AudioSourceError

    settings = config.from_arguments(arguments).config
    detector, thresholds = open_ears(settings)
    status = 0
    for path in arguments.files:
        try:
            for line in analyze(path, settings, detector, thresholds, with_scores=arguments.scores):
                print(json.dumps(line, ensure_ascii=False) if arguments.json else sentence(line), flush=True)
        except AudioSourceError as error:
            print(error, file=sys.stderr)
            status = error.exit_status
    return status


def _devices(arguments: argparse.Namespace) -> int:
    from device.maintenance import print_devices

    config.from_arguments(arguments)
    return print_devices()


def _check(arguments: argparse.Namespace) -> int:
    from device.maintenance import check

    return check(config.from_arguments(arguments).config, as_json=arguments.json)


def _config(arguments: argparse.Namespace) -> int:
    print(config.describe(config.from_arguments(arguments)))
    return 0


def _login(arguments: argparse.Namespace) -> int:
    from device.up import login

    print(login(config.from_arguments(arguments).config))
    return 0


def _export(arguments: argparse.Namespace) -> int:
    from device.maintenance import export

    return export(config.from_arguments(arguments).config, arguments.format, arguments.output)


def _backup(arguments: argparse.Namespace) -> int:
    from device.maintenance import backup

    return backup(config.from_arguments(arguments).config, arguments.file)


def _restore(arguments: argparse.Namespace) -> int:
    from device.maintenance import restore

    return restore(config.from_arguments(arguments).config, arguments.file, go_back=arguments.go_back)


def _erase(arguments: argparse.Namespace) -> int:
    from device.maintenance import erase

    return erase(config.from_arguments(arguments).config, sure=arguments.yes)


def _forget(arguments: argparse.Namespace) -> int:
    from device.maintenance import forget

    return forget(config.from_arguments(arguments).config, sure=arguments.yes, undo=arguments.undo)


def _password(arguments: argparse.Namespace) -> int:
    from device.maintenance import password

    return password(config.from_arguments(arguments).config, sys.stdin.readline().strip() if arguments.stdin else None)


def _command(arguments: argparse.Namespace) -> int:
    from device.maintenance import command

    payload = {arguments.key: arguments.value} if arguments.value is not None else {}
    return command(config.from_arguments(arguments).config, arguments.command, payload)


if __name__ == "__main__":
    sys.exit(main())
