"""How costs depend on prices: a tornado, and curves of mean cost."""

from __future__ import annotations

from markupsafe import Markup

from triage.auditing.measurement import Analysis, Curve, CurvePoint
from triage.charts.line_panel import Axis, draw_line, frame, legend, series, turned
from triage.charts.number_format import plain
from triage.charts.svg import Scale, line, picture, rect, round_range, text, ticks

_LABELS, _PANEL, _ROW, _TOP, _END = 286.0, 340.0, 30.0, 40.0, 60.0
_WIDTH, _HEIGHT, _LEFT = 500.0, 300.0, 64.0
_FACTORS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0, 16.0)


def has_tornado(analysis: Analysis) -> bool:
    """Return whether the numbers of the tornado are there: in a public report they may not be."""
    policy = analysis.curves[0].name
    numbers = [
        each
        for each in analysis.numbers
        if each.level == policy and (each.key == "mean_cost" or each.key.startswith("tornado_"))
    ]
    return bool(numbers) and all(each.value is not None for each in numbers)


def tornado_chart(analysis: Analysis) -> Markup:
    """Draw the mean cost of the system with each price halved and doubled, widest bar first.

    Parameters
    ----------
    analysis : Analysis
        Of `cost_sensitivity`, available.
    """
    policy = analysis.curves[0].name
    ends: dict[str, list[float]] = {}
    for each in analysis.numbers:
        if each.key.startswith("tornado_") and each.level == policy and each.value is not None:
            ends.setdefault(each.title, []).append(each.value)
    (base,) = (
        each.value
        for each in analysis.numbers
        if (each.key, each.level) == ("mean_cost", policy) and each.value is not None
    )
    rows = sorted(ends.items(), key=lambda row: abs(row[1][1] - row[1][0]), reverse=True)
    low, high, step = round_range([base, *(v for _, row in rows for v in row)], within=(0.0, 1e9))
    x = Scale(low, high, _LABELS, _LABELS + _PANEL)
    bottom = _TOP + _ROW * len(rows)
    marks = [text(_LABELS, 18, f"mean {analysis.y_title}, {policy}", "strong")]
    for value in ticks(low, high, step):
        marks.append(line(x(value), _TOP, x(value), bottom, "grid"))
        marks.append(text(x(value), bottom + 18, plain(value), "muted small", "middle"))
    for number, (title, (halved, doubled)) in enumerate(rows):
        y = _TOP + _ROW * number
        marks.append(text(_LABELS - 14, y + 20, title, "", "end"))
        marks.append(rect(x(halved), y + 6, x(base) - x(halved), _ROW - 12, "bar soft"))
        marks.append(rect(x(base), y + 6, x(doubled) - x(base), _ROW - 12, "bar"))
        shown = f"{halved:.3f} to {doubled:.3f}"
        marks.append(text(_LABELS + _PANEL + 12, y + 20, shown, "small number"))
    marks.append(line(x(base), _TOP - 6, x(base), bottom, "limit"))
    key = bottom + 36
    marks += [
        rect(_LABELS, key, 18, 10, "bar soft"),
        text(_LABELS + 25, key + 9, "price halved", "small"),
        rect(_LABELS + 124, key, 18, 10, "bar"),
        text(_LABELS + 149, key + 9, "doubled", "small"),
        line(_LABELS + 227, key - 2, _LABELS + 227, key + 12, "limit"),
        text(_LABELS + 236, key + 9, "prices of the plan", "small"),
    ]
    return picture(
        "tornado",
        "Mean cost with one price changed",
        "Mean cost of the system with each price halved and doubled, the others as in the plan.",
        _LABELS + _PANEL + 12 + 116,
        bottom + _END,
        *marks,
    )


def cost_curve_chart(analysis: Analysis) -> Markup:
    """Draw the mean cost of each policy by the price of under-triage.

    Prices are scaled so that the factors of under-triage and of all other prices add up to two, as
    they do in the plan: costs stay comparable over the whole width, and each policy is a straight
    line, as in the cost curves of Drummond & Holte 2006.

    Parameters
    ----------
    analysis : Analysis
        Of `cost_sensitivity`, available.
    """
    curves = [_scaled(curve) for curve in analysis.curves]
    values = [point.y for curve in curves for point in curve.points if point.y is not None]
    _, high, step = round_range([0.0, max(values)], within=(0.0, 1e9))
    ends = curves[0].points[0].x, curves[0].points[-1].x
    x = Axis(Scale(*ends, _LEFT, _LEFT + _WIDTH), [_share(each) for each in _FACTORS], _factor)
    y = Axis(Scale(0.0, high, _TOP + _HEIGHT, _TOP), ticks(0.0, high, step), plain)
    base = _TOP + _HEIGHT
    middle = x.scale(_share(1.0))
    marks = frame(x, y)
    marks.append(line(middle, base, middle, _TOP, "limit"))
    marks.append(text(middle, _TOP - 8, "prices of the plan", "limit-text small", "middle"))
    entries = []
    for number, curve in enumerate(curves):
        marks += draw_line(curve, x.scale, y.scale, series(number))
        entries.append((series(number), curve.name))
    marks.append(text(_LEFT + _WIDTH / 2, base + 40, analysis.x_title, "muted", "middle"))
    marks.append(turned(16, _TOP + _HEIGHT / 2, f"mean {analysis.y_title}, scaled"))
    drawn, tall = legend(entries, _LEFT, base + 66, _WIDTH)
    return picture(
        "cost-curve",
        "Mean cost by the price of under-triage",
        "Mean cost per case of each policy as under-triage becomes cheaper or dearer against all "
        "other prices; the lowest line is the best policy at a price.",
        _LEFT + _WIDTH + 20,
        base + 62 + tall,
        *marks,
        *drawn,
    )


def _scaled(curve: Curve) -> Curve:
    """Return a curve over the share of under-triage in the two factors, of costs so scaled."""
    points = [
        CurvePoint(x=_share(point.x), y=None if point.y is None else 2 * point.y / (1 + point.x))
        for point in curve.points
    ]
    return curve.model_copy(update={"points": points})


def _share(factor: float) -> float:
    return factor / (1 + factor)


def _factor(share: float) -> str:
    factor = share / (1 - share)
    return f"×{factor:.0f}" if share >= 0.5 else f"÷{1 / factor:.0f}"
