"""Evaluation: metrics over case weights, and intervals from resampled clusters.

`evaluate` computes all metrics on `Outcomes` (the predictions and decisions of a system on labelled
cases), overall and per subgroup; `paired_difference` compares two systems on the same cases. NumPy
and SciPy only: this package does not use torch or a model.
"""

from triage.evaluation.evaluate import evaluate
from triage.evaluation.metrics import METRICS
from triage.evaluation.outcomes import Outcomes
from triage.evaluation.paired_comparison import Difference, negative_flips, paired_difference
from triage.evaluation.results import Estimate, Evaluation, Level

__all__ = [
    "METRICS",
    "Difference",
    "Estimate",
    "Evaluation",
    "Level",
    "Outcomes",
    "evaluate",
    "negative_flips",
    "paired_difference",
]
