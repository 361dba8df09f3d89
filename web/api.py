"""The same as JSON, for programs of the house: /api/v1, described in openapi.json."""

import re
from dataclasses import asdict, fields
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from flask import Blueprint, Response, abort, jsonify, request

from device.asked import refuse
from device.commands import COMMANDS, parse
from device.config import journal_path
from device.errors import JournalError
from device.inputs import Edit
from device.journal import Span
from device.vocabulary import Need, Outcome, Source
from device.wire import encode_episode, encode_part, encode_state
from web.day import coverage, day_edges, day_of
from web.figures import PERIODS, Figures
from web.health import week as covered_week
from web.history import FIRST_DAY, LAST_DAY, LONGEST_NAME, Filter
from web.insights import figures
from web.letter import asked as asked_week
from web.letter import week
from web.parts import json_object, now_utc, parts, reader, words

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

MOST = 500
FULL_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
Choice = TypeVar("Choice", Need, Outcome)
FORBIDDEN_COMMANDS = {"import"}
"""Diaries are read and checked by the page itself."""

NUMBERS = {"minutes", "alert_after_s", "at_s"}
"""Keys whose values are numbers: in JSON these are no text, though MQTT's bare words are."""


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The description of this interface."""
    return Response(Path(__file__).with_name("openapi.json").read_bytes(), mimetype="application/json")


@blueprint.get("/now")
def now() -> Response:
    """The monitor's state, whether it answers, and how old the state is."""
    _given()
    live = parts().live.now()
    return jsonify(
        reachable=live.reachable,
        age_s=round(live.age_s, 1),
        state=None if live.state is None else encode_state(live.state),
    )


@blueprint.get("/episodes")
def episodes() -> Response:
    """Episodes, newest first, filtered as the list is."""
    given = _given("since", "until", "outcome", "need", "caregiver", "limit", "offset")
    if len(given.get("caregiver", "")) > LONGEST_NAME:
        abort(400, f"caregiver: a name has at most {LONGEST_NAME} letters")
    since, until = (_day(given[name], name) if name in given else None for name in ("since", "until"))
    first, last = Filter(since, until).times(words())
    limit, offset = _number("limit", 50, 1, MOST), _number("offset", 0, 0, 10_000_000)
    chosen: dict[str, Any] = {
        "since_utc": first,
        "until_utc": last,
        "outcome": _among("outcome", tuple(Outcome)),
        "need": _among("need", tuple(Need)),
        "caregiver": given.get("caregiver"),
    }
    found = reader().episodes(**chosen, limit=limit, offset=offset)
    return jsonify(total=reader().count(**chosen), offset=offset, episodes=[encode_episode(each) for each in found])


@blueprint.get("/episodes/<name>")
def episode(name: str) -> Response:
    """One episode, with its events in order."""
    _given()
    found = reader().episode(name)
    if found is None:
        abort(404)
    events = [{"type": each.event.event_type, "at_utc": each.event.at.utc} for each in reader().events(name)]
    return jsonify(episode=encode_episode(found), events=events)


@blueprint.get("/days/<day>")
def day(day: str) -> Response:
    """A local day: its episodes, coverage and diary entries."""
    _given()
    if not FULL_DATE.fullmatch(day):
        abort(404)
    shown = day_of(day)
    edges = day_edges(shown, words())
    return jsonify(
        day=shown.isoformat(),
        episodes=[encode_episode(each) for each in reader().episodes(since_utc=edges[0], until_utc=edges[-1])],
        coverage=[_span(span) for span in coverage(edges[0], min(edges[-1], now_utc()))],
        diary=[asdict(each) for each in reader().contexts(edges[0], edges[-1])],
    )


@blueprint.get("/insights")
def insights() -> Response:
    """The figures of a period."""
    _given("days")
    days = _number("days", 28, 1, 90)
    if days not in PERIODS:
        abort(400, f"days = {days}: must be one of {', '.join(map(str, PERIODS))}")
    return jsonify(_figures(figures(days)))


