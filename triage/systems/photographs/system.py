"""A trained system in use: cases in, `Predictions` with decisions out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from triage.backbones.backbone import Backbone
from triage.backbones.picture_statistics import PictureStatistics
from triage.backbones.runtime.execution import Execution
from triage.data.manifest import Case
from triage.decisions.policy import Policy
from triage.hashing import hash_json
from triage.heads import HeadKind, HeadNetwork
from triage.imaging.corruptions import Corruption
from triage.models.batched_logits import batched_logits
from triage.models.embedding_cache import EmbeddingCache
from triage.models.embedding_target import EmbeddingTarget
from triage.models.embeddings import Opened, embed_all
from triage.predictions import EXECUTION, Predictions
from triage.systems.case_features import case_features
from triage.systems.photographs.member_heads import member_heads
from triage.systems.scored import Scored, case_table
from triage.uncertainty.combination import COMBINATION, Combination
from triage.uncertainty.image_kind import ImageKind, Pictures
from triage.uncertainty.observations import Observations

Embedded = dict[str, NDArray[np.float32]]
Caches = dict[str, EmbeddingCache]
_STATISTICS = "picture statistics"
"""Key of the statistics' cache; no backbone has a name with a space."""


@dataclass(frozen=True)
class Member:
    """One trained network of an ensemble.

    Parameters
    ----------
    name : str
        Unique name, such as `mobilenet-seed3`.
    backbone : str
        Key of its backbone in the system.
    head : HeadNetwork
    """

    name: str
    backbone: str
    head: HeadNetwork


class System:
    """Members on shared backbones, with the policy that turns them into a recommendation.

    Parameters
    ----------
    backbones : dict of Backbone
        By key; members that share one share its embeddings.
    members : sequence of Member
        The ensemble; a member selected twice is listed twice.
    kind : HeadKind
    classes : tuple of str
        Class order of every member, inliers first.
    n_inliers : int
    policy : Policy
    provenance : dict of str
        Written into every predictions table.
    combination : Combination, optional
        Computes the score of the policy, where that is one.
    image_kind : ImageKind, optional
        Tells pictures of another kind; bundles of earlier releases have none.

    Raises
    ------
    ValueError
        If the policy's score is a combination and there is none.
    """

    def __init__(
        self,
        backbones: dict[str, Backbone],
        members: Sequence[Member],
        *,
        kind: HeadKind,
        classes: tuple[str, ...],
        n_inliers: int,
        policy: Policy,
        provenance: dict[str, str],
        combination: Combination | None = None,
        image_kind: ImageKind | None = None,
    ) -> None:
        if (policy.score == COMBINATION) is not (combination is not None):
            raise ValueError("the policy and the combination of scores do not fit together")
        self.backbones = backbones
        self.members = tuple(members)
        self.kind = kind
        self.classes = classes
        self.n_inliers = n_inliers
        self.policy = policy
        self.provenance = provenance
        self.combination = combination
        self.image_kind = image_kind

    stage = "reading and embedding images"
    """What the work of `score` is called."""

    @property
    def passes(self) -> int:
        """How often `score` reports each image: once per backbone, and once for its statistics."""
        return len(self.backbones) + (self.image_kind is not None)

    @property
    def execution(self) -> Execution:
        """How its backbones are run."""
        return next(iter(self.backbones.values())).execution

    def run_with(self, execution: Execution) -> str:
        """Run the backbones in another way than its thresholds were fitted with.

        Returns
        -------
        str
            A sentence that says so, which every predictions table holds from now on; '' where the
            way is the same.

        Raises
        ------
        MissingExtraError, TrainingError
            If this machine does not offer it.
        """
        execution.check()
        fitted = self.execution
        if execution == fitted:
            return ""
        for backbone in self.backbones.values():
            backbone.execution = execution
        warning = (
            f"embedded by {execution}, but the thresholds were fitted with {fitted}: some "
            "decisions may differ"
        )
        self.provenance = {**self.provenance, EXECUTION: warning}
        return warning

    def score(
        self,
        cases: Sequence[Case],
        cache_folder: Path | None = None,
        progress: Callable[[int], None] | None = None,
        *,
        readings: Path | None = None,
        corruption: Corruption | None = None,
    ) -> Scored:
        """Score cases: embed once per backbone, run every member, decide.

        Parameters
        ----------
        cases : sequence of Case
        cache_folder : Path, optional
            Where embeddings are kept between runs.
        progress : callable, optional
            Called with the number of images finished, `passes` times.
        readings : Path, optional
            Not used: photographs leave no reading beside their predictions.
        corruption : Corruption, optional
            What to do to every image once it is resized; quality is assessed before.
        """
        caches = open_caches(self.backbones, cache_folder)
        embedded, opened = embed_with(
            self.backbones,
            cases,
            cache_folder,
            progress,
            corruption,
            caches=caches,
            statistics=self.image_kind is not None,
        )
        raw = predict(
            embedded, opened.cases, self.members, self.classes, self.n_inliers, self.provenance
        )
        score = None
        if self.combination is not None:
            score = self.combination.score(observed(embedded, raw, self.members))
        other_kind: dict[str, str] = {}
        if self.image_kind is not None:
            pictures = read_pictures(self.backbones, opened.cases, caches, corruption)
            other_kind = self.image_kind.problems(pictures)
        decided = raw.with_decisions(
            self.policy.decide(raw, opened.quality, other_kind=other_kind, ood_score=score)
        )
        return Scored(
            decided,
            opened.rejected,
            opened.quality,
            other_kind=other_kind,
            files=opened.files,
            features=case_features(
                decided, [*columns_of(embedded).values()], {*opened.quality, *other_kind}
            ),
        )


