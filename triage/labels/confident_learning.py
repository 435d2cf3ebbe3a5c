"""Confident learning: which labels disagree with what a classifier learned from the other cases.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels",
with the conventions of cleanlab for ties, rounding and classes without cases. The probabilities
must be out of fold, with no patient in two folds, and calibrated: a model that was fitted to the
labels agrees with them, and one that is too sure never differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Method = Literal["prune_by_noise_rate", "off_diagonal"]
LEAST_THRESHOLD = 2e-6
"""Of a class: one that is never predicted has no threshold of 0, which every case would reach."""
TOLERANCE = 1e-6


@dataclass(frozen=True)
class LabelErrors:
    """Labels that may be wrong, the most suspect first.

    Parameters
    ----------
    cases : int array [M]
        Rows of the cases.
    suggested : int array [M]
        The class that each may be instead.
    self_confidence : float array [M]
        Probability of the given label; of votes, their mean probability.
    margin : float array [M]
        Self-confidence minus the largest probability of a class that no label or vote names.
    joint : int array [C, C]
        How many cases of each label (rows) confidently are of each class (columns), scaled to the
        numbers of the labels.
    """

    cases: Integers
    suggested: Integers
    self_confidence: Floats
    margin: Floats
    joint: Integers


def class_thresholds(probabilities: Floats, labels: Integers) -> Floats:
    """Mean probability of each class over the cases labelled so; infinite where there are none.

    Parameters
    ----------
    probabilities : float array [N, C]
    labels : int array [N]

    Returns
    -------
    float array [C]
    """
    n_classes = probabilities.shape[1]
    counts = np.bincount(labels, minlength=n_classes)
    own = probabilities[np.arange(len(labels)), labels]
    sums = np.bincount(labels, weights=own, minlength=n_classes)
    means = np.divide(sums, counts, out=np.full(n_classes, np.inf), where=counts > 0)
    floored: Floats = np.maximum(means, LEAST_THRESHOLD)
    return floored


def confident_classes(probabilities: Floats, labels: Integers) -> Integers:
    """Class that each case confidently is of; -1 where it reaches the threshold of none.

    A case that reaches the thresholds of several is of the most probable class.

    Returns
    -------
    int array [N]
    """
    reached = probabilities >= class_thresholds(probabilities, labels) - TOLERANCE
    number = reached.sum(axis=1)
    found = np.where(number == 1, reached.argmax(axis=1), probabilities.argmax(axis=1))
    return np.where(number == 0, -1, found)


def confident_joint(probabilities: Floats, labels: Integers, *, calibrate: bool = True) -> Integers:
    """Count the cases of each label (rows) that confidently are of each class (columns).

    Parameters
    ----------
    probabilities : float array [N, C]
    labels : int array [N]
    calibrate : bool
        Whether rows are scaled to the numbers of the labels, in whole cases; the diagonal is at
        least 1 before. Without it the counts are those of the cases themselves.

    Returns
    -------
    int array [C, C]
    """
    _check(probabilities, labels)
    n_classes = probabilities.shape[1]
    classes = confident_classes(probabilities, labels)
    joint = np.zeros((n_classes, n_classes), dtype=np.int64)
    counted = classes >= 0
    np.add.at(joint, (labels[counted], classes[counted]), 1)
    if not calibrate:
        return joint
    counts = np.bincount(labels, minlength=n_classes)
    floored = joint.astype(np.float64)
    np.fill_diagonal(floored, np.maximum(np.diag(joint), 1))
    scaled = floored / floored.sum(axis=1, keepdims=True) * counts[:, None]
    return _whole_rows(scaled, counts)


def label_errors(
    probabilities: Floats,
    labels: Integers,
    *,
    votes: Floats | None = None,
    method: Method = "prune_by_noise_rate",
) -> LabelErrors:
    """Return the labels that may be wrong, ranked by their margin.

    Parameters
    ----------
    probabilities : float array [N, C]
        Out of fold and calibrated; rows sum to one.
    labels : int array [N]
    votes : float array [N, C], optional
        Share of the readers who named each class; rows of zeros where they are not known. A case
        is ranked by what its votes say, and a class that a reader named is not suggested.
    method : {'prune_by_noise_rate', 'off_diagonal'}
        Of each label s and class j the C[s, j] cases with the largest p_j - p_s; or the cases
        that confidently are of another class.

    Raises
    ------
    UsageError
        If the arrays do not fit, or a probability is none.
    """
    _check(probabilities, labels)
    n_cases, n_classes = probabilities.shape
    named = np.zeros((n_cases, n_classes)) if votes is None else np.asarray(votes, dtype=float)
    if named.shape != probabilities.shape or not (np.isfinite(named) & (named >= 0)).all():
        raise UsageError("are no shares of the same cases and classes", where="votes")
    totals = named.sum(axis=1, keepdims=True)
    of_label = np.eye(n_classes)[labels]
    target = np.divide(named, totals, out=of_label, where=totals > 0)
    self_confidence = (target * probabilities).sum(axis=1)
    # Where readers named every class, no other is left.
    others = np.where((target > 0) | (np.eye(n_classes)[labels] > 0), -np.inf, probabilities)
    best_other = np.where(np.isfinite(others.max(axis=1)), others.max(axis=1), 0.0)
    margin = self_confidence - best_other
    joint = confident_joint(probabilities, labels)
    if method == "off_diagonal":
        classes = confident_classes(probabilities, labels)
        suggested = np.where((classes >= 0) & (classes != labels), classes, -1)
    else:
        suggested = _pruned(probabilities, labels, joint)
    is_named = (suggested >= 0) & ~np.isfinite(others[np.arange(n_cases), suggested])
    found = np.flatnonzero((suggested >= 0) & ~is_named)
    ranked = found[np.argsort(margin[found], kind="stable")]
    return LabelErrors(ranked, suggested[ranked], self_confidence[ranked], margin[ranked], joint)


def _pruned(probabilities: Floats, labels: Integers, joint: Integers) -> Integers:
    """Class that each case is suspected of by the rates of noise; -1 of none."""
    n_cases, n_classes = probabilities.shape
    own = probabilities[np.arange(n_cases), labels]
    suggested = np.full(n_cases, -1, dtype=np.int64)
    excess = np.full(n_cases, -np.inf)
    for label in range(n_classes):
        rows = np.flatnonzero(labels == label)
        for other in range(n_classes):
            number = min(int(joint[label, other]), len(rows))
            if other == label or not number:
                continue
            gap = probabilities[rows, other] - own[rows]
            # A case that two classes claim is of the one that exceeds its label most.
            for row in np.argsort(-gap, kind="stable")[:number]:
                if gap[row] > excess[rows[row]]:
                    excess[rows[row]], suggested[rows[row]] = gap[row], other
    return suggested


def _whole_rows(values: Floats, totals: Integers) -> Integers:
    """Round each row so that it sums to a whole number, by the largest remainders."""
    whole = np.floor(values).astype(np.int64)
    for row, total in enumerate(totals):
        lacking = int(total - whole[row].sum())
        largest = np.argsort(-(values[row] - whole[row]), kind="stable")[: max(lacking, 0)]
        whole[row, largest] += 1
    return whole


def _check(probabilities: Floats, labels: Integers) -> None:
    fits = probabilities.ndim == 2 and labels.shape == probabilities.shape[:1] and len(labels) > 0
    if not fits or probabilities.shape[1] < 2:
        raise UsageError(
            f"are {probabilities.shape} for {labels.shape} labels: one row a case and at least two "
            "classes are needed",
            where="probabilities",
        )
    if not ((probabilities >= 0) & (probabilities <= 1 + TOLERANCE)).all():
        raise UsageError("hold values outside [0, 1]", where="probabilities")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise UsageError(f"are not of {probabilities.shape[1]} classes", where="labels")
