"""What all scores on arrays have in common, and the four kinds by what they read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from triage.errors import UsageError
from triage.scores.array_inputs import (
    Floats,
    LastLayer,
    case_member_array,
    check_logits,
    class_array,
    class_index,
    counted,
    given_layers,
    inlier_count,
    label_array,
    layer_arrays,
    linear_head,
    probability_array,
    recovered_layers,
    softmax,
)
from triage.uncertainty.member_head import MemberHead
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores.score import Score
from triage.uncertainty.scores.settings import checked_settings


class ArrayScore:
    """An out-of-distribution score on arrays of one's own: larger = more out-of-distribution.

    Attributes
    ----------
    needs : tuple of str
        The arrays that it reads of a case.
    key : str
        Its name on the command line and in the tables of results.
    title, source : str
        Its name for people, and the paper.
    """

    needs: ClassVar[tuple[str, ...]]

    def __init__(
        self, kind: type[Score], settings: dict[str, Any], n_inliers: int | None = None
    ) -> None:
        with self._named(kind.info.key):
            self._score = kind(**checked_settings(kind, settings, kind.info.key))
        self.n_inliers = n_inliers
        info = self._score.info
        self.key, self.title, self.source = info.key, info.title, info.source

    def __repr__(self) -> str:
        settings = asdict(self._score)  # type: ignore[call-overload]
        if self.n_inliers is not None:
            settings["n_inliers"] = self.n_inliers
        shown = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        return f"{type(self).__name__}({shown})"

    @property
    def _name(self) -> str:
        return type(self).__name__

    @contextmanager
    def _named(self, key: str) -> Iterator[None]:
        """Name the class that the user called, not the formula's key, in messages."""
        try:
            yield
        except UsageError as error:
            if error.where != key:
                raise
            raise type(error)(error.what, where=self._name, hint=error.hint) from error

    def _fit(self, seen: Observations, truth: NDArray[np.integer]) -> None:
        with self._named(self.key):
            self._score.fit(seen, truth)

    def _of(self, cases: Observations) -> NDArray[np.float64]:
        with self._named(self.key):
            return self._score.score(cases)


