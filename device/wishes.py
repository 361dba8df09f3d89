"""What people ask for beyond the present episode: corrections of the history, and the house's own ways."""

from collections.abc import Callable
from dataclasses import replace

from device.episode import EpisodeTracker
from device.events import Event
from device.evidence import Thresholds
from device.inputs import Edit, Forget, ImportContexts, SetAlerts, SetSensitivity, Tag
from device.ports import History, HouseWays
from device.sinks import MonitorState

Wish = Tag | Edit | Forget | ImportContexts | SetSensitivity | SetAlerts


class Wishes:
    """Carries them out, and tells what follows."""

    def __init__(
        self,
        tracker: EpisodeTracker,
        history: History,
        house: HouseWays | None = None,
        thresholds: Callable[[str], Thresholds] | None = None,
    ) -> None:
        """Take what they change; `thresholds` gives those of a sensitivity."""
        self._tracker = tracker
        self._history = history
        self._house = house
        self._thresholds = thresholds

    def carry_out(self, wish: Wish, state: MonitorState) -> tuple[MonitorState, tuple[Event, ...]]:
        """Carry out a wish; give the state with what it changes there, and the events that follow from it.

        Raises:
            NurseryError: the history cannot be changed now.
        """
        event: Event | None = None
        match wish:
            case Tag():
                if self._recent(wish):
                    return state, self._tracker.handle(wish)
                event = self._history.tag(wish)
            case Edit():
                event = self._edit(wish)
            case Forget():
                event = self._history.forget(wish)
            case ImportContexts():
                self._history.import_contexts(wish.contexts)
            case SetSensitivity():
                state = self._set_sensitivity(wish, state)
            case SetAlerts():
                state = self._set_alerts(wish, state)
        return state, () if event is None else (event,)

    def _recent(self, tag: Tag) -> bool:
        episodes = (self._tracker.episode, self._tracker.last)
        return tag.episode_id is None or any(e is not None and e.id == tag.episode_id for e in episodes)

    def _edit(self, edit: Edit) -> Event | None:
        edited = self._history.apply(edit)
        if edited is not None:
            last = self._tracker.last
            if edited.deleted and last is not None and edited.episode.id == last.id:
                self._tracker.remember(None)
            else:
                self._tracker.adopt(edited.episode)
        return edited

    def _set_sensitivity(self, wish: SetSensitivity, state: MonitorState) -> MonitorState:
        if self._thresholds is not None:
            self._tracker.set_thresholds(self._thresholds(wish.sensitivity))
        if self._house is not None:
            self._house.keep({"detector.sensitivity": wish.sensitivity})
        return replace(state, sensitivity=wish.sensitivity)

    def _set_alerts(self, wish: SetAlerts, state: MonitorState) -> MonitorState:
        if self._house is None:
            return state
        wishes = {"alerts.alert_after_s": wish.alert_after_s, "alerts.quiet_hours": wish.quiet_hours}
        alerts, quiet = self._house.alerts({name: value for name, value in wishes.items() if value is not None})
        self._tracker.set_alerts(alerts, quiet)
        return replace(state, alert_after_s=alerts.alert_after_s, quiet_between=alerts.quiet_hours)
