"""Introspective self-play, first stage: detection of cases that a model only memorises.

Models are trained on all folds but one. A case whose condition they predict after training on the
case, and miss otherwise, is underrepresented in the training data (Liu et al. 2022). A head with a
second output learns to detect such cases; see `triage.heads.introspective`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.errors import TrainingError, UsageError

Rows = NDArray[np.int64]
Predict = Callable[[Rows], NDArray[np.floating]]
"""Maps rows [n] to probabilities [n, C]."""
Train = Callable[[Rows], Predict]
"""Trains a model on some rows."""


@dataclass(frozen=True)
class Introspection:
    """Results of cross-training on N training cases.

    Parameters
    ----------
    seen, unseen : float array [N]
        Mean probability of the case's own condition under the models trained with the case,
        and under those trained without it.
    underrepresented : bool array [N]
        Whether the bias is above the given percentile.
    """

    seen: NDArray[np.float64]
    unseen: NDArray[np.float64]
    underrepresented: NDArray[np.bool_]

    @property
    def bias(self) -> NDArray[np.float64]:
        """|seen - unseen| of each case, in [0, 1]."""
        return np.abs(self.seen - self.unseen)


def introspect(
    train: Train,
    targets: NDArray[np.integer],
    *,
    folds: int = 5,
    repeats: int = 1,
    percentile: float = 90.0,
    seed: int = 0,
) -> Introspection:
    """Label underrepresented cases by cross-training.

    Parameters
    ----------
    train : callable
        Called folds x repeats times with ascending rows. A condition with a single case is
        absent from the rows of one model, whose probabilities must have its column all the same.
    targets : int array [N]
        Condition of each case.
    folds : int
        Every case is unseen by one model of a repeat and seen by the others.
    repeats : int
        How often new folds are drawn.
    percentile : float
        A case is underrepresented if its bias is above this percentile of all; our default.
    seed : int
        Seed of the folds.

    Returns
    -------
    Introspection

    Raises
    ------
    UsageError
        If a setting is out of its range.
    TrainingError
        If there are fewer cases than folds, or probabilities of the wrong shape.
    """
    if folds < 2 or repeats < 1 or not 0 <= percentile < 100:
        raise UsageError(
            "introspection needs at least 2 folds, 1 repeat and a percentile from 0 to below 100",
            where=f"folds {folds}, repeats {repeats}, percentile {percentile:g}",
        )
    if len(targets) < folds:
        raise TrainingError(
            f"{len(targets)} cases are too few for {folds} folds", hint="Ask for fewer folds."
        )
    chance = np.random.default_rng(seed)
    seen, unseen = np.zeros(len(targets)), np.zeros(len(targets))
    for _ in range(repeats):
        fold = stratified_folds(targets, folds, chance)
        for part in range(folds):
            held_out = fold == part
            known = _own_probability(train(np.flatnonzero(~held_out)), targets)
            unseen[held_out] += known[held_out] / repeats
            seen[~held_out] += known[~held_out] / (repeats * (folds - 1))
    bias = np.abs(seen - unseen)
    return Introspection(seen, unseen, bias > np.percentile(bias, percentile))


def stratified_folds(targets: NDArray[np.integer], folds: int, chance: np.random.Generator) -> Rows:
    """Assign cases to folds so that sizes and class counts differ by one at most.

    Parameters
    ----------
    targets : int array [N]
    folds : int
    chance : Generator

    Returns
    -------
    int array [N]
        Fold of each case.
    """
    order = np.lexsort((chance.random(len(targets)), targets))
    fold = np.empty(len(targets), dtype=np.int64)
    fold[order] = np.arange(len(targets)) % folds
    return fold


def _own_probability(predict: Predict, targets: NDArray[np.integer]) -> NDArray[np.float64]:
    rows = np.arange(len(targets), dtype=np.int64)
    probabilities = predict(rows)
    if len(probabilities) != len(rows) or probabilities.shape[1] <= targets.max():
        raise TrainingError(
            f"probabilities of shape {probabilities.shape} are not one row a case with a column "
            "for every condition"
        )
    own: NDArray[np.float64] = probabilities[rows, targets].astype(np.float64)
    return own
