"""The episode tracker, by tables and by stories."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.clock import Instant
from device.corrections import apply_edit, interrupted
from device.episode import EpisodeTracker
from device.events import (
    EpisodeAcknowledged,
    EpisodeAlerted,
    EpisodeEnded,
    EpisodeEscalated,
    EpisodeResponded,
    EpisodeStarted,
    EpisodeTagged,
)
from device.evidence import Thresholds
from device.inputs import AudioLost, AudioRestored, Edit, Mute, Response, Score, Tag, Tick, TrackerInput
from device.record import Episode
from device.settings import AlertSettings, EpisodeSettings
from device.vocabulary import Helped, Kind, Need, Outcome, Source
from tests.fakes import START, at, feed, pick, scores, tracker, types


def cry(begin_s: float, end_s: float, voice: float = 0.0) -> list[TrackerInput]:
    return scores(begin_s, end_s, cry=0.95, voice=voice)


def quiet(begin_s: float, end_s: float, voice: float = 0.0) -> list[TrackerInput]:
    return scores(begin_s, end_s, cry=0.02, voice=voice)


def arrive(seconds: float, source: Source = Source.BUTTON, caregiver: str | None = None) -> Response:
    return Response(at(seconds), Kind.ARRIVE, source, caregiver)


def acknowledge(seconds: float, caregiver: str | None = None) -> Response:
    return Response(at(seconds), Kind.ACKNOWLEDGE, Source.MQTT, caregiver)


def test_an_episode_from_onset_to_calm() -> None:
    events = feed(tracker(), quiet(0, 10) + cry(10, 40) + quiet(40, 120))
    assert types(events) == ["started", "alerted", "ended"]
    (ended,) = pick(events, EpisodeEnded)
    assert ended.episode.onset.since(START) == 10.0
    assert ended.episode.offset_s == 30.0
    assert ended.at.since(START) == 100.0
    (alerted,) = pick(events, EpisodeAlerted)
    assert alerted.at.since(START) == pytest.approx(13.0)
    assert ended.episode.alert_s == pytest.approx(3.0)
    assert ended.episode.outcome is Outcome.SELF_SETTLED


def test_the_onset_is_backdated_to_where_the_score_began_to_rise() -> None:
    rising = scores(10, 10.5, cry=0.5)
    (started,) = pick(feed(tracker(), quiet(0, 10) + rising + cry(10.5, 15)), EpisodeStarted)
    assert started.episode.onset.since(START) == 10.0


def test_pauses_do_not_split_an_episode_but_bouts_are_kept() -> None:
    events = feed(tracker(), cry(0, 10) + quiet(10, 30) + cry(30, 40) + quiet(40, 110))
    (ended,) = pick(events, EpisodeEnded)
    assert [(b.start_s, b.end_s) for b in ended.episode.bouts] == [(0.0, 10.0), (30.0, 40.0)]
    assert len(pick(events, EpisodeStarted)) == 1
    assert ended.episode.crying_s == 20.0


def test_breaths_are_part_of_the_crying() -> None:
    inputs: list[TrackerInput] = []
    for n in range(8):
        inputs += cry(n * 1.5, n * 1.5 + 0.75) + quiet(n * 1.5 + 0.75, n * 1.5 + 1.5)
    (alerted,) = pick(feed(tracker(), inputs), EpisodeAlerted)
    assert alerted.at.since(START) <= 4.0


def test_scattered_sounds_never_add_up() -> None:
    inputs: list[TrackerInput] = []
    for n in range(100):
        inputs += cry(n * 5, n * 5 + 0.5) + quiet(n * 5 + 0.5, n * 5 + 5)
    assert feed(tracker(), inputs) == []


def test_a_short_sound_after_the_crying_does_not_hold_the_episode_open() -> None:
    inputs = cry(0, 10) + quiet(10, 50) + cry(50, 50.25) + quiet(50.25, 90)
    (ended,) = pick(feed(tracker(), inputs), EpisodeEnded)
    assert ended.at.since(START) == 70.0 and ended.episode.offset_s == 10.0


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([], [(3, 1), (63, 2), (123, 3), (183, 4)]),
        ([acknowledge(30)], [(3, 1)]),
        ([arrive(70)], [(3, 1), (63, 2)]),
        ([arrive(1)], []),
        ([Mute(at(1), Source.PAGE, 100)], [(101, 1), (161, 2)]),
        ([Mute(at(1), Source.PAGE, 600), Mute(at(50), Source.PAGE, 0)], [(50, 1), (110, 2), (170, 3)]),
        ([Tag(at(20), Source.PAGE, not_crying=True)], [(3, 1), (143, 1)]),
    ],
)
def test_alerts_repeat_with_rising_level_while_nobody_responds(
    inputs: list[TrackerInput], expected: list[tuple[float, int]]
) -> None:
    story = sorted([*cry(0, 200), *inputs], key=lambda item: item.at.monotonic)
    events = feed(tracker(), story)
    alerts = [(round(e.at.since(START)), 1) for e in pick(events, EpisodeAlerted)]
    alerts += [(round(e.at.since(START)), e.level) for e in pick(events, EpisodeEscalated)]
    assert alerts == expected


def test_at_most_so_many_alerts() -> None:
    events = feed(tracker(alerts=AlertSettings(max_alerts=2)), cry(0, 300))
    assert len(pick(events, EpisodeAlerted) + pick(events, EpisodeEscalated)) == 2


def test_alerts_of_quiet_hours_are_counted_by_themselves() -> None:
    """Nobody's phone rang for them; when the hours are over and the baby still cries, phones ring."""
    monitored = tracker()
    monitored.set_alerts(AlertSettings(max_alerts=2), lambda now: now.since(START) < 200)
    events = feed(monitored, cry(0, 600))
    rung = pick(events, EpisodeAlerted) + pick(events, EpisodeEscalated)
    assert [(round(e.at.since(START)), e.quiet) for e in rung] == [(3, True), (63, True), (200, False), (260, False)]
    assert [mark.quiet for mark in rung[-1].episode.alerts] == [True, True, False, False]


