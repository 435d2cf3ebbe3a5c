"""A metric on one set of cases, with everything that an interval is made from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

AS_FOUND = (
    "as found: outliers and known conditions are not both among the cases, so it is not of the "
    "plan's share of outliers"
)
"""Note of a metric of all cases that could not be given at the plan's share of outliers."""


@dataclass(frozen=True)
class Measured:
    """A metric on one set of cases of C patients.

    Parameters
    ----------
    key, title, unit : str
    larger_is_better : bool or None
    value : float
        NaN where it is undefined.
    n : int
        Cases that it is taken of.
    n_patients : int
        Patients of the scarcest kind that it needs.
    patients : int array [C]
        Numbers of the patients, increasing; two levels of an axis may share some.
    influence : float array [C]
        Influence of each patient: the derivative of the value by the weight of the patient's
        cases, at weights of one. It sums to zero. NaN throughout where the value is undefined.
    replicates : float array [B], optional
        The value on each resample of patients, NaN where undefined; None where there are more
        patients than the plan's `max_bootstrap_patients`.
    bounds : (float, float)
        Of the metric's possible values; infinite where it has none.
    n_positive : int, optional
        Of a proportion (the share of its n cases that have a property): cases that have it. None
        of any other metric.
    one_case_a_patient : bool
        Whether no two of the n cases are of one patient, so that exact binomial intervals hold.
    sums, sizes : float array [C], optional
        Of the mean of a bounded value of cases: sum of the values and (weighted) number of cases
        of each patient, for Gaffke's interval; `case_bounds` are then the bounds of a case's value.
    note : str
    """

    key: str
    title: str
    unit: str
    larger_is_better: bool | None
    value: float
    n: int
    n_patients: int
    patients: NDArray[np.int32]
    influence: FloatArray
    replicates: FloatArray | None = None
    bounds: tuple[float, float] = (-np.inf, np.inf)
    n_positive: int | None = None
    one_case_a_patient: bool = False
    sums: FloatArray | None = None
    sizes: FloatArray | None = None
    case_bounds: tuple[float, float] = (0.0, 1.0)
    note: str = field(default="")
