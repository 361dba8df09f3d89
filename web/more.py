"""The menu of everything that is not needed at night."""

from flask import Blueprint, current_app, render_template

blueprint = Blueprint("more", __name__)


@blueprint.get("/more")
def page() -> str:
    """Where the rest is."""
    return render_template("more.html", known=current_app.view_functions)