def open_caches(backbones: dict[str, Backbone], folder: Path | None) -> Caches:
    """Open the cache of each backbone, and of picture statistics, for many calls of `embed_with`.

    Shards are read and weights are hashed here, once: for as long as the caches are in use the
    weights must stay as they are.
    """
    every = {**backbones, _STATISTICS: PictureStatistics()}
    return {
        key: EmbeddingCache(folder, network.embedding_digest()) for key, network in every.items()
    }


def read_pictures(
    backbones: dict[str, Backbone],
    cases: Sequence[Case],
    caches: Caches,
    corruption: Corruption | None = None,
) -> Pictures:
    """Read what the guard against other kinds of pictures needs of every picture of cases.

    Parameters
    ----------
    backbones : dict of Backbone
    cases : sequence of Case
        Which could be read whole.
    caches : dict of EmbeddingCache
        Of `open_caches`; what is found there is not computed again.
    corruption : Corruption, optional
        What to do to every image once it is resized.
    """
    single = [replace(case, images=(path,)) for case in cases for path in case.images]
    found, opened = embed_with(
        {**backbones, _STATISTICS: PictureStatistics()},
        single,
        None,
        corruption=corruption,
        caches=caches,
    )
    statistics = found.pop(_STATISTICS)
    ids = np.array([case.case_id for case in opened.cases], dtype=np.str_)
    return Pictures(ids, statistics, found)


def _open_view_caches(
    backbones: dict[str, Backbone], caches: Caches, folder: Path | None
) -> Caches:
    """Caches of every view: many times as large, so apart; only training reads them."""
    return {
        key: EmbeddingCache(folder, hash_json([caches[key].digest, "by view"]))
        for key, network in backbones.items()
        if network.preprocessing.n_views > 1
    }


