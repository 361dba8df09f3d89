"""The small commands: devices, check, export, backup, restore, erase, password, and what is said to the running monitor."""

import json
import sys
from pathlib import Path
from typing import Any

from device import credentials
from device.address import Address, address_of
from device.config import data_dir, journal_path, socket_path
from device.control_client import ControlClient
from device.ears import make_detector
from device.errors import ControlError, NurseryError
from device.quiet import family_zone
from device.settings import Config
from device.texts import duration
from device.vocabulary import Mic
from device.wire import decode_state

ROUND_TRIP_S = 10.0


def command(config: Config, name: str, payload: dict[str, object]) -> int:
    """Send one command to the running monitor.

    Raises:
        ControlError: no monitor is running.
        CommandError: the command makes no sense.
    """
    with ControlClient(socket_path(config)) as client:
        client.send(name, payload)
    print("Done.")
    return 0


def check(config: Config, *, as_json: bool) -> int:
    """Look at every part once; gives 0 if a cry would be heard and told now, else 1."""
    rows = [_monitor(config), _ears(config), _round_trip(config)]
    if as_json:
        print(json.dumps({name: {"ok": ok, "text": text, **more} for name, ok, text, more in rows}, ensure_ascii=False))
    else:
        for name, ok, text, _ in rows:
            print(f"{'ok  ' if ok else 'NOT '} {name}: {text}")
    return 0 if all(ok for _, ok, _, _ in rows) else 1


Row = tuple[str, bool, str, dict[str, Any]]


def _monitor(config: Config) -> Row:
    try:
        with ControlClient(socket_path(config)) as client:
            state = decode_state(client.state())
    except (NurseryError, ValueError) as error:
        return "monitor", False, str(error), {}
    text = f"listening with {state.device}" if state.mic is Mic.OK else state.mic_text or "no sound"
    faults = [fault.text for fault in state.faults]
    off = []
    if state.muted_s:
        off.append(f"alerts are muted for another {duration(state.muted_s)}")
    if state.quiet_hours:
        off.append(f"quiet hours {state.quiet_between}: no phone rings for crying now")
    well = state.mic is Mic.OK and not faults and not off
    return "monitor", well, "; ".join([text, *faults, *off]), {"mic": state.mic.value, "faults": faults}


def _ears(config: Config) -> Row:
    try:
        detector = make_detector(config)
    except NurseryError as error:
        return "ears", False, str(error), {}
    return "ears", True, ", ".join(detector.ears), {"ears": list(detector.ears)}


def _round_trip(config: Config) -> Row:
    """Send a test alert through broker and monitor and back, as a phone would."""
    from device.roundtrip import round_trip

    try:
        trip = round_trip(_broker(config), config.nursery.id, timeout_s=ROUND_TRIP_S)
    except NurseryError as error:
        return "alert", False, str(error), {}
    text = f"a test alert came back after {trip.seconds * 1000:.0f} ms: {trip.text}"
    return "alert", True, text, {"round_trip_s": round(trip.seconds, 3)}


def _broker(config: Config) -> Address:
    """The broker as a phone on this machine reaches it."""
    if config.mqtt.host:
        return address_of(config.mqtt)
    secrets, _ = credentials.load_or_create(data_dir(config))
    broker = config.broker
    host = "127.0.0.1" if broker.bind in ("0.0.0.0", "::", "") else broker.bind
    return Address(host, broker.port, secrets.mqtt_user, secrets.mqtt_password, bool(broker.tls_cert), broker.tls_cert)


def print_devices() -> int:
    """List the microphones.

    Raises:
        AudioSourceError: there is none, or no sound system.
    """
    from device.microphone import devices

    print("\n".join(devices()))
    return 0


def backup(config: Config, target: Path) -> int:
    """Copy the journal while everything runs."""
    from device.journal_backup import backup as copy

    copy(journal_path(config), target)
    print(f"Backed up to {target}.")
    return 0


def restore(config: Config, source: Path, *, go_back: bool = False) -> int:
    """Put a backup in the journal's place; to `go_back` from a newer version, with what was heard meanwhile."""
    _not_running(config, "restore")
    if go_back:
        from device.journal_return import go_back as go

        back = go(source, journal_path(config))
        print(f"Restored from {source}, with {back.carried} episodes heard since.", end="")
        print(f" The newer version's journal is kept as {back.aside}." if back.aside else "")
        return 0
    from device.journal_backup import restore as put_back

    aside = put_back(source, journal_path(config))
    print(f"Restored from {source}." + (f" The journal that was there is kept as {aside}." if aside else ""))
    return 0


def erase(config: Config, *, sure: bool) -> int:
    """Delete history, recordings and secrets."""
    _not_running(config, "erase")
    folder = data_dir(config)
    if not sure and input(f"Delete everything in {folder}? Type yes: ") != "yes":
        print("Nothing was deleted.")
        return 1
    from device.journal_backup import erase as delete

    delete(folder)
    print(f"Everything in {folder} is deleted.")
    return 0


def forget(config: Config, *, sure: bool, undo: bool) -> int:
    """Ask the running monitor to learn anew, or to let what was said before teach again.

    Raises:
        ControlError: no monitor is running.
    """
    with ControlClient(socket_path(config)) as client:
        if not undo and not sure and input("Learn anew, from the next cry on? The history stays. Type yes: ") != "yes":
            print("Nothing was forgotten.")
            return 1
        client.send("forget", {"undo": undo})
    if undo:
        print("What was said before teaches again.")
    else:
        print("It learns anew from the next cry on. `nursery-monitor forget --undo` takes that back.")
    return 0


def export(config: Config, form: str, output: Path | None) -> int:
    """Write out the whole history."""
    from device.journal_export import export_csv, export_json

    if form == "csv":
        folder = output or Path.cwd()
        for path in export_csv(journal_path(config), folder, family_zone(config.nursery.time_zone)):
            print(path)
        return 0
    pieces = export_json(journal_path(config), family_zone(config.nursery.time_zone))
    if output is None:
        sys.stdout.writelines(pieces)
        return 0
    with output.open("w", encoding="utf-8") as file:
        file.writelines(pieces)
    return 0


def password(config: Config, wished: str | None) -> int:
    """Set the page's password to `wished`, or to a new random one that is shown."""
    if wished is not None and len(wished) < 8:
        raise NurseryError("The password is too short; give at least 8 characters")
    folder = data_dir(config)
    kept, _ = credentials.load_or_create(folder)
    new = wished or credentials.new_password()
    credentials.store(folder, credentials.with_password(kept, new))
    print("The page's password is changed." if wished else f"The page's new password is {new}")
    return 0


def _not_running(config: Config, what: str) -> None:
    try:
        ControlClient(socket_path(config)).close()
    except ControlError:
        return
    raise NurseryError(f"The monitor is running; stop it before you {what}")
