"""The guard against pictures of another kind, fitted in training."""

from __future__ import annotations

import numpy as np

from triage.data.dataset import Dataset
from triage.systems.photographs.ensemble import used_backbones
from triage.systems.photographs.system import Member, read_pictures
from triage.systems.photographs.training import Pool
from triage.uncertainty.image_kind import ImageKind, fit_image_kind


def fit_guard(
    pool: Pool, members: list[Member], dataset: Dataset, *, embeddings_learned: bool
) -> ImageKind | None:
    """Fit the guard on the opened cases of a training; None where they are too few.

    Parameters
    ----------
    pool : Pool
    members : list of Member
        The ensemble: the embeddings of its backbones are read.
    dataset : Dataset
    embeddings_learned : bool
        Whether the backbones were trained on the same cases.
    """
    backbones = used_backbones(pool, members)
    held_out = {case.case_id for case in pool.validation_cases}
    training = [
        case
        for case in pool.opened.cases
        if case.case_id not in held_out and case.condition in dataset.draw.classes
    ]
    clusters = np.array([case.cluster for case in training for _ in case.images], dtype=np.str_)
    return fit_image_kind(
        read_pictures(backbones, training, pool.caches),
        read_pictures(backbones, pool.validation_cases, pool.caches),
        clusters,
        embeddings_learned=embeddings_learned,
    )
