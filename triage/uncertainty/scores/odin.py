"""ODIN: softmax at a high temperature after a small step towards the predicted class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import softmax

from triage.errors import UsageError
from triage.uncertainty.member_head import MemberHead
from triage.uncertainty.scores.families import GradientScore
from triage.uncertainty.scores.score import Floats, ScoreInfo


@dataclass
class Odin(GradientScore):
    """s = 1 - max_c softmax(z(x') / T), x' = x - eps sign(grad_x CE(z(x) / T, argmax z(x))).

    Inliers answer to the step more than outliers do (Liang et al. 2018). There x is the image;
    on frozen embeddings, our reading takes the standardised embedding, which is the input that
    the head sees and whose columns have deviation one, as the paper's normalised pixels have.
    The softmax runs over the inlier classes.

    Parameters
    ----------
    temperature : float
        T, positive.
    epsilon : float
        Step in standard deviations of the embedding's columns; 0 leaves the temperature only.

    Raises
    ------
    UsageError
        If a setting is out of bounds.
    """

    temperature: float = 1000.0
    epsilon: float = 0.0014

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="odin",
        title="ODIN",
        source="Liang et al. 2018; on embeddings: our reading",
        cost="the head twice and its gradient once",
    )

    def __post_init__(self) -> None:
        if not self.temperature > 0 or not self.epsilon >= 0:
            raise UsageError(
                "needs a positive temperature and a step of at least 0", where=self.info.key
            )

    def of(self, embedding: Floats, head: MemberHead, n_inliers: int) -> Floats:
        """Score embeddings [N, D] of the head's own columns; returns [N]."""
        p = self._probabilities(embedding, head, n_inliers)
        cotangent = np.zeros((len(p), len(head.bias)))
        cotangent[:, :n_inliers] = p
        cotangent[np.arange(len(p)), p.argmax(axis=1)] -= 1.0
        step = self.epsilon * np.sign(head.gradient(embedding, cotangent)) * head.scale
        score: Floats = 1.0 - self._probabilities(embedding - step, head, n_inliers).max(axis=1)
        return score

    def _probabilities(self, embedding: Floats, head: MemberHead, n_inliers: int) -> Floats:
        # In float64: at a high temperature all classes are nearly equal.
        logits = head.logits(head.features(embedding))[:, :n_inliers].astype(np.float64)
        p: Floats = softmax(logits / self.temperature, axis=1)
        return p
