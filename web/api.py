"""The same as JSON, for programs of the house: /api/v1, described in openapi.json."""

from dataclasses import asdict, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from device.commands import COMMANDS
from device.errors import JournalError
from device.journal import Span
from device.wire import encode_episode, encode_part, encode_state
from web.day import coverage, day_edges, day_of
from web.figures import PERIODS, Figures
from web.health import week as covered_week
from web.history import asked
from web.insights import figures
from web.letter import asked as asked_week
from web.letter import week
from web.parts import now_utc, parts, reader, words

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

MOST = 500
FORBIDDEN_COMMANDS = {"import"}
"""Diaries are read and checked by the page itself."""


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """The description of this interface."""
    return Response(Path(__file__).with_name("openapi.json").read_bytes(), mimetype="application/json")


@blueprint.get("/now")
def now() -> Response:
    """The monitor's state, whether it answers, and how old the state is."""
    live = parts().live.now()
    return jsonify(
        reachable=live.reachable,
        age_s=round(live.age_s, 1),
        state=None if live.state is None else encode_state(live.state),
    )


@blueprint.get("/episodes")
def episodes() -> Response:
    """Episodes, newest first, filtered as the list is."""
    wanted = asked()
    since, until = wanted.times(words())
    limit, offset = _number("limit", 50, 1, MOST), _number("offset", 0, 0, 10_000_000)
    chosen: dict[str, Any] = {
        "since_utc": since,
        "until_utc": until,
        "outcome": wanted.outcome,
        "need": wanted.need,
        "caregiver": wanted.caregiver or None,
    }
    found = reader().episodes(**chosen, limit=limit, offset=offset)
    return jsonify(total=reader().count(**chosen), offset=offset, episodes=[encode_episode(each) for each in found])


@blueprint.get("/episodes/<name>")
def episode(name: str) -> Response:
    """One episode, with its events in order."""
    found = reader().episode(name)
    if found is None:
        abort(404)
    events = [{"type": each.event.event_type, "at_utc": each.event.at.utc} for each in reader().events(name)]
    return jsonify(episode=encode_episode(found), events=events)


@blueprint.get("/days/<day>")
def day(day: str) -> Response:
    """A local day: its episodes, coverage and diary entries."""
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
    days = _number("days", 28, 1, 90)
    if days not in PERIODS:
        abort(400, f"days = {days}: must be one of {', '.join(map(str, PERIODS))}")
    return jsonify(_figures(figures(days)))


@blueprint.get("/letter")
def letter() -> Response:
    """The weekly letter's figures."""
    first = asked_week()
    found = week(first)
    names = [item.name for item in fields(found) if item.name not in ("first", "outcomes", "outcomes_before", "needs")]
    plain = {name: encode_part(getattr(found, name)) for name in names}
    return jsonify({"first": first.isoformat(), "last": (first + timedelta(days=6)).isoformat(), **plain, **_counts(found)})


@blueprint.get("/health")
def health() -> Response:
    """How much of each of the last seven days was listened to, and the faults that stand."""
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
    payload = request.get_json(silent=True) if request.is_json else None
    if not isinstance(payload, dict):
        abort(400, "Send an object as application/json.")
    parts().live.ask(name, payload)
    return jsonify(ok=True)


def _number(name: str, default: int, low: int, high: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text[:12]) <= high or len(text) > 12:
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
