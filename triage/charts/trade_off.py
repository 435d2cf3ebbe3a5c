"""What a change of the threshold trades: abstentions against the two rates of wrong queues."""

from __future__ import annotations

from itertools import pairwise

from markupsafe import Markup

from triage.charts.svg import Scale, line, path, picture, round_range, text, ticks
from triage.evaluation.policy_costs import PolicyCosts, TradeOff

_WIDTH, _HEIGHT, _LEFT, _TOP = 400.0, 300.0, 58.0, 34.0
_RATES = (
    ("urgent_at_observation", "urgent queued at observation", "curve"),
    ("abstained_under_triaged", "abstained and under-triaged", "reference"),
)


def trade_off_curve(costs: PolicyCosts) -> Markup:
    """Draw both rates against the abstention rate; diamonds are the system's threshold.

    Parameters
    ----------
    costs : PolicyCosts
        As `compare_policies` returns it.
    """
    points = sorted(costs.curve, key=lambda point: point.abstained)
    everything = [*points, costs.operating]
    values = [rate for point in everything for key, _, _ in _RATES if (rate := _of(point, key))]
    _, high, step = round_range([0.0, *values, 0.05], within=(0.0, 1.0))
    x = Scale(0, 1, _LEFT, _LEFT + _WIDTH)
    y = Scale(0, high, _TOP + _HEIGHT, _TOP)
    marks = [
        text(x(value), y(0) + 18, f"{100 * value:.0f}", "muted small", "middle")
        for value in ticks(0, 1, 0.2)
    ]
    for value in ticks(0, high, step):
        marks.append(line(x(0), y(value), x(1), y(value), "grid"))
        marks.append(text(x(0) - 8, y(value) + 4, f"{100 * value:g}", "muted small", "end"))
    for number, (key, title, look) in enumerate(_RATES):
        marks += _curve(x, y, points, key, look)
        rate = _of(costs.operating, key)
        if rate is not None:
            marks.append(_diamond(x(costs.operating.abstained), y(rate)))
        height = _TOP + 8 + 18 * number
        marks.append(line(x(0.5), height, x(0.56), height, look))
        marks.append(text(x(0.58), height + 4, title, "muted small"))
    marks.append(line(x(0), y(0), x(1), y(0), "axis"))
    marks.append(text(_LEFT - 40, 16, "share of those cases, %", "muted"))
    marks.append(text(x(0.5), y(0) + 40, "cases without an opinion, %", "muted", "middle"))
    return picture(
        "trade-off",
        "Abstentions against wrong queues",
        "Share of urgent cases queued at observation, and share of abstained cases queued less "
        "urgently than they are, at each share of abstentions. Diamonds: what the system did.",
        _LEFT + _WIDTH + 16,
        _TOP + _HEIGHT + 50,
        *marks,
    )


def _of(point: TradeOff, key: str) -> float | None:
    value: float | None = getattr(point, key)
    return value


def _curve(x: Scale, y: Scale, points: list[TradeOff], key: str, look: str) -> list[Markup]:
    found = [
        (x(point.abstained), y(rate)) for point in points if (rate := _of(point, key)) is not None
    ]
    return [line(*start, *end, look) for start, end in pairwise(found)]


def _diamond(x: float, y: float) -> Markup:
    corners = [(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)]
    return path(corners, "operating", closed=True)
