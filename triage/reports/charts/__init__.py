"""Charts of a report, one a file, as inline SVG without scripts."""

from triage.reports.charts.abstention import abstention_bars
from triage.reports.charts.confusion import confusion_matrix, referral_matrix
from triage.reports.charts.estimates import estimate_chart
from triage.reports.charts.forest import forest_plot
from triage.reports.charts.methods import Panel, methods_chart
from triage.reports.charts.pairs import pair_forest
from triage.reports.charts.reliability import reliability_diagram
from triage.reports.charts.risk_coverage import risk_coverage_curve
from triage.reports.charts.selective import selective_curves

__all__ = [
    "Panel",
    "abstention_bars",
    "confusion_matrix",
    "estimate_chart",
    "forest_plot",
    "methods_chart",
    "pair_forest",
    "referral_matrix",
    "reliability_diagram",
    "risk_coverage_curve",
    "selective_curves",
]
