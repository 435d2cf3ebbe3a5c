"""Arrays that a user gives to a score, checked before anything is computed with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from triage.errors import UsageError
from triage.uncertainty.member_head import MemberHead

Floats = NDArray[np.floating[Any]]
LastLayer = tuple[ArrayLike, ArrayLike]
"""Weight [C, D] and bias [C] of a linear layer from features to logits."""

SUM_TOLERANCE = 1e-3
"""How far the probabilities of a case may be from a sum of one, as in `triage.predictions`."""
LINEAR_TOLERANCE = 1e-3
"""Largest root mean square of (logits - linear function) that counts as rounding, as a share of
the root mean square of the logits. Logits of 16 bits are rounded to about 5e-4 of their value."""


def case_member_array(values: ArrayLike, name: str, where: str) -> Floats:
    """Return an array of numbers as [N, M, columns].

    Parameters
    ----------
    values : array_like [N, columns] or [N, M, columns]
        An array of rank 2 is that of one member.
    name : str
        Of the argument, for messages.
    where : str
        Name of the score, for messages.

    Raises
    ------
    UsageError
        If it is not an array of numbers of rank 2 or 3, is empty, or holds NaN or infinity.
    """
    array = _numbers(values, name, where)
    if array.ndim not in (2, 3):
        raise UsageError(
            f"{name} have shape {array.shape}",
            where=where,
            hint="Give [N, columns], or [N, M, columns] for an ensemble of M members.",
        )
    if array.size == 0:
        raise UsageError(f"{name} are empty: shape {array.shape}", where=where)
    bad = np.atleast_1d(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
    if bad.any():
        raise UsageError(
            f"{name} hold NaN or infinity in {int(bad.sum())} of {len(bad)} rows, "
            f"the first is row {int(bad.argmax())}",
            where=where,
            hint="Leave these cases out, or find out why the network returned them.",
        )
    return array if array.ndim == 3 else array[:, None, :]


def class_array(values: ArrayLike, name: str, where: str) -> Floats:
    """Return logits or probabilities as [N, M, C]; UsageError also where there is one class."""
    array = case_member_array(values, name, where)
    if array.shape[2] < 2:
        raise UsageError(
            f"{name} are of one class only",
            where=where,
            hint="Give one column for each class, at least two.",
        )
    return array


def probability_array(values: ArrayLike, where: str) -> Floats:
    """Return probabilities as [N, M, C].

    Raises
    ------
    UsageError
        As `class_array`, or if a value is negative or a row does not sum to one.
    """
    array = class_array(values, "probabilities", where)
    if (array < 0).any():
        raise UsageError(
            f"probabilities hold negative values, the smallest is {float(array.min()):.3g}",
            where=where,
            hint="If these are logits, pass them as logits=...",
        )
    gap = np.abs(array.sum(axis=2, dtype=np.float64) - 1).max(axis=1)
    if (gap > SUM_TOLERANCE).any():
        row = int(gap.argmax())
        raise UsageError(
            f"probabilities do not sum to one in {int((gap > SUM_TOLERANCE).sum())} of {len(gap)} "
            f"rows; row {row} sums to {float(array[row].sum(axis=1)[0]):.4g}",
            where=where,
            hint="Give the softmax over all classes. If these are logits, pass them as logits=...",
        )
    return array


def softmax(logits: Floats) -> NDArray[np.float64]:
    """Softmax over the last axis, float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    shares: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def label_array(labels: ArrayLike, n_cases: int, where: str) -> NDArray[Any]:
    """Return labels [N] of whole numbers from 0, or of text.

    Raises
    ------
    UsageError
        If they are not of rank 1, not one a case, missing, negative or neither whole numbers nor
        text.
    """
    _refuse_masked(labels, "labels", where)
    try:
        array = np.asarray(labels)
    except (ValueError, TypeError, RuntimeError):
        array = np.empty((0, 0))
    if array.ndim != 1:
        raise UsageError(
            f"labels have shape {array.shape}", where=where, hint="Give one label a case, [N]."
        )
    if len(array) != n_cases:
        raise UsageError(
            f"{counted(len(array), 'label')} for {counted(n_cases, 'case')}", where=where
        )
    if array.dtype.kind == "O" and all(isinstance(value, str) for value in array):
        array = array.astype(np.str_)
    if array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.floor(array)).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "iuU":
        raise UsageError(
            "labels are neither whole numbers nor text, or some are missing",
            where=where,
            hint="Give the class of each training case, 0 to C - 1.",
        )
    if array.dtype.kind == "i" and (array < 0).any():
        raise UsageError(
            f"labels are negative in {int((array < 0).sum())} of {counted(n_cases, 'case')}",
            where=where,
            hint="A score is fitted on inliers: leave out-of-distribution cases out.",
        )
    return array


