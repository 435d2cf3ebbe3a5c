"""Confusion matrices: answers by true condition."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from triage.charts.number_format import plain
from triage.charts.svg import picture, tag, text
from triage.evaluation.referral import ReferralResult
from triage.evaluation.results import Confusion

_LABELS, _CELL, _TALL, _NAMES, _LINE = 190.0, 84.0, 40.0, 36.0, 14.0


def confusion_matrix(confusion: Confusion) -> Markup:
    """Draw counts in cells shaded by their share of the row; right answers have a frame.

    Parameters
    ----------
    confusion : Confusion
        Of `Evaluation.confusion`.
    """
    last = len(confusion.columns) - 1
    return _matrix(
        "confusion",
        "Confusion matrix",
        "Counts of cases: rows are true conditions and outliers, columns are answers, the last "
        "column no AI opinion. Framed cells are right.",
        "truth",
        confusion.rows,
        confusion.columns,
        confusion.counts,
        strong=last,
    )


def referral_matrix(referral: ReferralResult) -> Markup:
    """Draw the referrals as De Fauw et al. 2018 do, with the penalty of each cell below its count.

    Parameters
    ----------
    referral : ReferralResult
    """
    names = [name.replace("_", "-") for name in referral.classes]
    return _matrix(
        "referral-matrix",
        "Referral matrix",
        "Counts of volumes: rows are the true referral, columns the one given. Framed cells are "
        "right; below each count stands the penalty of such a volume.",
        "true \\ given",
        names,
        names,
        referral.confusion,
        below=[[plain(value) for value in row] for row in referral.penalty],
    )


def _matrix(
    key: str,
    title: str,
    description: str,
    corner: str,
    rows: Sequence[str],
    columns: Sequence[str],
    counts: Sequence[Sequence[int]],
    *,
    strong: int = -1,
    below: Sequence[Sequence[str]] | None = None,
) -> Markup:
    """Draw a square of counts; `strong` is the emphasised row and column."""
    tall = _TALL + (_LINE if below else 0)
    names = [_wrapped(name) for name in columns]
    first = _NAMES + _LINE * max(map(len, names))
    marks = [text(0, first - 10, corner, "muted small")]
    for j, parts in enumerate(names):
        for index, part in enumerate(parts):
            y = first - 12 - _LINE * (len(parts) - 1 - index)
            style = "strong small" if j == strong else "small"
            marks.append(text(_LABELS + _CELL * (j + 0.5), y, part, style, "middle"))
    for i, (name, row) in enumerate(zip(rows, counts, strict=True)):
        top, total = first + tall * i, sum(row)
        shown = name if len(name) <= 25 else f"{name[:24]}…"
        marks.append(text(0, top + 25, shown, "strong" if i == strong else ""))
        for j, count in enumerate(row):
            share = count / total if total else 0.0
            cell = tag(
                "rect",
                x=_LABELS + _CELL * j + 1.5,
                y=top + 1.5,
                width=_CELL - 3,
                height=tall - 3,
                rx=3,
                class_="cell right" if i == j else "cell",
                style=f"fill-opacity:{0.04 + 0.42 * share:.3f}",
            )
            look = "cell-text strong" if i == j else "cell-text"
            x = _LABELS + _CELL * (j + 0.5)
            drawn = [cell, text(x, top + 25, str(count), look, "middle")]
            if below:
                drawn.append(text(x, top + 43, below[i][j], "muted small number", "middle"))
            marks.append(tag("g", *drawn))
    return picture(
        key,
        title,
        description,
        _LABELS + _CELL * len(columns),
        first + tall * len(rows) + 4,
        *marks,
    )


def _wrapped(name: str, width: int = 12, lines: int = 4) -> list[str]:
    """Break a name into a few short lines; a long name is cut with an ellipsis."""
    parts: list[str] = []
    for word in name.split() or [""]:
        short = word if len(word) <= width else f"{word[: width - 1]}…"
        if parts and len(parts[-1]) + 1 + len(short) <= width:
            parts[-1] += f" {short}"
        else:
            parts.append(short)
    return parts if len(parts) <= lines else [*parts[: lines - 1], "…"]
