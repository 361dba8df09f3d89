"""One line, in plain words, in both languages; nothing that a tired parent has to work out."""

from dataclasses import fields, replace
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from device.clock import Instant
from device.events import (
    EpisodeAcknowledged,
    EpisodeAlerted,
    EpisodeEnded,
    EpisodeEscalated,
    EpisodeEvent,
    EpisodeResponded,
    EpisodeStarted,
    EpisodeTagged,
    FaultCleared,
    FaultRaised,
    MicLost,
    MicRestored,
    Tested,
)
from device.record import AlertMark, Episode, Mark, NeedGuess
from device.texts import (
    FAULT_CODES,
    LANGUAGES,
    acknowledge_label,
    clock_time,
    duration,
    fault_advice,
    fault_title,
    line,
    untold,
)
from device.vocabulary import Distress, Mic, Need, Outcome, Source
from device.words import DE, EN
from tests.fakes import START


def cried(seconds: float = 40.0, distress: float = 0.8, **changes: Any) -> tuple[Instant, Episode]:
    episode = Episode("e", START, distress=distress, alerts=(AlertMark(4.0, 1),))
    return START.plus(seconds), replace(episode, **changes)


def guess(need: Need, p: float) -> NeedGuess:
    return NeedGuess(need, {need: p}, 10)


@pytest.mark.parametrize(
    ("seconds", "distress", "changes", "english", "german"),
    [
        (40, 0.8, {}, "Baby crying hard for 40 s", "Baby schreit sehr aufgebracht seit 40 s"),
        (3, 0.5, {}, "Baby crying for 3 s", "Baby schreit seit 3 s"),
        (90, 0.1, {}, "Baby fussing for 2 min", "Baby quengelt seit 2 min"),
        (
            40,
            0.5,
            {"guess": guess(Need.TIRED, 0.7)},
            "Baby crying for 40 s, perhaps tired",
            "Baby schreit seit 40 s, vielleicht müde",
        ),
        (40, 0.5, {"guess": guess(Need.HUNGER, 0.4)}, "Baby crying for 40 s", "Baby schreit seit 40 s"),
        (40, 0.5, {"guess": guess(Need.UNSURE, 0.9)}, "Baby crying for 40 s", "Baby schreit seit 40 s"),
    ],
)
def test_an_alert_says_what_since_when_how_and_a_guess_only_if_it_is_worth_it(
    seconds: float, distress: float, changes: dict[str, Any], english: str, german: str
) -> None:
    at, episode = cried(seconds, distress, **changes)
    assert line(EpisodeAlerted(at, episode)) == english
    assert line(EpisodeAlerted(at, episode), language="de") == german


def test_an_alert_that_was_delayed_counts_the_delay() -> None:
    at, episode = cried(40)
    assert line(EpisodeAlerted(at, episode), age_s=20.0).startswith("Baby crying hard for 60 s")


def test_escalation_and_reminder() -> None:
    at, episode = cried(130)
    assert line(EpisodeEscalated(at, episode, level=2)) == ("Baby still crying hard after 2 min, nobody has answered yet")
    assert line(EpisodeEscalated(at, replace(episode, guess=guess(Need.TIRED, 0.7)), level=2), language="de") == (
        "Nach 2 min noch immer: Baby schreit sehr aufgebracht, vielleicht müde. Noch hat niemand geantwortet"
    )
    ana = replace(episode, acknowledged=Mark(20.0, Source.MQTT, "Ana"))
    assert line(EpisodeEscalated(at, ana, reminder=True)) == (
        "Ana is on the way, but the baby has been crying hard for 2 min and nobody is there yet"
    )
    seemed = replace(episode, arrived=Mark(20.0, Source.MOTION))
    assert line(EpisodeEscalated(at, seemed, reminder=True)) == (
        "Somebody seemed to be there, but the baby has been crying hard for 2 min"
    )


