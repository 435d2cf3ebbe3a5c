"""Scores of embeddings; see `triage.scores`."""

from __future__ import annotations

from typing import ClassVar

from triage.scores.array_score import EmbeddingArrayScore
from triage.uncertainty.scores.ddu import Ddu
from triage.uncertainty.scores.dose import Dose
from triage.uncertainty.scores.knn import Knn
from triage.uncertainty.scores.likelihood_ratio import LikelihoodRatio as _LikelihoodRatio
from triage.uncertainty.scores.mahalanobis import Mahalanobis as _Mahalanobis
from triage.uncertainty.scores.mahalanobis_normalised import (
    MahalanobisNormalised,
    RelativeMahalanobisNormalised,
)
from triage.uncertainty.scores.morse import Morse as _Morse
from triage.uncertainty.scores.relative_mahalanobis import (
    RelativeMahalanobis as _RelativeMahalanobis,
)


class Mahalanobis(EmbeddingArrayScore):
    """Mahalanobis distance to the nearest class mean (Lee et al. 2018).

    Parameters
    ----------
    shrinkage : float, optional
        Weight of the identity in the covariance, 0 to 1; Ledoit and Wolf's where None.

    See Also
    --------
    triage.uncertainty.scores.mahalanobis.Mahalanobis : The formula in full.
    """

    def __init__(self, shrinkage: float | None = None) -> None:
        super().__init__(_Mahalanobis, {"shrinkage": shrinkage})


class RelativeMahalanobis(EmbeddingArrayScore):
    """Mahalanobis distance to a class less that to all cases (Ren et al. 2021).

    Parameters
    ----------
    shrinkage : float, optional
        As in `Mahalanobis`.

    See Also
    --------
    triage.uncertainty.scores.relative_mahalanobis.RelativeMahalanobis : The formula in full.
    """

    least_classes: ClassVar[int] = 2

    def __init__(self, shrinkage: float | None = None) -> None:
        super().__init__(_RelativeMahalanobis, {"shrinkage": shrinkage})


class MahalanobisPlusPlus(EmbeddingArrayScore):
    """Mahalanobis++: `Mahalanobis` of embeddings of length one (Müller & Hein 2025).

    Parameters
    ----------
    shrinkage : float, optional
        As in `Mahalanobis`.

    See Also
    --------
    triage.uncertainty.scores.mahalanobis_normalised.MahalanobisNormalised : The formula in full.
    """

    def __init__(self, shrinkage: float | None = None) -> None:
        super().__init__(MahalanobisNormalised, {"shrinkage": shrinkage})


class RelativeMahalanobisPlusPlus(EmbeddingArrayScore):
    """`RelativeMahalanobis` of embeddings of length one (Müller & Hein 2025).

    Parameters
    ----------
    shrinkage : float, optional
        As in `Mahalanobis`.

    See Also
    --------
    triage.uncertainty.scores.mahalanobis_normalised : The formula in full.
    """

    least_classes: ClassVar[int] = 2

    def __init__(self, shrinkage: float | None = None) -> None:
        super().__init__(RelativeMahalanobisNormalised, {"shrinkage": shrinkage})


class KNN(EmbeddingArrayScore):
    """Distance to the k-th nearest training embedding (Sun et al. 2022).

    Parameters
    ----------
    k : int, optional
        Which neighbour; 1 % of the training cases where None.
    components : int, optional
        Leading principal axes with more than 2,048 training cases; None takes all.

    See Also
    --------
    triage.uncertainty.scores.knn.Knn : The formula in full.
    """

    def __init__(self, k: int | None = None, components: int | None = 512) -> None:
        super().__init__(Knn, {"k": k, "components": components})


class DDU(EmbeddingArrayScore):
    """Density of one Gaussian a class (Mukhoti et al. 2023).

    Parameters
    ----------
    components : int, optional
        Leading principal axes; None takes all.
    prior : bool
        Whether the frequency of the classes counts.
    jitter : float
        First multiple of the mean variance added to each covariance.

    See Also
    --------
    triage.uncertainty.scores.ddu.Ddu : The formula in full.
    """

    def __init__(
        self, components: int | None = 256, prior: bool = False, jitter: float = 0.01
    ) -> None:
        super().__init__(Ddu, {"components": components, "prior": prior, "jitter": jitter})


class DoSE(EmbeddingArrayScore):
    """Density of states of statistics of a generative model (Morningstar et al. 2021).

    The model is probabilistic PCA; labels are not read. Another order of the training rows changes
    the numbers a little, for the cases held out in turn are chosen by row.

    Parameters
    ----------
    components : int
        Latent dimensions of the model.

    See Also
    --------
    triage.uncertainty.scores.dose.Dose : The formula in full.
    """

    def __init__(self, components: int = 64) -> None:
        super().__init__(Dose, {"components": components})


class LikelihoodRatio(EmbeddingArrayScore):
    """Likelihood ratio against a background model (Ren et al. 2019), of Gaussian models.

    Labels are not read.

    Parameters
    ----------
    mutation : float
        Fraction of values replaced in the background model.
    shrinkage : float, optional
        As in `Mahalanobis`.
    background_shrinkage : float
        Of the background model once more.

    See Also
    --------
    triage.uncertainty.scores.likelihood_ratio.LikelihoodRatio : The formula in full.
    """

    def __init__(
        self,
        mutation: float = 0.2,
        shrinkage: float | None = None,
        background_shrinkage: float = 0.1,
    ) -> None:
        super().__init__(
            _LikelihoodRatio,
            {
                "mutation": mutation,
                "shrinkage": shrinkage,
                "background_shrinkage": background_shrinkage,
            },
        )


class Morse(EmbeddingArrayScore):
    """Unsupervised Morse network (Dherin et al. 2023), a small network in NumPy.

    Labels are not read. Another order of the training rows changes the numbers a little, for the
    batches of training are drawn by row.

    Parameters
    ----------
    components : int
        Width of the input of the network.
    hidden : int
        Width of its hidden layer.
    outputs : int
        Width of its output.
    scale : float
        lambda, above 0.
    steps : int
        Steps of Adam.
    rate : float
        Step size at the start.
    seed : int
        Not negative. The same seed returns the same numbers.

    See Also
    --------
    triage.uncertainty.scores.morse.Morse : The formula in full.
    """

    def __init__(
        self,
        components: int = 32,
        hidden: int = 64,
        outputs: int = 8,
        scale: float = 1.0,
        steps: int = 600,
        rate: float = 0.003,
        seed: int = 0,
    ) -> None:
        super().__init__(
            _Morse,
            {
                "components": components,
                "hidden": hidden,
                "outputs": outputs,
                "scale": scale,
                "steps": steps,
                "rate": rate,
                "seed": seed,
            },
        )
