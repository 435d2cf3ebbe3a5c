"""Means and covariances of training embeddings: class-centred, shrunk, on principal axes.

Everything here is float64; a score rounds to float32 only what it keeps for scoring.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh, solve_triangular

from triage.errors import UsageError

Array = NDArray[np.float64]

LEAST_SHRINKAGE = 1e-6
"""Less would leave a covariance of fewer cases than dimensions without an inverse."""

_RESOLUTION = float(np.finfo(np.float32).eps)


def check_cases(embedding: NDArray[np.floating], key: str) -> Array:
    """Return training embeddings as float64 [N, D], refused if they are too few.

    Raises
    ------
    UsageError
        If there are fewer than two: they have no spread.
    """
    if len(embedding) < 2:
        cases = "1 training case has" if len(embedding) == 1 else "0 training cases have"
        raise UsageError(
            f"{cases} no spread to learn from",
            where=key,
            hint="At least 2 are needed, and far more than that to be of use.",
        )
    return embedding.astype(np.float64)


def check_shrinkage(shrinkage: float | None, key: str) -> None:
    """Raise UsageError unless the shrinkage is None or a number from 0 to 1."""
    if shrinkage is not None and not 0 <= shrinkage <= 1:
        raise UsageError(f"a shrinkage of {shrinkage} is not from 0 to 1", where=key)


def check_components(components: int | None, key: str) -> None:
    """Raise UsageError unless the number of components is None (all) or at least 1."""
    if components is not None and components < 1:
        raise UsageError(f"{components} components: at least 1 is needed", where=key)


def centre_classes(embedding: Array, truth: NDArray[np.integer]) -> tuple[Array, Array]:
    """Return the means [C, D] of the classes present, and cases less their class's mean [N, D]."""
    _, own = np.unique(truth, return_inverse=True)
    sums = np.zeros((own.max() + 1, embedding.shape[1]))
    np.add.at(sums, own, embedding)
    means = sums / np.bincount(own)[:, None]
    return means, embedding - means[own]


def variance_floor(embedding: Array) -> float:
    """Least variance that float32 resolves, given how large the values are; above 0."""
    return float((_RESOLUTION * np.abs(embedding).max()) ** 2) or 1.0


def chosen_shrinkage(centred: Array) -> float:
    """The weight of the identity that Ledoit and Wolf's formula finds for centred cases [N, D].

    Ledoit & Wolf 2004, "A well-conditioned estimator for large-dimensional covariance matrices".
    """
    from sklearn.covariance import ledoit_wolf_shrinkage  # late: slow to import

    return float(ledoit_wolf_shrinkage(centred, assume_centered=True))


def shrunk_covariance(centred: Array, shrinkage: float, floor: float) -> Array:
    """Covariance of centred cases, drawn towards a multiple of the identity.

    Parameters
    ----------
    centred : float64 array [N, D]
        Cases less the mean they belong to.
    shrinkage : float
        a in (1 - a) S + a tr(S)/D I, with S = X^T X / N; never below `LEAST_SHRINKAGE`.
    floor : float
        The least mean variance that counts, `variance_floor` of the cases.

    Returns
    -------
    float64 array [D, D], positive definite
    """
    weight = max(shrinkage, LEAST_SHRINKAGE)
    covariance: Array = (1 - weight) / len(centred) * (centred.T @ centred)
    variance = max(float((centred**2).sum()) / centred.size, floor)
    covariance[np.diag_indices_from(covariance)] += weight * variance
    return covariance


def inverse_root(covariance: Array) -> Array:
    """W [D, D] with W^T covariance W = I: the transposed inverse of its Cholesky factor.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the covariance is not positive definite.
    """
    root = np.linalg.cholesky(covariance)
    inverse: Array = solve_triangular(root, np.eye(len(root)), lower=True)
    return inverse.T


def common_basis(covariance: Array, reference: Array) -> tuple[Array, Array]:
    """Variances l [D] and V [D, D] with V^T reference V = I and V^T covariance V = diag(l)."""
    white = inverse_root(reference)
    variances, turn = np.linalg.eigh(white.T @ covariance @ white)
    return variances, white @ turn


def principal_axes(centred: Array, components: int | None) -> tuple[Array, Array]:
    """Variances [P] along the leading principal axes, largest first, and the axes [D, P].

    P is `components`, or D where that is None, but at most D and at most N - 1: centred cases
    have no spread beyond.
    """
    n, width = centred.shape
    most = max(min(n - 1, width), 1)
    kept = most if components is None else min(components, most)
    # the divide-and-conquer routine is the faster one, but cannot stop at the leading axes
    driver, wanted = ("evd", None) if 2 * kept > width else ("evr", (width - kept, width - 1))
    variances, axes = eigh(centred.T @ centred / n, driver=driver, subset_by_index=wanted)
    return np.maximum(variances[::-1][:kept], 0), axes[:, ::-1][:, :kept]
