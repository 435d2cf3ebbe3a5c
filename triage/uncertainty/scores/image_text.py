"""Zero-shot score of an image-text model: which sentence describes an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import softmax

from triage.errors import UsageError
from triage.uncertainty.observations import ImageText
from triage.uncertainty.scores.families import ImageTextScore
from triage.uncertainty.scores.score import Floats, ScoreInfo


@dataclass
class ImageTextMatch(ImageTextScore):
    """Softmax of scale * cos(image, sentence) over all sentences.

    With sentences of what is out, s = their summed probability (our reading of zero-shot
    detection with candidate labels, Fort et al. 2021); without, s = 1 - max
    over the sentences of inlier conditions (maximum concept matching, Ming et al. 2022).
    """

    info: ClassVar[ScoreInfo] = ScoreInfo(
        key="image_text",
        title="Image-text matching, zero-shot",
        source="Ming et al. 2022; with sentences of what is out, Fort et al. 2021: our reading",
        cost="an image-text model",
    )

    def of(self, seen: ImageText) -> Floats:
        """Score images [N, E] against the sentences; returns [N].

        Raises
        ------
        UsageError
            If there is no sentence of an inlier condition, or the widths differ.
        """
        images, known, unknown = (
            np.asarray(vectors, dtype=np.float32)
            for vectors in (seen.images, seen.known, seen.unknown)
        )
        if len(known) == 0:
            raise UsageError("needs a sentence for each inlier condition", where=self.info.key)
        widths = {vectors.shape[1] for vectors in (images, known, unknown) if len(vectors)}
        if len(widths) != 1:
            raise UsageError("images and sentences are of different widths", where=self.info.key)
        sentences = np.vstack([known, unknown]) if len(unknown) else known
        p = softmax((seen.scale * (images @ sentences.T)).astype(np.float64), axis=1)
        score: Floats = p[:, len(known) :].sum(axis=1) if len(unknown) else 1.0 - p.max(axis=1)
        return score
