"""The episode tracker: a pure state machine from scores and responses to events. No clock, no I/O, no logging."""

from collections.abc import Callable
from dataclasses import replace

from device.alerting import due
from device.clock import Instant
from device.corrections import answered, apply_tag, closed, judged
from device.events import (
    EpisodeAcknowledged,
    EpisodeAlerted,
    EpisodeEnded,
    EpisodeEscalated,
    EpisodeResponded,
    EpisodeStarted,
    EpisodeTagged,
    EpisodeUpdated,
    Event,
    Muted,
    stamp,
)
from device.evidence import BoutHeard, CryEvidence, Thresholds
from device.inputs import AudioLost, AudioRestored, Mute, Response, Score, Tag, Tick, TrackerInput
from device.record import Bout, Episode, Mark
from device.settings import AlertSettings, EpisodeSettings
from device.vocabulary import Kind, Outcome, Source
from device.voice import VoiceWatch

BLIP_S = 0.5
"""Shorter crying than this, after a pause, is too little to keep an episode open."""

STILL_CRYING_S = 10.0
"""No alert is repeated later than this after the last crying: a phone must not ring for a baby that has just settled."""

NOT_CRYING_S, NOT_CRYING_CALM_S = 120.0, 20.0
"""What somebody called no crying holds for so much more of it, or until so long a pause: what comes then is a new episode.

A button is soon pressed for the sound before, and no cat, door or television is worth a baby that cries on unheard."""

DEAF_S = 15.0
"""After the last crying: if sound was lost for longer, nobody can say that the baby settled."""


