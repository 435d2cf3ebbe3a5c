"""The charts of the analyses of an audit, by key."""

from __future__ import annotations

from markupsafe import Markup

from triage.auditing.measurement import Analysis
from triage.charts.cost_charts import cost_curve_chart, tornado_chart
from triage.charts.decision_chart import decision_chart
from triage.charts.level_panels import coverage_risk_panels, reliability_panels


def analysis_charts(analysis: Analysis) -> list[tuple[str, Markup]]:
    """Draw the charts of an analysis.

    Parameters
    ----------
    analysis : Analysis
        One that is not available, or of a key without a chart, has none.

    Returns
    -------
    list of (str, Markup)
        Title and picture.
    """
    if not analysis.available or not analysis.curves:
        return []
    match analysis.key:
        case "decision_curve":
            return [("Decision curve", decision_chart(analysis))]
        case "cost_sensitivity":
            return [
                ("Mean cost with one price changed", tornado_chart(analysis)),
                ("Mean cost by the price of under-triage", cost_curve_chart(analysis)),
            ]
        case "ood":
            return [("Risk against coverage by group", coverage_risk_panels(analysis))]
        case "reliability":
            names = dict.fromkeys(curve.name for curve in analysis.curves)
            return [
                (f"Reliability of the {name}", reliability_panels(analysis, name)) for name in names
            ]
    return []
