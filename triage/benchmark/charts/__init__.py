"""Charts of the benchmark page, as inline SVG without scripts."""

from triage.benchmark.charts.methods import Panel, methods_chart
from triage.benchmark.charts.pairs import pair_forest
from triage.benchmark.charts.selective import selective_curves

__all__ = ["Panel", "methods_chart", "pair_forest", "selective_curves"]
