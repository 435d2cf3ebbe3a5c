"""The charts of the analyses of an audit, by key."""

from __future__ import annotations

from markupsafe import Markup

from triage.auditing.measurement import Analysis
from triage.charts.cost_charts import cost_curve_chart, has_tornado, tornado_chart
from triage.charts.decision_chart import decision_chart
from triage.charts.level_panels import coverage_risk_panels, reliability_panels


def analysis_charts(analysis: Analysis) -> list[tuple[str, Markup]]:
    """Draw the charts of an analysis.

    Parameters
    ----------
    analysis : Analysis
        One that is not available, or of a key without a chart, has none; neither has one whose
        numbers are suppressed.

    Returns
    -------
    list of (str, Markup)
        Title and picture.
    """
    if not any(point.y is not None for curve in analysis.curves for point in curve.points):
        return []
    match analysis.key:
        case "decision_curve":
            return [("Decision curve", decision_chart(analysis))]
        case "cost_sensitivity":
            curves = cost_curve_chart(analysis)
            found = [("Mean cost by the price of under-triage", curves)]
            if has_tornado(analysis):
                found.insert(0, ("Mean cost with one price changed", tornado_chart(analysis)))
            return found
        case "ood":
            return [("Risk against coverage by group", coverage_risk_panels(analysis))]
        case "reliability":
            names = dict.fromkeys(curve.name for curve in analysis.curves)
            return [
                (f"Reliability of the {name}", reliability_panels(analysis, name)) for name in names
            ]
    return []
