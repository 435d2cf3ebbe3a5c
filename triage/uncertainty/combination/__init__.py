"""Several out-of-distribution scores as one, shares judged on validation outliers."""

from triage.uncertainty.combination.combination import (
    COMBINATION,
    INFO,
    Combination,
    Component,
    Summary,
    fit_combination,
)
from triage.uncertainty.combination.file import load_combination, save_combination

__all__ = [
    "COMBINATION",
    "INFO",
    "Combination",
    "Component",
    "Summary",
    "fit_combination",
    "load_combination",
    "save_combination",
]
