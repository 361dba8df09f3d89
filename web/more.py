"""The menu of everything that is not needed at night."""

from flask import Blueprint, render_template

blueprint = Blueprint("more", __name__)


@blueprint.get("/more")
def page() -> str:
    """Where the rest is."""
    return render_template("more.html")
