"""Evaluation of tissue maps: overlap, surface distance, calibration, use of uncertainty.

`SegmentationEvaluator` takes volumes one by one and keeps sums and one row of numbers per volume,
so its memory does not grow with the size of the volumes. NumPy and SciPy only.
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
