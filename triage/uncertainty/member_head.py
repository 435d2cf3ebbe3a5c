"""A trained head as plain arrays: scores look inside it without torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class MemberHead:
    """Standardisation, at most one hidden ReLU layer, and the linear layer to the logits.

    Parameters
    ----------
    columns : slice
        The columns of the case embedding that the head reads: its backbone's, D of them.
    centre, scale : float array [D]
        The head sees (embedding - centre) / scale.
    hidden : pair of float arrays [H, D] and [H], or None
        Weight and bias of the hidden layer; None makes the head linear.
    weight, bias : float array [C, H] and [C]
        The last layer; H is D where there is no hidden layer.

    Raises
    ------
    UsageError
        If the shapes do not fit together.
    """

    columns: slice
    centre: FloatArray
    scale: FloatArray
    weight: FloatArray
    bias: FloatArray
    hidden: tuple[FloatArray, FloatArray] | None = None

    def __post_init__(self) -> None:
        """Check that each layer takes what the one before gives."""
        width = len(self.centre)
        into_last = width if self.hidden is None else len(self.hidden[0])
        fits = (
            len(self.scale) == width
            and self.weight.shape == (len(self.bias), into_last)
            and (self.hidden is None or self.hidden[0].shape == (len(self.hidden[1]), width))
        )
        if not fits:
            raise UsageError("the layers of the head do not fit together")

    @classmethod
    def linear(cls, weight: FloatArray, bias: FloatArray) -> MemberHead:
        """A linear head [C, D], [C] on the whole embedding as it is."""
        width = weight.shape[1]
        zeros, ones = np.zeros(width, weight.dtype), np.ones(width, weight.dtype)
        return cls(slice(0, width), zeros, ones, weight, bias)

    def features(self, embedding: FloatArray) -> FloatArray:
        """Penultimate features [N, H] of embeddings [N, all columns]: what the last layer reads."""
        standard = embedding[:, self.columns] - self.centre
        standard /= self.scale  # in place: the largest array there is
        if self.hidden is None:
            return standard
        weight, bias = self.hidden
        return np.maximum(standard @ weight.T + bias, 0.0)

    def logits(self, features: FloatArray) -> FloatArray:
        """Logits [N, C] of penultimate features [N, H]."""
        return features @ self.weight.T + self.bias

    def gradient(self, embedding: FloatArray, cotangent: FloatArray) -> FloatArray:
        """Gradient of cotangent . logits with respect to the standardised embedding.

        Parameters
        ----------
        embedding : float array [N, all columns]
        cotangent : float array [N, C]

        Returns
        -------
        float array [N, D]
        """
        into_last = cotangent @ self.weight
        if self.hidden is None:
            return into_last
        return (into_last * (self.features(embedding) > 0)) @ self.hidden[0]
