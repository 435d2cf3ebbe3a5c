"""Leak-free splits: whole clusters are placed in train, validation or test.

A cluster of inliers is placed in the split that the manifest names, or else by a hash of its name
and the seed, so that adding other clusters never moves a case. An outlier requires the split of its
role, or a later one that the manifest gives it. A cluster is placed in the latest split that one of
its cases requires (test after validation after train); cases that may not be in it, such as a
training outlier in a test cluster, are left out and counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from triage.data.manifest import Case
from triage.data.roles import RoleDraw
from triage.data.spec import DataSpec
from triage.hashing import hash_bytes

SPLITS = ("train", "validation", "test")
EXCLUDED = "excluded"
_SPLIT_OF_ROLE = {
    "outlier_train": "train",
    "outlier_validation": "validation",
    "outlier_test": "test",
}


def unit_hash(text: str, seed: int) -> float:
    """Return a number in [0, 1) that depends on the text and the seed alone."""
    return int(hash_bytes(f"{seed}:{text}".encode())[:13], 16) / 16**13


def split_cases(cases: Sequence[Case], spec: DataSpec, draw: RoleDraw) -> list[str]:
    """Place every labelled case in a split.

    Parameters
    ----------
    cases : sequence of Case
        Labelled with conditions of the spec.
    spec : DataSpec
        Shares, seed and the stand-in for validation outliers.
    draw : RoleDraw
        Role of each condition.

    Returns
    -------
    list of str
        `train`, `validation`, `test` or `excluded`, one a case.
    """
    roles = [draw.role_of(case.condition) if case.condition else "inlier" for case in cases]
    wanted: dict[str, set[str]] = defaultdict(set)
    for case, role in zip(cases, roles, strict=True):
        wanted[case.cluster].add(_wanted_split(case, role, spec))
    placed = {
        name: next(split for split in reversed(SPLITS) if split in splits)
        for name, splits in wanted.items()
    }
    return [
        placed[case.cluster] if _may_enter(role, placed[case.cluster], spec) else EXCLUDED
        for case, role in zip(cases, roles, strict=True)
    ]


def _wanted_split(case: Case, role: str, spec: DataSpec) -> str:
    place = unit_hash(case.cluster, spec.split.seed)
    if role == "inlier":
        if case.split is not None:
            return case.split
        if place < spec.split.train:
            return "train"
        return "validation" if place < spec.split.train + spec.split.validation else "test"
    stands_in = spec.roles.validation_outliers == "held_out_cases"
    if role == "outlier_train" and stands_in and place < spec.roles.held_out_share:
        drawn = "validation"
    else:
        drawn = _SPLIT_OF_ROLE[role]
    # What the manifest keeps for later is never used earlier.
    return max(drawn, case.split or drawn, key=SPLITS.index)


def _may_enter(role: str, split: str, spec: DataSpec) -> bool:
    if role == "inlier" or _SPLIT_OF_ROLE[role] == split:
        return True
    stands_in = spec.roles.validation_outliers == "held_out_cases"
    return stands_in and role == "outlier_train" and split == "validation"
