"""The page's guards: login, tokens, headers, addresses; and every page with an empty, a small and a year's journal."""

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient

from device.config import journal_path
from device.journal import Span
from device.settings import Config
from device.vocabulary import Helped, Need
from tests.fakes_web import PASSWORD, app_for, fill, log_in, remember_password, settings, year
from web.day import gaps
from web.security import in_house
from web.throttle import ALL_TRIES, EACH_REFILL_S, EACH_TRIES, Throttle, sender_of
from web.words import Words

PAGES = (
    "/", "/day", "/day?view=night", "/history", "/history?page=3", "/insights", "/insights?days=7", "/insights?days=90",
    "/cries", "/letter", "/export", "/import", "/health", "/settings", "/phones", "/more", "/live/once",
)  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Config:
    remember_password(tmp_path)
    return settings(tmp_path)


@pytest.fixture
def client(config: Config) -> Iterator[FlaskClient]:
    fill(config, [])
    client, live = app_for(config)
    yield client
    live.close()


# ---- before login ----


@pytest.mark.parametrize(
    "path", [*PAGES, "/episode/x", "/export/nursery.db", "/live", "/static/../credentials.json", "/nowhere"]
)
def test_nothing_is_told_before_login(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in (302, 401, 404)
    assert "Nursery</a>" not in answer.text and PASSWORD not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_health_says_ok_and_no_more(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


@pytest.mark.parametrize("path", ["/api/v1/now", "/api/v1/episodes", "/api/v1/health", "/api/v1/nothing"])
def test_the_api_asks_for_a_login_in_json(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 401
    assert answer.get_json() == {"error": "Please log in first."}


def test_a_login_by_form_opens_the_page_that_was_wanted(client: FlaskClient) -> None:
    wanted = client.get("/history?need=hunger")
    form = client.get(wanted.headers["Location"]).text
    token = re.search(r'name="csrf" value="([^"]+)"', form)
    after = re.search(r'name="next" value="([^"]+)"', form)
    assert token and after
    answer = client.post("/login", data={"csrf": token[1], "password": f" {PASSWORD} ", "next": after[1]})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/history?need=hunger")
    cookie = next(each for each in answer.headers.getlist("Set-Cookie") if each.startswith("nursery="))
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert client.get("/history?need=hunger").status_code == 200


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_a_login_leads_nowhere_else(client: FlaskClient, address: str) -> None:
    page = client.get("/login", query_string={"next": address}).text
    assert 'name="next" value=""' in page


def test_the_cookie_is_secure_under_tls(config: Config) -> None:
    config = replace(config, page=replace(config.page, tls_cert="cert.pem", tls_key="key.pem"))
    client, live = app_for(config)
    answer = client.post("/api/v1/login", json={"password": PASSWORD}, base_url="https://nursery.local")
    assert all("Secure" in each for each in answer.headers.getlist("Set-Cookie"))
    live.close()


def test_wrong_passwords_are_slowed_and_the_right_one_still_works_for_a_known_phone(client: FlaskClient) -> None:
    log_in(client)  # the phone is known from now on
    client.delete_cookie("nursery")
    stranger = client.application.test_client()
    answers = [
        stranger.post(
            "/api/v1/login", json={"password": "guess"}, environ_overrides={"REMOTE_ADDR": f"10.1.{n // 200}.{n % 200}"}
        )
        for n in range(ALL_TRIES + 3)
    ]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    log_in(client)


def test_one_address_has_few_tries() -> None:
    throttle = Throttle()
    waits = [throttle.wait_s("10.0.0.9", known=False, at_s=0.0) for _ in range(EACH_TRIES + 1)]
    assert waits[:-1] == [0.0] * EACH_TRIES
    assert waits[-1] == pytest.approx(EACH_REFILL_S)
    assert throttle.wait_s("10.0.0.10", known=False, at_s=0.0) == 0.0
    assert throttle.wait_s("10.0.0.9", known=False, at_s=EACH_REFILL_S) == 0.0


@pytest.mark.parametrize(
    ("address", "same"),
    [("192.168.1.5", "192.168.1.5"), ("::ffff:192.168.1.5", "192.168.1.5"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64")],
)
def test_a_sender_has_one_name(address: str, same: str) -> None:
    assert sender_of(address) == same


@pytest.mark.parametrize(
    "address", ["192.168.0.7", "10.9.8.7", "172.31.0.1", "127.0.0.1", "::1", "fe80::1%eth0", "fd00::9", "::ffff:10.0.0.1"]
)
def test_the_house_is_answered(address: str) -> None:
    assert in_house(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "2a00::1", "100.64.0.1", "::ffff:8.8.8.8", "", "unix"])
def test_the_world_is_not(client: FlaskClient, address: str) -> None:
    assert not in_house(address)
    assert client.get("/login", environ_overrides={"REMOTE_ADDR": address}).status_code == 403


def test_a_forwarded_address_changes_nothing(client: FlaskClient) -> None:
    answer = client.get("/login", environ_overrides={"REMOTE_ADDR": "8.8.8.8"}, headers={"X-Forwarded-For": "10.0.0.1"})
    assert answer.status_code == 403


# ---- changes ----


def test_every_change_needs_its_token(client: FlaskClient) -> None:
    token = log_in(client)
    rules = [r for r in client.application.url_map.iter_rules() if "POST" in (r.methods or ())]
    assert len(rules) > 15
    for rule in rules:
        if rule.endpoint in ("auth.api_login", "push.acknowledge"):
            continue
        path = re.sub(r"<[^>]*command>", "arrived", rule.rule)
        path = re.sub(r"<[^>]*action>", "arrive", path)
        path = re.sub(r"<[^>]+>", "x", path)
        assert client.post(path).status_code == 400, path
        assert client.post(path, data={"csrf": token + "x"}).status_code == 400, path
        assert client.post(path, headers={"X-CSRF-Token": "é"}).status_code == 400, path


def test_the_token_changes_with_the_login(client: FlaskClient) -> None:
    first = log_in(client)
    assert log_in(client) != first


def test_another_password_ends_every_other_session(client: FlaskClient, config: Config) -> None:
    other = client.application.test_client()
    log_in(other)
    token = log_in(client)
    form = {"csrf": token, "old": PASSWORD, "new": "warm-bath-song", "again": "warm-bath-song"}
    assert client.post("/settings/password", data=form).status_code == 303
    assert client.get("/settings").status_code == 200
    assert other.get("/settings").status_code == 302
    assert other.post("/api/v1/login", json={"password": PASSWORD}).status_code == 401
    log_in(other, "warm-bath-song")


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        ("wrong", "warm-bath-song", "warm-bath-song", "not the present password"),
        (PASSWORD, "short", "short", "at least 8"),
        (PASSWORD, "warm-bath-song", "warm-bath-tune", "differ"),
    ],
)
def test_a_password_is_not_changed_by_mistake(client: FlaskClient, old: str, new: str, again: str, said: str) -> None:
    token = log_in(client)
    client.post("/settings/password", data={"csrf": token, "old": old, "new": new, "again": again})
    assert said in client.get("/settings").text
    log_in(client.application.test_client())


def test_a_new_password_from_the_command_line_counts_at_once(client: FlaskClient, config: Config) -> None:
    log_in(client)
    remember_password(Path(config.nursery.data_dir), "from-the-terminal")
    log_in(client.application.test_client(), "from-the-terminal")


def test_no_secret_is_on_any_page(client: FlaskClient) -> None:
    log_in(client)
    for path in PAGES:
        text = client.get(path).text
        assert not any(secret in text for secret in (PASSWORD, "broker-secret", "session-key")), path


def test_a_changed_cookie_opens_nothing(client: FlaskClient) -> None:
    log_in(client)
    cookie = client.get_cookie("nursery")
    assert cookie is not None
    client.set_cookie("nursery", cookie.value[:-2] + "xx")
    assert client.get("/").status_code == 302


# ---- the monitor is not there ----


def test_a_change_says_so_when_the_monitor_does_not_answer(client: FlaskClient) -> None:
    token = log_in(client)
    answer = client.post("/do/arrived", data={"csrf": token})
    assert answer.status_code == 503
    assert "nothing was changed" in answer.text


def test_without_a_journal_the_page_says_so_kindly(config: Config) -> None:
    client, live = app_for(config)
    log_in(client)
    assert "not answering" in client.get("/").text
    answer = client.get("/history")
    assert answer.status_code == 503
    assert "There is no history" in answer.text
    live.close()


# ---- every page ----


@pytest.mark.parametrize("count", [0, 1, 9, 300])
def test_every_page_stands_with_little_history(config: Config, count: int) -> None:
    fill(config, year(time.time(), count, 20) if count else [])
    client, live = app_for(config)
    log_in(client)
    for path in PAGES:
        answer = client.get(path, headers={"Accept-Language": "de"})
        assert answer.status_code == 200, path
        assert " style=" not in answer.text and "<script>" not in answer.text, path
    if 0 < count < 10:
        page = client.get("/insights", headers={"Accept-Language": "de"}).text
        assert "noch nicht genug" in page.lower()
        assert "big-number" not in page, "no figure stands out that rests on a handful of cries"
    assert "Undo the last change" not in client.get("/history").text, "there is nothing to take back"
    live.close()


def test_every_page_stands_though_rows_of_the_history_have_rotted(config: Config) -> None:
    episodes = [replace(each, helped=(Helped.FEED,), need=Need.HUNGER) for each in year(time.time(), 30, 6)]
    fill(config, episodes)
    with closing(sqlite3.connect(journal_path(config))) as db, db:
        for number, (column, before, after) in enumerate(
            [
                ("data", "{", "["),
                ("data", '"offset_s":', '"offset_s":9e99,"x":'),
                ("data", '"outcome"', '"outcoMe"'),
                ("data", '"end_s":', '"end_s":9e99,"x":'),
                ("outcome", "e", "x"),
                ("helped", "feed", "fexd"),
            ]
        ):
            name = episodes[-1 - number].id
            spoilt = db.execute(f"UPDATE episode SET {column} = replace({column}, ?, ?) WHERE id = ?", (before, after, name))
            assert spoilt.rowcount == 1
    client, live = app_for(config)
    log_in(client)
    more = ("/export/bouts.csv", "/export/nursery.json", "/api/v1/episodes", "/api/v1/insights", "/api/v1/letter")
    for path in (*PAGES, *more):
        assert client.get(path).status_code == 200, path
    for each in episodes[-6:-1]:
        assert client.get(f"/episode/{each.id}").status_code in (200, 404)
    shown = client.get("/api/v1/episodes").get_json()["episodes"]
    assert all(each["outcome"] is not None for each in shown), "none goes on"
    assert len(shown) == 25
    live.close()


def test_silence_that_nobody_listened_to_is_no_quiet(config: Config) -> None:
    fill(config, [])
    client, live = app_for(config)
    log_in(client)
    with closing(sqlite3.connect(journal_path(config))) as db, db:
        db.execute("DELETE FROM coverage")
    for path in ("/", "/day", "/day?view=night", "/insights", "/letter", "/letter?week=2026-03-25"):
        assert "Nobody was listening, so nothing is known of this time." in client.get(path).text, path
        assert "No crying was heard" not in client.get(path).text, path
    noon = datetime(2026, 3, 25, 12, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()

    def listen(until_utc: float) -> None:
        with closing(sqlite3.connect(journal_path(config))) as db, db:
            db.execute(
                "INSERT INTO coverage (boot_id, kind, reason, start_utc, start_monotonic, end_utc, synced, ended) "
                "VALUES ('b', 'listening', '', ?, 0, ?, 1, 'stopped')",
                (noon, until_utc),
            )

    listen(noon + 6 * 3600)
    for path in ("/day/2026-03-25", "/letter?week=2026-03-25"):
        assert "No crying was heard in the time listened to, 6 h in all." in client.get(path).text, path
    listen(noon + 48 * 3600)
    assert '<p class="card">No crying was heard.</p>' in client.get("/day/2026-03-26").text
    live.close()


def test_days_before_the_first_start_are_called_so(config: Config) -> None:
    fill(config, [])
    client, live = app_for(config)
    log_in(client)
    never = "before it was first switched on"
    today = datetime.now(ZoneInfo("Europe/Berlin"))
    assert client.get("/health").text.count(f"<td>{never}</td>") == 6
    assert f"<li>{never}</li>" in client.get(f"/day/{today.date() - timedelta(days=3)}").text
    live.close()


def test_a_gap_says_when_unless_it_is_the_whole_day() -> None:
    w = Words("en", ZoneInfo("UTC"))
    day = [Span(0, 64800, "off", "empty"), Span(64800, 86400, "listening")]
    assert gaps(day, 0, 86400, w) == ["00:00–18:00: before it was first switched on"]
    assert gaps([Span(0, 86400, "off", "cut")], 0, 86400, w) == ["no power"]
    assert gaps([Span(0, 64800, "off", "cut")], 0, 86400, w) == ["00:00–18:00: no power"], "the day is not over"


def test_demo_is_marked_on_every_page(config: Config) -> None:
    fill(config, year(time.time(), 30, 5), demo=True)
    client, live = app_for(config)
    log_in(client)
    for path in PAGES:
        if path != "/live/once":
            assert "Demonstration: none of this happened." in client.get(path).text, path
    live.close()


def test_filters_narrow_the_list(config: Config) -> None:
    episodes = year(time.time(), 400, 30)
    fill(config, episodes)
    client, live = app_for(config)
    log_in(client)
    for query, wanted in (
        ("need=hunger", sum(e.need == "hunger" for e in episodes)),
        ("outcome=self_settled", sum(e.outcome == "self_settled" for e in episodes)),
        (
            "caregiver=Ana",
            sum("Ana" in (e.acknowledged and e.acknowledged.caregiver, e.arrived and e.arrived.caregiver) for e in episodes),
        ),
        ("since=2999-01-01", 0),
    ):
        assert client.get(f"/api/v1/episodes?{query}").get_json()["total"] == wanted
        assert f"{wanted} episode" in client.get(f"/history?{query}").text
    nonsense = "outcome=nonsense&since=nonsense"
    assert f"{len(episodes)} episode" in client.get(f"/history?{nonsense}&page=-4").text, "a person is shown everything"
    assert client.get(f"/api/v1/episodes?{nonsense}").status_code == 400, "a program is told"
    live.close()


def test_everything_can_be_taken_away(config: Config, tmp_path: Path) -> None:
    episodes = year(time.time(), 40, 5)
    fill(config, episodes)
    client, live = app_for(config)
    log_in(client)
    table = client.get("/export/episodes.csv")
    assert table.text.count("\n") == len(episodes) + 1
    assert "attachment" in table.headers["Content-Disposition"]
    assert len(client.get("/export/nursery.json").get_json()["episodes"]) == len(episodes)
    with client.get("/export/nursery.db") as copy:
        assert copy.data.startswith(b"SQLite format 3")
    assert client.get("/export/secrets.csv").status_code == 404
    live.close()


def test_the_letter_counts_no_false_alarm_as_crying(config: Config) -> None:
    monday = datetime(2026, 3, 23, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()
    cries = year(monday + 6 * 86400, 40, 5)
    real = sum(each.outcome != "false_alarm" for each in cries)
    assert real < len(cries)
    fill(config, cries)
    client, live = app_for(config)
    log_in(client)
    assert f"There was crying {real} times" in client.get("/letter?week=2026-03-25").text
    assert "The week from Mar 23 to Mar 29, 2026" in client.get("/letter?week=2026-03-25").text
    live.close()
