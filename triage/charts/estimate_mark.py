"""Mark of an estimate with its interval in a chart."""

from __future__ import annotations

from typing import Protocol

from markupsafe import Markup

from triage.charts.number_format import number
from triage.charts.svg import Scale, line, rect, tag, text


class Drawn(Protocol):
    """What a mark is drawn of: an `Estimate`, or an estimate of an audit."""

    @property
    def value(self) -> float | None:
        """The estimate; None where it is undefined."""

    @property
    def low(self) -> float | None:
        """Lower end of the interval."""

    @property
    def high(self) -> float | None:
        """Upper end of the interval."""

    @property
    def unit(self) -> str:
        """Unit of the three."""

    @property
    def evidence(self) -> str:
        """Whether there is "enough" of it, or "not enough"."""


def estimate_mark(
    estimate: Drawn,
    x: Scale,
    y: float,
    value_at: float,
    *,
    unit: str = "",
    square: bool = False,
) -> Markup:
    """Draw a dot, or a square, on its interval, and the value at the right.

    Hollow and dashed where there is not enough evidence.

    Parameters
    ----------
    estimate : Estimate or AuditEstimate
    x : Scale
    y : float
        Of the mark.
    value_at : float
        Where the written value ends.
    unit : str
        To write the value in, the estimate's own if none is given.
    square : bool
        For the row that the others are compared with.
    """
    weak = " weak" if estimate.evidence == "not enough" else ""
    shown = number(estimate.value, unit or estimate.unit)
    label = text(value_at, y + 4, shown, f"number{' muted' if weak else ''}", "end")
    if estimate.value is None:
        return label
    marks = [label]
    if estimate.low is not None and estimate.high is not None:
        marks.append(line(x(estimate.low), y, x(estimate.high), y, f"whisker{weak}"))
    here = x(estimate.value)
    if square:
        marks.append(rect(here - 5, y - 5, 10, 10, "dot"))
    else:
        marks.append(tag("circle", cx=here, cy=y, r=4.2, class_=f"dot{weak}"))
    return tag("g", *marks)