def test_somebody_on_the_way_who_never_arrives_is_reminded_of() -> None:
    story = [*cry(0, 30), acknowledge(30), *cry(30, 700)]
    events = feed(tracker(alerts=AlertSettings(reminder_after_s=300)), story)
    reminders = pick(events, EpisodeEscalated)
    assert [round(e.at.since(START)) for e in reminders] == [330, 630]
    assert all(e.reminder for e in reminders)


def test_no_phone_rings_for_a_baby_that_has_just_settled() -> None:
    events = feed(tracker(), cry(0, 50) + quiet(50, 109))
    assert types(events) == ["started", "alerted"]


def test_minutes_before_the_first_alert_for_families_who_wait() -> None:
    events = feed(tracker(alerts=AlertSettings(alert_after_s=120)), cry(0, 119))
    assert types(events) == ["started"]
    events = feed(tracker(alerts=AlertSettings(alert_after_s=120)), cry(0, 125))
    assert types(events) == ["started", "alerted"]


def first_alert(story: list[TrackerInput], settings: AlertSettings | None = None) -> float | None:
    """When the first alert comes, of an ear that is sure from 0.9 on."""
    alerted = pick(feed(tracker(alerts=settings, sure=0.9), story), EpisodeAlerted)
    return alerted[0].at.since(START) if alerted else None


def perhaps(begin_s: float, end_s: float) -> list[TrackerInput]:
    return scores(begin_s, end_s, cry=0.8)


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (cry(0, 20), 3.0),
        (perhaps(0, 11), None),  # a cat
        (perhaps(0, 20), 12.0),  # whatever goes on is worth a look
        (perhaps(0, 5) + cry(5, 20), 5.75),  # three scores of four
        (perhaps(0, 5) + cry(5, 5.5) + perhaps(5.5, 11), None),  # a loud moment alone
        (cry(0, 1.5) + perhaps(1.5, 20), 3.0),
        (cry(0, 1) + quiet(1, 6) + perhaps(6, 17), None),  # what it was sure of is forgotten with the rest
        (perhaps(0, 4) + quiet(4, 8) + perhaps(8, 12) + quiet(12, 16) + perhaps(16, 30), 21.5),  # bouts add up
    ],
)
def test_where_the_ear_is_not_sure_the_alert_waits_for_more_crying(
    story: list[TrackerInput], expected: float | None
) -> None:
    assert first_alert(story) == expected


