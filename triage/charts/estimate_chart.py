"""Chart of estimates of one kind over named rows: a forest plot of one panel."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from triage.charts.estimate_mark import estimate_mark
from triage.charts.number_format import plain
from triage.charts.svg import Scale, line, picture, round_range, tag, text, ticks
from triage.evaluation.results import Estimate

_LABELS, _PANEL, _VALUE, _ROW, _TOP = 300.0, 360.0, 70.0, 24.0, 30.0
_SCORE = "score"


def estimate_chart(
    key: str, title: str, heading: str, rows: Sequence[tuple[str, int, Estimate]]
) -> Markup:
    """Draw an estimate between 0 and 1 and its 95 % interval per row.

    Parameters
    ----------
    key, title : str
        Unique on the page; what is drawn.
    heading : str
        Label above the axis.
    rows : sequence of (str, int, Estimate)
        Name, number of cases it is taken of, estimate.
    """
    seen = [found for *_, found in rows if found.value is not None]
    bottom = _TOP + _ROW * len(rows)
    marks = [text(_LABELS, 16, heading, "strong"), text(_LABELS - 18, 16, "n", "muted", "end")]
    scale = None
    if seen:
        # What rests on too little evidence may span everything: it does not set the range.
        solid = [found for found in seen if found.evidence == "enough"] or seen
        values = [v for e in solid for v in (e.low, e.value, e.high) if v is not None]
        low, high, step = round_range(values, within=(0.0, 1.0))
        scale = Scale(low, high, _LABELS, _LABELS + _PANEL)
        for value in ticks(low, high, step):
            marks.append(line(scale(value), _TOP, scale(value), bottom, "grid"))
            shown = plain(value)
            marks.append(text(scale(value), bottom + 18, shown, "muted small", "middle"))
    for index, (name, count, found) in enumerate(rows):
        y = _TOP + _ROW * (index + 0.5)
        label = [text(0, y + 4, name), text(_LABELS - 18, y + 4, str(count), "muted number", "end")]
        marks.append(tag("g", *label))
        if scale is not None and found.value is not None:
            marks.append(estimate_mark(found, scale, y, _LABELS + _PANEL + _VALUE, unit=_SCORE))
        else:
            marks.append(text(_LABELS, y + 4, "undefined here", "muted"))
    return picture(
        key,
        title,
        "Dots are estimates and bars 95 % intervals; hollow and dashed ones rest on too little "
        "evidence.",
        _LABELS + _PANEL + _VALUE,
        bottom + 30,
        *marks,
    )
