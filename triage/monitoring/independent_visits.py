"""Visits: the independent units that charts of rates count.

Two eyes, or two sets of photographs, of one visit are not independent; a chart that counted them
one by one would raise more false alarms than it promises.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.monitoring.case_stream import DAY, Arrivals, Ints

_VISITS = 1 << 22
_DAYS = 1 << 17


@dataclass(frozen=True)
class Visits:
    """Visits in order of arrival.

    Parameters
    ----------
    last : int64 array [U]
        Place of the last case of each visit, which is where the visit counts.
    of_case : int64 array [N]
        Visit of each case.
    """

    last: Ints
    of_case: Ints

    def any(self, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return whether any case of each visit is flagged, [U]."""
        return np.asarray(np.bincount(self.of_case, weights=flags, minlength=len(self.last)) > 0)


def visits_of(arrivals: Arrivals) -> Visits:
    """Return the visits: cases of one patient with the same day of visit that came on one UTC day.

    A case without a day of visit is a visit of its own.
    """
    n_cases = len(arrivals)
    places = np.arange(n_cases)
    known = (arrivals.visit >= 0) & (arrivals.visit < _VISITS)
    if not known.any():
        return Visits(places, places)
    patient = np.unique(arrivals.patient, return_inverse=True)[1].astype(np.int64)
    visit = np.unique(patient * _VISITS + arrivals.visit, return_inverse=True)[1].astype(np.int64)
    name = visit * _DAYS + arrivals.time // DAY
    name[~known] = -1 - places[~known]
    of_case = np.unique(name, return_inverse=True)[1].astype(np.int64)
    last = np.zeros(of_case.max() + 1, dtype=np.int64)
    np.maximum.at(last, of_case, places)
    order = np.argsort(last, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return Visits(last[order], rank[of_case])