def test_a_house_may_wait_longer_for_all_crying_or_not_at_all() -> None:
    assert first_alert(cry(0, 40) + perhaps(40, 60), AlertSettings(alert_after_s=30)) == 30.0
    assert first_alert(perhaps(0, 60), AlertSettings(alert_after_s=30)) == 30.0
    assert first_alert(perhaps(0, 60), AlertSettings(unsure_after_s=0)) == 3.0


def test_nobody_left_unanswered_what_would_not_have_rung_by_then() -> None:
    story = perhaps(0, 5) + quiet(5, 30) + perhaps(30, 35) + quiet(35, 65) + perhaps(65, 68) + quiet(68, 130)
    (ended,) = pick(feed(tracker(sure=0.9), story), EpisodeEnded)
    assert ended.episode.alerts == () and ended.episode.outcome is Outcome.SELF_SETTLED


def test_acknowledge_and_arrive_are_kept_apart_and_the_first_counts() -> None:
    story = [
        *cry(0, 20),
        acknowledge(20, "Ana"),
        acknowledge(20, "Ben"),
        *cry(20, 40),
        arrive(40, caregiver="Ana"),
        arrive(41),
    ]
    events = feed(tracker(), [*story, *quiet(41, 110)])
    assert types(events) == ["started", "alerted", "acknowledged", "responded", "ended"]
    episode = pick(events, EpisodeEnded)[0].episode
    assert episode.acknowledged is not None and episode.acknowledged.caregiver == "Ana"
    assert episode.time_to_response_s == 40.0
    assert episode.time_to_acknowledge_s == 17.0
    assert episode.time_to_calm_s == 0.0
    assert episode.outcome is Outcome.ANSWERED


def test_a_response_before_the_alert_counts() -> None:
    events = feed(tracker(), [*cry(0, 0.5), arrive(0.5), *cry(0.5, 10), *quiet(10, 80)])
    assert types(events) == ["started", "responded", "ended"]
    assert pick(events, EpisodeResponded)[0].episode.time_to_response_s == 0.5


def test_a_response_without_crying_changes_nothing() -> None:
    assert feed(tracker(), [*quiet(0, 5), arrive(5), acknowledge(5), *quiet(5, 10)]) == []


@pytest.mark.parametrize(
    ("inputs", "outcome"),
    [
        (cry(0, 20) + quiet(20, 81), Outcome.SELF_SETTLED),
        (cry(0, 90) + quiet(90, 151), Outcome.UNANSWERED),
        ([*cry(0, 90), arrive(90), *quiet(90, 151)], Outcome.ANSWERED),
        ([*cry(0, 90), acknowledge(90), *quiet(90, 151)], Outcome.ANSWERED),
        ([*cry(0, 20), Tag(at(20), Source.PAGE, not_crying=True), *quiet(20, 81)], Outcome.FALSE_ALARM),
        ([*cry(0, 20), AudioLost(at(20), "unplugged"), *[Tick(at(n)) for n in range(20, 90)]], Outcome.INTERRUPTED),
        ([*cry(0, 20), AudioLost(at(20), "gone"), AudioRestored(at(30)), *quiet(30, 81)], Outcome.SELF_SETTLED),
        ([*cry(0, 20), AudioLost(at(20), "gone"), AudioRestored(at(79)), *quiet(79, 81)], Outcome.INTERRUPTED),
    ],
)
def test_outcomes(inputs: list[TrackerInput], outcome: Outcome) -> None:
    assert pick(feed(tracker(), inputs), EpisodeEnded)[0].episode.outcome is outcome


def test_a_voice_in_the_pauses_is_an_inferred_arrival() -> None:
    story = quiet(0, 70) + cry(70, 80) + quiet(80, 83, voice=0.9) + quiet(83, 150)
    events = feed(tracker(), story)
    (responded,) = pick(events, EpisodeResponded)
    mark = responded.episode.arrived
    assert mark is not None and mark.inferred and mark.at_s == pytest.approx(10.25)


@pytest.mark.parametrize(("score", "voice", "arrives"), [(0.02, 0.5, True), (0.02, 0.3, False), (0.2, 0.85, False)])
def test_a_faint_cry_is_not_taken_for_a_voice(score: float, voice: float, arrives: bool) -> None:
    story = quiet(0, 70) + cry(70, 80) + scores(80, 84, cry=score, voice=voice) + quiet(84, 150)
    assert bool(pick(feed(tracker(), story), EpisodeResponded)) is arrives


