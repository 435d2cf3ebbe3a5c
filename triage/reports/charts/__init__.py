"""Charts of a report, one a file, as inline SVG without scripts."""

from triage.reports.charts.abstention import abstention_bars
from triage.reports.charts.confusion import confusion_matrix
from triage.reports.charts.forest import forest_plot
from triage.reports.charts.methods import Panel, methods_chart
from triage.reports.charts.reliability import reliability_diagram
from triage.reports.charts.risk_coverage import risk_coverage_curve
from triage.reports.charts.selective import selective_curves

__all__ = [
    "Panel",
    "abstention_bars",
    "confusion_matrix",
    "forest_plot",
    "methods_chart",
    "reliability_diagram",
    "risk_coverage_curve",
    "selective_curves",
]
