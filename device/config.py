"""A TOML file becomes frozen settings: every mistake is reported at once, and secrets are masked when shown."""

import argparse
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from device.checks import MASK, check_together, check_value, meant
from device.errors import ConfigError
from device.settings import Config, sections


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings in force; `origins` says of each "table.key" where it came from."""

    config: Config
    origins: Mapping[str, str]
    path: Path | None


def default_path() -> Path | None:
    """The first file that exists: $NURSERY_MONITOR_CONFIG, the user's own, then /etc/nursery-monitor/config.toml."""
    named = os.environ.get("NURSERY_MONITOR_CONFIG")
    if named:
        return Path(named)
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for path in (home / "nursery-monitor" / "config.toml", Path("/etc/nursery-monitor/config.toml")):
        if path.exists():
            return path
    return None


def load(path: Path | None = None, overrides: Mapping[str, object] | None = None) -> Loaded:
    """Read the settings from `path` (None: `default_path()`; no file: defaults), then apply `overrides` by "table.key".

    Raises:
        ConfigError: with every problem found, each naming the file's line or the key.
    """
    path = path if path is not None else default_path()
    text = ""
    if path is not None:
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError as error:
            raise ConfigError(
                [f"{path}: there is no such file; create it, or leave --config out for the defaults"]
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([f"{path}: cannot be read ({error}); it must be a UTF-8 text file"]) from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: not valid TOML: {error}"]) from error
    return _build(raw, overrides or {}, path, text)


def _build(raw: Mapping[str, Any], overrides: Mapping[str, object], path: Path | None, text: str) -> Loaded:
    known = sections()
    problems: list[str] = []
    values: dict[str, dict[str, Any]] = {table: {} for table in known}
    origins = {f"{table}.{key}": "default" for table, keys in known.items() for key in keys}

    def where(table: str, key: str = "") -> str:
        return f"{path}:{_line(text, table, key)}"

    for table, entries in raw.items():
        if table not in known:
            problems.append(f"{where(table)}: unknown table [{table}]{meant(table, known)}")
        elif not isinstance(entries, dict):
            problems.append(f"{where(table)}: {table} must be a table; write [{table}] on a line of its own")
        else:
            for key, value in entries.items():
                if key not in known[table]:
                    problems.append(f"{where(table, key)}: unknown setting {table}.{key}{meant(key, known[table])}")
                    continue
                problem, values[table][key] = check_value(f"{table}.{key}", value, known[table][key])
                if problem:
                    problems.append(f"{where(table, key)}: {problem}")
                origins[f"{table}.{key}"] = f"{path}:{_line(text, table, key)}"
    for name, value in overrides.items():
        table, _, key = name.partition(".")
        if key not in known.get(table, {}):
            problems.append(f"--set {name}: unknown setting{meant(name, origins)}")
            continue
        problem, values[table][key] = check_value(name, _from_text(value), known[table][key])
        if problem:
            problems.append(f"--set {problem}")
        origins[name] = "command line"
    if problems:
        raise ConfigError(problems)
    config = Config(
        **{
            table.name: table.default_factory(**values[table.name])
            for table in fields(Config)
            if table.default_factory is not MISSING
        }
    )
    check_together(config)
    return Loaded(config, origins, path)


def _from_text(value: object) -> object:
    """Read an override given as text the way the file would be read; what is no TOML is taken as plain text."""
    if not isinstance(value, str):
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _line(text: str, table: str, key: str) -> int:
    """Line of a key (or of its table) in the file, counting from 1."""
    inside = False
    found = 1
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line):
            inside = match[1].strip('"') == table
            found = number if inside else found
        elif not key and re.match(rf"\s*\"?{re.escape(table)}\"?\s*[.=]", line):
            return number
        if key and (
            re.match(rf"\s*\"?{re.escape(key)}\"?\s*=", line)
            and inside
            or re.match(rf"\s*{table}\.{re.escape(key)}\s*=", line)
        ):
            return number
    return found


def data_dir(config: Config) -> Path:
    """Where history and secrets are kept; not created here."""
    if config.nursery.data_dir:
        return Path(config.nursery.data_dir).expanduser()
    if state := os.environ.get("STATE_DIRECTORY"):
        return Path(state.split(":")[0])
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "nursery-monitor"


def socket_path(config: Config) -> Path:
    """Where the monitor's control socket is."""
    if config.nursery.control_socket:
        return Path(config.nursery.control_socket).expanduser()
    if run := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(run.split(":")[0]) / "control.sock"
    return data_dir(config) / "control.sock"


def journal_path(config: Config) -> Path:
    """Where the journal is."""
    return data_dir(config) / "journal.db"


def describe(loaded: Loaded) -> str:
    """Every setting in force as TOML, with where it came from; secrets are masked."""
    lines = [f"# {loaded.path or 'no configuration file: defaults'}"]
    for table, keys in sections().items():
        lines.append(f"\n[{table}]")
        for key, item in keys.items():
            value = getattr(getattr(loaded.config, table), key)
            text = f'"{MASK}"' if item.metadata["secret"] and value else toml(value)
            lines.append(f"{key} = {text}  # {loaded.origins[f'{table}.{key}']}")
    return "\n".join(lines)


def toml(value: Any) -> str:
    """Write a value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml(key)} = {toml(entry)}" for key, entry in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a command the options that choose the configuration."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration file (default: the first that exists)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="TABLE.KEY=VALUE", help="override a setting; may be given again"
    )


def from_arguments(arguments: argparse.Namespace) -> Loaded:
    """Read the configuration that a command's options choose.

    Raises:
        ConfigError: with every problem found.
    """
    pairs = [text.partition("=") for text in arguments.set]
    if bad := [name for name, sign, _ in pairs if not sign]:
        raise ConfigError([f"--set {name}: write it as table.key=value" for name in bad])
    return load(arguments.config, {name: value for name, _, value in pairs})
