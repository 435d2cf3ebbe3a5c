"""The guard against pictures of another kind: fitted to training pictures, with its limit.

A score of a picture is the larger of two: how far its colour, texture and gradient statistics lie
from those of the training pictures, and how far its embedding does. The first needs no network and
tells pages of text, noise and other scans apart; the second also tells what has the colours of
skin and is none. The least usual picture of a case decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from triage.uncertainty.image_kind.neighbour_distance import NeighbourDistance
from triage.uncertainty.scores.unit_length import unit_length

RATE = 0.005
"""Share of held-out cases of the right kind that may be flagged, by both parts together."""
FEWEST_CASES = 20
"""Clusters that train, or cases that validate: with fewer a limit would be a guess."""
COMPONENTS = 128
"""Principal axes of an embedding that are compared."""
FOLDS = 5
STATISTICS, EMBEDDING = "statistics", "embedding"

_STATISTICS_FLOOR = 0.02
_TAIL = 0.1
_SEEN_AS = {
    STATISTICS: "its colours and texture are unlike those of the pictures it was trained on",
    EMBEDDING: "the networks find little in it that was in the pictures they were trained on",
}
Scale = tuple[float, float]


@dataclass(frozen=True)
class Pictures:
    """What the guard reads of N pictures.

    Parameters
    ----------
    cases : str array [N]
        Which case each is of.
    statistics : float array [N, S]
        `triage.imaging.picture_statistics`.
    embedding : mapping of float array [N, D]
        By backbone.
    """

    cases: NDArray[np.str_]
    statistics: NDArray[np.floating]
    embedding: Mapping[str, NDArray[np.floating]]

    def __len__(self) -> int:
        return len(self.cases)

    def rows(self, which: NDArray[np.bool_]) -> Pictures:
        """Return some of the pictures."""
        embedding = {key: values[which] for key, values in self.embedding.items()}
        return Pictures(self.cases[which], self.statistics[which], embedding)


class ImageKindSummary(BaseModel):
    """Description of the guard for manifest, model card and report.

    Parameters
    ----------
    training_pictures : int
        Pictures it was fitted to.
    held_out_cases : int
        Cases that the limit was set on.
    aimed_rate : float
        Share of them that may be flagged.
    flagged : int
        How many of them are beyond the limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    training_pictures: int = Field(ge=2)
    held_out_cases: int = Field(ge=1)
    aimed_rate: float = Field(gt=0, lt=1)
    flagged: int = Field(ge=0)

    @property
    def text(self) -> str:
        """The guard in a sentence."""
        return (
            f"Fitted to {self.training_pictures} pictures; {self.flagged} of "
            f"{self.held_out_cases} held-out cases are beyond its limit, which is set for "
            f"{self.aimed_rate:.1%} of cases of the right kind."
        )


@dataclass(frozen=True)
class ImageKind:
    """Tells whether pictures are of the kind that a system was trained on.

    Parameters
    ----------
    statistics : NeighbourDistance
        Of the pictures' statistics.
    embedding : mapping of NeighbourDistance
        Of their embeddings at unit length, by backbone.
    scales : mapping of (float, float)
        Median and upper decile of each part's distances, of held-out pictures.
    limit : float
        Score beyond which a case is of another kind.
    summary : ImageKindSummary
    """

    statistics: NeighbourDistance
    embedding: Mapping[str, NeighbourDistance]
    scales: Mapping[str, Scale]
    limit: float
    summary: ImageKindSummary

    def scores(self, pictures: Pictures) -> NDArray[np.float64]:
        """Scores of pictures by their statistics and by their embedding, float64 [N, 2].

        0 is usual for a held-out picture of the right kind, and 1 what nine of ten do not exceed.
        """
        return _scores(_distances(self.statistics, self.embedding, pictures), self.scales)

    def problems(self, pictures: Pictures) -> dict[str, str]:
        """Cases with a picture of another kind, by case_id, with how that was told."""
        scores = self.scores(pictures)
        beyond = scores.max(axis=1, initial=-np.inf) > self.limit
        found: dict[str, str] = {}
        for case in dict.fromkeys(pictures.cases[beyond].tolist()):
            own = np.flatnonzero(pictures.cases == case)
            worst = int(scores[own].max(axis=1).argmax())
            part = (STATISTICS, EMBEDDING)[int(scores[own[worst]].argmax())]
            which = f"Picture {worst + 1} of {len(own)}" if len(own) > 1 else "The picture"
            found[case] = f"{which} was told by this: {_SEEN_AS[part]}."
        return found


