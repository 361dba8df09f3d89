"""Everything that is kept, to take away: tables, one JSON file, and a backup of the whole history."""

import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

from flask import Blueprint, Response, abort, render_template
from werkzeug.wrappers import Response as BaseResponse

from device.config import journal_path
from device.journal import JournalReader, backup, csv_lines, export_json
from device.journal_export import TABLES
from web.parts import now_utc, parts, reader, words

blueprint = Blueprint("export", __name__)

CHUNK = 65536


@blueprint.get("/export")
def page() -> str:
    """What can be taken away."""
    return render_template("export.html", tables=TABLES, count=reader().count(), backup=_dated("nursery.db"))


@blueprint.get("/export/<table>.csv")
def csv(table: str) -> BaseResponse:
    """One table."""
    if table not in TABLES:
        abort(404)
    reader()
    journal, zone = journal_path(parts().config), parts().zone

    def lines() -> Iterator[str]:
        with closing(JournalReader(journal)) as history:
            yield from csv_lines(history, table, zone)

    return _download(Response(lines(), mimetype="text/csv"), f"{table}.csv")


@blueprint.get("/export/nursery.json")
def whole() -> BaseResponse:
    """The whole history as JSON."""
    reader()
    pieces = export_json(journal_path(parts().config), parts().zone)
    return _download(Response(pieces, mimetype="application/json"), "nursery.json")


@blueprint.get("/export/nursery.db")
def copy() -> BaseResponse:
    """A consistent copy of the history's file; `nursery-monitor restore` puts it back."""
    reader()
    folder = tempfile.TemporaryDirectory(prefix="nursery-backup-")
    target = Path(folder.name) / "journal.db"
    backup(journal_path(parts().config), target)

    def pieces() -> Iterator[bytes]:
        with target.open("rb") as file:
            while piece := file.read(CHUNK):
                yield piece

    answer = Response(pieces(), mimetype="application/vnd.sqlite3")
    answer.headers["Content-Length"] = str(target.stat().st_size)
    answer.call_on_close(folder.cleanup)
    return _download(answer, "nursery.db")


def _download(answer: Response, name: str) -> Response:
    answer.headers["Content-Disposition"] = f'attachment; filename="{_dated(name)}"'
    return answer


def _dated(name: str) -> str:
    day: date = words().today(now_utc())
    return f"{day.isoformat()}-{name}"
