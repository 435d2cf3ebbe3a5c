"""Charts of a report, one per module, as inline SVG without scripts."""

from triage.charts.abstention import abstention_bars
from triage.charts.confusion import confusion_matrix, referral_matrix
from triage.charts.estimate_chart import estimate_chart
from triage.charts.forest import forest_plot
from triage.charts.reliability import reliability_diagram
from triage.charts.risk_coverage import risk_coverage_curve
from triage.charts.trade_off import trade_off_curve

__all__ = [
    "abstention_bars",
    "confusion_matrix",
    "estimate_chart",
    "forest_plot",
    "referral_matrix",
    "reliability_diagram",
    "risk_coverage_curve",
    "trade_off_curve",
]