def class_index(labels: NDArray[Any], n_inliers: int, where: str) -> NDArray[np.int64]:
    """Return labels as int64 below the number of inlier classes.

    Raises
    ------
    UsageError
        If they are text, or a label is that of no inlier class.
    """
    if labels.dtype.kind == "U":
        raise UsageError(
            "labels are text, which does not say which column of the logits they mean",
            where=where,
            hint="Give the number of the column, 0 to C - 1.",
        )
    if (labels >= n_inliers).any():
        raise UsageError(
            f"label {int(labels.max())} is that of no inlier class; there are {n_inliers}, "
            f"0 to {n_inliers - 1}",
            where=where,
            hint="Give the number of the column, and leave cases of other classes out.",
        )
    return labels.astype(np.int64)


def inlier_count(n_inliers: int | None, n_classes: int, where: str) -> int:
    """Return how many leading classes are inliers: all of them where None is given.

    Raises
    ------
    UsageError
        If it is no whole number from 1 to the number of classes.
    """
    if n_inliers is None:
        return n_classes
    whole = isinstance(n_inliers, int | np.integer) and not isinstance(n_inliers, bool)
    if not whole or not 1 <= n_inliers <= n_classes:
        raise UsageError(
            f"n_inliers is {n_inliers!r} of {n_classes} classes",
            where=where,
            hint=f"Give how many leading columns are inlier classes, 1 to {n_classes}.",
        )
    return int(n_inliers)


def layer_arrays(last_layer: LastLayer, where: str) -> tuple[Floats, Floats]:
    """Return weight [M, C, D] and bias [M, C] of a last layer, of one member or of several.

    Raises
    ------
    UsageError
        If it is no pair of arrays of finite numbers.
    """
    if not isinstance(last_layer, Sequence) or len(last_layer) != 2:
        raise UsageError(
            "last_layer is no pair of a weight and a bias",
            where=where,
            hint="Give last_layer=(weight, bias).",
        )
    weight = _numbers(last_layer[0], "the weights of last_layer", where)
    bias = _numbers(last_layer[1], "the biases of last_layer", where)
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise UsageError(
            "last_layer holds NaN or infinity",
            where=where,
            hint="Find out why training returned such weights.",
        )
    one_member = weight.ndim == 2 and bias.ndim == 1
    return (weight[None], bias[None]) if one_member else (weight, bias)


def given_layers(
    layers: tuple[Floats, Floats], n_members: int, width: int, where: str
) -> list[MemberHead]:
    """Return a linear head for each member, of its block of `width` columns.

    Parameters
    ----------
    layers : tuple of float array
        As `layer_arrays` returns them.

    Raises
    ------
    UsageError
        If the shapes fit neither each other nor the embeddings.
    """
    weight, bias = layers
    if bias.shape[-1:] == (0,):
        raise UsageError("last_layer has no class", where=where, hint="Give weight [C, D].")
    fits = weight.ndim == 3 and bias.shape == weight.shape[:2] and weight.shape[2] == width
    if not fits or len(weight) != n_members:
        raise UsageError(
            f"last_layer has shapes {weight.shape} and {bias.shape} for "
            f"{counted(n_members, 'member')} with embeddings of width {width}",
            where=where,
            hint="Give weight [C, D] and bias [C], or [M, C, D] and [M, C] for an ensemble.",
        )
    return [
        linear_head(*pair, member) for member, pair in enumerate(zip(weight, bias, strict=True))
    ]