def embed_with(
    backbones: dict[str, Backbone],
    cases: Sequence[Case],
    cache_folder: Path | None,
    progress: Callable[[int], None] | None = None,
    corruption: Corruption | None = None,
    *,
    caches: Caches | None = None,
    by_view: bool = False,
    statistics: bool = False,
) -> tuple[Embedded, Opened]:
    """Embed cases with several backbones, each image opened once for all of them.

    Parameters
    ----------
    backbones : dict of Backbone
    cases : sequence of Case
    cache_folder : Path or None
        Where embeddings are kept between runs; None keeps none.
    progress : callable, optional
        Called with the number of images finished, once per backbone, and once for the statistics.
    corruption : Corruption, optional
        What to do to every image once it is resized.
    caches : dict of EmbeddingCache, optional
        Of `open_caches`, in place of opening those of the folder again.
    by_view : bool
        Whether the embedding of every view is asked for.
    statistics : bool
        Whether to compute the picture statistics of every image too, which `read_pictures` then
        finds in the caches.

    Returns
    -------
    embedded : dict of float32 array [N, D]
        By key, of the N cases kept; [N, V, D] by view, of backbones that read several.
    opened : Opened
        Which cases those are, and why others are not.
    """
    if not backbones:
        return {}, Opened(cases=list(cases))
    caches = open_caches(backbones, cache_folder) if caches is None else caches
    views = _open_view_caches(backbones, caches, cache_folder) if by_view else {}
    targets = [
        EmbeddingTarget(backbone, caches[key], views.get(key))
        for key, backbone in backbones.items()
    ]
    if statistics:
        targets.append(EmbeddingTarget(PictureStatistics(), caches[_STATISTICS]))
    embedded, opened = embed_all(cases, targets, progress, corruption)
    return dict(zip(backbones, embedded[: len(backbones)], strict=True)), opened


def member_probabilities(embedded: Embedded, members: Sequence[Member]) -> NDArray[np.float32]:
    """Softmax of every member on the embeddings of its backbone, float32 [N, M, C].

    Members of one backbone are run together; one that is listed twice is run once.
    """
    found: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(members)
    for key in dict.fromkeys(member.backbone for member in members):
        places = [n for n, member in enumerate(members) if member.backbone == key]
        heads = [members[n].head for n in places]
        logits = batched_logits(heads, torch.from_numpy(embedded[key]))
        for n, of_member in zip(places, logits.softmax(2).numpy(), strict=True):
            found[n] = of_member
    return np.stack(found, axis=1)


def predict(
    embedded: Embedded,
    cases: Sequence[Case],
    members: Sequence[Member],
    classes: tuple[str, ...],
    n_inliers: int,
    provenance: dict[str, str],
) -> Predictions:
    """Run every member on the embeddings of its backbone.

    Parameters
    ----------
    embedded : dict of float32 array [N, D]
        By backbone key.
    cases : sequence of Case, length N
    members : sequence of Member

    Returns
    -------
    Predictions
        Without decisions.
    """
    return Predictions(
        cases=case_table(cases),
        classes=classes,
        n_inliers=n_inliers,
        members=tuple(member.name for member in members),
        probabilities=member_probabilities(embedded, members),
        embedding=np.concatenate([embedded[key] for key in sorted(embedded)], axis=1),
        provenance=provenance,
    )


def columns_of(embedded: Embedded) -> dict[str, slice]:
    """Columns of each backbone in the case embedding, backbones in alphabetical order."""
    edges = np.cumsum([0, *(embedded[key].shape[1] for key in sorted(embedded))]).tolist()
    return {key: slice(*pair) for key, pair in zip(sorted(embedded), pairwise(edges), strict=True)}


def observed(
    embedded: Embedded, predictions: Predictions, members: Sequence[Member] = ()
) -> Observations:
    """What fitted scores read of predictions, with the columns of each backbone.

    Parameters
    ----------
    embedded : dict of float32 array [N, D]
        By backbone key; what the embeddings of the predictions are made of.
    predictions : Predictions
    members : sequence of Member, optional
        Of the predictions, for scores that read their heads.
    """
    blocks = columns_of(embedded)
    return replace(
        Observations.of_predictions(predictions),
        blocks=tuple(blocks.values()),
        heads=member_heads([(member.head, blocks[member.backbone]) for member in members]),
    )