class ProbabilityArrayScore(ArrayScore):
    """A score of probabilities; nothing is fitted. Those of an ensemble are averaged first."""

    needs: ClassVar[tuple[str, ...]] = ("probabilities",)

    def score(
        self, probabilities: ArrayLike | None = None, *, logits: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Score cases by their probabilities.

        Parameters
        ----------
        probabilities : array_like [N, C] or [N, M, C]
            Softmax over all classes, inlier classes first; of M members in the second form.
        logits : array_like [N, C] or [N, M, C], optional
            In place of probabilities: their softmax is taken.

        Returns
        -------
        float64 array [N]
            Larger = more out-of-distribution.

        Raises
        ------
        UsageError
            If not exactly one of the two is given, or it is not what it should be.
        """
        if probabilities is None and logits is None:
            raise UsageError(
                "needs probabilities or logits", where=self._name, hint="Give one of them."
            )
        if probabilities is not None and logits is not None:
            raise UsageError(
                "probabilities and logits are both given",
                where=self._name,
                hint="Give either of them, not both.",
            )
        if probabilities is not None:
            members = probability_array(probabilities, self._name)
        else:
            assert logits is not None  # exactly one is given
            members = softmax(class_array(logits, "logits", self._name))
        n_inliers = inlier_count(self.n_inliers, members.shape[2], self._name)
        if self._score.info.needs_outliers and n_inliers == members.shape[2]:
            raise UsageError(
                f"n_inliers is {n_inliers}, all classes: there is no outlier class",
                where=self._name,
                hint=f"Give n_inliers below {n_inliers}; the columns after them are the outlier "
                "classes.",
            )
        return self._of(Observations(n_inliers=n_inliers, probabilities=members))


class LogitArrayScore(ArrayScore):
    """A score of logits; nothing is fitted. Each member is scored by itself, then averaged."""

    needs: ClassVar[tuple[str, ...]] = ("logits",)

    def score(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Score cases by their logits.

        Parameters
        ----------
        logits : array_like [N, C] or [N, M, C]
            Inlier classes first; of M members in the second form.

        Returns
        -------
        float64 array [N]
            Larger = more out-of-distribution.

        Raises
        ------
        UsageError
            If the logits are not what they should be.
        """
        members = class_array(logits, "logits", self._name)
        n, n_members, n_classes = members.shape
        unit, zero = np.eye(n_classes, dtype=members.dtype), np.zeros(n_classes, members.dtype)
        return self._of(
            Observations(
                n_inliers=inlier_count(self.n_inliers, n_classes, self._name),
                embedding=members.reshape(n, -1),
                # the score multiplies by the last layer; here that is the identity
                heads=tuple(linear_head(unit, zero, member) for member in range(n_members)),
            )
        )


class _FittedArrayScore(ArrayScore):
    """A score that is fitted on embeddings [N, D] or [N, M, D]."""

    _shape: tuple[int, int] | None = None
    """Members and width of the embeddings it was fitted on."""

    def _embeddings(self, embeddings: ArrayLike) -> Floats:
        """Check embeddings to be scored, [N, M, D]."""
        if self._shape is None:
            raise UsageError("the score was not fitted", where=self._name, hint="Call fit first.")
        array = case_member_array(embeddings, "embeddings", self._name)
        if array.shape[1:] != self._shape:
            raise UsageError(
                f"was fitted on embeddings of {counted(self._shape[0], 'member')} and width "
                f"{self._shape[1]}, not of {array.shape[1]} and {array.shape[2]}",
                where=self._name,
                hint="Give embeddings of the same network.",
            )
        return array


class EmbeddingArrayScore(_FittedArrayScore):
    """A score of embeddings, fitted on those of training inliers.

    Of several members, or backbones, each is scored by itself, divided by the standard deviation
    of its training scores, and averaged.
    """

    needs: ClassVar[tuple[str, ...]] = ("embeddings",)
    least_classes: ClassVar[int] = 1
    """With fewer the score is the same for all cases."""
    _n_classes = 1

    def fit(self, embeddings: ArrayLike, labels: ArrayLike) -> Self:
        """Learn what inliers look like.

        Parameters
        ----------
        embeddings : array_like [N, D] or [N, M, D]
            Of training inliers.
        labels : array_like [N]
            Their classes: whole numbers, not negative, or names.

        Raises
        ------
        UsageError
            If the arrays are not what they should be, or the cases too few.
        """
        array = case_member_array(embeddings, "embeddings", self._name)
        labelled = label_array(labels, len(array), self._name)
        classes, truth = np.unique(labelled, return_inverse=True)
        if len(classes) < self.least_classes:
            raise UsageError(
                f"the labels are of one class only, {classes[0].item()!r}",
                where=self._name,
                hint="Give training cases of at least two classes, or use `Mahalanobis`.",
            )
        self._n_classes = len(classes)
        self._fit(self._observed(array), truth)
        self._shape = (array.shape[1], array.shape[2])
        return self

    def score(self, embeddings: ArrayLike) -> NDArray[np.float64]:
        """Score cases by their embeddings.

        Parameters
        ----------
        embeddings : array_like [N, D] or [N, M, D]
            As in `fit`.

        Returns
        -------
        float64 array [N]
            Larger = more out-of-distribution.

        Raises
        ------
        UsageError
            If the score was not fitted, or the embeddings are not what they should be.
        """
        return self._of(self._observed(self._embeddings(embeddings)))

    def _observed(self, array: Floats) -> Observations:
        n, members, width = array.shape
        return Observations(
            n_inliers=self._n_classes,
            embedding=array.reshape(n, -1),
            blocks=tuple(slice(m * width, (m + 1) * width) for m in range(members)),
        )


class FeatureArrayScore(_FittedArrayScore):
    """A score of the features that the last layer reads, and of that layer.

    Each member is scored by itself, then averaged.
    """

    needs: ClassVar[tuple[str, ...]] = ("embeddings", "logits or last_layer")
    _heads: Sequence[MemberHead] = ()

    def fit(
        self,
        embeddings: ArrayLike,
        labels: ArrayLike,
        *,
        logits: ArrayLike | None = None,
        last_layer: LastLayer | None = None,
    ) -> Self:
        """Learn what inliers look like.

        Parameters
        ----------
        embeddings : array_like [N, D] or [N, M, D]
            Features of training inliers, as the last layer reads them.
        labels : array_like of int [N]
            Their classes, 0 to C - 1. They are checked; the formulas do not read them.
        logits : array_like [N, C] or [N, M, C], optional
            From which the last layer is computed, by least squares; N must be above D. With one
            array of embeddings [N, D], all M members read the same.
        last_layer : (weight [C, D], bias [C]) or (weight [M, C, D], bias [M, C]), optional
            The last layer itself; logits are then only checked against it.

        Raises
        ------
        UsageError
            If there is neither, the arrays are not what they should be, or the logits are no
            linear function of the embeddings.
        """
        if logits is None and last_layer is None:
            raise UsageError(
                "needs logits or last_layer",
                where=self._name,
                hint="Give the logits of the training cases, or last_layer=(weight, bias).",
            )
        array = case_member_array(embeddings, "embeddings", self._name)
        labelled = label_array(labels, len(array), self._name)
        given = None if logits is None else self._logits(logits, len(array))
        layers = None if last_layer is None else layer_arrays(last_layer, self._name)
        array = self._for_members(array, given, layers)
        if layers is not None:
            heads = given_layers(layers, array.shape[1], array.shape[2], self._name)
            if given is not None:
                check_logits(array, given, heads, self._name)
        else:
            assert given is not None  # one of the two is
            if given.shape[1] != array.shape[1]:
                raise UsageError(
                    f"logits are of {counted(given.shape[1], 'member')}, embeddings of "
                    f"{array.shape[1]}",
                    where=self._name,
                )
            heads = recovered_layers(array, given, self._name)
        n_inliers = inlier_count(self.n_inliers, len(heads[0].bias), self._name)
        truth = class_index(labelled, n_inliers, self._name)
        self._fit(self._observed(array, heads), truth)
        self._heads, self._shape = heads, (array.shape[1], array.shape[2])
        return self

    def score(
        self, embeddings: ArrayLike, *, logits: ArrayLike | None = None
    ) -> NDArray[np.float64]:
        """Score cases by their features.

        Parameters
        ----------
        embeddings : array_like [N, D] or [N, M, D]
            As in `fit`.
        logits : array_like [N, C] or [N, M, C], optional
            Checked against the last layer; the formulas compute them from the embeddings.

        Returns
        -------
        float64 array [N]
            Larger = more out-of-distribution.

        Raises
        ------
        UsageError
            If the score was not fitted, or the arrays are not what they should be.
        """
        if self._shape is not None:
            first = case_member_array(embeddings, "embeddings", self._name)
            if first.shape[1] == 1 < self._shape[0]:
                embeddings = np.repeat(first, self._shape[0], axis=1)
        array = self._embeddings(embeddings)
        if logits is not None:
            check_logits(array, self._logits(logits, len(array)), self._heads, self._name)
        return self._of(self._observed(array, self._heads))

    def _logits(self, logits: ArrayLike, n_cases: int) -> Floats:
        array = class_array(logits, "logits", self._name)
        if len(array) != n_cases:
            raise UsageError(
                f"logits are of {counted(len(array), 'case')}, embeddings of {n_cases}",
                where=self._name,
            )
        return array

    def _for_members(
        self, array: Floats, logits: Floats | None, layers: tuple[Floats, Floats] | None
    ) -> Floats:
        """Repeat embeddings that all members share, [N, M, D]."""
        wanted = 1 if logits is None else logits.shape[1]
        if logits is None and layers is not None and layers[0].ndim == 3:
            wanted = len(layers[0])
        return np.repeat(array, wanted, axis=1) if array.shape[1] == 1 < wanted else array

    def _observed(self, array: Floats, heads: Sequence[MemberHead]) -> Observations:
        return Observations(
            n_inliers=inlier_count(self.n_inliers, len(heads[0].bias), self._name),
            embedding=array.reshape(len(array), -1),
            heads=tuple(heads),
        )
