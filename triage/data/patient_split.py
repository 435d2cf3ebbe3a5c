"""Leak-free splits: whole clusters are placed in train, validation, test or gate.

A cluster of inliers is placed in the split that the manifest names, or else by a hash of its name
and the seed, so that adding other clusters never moves a case. An outlier requires the split of its
role, or a later one that the manifest gives it; of test outliers the gate gets the share that it
has of test and gate together. A cluster is placed in the latest split that one of its cases asks
for (gate after test after validation after train); cases that may not be in it, such as a training
outlier in a test cluster, are left out and counted, as are those whose consent is withdrawn.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from triage.data.manifest import Case
from triage.data.roles import RoleDraw
from triage.data.spec import DataSpec
from triage.hashing import hash_bytes
from triage.vocabulary.learning import Consent

GATE = "gate"
SPLITS = ("train", "validation", "test", GATE)
"""In the order of their use; `gate` has cases only where a spec or a manifest asks for them."""
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
        `train`, `validation`, `test`, `gate` or `excluded`, one a case.
    """
    roles = [draw.role_of(case.condition) if case.condition else "inlier" for case in cases]
    wanted: dict[str, set[str]] = defaultdict(set)
    for case, role in zip(cases, roles, strict=True):
        if case.consent is not Consent.WITHDRAWN:
            wanted[case.cluster].add(_wanted_split(case, role, spec))
    placed = {
        name: next(split for split in reversed(SPLITS) if split in splits)
        for name, splits in wanted.items()
    }
    return [
        EXCLUDED
        if case.consent is Consent.WITHDRAWN or not _may_enter(role, placed[case.cluster], spec)
        else placed[case.cluster]
        for case, role in zip(cases, roles, strict=True)
    ]


def _wanted_split(case: Case, role: str, spec: DataSpec) -> str:
    place = unit_hash(case.cluster, spec.split.seed)
    if role == "inlier":
        if case.split is not None:
            return case.split
        if place < spec.split.train:
            return "train"
        before_test = spec.split.train + spec.split.validation
        if place < before_test:
            return "validation"
        # The gate is the end of the order, so that dividing test again moves no other case.
        return GATE if spec.split.gate and place >= before_test + spec.split.test else "test"
    stands_in = spec.roles.validation_outliers == "held_out_cases"
    if role == "outlier_train" and stands_in and place < spec.roles.held_out_share:
        drawn = "validation"
    elif role == "outlier_test" and case.split not in ("test", GATE):
        gate = spec.split.gate or 0.0
        apart = unit_hash(f"gate:{case.cluster}", spec.split.seed)
        drawn = GATE if apart * (spec.split.test + gate) < gate else "test"
    else:
        drawn = _SPLIT_OF_ROLE[role]
    # What the manifest keeps for later is never used earlier.
    return max(drawn, case.split or drawn, key=SPLITS.index)


def _may_enter(role: str, split: str, spec: DataSpec) -> bool:
    if role == "inlier" or _SPLIT_OF_ROLE[role] == split:
        return True
    if role == "outlier_test" and split == GATE:
        return True
    stands_in = spec.roles.validation_outliers == "held_out_cases"
    return stands_in and role == "outlier_train" and split == "validation"
