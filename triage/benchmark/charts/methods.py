"""Chart of many methods on shared rows: estimates with intervals, differences, single draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from triage.benchmark.results import Number
from triage.charts.number_format import signed, tick
from triage.charts.svg import Scale, line, picture, round_range, tag, text, ticks

LABELS = 286.0
"""Width of the labels of rows, in user units."""
_PANEL, _GAP, _VALUE, _EDGE = 196.0, 26.0, 56.0, 14.0
_ROW, _TOP, _LONGEST = 22.0, 62.0, 40
"""Sizes in user units; the longest label in characters."""


@dataclass(frozen=True)
class Panel:
    """One column of a chart of methods.

    Parameters
    ----------
    title, hint : str
        Above the panel.
    numbers : sequence of Number or None
        One a row: a dot with its interval.
    draws : sequence of (sequence of float or None), optional
        One a row: hollow dots, one a draw, in place of the interval.
    reference : float, optional
        Where the dashed line stands.
    held : sequence of float
        Values that the axis must include, so that panels can share one.
    within : pair of float
        Range of possible values.
    signed : bool
        Whether values are written with their sign.
    """

    title: str
    hint: str
    numbers: Sequence[Number | None]
    draws: Sequence[Sequence[float | None]] | None = None
    reference: float | None = None
    held: Sequence[float] = ()
    within: tuple[float, float] = (0.0, 1.0)
    signed: bool = False


def methods_chart(
    key: str,
    title: str,
    description: str,
    labels: Sequence[tuple[str, str]],
    panels: Sequence[Panel],
) -> Markup:
    """Draw panels next to each other with one row per method.

    Parameters
    ----------
    key : str
        Unique on the page.
    title, description : str
        For those who cannot see it.
    labels : sequence of (title, head)
        Of the rows, from the top; long titles are cut.
    panels : sequence of Panel
    """
    marks = []
    for index, (name, head) in enumerate(labels):
        room = _LONGEST - len(head) - 2
        shown = name if len(name) <= room else f"{name[: room - 1].rstrip()}…"
        marks.append(text(0, baseline(index), f"{shown}, {head}"))
    return panels_chart(key, title, description, marks, len(labels), panels)


def baseline(index: int) -> float:
    """Vertical position of a row's label."""
    return _TOP + _ROW * (index + 0.5) + 4


def panels_chart(
    key: str,
    title: str,
    description: str,
    labels: Sequence[Markup],
    rows: int,
    panels: Sequence[Panel],
) -> Markup:
    """Draw panels next to each other over labelled rows, right of `LABELS`.

    Parameters
    ----------
    key, title, description : str
        As for `methods_chart`.
    labels : sequence of Markup
    rows : int
    panels : sequence of Panel
    """
    bottom = _TOP + _ROW * rows
    marks = [*labels]
    left = LABELS
    for panel in panels:
        marks.append(_panel(panel, left, bottom))
        left += _PANEL + (_VALUE if panel.draws is None else 0) + _GAP
    return picture(key, title, description, left - _GAP + _EDGE, bottom + 30, *marks)


def _panel(panel: Panel, left: float, bottom: float) -> Markup:
    head = tag(
        "g", text(left, 18, panel.title, "strong"), text(left, 36, panel.hint, "muted small")
    )
    values = _values(panel)
    if not values:
        return tag("g", head, text(left, _TOP + 14, "undefined here", "muted"))
    values += panel.held
    if panel.reference is not None:
        values.append(panel.reference)
    low, high, step = round_range(values, within=panel.within)
    x = Scale(low, high, left, left + _PANEL)
    marks = [head]
    for value in ticks(low, high, step):
        marks.append(line(x(value), _TOP, x(value), bottom, "grid"))
        marks.append(
            text(
                x(value),
                bottom + 18,
                tick(value, "area").replace("-", "−"),
                "muted small",
                "middle",
            )
        )
    if panel.reference is not None:
        marks.append(line(x(panel.reference), _TOP, x(panel.reference), bottom, "reference"))
    for index, number in enumerate(panel.numbers):
        if number is None or number.value is None:
            continue
        y = _TOP + _ROW * (index + 0.5)
        draws = None if panel.draws is None else panel.draws[index]
        marks.append(
            _estimate(panel, number, x, y) if draws is None else _draws(draws, number, x, y)
        )
    return tag("g", *marks)


def _values(panel: Panel) -> list[float]:
    shown = [number for number in panel.numbers if number is not None and number.value is not None]
    if panel.draws is not None:
        return [value for draws in panel.draws for value in draws if value is not None]
    return [v for n in shown for v in (n.low, n.value, n.high) if v is not None]


def _estimate(panel: Panel, number: Number, x: Scale, y: float) -> Markup:
    assert number.value is not None
    written = signed(number.value) if panel.signed else f"{number.value:.3f}"
    marks = [text(x.end + _VALUE - 8, y + 4, written, "number small", "end")]
    if number.low is not None and number.high is not None:
        marks.append(line(x(number.low), y, x(number.high), y, "whisker"))
    marks.append(tag("circle", cx=x(number.value), cy=y, r=4.2, class_="dot"))
    return tag("g", *marks)


def _draws(draws: Sequence[float | None], mean: Number, x: Scale, y: float) -> Markup:
    assert mean.value is not None
    marks = [
        tag("circle", cx=x(value), cy=y, r=3.4, class_="draw")
        for value in draws
        if value is not None
    ]
    return tag("g", *marks, line(x(mean.value), y - 7, x(mean.value), y + 7, "mean"))