@blueprint.get("/letter")
def letter() -> Response:
    """The weekly letter's figures."""
    if not FULL_DATE.fullmatch(_given("week").get("week", "2000-01-03")):
        abort(404)
    first = asked_week()
    found = week(first)
    names = [item.name for item in fields(found) if item.name not in ("first", "outcomes", "outcomes_before", "needs")]
    plain = {name: encode_part(getattr(found, name)) for name in names}
    return jsonify({"first": first.isoformat(), "last": (first + timedelta(days=6)).isoformat(), **plain, **_counts(found)})


@blueprint.get("/health")
def health() -> Response:
    """How much of each of the last seven days was listened to, and the faults that stand."""
    _given()
    live = parts().live.now()
    try:
        demo = reader().meta().get("demo") == "1"
    except JournalError:
        demo = False
    return jsonify(
        reachable=live.reachable,
        demo=demo or bool(live.state and live.state.demo),
        faults=[encode_part(fault) for fault in live.state.faults] if live.state and live.reachable else [],
        days=[{"day": each.day.isoformat(), "listened": round(each.share, 4)} for each in covered_week()],
    )


@blueprint.post("/commands/<name>")
def command(name: str) -> Response:
    """Ask the monitor for something; the payload is that of the MQTT topic cmd/<name>."""
    if name not in COMMANDS or name in FORBIDDEN_COMMANDS:
        abort(404)
    _given()
    payload = json_object()
    if payload is None:
        abort(400, "Send an object as application/json.")
    for key in NUMBERS & payload.keys():
        if isinstance(payload[key], str):
            abort(400, f"{key} = {payload[key][:40]!r}: must be a number, not text")
    asked = parse(name, payload, parts().clock.now(), Source.PAGE)
    state = parts().live.now().state
    if isinstance(asked, Edit) and asked.action == "undo":
        if not reader().undoable(asked.episode_id):
            abort(409, words()._("There was nothing to take back."))
    elif state is not None:
        refuse(asked, state, journal_path(parts().config))
    parts().live.ask(name, payload)
    return jsonify(ok=True)


def _given(*known: str) -> dict[str, str]:
    """What stands in the address: each name once, with a value; anything else is a mistake that should be told."""
    for name, values in request.args.lists():
        if name not in known:
            abort(400, f"{name[:40]!r} is not understood here; possible are {', '.join(known) or 'no parameters at all'}")
        if len(values) != 1 or not values[0]:
            abort(400, f"{name}: give it once, with a value, or not at all")
    return request.args.to_dict()


def _among(name: str, known: tuple[Choice, ...]) -> Choice | None:
    value = request.args.get(name)
    if value is not None and value not in known:
        abort(400, f"{name} = {value[:40]!r}: must be one of {', '.join(known)}")
    return next((each for each in known if each == value), None)


def _day(text: str, name: str) -> date:
    """A date; those that no clock shows are moved to the nearest that one might."""
    try:
        if FULL_DATE.fullmatch(text):
            return min(max(date.fromisoformat(text), FIRST_DAY), LAST_DAY)
    except ValueError:
        pass
    abort(400, f"{name} = {text[:40]!r}: must be a date like 2026-03-29")


def _number(name: str, default: int, low: int, high: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 12 or not low <= int(text) <= high:
        abort(400, f"{name} = {text[:40]!r}: must be a whole number from {low} to {high}")
    return int(text)


def _span(span: Span) -> dict[str, Any]:
    return asdict(span)


def _counts(found: Any) -> dict[str, Any]:
    return {
        name: {"open" if key is None else str(key): count for key, count in getattr(found, name).items()}
        for name in ("outcomes", "outcomes_before")
        if hasattr(found, name)
    } | {"needs": {"untagged" if key is None else str(key): count for key, count in found.needs.items()}}


def _figures(f: Figures) -> dict[str, Any]:
    plain = {
        name: encode_part(getattr(f, name))
        for name in (
            "usual",
            "usual_before",
            "curve",
            "curve_before",
            "day_night",
            "typical",
            "calm",
            "soothed",
            "rhythm",
            "window",
        )
    }
    by_day = [
        {
            "day": day.day.isoformat(),
            "listened": round(day.listened, 4),
            "minutes": {str(k): v for k, v in day.minutes.items()},
        }
        for day in f.by_day
    ]
    return {"days": f.days, **plain, **_counts(f), "by_day": by_day}
