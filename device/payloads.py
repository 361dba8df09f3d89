"""What is said on each MQTT topic, as plain dictionaries: pure functions of events and state."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from device.clock import Instant
from device.events import (
    DeviceEvent,
    EpisodeAcknowledged,
    EpisodeAlerted,
    EpisodeEscalated,
    EpisodeEvent,
    EpisodeResponded,
    Event,
    FaultCleared,
    FaultRaised,
    MicLost,
    Tested,
)
from device.record import SUREST, Episode, Mark, NeedGuess
from device.sinks import MonitorState
from device.texts import fault_advice, fault_title

Payload = dict[str, Any]

EVENT_TYPES = (
    "started",
    "alerted",
    "escalated",
    "acknowledged",
    "responded",
    "ended",
    "tagged",
    "edited",
    "mic_lost",
    "mic_restored",
    "fault",
    "fault_cleared",
    "test",
)
"""The events that leave the device."""

TODAY = ("episodes", "answered", "self_settled", "unanswered", "crying_s", "median_response_s")
"""What `today` always holds; further keys may come."""


def iso(at: Instant) -> str:
    """UTC as `2026-11-24T02:14:07Z`."""
    return datetime.fromtimestamp(at.utc, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tag(episode: Episode) -> str | None:
    """What the parents said it was: a need, "not_crying", or None if they said nothing."""
    return "not_crying" if episode.false_alarm else episode.need


def episode_payload(episode: Episode | None) -> Payload:
    """The topic `episode`; durations in seconds. Parents' notes stay in the house's journal."""
    if episode is None:
        return {"id": None, "open": False, "tag": None, "distress": None, "outcome": None}
    guess = episode.guess
    return {
        "id": episode.id,
        "open": episode.open,
        "onset": iso(episode.onset),
        "synced": episode.onset.synced,
        "offset_s": _rounded(episode.offset_s),
        "crying_s": _rounded(episode.crying_s),
        "distress": episode.grade.value,
        "alerts": len(episode.alerts),
        "level": episode.alerts[-1].level if episode.alerts else 0,
        "alert_s": _rounded(episode.alert_s),
        "acknowledged": _mark(episode.acknowledged),
        "arrived": _mark(episode.arrived),
        "time_to_acknowledge_s": _rounded(episode.time_to_acknowledge_s),
        "time_to_response_s": _rounded(episode.time_to_response_s),
        "time_to_calm_s": _rounded(episode.time_to_calm_s),
        "outcome": episode.outcome,
        "guess": None if guess is None else guess.guess.value,
        "guess_p": _sure(guess),
        "tag": tag(episode),
        "helped": [helped.value for helped in episode.helped],
    }


def event_payload(event: Event, *, age_s: float | None, told: bool, text: str) -> Payload:
    """The topic `event`.

    `age_s` is how long ago it happened (None: unknown, after a restart with an unset clock); `told` is False for what
    ought to have rung and came too late to.
    """
    payload: Payload = {
        "event_type": event.event_type,
        "id": event.id,
        "at": iso(event.at),
        "synced": event.at.synced,
        "age_s": _rounded(age_s),
        "told": told,
        "text": text,
    }
    match event:
        case EpisodeAlerted():
            payload |= {"level": 1, "reminder": False, "quiet": event.quiet}
        case EpisodeEscalated():
            payload |= {"level": event.level, "reminder": event.reminder, "quiet": event.quiet}
        case EpisodeAcknowledged():
            payload |= _mark(event.episode.acknowledged) or {}
        case EpisodeResponded():
            payload |= _mark(event.episode.arrived) or {}
        case MicLost():
            payload |= {"mic": event.mic.value}
        case FaultRaised() | FaultCleared():
            payload |= {"code": event.code}
        case Tested():
            payload |= {"token": event.token}
        case DeviceEvent() | EpisodeEvent():
            pass
    if isinstance(event, EpisodeEvent):
        payload["episode"] = episode_payload(event.episode)
    return payload


def today_payload(state: MonitorState, last_response_s: float | None) -> Payload:
    """The topic `today`: the day's counts and times, and the last time to response of any day."""
    return {**dict.fromkeys(TODAY), **state.today, "last_response_s": _rounded(last_response_s)}


def settings_payload(state: MonitorState) -> Payload:
    """The topic `settings`: what can be changed by a command."""
    return {
        "muted": state.muted_s > 0,
        "muted_until": iso(state.at.plus(state.muted_s)) if state.muted_s else None,
        "sensitivity": state.sensitivity,
        "quiet_hours": state.quiet_hours,
        "quiet_between": state.quiet_between,
        "alert_after_s": state.alert_after_s,
    }


def health_payload(state: MonitorState, language: str) -> Payload:
    """The topic `health`: how the monitor itself is; levels in dBFS, coverage as the share of today it was listening."""
    return {
        "listening": state.mic == "ok",
        "mic_text": state.mic_text,
        "device": state.device,
        "source": state.source,
        "faults": [
            {
                "code": fault.code,
                "title": fault_title(fault.code, language),
                "text": fault_advice(fault.code, fault.text, language),
                "since": iso(fault.at),
            }
            for fault in state.faults
        ],
        "level_dbfs": _rounded(state.level_dbfs),
        "noise_floor_dbfs": _rounded(state.noise_floor_dbfs),
        "coverage": state.today.get("coverage"),
        "clock_synced": state.at.synced,
        "ears": list(state.ears),
        "demo": state.demo,
        "version": state.version,
    }


def reply_payload(command: str, error: str = "") -> Payload:
    """The topic `reply`: that a command was taken, or what was wrong with it."""
    return {"command": command, "ok": not error} | ({"error": error} if error else {})


def _mark(mark: Mark | None) -> Payload | None:
    if mark is None:
        return None
    return {
        "at_s": _rounded(mark.at_s),
        "source": mark.source.value,
        "caregiver": mark.caregiver,
        "inferred": mark.inferred,
    }


def _sure(guess: NeedGuess | None) -> float | None:
    p = None if guess is None else guess.p.get(guess.guess)
    return None if p is None else _rounded(min(SUREST, p), 2)


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(float(value), digits)


def steady(payload: Mapping[str, Any], moving: tuple[str, ...]) -> Payload:
    """The payload without what moves all the time, to see whether anything else has changed."""
    return {key: value for key, value in payload.items() if key not in moving}
