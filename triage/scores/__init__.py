"""Out-of-distribution scores on arrays of one's own; larger = more out-of-distribution.

Every score that needs no network is here, by its name in the literature. The arrays that each
reads are in the signatures of its `fit` and `score`, and in its attribute `needs`:

- of probabilities: `MaxSoftmax`, `Entropy`, `GEN`, `OutlierMass`;
- of logits: `MaxLogit`, `Energy`;
- of the features that the last layer reads, and that layer, given by itself or through logits:
  `ODIN`, `ReAct`, `ASH`, `SCALE`, `ViM`, `Residual`;
- of embeddings: `Mahalanobis`, `RelativeMahalanobis`, `MahalanobisPlusPlus`,
  `RelativeMahalanobisPlusPlus`, `KNN`, `DDU`, `DoSE`, `LikelihoodRatio`, `Morse`.

Logits and probabilities are [N, C], or [N, M, C] of an ensemble of M members; embeddings are
[N, D], or [N, M, D]. The formulas are those of `triage.uncertainty.scores`, and so are the numbers.
`NOT_AVAILABLE` lists the scores that need a network, with the reason.

Examples
--------
>>> import numpy as np
>>> from triage.scores import Energy, Mahalanobis, MaxSoftmax
>>> float(MaxSoftmax().score([[0.75, 0.25]])[0])
0.25
>>> scores = Energy().score([[9.0, 0.0], [0.1, 0.0]])
>>> bool(scores[0] < scores[1])
True
>>> generator = np.random.default_rng(0)
>>> embeddings, labels = generator.normal(size=(60, 4)), np.arange(60) % 3
>>> score = Mahalanobis().fit(embeddings, labels)
>>> near, far = score.score([[0, 0, 0, 0], [9, 9, 9, 9]])
>>> bool(near < far)
True
"""

from __future__ import annotations

from types import MappingProxyType

from triage.scores.array_score import ArrayScore
from triage.scores.embedding_scores import (
    DDU,
    KNN,
    DoSE,
    LikelihoodRatio,
    Mahalanobis,
    MahalanobisPlusPlus,
    Morse,
    RelativeMahalanobis,
    RelativeMahalanobisPlusPlus,
)
from triage.scores.feature_scores import ASH, ODIN, SCALE, ReAct, Residual, ViM
from triage.scores.logit_scores import Energy, MaxLogit
from triage.scores.probability_scores import GEN, Entropy, MaxSoftmax, OutlierMass

SCORES: MappingProxyType[str, type[ArrayScore]] = MappingProxyType(
    {
        score.__name__: score
        for score in (
            MaxSoftmax,
            Entropy,
            GEN,
            OutlierMass,
            MaxLogit,
            Energy,
            ODIN,
            ReAct,
            ASH,
            SCALE,
            ViM,
            Residual,
            Mahalanobis,
            RelativeMahalanobis,
            MahalanobisPlusPlus,
            RelativeMahalanobisPlusPlus,
            KNN,
            DDU,
            DoSE,
            LikelihoodRatio,
            Morse,
        )
    }
)
"""Every score on arrays, by its name."""

NOT_AVAILABLE: MappingProxyType[str, str] = MappingProxyType(
    {
        "gram": "reads statistics of the feature maps of several layers, which only the network "
        "that made them can return",
        "image_text": "reads images and sentences in the common space of an image-text model",
    }
)
"""Keys of the scores of `triage.uncertainty.scores` that need a network, with the reason."""

__all__ = [
    "ASH",
    "DDU",
    "GEN",
    "KNN",
    "NOT_AVAILABLE",
    "ODIN",
    "SCALE",
    "SCORES",
    "ArrayScore",
    "DoSE",
    "Energy",
    "Entropy",
    "LikelihoodRatio",
    "Mahalanobis",
    "MahalanobisPlusPlus",
    "MaxLogit",
    "MaxSoftmax",
    "Morse",
    "OutlierMass",
    "ReAct",
    "RelativeMahalanobis",
    "RelativeMahalanobisPlusPlus",
    "Residual",
    "ViM",
]
