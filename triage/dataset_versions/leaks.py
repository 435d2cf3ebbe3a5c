"""Leaks between the splits of a version, and between training and what a bundle is judged on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from enum import StrEnum
from itertools import combinations

from triage.dataset_versions.file_content import UNREADABLE
from triage.dataset_versions.version import DatasetMember, DatasetVersion
from triage.errors import ExitCode, TriageError
from triage.vocabulary.learning import MemberSplit

HELD_OUT = (MemberSplit.TEST, MemberSplit.GATE, MemberSplit.FROZEN)
"""Splits that bundles are measured on."""
TRAINED_ON = (MemberSplit.TRAIN, MemberSplit.VALIDATION)
"""Splits that a bundle learns from: weights, calibration and thresholds."""


class Side(StrEnum):
    """What may share nothing with one another; the frozen set is a part of the gate's cases."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    GATE = "gate"


_SIDE_OF = {
    MemberSplit.TRAIN: Side.TRAIN,
    MemberSplit.VALIDATION: Side.VALIDATION,
    MemberSplit.TEST: Side.TEST,
    MemberSplit.GATE: Side.GATE,
    MemberSplit.FROZEN: Side.GATE,
}


class LeakError(TriageError):
    """A case that a bundle is judged on, or its twin, is among those that it is trained on."""

    exit_code = ExitCode.ANSWERED_NO


class FrozenSetError(TriageError):
    """A case of the frozen regression set is not what it was when it was chosen."""

    exit_code = ExitCode.ANSWERED_NO


def leaks(version: DatasetVersion) -> list[str]:
    """Return one sentence for each kind of thing that is on two sides of a split, with its count.

    Kinds are images (by content), clusters and patients.
    """
    found = []
    for what, names in (("images", _images), ("clusters", _cluster), ("patients", _patient)):
        sides: dict[str, set[Side]] = defaultdict(set)
        for member in version.members:
            side = _SIDE_OF.get(member.split)
            if side is not None:
                for name in names(member):
                    sides[name].add(side)
        for a, b in combinations(Side, 2):
            if count := sum({a, b} <= there for there in sides.values()):
                found.append(f"{count} {what} are in both {a} and {b}")
    return found


def check_leaks(version: DatasetVersion, trained_keys: Collection[str] = ()) -> None:
    """Refuse a version with an image, a cluster or a patient on two sides of a split.

    Parameters
    ----------
    version : DatasetVersion
        The sides are training, validation, test, and gate with the frozen set.
    trained_keys : collection of str
        Keys of the cases that a bundle was trained on; none may be held out here.

    Raises
    ------
    LeakError
        With how many images, clusters, patients and cases are on two sides.
    """
    found = leaks(version)
    trained = set(trained_keys)
    for split in HELD_OUT:
        if count := sum(member.case_key in trained for member in version.of_split(split)):
            found.append(f"{count} cases of {split} are among those that a bundle was trained on")
    if found:
        raise LeakError(
            f"data leak between splits: {'; '.join(found)}",
            where=version.spec_name,
            hint="Join what belongs together by rows.group of the spec (triage spec duplicates "
            "--out lists it), or leave the twins out.",
        )


def check_apart(version: DatasetVersion, frozen: Iterable[DatasetMember]) -> None:
    """Refuse a version that trains on a case of a frozen set, its patient or one of its images.

    Raises
    ------
    LeakError
    """
    cases, patients, images = set(), set(), set()
    for one in frozen:
        cases.add(one.case_key)
        patients.add(one.patient_key)
        images |= set(_images(one))
    count = sum(
        member.case_key in cases
        or member.patient_key in patients
        or not images.isdisjoint(_images(member))
        for member in version.of_split(*TRAINED_ON)
    )
    if count:
        raise LeakError(
            f"{count} cases of training and validation are those of the frozen regression set, or "
            "have a patient or an image in common with it",
            where=version.spec_name,
            hint="The frozen set never trains: leave these cases out.",
        )


def _images(member: DatasetMember) -> set[str]:
    return {*member.images} - {UNREADABLE}


def _cluster(member: DatasetMember) -> set[str]:
    return {member.cluster_key}


def _patient(member: DatasetMember) -> set[str]:
    return {member.patient_key}
