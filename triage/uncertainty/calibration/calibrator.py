"""Base class of calibrators: `fit` on validation inliers, `calibrate` any cases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from triage.array_file import row_major
from triage.errors import UsageError
from triage.registry import Info

FLOOR = 1e-12
"""Proportions are kept above it, so that logarithms are finite."""
ABOVE_ONE = 1e-3
"""How far above one a probability may be, for what was kept as float32 or averaged."""

COMMON = ("present",)
"""Names of what every calibrator stores: which conditions had validation cases, bool [K]."""

Floats = NDArray[np.float64]
Truth = NDArray[np.int64]
State = dict[str, NDArray[Any]]


DISTANCE = "each case's distance from the training data"
"""The need of calibrators whose correction depends on it."""


@dataclass(frozen=True)
class CalibratorInfo(Info):
    """Description of a calibrator for tables and the command line.

    Parameters
    ----------
    key, title, source, needs
        As in `triage.registry.Info`.
    parameters : str
        Parameters fitted for K conditions, in words.
    by_condition : bool
        Whether each condition has parameters of its own. One without validation cases then
        keeps the ensemble's probability, and the others are calibrated among themselves:
        nothing was seen to correct it by, and parameters learned from its absence would rule
        it out for good.
    keeps_ranking : bool
        Whether the order of a case's conditions never changes, so that the first stays first.
    in_order : bool
        Whether the order of the validation cases matters to `fit`.
    """

    parameters: str
    by_condition: bool = False
    keeps_ranking: bool = False
    in_order: bool = False

    @property
    def needs_distance(self) -> bool:
        """Whether each case's distance from the training data must be given."""
        return DISTANCE in self.needs


