"""Words, dates and durations of the page: every language complete, every clock change right."""

import io
import re
from dataclasses import fields
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from device.clock import Instant
from device.quiet import family_zone
from device.record import AlertMark, Episode, NeedGuess
from device.statistics import Usual
from device.texts import acknowledge_label
from device.vocabulary import Distress, Need
from device.words import DE, FAULTS
from tests.fakes import START
from web.insight_pictures import usually
from web.present import distress_word, guess, need_word, nothing_heard
from web.story import story
from web.words import Words, choose, languages

WEB = Path(__file__).parent.parent / "web"
BERLIN = ZoneInfo("Europe/Berlin")
REFUSING = ("asked", "errors", "commands", "control", "journal_import", "journal_reader", "journal_schema", "journal_backup")


def said() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(
        str(WEB),
        [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")],
        {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}},
        keywords={"_": None, "N_": None, "n_": (1, 2)},
    )
    pages = {message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found}
    return pages | refused()


def refused() -> set[str | tuple[str, ...]]:
    """What the monitor and the journal say when they refuse something that the page has asked for."""
    keywords = {"CommandError": None, "JournalError": None, "N_": None}
    found = (extract_from_file("python", WEB.parent / "device" / f"{name}.py", keywords=keywords) for name in REFUSING)
    return {str(message) for each in found for _, message, _, _ in each}


def holes(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[sr]", text))


def strings(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


@pytest.mark.parametrize("language", [each for each in languages() if each != "en"])
def test_every_word_is_translated(language: str) -> None:
    catalogue = read_po(io.BytesIO((WEB / "translations" / f"{language}.po").read_bytes()), locale=language)
    known = {
        message.id if isinstance(message.id, str) else tuple(message.id): message for message in catalogue if message.id
    }
    assert len(known) > 300
    assert said() == set(known)
    for key, message in known.items():
        source = key if isinstance(key, str) else key[1]
        assert all(strings(message)), key
        assert holes(strings(message)[-1]) == holes(source), key
        assert not message.fuzzy


def test_phone_and_page_say_the_same_in_german() -> None:
    w = Words("de", BERLIN)
    assert acknowledge_label("de") == w._("On my way")
    assert {need: need_word(need, w) for need in DE.need} == DE.need
    assert DE.grade[Distress.SCREAMING].endswith(distress_word(Distress.SCREAMING, w))
    catalogue = read_po(io.BytesIO((WEB / "translations" / "de.po").read_bytes()), locale="de")
    values = [getattr(DE, field.name) for field in fields(DE)]
    phone = [each for value in values for each in (value.values() if isinstance(value, dict) else (value,))]
    page = [text for message in catalogue if message.id for text in strings(message)]
    said = [*page, *phone, *(german for _, *said in FAULTS.values() for german in said)]
    assert "Das Babyfon antwortet nicht" in said
    for text in said:
        assert not re.search(r"wein(en|t)|handy|wächter|\bmonitor", text, re.IGNORECASE), text


@pytest.mark.parametrize(
    ("wishes", "fixed", "chosen", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "", "", "de"),
        ("fr-FR,fr", "", "", "en"),
        ("", "", "", "en"),
        ("en", "de", "", "de"),
        ("en", "de", "en", "en"),
        ("de", "", "xx", "de"),
        ("../../etc, *;q=0.1, 😀", "", "", "en"),
    ],
)
def test_the_language_is_chosen(wishes: str, fixed: str, chosen: str, language: str) -> None:
    assert choose(wishes, fixed, chosen) == language


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (89.4, "89 s"),
        (90, "2 min"),
        (59 * 60, "59 min"),
        (3600, "1 h"),
        (4800, "1 h 20 min"),
        (200_000, "2 days"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert Words("en", BERLIN).duration(seconds) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (52, 240, "1–4 min"),
        (30, 130, "½–2 min"),
        (100, 230, "1½–4 min"),
        (140, 160, "2½ min"),
        (200, 420, "3½–7 min"),
        (299, 340, "5–6 min"),
        (5, 20, "5–20 s"),
        (20, 400, "20 s – 7 min"),
        (110, 130, "2 min"),
        (40, 70, "40–70 s"),
        (3600, 9000, "1 h – 2 h 30 min"),
        (6240, 38640, "1 h 44 min – 10 h 44 min"),
        (3600, 10800, "1–3 h"),
    ],
)
def test_ranges(low: float, high: float, text: str) -> None:
    assert Words("en", BERLIN).span(low, high) == text