@pytest.mark.parametrize(
    ("event", "changes", "text"),
    [
        (EpisodeStarted, {}, "Crying heard"),
        (EpisodeAcknowledged, {"acknowledged": Mark(9.0, Source.MQTT, "Ana")}, "Ana is on the way"),
        (EpisodeAcknowledged, {"acknowledged": Mark(9.0, Source.BUTTON)}, "Somebody is on the way"),
        (EpisodeResponded, {"arrived": Mark(9.0, Source.PAGE, "Ben")}, "Ben is with the baby"),
        (EpisodeResponded, {"arrived": Mark(9.0, Source.VOICE)}, "A voice was heard; somebody seems to be with the baby"),
        (
            EpisodeResponded,
            {"arrived": Mark(9.0, Source.MOTION)},
            "Something moved in the room; somebody seems to be with the baby",
        ),
        (
            EpisodeEnded,
            {"outcome": Outcome.ANSWERED, "offset_s": 300.0},
            "Calm again, 5 min after the crying began",
        ),
        (EpisodeEnded, {"outcome": Outcome.SELF_SETTLED, "offset_s": 60.0}, "Baby settled alone after 60 s"),
        (EpisodeTagged, {"need": Need.HUNGER}, ""),
    ],
)
def test_what_happens_is_said(event: type[EpisodeEvent], changes: dict[str, Any], text: str) -> None:
    assert line(event(*cried(10, **changes))) == text


def test_what_was_not_told_says_when() -> None:
    at, episode = cried(40)
    at = replace(at, utc=1_795_486_447.0)  # 2026-11-24 02:14:07 UTC
    alert = EpisodeAlerted(at, episode)
    assert untold(alert, zone=UTC) == "Baby was crying hard; you were not told at 02:14"
    assert untold(alert, zone=ZoneInfo("Europe/Berlin"), language="de") == (
        "Nicht angekommen um 03:14: Baby schreit sehr aufgebracht"
    )
    wrong_clock = replace(alert, at=replace(at, synced=False))
    assert untold(wrong_clock, age_s=600.0) == "Baby was crying hard; you were not told 10 min ago"
    assert untold(wrong_clock) == "Baby was crying hard; you were not told"
    assert untold(MicLost(at, "Unplugged.")) == line(MicLost(at, "Unplugged."))


def test_the_device_speaks_of_itself() -> None:
    assert line(MicLost(START, "It is unplugged.")) == "The monitor cannot hear: It is unplugged."
    assert line(MicLost(START, "Muted.", mic=Mic.SILENT)) == "The monitor hears nothing at all: Muted."
    assert line(MicRestored(START, "USB")) == "The monitor hears again"
    assert line(FaultRaised(START, "12 MB free.", code="disk_low")) == "The memory card is nearly full: 12 MB free."
    assert line(FaultCleared(START, "12 MB free.", code="disk_low")) == "Solved: The memory card is nearly full"
    assert line(FaultRaised(START, "", code="disk_low")) == "The memory card is nearly full"
    assert line(Tested(START, "x", token="t")) == "Test alert: everything works"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (89.4, "89 s"),
        (89.6, "1 min"),
        (3540, "59 min"),
        (3600, "1 h 0 min"),
        (9000, "2 h 30 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_time_of_day_follows_the_familys_zone_and_its_summer_time() -> None:
    assert clock_time(Instant(0.0, 1_790_043_240.0), ZoneInfo("Europe/Berlin")) == "04:14"
    assert clock_time(Instant(0.0, 1_795_486_447.0), ZoneInfo("Europe/Berlin")) == "03:14"


def test_every_fault_has_a_title_in_both_languages() -> None:
    for code in FAULT_CODES:
        titles = {fault_title(code, language) for language in LANGUAGES}
        assert len(titles) == 2 and "" not in titles
        assert fault_advice(code, "Only 12 MB are free.") == "Only 12 MB are free."
        assert fault_advice(code, "Only 12 MB are free.", "de") not in ("", "Only 12 MB are free.")
    assert fault_title("never_heard_of") == "never_heard_of"
    assert fault_advice("never_heard_of", "Something new.", "de") == "Something new."


def test_both_languages_say_everything() -> None:
    for words in (EN, DE):
        for item in fields(words):
            value = getattr(words, item.name)
            texts = value.values() if isinstance(value, dict) else [value]
            assert all(texts), item.name
        assert set(words.grade) == set(Distress)
        assert set(words.need) == set(Need) - {Need.UNSURE}
        assert set(words.ended) == set(Outcome)
    assert acknowledge_label() == "On my way" and acknowledge_label("de") == "Bin unterwegs"


def test_every_line_is_one_short_line() -> None:
    for language in LANGUAGES:
        for distress in (0.1, 0.5, 0.9):
            at, episode = cried(7000, distress, guess=guess(Need.DISCOMFORT, 0.9))
            for event in (
                EpisodeAlerted(at, episode),
                EpisodeEscalated(at, episode),
                EpisodeEscalated(at, episode, reminder=True),
            ):
                text = line(event, language=language)
                assert "\n" not in text and len(text) <= 120 and "{" not in text
