"""Several out-of-distribution scores as one: a weighted sum of their normal scores.

Each score is one kind of evidence: what the head learned of outliers, how much it doubts, and
how far the case lies from the training data. Which of them tells the outliers of a data set
cannot be known beforehand, and validation outliers tell little: they are few, of few conditions,
and where no condition could be spared for validation they are of one that trained the head. So
the shares are equal unless held-out conditions speak for others, and what a head learned of
outliers counts only if conditions that it has never met confirm it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import expit

from triage.errors import UsageError
from triage.uncertainty.combination.normal_scale import NormalScale
from triage.uncertainty.combination.weights import Names, aurocs, choose_weights
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores import SCORES, Score, make_score
from triage.uncertainty.scores.score import Need, ScoreInfo

COMBINATION = "combination"
"""What a policy calls it."""
INFO = ScoreInfo(
    COMBINATION,
    "Combination of evidence",
    "ours",
    "one matrix product a backbone",
    needs=(str(Need.PROBABILITIES), str(Need.EMBEDDINGS)),
)
OWN = "outlier_mass"
EVIDENCE = (OWN, "gen", "mahalanobis_normalised")
"""One score a kind of evidence, all from probabilities and embeddings: any head has them.

Of two scores of one kind the second would only double its vote. Doubt is taken over the
inlier conditions alone, where what the head learned of outliers hardly shows. The distance keeps
class means and a covariance, and no training case, as a table of nearest neighbours would. Chosen
on draws of clinical photographs and of dermoscopy: equal shares of these three (of the latter
two) ranked test outliers above every single score.
"""
CHANCE = 0.5


class Component(BaseModel):
    """One score of a combination.

    Parameters
    ----------
    key : str
        In `triage.uncertainty.scores.SCORES`.
    share : float
        Its weight; shares sum to one.
    auroc : dict of float
        On validation, by outlier condition.
    scale : NormalScale
        Of validation inliers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    key: str
    share: float = Field(ge=0, le=1)
    auroc: dict[str, float]
    scale: NormalScale


