"""What a loaded system found in some cases: a row for each, rejected cases included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from triage.charts.standalone import Chart, standalone
from triage.charts.svg import picture, rect, tag, text
from triage.data.manifest import Case
from triage.decisions.policy import Policy
from triage.errors import ImageRejected
from triage.intake.rejected_case import rejected_decision
from triage.predictions import DECISION_COLUMNS, Predictions
from triage.systems.scored import Scored
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency
from triage.vocabulary.subgroup_levels import UNKNOWN

SCORED, REJECTED = "scored", "rejected"
PROBABILITY = "probability_"
_SHOWN = ("case_id", "status", "recommendation", "queue_urgency", "condition", "p_condition")
_LABELS, _BAR, _ROW = 170.0, 320.0, 26.0


@dataclass(frozen=True)
class CaseResults:
    """The decisions on some cases, and what they rest on.

    Parameters
    ----------
    cases : sequence of Case
        All of them, in the order of the source.
    scored : Scored
        What the system returned.
    policy : Policy
        The one that decided.
    warnings : tuple of str
        What is probably wrong with the source.
    """

    cases: Sequence[Case]
    scored: Scored
    policy: Policy
    warnings: tuple[str, ...] = ()

    @property
    def predictions(self) -> Predictions:
        """The frozen table of the cases that could be read: probabilities, embeddings, decisions.

        Its `save` writes what `triage score` writes.
        """
        return self.scored.predictions

    @property
    def rejected(self) -> dict[str, ImageRejected]:
        """Why cases could not be read, by case."""
        return dict(self.scored.rejected)

    @property
    def findings(self) -> pd.DataFrame | None:
        """Of OCT volumes, a row for each: diagnoses, measurements with their unit."""
        return self.scored.findings

    def to_frame(self) -> pd.DataFrame:
        """Return one row a case, in the order of the source.

        Columns are `case_id`, `patient_id`, the subgroups, `n_images`, `status` ("scored" or
        "rejected"), `reject_reason` ('' of scored cases), `abstained`, the decision columns of
        `triage.predictions` and `probability_<condition>`: the calibrated probability of each
        condition, given that it is one the system knows. Numbers of rejected cases are NaN, their
        recommendation is no AI opinion.
        """
        table = self.predictions
        decisions = table.decisions if table.decisions is not None else pd.DataFrame()
        calibrated = self.policy.calibrated(table) if len(table) else np.empty((0, 0))
        decided = dict(zip(table.cases["case_id"], decisions.to_dict("records"), strict=True))
        probabilities = dict(zip(table.cases["case_id"], calibrated, strict=True))
        rows = []
        for case in self.cases:
            refused = self.scored.rejected.get(case.case_id)
            row = rejected_decision(refused).to_row() if refused else decided[case.case_id]
            rows.append(
                {
                    "case_id": case.case_id,
                    "patient_id": case.patient_id,
                    **{axis: case.subgroups.get(axis, UNKNOWN) for axis in self._axes()},
                    "n_images": len(case.images),
                    "status": REJECTED if refused else SCORED,
                    "reject_reason": str(refused.reason) if refused else "",
                    "abstained": row["recommendation"] == NO_AI_OPINION,
                    **{name: row[name] for name in DECISION_COLUMNS},
                    **{
                        f"{PROBABILITY}{name}": float(p)
                        for name, p in zip(
                            table.inliers,
                            probabilities.get(case.case_id, [np.nan] * table.n_inliers),
                            strict=True,
                        )
                    },
                }
            )
        return pd.DataFrame(rows)

    def plot(self) -> Chart:
        """Draw how many cases were given each recommendation, rejected ones apart.

        Returns
        -------
        Chart
            SVG, shown by notebooks; `save` writes a file.
        """
        frame = self.to_frame()
        scored = frame[frame["status"] == SCORED]["recommendation"]
        names = [*(str(urgency) for urgency in Urgency), NO_AI_OPINION]
        counts = {name.replace("_", " "): int((scored == name).sum()) for name in names}
        counts["rejected file"] = len(self.scored.rejected)
        most = max(counts.values())
        marks = []
        for index, (name, count) in enumerate(counts.items()):
            y = index * _ROW
            width = _BAR * count / most if most else 0.0
            marks += [
                tag("g", text(0, y + 18, name), text(_LABELS - 12, y + 18, str(count), "", "end")),
                rect(_LABELS, y + 5, width, _ROW - 10, "bar"),
            ]
        return standalone(
            picture(
                "recommendations",
                "Cases by recommendation",
                "; ".join(f"{name}: {count}" for name, count in counts.items()),
                _LABELS + _BAR,
                _ROW * len(counts) + 6,
                *marks,
            )
        )

    def __len__(self) -> int:
        return len(self.cases)

    def __repr__(self) -> str:
        return f"{len(self.cases)} cases, {len(self.scored.rejected)} of them rejected"

    def _repr_html_(self) -> str:
        shown = self.to_frame()[list(_SHOWN)]
        return f"<div><p>{self!r}</p>{shown.to_html(escape=True, index=False, na_rep='')}</div>"

    def _axes(self) -> list[str]:
        return sorted({axis for case in self.cases for axis in case.subgroups})
