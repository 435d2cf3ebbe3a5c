"""Cases of the same content, or that look alike, and are in two splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from triage.data.clusters import joined_names
from triage.data.dataset import Dataset
from triage.dataset_versions.file_content import UNREADABLE
from triage.vocabulary.learning import MemberSplit

_LATER_COUNTS_MORE = {
    MemberSplit.EXCLUDED: -1,
    MemberSplit.TRAIN: 0,
    MemberSplit.VALIDATION: 1,
    MemberSplit.TEST: 2,
    MemberSplit.GATE: 3,
    MemberSplit.FROZEN: 3,
}


def same_content(dataset: Dataset, hashes: Mapping[Path, str]) -> list[tuple[str, str]]:
    """Return pairs of clusters that have a file of the same content; see `Dataset.with_joined`."""
    clusters: dict[str, set[str]] = defaultdict(set)
    for case in dataset.cases:
        for path in case.images:
            if hashes.get(path, UNREADABLE) != UNREADABLE:
                clusters[hashes[path]].add(case.cluster)
    return sorted({pair for names in clusters.values() for pair in pairwise(sorted(names))})


def without_twins(
    dataset: Dataset, splits: Sequence[MemberSplit], pairs: Sequence[tuple[str, str]]
) -> tuple[Dataset, list[MemberSplit]]:
    """Join clusters and leave out what then is in two splits, except in the latest of them.

    Splitting again (`Dataset.with_joined`) would move cases that a bundle was trained on into
    those it is measured on; this moves none.

    Parameters
    ----------
    dataset : Dataset
    splits : sequence of MemberSplit
        One a case.
    pairs : sequence of pairs of str
        Names of clusters that belong together, of `same_content` and of near-duplicates.

    Returns
    -------
    dataset : Dataset
        With the clusters joined.
    splits : list of MemberSplit
        Of train, validation, test and gate a cluster stays in the latest alone.
    """
    names = joined_names([case.cluster for case in dataset.cases], pairs)
    latest: dict[str, int] = {}
    for name, split in zip(names, splits, strict=True):
        latest[name] = max(latest.get(name, -1), _LATER_COUNTS_MORE[split])
    joined = tuple(
        replace(case, cluster=name) for case, name in zip(dataset.cases, names, strict=True)
    )
    placed = [
        split if _LATER_COUNTS_MORE[split] == latest[name] else MemberSplit.EXCLUDED
        for name, split in zip(names, splits, strict=True)
    ]
    return replace(dataset, cases=joined), placed