class EpisodeTracker:
    """Scores, responses, tags and ticks in; events out. The same inputs give the same events, always."""

    def __init__(
        self,
        episode: EpisodeSettings,
        alerts: AlertSettings,
        *,
        thresholds: Thresholds,
        hop_s: float,
        lag_s: float = 0.0,
        quiet: Callable[[Instant], bool] = lambda _: False,
        allows: Callable[[float, float], bool] = lambda _peak, _heard_s: True,
        boot_id: str = "",
    ) -> None:
        """Take the settings, and the detector's thresholds, hop and lag.

        `quiet` tells whether an instant lies in quiet hours; `allows` whether a first alert may ring, given the highest
        score so far and the seconds of crying heard (False: very likely a sound that was no crying before).
        """
        self._settings = episode
        self._alerts = alerts
        self._quiet = quiet
        self._allows = allows
        self._boot_id = boot_id
        self._lag_s = lag_s
        self._evidence = CryEvidence(thresholds, hop_s=hop_s, hangover_s=episode.hangover_s, lag_s=lag_s)
        self._voice = VoiceWatch(episode.voice_s)
        self._episode: Episode | None = None
        self._last: Episode | None = None
        self._last_crying: Instant | None = None
        self._responses: tuple[Response, ...] = ()
        self._muted_until: Instant | None = None
        self._lost_since: Instant | None = None
        self._lost_s = 0.0  # of the time since the last crying
        self._resumed = False
        self._answered_s: float | None = None  # after onset: the latest answer, where the first one's time is kept
        self._said_not_crying: Instant | None = None

    @property
    def episode(self) -> Episode | None:
        """The open episode as it stands, its present bout included."""
        if self._episode is None or (bout := self._evidence.bout) is None:
            return self._episode
        return replace(self._episode, bouts=(*self._episode.bouts, self._bout(bout)))

    @property
    def last(self) -> Episode | None:
        """The latest episode that has ended."""
        return self._last

    @property
    def crying(self) -> bool:
        """True within a bout of an open episode."""
        return self._episode is not None and self._evidence.crying

    @property
    def muted_until(self) -> Instant | None:
        """When alerts come back, if they are muted."""
        return self._muted_until

    def set_thresholds(self, thresholds: Thresholds) -> None:
        """Hear more or less readily from now on."""
        self._evidence.thresholds = thresholds

    def set_alerts(self, alerts: AlertSettings, quiet: Callable[[Instant], bool]) -> None:
        """Alert in another way from now on."""
        self._alerts, self._quiet = alerts, quiet

    def quiet(self, at: Instant) -> bool:
        """True in quiet hours."""
        return self._quiet(at)

    def adopt(self, episode: Episode) -> None:
        """Take over what somebody else has changed in the open or the last episode (a guess, an edit)."""
        if self._episode is not None and episode.id == self._episode.id:
            self._episode = replace(episode, bouts=self._episode.bouts)
        elif self._last is not None and episode.id == self._last.id:
            self._last = episode

    def remember(self, episode: Episode | None) -> None:
        """Know the latest ended episode of an earlier run, so that it can still be tagged; None forgets it."""
        self._last = episode

    def resume(self, episode: Episode, at: Instant) -> None:
        """Go on with an episode that a restart cut: it stays one if the crying goes on, else it ends as interrupted."""
        self._episode = episode
        self._last_crying = at
        self._resumed = True
        self._voice.begin(episode.onset)

    def handle(self, event: TrackerInput) -> tuple[Event, ...]:
        """Take the next input, in order of time, and give what follows from it."""
        self._correct_clock(event.at)
        match event:
            case Score():
                return (*self._score(event), *self._advance(event.at))
            case Response():
                return self._respond(event)
            case Tag():
                return self._tag(event)
            case Mute():
                return self._mute(event)
            case AudioLost():
                self._lost_since = self._lost_since or event.at
                return (*self._bout_over(event.at, self._evidence.stop()), *self._advance(event.at))
            case AudioRestored():
                self._lost_s += event.at.since(self._lost_since) if self._lost_since is not None else 0.0
                self._lost_since = None
                return self._advance(event.at)
            case Tick():
                return self._advance(event.at)

    def stop(self, at: Instant) -> tuple[Event, ...]:
        """Close the open episode because listening ends for good (the end of a recording)."""
        return (*self._bout_over(at, self._evidence.stop()), *self._end(at, interrupted=True)) if self._episode else ()

    # ---- hearing ----

    def _score(self, score: Score) -> tuple[Event, ...]:
        events: list[Event] = []
        ended = self._evidence.feed(score)
        bout = self._evidence.bout
        if self._episode is None:
            if bout is not None and self._evidence.heard_s >= self._settings.min_cry_s:
                events += self._start(score.at, bout)
        elif bout is not None and bout.heard_s >= BLIP_S:
            self._last_crying = bout.end
            self._resumed, self._lost_s = False, 0.0
        if self._episode is not None and bout is not None:
            self._episode = replace(
                self._episode,
                distress=max(self._episode.distress, self._evidence.distress),
                peak_score=max(self._episode.peak_score, score.cry),
            )
        if ended is not None:
            events += self._bout_over(score.at, ended)
        onset = self._episode.onset if self._episode else None
        heard = self._voice.feed(score, onset, self._last_crying if self._episode else None)
        if heard is not None and self._settings.voice_response and self._episode and self._episode.arrived is None:
            events += self._respond(Response(heard, Kind.ARRIVE, Source.VOICE), score.at)
        return tuple(events)

    def _start(self, at: Instant, bout: BoutHeard) -> tuple[Event, ...]:
        self._episode = Episode(stamp(bout.start), bout.start, boot_id=self._boot_id)
        self._answered_s = self._said_not_crying = None
        self._last_crying, self._lost_s = bout.end, 0.0
        self._voice.begin(bout.start)
        started = EpisodeStarted(at, self.episode or self._episode)
        early = [r for r in self._responses if r.at.since(bout.start) >= 0]
        self._responses = ()
        return (started, *(event for response in early for event in self._respond(response, at)))

    def _bout(self, bout: BoutHeard) -> Bout:
        assert self._episode is not None
        onset = self._episode.onset
        return Bout(round(bout.start.since(onset), 3), round(bout.end.since(onset), 3), round(bout.distress, 3))

    def _bout_over(self, at: Instant, bout: BoutHeard | None) -> tuple[Event, ...]:
        if self._episode is None or bout is None or (bout.heard_s < BLIP_S and self._episode.bouts):
            return ()
        self._episode = replace(self._episode, bouts=(*self._episode.bouts, self._bout(bout)))
        return (EpisodeUpdated(at, self._episode),)

    # ---- time ----

    def _advance(self, at: Instant) -> tuple[Event, ...]:
        events: list[Event] = []
        if self._muted_until is not None and at.since(self._muted_until) >= 0:
            self._muted_until = None
            events.append(Muted(at, "Alerts are on again."))
        if self._episode is None or self._last_crying is None:
            return tuple(events)
        calm_s = at.since(self._last_crying)
        if calm_s >= self._settings.settle_after_s or self._not_crying_is_over(at, calm_s):
            deaf = self._lost_since is not None or self._lost_s > DEAF_S
            return (*events, *self._end(at, interrupted=deaf or self._resumed))
        if self._muted_until is None and not self._episode.not_crying and not self._resumed:
            now_s = round(at.since(self._episode.onset), 3)
            cried_s = self._evidence.heard_s + self._lag_s
            sure, crying = self._evidence.sure, calm_s <= STILL_CRYING_S
            quiet = self._quiet(at)
            mark = due(
                self._alerts,
                self._episode,
                now_s,
                cried_s,
                sure=sure,
                crying=crying,
                quiet=quiet,
                answered_s=self._answered_s,
            )
            first = not self._episode.alerts
            if mark is not None and (not first or self._allows(self._episode.peak_score, self._evidence.heard_s)):
                self._episode = replace(self._episode, alerts=(*self._episode.alerts, mark))
                episode = self.episode or self._episode
                events.append(
                    EpisodeAlerted(at, episode, quiet=quiet)
                    if first
                    else EpisodeEscalated(at, episode, level=mark.level, reminder=mark.reminder, quiet=quiet)
                )
        return tuple(events)

    def _not_crying_is_over(self, at: Instant, calm_s: float) -> bool:
        """True once what somebody called no crying has been quiet, or has gone on for too long to be believed."""
        if self._episode is None or not self._episode.not_crying:
            self._said_not_crying = None
            return False
        self._said_not_crying = self._said_not_crying or at
        return calm_s >= NOT_CRYING_CALM_S or at.since(self._said_not_crying) >= NOT_CRYING_S

    def _end(self, at: Instant, *, interrupted: bool) -> tuple[Event, ...]:
        assert self._episode is not None
        over = self._bout_over(at, self._evidence.stop())
        outcome = Outcome.INTERRUPTED if interrupted else Outcome.SELF_SETTLED
        ended = judged(closed(self._episode, outcome), self._alerts)
        self._episode, self._last, self._last_crying, self._resumed = None, ended, None, False
        self._evidence.clear()
        return (*over, EpisodeEnded(at, ended))

    def _correct_clock(self, at: Instant) -> None:
        """Once the clock is right, put the open episode's onset right too; durations never change."""
        if self._episode is not None and at.synced and not self._episode.onset.synced:
            onset = self._episode.onset
            self._episode = replace(self._episode, onset=Instant(onset.monotonic, at.utc - at.since(onset), True))

    # ---- people ----

    def _respond(self, response: Response, at: Instant | None = None) -> tuple[Event, ...]:
        if self._episode is None:
            kept = tuple(r for r in self._responses if response.at.since(r.at) <= self._settings.settle_after_s)
            self._responses = (*kept, response)[-8:]
            return ()
        mark = Mark(round(response.at.since(self._episode.onset), 3), response.source, response.caregiver)
        at = at or response.at
        answer = answered(self._episode, response.kind, mark)
        if answer is None:
            return ()
        self._episode, self._answered_s = answer, mark.at_s
        event = EpisodeAcknowledged if response.kind is Kind.ACKNOWLEDGE else EpisodeResponded
        return (event(at, self.episode or answer),)

    def _tag(self, tag: Tag) -> tuple[Event, ...]:
        current = self.episode
        if current is not None and tag.episode_id in (None, current.id):
            tagged = apply_tag(current, tag)
            self.adopt(tagged)
            return (EpisodeTagged(tag.at, tagged),)
        if self._last is not None and tag.episode_id in (None, self._last.id):
            self._last = apply_tag(self._last, tag)
            return (EpisodeTagged(tag.at, self._last),)
        return ()

    def _mute(self, mute: Mute) -> tuple[Event, ...]:
        self._muted_until = mute.at.plus(mute.for_s) if mute.for_s > 0 else None
        text = f"Alerts are muted for {round(mute.for_s / 60)} min." if mute.for_s > 0 else "Alerts are on again."
        return (Muted(mute.at, text, until=self._muted_until), *self._advance(mute.at))
