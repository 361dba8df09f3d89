"""The list of episodes, with filters, and taking back the last change."""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from device.record import Episode
from device.vocabulary import Need, Outcome
from web.parts import now_utc, parts, reader, words
from web.security import inside
from web.shown import said
from web.words import Words

blueprint = Blueprint("history", __name__)

PAGE = 40
LONGEST_NAME = 24
FIRST_DAY, LAST_DAY = date(1971, 1, 1), date(9000, 12, 31)
"""Days that can be asked for; no clock shows any other."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the list is narrowed to; empty means everything."""

    since: date | None = None
    until: date | None = None
    outcome: Outcome | None = None
    need: Need | None = None
    caregiver: str = ""

    @property
    def any(self) -> bool:
        """True if it narrows at all."""
        return self != Filter()

    def query(self, number: int) -> str:
        """The address of a page of the filtered list."""
        given = {
            "since": self.since,
            "until": self.until,
            "outcome": self.outcome,
            "need": self.need,
            "caregiver": self.caregiver,
            "page": number if number > 1 else None,
        }
        return "?" + urlencode({key: str(value) for key, value in given.items() if value})

    def times(self, w: Words) -> tuple[float | None, float | None]:
        """UTC seconds of its first midnight and of the midnight after its last day."""
        return (
            None if self.since is None else w.midnight(self.since),
            None if self.until is None else w.midnight(self.until + timedelta(days=1)),
        )


def asked() -> Filter:
    """The filter in this request's address; what cannot be understood counts as not given."""
    given = request.args
    return Filter(
        given.get("since", type=_day),
        given.get("until", type=_day),
        given.get("outcome", type=Outcome),
        given.get("need", type=Need),
        given.get("caregiver", "")[:LONGEST_NAME],
    )


def _day(text: str) -> date:
    found = date.fromisoformat(text)
    if not FIRST_DAY <= found <= LAST_DAY:
        raise ValueError("no clock shows that year")
    return found


@blueprint.get("/history")
def page() -> str:
    """Episodes by day, newest first."""
    w, wanted = words(), asked()
    since, until = wanted.times(w)
    number = min(max(1, request.args.get("page", 1, type=int)), 100_000)
    caregiver = wanted.caregiver or None
    history = reader()
    total = history.count(since_utc=since, until_utc=until, outcome=wanted.outcome, need=wanted.need, caregiver=caregiver)
    found = history.episodes(
        since_utc=since,
        until_utc=until,
        outcome=wanted.outcome,
        need=wanted.need,
        caregiver=caregiver,
        limit=PAGE,
        offset=(number - 1) * PAGE,
    )
    days: dict[date, list[Episode]] = {}
    for each in found:
        days.setdefault(w.today(each.onset.utc), []).append(each)
    return render_template(
        "history.html",
        days=days,
        total=total,
        number=number,
        pages=max(1, -(-total // PAGE)),
        wanted=wanted,
        today=w.today(now_utc()),
        names=sorted({*history.caregivers(), *parts().config.nursery.caregivers}),
        outcomes=tuple(Outcome),
        undoable=_undoable(),
    )


@blueprint.post("/history/undo")
def undo() -> BaseResponse:
    """Take back the last change."""
    if reader().undoable() is not None:
        parts().live.ask("edit", {"action": "undo"})
        said(words()._("The last change is taken back."))
    else:
        said(words()._("There was nothing to take back."))
    return redirect(inside(request.form.get("back", "")) or url_for("history.page"), 303)


def _undoable() -> str:
    """What would be taken back next, in words; "" if there is nothing."""
    change, w = reader().undoable(), words()
    if change is None:
        return ""
    what = {
        "acknowledge": w._("when somebody was on the way"),
        "arrive": w._("when somebody was there"),
        "tag": w._("what it was or what helped"),
        "untag": w._("what was said was taken back"),
        "note": w._("the note"),
        "delete": w._("deleted"),
    }.get(change.action, change.action)
    episode = reader().episode(change.episode_id)
    if episode is None:
        return w._("The last change: %(what)s.", what=what)
    when = w.when(episode.onset.utc, now_utc())
    return w._("The last change: %(what)s, for the episode of %(time)s.", what=what, time=when)
