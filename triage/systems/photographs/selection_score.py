"""The score that decides, of any ensemble of candidates, without fitting it anew for each.

Scores of embeddings are means over the backbones of an ensemble, and scores of heads over its
members, so each part is computed once. Scores of probabilities read the ensemble's mean. Shares of
a combination are those that the whole pool has; scales are fitted to each ensemble, since the mean
over few members is more extreme.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.uncertainty.combination import Combination
from triage.uncertainty.combination.normal_scale import NormalScale
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores.families import EmbeddingScore, ProbabilityScore

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SelectionScore:
    """Scores of validation cases under a fitted combination, for any choice of candidates.

    Parameters
    ----------
    shares : tuple of float, length S
        Of each score of the combination.
    parts : tuple, length S
        A `ProbabilityScore`, or the scores of each part [N, P]: a backbone, or a candidate.
    of_candidate : tuple of (int array [M]), length S
        Which part each candidate is of; empty of scores of probabilities.
    by_backbone : tuple of bool, length S
        Whether parts are backbones, each of which counts once however many members it has.
    n_inliers : int
    known : bool array [N]
        Whether the case is of a known condition.
    """

    shares: tuple[float, ...]
    parts: tuple[ProbabilityScore | Floats, ...]
    of_candidate: tuple[NDArray[np.int64], ...]
    by_backbone: tuple[bool, ...]
    n_inliers: int
    known: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        combination: Combination,
        validation: Observations,
        backbones: Sequence[int],
        known: NDArray[np.bool_],
    ) -> SelectionScore:
        """Compute all parts of a combination that was fitted to the whole pool.

        Parameters
        ----------
        combination : Combination
        validation : Observations
            N cases as all M candidates saw them.
        backbones : sequence of int, length M
            Number of each candidate's backbone among the blocks of the observations.
        known : bool array [N]
        """
        parts: list[ProbabilityScore | Floats] = []
        of_candidate, by_backbone = [], []
        for score in combination.scores:
            embeds = isinstance(score, EmbeddingScore)
            by_backbone.append(embeds)
            if isinstance(score, ProbabilityScore):
                parts.append(score)
                of_candidate.append(np.empty(0, dtype=np.int64))
                continue
            parts.append(score.part_scores(validation))
            of_candidate.append(np.array(backbones) if embeds else np.arange(len(backbones)))
        return cls(
            shares=tuple(component.share for component in combination.components),
            parts=tuple(parts),
            of_candidate=tuple(of_candidate),
            by_backbone=tuple(by_backbone),
            n_inliers=validation.n_inliers,
            known=known,
        )

    def __call__(self, chosen: Sequence[int], averaged: Floats) -> Floats:
        """Score the cases under the ensemble of some candidates, float64 [N].

        Parameters
        ----------
        chosen : sequence of int
            Candidates; one that is there twice counts twice.
        averaged : float array [N, C]
            Their mean probabilities.
        """
        total = np.zeros(len(averaged))
        for share, part, place, once in zip(
            self.shares, self.parts, self.of_candidate, self.by_backbone, strict=True
        ):
            if share == 0:
                continue
            if isinstance(part, ProbabilityScore):
                raw = part.of(averaged, self.n_inliers)
            else:
                columns = place[list(chosen)]
                raw = part[:, np.unique(columns) if once else columns].mean(axis=1)
            total += share * NormalScale.fit(raw[self.known]).of(raw)
        return total