def test_a_television_that_was_on_before_is_no_arrival() -> None:
    story = quiet(0, 70, voice=0.9) + cry(70, 80) + quiet(80, 90, voice=0.9) + quiet(90, 150)
    assert pick(feed(tracker(), story), EpisodeResponded) == []


def test_a_button_outweighs_a_voice_but_never_makes_it_later() -> None:
    story = [*quiet(0, 70), *cry(70, 80), *quiet(80, 83, voice=0.9), arrive(83, caregiver="Ben"), *quiet(83, 150)]
    episode = pick(feed(tracker(), story), EpisodeEnded)[0].episode
    assert episode.arrived is not None
    assert (episode.arrived.source, episode.arrived.caregiver) == (Source.BUTTON, "Ben")
    assert episode.arrived.at_s == pytest.approx(10.25)


def test_what_moved_may_have_been_the_baby_and_is_reminded_of_like_a_voice() -> None:
    moved = Response(at(20), Kind.ARRIVE, Source.MOTION)
    events = feed(tracker(), [*cry(0, 20), moved, *cry(20, 500)])
    assert [e.reminder for e in pick(events, EpisodeEscalated)] == [True]
    said = Response(at(21), Kind.ARRIVE, Source.BUTTON)
    events = feed(tracker(), [*cry(0, 20), moved, *cry(20, 21), said, *cry(21, 500)])
    assert pick(events, EpisodeEscalated) == []


def test_an_inferred_arrival_is_reminded_of_while_the_crying_goes_on() -> None:
    story = quiet(0, 70) + cry(70, 80) + quiet(80, 83, voice=0.9) + cry(83, 500)
    events = feed(tracker(), story)
    assert [e.reminder for e in pick(events, EpisodeEscalated)] == [True]


def test_tags_reach_the_open_and_the_last_episode() -> None:
    track = tracker()
    feed(track, cry(0, 10) + quiet(10, 80))
    assert track.last is not None
    (tagged,) = pick(feed(track, [Tag(at(90), Source.PAGE, need=Need.HUNGER, helped=(Helped.FEED,))]), EpisodeTagged)
    assert (tagged.episode.need, tagged.episode.helped) == (Need.HUNGER, (Helped.FEED,))
    (again,) = pick(feed(track, [Tag(at(91), Source.PAGE, note="after the bath")]), EpisodeTagged)
    assert (again.episode.need, again.episode.note) == (Need.HUNGER, "after the bath")
    assert feed(track, [Tag(at(92), Source.PAGE, episode_id="another", need=Need.TIRED)]) == []


def test_what_is_said_not_to_be_crying_rings_no_more_until_that_is_taken_back() -> None:
    track = tracker()
    feed(track, [*cry(0, 20), Tag(at(20), Source.PAGE, not_crying=True), Tag(at(21), Source.PAGE, note="the cat")])
    said = track.episode
    assert said is not None and said.open and said.not_crying and said.false_alarm
    assert feed(track, cry(21, 100)) == []
    track.adopt(apply_edit(said, Edit(at(100), Source.PAGE, said.id, "untag"), AlertSettings()))
    assert types(feed(track, cry(100, 101))) == ["escalated"]
    feed(track, [Tag(at(101), Source.PAGE, not_crying=True), Tag(at(102), Source.PAGE, need=Need.HUNGER)])
    assert types(feed(track, cry(102, 170))) == ["escalated"], "a need says that it is crying"
    (ended,) = pick(feed(track, quiet(170, 240)), EpisodeEnded)
    assert (ended.episode.outcome, ended.episode.need) == (Outcome.UNANSWERED, Need.HUNGER)


def test_what_was_said_not_to_be_crying_outlasts_a_restart() -> None:
    before = tracker()
    feed(before, [*cry(0, 20), Tag(at(20), Source.PAGE, not_crying=True)])
    assert before.episode is not None
    after = tracker()
    after.resume(before.episode, at(30))
    events = feed(after, cry(30, 140) + quiet(140, 210))
    assert types(events) == ["ended"]
    (ended,) = pick(events, EpisodeEnded)
    assert ended.episode.outcome is Outcome.FALSE_ALARM
    assert interrupted(before.episode).outcome is Outcome.FALSE_ALARM


