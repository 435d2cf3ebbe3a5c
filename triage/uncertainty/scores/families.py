"""Families of scores, by what they read; a member of a family writes its formula only."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.uncertainty.member_head import MemberHead
from triage.uncertainty.observations import ImageText, Observations
from triage.uncertainty.scores.score import Doubles, Floats, Need, Score, State

Truth = NDArray[np.integer]


class ProbabilityScore(Score):
    """Reads the ensemble's averaged probabilities; nothing is fitted."""

    need: ClassVar[Need] = Need.PROBABILITIES
    fitted: ClassVar[bool] = False

    @abstractmethod
    def of(self, probabilities: Doubles, n_inliers: int) -> Doubles:
        """Score probabilities [N, C], inlier classes first; returns [N]."""

    def _parts(self, observations: Observations) -> range:
        if observations.probabilities is None:
            raise UsageError("needs probabilities", where=self.info.key)
        return range(1)

    def _score_part(self, cases: Observations, part: int) -> Floats:
        members = self.require(cases.probabilities, "probabilities")
        return self.of(members.mean(axis=1, dtype=np.float64), cases.n_inliers)


class _HeadScore(Score):
    """Reads the embedding through each member's head; one part a member."""

    def _parts(self, observations: Observations) -> range:
        if observations.embedding is None or not observations.heads:
            raise UsageError("needs embeddings and the members' heads", where=self.info.key)
        return range(len(observations.heads))

    def _own(self, cases: Observations, part: int) -> tuple[Floats, MemberHead]:
        """A member's columns of the embedding, and its head over just these."""
        head = cases.heads[part]
        block = self.require(_columns(cases, head.columns), "embeddings")
        return block, replace(head, columns=slice(0, len(head.centre)))

    def _features(self, cases: Observations, part: int) -> Floats:
        block, head = self._own(cases, part)
        return head.features(block)


class LogitScore(_HeadScore):
    """Reads each member's logits of the inlier classes; nothing is fitted."""

    need: ClassVar[Need] = Need.LOGITS
    fitted: ClassVar[bool] = False

    @abstractmethod
    def of(self, logits: Floats) -> Floats:
        """Score inlier logits [N, K]; returns [N]."""

    def _score_part(self, cases: Observations, part: int) -> Floats:
        logits = cases.heads[part].logits(self._features(cases, part))
        return self.of(logits[:, : cases.n_inliers])


class FeatureScore(_HeadScore):
    """Reads each member's penultimate features and its last layer."""

    need: ClassVar[Need] = Need.FEATURES
    fitted: ClassVar[bool] = True

    @abstractmethod
    def learn(self, features: Floats, truth: Truth, weight: Floats, bias: Floats) -> State:
        """Learn from training features [N, H]; the last layer is [K, H], [K]."""

    @abstractmethod
    def of(self, features: Floats, weight: Floats, bias: Floats, state: State) -> Floats:
        """Score features [N, H]; returns [N]."""

    def _fit_part(self, seen: Observations, truth: Truth, part: int) -> State:
        weight, bias = _last_layer(seen, part)
        return self.learn(self._features(seen, part), truth, weight, bias)

    def _score_part(self, cases: Observations, part: int) -> Floats:
        weight, bias = _last_layer(cases, part)
        return self.of(self._features(cases, part), weight, bias, self.state_of(part))


class GradientScore(_HeadScore):
    """Reads each member's head and its gradient with respect to the embedding."""

    need: ClassVar[Need] = Need.GRADIENTS
    fitted: ClassVar[bool] = False

    @abstractmethod
    def of(self, embedding: Floats, head: MemberHead, n_inliers: int) -> Floats:
        """Score embeddings [N, D] of the head's own columns; returns [N]."""

    def _score_part(self, cases: Observations, part: int) -> Floats:
        return self.of(*self._own(cases, part), cases.n_inliers)


class EmbeddingScore(Score):
    """Reads the embedding; one part a backbone, each brought to the spread of its training scores.

    Distances in spaces of different width have different scales; before they are averaged each
    is divided by the standard deviation of the training cases' own scores. With one backbone
    the score is left as the formula gives it.
    """

    need: ClassVar[Need] = Need.EMBEDDINGS
    fitted: ClassVar[bool] = True

    @abstractmethod
    def learn(self, embedding: Floats, truth: Truth) -> State:
        """Learn from training embeddings [N, D]."""

    @abstractmethod
    def of(self, embedding: Floats, state: State) -> Floats:
        """Score embeddings [N, D]; returns [N]."""

    def _parts(self, observations: Observations) -> range:
        if observations.embedding is None:
            raise UsageError("needs embeddings", where=self.info.key)
        return range(len(observations.blocks))

    def _fit_part(self, seen: Observations, truth: Truth, part: int) -> State:
        block = self.require(_columns(seen, seen.blocks[part]), "embeddings")
        state = self.learn(block, truth)
        spread = 1.0
        if len(seen.blocks) > 1:
            spread = float(np.std(self.of(block, state)))
        return state | {"spread": np.array(spread if spread > 0 else 1.0)}

    def _score_part(self, cases: Observations, part: int) -> Floats:
        state = self.state_of(part)
        block = self.require(_columns(cases, cases.blocks[part]), "embeddings")
        return self.of(block, state) / float(state["spread"])


class FeatureMapScore(Score):
    """Reads statistics of several layers' feature maps together."""

    need: ClassVar[Need] = Need.FEATURE_MAPS
    fitted: ClassVar[bool] = True

    @abstractmethod
    def learn(self, maps: tuple[Floats, ...], truth: Truth) -> State:
        """Learn from training statistics, [N, P] a layer."""

    @abstractmethod
    def of(self, maps: tuple[Floats, ...], predicted: Truth, state: State) -> Floats:
        """Score statistics [N, P] a layer, given the predicted inlier classes [N]; returns [N]."""

    def _parts(self, observations: Observations) -> range:
        if observations.maps is None or observations.probabilities is None:
            raise UsageError("needs feature maps and probabilities", where=self.info.key)
        return range(1)

    def _fit_part(self, seen: Observations, truth: Truth, part: int) -> State:
        return self.learn(self._layers(seen), truth)

    def _score_part(self, cases: Observations, part: int) -> Floats:
        members = self.require(cases.probabilities, "probabilities")
        predicted = members.mean(axis=1)[:, : cases.n_inliers].argmax(axis=1)
        return self.of(self._layers(cases), predicted, self.state_of(part))

    def _layers(self, cases: Observations) -> tuple[Floats, ...]:
        return tuple(self.require(layer, "feature maps") for layer in cases.maps or ())


class ImageTextScore(Score):
    """Reads images and sentences in an image-text model's common space; nothing is fitted."""

    need: ClassVar[Need] = Need.IMAGE_TEXT
    fitted: ClassVar[bool] = False

    @abstractmethod
    def of(self, seen: ImageText) -> Floats:
        """Score images [N, E] against the sentences; returns [N]."""

    def _parts(self, observations: Observations) -> range:
        if observations.image_text is None:
            raise UsageError("needs an image-text model", where=self.info.key)
        return range(1)

    def _score_part(self, cases: Observations, part: int) -> Floats:
        assert cases.image_text is not None  # _parts said so
        self.require(cases.image_text.images, "image-text embeddings")
        return self.of(cases.image_text)


def _columns(cases: Observations, columns: slice) -> Floats | None:
    return None if cases.embedding is None else cases.embedding[:, columns]


def _last_layer(cases: Observations, part: int) -> tuple[Floats, Floats]:
    head = cases.heads[part]
    return head.weight[: cases.n_inliers], head.bias[: cases.n_inliers]
