"""The page of the baby's cries: what was learned, in the monitor's own words, and nothing that it does not know."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient

from device.clock import Instant, SystemClock
from device.config import journal_path
from device.inputs import Context
from device.journal import JournalWriter
from device.need_sound import Vector
from device.record import Bout, Episode, Mark
from device.settings import Config
from device.vocabulary import Need, Outcome, Source
from tests.fakes_web import House, app_for, fill, log_in, remember_password, settings, until, year

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
VERSION = "1"
COUNT = 60


@pytest.fixture
def config(tmp_path: Path) -> Config:
    remember_password(tmp_path)
    return settings(tmp_path)


@pytest.fixture
def client(config: Config) -> Iterator[FlaskClient]:
    fill(config, [])
    client, live = app_for(config)
    log_in(client)
    yield client
    live.close()


def cry(onset_utc: float, number: int, need: Need | None, *, outcome: Outcome = Outcome.ANSWERED) -> Episode:
    return Episode(
        f"{number:04d}", Instant(1000.0 + number, onset_utc), 60.0, (Bout(0.0, 60.0, 0.5),), arrived=Mark(30.0, Source.PAGE),
        outcome=outcome, distress=0.5, need=need, boot_id="test-boot",
    )  # fmt: skip


def sound(kind: int, number: int) -> Vector:
    """What a cry of this kind sounds like: the kinds lie far apart."""
    vector = np.random.default_rng(number).normal(size=8)
    vector[kind] += 8.0
    return np.asarray(vector, dtype=np.float32)


def keep(
    config: Config, sounds: Sequence[tuple[str, Vector]], contexts: Sequence[Context] = (), version: str = VERSION
) -> None:
    writer = JournalWriter(journal_path(config), clock=SystemClock())
    writer.start()
    for name, vector in sounds:
        writer.store_embedding(name, version, vector)
    writer.import_contexts(contexts)
    writer.close()


def two_needs(config: Config, *, version: str = VERSION) -> None:
    """Hunger and tiredness in turn, each with its sound; no diary."""
    needs = [Need.HUNGER if number % 2 else Need.TIRED for number in range(COUNT)]
    start = time.time() - COUNT * 7 * HOUR_S
    fill(config, [cry(start + number * 7 * HOUR_S, number, need) for number, need in enumerate(needs)])
    keep(config, [(f"{n:04d}", sound(int(need is Need.HUNGER), n)) for n, need in enumerate(needs)], version=version)


def test_without_tags_nothing_is_claimed(client: FlaskClient) -> None:
    text = client.get("/cries").text
    assert "too few guesses yet to judge" in text
    assert "The sound does not count yet" in text
    assert "So far there are 0 and 0; you are told of everything." in text
    assert "This rests on" not in text and "set aside" not in text and "usually comes" not in text


def test_the_record_tags_and_the_say_of_the_sound_are_told(client: FlaskClient, config: Config) -> None:
    two_needs(config)
    text = client.get("/cries").text
    assert "right in 20 of the last 20 guesses" in text
    assert "the sound has earned a large say" in text
    assert f"This rests on {COUNT} tags of the last half year" in text
    assert "Not good enough yet" not in text and "not sure yet" not in text


def test_sounds_of_another_ear_are_set_aside_and_counted(client: FlaskClient, config: Config) -> None:
    two_needs(config, version="0")
    newest = cry(time.time() - 600.0, COUNT, Need.HUNGER)
    fill(config, [newest])
    keep(config, [(newest.id, sound(1, 99))])
    text = client.get("/cries").text
    assert f"The sound of {COUNT} cries was heard by another version of the ear and is set aside" in text
    assert f"This rests on {COUNT + 1} tags" in text
    assert "heard by another ear, it has to prove itself anew" in text


def test_an_hour_that_tells_nothing_is_admitted(client: FlaskClient, config: Config) -> None:
    rng = np.random.default_rng(4)
    start = time.time() // DAY_S * DAY_S - (150 * 9 + 15) * HOUR_S  # at any time of day the same hours, and the same chance
    needs = [(Need.HUNGER, Need.DISCOMFORT, Need.TIRED)[rng.integers(3)] for _ in range(150)]
    fill(config, [cry(start + number * 9 * HOUR_S, number, need) for number, need in enumerate(needs)])
    feeds = [
        Context(f"f{n}", "feed", start + n * 9 * HOUR_S - rng.uniform(0, 4) * HOUR_S, None, "", "diary") for n in range(150)
    ]
    keep(config, [], feeds)
    assert "goes mostly by how often each need comes" in client.get("/cries").text
    german = client.get("/cries", headers={"Accept-Language": "de"}).text
    assert "wie oft ein Bedürfnis vorkommt" in german


def test_guesses_that_are_right_but_little_better_are_called_luck(client: FlaskClient, config: Config) -> None:
    """Nearly always hunger: most guesses are right, and so is saying the same every time."""
    start = time.time() - 80 * 9 * HOUR_S
    tired = (62, 70, 76)
    needs = [Need.TIRED if number in tired else Need.HUNGER for number in range(80)]
    fill(config, [cry(start + number * 9 * HOUR_S, number, need) for number, need in enumerate(needs)])
    keep(config, [(f"{n:04d}", sound(int(need is Need.HUNGER), n)) for n, need in enumerate(needs)])
    text = client.get("/cries").text
    assert "The difference may still be luck" in text
    assert "not often enough" not in text


def test_a_change_of_the_history_is_seen_at_once(client: FlaskClient, config: Config) -> None:
    assert "This rests on" not in client.get("/cries").text
    fill(config, [cry(time.time() - 600.0, 1, Need.HUNGER)])
    assert "This rests on 1 tag of" in client.get("/cries").text


@pytest.mark.parametrize("path", ["/cries", "/insights"])
def test_a_rhythm_is_told_where_the_tags_carry_it(client: FlaskClient, config: Config, path: str) -> None:
    start = time.time() - 20 * 24 * HOUR_S
    feeds = [start + number * 8 * HOUR_S for number in range(24)]
    rng = np.random.default_rng(1)
    hungry = [cry(feed + 9600.0 + rng.uniform(-500, 500), 2 * n, Need.HUNGER) for n, feed in enumerate(feeds)]
    other = [cry(feed + rng.uniform(0, 6) * HOUR_S, 2 * n + 1, Need.DISCOMFORT) for n, feed in enumerate(feeds)]
    fill(config, sorted([*hungry, *other], key=lambda each: each.onset.utc))
    assert "usually comes" not in client.get(path).text
    keep(config, [], [Context(f"f{n}", "feed", feed, None, "", "diary") for n, feed in enumerate(feeds)])
    assert "Hunger usually comes about 2 h 40 min after a feed" in client.get(path).text
    assert "Hunger kommt meist etwa 2 h 40 min nach dem Füttern" in client.get(path, headers={"Accept-Language": "de"}).text


@pytest.mark.parametrize(
    ("kind", "said"),
    [(3, "It has learned which sounds were not crying."), (1, "too much like your baby’s cries")],
    ids=["a cat", "called so by mistake"],
)
def test_what_became_of_false_alarms(client: FlaskClient, config: Config, kind: int, said: str) -> None:
    cries = [cry(time.time() - (90 - n) * HOUR_S, n, Need.HUNGER) for n in range(40)]
    cats = [
        replace(cry(time.time() - (40 - n) * HOUR_S, 40 + n, None), outcome=Outcome.FALSE_ALARM, arrived=None)
        for n in range(8)
    ]
    fill(config, [*cries, *cats])
    keep(config, [(each.id, sound(1 if each in cries else kind, n)) for n, each in enumerate([*cries, *cats])])
    text = client.get("/cries").text
    assert said in text
    assert "This never holds back what goes on for 20 s" in text


@pytest.mark.slow
def test_a_year_is_looked_at_once(config: Config) -> None:
    episodes = year(time.time())
    fill(config, episodes)
    rng = np.random.default_rng(3)
    keep(config, [(each.id, rng.normal(size=48).astype(np.float32)) for each in episodes[-200:]])
    client, live = app_for(config)
    log_in(client)
    took = []
    for _ in range(5):
        begin = time.perf_counter()
        assert client.get("/cries").status_code == 200
        took.append(time.perf_counter() - begin)
    assert took[0] < 15.0
    assert min(took[1:]) < 0.3
    live.close()


def test_false_alarms_have_a_mark_of_their_own_and_a_table_names_every_point(client: FlaskClient, config: Config) -> None:
    named = [cry(time.time() - (90 - n) * HOUR_S, n, Need.HUNGER if n % 2 else Need.TIRED) for n in range(20)]
    silent = [cry(time.time() - (60 - n) * HOUR_S, 20 + n, None) for n in range(4)]
    cats = [
        replace(cry(time.time() - (40 - n) * HOUR_S, 30 + n, None), outcome=Outcome.FALSE_ALARM, arrived=None)
        for n in range(3)
    ]
    fill(config, [*named, *silent, *cats])
    keep(config, [(each.id, sound(n % 3, n)) for n, each in enumerate([*named, *silent, *cats])])
    text = client.get("/cries").text
    picture = text[text.index('aria-label="Cries as points') :]
    picture = picture[: picture.index("</svg>")]
    assert picture.count("n-false") == 2 * len(cats)
    assert picture.count("n-none") == len(silent)
    table = text[text.index("What you said</th>") :]
    table = table[: table.index("</table>")]
    assert table.count("<tr>") == len(named) + len(cats)
    assert table.count("was not crying") == len(cats)
    assert "Besides, 4 that were not named." in text


@pytest.fixture
def house(config: Config) -> Iterator[tuple[House, FlaskClient, str]]:
    """The real monitor, and the page that talks to it."""
    two_needs(config)
    running = House(config, lag_s=0.0)
    running.start()
    client, live = app_for(config)
    live.start()
    until(lambda: live.now().reachable)
    yield running, client, log_in(client)
    live.close()
    running.close()


def test_it_learns_anew_only_after_a_yes_and_takes_it_back(house: tuple[House, FlaskClient, str], config: Config) -> None:
    _, client, token = house
    assert client.post("/cries/forget", data={"sure": "yes"}).status_code == 400, "no token"
    refused = client.post("/cries/forget", data={"csrf": token})
    assert refused.status_code == 400
    assert "nothing was changed" in refused.text
    assert f"This rests on {COUNT} tags" in client.get("/cries").text
    before = client.get("/insights").text.count("hungry")
    done = client.post("/cries/forget", data={"csrf": token, "sure": "yes"}, follow_redirects=True)
    until(lambda: "It began to learn anew" in client.get("/cries").text)
    text = client.get("/cries").text
    assert "It learns anew from the next cry on." in done.text
    assert "This rests on" not in text and "The sounds on a map" not in text and "cries named" not in text
    assert "The sound does not count yet" in text
    assert client.get("/insights").text.count("hungry") == before, "the history stays"
    german = client.get("/cries", headers={"Accept-Language": "de"}).text
    assert "Es hat zu dieser Zeit neu zu lernen begonnen" in german
    client.post("/cries/remember", data={"csrf": token})
    until(lambda: f"This rests on {COUNT} tags" in client.get("/cries").text)
    assert "It began to learn anew" not in client.get("/cries").text
    assert client.get("/cries/forget").status_code == 405


def test_a_monitor_that_does_not_answer_is_told_in_a_sentence(client: FlaskClient) -> None:
    answer = client.post("/cries/forget", data={"csrf": log_in(client), "sure": "yes"})
    assert answer.status_code == 503
