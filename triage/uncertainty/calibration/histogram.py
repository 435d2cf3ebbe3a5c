"""Histogram binning of each condition against the rest (Zadrozny & Elkan 2001)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.uncertainty.calibration.calibrator import CalibratorInfo, Floats
from triage.uncertainty.calibration.one_vs_rest import OneVsRest


@dataclass
class HistogramBinning(OneVsRest):
    """How often it was so, in bins of equally many validation cases.

    Equal probabilities share a bin, so there may be fewer bins. Ours: each bin also counts one
    made-up case with the bin's mean probability, so that no bin has a probability of 0 or 1.

    Parameters
    ----------
    bins : int
        At most so many.

    Raises
    ------
    UsageError
        If there is not one bin.
    """

    bins: int = 10

    info: ClassVar = CalibratorInfo(
        key="histogram",
        title="Histogram binning",
        source="Zadrozny & Elkan 2001; the made-up case is ours",
        parameters="10 bins for each condition",
        by_condition=True,
    )

    def __post_init__(self) -> None:
        """Check the number of bins."""
        if self.bins < 1:
            raise UsageError("needs at least one bin", where=self.info.key)

    def learn(self, p: Floats, hit: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Upper edges of all bins but the last, and the frequency in each bin."""
        shares = np.arange(1, self.bins) / self.bins
        edges = np.unique(np.quantile(p, shares, method="inverted_cdf"))
        edges = edges[edges < p.max()]
        bin_of = np.searchsorted(edges, p)
        count = np.bincount(bin_of, minlength=len(edges) + 1)
        hits = np.bincount(bin_of, hit, minlength=len(edges) + 1)
        mean = np.bincount(bin_of, p, minlength=len(edges) + 1) / count
        return edges, (hits + mean) / (count + 1)

    def read(self, p: Floats, places: Floats, values: Floats) -> Floats:
        """Frequency in the bin of each probability."""
        found: Floats = values[np.searchsorted(places, p)]
        return found
