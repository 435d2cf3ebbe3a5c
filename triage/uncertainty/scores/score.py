"""Base class of scores: `fit` on training inliers, `score` on any cases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from triage.array_file import row_major
from triage.errors import UsageError
from triage.registry import Info
from triage.uncertainty.observations import Observations

CHUNK = 512
"""Cases scored at a time: memory does not grow with their number, and they fit a cache."""

State = dict[str, NDArray[Any]]
Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]


class Need(StrEnum):
    """What a score reads from a case."""

    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    EMBEDDINGS = "embeddings"
    FEATURES = "features and last layer"
    GRADIENTS = "gradients"
    FEATURE_MAPS = "feature maps"
    IMAGE_TEXT = "image-text model"


OUTLIER_CLASSES = "a head trained with outliers"
"""The need of scores that read the probability of outlier classes."""


@dataclass(frozen=True)
class ScoreInfo(Info):
    """Description of a score for tables and the command line.

    Parameters
    ----------
    key, title, source, needs
        As in `triage.registry.Info`; a registered score's `needs` begin with its `need`.
    cost : str
        What scoring one case costs, in words: "one matrix product", "one backward pass".
    baseline : bool
        Whether other scores are compared with it.
    """

    cost: str
    baseline: bool = False

    @property
    def needs_outliers(self) -> bool:
        """Whether the head must have been trained with outliers."""
        return OUTLIER_CLASSES in self.needs


class Score(ABC):
    """An out-of-distribution score: larger = more out-of-distribution.

    Subclasses are dataclasses of their settings, in one of the families of
    `triage.uncertainty.scores.families`. A score is fitted once for each *part* of the
    observations (each member's features, each backbone's embedding) and the parts' scores are
    averaged, as ensembles of Mahalanobis scores are in Ren et al. 2021.
    """

    info: ClassVar[ScoreInfo]
    need: ClassVar[Need]
    fitted: ClassVar[bool]
    """Whether `fit` must come before `score`."""

    states: tuple[State, ...] | None = None
    """Fitted arrays of each part; None before `fit`."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Add what the score reads to the needs of its description."""
        super().__init_subclass__(**options)
        if "info" in cls.__dict__:
            cls.info = replace(cls.info, needs=(str(cls.need), *cls.info.needs))

    def fit(self, seen: Observations, truth: NDArray[np.integer]) -> Self:
        """Fit the score to training inliers.

        Parameters
        ----------
        seen : Observations
            N training cases of inlier conditions.
        truth : int array [N]
            Their inlier classes, 0 to K - 1.

        Raises
        ------
        UsageError
            If the observations lack what the score needs, hold values that are not finite,
            or are too few.
        """
        truth = np.asarray(truth)
        if len(truth) != len(seen):
            raise UsageError(f"{len(truth)} labels for {len(seen)} cases", where=self.info.key)
        if len(truth) == 0 or truth.min() < 0 or truth.max() >= seen.n_inliers:
            raise UsageError(
                "a score is fitted on training cases of inlier conditions", where=self.info.key
            )
        if self.fitted:
            self.states = tuple(
                row_major(self._fit_part(seen, truth, part)) for part in self._parts(seen)
            )
        return self

    def score(self, cases: Observations) -> NDArray[np.float64]:
        """Score cases, float64 [N]; each case's score does not depend on the others.

        Raises
        ------
        UsageError
            If the score was not fitted, or the observations lack what it needs or hold values
            that are not finite.
        """
        parts = self._parts(cases)
        if self.fitted and self.states is None:
            raise UsageError("the score was not fitted", where=self.info.key, hint="Call fit.")
        if self.states is not None and len(self.states) != len(parts):
            raise UsageError(
                f"was fitted on {len(self.states)} parts, not {len(parts)}", where=self.info.key
            )
        scores = np.empty(len(cases))
        start = 0
        for chunk in cases.chunks(CHUNK):
            found = [self._score_part(chunk, part) for part in parts]
            scores[start : start + len(chunk)] = np.mean(found, axis=0)
            start += len(chunk)
        if not np.isfinite(scores).all():
            raise UsageError("gave a score that is not finite", where=self.info.key)
        return scores

    def part_scores(self, cases: Observations) -> NDArray[np.float64]:
        """Score cases by each part alone, float64 [N, P]; `score` is their mean.

        Raises
        ------
        UsageError
            As `score`.
        """
        parts = self._parts(cases)
        if self.fitted and self.states is None:
            raise UsageError("the score was not fitted", where=self.info.key, hint="Call fit.")
        found = np.empty((len(cases), len(parts)))
        start = 0
        for chunk in cases.chunks(CHUNK):
            for column, part in enumerate(parts):
                found[start : start + len(chunk), column] = self._score_part(chunk, part)
            start += len(chunk)
        return found

    def settings(self) -> dict[str, Any]:
        """The settings the score was made with."""
        return asdict(self)  # type: ignore[call-overload,no-any-return]

    def state_of(self, part: int) -> State:
        """Fitted arrays of a part."""
        return self.states[part] if self.states is not None else {}

    def require(self, array: Floats | None, what: str) -> Floats:
        """Return the array as float32 at least; refused if missing or not finite."""
        if array is None:
            raise UsageError(f"needs {what}", where=self.info.key)
        if array.dtype == np.float16:
            array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise UsageError(f"{what} hold values that are not finite", where=self.info.key)
        return array

    @abstractmethod
    def _parts(self, observations: Observations) -> range:
        """Numbers of the parts; raises where the observations lack what is needed."""

    def _fit_part(self, seen: Observations, truth: NDArray[np.integer], part: int) -> State:
        """Learn from one part; asked of scores that are fitted."""
        raise NotImplementedError

    @abstractmethod
    def _score_part(self, cases: Observations, part: int) -> NDArray[np.floating]: ...