def fit_image_kind(
    training: Pictures,
    validation: Pictures,
    clusters: NDArray[np.str_],
    *,
    embeddings_learned: bool,
    rate: float = RATE,
) -> ImageKind | None:
    """Fit the guard.

    Parameters
    ----------
    training : Pictures
        N pictures, of every condition that trained.
    validation : Pictures
        Of every condition that validates, outliers too.
    clusters : str array [N]
        Of the training pictures: what must not be on both sides of a division.
    embeddings_learned : bool
        Whether the backbones learned from the training pictures. Those are held out too,
        compared with the pictures of other clusters (cross-fitting); but where the embeddings
        learned from them they count by their statistics alone.
    rate : float
        Share of held-out cases that may be flagged.

    Returns
    -------
    ImageKind or None
        None if fewer than `FEWEST_CASES` clusters trained, or cases validate.

    Notes
    -----
    The limit is the conformal quantile of the cases' scores (Vovk et al. 2005): the expected share
    of further cases of the same kind beyond it is at most `rate`. With fewer than 1 / `rate` cases
    there is none; it is then where an exponential tail, fitted to the median excess over the
    90 % quantile, says.
    """
    groups = np.unique(clusters, return_inverse=True)[1]
    if min(len(set(validation.cases)), len(set(clusters))) < FEWEST_CASES:
        return None
    statistics, embedding = _fit_parts(training)
    held = [_distances(statistics, embedding, validation)]
    cases = [validation.cases]
    crossed = replace(training, embedding={}) if embeddings_learned else training
    for fold in range(FOLDS):
        out = groups % FOLDS == fold
        held.append(_distances(*_fit_parts(crossed.rows(~out)), crossed.rows(out)))
        cases.append(training.cases[out])
    distances = {
        key: np.concatenate(
            [part.get(key, np.full(len(of), -np.inf)) for part, of in zip(held, cases, strict=True)]
        )
        for key in held[0]
    }
    _, case = np.unique(np.concatenate(cases), return_inverse=True)
    n_cases = int(case.max()) + 1
    scales = {key: _scale(values[np.isfinite(values)]) for key, values in distances.items()}
    worst = np.full(n_cases, -np.inf)
    np.maximum.at(worst, case, _scores(distances, scales).max(axis=1))
    limit = _limit(worst, rate)
    summary = ImageKindSummary(
        training_pictures=len(training),
        held_out_cases=n_cases,
        aimed_rate=rate,
        flagged=int((worst > limit).sum()),
    )
    return ImageKind(statistics, embedding, scales, limit, summary)


def _fit_parts(
    pictures: Pictures,
) -> tuple[NeighbourDistance, dict[str, NeighbourDistance]]:
    statistics = NeighbourDistance.whitened(pictures.statistics, _STATISTICS_FLOOR)
    embedding = {
        key: NeighbourDistance.plain(unit_length(values), COMPONENTS)
        for key, values in pictures.embedding.items()
    }
    return statistics, embedding


def _distances(
    statistics: NeighbourDistance, embedding: Mapping[str, NeighbourDistance], pictures: Pictures
) -> dict[str, NDArray[np.float64]]:
    found = {key: part(unit_length(pictures.embedding[key])) for key, part in embedding.items()}
    return {STATISTICS: statistics(pictures.statistics)} | {
        f"{EMBEDDING}.{key}": values for key, values in found.items()
    }


def _scores(
    distances: Mapping[str, NDArray[np.float64]], scales: Mapping[str, Scale]
) -> NDArray[np.float64]:
    scaled = {key: (values - scales[key][0]) / scales[key][1] for key, values in distances.items()}
    statistics = scaled.pop(STATISTICS)
    embedding = np.mean([*scaled.values()], axis=0) if scaled else np.full(len(statistics), -np.inf)
    return np.stack([statistics, embedding], axis=1)


def _scale(values: NDArray[np.float64]) -> Scale:
    middle, upper = np.quantile(values, [0.5, 1 - _TAIL])
    return float(middle), max(float(upper - middle), 1e-6)


def _limit(scores: NDArray[np.float64], rate: float) -> float:
    """The score that a share `rate` of cases is expected to exceed."""
    ordered = np.sort(scores)
    rank = int(np.ceil((1 - rate) * (len(ordered) + 1)))
    if rank <= len(ordered):
        return float(ordered[rank - 1])
    start = float(np.quantile(ordered, 1 - _TAIL))
    # The median of an exponential law is ln 2 times its mean, and ignores one odd case among few.
    beyond = ordered[ordered > start]
    excess = float(np.median(beyond) - start) / float(np.log(2)) if len(beyond) else 0.0
    return start + excess * float(np.log(_TAIL / rate))