class Calibrator(ABC):
    """From the ensemble's averaged probabilities to calibrated ones, among inlier conditions.

    Subclasses are dataclasses of their settings. Rows given need not sum to one: only their
    proportions are read, so the inlier columns of a head with outlier classes will do.
    """

    info: ClassVar[CalibratorInfo]
    arrays: ClassVar[tuple[str, ...]]
    """Names of the fitted arrays."""

    state: State | None = None
    """Fitted arrays: `COMMON` and `arrays`; None before `fit`."""

    def fit(
        self, probabilities: ArrayLike, truth: ArrayLike, distance: ArrayLike | None = None
    ) -> Self:
        """Learn from validation cases of inlier conditions.

        Parameters
        ----------
        probabilities : float array [N, K]
            The ensemble's averaged probabilities, N >= 1.
        truth : int array [N]
            True inlier condition of each case, 0 to K - 1; not each must occur.
        distance : float array [N], optional
            Out-of-distribution score of each case, larger = further; read only where
            `info.needs_distance`.

        Raises
        ------
        UsageError
            If there is no case, a case is not an inlier, a value is not finite or negative, or
            the distance is missing.
        """
        given = self._proportions(probabilities)
        labels = np.asarray(truth)
        if len(labels) != len(given):
            raise UsageError(f"{len(labels)} labels for {len(given)} cases", where=self.info.key)
        whole = labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer)
        if not whole or len(labels) == 0 or labels.min() < 0 or labels.max() >= given.shape[1]:
            raise UsageError(
                "calibration needs validation cases of inlier conditions only, at least one",
                where=self.info.key,
            )
        away = self._distance(distance, len(given))
        present = np.ones(given.shape[1], dtype=np.bool_)
        if self.info.by_condition:
            present = np.isin(np.arange(len(present)), labels)
        place = present.cumsum() - 1
        learned = self._fit(_among(given, present), place[labels.astype(np.int64)], away)
        self.state = row_major({"present": present, **learned})
        return self

    def calibrate(self, probabilities: ArrayLike, distance: ArrayLike | None = None) -> Floats:
        """Return calibrated probabilities given an inlier, float64 [N, K]; rows sum to one.

        Raises
        ------
        UsageError
            If the calibrator was not fitted, or was fitted on another number of conditions; if
            a value is not finite or negative, or the distance is missing.
        """
        state = self.learned()
        given = self._proportions(probabilities)
        present = state["present"]
        if given.shape[1] != len(present):
            raise UsageError(
                f"was fitted on {len(present)} conditions, not {given.shape[1]}",
                where=self.info.key,
            )
        away = self._distance(distance, len(given))
        found = self._calibrate(_among(given, present), away, state)
        share = given[:, present].sum(axis=1, keepdims=True)
        calibrated = given.copy()
        calibrated[:, present] = share * found / found.sum(axis=1, keepdims=True)
        calibrated /= calibrated.sum(axis=1, keepdims=True)
        return calibrated

    def learned(self) -> State:
        """Return the fitted arrays.

        Raises
        ------
        UsageError
            If the calibrator was not fitted.
        """
        if self.state is None:
            raise UsageError("the calibrator was not fitted", where=self.info.key, hint="Call fit.")
        return self.state

    def settings(self) -> dict[str, Any]:
        """The settings the calibrator was made with."""
        return asdict(self)  # type: ignore[call-overload,no-any-return]

    @abstractmethod
    def _fit(self, given: Floats, truth: Truth, distance: Floats) -> State:
        """Learn `arrays` from rows that sum to one."""

    @abstractmethod
    def _calibrate(self, given: Floats, distance: Floats, state: State) -> Floats:
        """Return positive values in the calibrated proportions, [N, K]."""

    def _proportions(self, probabilities: ArrayLike) -> Floats:
        """Rows made to sum to one and kept above `FLOOR`; a row of zeros becomes uniform."""
        values = np.asarray(probabilities, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] == 0:
            raise UsageError(
                f"needs probabilities of [cases, conditions], not of shape {values.shape}",
                where=self.info.key,
            )
        if not np.isfinite(values).all() or (values < 0).any():
            raise UsageError(
                "probabilities hold values that are not finite or negative", where=self.info.key
            )
        if (values > 1 + ABOVE_ONE).any():
            raise UsageError("probabilities hold values above one", where=self.info.key)
        return proportions(values)

    def _distance(self, distance: ArrayLike | None, n: int) -> Floats:
        """Checked distances, or zeros where the calibrator does not read them."""
        if not self.info.needs_distance:
            return np.zeros(n)
        if distance is None:
            raise UsageError(
                f"needs {DISTANCE}",
                where=self.info.key,
                hint="Pass the score of an embedding-space detector.",
            )
        values = np.asarray(distance, dtype=np.float64)
        if values.shape != (n,):
            raise UsageError(
                f"distances of shape {values.shape} for {n} cases", where=self.info.key
            )
        if not np.isfinite(values).all():
            raise UsageError("distances hold values that are not finite", where=self.info.key)
        return values


def proportions(values: Floats) -> Floats:
    """Make rows sum to one, then keep them above `FLOOR`.

    In this order: of a case that is almost surely an outlier all inlier columns are tiny, and a
    floor on them as they are would make alike what differs by orders of magnitude.

    Parameters
    ----------
    values : float array [N, K]
        Finite and not negative.

    Returns
    -------
    float array [N, K]
        Rows sum to one; a row of zeros becomes uniform.
    """
    largest = values.max(axis=1, keepdims=True)
    # By the largest first: the sum of values near the least float would lose their digits.
    scaled = np.divide(values, largest, out=np.ones_like(values), where=largest > 0)
    shares = np.maximum(scaled / scaled.sum(axis=1, keepdims=True), FLOOR)
    kept: Floats = shares / shares.sum(axis=1, keepdims=True)
    return kept


def given_known(probabilities: Floats, n_inliers: int) -> Floats:
    """Probabilities given that the condition is a known one, [N, K].

    Parameters
    ----------
    probabilities : float array [N, C]
        The ensemble's averaged probabilities, known conditions first.
    n_inliers : int
        Number of known conditions K.
    """
    known = probabilities[:, :n_inliers]
    given: Floats = known / np.maximum(known.sum(axis=1, keepdims=True), FLOOR)
    return given


def _among(given: Floats, present: NDArray[np.bool_]) -> Floats:
    """Probabilities given that the condition is one of those present."""
    kept = given[:, present]
    among: Floats = kept / kept.sum(axis=1, keepdims=True)
    return among