class Summary(BaseModel):
    """What a combination was made of, and why so: for manifests and model cards.

    Parameters
    ----------
    shares : dict of float
        By score.
    auroc : dict of (dict of float)
        On validation, by score (and `combination`), then by outlier condition.
    reason : str
        In a sentence or two.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shares: dict[str, float]
    auroc: dict[str, dict[str, float]]
    reason: str


@dataclass(frozen=True)
class Combination:
    """Fitted scores with their shares.

    Parameters
    ----------
    components : tuple of Component
    scores : tuple of Score
        Fitted, in the same order.
    auroc : dict of float
        Of the combination on validation, by outlier condition.
    reason : str
        Why the shares are what they are.
    """

    components: tuple[Component, ...]
    scores: tuple[Score, ...]
    auroc: dict[str, float]
    reason: str

    def score(self, cases: Observations) -> NDArray[np.float64]:
        """Score cases, float64 [N] in [0, 1]; each case's does not depend on the others.

        The logit of the score is the weighted mean of the components' normal scores, as
        `OutlierProbability` wants it.

        Raises
        ------
        UsageError
            If the observations lack what a component needs.
        """
        normal = _normal(self.components, self.scores, cases)
        score: NDArray[np.float64] = expit(normal @ [each.share for each in self.components])
        return score

    @property
    def summary(self) -> Summary:
        """What it was made of."""
        aurocs_of = {each.key: each.auroc for each in self.components} | {COMBINATION: self.auroc}
        return Summary(
            shares={each.key: round(each.share, 4) for each in self.components},
            auroc={
                key: {name: round(value, 4) for name, value in found.items()}
                for key, found in aurocs_of.items()
            },
            reason=self.reason,
        )


def fit_combination(
    training: Observations,
    truth: NDArray[np.integer],
    validation: Observations,
    conditions: Names,
    *,
    met: Collection[str] = (),
    fixed: Mapping[str, float] | None = None,
) -> Combination:
    """Fit scores on training inliers, and their scales and shares on validation cases.

    Parameters
    ----------
    training : Observations
        N training cases of inlier conditions.
    truth : int array [N]
        Their inlier classes.
    validation : Observations
        V validation inliers and outliers.
    conditions : str array [V]
        Outlier condition of each, '' for inliers.
    met : collection of str
        Outlier conditions that trained the head.
    fixed : mapping of str to float, optional
        Share of each score, which then nothing chooses; of one score it is 1.

    Returns
    -------
    Combination

    Raises
    ------
    UsageError
        If there are fewer than two validation inliers, or the observations lack what a score
        reads.
    """
    conditions = np.asarray(conditions, dtype=np.str_)
    if len(conditions) != len(validation):
        raise UsageError(f"{len(conditions)} conditions for {len(validation)} cases")
    known = conditions == ""
    fresh = known | ~np.isin(conditions, sorted(met))
    keys = fixed or (EVIDENCE if _has_own(training) else EVIDENCE[1:])
    scores = {key: make_score(key).fit(training, truth) for key in keys}
    raw = {key: score.score(validation) for key, score in scores.items()}
    why = ""
    if met and OWN in scores and not fixed:
        confirmed = [value for _, value in aurocs(raw[OWN][fresh], conditions[fresh])]
        if not confirmed or np.mean(confirmed) <= CHANCE:
            why = _NOT_MET if not confirmed else _BELOW_CHANCE
            del scores[OWN]
    scales = {key: NormalScale.fit(raw[key][known]) for key in scores}
    normal = np.stack([scales[key].of(raw[key]) for key in scores], axis=1)
    if fixed:
        shares, why = np.array([fixed[key] for key in scores]), _FIXED
    else:
        shares, reason = _chosen_shares(normal[fresh], conditions[fresh])
        why += reason
    return Combination(
        tuple(
            Component(
                key=key,
                share=float(share),
                auroc=dict(aurocs(raw[key], conditions)),
                scale=scales[key],
            )
            for key, share in zip(scores, shares, strict=True)
        ),
        tuple(scores.values()),
        dict(aurocs(normal @ shares, conditions)),
        why.strip(),
    )


def _chosen_shares(
    normal: NDArray[np.float64], conditions: Names
) -> tuple[NDArray[np.float64], str]:
    """Shares that validation chooses, and why."""
    weights = choose_weights(normal, conditions)
    if weights.held_out_equal is None:
        return weights.shares, _TOO_FEW
    why = (_LEARNED if weights.learned else _EQUAL).format(
        weights.held_out_equal, weights.held_out_learned
    )
    return weights.shares, why


def _has_own(seen: Observations) -> bool:
    return seen.probabilities is not None and seen.probabilities.shape[2] > seen.n_inliers


def _normal(
    components: tuple[Component, ...], scores: tuple[Score, ...], cases: Observations
) -> NDArray[np.float64]:
    return np.stack(
        [one.scale.of(score.score(cases)) for one, score in zip(components, scores, strict=True)],
        axis=1,
    )


_TITLE = SCORES[OWN].info.title
_NOT_MET = (
    f"{_TITLE} is left out: every validation outlier is of a condition that trained the head, so "
    "nothing tells whether it knows others. "
)
_BELOW_CHANCE = (
    f"{_TITLE} is left out: it ranks validation outliers of conditions that did not train the "
    "head no better than chance. "
)
_FIXED = "The training settings name the score, or the share of each."
_TOO_FEW = "Shares are equal: fewer than two unmet outlier conditions validate."
_EQUAL = (
    "Shares are equal: they rank outlier conditions that were left out (mean AUROC {0:.3f}) about "
    "as well as learned ones ({1:.3f}), or better."
)
_LEARNED = (
    "Shares are learned: they rank outlier conditions that were left out better (mean AUROC "
    "{1:.3f}) than equal shares ({0:.3f})."
)
