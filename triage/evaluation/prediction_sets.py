"""Coverage and size of the prediction sets of decided cases, overall and by group."""

from __future__ import annotations

import json

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from triage.decisions.fitting import truth_of
from triage.evaluation.coverage import CoverageRow, coverage_of
from triage.predictions import Predictions
from triage.vocabulary.clinical import NO_AI_OPINION


class PredictionSetResult(BaseModel):
    """Coverage of the sets that a system gave.

    Parameters
    ----------
    promised : float
        Nominal coverage, over all cases of known conditions.
    rows : list of CoverageRow
        All cases of known conditions, each condition, and each subgroup level.
    answered : CoverageRow, optional
        The cases of known conditions with an AI opinion, whose sets readers see; None where
        there are none. The nominal coverage is not promised for them alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    promised: float
    rows: list[CoverageRow]
    answered: CoverageRow | None = None


def evaluate_prediction_sets(predictions: Predictions) -> PredictionSetResult | None:
    """Measure the sets among the decisions on labelled cases.

    Parameters
    ----------
    predictions : Predictions
        Labelled and decided.

    Returns
    -------
    PredictionSetResult or None
        None where no set was given, as by systems of earlier releases, or no case is of a known
        condition.

    Raises
    ------
    UsageError
        If a case has no label.
    """
    decisions = predictions.decisions
    if decisions is None or "set_coverage" not in decisions:
        return None
    known = truth_of(predictions) >= 0
    coverages = decisions["set_coverage"].to_numpy(dtype=np.float64)[known]
    if len(coverages) == 0 or np.isnan(coverages).any():
        return None
    promised = float(coverages[0])
    answered = (decisions["recommendation"] != NO_AI_OPINION).to_numpy() & known
    return PredictionSetResult(
        promised=promised,
        rows=_rows(predictions, known, promised),
        answered=_rows(predictions, answered, promised)[0] if answered.any() else None,
    )


def _rows(predictions: Predictions, where: NDArray[np.bool_], promised: float) -> list[CoverageRow]:
    assert predictions.decisions is not None, "the caller has seen to it"
    texts = predictions.decisions["prediction_set"].to_numpy(dtype=object)[where]
    held = np.array(
        [[name in found for name in predictions.inliers] for found in map(json.loads, texts)]
    )
    cases = predictions.cases[where].reset_index(drop=True)
    return coverage_of(
        held,
        truth_of(predictions)[where],
        1.0 - promised,
        classes=predictions.inliers,
        subgroups=cases[list(predictions.subgroup_columns)],
        cluster=cases["cluster"].to_numpy(dtype=np.str_),
    )
