"""Confusion matrix: what was answered, by what was true."""

from __future__ import annotations

from markupsafe import Markup

from triage.evaluation.results import Confusion
from triage.reports.charts.svg import picture, tag, text

_LABELS, _CELL, _TALL, _TOP = 190.0, 84.0, 40.0, 92.0


def confusion_matrix(confusion: Confusion) -> Markup:
    """Draw counts in cells shaded by their share of the row; right answers have a frame.

    Parameters
    ----------
    confusion : Confusion
        Of `Evaluation.confusion`.
    """
    last = len(confusion.columns) - 1
    marks = [text(0, _TOP - 10, "truth", "muted small")]
    for j, name in enumerate(confusion.columns):
        for index, part in enumerate(_wrapped(name)):
            y = _TOP - 12 - 14 * (len(_wrapped(name)) - 1 - index)
            style = "strong small" if j == last else "small"
            marks.append(text(_LABELS + _CELL * (j + 0.5), y, part, style, "middle"))
    for i, (name, row) in enumerate(zip(confusion.rows, confusion.counts, strict=True)):
        top, total = _TOP + _TALL * i, sum(row)
        shown = name if len(name) <= 25 else f"{name[:24]}…"
        marks.append(text(0, top + 25, shown, "strong" if i == len(row) - 1 else ""))
        for j, count in enumerate(row):
            share = count / total if total else 0.0
            cell = tag(
                "rect",
                x=_LABELS + _CELL * j + 1.5,
                y=top + 1.5,
                width=_CELL - 3,
                height=_TALL - 3,
                rx=3,
                class_="cell right" if i == j else "cell",
                style=f"fill-opacity:{0.04 + 0.42 * share:.3f}",
            )
            look = "cell-text strong" if i == j else "cell-text"
            x = _LABELS + _CELL * (j + 0.5)
            marks.append(tag("g", cell, text(x, top + 25, str(count), look, "middle")))
    return picture(
        "confusion",
        "Confusion matrix",
        "Counts of cases: rows are true conditions and outliers, columns are answers, the last "
        "column no AI opinion. Framed cells are right.",
        _LABELS + _CELL * len(confusion.columns),
        _TOP + _TALL * len(confusion.rows) + 4,
        *marks,
    )


def _wrapped(name: str, width: int = 12, lines: int = 4) -> list[str]:
    """Break a name into a few short lines; what does not fit is cut with an ellipsis."""
    parts: list[str] = []
    for word in name.split() or [""]:
        short = word if len(word) <= width else f"{word[: width - 1]}…"
        if parts and len(parts[-1]) + 1 + len(short) <= width:
            parts[-1] += f" {short}"
        else:
            parts.append(short)
    return parts if len(parts) <= lines else [*parts[: lines - 1], "…"]
