"""The prediction set of each case: fitted on validation, stored in the policy as numbers.

Quantiles are fitted to the ensemble's own proportions between the known conditions, before
calibration: calibrators learn from the same validation cases, and sets would no longer be
calibrated on cases that trained nothing else.
"""

from __future__ import annotations

import json
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from triage.decisions.rule_settings import ALL, BY_CONDITION, PredictionSetSettings
from triage.predictions import Predictions
from triage.uncertainty.calibration.calibrator import given_known
from triage.uncertainty.conformal import CONFORMAL
from triage.uncertainty.conformal.conformal_set import Grouping
from triage.uncertainty.fitted_values import FittedValues
from triage.vocabulary.subgroup_levels import UNKNOWN


class PredictionSets(BaseModel):
    """Fitted sets of a system.

    Parameters
    ----------
    fitted : FittedValues
    by : str
        `all`, `condition`, or the subgroup column whose levels have a quantile each.
    alpha : float
        Share of cases of known conditions whose set may lack the true one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fitted: FittedValues
    by: str
    alpha: float = Field(gt=0, lt=1)

    def check(self, probabilities: NDArray[np.float64]) -> None:
        """Check that sets can be made of such probabilities, [N, K].

        Raises
        ------
        UsageError, ValueError
            If they were fitted for others, or their quantiles are damaged.
        """
        fitted = self.fitted.prediction_set()
        quantiles = self.fitted.arrays["quantiles"].array()
        if quantiles.shape != (len(fitted.levels),) or np.isnan(quantiles).any():
            raise ValueError("there is not one quantile for each group")
        grouped = _grouping(self.by) == "subgroup"
        fitted.sets(probabilities, np.full(len(probabilities), UNKNOWN) if grouped else None)

    @classmethod
    def fit(
        cls,
        settings: PredictionSetSettings,
        predictions: Predictions,
        truth: NDArray[np.integer],
    ) -> Self:
        """Find the quantiles on the cases of known conditions.

        Parameters
        ----------
        settings : PredictionSetSettings
        predictions : Predictions
            N validation cases.
        truth : int array [N]
            Index of the known condition, -1 for others.

        Raises
        ------
        UsageError
            If there is no case of a known condition.
        """
        known = np.asarray(truth) >= 0
        groups = _levels(predictions, settings.by)
        fitted = CONFORMAL[settings.method](alpha=settings.alpha, by=_grouping(settings.by)).fit(
            known_shares(predictions)[known],
            truth[known],
            None if groups is None else groups[known],
        )
        return cls(fitted=FittedValues.of(fitted), by=settings.by, alpha=settings.alpha)

    def sets(self, predictions: Predictions) -> NDArray[np.bool_]:
        """Return which known conditions are in the set of each case, bool [N, K]."""
        if len(predictions) == 0:
            return np.zeros((0, predictions.n_inliers), dtype=np.bool_)
        return self.fitted.prediction_set().sets(
            known_shares(predictions), _levels(predictions, self.by)
        )

    @property
    def too_few(self) -> tuple[str, ...]:
        """Groups with too few validation cases for a quantile; their sets hold all conditions."""
        return self.fitted.prediction_set().too_few


def known_shares(predictions: Predictions) -> NDArray[np.float64]:
    """Proportions of the ensemble's probabilities between the known conditions, [N, K]."""
    return given_known(predictions.mean_probabilities(), predictions.n_inliers)


def set_columns(
    sets: PredictionSets | None,
    predictions: Predictions,
    probabilities: NDArray[np.float64],
    names: NDArray[np.object_],
) -> dict[str, Any]:
    """Columns `prediction_set` and `set_coverage` of the decisions on N cases.

    Parameters
    ----------
    sets : PredictionSets, optional
        None where the system gives none: each set is then empty, and its coverage NaN.
    predictions : Predictions
    probabilities : float array [N, K]
        Calibrated; the most probable condition of a set comes first.
    names : object array [K]
    """
    if sets is None:
        return {"prediction_set": ["[]"] * len(predictions), "set_coverage": np.nan}
    order = np.argsort(-probabilities, axis=1, kind="stable")
    return {
        "prediction_set": [
            json.dumps([str(names[k]) for k in ranked if held[k]])
            for held, ranked in zip(sets.sets(predictions), order, strict=True)
        ],
        "set_coverage": round(1.0 - sets.alpha, 12),
    }


def _grouping(by: str) -> Grouping:
    return "all" if by == ALL else "condition" if by == BY_CONDITION else "subgroup"


def _levels(predictions: Predictions, by: str) -> NDArray[np.str_] | None:
    """Level of each case on the axis of the sets; None where they are not by subgroup."""
    if _grouping(by) != "subgroup":
        return None
    if by not in predictions.cases:  # a table of cases without that column
        return np.full(len(predictions), UNKNOWN)
    return predictions.cases[by].fillna(UNKNOWN).to_numpy(dtype=np.str_)
