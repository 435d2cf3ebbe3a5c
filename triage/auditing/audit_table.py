"""The cases of an audit as columns of small types, whatever they were read from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

OUTLIER, UNLABELLED = -1, -2
"""Values of `AuditTable.truth` that are no class."""
MISSING = -1
"""Value of a small whole number that is not known for a case."""


@dataclass(frozen=True)
class LevelCodes:
    """Level of each case on one axis.

    Parameters
    ----------
    levels : tuple of str, length L
        In the order of tables, "unknown" last.
    codes : int16 array [N]
        Place in `levels`.
    """

    levels: tuple[str, ...]
    codes: NDArray[np.int16]


@dataclass(frozen=True)
class AuditTable:
    """N cases. A column that the source does not have is None; nothing is imputed.

    Parameters
    ----------
    classes : tuple of str, length K
        Conditions that the system knows.
    truth : int16 array [N]
        Place in `classes`; `OUTLIER`, or `UNLABELLED`.
    cluster : int32 array [N]
        Patient of each case, numbered from 0 without gaps.
    patients_known : bool
        Whether the source names patients; else every case is its own.
    axes : dict of LevelCodes
    predicted : int16 array [N], optional
        Most probable class; `MISSING` where none was named.
    probabilities : float32 array [N, K], optional
        Perhaps mapped from a temporary file.
    ood_score : float64 array [N], optional
    abstained : bool array [N], optional
    cost : float64 array [N], optional
    true_urgency, queue_urgency : int8 array [N], optional
        Rank, 0 = urgent; `MISSING` where it is not known.
    p_urgent : float32 array [N], optional
        Probability that the condition is urgent, given that it is known.
    first_right, final_right : int8 array [N], optional
        Whether the person named the true condition before and after they saw the system's opinion;
        `MISSING` where there was no such read.
    first_urgency, final_urgency : int8 array [N], optional
    seconds : float32 array [N], optional
        NaN where it is not known.
    ai_shown : int8 array [N], optional
    label_names : tuple of str, length M
        True conditions by name, those of outliers among them.
    label_codes : int16 array [N], optional
        Place of the true condition in `label_names`; `MISSING` where it is not known. Costs need
        it: `truth` does not tell one outlier from another.
    case_numbers : int64 array [N], optional
        Cases of a case database.
    case_names : pyarrow string array [N], optional
        Identifiers of cases in a table. Never in a report.
    facts : dict of str
        Hashes and versions of what the table was made from, in the words of the report.
    notes : tuple of str
        What the report has to say of the source, such as deviations from the plan.
    excluded : dict of int
        Rows left out, by reason.
    """

    classes: tuple[str, ...]
    truth: NDArray[np.int16]
    cluster: NDArray[np.int32]
    patients_known: bool
    axes: dict[str, LevelCodes]
    predicted: NDArray[np.int16] | None = None
    probabilities: NDArray[np.float32] | None = None
    ood_score: NDArray[np.float64] | None = None
    abstained: NDArray[np.bool_] | None = None
    cost: NDArray[np.float64] | None = None
    true_urgency: NDArray[np.int8] | None = None
    queue_urgency: NDArray[np.int8] | None = None
    p_urgent: NDArray[np.float32] | None = None
    first_right: NDArray[np.int8] | None = None
    final_right: NDArray[np.int8] | None = None
    first_urgency: NDArray[np.int8] | None = None
    final_urgency: NDArray[np.int8] | None = None
    seconds: NDArray[np.float32] | None = None
    ai_shown: NDArray[np.int8] | None = None
    label_names: tuple[str, ...] = ()
    label_codes: NDArray[np.int16] | None = None
    case_numbers: NDArray[np.int64] | None = None
    case_names: pa.Array | None = None
    facts: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    excluded: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Whether the true condition of each case is known, bool [N]."""
        labelled: NDArray[np.bool_] = self.truth != UNLABELLED
        return labelled

    @property
    def is_outlier(self) -> NDArray[np.bool_]:
        """Whether each case is out-of-distribution, bool [N]."""
        outlier: NDArray[np.bool_] = self.truth == OUTLIER
        return outlier

    def take(self, where: NDArray[np.int64]) -> AuditTable:
        """Return the cases at some places; patients keep their numbers."""
        changed: dict[str, object] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, np.ndarray):
                changed[each.name] = value[where]
        changed["axes"] = {
            name: LevelCodes(axis.levels, axis.codes[where]) for name, axis in self.axes.items()
        }
        if self.case_names is not None:
            changed["case_names"] = self.case_names.take(pa.array(where))
        return replace(self, **changed)  # type: ignore[arg-type]  # the fields of this class
