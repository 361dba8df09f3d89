"""Drawing: SVG as text, with classes in place of styles, since the page allows no inline style."""

from collections.abc import Iterable

from markupsafe import Markup, escape

Attribute = str | float | int | None


def tag(name: str, *inside: str, **attributes: Attribute) -> Markup:
    """An element; `class_` becomes class, `data_href` data-href; numbers are rounded to a tenth; None is left out."""
    # Plain strings rather than Markup.format, which takes ten times as long: a page draws hundreds of these.
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items() if value is not None
    )
    return Markup(f"<{name}{given}>{''.join(map(escape, inside))}</{name}>")


def _value(value: Attribute) -> str:
    return _short(value) if isinstance(value, float) else escape(str(value))


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def picture(width: float, height: float, label: str, parts: Iterable[str]) -> Markup:
    """A whole drawing with its text alternative."""
    return tag("svg", *parts, class_="chart", role="img", aria_label=label, viewBox=f"0 0 {width:g} {height:g}")


def rect(x: float, y: float, width: float, height: float, class_: str, rx: float | None = None) -> Markup:
    """A box."""
    # Written out, since a page has hundreds: `tag` takes three times as long.
    corner = "" if rx is None else f' rx="{_short(rx)}"'
    return Markup(
        f'<rect x="{_short(x)}" y="{_short(y)}" width="{_short(max(0.0, width))}" height="{_short(max(0.0, height))}" '
        f'class="{class_}"{corner}></rect>'
    )


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A line."""
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def dot(x: float, y: float, radius: float, class_: str) -> Markup:
    """A circle."""
    return tag("circle", cx=float(x), cy=float(y), r=float(radius), class_=class_)


def text(x: float, y: float, said: str, class_: str | None = None, anchor: str | None = None) -> Markup:
    """Words; `anchor` is middle or end."""
    return tag("text", said, x=float(x), y=float(y), class_=class_, text_anchor=anchor)


def path(points: Iterable[tuple[float, float]], class_: str, *, steps: bool = False, close: bool = False) -> Markup:
    """A line through points, or steps to the right of each."""
    out = ""
    for x, y in points:
        out += f"H{x:.1f}V{y:.1f}" if steps and out else f"{'L' if out else 'M'}{x:.1f} {y:.1f}"
    return tag("path", d=out + ("Z" if close else ""), class_=class_)


HATCH = Markup(
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line x1="0" y1="0" x2="0" y2="6" class="hatch"></line></pattern></defs>'
)
"""The pattern of times in which nobody listened; once on a page."""


def alert_sign(x: float, y: float) -> Markup:
    """A phone was told: a triangle pointing down to that moment."""
    return path(((x - 4, y - 8), (x + 4, y - 8), (x, y - 1)), "alert", close=True)


def ack_sign(x: float, y: float) -> Markup:
    """On my way: a hollow circle."""
    return dot(x, y, 4, "ack")


def arrive_sign(x: float, y: float) -> Markup:
    """Somebody is there: a full diamond."""
    return path(((x, y - 6), (x + 5, y), (x, y + 6), (x - 5, y)), "arrive", close=True)


def calm_sign(x: float, top: float, bottom: float) -> Markup:
    """Calm: an upright stroke."""
    return line(x, top, x, bottom, "calmed")
