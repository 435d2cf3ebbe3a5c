"""Scores of the features that the last layer reads; see `triage.scores`."""

from __future__ import annotations

from triage.scores.array_score import FeatureArrayScore
from triage.uncertainty.scores.ash import Ash
from triage.uncertainty.scores.odin import Odin
from triage.uncertainty.scores.react import React
from triage.uncertainty.scores.residual import Residual as _Residual
from triage.uncertainty.scores.scale import Scale
from triage.uncertainty.scores.vim import Vim


class ODIN(FeatureArrayScore):
    """ODIN on features: softmax with a temperature after a step along the gradient.

    Liang et al. 2018 take the step in the image; here it is taken in the features.

    Parameters
    ----------
    temperature : float
        T, positive.
    epsilon : float
        Length of the step along each feature; scale features to deviation one.
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.odin.Odin : The formula in full.
    """

    def __init__(
        self, temperature: float = 1000.0, epsilon: float = 0.0014, *, n_inliers: int | None = None
    ) -> None:
        super().__init__(Odin, {"temperature": temperature, "epsilon": epsilon}, n_inliers)


class ReAct(FeatureArrayScore):
    """Energy after features are clipped to a percentile of the training ones (Sun et al. 2021).

    Parameters
    ----------
    percentile : float
        Of the training features, in (0, 100].
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.react.React : The formula in full.
    """

    def __init__(self, percentile: float = 90.0, *, n_inliers: int | None = None) -> None:
        super().__init__(React, {"percentile": percentile}, n_inliers)


class ASH(FeatureArrayScore):
    """ASH-S: energy after small activations are pruned (Djurisic et al. 2023).

    Meant for features after a ReLU.

    Parameters
    ----------
    percentile : float
        Share of the features of a case that is pruned, in [0, 100).
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.ash.Ash : The formula in full.
    """

    def __init__(self, percentile: float = 90.0, *, n_inliers: int | None = None) -> None:
        super().__init__(Ash, {"percentile": percentile}, n_inliers)


class SCALE(FeatureArrayScore):
    """Energy after the features of a case are scaled (Xu et al. 2024).

    Meant for features after a ReLU.

    Parameters
    ----------
    percentile : float
        Share of the features of a case left out of the scaling sum, in [0, 100).
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.scale.Scale : The formula in full.
    """

    def __init__(self, percentile: float = 85.0, *, n_inliers: int | None = None) -> None:
        super().__init__(Scale, {"percentile": percentile}, n_inliers)


class ViM(FeatureArrayScore):
    """Virtual-logit matching (Wang et al. 2022).

    s = alpha ||residual of the features|| - log sum_c exp(z_c). Where the mean largest logit of
    training is not positive, the mean over the classes is subtracted from the logits of each case
    first, so that alpha is positive; the paper takes it to be so.

    Parameters
    ----------
    dimensions : int, optional
        Of the principal subspace; chosen from the width of the features where None.
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.vim.Vim : The formula in full.
    """

    def __init__(self, dimensions: int | None = None, *, n_inliers: int | None = None) -> None:
        super().__init__(Vim, {"dimensions": dimensions}, n_inliers)


class Residual(FeatureArrayScore):
    """Norm of the features outside the principal subspace (Wang et al. 2022).

    Parameters
    ----------
    dimensions : int, optional
        Of the principal subspace; chosen from the width of the features where None.
    n_inliers : int, optional
        How many leading classes are inliers; all by default.

    See Also
    --------
    triage.uncertainty.scores.residual.Residual : The formula in full.
    """

    def __init__(self, dimensions: int | None = None, *, n_inliers: int | None = None) -> None:
        super().__init__(_Residual, {"dimensions": dimensions}, n_inliers)
