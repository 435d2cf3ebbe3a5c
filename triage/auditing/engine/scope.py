"""Sets of cases that metrics are measured on: all cases, and each level of each axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.engine.audit_cases import AuditCases, audit_cases
from triage.auditing.engine.content import patient_hashes
from triage.auditing.measurement import ALL, OVERALL, LevelSummary
from triage.evaluation.metrics.clinical import URGENT


@dataclass(frozen=True)
class Scope:
    """N cases of C patients.

    Parameters
    ----------
    axis, level : str
    cases : AuditCases
    patients : int array [C]
        Numbers of the patients, increasing.
    local : int array [N]
        Place of the patient of each case in `patients`.
    order : int array [C]
        Places of the patients in an order that depends only on their cases.
    strata : int array [C]
        The plan's stratum of each patient.
    """

    axis: str
    level: str
    cases: AuditCases
    patients: NDArray[np.int32]
    local: NDArray[np.int32]
    order: NDArray[np.int64]
    strata: NDArray[np.int64]

    def count_patients(self, where: NDArray[np.bool_]) -> int:
        """Return how many patients have a case where something holds [N]."""
        return int(self.with_case(where).sum())

    def with_case(self, where: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which patients have a case where something holds [N], bool [C]."""
        found = np.zeros(len(self.patients), dtype=np.bool_)
        found[self.local[where]] = True
        return found

    def summary(self) -> LevelSummary:
        """Return the size of the set."""
        cases = self.cases
        urgent, abstained = cases.true_urgency, cases.abstained
        return LevelSummary(
            axis=self.axis,
            level=self.level,
            n_cases=len(cases),
            n_patients=len(self.patients),
            n_labelled=int(cases.labelled.sum()),
            n_outliers=int(cases.is_outlier.sum()),
            n_urgent=None if urgent is None else int((urgent == URGENT).sum()),
            n_abstained=None if abstained is None else int(abstained.sum()),
        )


class Scopes:
    """All sets of cases of an audited table.

    Parameters
    ----------
    table : AuditTable
    plan : AuditPlan
    """

    def __init__(self, table: AuditTable, plan: AuditPlan) -> None:
        self.table = table
        self.patients = patient_hashes(table)
        self._cases = audit_cases(table, plan)
        self._strata = np.zeros(len(self.patients), dtype=np.int64)
        if plan.intervals.strata is not None:
            # A patient with cases of several levels is of the first of them.
            self._strata[:] = np.iinfo(np.int64).max
            codes = table.axes[plan.intervals.strata].codes
            np.minimum.at(self._strata, table.cluster, codes.astype(np.int64))

    def overall(self) -> Scope:
        """Return the set of all cases."""
        return self._scope(OVERALL, ALL, self._cases)

    def levels(self, axis: str) -> Iterator[Scope]:
        """Yield the set of each level of an axis that has cases."""
        found = self.table.axes[axis]
        for place, level in enumerate(found.levels):
            rows = np.flatnonzero(found.codes == place)
            if len(rows):
                yield self._scope(axis, level, self._cases.take(rows))

    def _scope(self, axis: str, level: str, cases: AuditCases) -> Scope:
        present = np.bincount(cases.cluster, minlength=len(self.patients)) > 0
        patients = np.flatnonzero(present).astype(np.int32)
        places = (np.cumsum(present) - 1).astype(np.int32)
        order = np.argsort(self.patients[patients], kind="stable")
        return Scope(
            axis, level, cases, patients, places[cases.cluster], order, self._strata[patients]
        )
