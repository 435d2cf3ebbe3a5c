"""Out-of-distribution scores, one file each; larger = more out-of-distribution.

`SCORES` is the registry: settings, bundles and the command line name a score by its key.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from triage.errors import UsageError
from triage.registry import Registry, yes_or_no
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
from triage.uncertainty.scores.settings import checked_settings
from triage.uncertainty.scores.vim import Vim

SCORES: Registry[type[Score]] = Registry(
    "score",
    (
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
    ),
    columns={
        "name": lambda score: score.info.title + (" (baseline)" if score.info.baseline else ""),
        "reads": lambda score: str(score.need),
        "fitted": lambda score: yes_or_no(score.fitted),
        "needs outliers": lambda score: yes_or_no(score.info.needs_outliers),
        "cost of a case": lambda score: score.info.cost,
    },
)
"""Every score."""

POLICY_SCORES: Registry[type[ProbabilityScore]] = Registry(
    "score", (score for score in SCORES.values() if issubclass(score, ProbabilityScore))
)
"""Scores that a policy may name: they need a predictions table only, and nothing is fitted."""


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
        If there is no such score or setting, or a setting is out of bounds or of another type.
    """
    score = SCORES[key]
    known = [setting.name for setting in fields(score)]  # type: ignore[arg-type]
    if unknown := sorted({*settings} - {*known}):
        raise UsageError(
            f"has no setting {unknown[0]!r}",
            where=key,
            hint=f"Its settings are {', '.join(known)}." if known else "It has none.",
        )
    return score(**checked_settings(score, settings, key))


__all__ = ["POLICY_SCORES", "SCORES", "Score", "make_score"]
