"""The policy: from an ensemble's probabilities to a recommendation with a reason.

Everything here was fixed on validation data and is stored in the bundle; applying it
needs NumPy only, so the audit and the browser pages can decide without the network.
"""

from __future__ import annotations

from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from triage.data.spec import Costs
from triage.decisions.choices import Choices, choices_by_matrix, choices_by_outcomes
from triage.decisions.cost_matrix import CostMatrix
from triage.decisions.differential import differentials
from triage.decisions.guaranteed_threshold import GuaranteedThreshold
from triage.decisions.high_risk_floor import SENTENCE, p_high_risk, raised
from triage.decisions.joint_rejection import check_probabilities
from triage.decisions.most_severe import severe_columns
from triage.decisions.prediction_sets import PredictionSets, set_columns
from triage.decisions.rule_settings import SelectiveSettings
from triage.errors import PredictionsError, UsageError
from triage.predictions import Predictions
from triage.uncertainty.calibration.calibrator import given_known
from triage.uncertainty.calibration.temperature_scaling import apply_temperature
from triage.uncertainty.combination import COMBINATION
from triage.uncertainty.decomposition import decompose
from triage.uncertainty.feature_distance import FEATURE_DISTANCE, FeatureDistance
from triage.uncertainty.fitted_values import FittedValues
from triage.uncertainty.outlier_probability import OutlierProbability
from triage.uncertainty.scores import POLICY_SCORES
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, NO_AI_OPINION, Risk, Urgency


def ood_score(
    predictions: Predictions, score: str, distance: FeatureDistance | None
) -> NDArray[np.float64]:
    """Out-of-distribution score of each case by its name, float [N].

    Parameters
    ----------
    predictions : Predictions
    score : str
        One of `POLICY_SCORES`, or `feature_distance`.
    distance : FeatureDistance, optional
        Needed by the latter.
    """
    if score == FEATURE_DISTANCE:
        assert distance is not None, "checked where a policy is made"
        return distance.of(predictions.embedding)
    return POLICY_SCORES[score]().of(predictions.mean_probabilities(), predictions.n_inliers)


