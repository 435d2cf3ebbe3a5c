"""Predictions tables of `triage score`: their columns, their probabilities, what made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from triage.audit_sources.table_file import TableFile
from triage.auditing.audit_plan import AuditPlan, Columns
from triage.decisions.policy import Policy
from triage.errors import UsageError

_MEMBERS = "member_probabilities"
_DIFFERENTIAL = "differential"
_ROLES = {
    "label": "label",
    "case": "case_id",
    "patient": "cluster",
}
_DECIDED = {
    "recommendation": "recommendation",
    "queue_urgency": "queue_urgency",
    "ood_score": "ood_score",
}
_TOLERANCE = 1e-3


def own_columns(plan: AuditPlan) -> Columns:
    """Return the columns of our table in the roles that the plan gives to no other column."""
    given = plan.columns.model_dump(exclude_none=True, exclude={"probabilities"})
    return Columns(**(_ROLES | _DECIDED | given))


@dataclass
class OwnProbabilities:
    """The probabilities of a predictions table, batch by batch.

    Those that the system decided by (calibrated) where each row states all of them or the policy
    that decided is given, else the mean of the members over the known conditions. Which, `notes`
    says.
    """

    classes: tuple[str, ...]
    n_inliers: int
    n_classes: int
    n_members: int
    columns: tuple[str, ...]
    stated: bool
    policy: Policy | None
    provenance: Mapping[str, str]
    place: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, table: TableFile, plan: AuditPlan, policy: Policy | None = None
    ) -> OwnProbabilities:
        """Return the reader of a table's probabilities.

        Raises
        ------
        UsageError
            If its header is none, it carries no decisions, or the plan or the policy is for other
            conditions.
        """
        try:
            own: Mapping[str, Any] = table.own or {}
            classes, n_inliers = [str(name) for name in own["classes"]], int(own["n_inliers"])
            members = len(own["members"])
            provenance = {str(key): str(value) for key, value in own["provenance"].items()}
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(
                "its header is not that of a predictions table", where=str(table.path),
                hint="Write it with `triage score`.",
            ) from error  # fmt: skip
        for name in (*_DECIDED.values(), *_ROLES.values(), _MEMBERS):
            if name not in table.columns:
                raise UsageError(
                    f"the predictions table has no column {name!r}", where=str(table.path),
                    hint="Score again with `triage score`, which decides each case.",
                )  # fmt: skip
        inliers = tuple(classes[:n_inliers])
        named = [one.name for one in plan.conditions]
        if absent := [name for name in inliers if named and name not in named]:
            raise UsageError(
                f"the plan is for another table: {absent[0]!r}, which is a condition of this one, "
                "is none of the plan's",
                where="conditions",
                hint="Make a plan with the data spec of the audited system.",
            )
        if policy is not None and inliers != tuple(one.name for one in policy.conditions):
            raise UsageError(
                "the bundle's policy is for other conditions than the table", where=str(table.path),
                hint="Name the folder of the bundle that made the predictions.",
            )  # fmt: skip
        complete = _DIFFERENTIAL in table.columns and _is_complete(table, inliers)
        return cls(
            classes=inliers,
            n_inliers=n_inliers,
            n_classes=len(classes),
            n_members=members,
            columns=(_DIFFERENTIAL,) if complete else (_MEMBERS,),
            stated=complete,
            policy=policy,
            provenance=provenance,
            place={name: at for at, name in enumerate(inliers)},
        )

    def of_batch(self, batch: pa.RecordBatch) -> NDArray[np.float64]:
        """Return the probabilities of a batch, float [n, K]."""
        if self.stated:
            return self._stated(batch.column(_DIFFERENTIAL))
        column = batch.column(_MEMBERS)
        width = self.n_members * self.n_classes
        if not pa.types.is_fixed_size_list(column.type) or column.type.list_size != width:
            raise UsageError("is not a list of the members' probabilities", where=_MEMBERS)
        flat = column.flatten().to_numpy(zero_copy_only=False)
        mean = flat.reshape(len(column), self.n_members, self.n_classes).mean(
            axis=1, dtype=np.float64
        )
        known: NDArray[np.float64] = mean[:, : self.n_inliers]
        total = known.sum(axis=1, keepdims=True)
        if not (total > 0).all() or (known < 0).any():
            raise UsageError("holds probabilities that are none", where=_MEMBERS)
        if self.policy is not None:
            return self.policy.calibrate_mean(mean, self.n_inliers)
        shares: NDArray[np.float64] = known / total
        return shares

    def _stated(self, column: pa.Array) -> NDArray[np.float64]:
        found = np.empty((len(column), len(self.classes)))
        for row, text in enumerate(column.to_pylist()):
            for condition, probability in _pairs(text):
                found[row, self.place[condition]] = probability
        shares: NDArray[np.float64] = found / found.sum(axis=1, keepdims=True)
        return shares

    def facts(self) -> dict[str, str]:
        """Return the hashes and versions of what made the table."""
        return {**self.provenance, "probabilities": self._kind()}

    def notes(self, plan: AuditPlan) -> list[str]:
        """Return what the report has to say of the table."""
        found = []
        bundle = self.provenance.get("bundle")
        if plan.bundle is not None and bundle != plan.bundle:
            found.append(
                "The bundle changed since the plan: the table was made by "
                f"{(bundle or 'an unknown one')[:12]}, the plan is for {plan.bundle[:12]}."
            )
        if not self.stated and self.policy is None:
            found.append(
                "Probabilities are the mean of the ensemble's members over the known conditions: "
                "the table does not hold all the calibrated ones that the system decided by. Name "
                "the bundle (--bundle), and they are calibrated as it did."
            )
        return found

    def _kind(self) -> str:
        if self.stated:
            return "as decided by"
        return "mean of the members" if self.policy is None else "calibrated as the bundle does"


def _is_complete(table: TableFile, inliers: tuple[str, ...]) -> bool:
    """Whether each row states the probability of every condition."""
    wanted = {*inliers}
    for batch in table.batches([_DIFFERENTIAL]):
        for text in batch.column(0).to_pylist():
            pairs = dict(_pairs(text))
            if pairs.keys() != wanted:
                return False
            # Each was rounded.
            if abs(sum(pairs.values()) - 1.0) > _TOLERANCE:
                return False
    return True


def _pairs(text: object) -> list[tuple[str, float]]:
    try:
        return [(str(one["condition"]), float(one["probability"])) for one in json.loads(str(text))]
    except (ValueError, LookupError, TypeError):
        return []
