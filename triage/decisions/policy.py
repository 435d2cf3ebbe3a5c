"""The policy: from an ensemble's probabilities to a recommendation with a reason.

Everything here was fixed on validation data and is stored in the bundle; applying it
needs NumPy only, so the audit and the browser pages can decide without the network.
"""

from __future__ import annotations

import json
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from triage.data.clinical import ABSTAINED_PRIORITY, NO_AI_OPINION, Risk, Urgency
from triage.data.spec import Costs
from triage.decisions.costs import cheapest_urgency, expected_outcome_cost
from triage.decisions.reasons import AbstainReason
from triage.errors import UsageError
from triage.predictions import Predictions
from triage.uncertainty.calibration.temperature import apply_temperature
from triage.uncertainty.outlier_probability import OutlierProbability
from triage.uncertainty.scores import POLICY_SCORES

DIFFERENTIAL_LENGTH = 3


class Condition(BaseModel):
    """What the policy knows of one inlier condition."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    risk: Risk
    urgency: Urgency


class Policy(BaseModel):
    """Calibration, threshold and costs of one trained system.

    Parameters
    ----------
    conditions : tuple of Condition
        Inlier conditions in class order.
    score : str
        Name of the out-of-distribution score in `POLICY_SCORES`.
    temperature : float
        Of the ensemble's inlier probabilities.
    outlier_probability : OutlierProbability
        From score to probability at the spec's prevalence.
    threshold : float
        A case abstains as unfamiliar when its score exceeds this.
    costs : Costs
        The clinical cost matrix it was set with.
    outlier_prevalence : float
        The prevalence it was set for.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    conditions: tuple[Condition, ...]
    score: str
    temperature: float = Field(gt=0)
    outlier_probability: OutlierProbability
    threshold: float
    costs: Costs
    outlier_prevalence: float

    @model_validator(mode="after")
    def _score_exists(self) -> Self:
        if self.score not in POLICY_SCORES:
            raise ValueError(f"unknown score {self.score!r}; there are {sorted(POLICY_SCORES)}")
        return self

    @property
    def urgency_ranks(self) -> NDArray[np.int64]:
        """Urgency rank of each condition, int [K]."""
        return np.array([condition.urgency.rank for condition in self.conditions])

    def ood_score(self, predictions: Predictions) -> NDArray[np.float64]:
        """Out-of-distribution score of each case, float [N]."""
        score = POLICY_SCORES[self.score]()
        return score.of(predictions.mean_probabilities(), predictions.n_inliers)

    def calibrated(self, predictions: Predictions) -> NDArray[np.float64]:
        """Probability of each condition given an inlier, float [N, K].

        Raises
        ------
        UsageError
            If the predictions are of other conditions than the policy.
        """
        names = tuple(condition.name for condition in self.conditions)
        if predictions.inliers != names:
            raise UsageError(
                f"the policy is for {names}, the predictions for {predictions.inliers}"
            )
        return apply_temperature(
            predictions.mean_probabilities(), predictions.n_inliers, self.temperature
        )

    def ambiguous(self, probabilities: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether abstaining is cheaper even for a certain inlier, bool [N].

        Parameters
        ----------
        probabilities : float array [N, K]
            Calibrated, given an inlier. The rule is Chow's: abstain when the expected
            cost of the best label exceeds the cost of abstaining.
        """
        certain = np.zeros(len(probabilities))
        opinion, abstain = expected_outcome_cost(
            self.costs.outcomes, certain, probabilities.max(axis=1)
        )
        return opinion > abstain

    def decide(
        self, predictions: Predictions, quality: dict[str, str] | None = None
    ) -> pd.DataFrame:
        """Decide on every case.

        Parameters
        ----------
        predictions : Predictions
            N cases.
        quality : dict of str, optional
            Cases whose images are not good enough, with the problem in a sentence.

        Returns
        -------
        DataFrame, N rows
            `triage.predictions.DECISION_COLUMNS`. `condition` is the most probable inlier
            condition also when the recommendation is to abstain; `p_condition` is its
            probability given that the condition is one the system knows.
        """
        probabilities = self.calibrated(predictions)
        score = self.ood_score(predictions)
        p_outlier = self.outlier_probability(score)
        reasons = self._reasons(predictions, probabilities, score, quality or {})
        abstained = reasons != ""
        top = probabilities.argmax(axis=1)
        p_top = probabilities.max(axis=1)
        names = np.array([condition.name for condition in self.conditions], dtype=object)
        urgency = cheapest_urgency(probabilities, self.urgency_ranks, self.costs.urgency)
        queue = np.where(abstained, np.minimum(urgency, ABSTAINED_PRIORITY.rank), urgency)
        classes = np.array([str(value) for value in Urgency], dtype=object)
        opinion, abstain = expected_outcome_cost(self.costs.outcomes, p_outlier, p_top)
        return pd.DataFrame(
            {
                "condition": names[top],
                "p_condition": p_top,
                "p_outlier": p_outlier,
                "ood_score": score,
                "recommendation": np.where(abstained, NO_AI_OPINION, classes[urgency]),
                "queue_urgency": classes[queue],
                "reason_code": reasons,
                "reason": [
                    self._sentence(code, case, quality or {}, condition, p)
                    for code, case, condition, p in zip(
                        reasons, predictions.cases["case_id"], names[top], p_top, strict=True
                    )
                ],
                "next_action": [
                    AbstainReason(code).next_action if code else _ACT[Urgency(classes[rank])]
                    for code, rank in zip(reasons, urgency, strict=True)
                ],
                "expected_cost": np.where(abstained, abstain, opinion),
                "differential": _differentials(probabilities, names),
            }
        )

    def _reasons(
        self,
        predictions: Predictions,
        probabilities: NDArray[np.float64],
        score: NDArray[np.float64],
        quality: dict[str, str],
    ) -> NDArray[np.object_]:
        """Reason code of each case, '' where there is an opinion; quality first, object [N]."""
        poor = predictions.cases["case_id"].isin(quality).to_numpy()
        votes = predictions.probabilities[:, :, : predictions.n_inliers].argmax(axis=2)
        agreement = (votes == probabilities.argmax(axis=1)[:, None]).mean(axis=1)
        ambiguous = self.ambiguous(probabilities)
        codes: NDArray[np.object_] = np.select(
            [poor, score > self.threshold, ambiguous & (agreement < 0.5), ambiguous],
            [
                AbstainReason.QUALITY.value,
                AbstainReason.UNFAMILIAR.value,
                AbstainReason.DISAGREEMENT.value,
                AbstainReason.AMBIGUOUS.value,
            ],
            default="",
        ).astype(object)
        return codes

    @staticmethod
    def _sentence(
        code: str, case: str, quality: dict[str, str], condition: str, probability: float
    ) -> str:
        if code == AbstainReason.QUALITY:
            return f"{AbstainReason.QUALITY.sentence} {quality[case]}"
        if code:
            return AbstainReason(code).sentence
        return f"Most like {condition} ({probability:.0%} among the conditions this system knows)."


_ACT = {
    Urgency.URGENT: "Refer urgently.",
    Urgency.SEMI_URGENT: "Refer within the semi-urgent deadline.",
    Urgency.ROUTINE: "Refer routinely.",
    Urgency.OBSERVATION: "Observe; refer if it changes.",
}


def _differentials(probabilities: NDArray[np.float64], names: NDArray[np.object_]) -> list[str]:
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :DIFFERENTIAL_LENGTH]
    return [
        json.dumps(
            [{"condition": str(names[k]), "probability": round(float(row[k]), 6)} for k in ranked]
        )
        for row, ranked in zip(probabilities, order, strict=True)
    ]
