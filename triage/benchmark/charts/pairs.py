"""Forest plot of two compared scores: the AUROC of each and their paired difference by part."""

from __future__ import annotations

from itertools import groupby

from markupsafe import Markup

from triage.benchmark.charts.methods import LABELS, Panel, baseline, panels_chart
from triage.benchmark.results import PairPart, PairRow
from triage.charts.svg import text
from triage.evaluation.coverage import OVERALL

_LONGEST, _INDENT, _COUNT = 26, 14.0, 30.0
"""Characters of a label; user units before it, and between the counts and the first panel."""


def pair_forest(pair: PairRow, *, key: str) -> Markup | None:
    """Draw the compared parts, grouped by axis.

    Parameters
    ----------
    pair : PairRow
    key : str
        Unique on the page.

    Returns
    -------
    Markup or None
        None where no part was compared.
    """
    drawn = [part for part in pair.parts if not part.reason]
    if not drawn:
        return None
    labels: list[Markup] = [text(LABELS - _COUNT, 36, "outliers", "muted small", "end")]
    rows: list[PairPart | None] = []
    for axis, parts in groupby(drawn, key=lambda part: part.axis):
        if axis != OVERALL:
            labels.append(text(0, baseline(len(rows)), _short(axis.replace("_", " ")), "strong"))
            rows.append(None)
        for part in parts:
            y = baseline(len(rows))
            overall = axis == OVERALL
            name = "All of the near set" if overall else _short(part.level)
            labels.append(text(0 if overall else _INDENT, y, name, "strong" if overall else ""))
            count = f"{part.outliers:.0f}"
            labels.append(text(LABELS - _COUNT, y, count, "muted number", "end"))
            rows.append(part)
    areas = [number for part in drawn for number in (part.a, part.b)]
    held = [bound for one in areas for bound in (one.low, one.high) if bound is not None]
    first = [None if part is None else part.a for part in rows]
    second = [None if part is None else part.b for part in rows]
    panels = [
        Panel(_short(pair.a), "AUROC", first, held=held),
        Panel(_short(pair.b), "AUROC", second, held=held),
        Panel(
            "Difference", "first minus second (dashed: none)",
            [None if part is None else part.difference for part in rows],
            reference=0.0, within=(-1.0, 1.0), signed=True,
        ),
    ]  # fmt: skip
    return panels_chart(
        key,
        f"{pair.a} against {pair.b}",
        "AUROC of both scores and their paired difference, over all of the near set, by the risk "
        "of the unseen condition, and by subgroup. Dots are means over draws and bars 95 % "
        "intervals over draws and cases. The table holds the same numbers.",
        labels,
        len(rows),
        panels,
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