def test_a_restart_goes_on_with_an_episode_whose_crying_goes_on() -> None:
    before = tracker()
    feed(before, cry(0, 20))
    assert before.episode is not None
    after = tracker()
    after.resume(before.episode, at(30))
    events = feed(after, cry(30, 40) + quiet(40, 110))
    (ended,) = pick(events, EpisodeEnded)
    assert ended.episode.id == before.episode.id
    assert ended.episode.offset_s == 40.0
    assert ended.episode.outcome is Outcome.SELF_SETTLED


def test_a_restart_without_crying_is_an_interruption() -> None:
    before = tracker()
    feed(before, cry(0, 20))
    assert before.episode is not None
    after = tracker()
    after.resume(before.episode, at(30))
    (ended,) = pick(feed(after, quiet(30, 100)), EpisodeEnded)
    assert ended.episode.outcome is Outcome.INTERRUPTED
    assert ended.episode.offset_s == 20.0


def test_the_clock_is_put_right_in_mid_episode_and_durations_stay() -> None:
    wrong = [replace(s, at=replace(s.at, utc=s.at.utc - 1.7e9, synced=False)) for s in cry(0, 10) if isinstance(s, Score)]
    events = feed(tracker(), [*wrong, *cry(10, 20), *quiet(20, 90)])
    episode = pick(events, EpisodeEnded)[0].episode
    assert episode.onset == START
    assert episode.offset_s == 20.0


@pytest.mark.parametrize("jump_s", [-365 * 86400.0, 365 * 86400.0])
def test_a_clock_that_jumps_changes_no_duration(jump_s: float) -> None:
    story: list[TrackerInput] = [*cry(0, 20), acknowledge(20), *cry(20, 50), arrive(50), *quiet(50, 120)]
    jumped = [replace(i, at=Instant(i.at.monotonic, i.at.utc + jump_s)) if i.at.since(START) > 10 else i for i in story]
    plain, moved = (pick(feed(tracker(), s), EpisodeEnded)[0].episode for s in (story, jumped))
    assert plain == moved


inputs = st.lists(
    st.one_of(
        st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 60)),
        st.sampled_from(["arrive", "acknowledge", "lost", "restored", "mute", "tag", "tick", "gap"]),
    ),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(inputs)
def test_whatever_happens_episodes_are_well_formed(steps: list[tuple[float, float, int] | str]) -> None:
    now = 0.0
    track = tracker(EpisodeSettings(settle_after_s=20.0))
    events = []
    for step in steps:
        if isinstance(step, tuple):
            level, voice, hops = step
            events += feed(track, scores(now, now + hops * 0.25, cry=level, voice=voice))
            now += hops * 0.25
            continue
        now += 30.0 if step == "gap" else 0.0
        choice: dict[str, TrackerInput] = {
            "arrive": arrive(now),
            "acknowledge": acknowledge(now),
            "lost": AudioLost(at(now), "gone"),
            "restored": AudioRestored(at(now)),
            "mute": Mute(at(now), Source.PAGE, 30),
            "tag": Tag(at(now), Source.PAGE, not_crying=True),
            "tick": Tick(at(now)),
            "gap": Tick(at(now)),
        }
        events += feed(track, [choice[step]])
    open_ids: set[str] = set()
    for event in events:
        if isinstance(event, EpisodeStarted):
            assert not open_ids
            open_ids.add(event.episode.id)
        if isinstance(event, EpisodeAlerted | EpisodeEscalated | EpisodeAcknowledged | EpisodeResponded):
            assert event.episode.id in open_ids
        if isinstance(event, EpisodeEnded):
            open_ids.remove(event.episode.id)
            check(event.episode)
    kinds = (EpisodeStarted, EpisodeAlerted, EpisodeEscalated, EpisodeAcknowledged, EpisodeResponded, EpisodeEnded)
    told = [event.id for event in events if isinstance(event, kinds)]
    assert len(set(told)) == len(told)


def check(episode: Episode) -> None:
    assert episode.outcome is not None and episode.offset_s is not None and episode.bouts
    edges = [edge for bout in episode.bouts for edge in (bout.start_s, bout.end_s)]
    assert edges == sorted(edges) and edges[0] == 0.0 and edges[-1] == episode.offset_s
    assert [a.at_s for a in episode.alerts] == sorted(a.at_s for a in episode.alerts)


