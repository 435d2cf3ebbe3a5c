"""Charts of a report, one a file, as inline SVG without scripts."""

from triage.reports.charts.abstention import abstention_bars
from triage.reports.charts.confusion import confusion_matrix
from triage.reports.charts.forest import forest_plot
from triage.reports.charts.reliability import reliability_diagram
from triage.reports.charts.risk_coverage import risk_coverage_curve

__all__ = [
    "abstention_bars",
    "confusion_matrix",
    "forest_plot",
    "reliability_diagram",
    "risk_coverage_curve",
]
