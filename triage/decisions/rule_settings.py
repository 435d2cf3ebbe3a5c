"""Settings of what decides in a trained system: calibrator, score, sets, guarantee, abstention."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from triage.data.spec import DataSpec
from triage.errors import UsageError, unknown_name
from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.combination import COMBINATION
from triage.uncertainty.conformal import CONFORMAL
from triage.uncertainty.scores import SCORES
from triage.uncertainty.scores.score import Need

TEMPERATURE = "temperature"
OWN = "own"
"""The score that belongs to the head: outlier mass, or one minus the largest probability."""
IN_POLICY = ("max_softmax", "outlier_mass")
"""Scores that the policy computes itself: from probabilities alone, and in [0, 1]. Others are
brought there by the scale of a combination."""
OUTLIER_MASS = "outlier_mass"
ALL, BY_CONDITION = "all", "condition"
_NOT_IN_A_BUNDLE = {
    Need.FEATURE_MAPS: "feature maps of a backbone, which a bundle does not compute",
    Need.IMAGE_TEXT: "vectors of an image-text model, which a bundle does not hold",
}
_THROUGH_THE_HEAD = (Need.LOGITS, Need.FEATURES, Need.GRADIENTS)
_ROUNDING = 1e-6

ScoreChoice = str | dict[str, float]
"""`own`, `combination`, a score's key, or the share of each score of a fixed combination."""


class PredictionSetSettings(BaseModel):
    """Which set of conditions is given with each case.

    Parameters
    ----------
    method : str
        One of `triage.uncertainty.conformal.CONFORMAL`.
    alpha : float
        Share of cases of known conditions whose set may lack the true one.
    by : str
        `all`: one quantile; `condition`: one for each condition; or a subgroup column of the
        data spec: one for each of its levels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = "lac"
    alpha: float = Field(0.1, gt=0, lt=1)
    by: str = ALL

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.method not in CONFORMAL:
            raise ValueError(str(unknown_name("conformal set", self.method, CONFORMAL)))
        return self


class GuaranteedSettings(BaseModel):
    """Threshold on high risk by learn then test; `triage.decisions.guaranteed_threshold`.

    Parameters
    ----------
    alpha : float
        Largest share of cases of high-risk conditions that may be missed.
    delta : float
        Probability, over the draw of validation cases, that the share is larger after all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    alpha: float = Field(0.1, gt=0, lt=1)
    delta: float = Field(0.1, gt=0, lt=1)


class SelectiveSettings(BaseModel):
    """When a system abstains.

    Parameters
    ----------
    rule : {'joint_rejection', 'chow', 'target_error'}
        Where abstaining is expected to save more than a threshold: the cheapest one on
        validation, zero, or the highest one at which `error` is kept on validation.
    error : float, optional
        Largest share of wrong opinions among answered cases, for `target_error` alone. An
        opinion is wrong if the condition is another, known or not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Literal["joint_rejection", "chow", "target_error"] = "joint_rejection"
    error: float | None = Field(None, gt=0, lt=1)

    @model_validator(mode="after")
    def _has_a_target(self) -> Self:
        if (self.rule == "target_error") is not (self.error is not None):
            raise ValueError("the rule target_error needs an error, and no other rule takes one")
        return self


def check_calibrator(key: str) -> None:
    """Raise UsageError unless a bundle can calibrate by it.

    A distance from the training data is in no predictions table, from which metrics and audits are
    made without the networks.
    """
    info = CALIBRATORS.lookup(key, where="calibrator").info
    if info.needs_distance:
        usable = [name for name, each in CALIBRATORS.items() if not each.info.needs_distance]
        raise UsageError(
            f"{key} needs each case's distance from the training data, which is not among "
            "the predictions of a bundle",
            where="calibrator",
            hint=f"Choose {', '.join(usable)}.",
        )


def check_score(score: ScoreChoice, head: str, *, has_mass: bool, perceptron: bool) -> None:
    """Raise UsageError unless a bundle with this head can decide by the score.

    Parameters
    ----------
    score : str or dict of float
        See `ScoreChoice`.
    head : str
        Of the ensemble, for messages.
    has_mass : bool
        Whether the head has classes beside the known conditions.
    perceptron : bool
        Whether it is a plain perceptron, whose logits and features can be read.
    """
    if isinstance(score, Mapping):
        _check_shares(score)
    elif score in (OWN, COMBINATION):
        return
    for key in score if isinstance(score, Mapping) else (score,):
        if key not in SCORES:
            known = SCORES if isinstance(score, Mapping) else (COMBINATION, OWN, *SCORES)
            raise unknown_name("score", key, known, where="score")
        need = SCORES[key].need
        if need in _NOT_IN_A_BUNDLE:
            raise UsageError(f"{key} needs {_NOT_IN_A_BUNDLE[need]}", where="score")
        if need in _THROUGH_THE_HEAD and not perceptron:
            raise UsageError(
                f"{key} needs the {need} of a plain perceptron, which the head {head} is not",
                where="score",
            )
        if SCORES[key].info.needs_outliers and not has_mass:
            raise UsageError(
                f"{key} needs a head with classes for outliers, and {head} has none", where="score"
            )


def _check_shares(shares: Mapping[str, float]) -> None:
    if not shares:
        raise UsageError("a fixed combination names no score", where="score")
    for key, share in shares.items():
        if not (math.isfinite(share) and share >= 0):
            raise UsageError(f"the share of {key} is {share:g}, not 0 or more", where="score")
    total = sum(shares.values())
    if abs(total - 1.0) > _ROUNDING:
        raise UsageError(f"the shares sum to {total:g}, not to 1", where="score")


def check_grouping(settings: PredictionSetSettings | None, spec: DataSpec) -> None:
    """Raise UsageError if sets are by a subgroup that the data spec lacks."""
    axes = [axis.column for axis in spec.subgroups]
    known = (ALL, BY_CONDITION, *axes)
    if settings is not None and settings.by not in known:
        raise unknown_name("grouping", settings.by, known, where="prediction_set.by")


def check_abstention(settings: SelectiveSettings, spec: DataSpec) -> None:
    """Raise UsageError if the rule sets its threshold without the data spec's capacity."""
    if spec.capacity is not None and settings.rule != "joint_rejection":
        raise UsageError(
            f"the rule {settings.rule} keeps to no capacity, and the data spec has one",
            where="selective.rule",
            hint="Use the rule joint_rejection, or leave capacity out of the data spec.",
        )
