"""How good tissue maps are: overlap, distance of surfaces, calibration, use of uncertainty.

`SegmentationEvaluator` is fed volume by volume and keeps sums and one row of numbers a volume,
so its memory does not grow with what it is shown. NumPy and SciPy only.
"""

from triage.evaluation.segmentation.evaluator import (
    SegmentationEvaluator,
    TruthAndPrediction,
    evaluate_maps,
)
from triage.evaluation.segmentation.result import ClassScores, SegmentationResult

__all__ = [
    "ClassScores",
    "SegmentationEvaluator",
    "SegmentationResult",
    "TruthAndPrediction",
    "evaluate_maps",
]
