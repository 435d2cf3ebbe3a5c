"""Out-of-distribution scores, one file each; larger = more out-of-distribution.

`SCORES` is the registry: what a command line or a bundle names is looked up here.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from triage.errors import UsageError, unknown_name
from triage.uncertainty.scores.ash import Ash
from triage.uncertainty.scores.ddu import Ddu
from triage.uncertainty.scores.dose import Dose
from triage.uncertainty.scores.energy import Energy
from triage.uncertainty.scores.entropy import Entropy
from triage.uncertainty.scores.families import ProbabilityScore
from triage.uncertainty.scores.gen import Gen
from triage.uncertainty.scores.gram import Gram
from triage.uncertainty.scores.image_text import ImageTextMatch
from triage.uncertainty.scores.knn import Knn
from triage.uncertainty.scores.likelihood_ratio import LikelihoodRatio
from triage.uncertainty.scores.mahalanobis import Mahalanobis
from triage.uncertainty.scores.mahalanobis_normalised import (
    MahalanobisNormalised,
    RelativeMahalanobisNormalised,
)
from triage.uncertainty.scores.max_logit import MaxLogit
from triage.uncertainty.scores.max_softmax import MaxSoftmax
from triage.uncertainty.scores.morse import Morse
from triage.uncertainty.scores.odin import Odin
from triage.uncertainty.scores.outlier_mass import OutlierMass
from triage.uncertainty.scores.react import React
from triage.uncertainty.scores.relative_mahalanobis import RelativeMahalanobis
from triage.uncertainty.scores.residual import Residual
from triage.uncertainty.scores.scale import Scale
from triage.uncertainty.scores.score import Score
from triage.uncertainty.scores.vim import Vim

SCORES: dict[str, type[Score]] = {
    score.info.key: score
    for score in (
        MaxSoftmax,
        Entropy,
        Gen,
        OutlierMass,
        MaxLogit,
        Energy,
        Odin,
        React,
        Ash,
        Scale,
        Vim,
        Residual,
        Mahalanobis,
        RelativeMahalanobis,
        MahalanobisNormalised,
        RelativeMahalanobisNormalised,
        Knn,
        Ddu,
        Dose,
        LikelihoodRatio,
        Morse,
        Gram,
        ImageTextMatch,
    )
}
"""Every score by its key."""

POLICY_SCORES: dict[str, type[ProbabilityScore]] = {
    key: score for key, score in SCORES.items() if issubclass(score, ProbabilityScore)
}
"""Those that a policy may name: they need a predictions table only, and nothing is fitted."""


def make_score(key: str, **settings: Any) -> Score:
    """Make a score that is not fitted yet.

    Parameters
    ----------
    key : str
        One of `SCORES`.
    **settings
        Fields of the score; the paper's defaults where they are left out.

    Raises
    ------
    UsageError
        If there is no such score or setting, or a setting is out of bounds.
    """
    if key not in SCORES:
        raise unknown_name("score", key, SCORES)
    score = SCORES[key]
    known = [setting.name for setting in fields(score)]  # type: ignore[arg-type]
    if unknown := sorted({*settings} - {*known}):
        raise UsageError(
            f"has no setting {unknown[0]!r}",
            where=key,
            mend=f"Its settings are {', '.join(known)}." if known else "It has none.",
        )
    try:
        return score(**settings)
    except TypeError as error:
        raise UsageError(f"a setting is of the wrong type: {error}", where=key) from error


__all__ = ["POLICY_SCORES", "SCORES", "Score", "make_score"]
