"""Feeds, sleep and nappies from another diary, as context beside the crying."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from flask import Blueprint, abort, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from device.commands import MAX_ENTRIES
from device.errors import JournalError
from device.journal import Context, read_diary
from web.parts import parts, reader, words
from web.shown import done

blueprint = Blueprint("imports", __name__)

DIARIES = {"babybuddy": "Baby Buddy", "huckleberry": "Huckleberry"}
"""The diaries' names for people."""

LARGEST_BATCH = 48_000
"""Bytes of entries in one command; the control socket takes 64 KiB."""


@blueprint.get("/import")
def page() -> str:
    """Choose a file."""
    return render_template("import.html")


@blueprint.post("/import")
def take() -> BaseResponse | str:
    """Read the file and hand its entries to the monitor, which keeps the history."""
    w = words()
    file = request.files.get("diary")
    if file is None or not file.filename:
        abort(400, w._("Please choose a file first."))
    try:
        found = read_diary(file.read(), parts().zone)
    except JournalError as error:
        return render_template("import.html", problem=w.error(error))
    before = reader().known_contexts([each.id for each in found.contexts])
    for batch in batches(found.contexts):
        parts().live.ask("import", {"entries": [asdict(each) for each in batch]})
    text = w.n_(
        "%(n)s entry taken over from %(source)s.",
        "%(n)s entries taken over from %(source)s.",
        len(found.contexts) - before,
        source=DIARIES.get(found.source, found.source),
    )
    if before:
        text += " " + w.n_("%(n)s entry was there already.", "%(n)s entries were there already.", before)
    if found.problems:
        return render_template("import.html", taken=text, problems=[(line, w.error(why)) for line, why in found.problems])
    return done(text, url_for("day.page"))


def batches(contexts: Sequence[Context]) -> Iterator[list[Context]]:
    """Cut entries into commands small enough for the control socket."""
    batch: list[Context] = []
    size = 0
    for each in contexts:
        more = len(json.dumps(asdict(each)))
        if batch and (len(batch) >= MAX_ENTRIES or size + more > LARGEST_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(each)
        size += more
    if batch:
        yield batch
