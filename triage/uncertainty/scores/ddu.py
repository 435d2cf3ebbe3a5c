"""Density of the embedding under one Gaussian a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from triage.errors import UsageError
from triage.uncertainty.scores.covariance import (
    Array,
    centre_classes,
    check_cases,
    check_components,
    inverse_root,
    principal_axes,
    variance_floor,
)
from triage.uncertainty.scores.families import EmbeddingScore, Truth
from triage.uncertainty.scores.score import Floats, ScoreInfo, State


@dataclass
class Ddu(EmbeddingScore):
    """s = -logsumexp_c log N(f; mu_c, S_c) (Mukhoti et al. 2023, DDU).

    Each class has its own mean and covariance (divided by n_c - 1); a class of one case takes
    the covariance shared by all classes. A multiple of the identity, relative to the mean
    variance over all classes, is added to each S_c and grown tenfold until the sum can be
    inverted. With fewer cases in a class than dimensions S_c is singular and that multiple decides
    the score: the authors' code takes the least that works, which makes directions that a class
    happens not to spread in count without bound, so we start at a hundredth. The densities
    live on the leading principal axes of all training cases; what happens off them is not seen.

    Parameters
    ----------
    components : int, optional
        Number of leading principal axes; None keeps all.
    prior : bool
        Whether log n_c/N is added to each class's log-density; the authors' code leaves it out.
    jitter : float
        First multiple of the mean variance that is added, above 0.

    Raises
    ------
    UsageError
        If the number of components is below 1, or the jitter is not above 0.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="ddu",
        title="Gaussian density per class (DDU)",
        source="Mukhoti et al. 2023",
        cost="one matrix product, D x P, and one P x P a class",
    )

    components: int | None = 256
    prior: bool = False
    jitter: float = 0.01

    def __post_init__(self) -> None:
        """Check the number of components and the jitter."""
        check_components(self.components, self.info.key)
        if not self.jitter > 0:
            raise UsageError(f"a jitter of {self.jitter} is not above 0", where=self.info.key)

    def learn(self, embedding: Floats, truth: Truth) -> State:
        """Learn each class's mean and the map that makes its covariance the identity."""
        cases = check_cases(embedding, self.info.key)
        centre = cases.mean(axis=0)
        _, axes = principal_axes(cases - centre, self.components)
        placed = (cases - centre) @ axes
        means, centred = centre_classes(placed, truth)
        pooled = centred.T @ centred / max(len(centred) - len(means), 1)
        variance = max(float(np.trace(pooled)) / len(pooled), variance_floor(cases))
        counts = np.unique(truth, return_counts=True)
        whitenings, constants = [], []
        for label, count in zip(*counts, strict=True):
            own = centred[truth == label]
            covariance = own.T @ own / (count - 1) if count > 1 else pooled
            whitenings.append(self._whitening(covariance, variance))
            constant = np.log(np.diag(whitenings[-1])).sum() - len(pooled) / 2 * np.log(2 * np.pi)
            constants.append(constant + (np.log(count / len(cases)) if self.prior else 0.0))
        return {
            "centre": centre.astype(np.float32),
            "axes": axes.astype(np.float32),
            "means": means.astype(np.float32),
            "whitenings": np.stack(whitenings).astype(np.float32),
            "constants": np.array(constants),
        }

    def of(self, embedding: Floats, state: State) -> Floats:
        """Negative log of the summed class densities of embeddings [N, D], float64 [N]."""
        placed = (embedding.astype(np.float32, copy=False) - state["centre"]) @ state["axes"]
        logs = np.empty((len(placed), len(state["means"])))
        classes = zip(state["means"], state["whitenings"], state["constants"], strict=True)
        for column, (mean, whitening, constant) in enumerate(classes):
            white = (placed - mean) @ whitening
            logs[:, column] = constant - np.einsum("np,np->n", white, white) / 2
        score: NDArray[np.float64] = -logsumexp(logs, axis=1)
        return score

    def _whitening(self, covariance: Array, variance: float) -> Array:
        jitter = self.jitter
        while True:
            try:
                return inverse_root(covariance + jitter * variance * np.eye(len(covariance)))
            except np.linalg.LinAlgError:
                jitter *= 10