def recovered_layers(embeddings: Floats, logits: Floats, where: str) -> list[MemberHead]:
    """Return the linear layer of each member that turns embeddings into logits.

    It is the solution of least squares of logits = embeddings W^T + b; where features are linearly
    dependent, that of the smallest norm.

    Parameters
    ----------
    embeddings : float array [N, M, D]
    logits : float array [N, M, C]

    Raises
    ------
    UsageError
        If the cases are too few to determine it, or the logits are no linear function of the
        embeddings.
    """
    n, n_members, width = embeddings.shape
    if n <= width:
        raise UsageError(
            f"the last layer of {counted(width, 'feature')} cannot be determined from "
            f"{counted(n, 'case')}",
            where=where,
            hint=f"Give at least {counted(width + 1, 'case')}, or pass last_layer=(weight, bias).",
        )
    heads = []
    for member in range(n_members):
        features = embeddings[:, member].astype(np.float64)
        wanted = logits[:, member].astype(np.float64)
        columns = np.column_stack([features, np.ones(n)])
        solution, *_ = np.linalg.lstsq(columns, wanted, rcond=None)
        _check_linear(columns @ solution, wanted, where)
        heads.append(linear_head(solution[:-1].T, solution[-1], member))
    return heads


def check_logits(
    embeddings: Floats, logits: Floats, heads: Sequence[MemberHead], where: str
) -> None:
    """Raise UsageError unless the logits are those of the heads on the embeddings."""
    n_classes = len(heads[0].bias)
    if logits.shape != (len(embeddings), len(heads), n_classes):
        raise UsageError(
            f"logits have shape {logits.shape}, expected "
            f"{(len(embeddings), len(heads), n_classes)}, as the embeddings and the last layer are",
            where=where,
        )
    for member, head in enumerate(heads):
        features = embeddings[:, member].astype(np.float64)
        computed = features @ head.weight.astype(np.float64).T + head.bias
        _check_linear(computed, logits[:, member].astype(np.float64), where)


def _check_linear(computed: Floats, wanted: Floats, where: str) -> None:
    size = max(float(np.sqrt(np.mean(wanted**2))), float(np.finfo(np.float32).tiny))
    if float(np.sqrt(np.mean((computed - wanted) ** 2))) > LINEAR_TOLERANCE * size:
        raise UsageError(
            "the logits are no linear function of the embeddings, or not that of the last layer",
            where=where,
            hint="Give the features that the last layer reads, not those of an earlier layer.",
        )


def linear_head(weight: Floats, bias: Floats, member: int) -> MemberHead:
    """Return the head of one member on its own columns of the embeddings, side by side."""
    width = weight.shape[1]
    return MemberHead(
        columns=slice(member * width, (member + 1) * width),
        centre=np.zeros(width, weight.dtype),
        scale=np.ones(width, weight.dtype),
        weight=weight,
        bias=bias,
    )


def _numbers(values: ArrayLike, name: str, where: str) -> Floats:
    _refuse_masked(values, name, where)
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise UsageError(
            f"{name} are no array: {error}", where=where, hint="Give a NumPy array of numbers."
        ) from error
    if array.dtype.kind not in "iufb":
        raise UsageError(
            f"{name} are of type {array.dtype}, not of numbers",
            where=where,
            hint="Give a NumPy array of numbers.",
        )
    if array.dtype == np.float16:
        return array.astype(np.float32)
    # linear algebra takes float32 and float64 only, in the byte order of the machine
    known = array.dtype in (np.float32, np.float64) and array.dtype.isnative
    with np.errstate(over="ignore"):  # infinity is refused with the name of the array
        return array if known else array.astype(np.float64)


def _refuse_masked(values: object, name: str, where: str) -> None:
    if _is_masked(values):
        raise UsageError(
            f"{name} hold masked values",
            where=where,
            hint="Leave these cases out, or replace the values: `array.filled(...)`.",
        )


def _is_masked(values: object) -> bool:
    """Whether an array, or one in a list of them, has masked values; np.asarray forgets these."""
    if isinstance(values, list | tuple):
        return any(_is_masked(value) for value in values)
    return bool(np.ma.is_masked(values))


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is not 1."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
