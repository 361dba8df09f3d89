"""Cells and tables in Markdown, and their place in a document."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from device.errors import NurseryError

Figures = Mapping[str, Any]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with columns of even width."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in [head, *rows])
    lines = ["| " + " | ".join(row) + " |" for row in padded]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def percent(figure: Figures | None) -> str:
    """A share with its interval."""
    return f"{100 * figure['value']:.0f} % ({100 * figure['low']:.0f}–{100 * figure['high']:.0f})" if figure else "–"


def area(figure: Figures) -> str:
    """An area under a curve with its interval."""
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})" if figure["count"] else "–"


def rate(figure: Figures) -> str:
    """Alarms an hour with its interval."""
    return f"{figure['value']:.2f} ({figure['low']:.2f}–{figure['high']:.2f})"


def spread(figure: Figures) -> str:
    """A median with its 5 and 95 % points."""
    return f"{figure['median']:.1f} ({figure['p5']:.1f}–{figure['p95']:.1f})" if figure["median"] is not None else "–"


def rewrite(document: Path, section: str, content: str) -> None:
    """Replace what stands between the section's marks in a document.

    Raises:
        NurseryError: the document lacks the marks.
    """
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    old = document.read_text() if document.exists() else ""
    if begin not in old or end not in old:
        raise NurseryError(f"{document}: has no section between {begin} and {end}; add both lines")
    head, _, rest = old.partition(begin)
    document.write_text(head + begin + "\n" + content.strip() + "\n" + end + rest.partition(end)[2])