def lagging() -> EpisodeTracker:
    """A tracker for an ear that is sure of a cry half a second late."""
    return EpisodeTracker(EpisodeSettings(), AlertSettings(), thresholds=Thresholds(0.7, 0.4), hop_s=0.25, lag_s=0.5)


def test_what_a_slow_ear_hears_is_dated_back() -> None:
    (started,) = pick(feed(lagging(), quiet(0, 10) + cry(10, 15)), EpisodeStarted)
    assert started.episode.onset.since(START) == 9.5


def test_nothing_is_dated_back_to_before_there_was_sound() -> None:
    (started,) = pick(feed(lagging(), cry(0, 5)), EpisodeStarted)
    assert started.episode.onset.since(START) == 0.0


def test_a_voice_never_holds_back_the_first_alert_nor_ends_them_where_nobody_is_reminded() -> None:
    early = Response(at(1), Kind.ARRIVE, Source.VOICE)
    events = feed(tracker(), [*cry(0, 1), early, *cry(1, 400)])
    assert [round(e.at.since(START)) for e in pick(events, EpisodeAlerted)] == [3]
    assert [(round(e.at.since(START)), e.level) for e in pick(events, EpisodeEscalated)][:2] == [(63, 2), (123, 3)]
    never = tracker(alerts=AlertSettings(reminder_after_s=0, max_alerts=3))
    events = feed(never, [*cry(0, 10), Response(at(10), Kind.ARRIVE, Source.VOICE), *cry(10, 130)])
    assert [(round(e.at.since(START)), e.reminder) for e in pick(events, EpisodeEscalated)] == [(63, False), (123, False)]


def test_somebody_who_is_there_is_reminded_late_and_whoever_answers_that_is_named() -> None:
    track = tracker()
    events = feed(track, [*cry(0, 30), arrive(30, caregiver="Ana"), *cry(30, 940)])
    assert [(round(e.at.since(START)), e.reminder) for e in pick(events, EpisodeEscalated)] == [(930, True)]
    assert track.episode is not None and track.episode.calling
    (again,) = pick(feed(track, [arrive(940, caregiver="Ben")]), EpisodeResponded)
    mark = again.episode.arrived
    assert mark is not None and mark.caregiver == "Ben" and abs(mark.at_s - 30) < 0.5
    assert not track.episode.calling
    assert pick(feed(track, cry(940, 1800)), EpisodeEscalated) == []
    (late,) = pick(feed(track, cry(1800, 1850)), EpisodeEscalated)
    assert late.reminder and round(late.at.since(START)) == 1840


def test_a_second_on_my_way_answers_the_reminder() -> None:
    track = tracker()
    feed(track, [*cry(0, 20), acknowledge(20, caregiver="Ana"), *cry(20, 330)])
    (said,) = pick(feed(track, [acknowledge(330, caregiver="Ben")]), EpisodeAcknowledged)
    mark = said.episode.acknowledged
    assert mark is not None and mark.caregiver == "Ben" and abs(mark.at_s - 20) < 0.5
    assert feed(track, [acknowledge(331, caregiver="Ana")]) == [], "one answer to each reminder"
    assert [round(e.at.since(START)) for e in pick(feed(track, cry(331, 640)), EpisodeEscalated)] == [630]


def test_a_baby_that_cries_on_is_never_given_up() -> None:
    events = feed(tracker(alerts=AlertSettings(max_alerts=2)), cry(0, 1500))
    assert [round(e.at.since(START)) for e in pick(events, EpisodeEscalated)] == [63, 663, 1263]
    late = tracker(alerts=AlertSettings(max_alerts=2))
    events = feed(late, [*cry(0, 400), acknowledge(400), *cry(400, 720)])
    assert [(round(e.at.since(START)), e.reminder) for e in pick(events, EpisodeEscalated)] == [(63, False), (700, True)]


def test_what_comes_after_a_pause_is_not_what_somebody_called_no_crying() -> None:
    said = Tag(at(20), Source.BUTTON, not_crying=True)
    events = feed(tracker(), [*cry(0, 20), said, *quiet(20, 45), *cry(45, 60), *quiet(60, 130)])
    first, second = pick(events, EpisodeEnded)
    assert (first.episode.outcome, second.episode.outcome) == (Outcome.FALSE_ALARM, Outcome.SELF_SETTLED)
    assert [round(e.at.since(START)) for e in pick(events, EpisodeAlerted)] == [3, 48]