@pytest.mark.parametrize(
    ("p", "english", "german"),
    [
        (0.684, "perhaps hungry (68%, from 24 tags)", "vielleicht hungrig (68\u00a0%, aus 24 Angaben)"),
        (0.95, "perhaps hungry (95%, from 24 tags)", "vielleicht hungrig (95\u00a0%, aus 24 Angaben)"),
        (0.9996, "perhaps hungry (over 95%, from 24 tags)", "vielleicht hungrig (über 95\u00a0%, aus 24 Angaben)"),
    ],
)
def test_a_guess_is_never_shown_as_a_fact(p: float, english: str, german: str) -> None:
    cry = Episode("e", START, guess=NeedGuess(Need.HUNGER, {Need.HUNGER: p}, 24))
    assert (guess(cry, Words("en", BERLIN)), guess(cry, Words("de", BERLIN))) == (english, german)


@pytest.mark.parametrize(
    ("listened_s", "of_s", "listening", "said"),
    [
        (0, 86400, False, "Nobody was listening, so nothing is known of this time."),
        (40, 86400, False, "Nobody was listening, so nothing is known of this time."),
        (40, 86400, True, "It has only just begun to listen."),
        (40, 40, True, "No crying was heard."),
        (0, 0, True, "It has only just begun to listen."),
        (7200, 86400, True, "No crying was heard in the time listened to, 2 h in all."),
    ],
)
def test_what_is_said_of_a_time_without_crying(listened_s: float, of_s: float, listening: bool, said: str) -> None:
    assert nothing_heard(listened_s, of_s, Words("en", BERLIN), listening=listening) == said


@pytest.mark.parametrize(
    ("low", "half", "high", "english", "german"),
    [
        (110, 140, 240, "Usually 2–4 min; half within 2½ min.", "Meist 2–4 min; die Hälfte binnen 2½ min."),
        (52, 55, 240, "Usually 1–4 min; half within 1 min.", "Meist 1–4 min; die Hälfte binnen 1 min."),
        (20, 45, 70, "Usually 20–70 s; half within 45 s.", "Meist 20–70 s; die Hälfte binnen 45 s."),
        (360, 400, 900, "Usually 6–15 min; half within 7 min.", "Meist 6–15 min; die Hälfte binnen 7 min."),
    ],
)
def test_a_range_and_its_middle_do_not_contradict(low: float, half: float, high: float, english: str, german: str) -> None:
    usual = Usual(low, half, high, 20)
    assert (usually(usual, Words("en", BERLIN)), usually(usual, Words("de", BERLIN))) == (english, german)


@given(st.floats(1, 7200), st.floats(1, 3), st.floats(1, 3))
def test_no_middle_is_said_to_lie_outside_its_range(low: float, more: float, most: float) -> None:
    w, half, high = Words("en", BERLIN), low * more, low * more * most
    if "–" in w.span(low, high) and w.span(low, high).endswith(" min") and " – " not in w.span(low, high):
        first, _, last = w.span(low, high).removesuffix(" min").partition("–")
        said = [float(each.replace("½", ".5")) for each in (first, w.middle(half, low, high).removesuffix(" min"), last)]
        assert said == sorted(said)


def test_days_have_23_24_or_25_hours() -> None:
    w = Words("de", BERLIN)
    hours = [
        (w.midnight(date(2026, m, d + 1)) - w.midnight(date(2026, m, d))) / 3600 for m, d in ((3, 29), (6, 1), (10, 25))
    ]
    assert hours == [23, 24, 25]


@given(st.floats(0, 4e9), st.sampled_from(languages()), st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]))
def test_every_instant_can_be_said(utc: float, language: str, zone: str) -> None:
    w = Words(language, ZoneInfo(zone))
    assert re.fullmatch(r"\d\d:\d\d", w.clock(utc))
    assert w.when(utc, utc + 86400 * 3).endswith(w.clock(utc))
    assert w.midnight(w.today(utc)) <= utc + 3600


def test_numbers_and_names_follow_the_language() -> None:
    de, en = Words("de", BERLIN), Words("en", BERLIN)
    assert (de.number(1234.5, 1), en.number(1234.5, 1)) == ("1.234,5", "1,234.5")
    assert de.weekdays("wide")[0] == "Montag"
    assert de.n_("%(n)s episode", "%(n)s episodes", 1) == "1 Episode"


def test_the_zone_is_the_houses_or_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert family_zone("America/New_York").key == "America/New_York"
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert family_zone("").key == "Asia/Tokyo"
    assert family_zone("No/Where").key == "Asia/Tokyo"


def test_the_story_of_an_episode_tells_when_no_phone_rang() -> None:
    alerts = AlertMark(3.0, 1, quiet=True), AlertMark(63.0, 2, quiet=True), AlertMark(123.0, 3)
    told = story(Episode("e", Instant(0.0, 0.0), alerts=alerts), Words("en", BERLIN))
    quiet = "Told without ringing, as it was in quiet hours."
    assert [moment.text for moment in told] == ["Crying began.", quiet, quiet, "Told again, more urgently."]
