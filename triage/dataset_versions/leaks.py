"""Leaks between the splits of a version, and between training and what a bundle is judged on."""

from __future__ import annotations

from collections.abc import Collection

from triage.dataset_versions.version import DatasetVersion
from triage.errors import ExitCode, TriageError


class LeakError(TriageError):
    """A case that a bundle is judged on, or its twin, is among those that it is trained on."""

    exit_code = ExitCode.ANSWERED_NO


class FrozenSetError(TriageError):
    """A case of the frozen regression set is not what it was when it was chosen."""

    exit_code = ExitCode.ANSWERED_NO


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
