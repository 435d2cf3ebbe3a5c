"""How good a system is: metrics over case weights, and intervals from resampled clusters.

`evaluate` measures everything on `Outcomes` (what a system said of labelled cases), overall
and per subgroup; `paired_difference` compares two systems on the same cases. Numpy and scipy
only: nothing here knows torch or a model.
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
