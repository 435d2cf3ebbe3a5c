"""How far accuracy without labels was off, on shifts whose labels are known.

Of each shift the true accuracy is compared with what the estimators say. Nothing of ATC and DoC is
fitted to a shift, so all shifts are held out. The third estimator is a regression of the change of
accuracy on DoC over shifts (Guillory et al. 2021), fitted to all kinds of shift but the one it is
tried on: its error is held out too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict

from triage.errors import NotEnoughEvidence
from triage.monitoring.accuracy_estimate import AccuracyReference, estimate_accuracy


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ShiftedCases(NamedTuple):
    """Labelled cases of one shift.

    Parameters
    ----------
    name, kind : str
        `jpeg:3` and `jpeg`: shifts of one kind are held out together.
    confidence : float array [N]
    correct : bool array [N]
    kept : bool array [N]
        Which cases the gate kept.
    units : array [N]
        Patient of each case.
    unknown : bool array [N], optional
        Which cases are of conditions that the system does not know; none by default.
    """

    name: str
    kind: str
    confidence: ArrayLike
    correct: ArrayLike
    kept: ArrayLike
    units: ArrayLike
    unknown: ArrayLike | None = None


class ShiftError(_Frozen):
    """True and estimated accuracy of the cases that the gate kept of one shift.

    Parameters
    ----------
    shift, kind : str
    n_cases, n_kept, n_units : int
        Cases, those that the gate kept, and the patients of these.
    n_unknown : int
        Kept cases of conditions that the system does not know; they count as wrong.
    ood_rate : float
        Share that the gate did not keep.
    accuracy : float, optional
        True; None, as all that follows, where the gate kept too few cases.
    change : float, optional
        Of the mean confidence, against the reference.
    atc, doc, regression : float, optional
        Estimates.
    """

    shift: str
    kind: str
    n_cases: int
    n_kept: int
    n_units: int
    n_unknown: int = 0
    ood_rate: float
    accuracy: float | None = None
    change: float | None = None
    atc: float | None = None
    doc: float | None = None
    regression: float | None = None


class MethodError(_Frozen):
    """Error of one estimator over shifts; differences are estimate minus true accuracy.

    Parameters
    ----------
    over : str
        Which shifts, in words.
    method : str
        'atc', 'doc' or 'regression'.
    n_shifts, n_kinds : int
    n_cases : int
        Kept cases of all shifts together; the same photographs in each.
    mean_absolute_error, mean_difference, largest_error : float, optional
        None without a shift.
    """

    over: str
    method: str
    n_shifts: int
    n_kinds: int
    n_cases: int
    mean_absolute_error: float | None = None
    mean_difference: float | None = None
    largest_error: float | None = None


METHODS = ("atc", "doc", "regression")


def measure_errors(
    reference: AccuracyReference,
    shifts: Sequence[ShiftedCases],
    fitted_on: Sequence[ShiftedCases] = (),
    *,
    min_cases: int = 30,
) -> tuple[ShiftError, ...]:
    """Compare estimated and true accuracy of every shift.

    Parameters
    ----------
    reference : AccuracyReference
    shifts : sequence of ShiftedCases
        That the errors are measured on; other cases than those of the reference.
    fitted_on : sequence of ShiftedCases
        That the regression is fitted to; none gives no regression.
    min_cases : int
        Shifts of which the gate kept fewer have no estimate.
    """
    known = [_compared(reference, shift, min_cases) for shift in fitted_on]
    found = []
    for shift in shifts:
        row = _compared(reference, shift, min_cases)
        slope = _slope(reference, [other for other in known if other.kind != row.kind])
        if slope is not None and row.change is not None:
            guess = float(np.clip(reference.accuracy + slope * row.change, 0.0, 1.0))
            row = row.model_copy(update={"regression": guess})
        found.append(row)
    return tuple(found)


def summarise_errors(over: str, rows: Sequence[ShiftError]) -> tuple[MethodError, ...]:
    """Mean absolute error, mean difference and largest error of each method over shifts.

    Parameters
    ----------
    over : str
        Which shifts these are, in words.
    rows : sequence of ShiftError
    """
    return tuple(_summary(over, method, rows) for method in METHODS)


def fitted_slope(
    reference: AccuracyReference, fitted_on: Sequence[ShiftedCases], *, min_cases: int = 30
) -> float:
    """Change of accuracy for each change of the mean confidence, over all shifts.

    Raises
    ------
    NotEnoughEvidence
        If no shift changed the mean confidence.
    """
    slope = _slope(reference, [_compared(reference, shift, min_cases) for shift in fitted_on])
    if slope is None:
        raise NotEnoughEvidence("no shift changed the mean confidence: there is no regression")
    return slope


def _compared(reference: AccuracyReference, shift: ShiftedCases, min_cases: int) -> ShiftError:
    kept = np.asarray(shift.kept, dtype=np.bool_)
    confidence = np.asarray(shift.confidence, dtype=np.float64)
    estimate = estimate_accuracy(
        reference, confidence, kept=kept, units=shift.units, n_resamples=2, min_cases=min_cases
    )
    unknown = np.zeros(len(kept)) if shift.unknown is None else shift.unknown
    counted = {
        "shift": shift.name,
        "kind": shift.kind,
        "n_cases": len(kept),
        "n_kept": int(kept.sum()),
        "n_units": len(np.unique(np.asarray(shift.units)[kept])),
        "n_unknown": int(kept[np.asarray(unknown, dtype=np.bool_)].sum()),
        "ood_rate": estimate.ood_rate or 0.0,
    }
    if estimate.doc is None:
        return ShiftError.model_validate(counted)
    return ShiftError.model_validate(
        counted
        | {
            "accuracy": float(np.asarray(shift.correct, dtype=np.bool_)[kept].mean()),
            "change": float(confidence[kept].mean()) - reference.mean_confidence,
            "atc": estimate.atc,
            "doc": estimate.doc,
        }
    )


def _slope(reference: AccuracyReference, rows: Sequence[ShiftError]) -> float | None:
    """Least squares through the origin: no change of confidence, no change of accuracy."""
    pairs = [(row.change, row.accuracy - reference.accuracy) for row in rows
             if row.change is not None and row.accuracy is not None]  # fmt: skip
    if not pairs:
        return None
    change, drop = np.array(pairs).T
    scale = float(change @ change)
    return float(change @ drop) / scale if scale > 0 else None


def _summary(over: str, method: str, rows: Sequence[ShiftError]) -> MethodError:
    used = [row for row in rows if getattr(row, method) is not None and row.accuracy is not None]
    off = np.array([getattr(row, method) - (row.accuracy or 0.0) for row in used])
    return MethodError(
        over=over,
        method=method,
        n_shifts=len(used),
        n_kinds=len({row.kind for row in used}),
        n_cases=sum(row.n_kept for row in used),
        mean_absolute_error=float(np.abs(off).mean()) if used else None,
        mean_difference=float(off.mean()) if used else None,
        largest_error=float(np.abs(off).max()) if used else None,
    )
