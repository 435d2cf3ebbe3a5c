"""Base class of split conformal sets.

A calibration case's score measures how badly its true condition conforms to the probabilities. The
set of a new case holds each condition whose score is within the quantile of the calibration
scores: Vovk, Gammerman & Shafer 2005; Papadopoulos et al. 2002. The set holds the truth with
probability 1 - alpha at least, over the draw of calibration and new case together, if the new
case is exchangeable with the calibration cases. It is not for an outlier, another device or
another hospital: see `triage.uncertainty.conformal.gate`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from triage.array_file import row_major
from triage.errors import UsageError, unknown_name
from triage.registry import Info

State = dict[str, NDArray[Any]]
Probabilities = NDArray[np.float64]
Grouping = Literal["all", "condition", "subgroup"]

_ROUNDING = 1e-3
_SEPARATOR = "\0"


@dataclass(frozen=True)
class ConformalInfo(Info):
    """Description of a kind of conformal set for tables and the command line.

    Parameters
    ----------
    key, title, source, needs
        As in `triage.registry.Info`.
    character : str
        Properties of its sets, in a few words.
    """

    character: str


@dataclass
class ConformalSet(ABC):
    """A way to make sets; subclasses write the score.

    Parameters
    ----------
    alpha : float
        Share of cases whose set may lack the true condition.
    by : "all", "condition" or "subgroup"
        Whether there is one quantile; one for each condition, so that each true condition is
        covered (label-conditional: Vovk 2012); or one for each level of a subgroup, so that
        each level is covered. The latter two are Mondrian (Vovk et al. 2005, ch. 4).
    seed : int
        Of the numbers that randomised sets need; `triage.uncertainty.conformal.content`.

    Raises
    ------
    UsageError
        If alpha does not lie between 0 and 1, or `by` or the seed is not one.
    """

    info: ClassVar[ConformalInfo]

    alpha: float = 0.1
    by: Grouping = "all"
    seed: int = 0
    state: State | None = field(default=None, init=False, repr=False, compare=False)
    """Fitted arrays; None before `fit`. Numbers only, so any array file can hold them."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if not 0.0 < self.alpha < 1.0:
            raise UsageError(f"alpha must lie between 0 and 1, not {self.alpha}", where=self._name)
        if self.by not in get_args(Grouping):
            raise unknown_name("grouping", self.by, get_args(Grouping), where=self._name)
        if not 0 <= self.seed < 2**64:
            raise UsageError(f"a seed lies in [0, 2^64), not {self.seed}", where=self._name)

    def fit(
        self,
        probabilities: NDArray[np.floating],
        truth: NDArray[np.integer],
        groups: NDArray[Any] | None = None,
    ) -> Self:
        """Find the quantiles on calibration cases that trained and calibrated nothing else.

        Parameters
        ----------
        probabilities : float array [N, K]
            Calibrated probability of each inlier condition.
        truth : int array [N]
            True inlier condition, 0 to K - 1.
        groups : str array [N], optional
            Level of each case, for sets by subgroup.

        Raises
        ------
        UsageError
            If there is no case, probabilities are not finite or not in [0, 1], a case is not
            of an inlier condition, or groups are lacking or not wanted.
        """
        p = self._checked(probabilities)
        truth = np.asarray(truth)
        if len(p) == 0:
            raise UsageError("sets need calibration cases", where=self._name)
        if len(truth) != len(p):
            raise UsageError(f"{len(truth)} labels for {len(p)} cases", where=self._name)
        if truth.min() < 0 or truth.max() >= p.shape[1]:
            raise UsageError("sets are fitted on cases of inlier conditions", where=self._name)
        learned, rows = self._learn(p, truth)
        scores = self._score(p, learned)[np.arange(len(p)), truth][rows]
        names, member = self._levels(truth, self._checked_groups(groups, len(p)), p.shape[1])
        in_level = [scores[member[rows] == level] for level in range(len(names))]
        self.state = row_major(learned) | {
            "n_conditions": np.array(p.shape[1]),
            "names": np.array(list(_SEPARATOR.join(names).encode()), dtype=np.uint8),
            "counts": np.array([len(found) for found in in_level]),
            "quantiles": np.array([conformal_quantile(found, self.alpha) for found in in_level]),
        }
        return self

    def sets(
        self, probabilities: NDArray[np.floating], groups: NDArray[Any] | None = None
    ) -> NDArray[np.bool_]:
        """Return which conditions are in each case's set, bool [N, K].

        A set may be empty: no condition conforms. A case of a level that had too few
        calibration cases, or none, gets all conditions.

        Parameters
        ----------
        probabilities : float array [N, K]
        groups : str array [N], optional
            Level of each case, for sets by subgroup.

        Raises
        ------
        UsageError
            As `fit`, or if it was not called, or for another number of conditions.
        """
        p = self._checked(probabilities)
        state = self._fitted()
        if p.shape[1] != int(state["n_conditions"]):
            raise UsageError(
                f"was fitted for {int(state['n_conditions'])} conditions, not {p.shape[1]}",
                where=self._name,
            )
        chosen = self._checked_groups(groups, len(p))
        quantiles: NDArray[np.float64] = state["quantiles"]
        if chosen is not None:
            place = {name: level for level, name in enumerate(self.levels)}
            member = np.array([place.get(name, -1) for name in chosen.tolist()], dtype=np.int64)
            quantiles = np.append(quantiles, np.inf)[member][:, None]
        found: NDArray[np.bool_] = self._score(p, state) <= quantiles
        return found

    @property
    def levels(self) -> tuple[str, ...]:
        """Names of the groups that have a quantile each; conditions by their number."""
        return tuple(self._fitted()["names"].tobytes().decode().split(_SEPARATOR))

    @property
    def too_few(self) -> tuple[str, ...]:
        """Groups with too few calibration cases for a finite quantile; their sets hold all."""
        endless = np.isinf(self._fitted()["quantiles"])
        return tuple(np.array(self.levels, dtype=object)[endless])

    def settings(self) -> dict[str, Any]:
        """The settings the sets are made with."""
        return {key: value for key, value in asdict(self).items() if key != "state"}

    @abstractmethod
    def _score(self, probabilities: Probabilities, state: State) -> NDArray[np.float64]:
        """How badly each condition conforms, [N, K]; a case's row depends on it alone."""

    def _learn(
        self, probabilities: Probabilities, truth: NDArray[np.integer]
    ) -> tuple[State, NDArray[np.bool_]]:
        """Learn what the score needs; return it and the cases left for the quantiles."""
        return {}, np.ones(len(probabilities), dtype=np.bool_)

    def _levels(
        self, truth: NDArray[np.integer], groups: NDArray[np.str_] | None, n_conditions: int
    ) -> tuple[tuple[str, ...], NDArray[np.integer]]:
        if self.by == "condition":
            return tuple(str(k) for k in range(n_conditions)), truth
        if groups is None:
            return ("all",), np.zeros(len(truth), dtype=np.int64)
        names, member = np.unique(groups, return_inverse=True)
        return tuple(names.tolist()), member

    def _checked(self, probabilities: NDArray[np.floating]) -> Probabilities:
        p = np.asarray(probabilities, dtype=np.float64)
        if p.ndim != 2 or p.shape[1] == 0:
            raise UsageError(f"probabilities have shape {p.shape}, not [N, K]", where=self._name)
        if not (np.isfinite(p).all() and (p >= 0).all() and (p <= 1 + _ROUNDING).all()):
            raise UsageError("probabilities do not lie in [0, 1]", where=self._name)
        return np.minimum(p, 1.0)

    def _checked_groups(self, groups: NDArray[Any] | None, n_cases: int) -> NDArray[np.str_] | None:
        if (groups is not None) != (self.by == "subgroup"):
            lack = "need" if groups is None else "take no"
            raise UsageError(f"sets by {self.by} {lack} groups", where=self._name)
        if groups is None:
            return None
        if len(groups) != n_cases:
            raise UsageError(f"{len(groups)} groups for {n_cases} cases", where=self._name)
        return np.asarray(groups).astype(np.str_)

    def _fitted(self) -> State:
        if self.state is None:
            raise UsageError("the sets were not fitted", where=self._name, hint="Call fit.")
        return self.state

    @property
    def _name(self) -> str:
        return self.info.key


def conformal_quantile(scores: NDArray[np.float64], alpha: float) -> float:
    """Return the ceil((n + 1)(1 - alpha))-th smallest of n calibration scores.

    A new exchangeable score is at most this with probability 1 - alpha at least:
    Papadopoulos et al. 2002; Vovk et al. 2005, ch. 2.

    Parameters
    ----------
    scores : float array [n]
    alpha : float

    Returns
    -------
    float
        Infinite where n is below 1 / alpha - 1: so few cases guarantee no coverage.
    """
    # The tolerance keeps (n + 1)(1 - alpha) whole where rounding lifts it above.
    rank = math.ceil((len(scores) + 1) * (1.0 - alpha) - 1e-9)
    if rank > len(scores):
        return math.inf
    return float(np.partition(scores, rank - 1)[rank - 1])
