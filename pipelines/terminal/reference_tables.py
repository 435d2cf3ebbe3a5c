"""Tables of a bundle's monitoring reference for the terminal."""

from __future__ import annotations

from rich.table import Table

from pipelines.terminal.tables import plain_table
from triage.monitoring.accuracy_errors import METHODS, MethodError, ShiftError
from triage.monitoring.bundle_reference import BundleReference

_TITLES = {
    "atc": "average thresholded confidence",
    "doc": "difference of confidences",
    "regression": "regression on the difference",
}


def error_table(reference: BundleReference) -> Table:
    """One row a method and kind of shift: how far its estimates were off."""
    rows = [_error_row(error) for error in reference.errors if error.n_shifts]
    head = ["over", "method", "shifts", "cases", "mean absolute", "mean", "largest"]
    caption = "Errors are estimate minus true accuracy; cases are counted once in each shift."
    return plain_table("Errors of accuracy without labels", head, rows, caption)


def shift_table(reference: BundleReference) -> Table:
    """One row a shift: true accuracy, and what each method says."""
    head = ["shift", "cases kept", "OOD rate", "accuracy", *METHODS]
    return plain_table("Accuracy by shift", head, [_shift_row(row) for row in reference.shifts])


def _error_row(error: MethodError) -> list[str]:
    return [
        error.over,
        _TITLES[error.method],
        str(error.n_shifts),
        str(error.n_cases),
        _shown(error.mean_absolute_error),
        _shown(error.mean_difference, sign=True),
        _shown(error.largest_error),
    ]


def _shift_row(row: ShiftError) -> list[str]:
    estimates = [_shown(getattr(row, method)) for method in METHODS]
    kept = f"{row.n_kept} of {row.n_cases}"
    return [row.shift, kept, f"{row.ood_rate:.1%}", _shown(row.accuracy), *estimates]


def _shown(value: float | None, *, sign: bool = False) -> str:
    return "-" if value is None else f"{value:{'+' if sign else ''}.3f}"