class KnownCondition(BaseModel):
    """One inlier condition, with the risk and the urgency that the policy uses."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    risk: Risk
    urgency: Urgency


class Policy(BaseModel):
    """Calibration, threshold and costs of one trained system.

    Parameters
    ----------
    conditions : tuple of KnownCondition
        Inlier conditions in class order.
    score : str
        Name of the out-of-distribution score: one of `POLICY_SCORES`, `feature_distance`, or
        `combination`, which the system that holds it computes.
    temperature : float
        Of the ensemble's inlier probabilities; 1 where `calibrator` takes its place.
    outlier_probability : OutlierProbability
        From score to probability at the spec's prevalence.
    saving_threshold : float
        A case abstains when that is expected to save more than this, in cost units; see
        `triage.decisions.joint_rejection`.
    costs : Costs
        The costs of the data spec it was set with.
    outlier_prevalence : float
        The prevalence it was set for.
    matrix : CostMatrix, optional
        Those costs resolved. Without it, as in bundles of earlier releases, urgencies have no
        part in what an opinion costs, and the queue does not count the unknown.
    unknown : tuple of str
        Conditions of the matrix whose mean costs are those of an unknown one.
    urgent_margin : float
        What urgent must save to be chosen; above 0 where a capacity limits urgent cases.
    distance : FeatureDistance, optional
        What the score `feature_distance` was fitted to.
    calibrator : FittedValues, optional
        Of the ensemble's inlier probabilities, where it is not temperature scaling.
    prediction_set : PredictionSets, optional
        Gives each case a set of conditions.
    guaranteed : GuaranteedThreshold, optional
        On the probability of high risk; where certified, no case above it is referred later than
        semi-urgently.
    selective : SelectiveSettings
        The rule by which `saving_threshold` was set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    conditions: tuple[KnownCondition, ...]
    score: str
    temperature: float = Field(gt=0)
    outlier_probability: OutlierProbability
    saving_threshold: float
    costs: Costs
    outlier_prevalence: float = Field(gt=0, lt=1)
    distance: FeatureDistance | None = None
    calibrator: FittedValues | None = None
    prediction_set: PredictionSets | None = None
    guaranteed: GuaranteedThreshold | None = None
    selective: SelectiveSettings = SelectiveSettings()
    matrix: CostMatrix | None = None
    unknown: tuple[str, ...] = ()
    urgent_margin: float = Field(0.0, ge=0.0)

    @model_validator(mode="after")
    def _matrix_has_its_conditions(self) -> Self:
        if self.matrix is None:
            return self
        needed = {*(condition.name for condition in self.conditions), *self.unknown}
        if missing := sorted(needed - {*self.matrix.conditions}):
            raise ValueError(f"the cost matrix has no costs of {missing}")
        if not self.unknown:
            raise ValueError("no condition gives the costs of an unknown one")
        return self

    @model_validator(mode="after")
    def _fitted_for_these_conditions(self) -> Self:
        even = np.full((1, len(self.conditions)), 1.0 / max(len(self.conditions), 1))
        try:
            if self.calibrator is not None:
                found = self.calibrator.calibrator().calibrate(even)
                if found.shape != even.shape or not np.isfinite(found).all():
                    raise ValueError("it gives no probabilities")
            if self.prediction_set is not None:
                self.prediction_set.check(even)
        except (UsageError, ValueError, IndexError) as error:
            raise ValueError(f"what was fitted does not fit the policy: {error}") from error
        return self

    @model_validator(mode="after")
    def _score_exists(self) -> Self:
        if self.score == FEATURE_DISTANCE and self.distance is None:
            raise ValueError("the feature distance was not fitted")
        known = {*POLICY_SCORES, FEATURE_DISTANCE, COMBINATION}
        if self.score not in known:
            raise ValueError(f"unknown score {self.score!r}; there are {sorted(known)}")
        return self

    @property
    def urgency_ranks(self) -> NDArray[np.int64]:
        """Urgency rank of each condition, int [K]."""
        return np.array([condition.urgency.rank for condition in self.conditions])

    def ood_score(self, predictions: Predictions) -> NDArray[np.float64]:
        """Out-of-distribution score of each case, float [N].

        Raises
        ------
        PredictionsError
            If it is a combination, which is fitted to more than predictions, and the predictions
            carry no decisions to read it from.
        """
        if self.score == COMBINATION:
            if predictions.decisions is None:
                raise PredictionsError(
                    "the combined score is not among the predictions",
                    hint="Score the cases with the bundle.",
                )
            return predictions.decisions["ood_score"].to_numpy(dtype=np.float64)
        return ood_score(predictions, self.score, self.distance)

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
        return self.calibrate_mean(predictions.mean_probabilities(), predictions.n_inliers)

    def calibrate_mean(self, averaged: NDArray[np.float64], n_inliers: int) -> NDArray[np.float64]:
        """Probability of each condition given an inlier, from the mean of the members, [N, K].

        Parameters
        ----------
        averaged : float array [N, C]
            Of all classes, the K conditions of the policy first.
        n_inliers : int
            K.
        """
        if self.calibrator is not None:
            return self.calibrator.calibrator().calibrate(given_known(averaged, n_inliers))
        return apply_temperature(averaged, n_inliers, self.temperature)

    def choices(
        self, probabilities: NDArray[np.float64], p_outlier: NDArray[np.float64]
    ) -> Choices:
        """Return the cheapest opinion and abstention of each case, with what they cost.

        Parameters
        ----------
        probabilities : float array [N, K]
            As `calibrated` returns them.
        p_outlier : float array [N]

        Raises
        ------
        UsageError
            If the arrays differ in length or hold anything but probabilities.
        """
        check_probabilities(p_outlier, probabilities.max(axis=1))
        if self.matrix is None:
            return choices_by_outcomes(self.costs, self.urgency_ranks, probabilities, p_outlier)
        return choices_by_matrix(
            self.matrix,
            [condition.name for condition in self.conditions],
            self.unknown,
            probabilities,
            p_outlier,
            self.urgent_margin,
        )

    def decide(
        self,
        predictions: Predictions,
        quality: dict[str, str] | None = None,
        unseen: dict[str, str] | None = None,
        other_kind: dict[str, str] | None = None,
        ood_score: NDArray[np.float64] | None = None,
    ) -> pd.DataFrame:
        """Decide on every case.

        Parameters
        ----------
        predictions : Predictions
            N cases.
        quality : dict of str, optional
            Cases whose images are not good enough, with the problem in a sentence.
        unseen : dict of str, optional
            Cases taken with a device the system has not seen, with how that was told.
        other_kind : dict of str, optional
            Cases with a picture of another kind than the system reads, with how that was told.
        ood_score : float array [N], optional
            Where a `Combination` computed it.

        Returns
        -------
        DataFrame, N rows
            One `triage.decision.Decision` a row, a column a field, written as a predictions table
            holds it: '' and NaN for None, the differential as JSON.
        """
        probabilities = self.calibrated(predictions)
        score = self.ood_score(predictions) if ood_score is None else ood_score
        p_outlier = self.outlier_probability(score)
        told = {
            AbstainReason.QUALITY: quality or {},
            AbstainReason.WRONG_MODALITY: other_kind or {},
            AbstainReason.UNSEEN_DEVICE: unseen or {},
        }
        choices = self.choices(probabilities, p_outlier)
        reasons = self._reasons(predictions, probabilities, choices, told)
        abstained = reasons != ""
        top, p_top = probabilities.argmax(axis=1), probabilities.max(axis=1)
        names = np.array([condition.name for condition in self.conditions], dtype=object)
        p_risk = p_high_risk(probabilities, [condition.risk for condition in self.conditions])
        sooner = raised(choices.urgency, p_risk, self.guaranteed)
        urgency = np.where(sooner, ABSTAINED_PRIORITY.rank, choices.urgency)
        queue = np.where(abstained, np.minimum(choices.queue, ABSTAINED_PRIORITY.rank), urgency)
        classes = np.array([str(value) for value in Urgency], dtype=object)
        doubt = decompose(predictions.probabilities, predictions.n_inliers, probabilities)
        sets = set_columns(self.prediction_set, predictions, probabilities, names)
        several = len({*predictions.members}) > 1  # a member may be listed twice
        return pd.DataFrame(
            {
                "condition": names[top],
                "p_condition": p_top,
                "p_outlier": p_outlier,
                "ood_score": score,
                "aleatoric": doubt.aleatoric,
                "epistemic": doubt.epistemic if several else np.nan,
                "recommendation": np.where(abstained, NO_AI_OPINION, classes[urgency]),
                "queue_urgency": classes[queue],
                "reason_code": reasons,
                "reason": self._sentences(predictions, reasons, names[top], p_top, told, sooner),
                "next_action": [
                    self._next_action(code, Urgency(name))
                    for code, name in zip(reasons, classes[queue], strict=True)
                ],
                "expected_cost": np.where(
                    abstained, choices.abstain, choices.with_urgency(urgency)
                ),
                "differential": differentials(probabilities, names),
                **sets,
                **severe_columns(self.conditions, probabilities, p_outlier, sets["prediction_set"]),
            }
        )

    def _reasons(
        self,
        predictions: Predictions,
        probabilities: NDArray[np.float64],
        choices: Choices,
        told: dict[AbstainReason, dict[str, str]],
    ) -> NDArray[np.object_]:
        """Reason code of each case, '' where there is an opinion; what was told first, object [N].

        A rejected case is unfamiliar where the unknown has the larger part in what an opinion
        is expected to cost; else its conditions are too close to call.
        """
        cases = predictions.cases["case_id"]
        votes = predictions.probabilities[:, :, : predictions.n_inliers].argmax(axis=2)
        agreement = (votes == probabilities.argmax(axis=1)[:, None]).mean(axis=1)
        rejected = choices.saving > self.saving_threshold
        codes: NDArray[np.object_] = np.select(
            [
                *(cases.isin(those).to_numpy() for those in told.values()),
                rejected & (choices.unknown >= choices.doubtful),
                rejected & (agreement < 0.5),
                rejected,
            ],
            [
                *(reason.value for reason in told),
                AbstainReason.UNFAMILIAR.value,
                AbstainReason.DISAGREEMENT.value,
                AbstainReason.AMBIGUOUS.value,
            ],
            default="",
        ).astype(object)
        return codes

    def _next_action(self, code: str, queue: Urgency) -> str:
        if not code:
            return _ACT[queue]
        # What policies of earlier releases said is kept as it was.
        urgent = self.matrix is not None and queue is Urgency.URGENT
        reason = AbstainReason(code)
        return reason.urgent_action if urgent else reason.next_action

    def _sentences(
        self,
        predictions: Predictions,
        codes: NDArray[np.object_],
        conditions: NDArray[np.object_],
        p_condition: NDArray[np.float64],
        told: dict[AbstainReason, dict[str, str]],
        sooner: NDArray[np.bool_],
    ) -> list[str]:
        """Return the reason of each case for the reader."""
        cases = predictions.cases["case_id"]
        further = np.where(sooner & (codes == ""), f" {SENTENCE}", "")
        return [
            self._sentence(code, case, told, condition, p) + more
            for code, case, condition, p, more in zip(
                codes, cases, conditions, p_condition, further, strict=True
            )
        ]

    @staticmethod
    def _sentence(
        code: str,
        case: str,
        told: dict[AbstainReason, dict[str, str]],
        condition: str,
        probability: float,
    ) -> str:
        if code and AbstainReason(code) in told:
            return f"{AbstainReason(code).sentence} {told[AbstainReason(code)][case]}"
        if code:
            return AbstainReason(code).sentence
        shown = condition.replace("_", " ")
        return f"Most like {shown} ({probability:.0%} among the conditions this system knows)."


_ACT = {
    Urgency.URGENT: "Refer urgently.",
    Urgency.SEMI_URGENT: "Refer within the semi-urgent deadline.",
    Urgency.ROUTINE: "Refer routinely.",
    Urgency.OBSERVATION: "Observe; refer if it changes.",
}
