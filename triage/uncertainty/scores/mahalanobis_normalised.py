"""Mahalanobis distances on embeddings of unit length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from triage.uncertainty.scores.families import Truth
from triage.uncertainty.scores.mahalanobis import Mahalanobis
from triage.uncertainty.scores.relative_mahalanobis import RelativeMahalanobis
from triage.uncertainty.scores.score import Floats, ScoreInfo, State
from triage.uncertainty.scores.unit_length import unit_length


@dataclass
class MahalanobisNormalised(Mahalanobis):
    """`Mahalanobis` of f / ||f|| (Mahalanobis++): only the direction of an embedding counts.

    Parameters
    ----------
    shrinkage : float, optional
        As in `Mahalanobis`.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="mahalanobis_normalised",
        title="Mahalanobis++",
        source="Müller & Hein 2025, Mahalanobis++",
        cost="one matrix product, D x D",
    )

    def learn(self, embedding: Floats, truth: Truth) -> State:
        """Learn from training embeddings [N, D] at unit length."""
        return super().learn(unit_length(embedding), truth)

    def of(self, embedding: Floats, state: State) -> Floats:
        """Score embeddings [N, D] at unit length; float32 [N]."""
        return super().of(unit_length(embedding), state)


@dataclass
class RelativeMahalanobisNormalised(RelativeMahalanobis):
    """`RelativeMahalanobis` of f / ||f|| (Mahalanobis++).

    Parameters
    ----------
    shrinkage : float, optional
        As in `Mahalanobis`.
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="relative_mahalanobis_normalised",
        title="Relative Mahalanobis++",
        source="Müller & Hein 2025, Mahalanobis++; Ren et al. 2021",
        cost="one matrix product, D x D",
    )

    def learn(self, embedding: Floats, truth: Truth) -> State:
        """Learn from training embeddings [N, D] at unit length."""
        return super().learn(unit_length(embedding), truth)

    def of(self, embedding: Floats, state: State) -> Floats:
        """Score embeddings [N, D] at unit length; float32 [N]."""
        return super().of(unit_length(embedding), state)
