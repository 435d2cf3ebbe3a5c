"""Keys of the gate's checks."""

from __future__ import annotations

from typing import Literal, get_args

Measure = Literal["urgent_sensitivity", "accuracy", "recommendation", "clinical_cost"]
MEASURES: tuple[Measure, ...] = get_args(Measure)

SLOPE, ADAPTIVE_ECE = "calibration_slope", "adaptive_ece"
NEAR_AUROC, NEAR_FPR95 = "near_ood_auroc", "near_ood_fpr95"
FAR_AUROC, FAR_FPR95 = "far_ood_auroc", "far_ood_fpr95"
COVERAGE, FLIPS, URGENT_MISSES = "coverage", "negative_flips", "new_urgent_misses"
LATENCY, MEMORY, IMPROVEMENT = "latency", "memory", "improvement"


def worst(measure: str) -> str:
    """Return the key of the check of the lowest level of an axis."""
    return f"worst_{measure}"


CHECKS: tuple[str, ...] = (
    *MEASURES, *map(worst, MEASURES), SLOPE, ADAPTIVE_ECE, NEAR_AUROC, NEAR_FPR95, FAR_AUROC,
    FAR_FPR95, COVERAGE, FLIPS, URGENT_MISSES, LATENCY, MEMORY, IMPROVEMENT,
)  # fmt: skip
"""Every check, in the order of results."""
