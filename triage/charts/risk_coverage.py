"""Risk-coverage curve: risk of the answered cases if the most suspicious are abstained on."""

from __future__ import annotations

from markupsafe import Markup

from triage.charts.svg import Scale, line, path, picture, round_range, tag, text, ticks
from triage.evaluation.results import RiskCoverage

_WIDTH, _HEIGHT, _LEFT, _TOP = 400.0, 330.0, 58.0, 34.0


def risk_coverage_curve(curve: RiskCoverage) -> Markup:
    """Draw risk against coverage with its band, random referral, and the operating point.

    Parameters
    ----------
    curve : RiskCoverage
        Of `Evaluation.risk_coverage`.
    """
    ends = [curve.random_risk, *(p.high for p in curve.points), curve.operating_risk or 0.0]
    _, high, step = round_range([0.0, *ends], within=(0.0, 1.0))
    x = Scale(0, 1, _LEFT, _LEFT + _WIDTH)
    y = Scale(0, high, _TOP + _HEIGHT, _TOP)
    marks = []
    for value in ticks(0, 1, 0.2):
        marks.append(text(x(value), y(0) + 18, f"{100 * value:.0f}", "muted small", "middle"))
    for value in ticks(0, high, step):
        marks.append(line(x(0), y(value), x(1), y(value), "grid"))
        marks.append(text(x(0) - 8, y(value) + 4, f"{100 * value:g}", "muted small", "end"))
    upper = [(x(p.coverage), y(p.high)) for p in curve.points]
    lower = [(x(p.coverage), y(p.low)) for p in reversed(curve.points)]
    marks.append(path(upper + lower, "band", closed=True))
    marks.append(line(x(0), y(curve.random_risk), x(1), y(curve.random_risk), "reference"))
    marks.append(text(x(0) + 6, y(curve.random_risk) - 7, "random referral", "muted small"))
    marks.append(path([(x(p.coverage), y(p.risk)) for p in curve.points], "curve"))
    if curve.operating_risk is not None:
        marks.append(_operating_point(x(curve.operating_coverage), y(curve.operating_risk)))
    marks.append(line(x(0), y(0), x(1), y(0), "axis"))
    marks.append(text(_LEFT - 40, 16, "risk among answered cases, %", "muted"))
    marks.append(text(x(0.5), y(0) + 40, "coverage: cases answered, %", "muted", "middle"))
    return picture(
        "risk-coverage",
        "Risk-coverage curve",
        "Share of wrong answers among the cases answered, as more cases are answered in order of "
        "their OOD score, with a 95 % band. The dashed line is random referral, the diamond what "
        "the system did.",
        _LEFT + _WIDTH + 16,
        _TOP + _HEIGHT + 50,
        *marks,
    )


def _operating_point(x: float, y: float) -> Markup:
    diamond = path([(x, y - 8), (x + 8, y), (x, y + 8), (x - 8, y)], "operating", closed=True)
    return tag("g", diamond, text(x + 4, y + 24, "the system", "strong small", "middle"))
