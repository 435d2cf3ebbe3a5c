"""A version of a data set is made, and stored in the case database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.dataset_versions.version import DatasetVersion
from triage.hashing import hash_json
from triage.progress import Progress
from triage.vocabulary.learning import Consent, MemberSplit

SPEC_LABEL = "data_spec"
"""Source of a label that the data set's table states, for its hash."""


def table_label_hash(case: Case) -> str:
    """Return the hash of a label that only the data set's own table states."""
    return hash_json({"value": case.condition, "source": SPEC_LABEL})


def snapshot(
    dataset: Dataset,
    *,
    source: str,
    splits: Sequence[MemberSplit],
    labels: Mapping[str, str] | None = None,
    consents: Mapping[str, Consent] | None = None,
    image_hashes: Mapping[Path, str] | None = None,
    sources: Mapping[str, str] | None = None,
    parent: str | None = None,
    progress: Progress = lambda *_: None,
) -> DatasetVersion:
    """Return the version of a data set: its cases with the hashes of their files.

    Parameters
    ----------
    dataset : Dataset
        With reviewed cases, if any (`Dataset.with_training_cases`).
    source : str
        Where the cases come from: `spec.case_source`.
    splits : sequence of MemberSplit
        Of `assign_splits`, one a case.
    labels : mapping of str to str, optional
        Hash of the label with its provenance, by case key; by default `table_label_hash`.
    consents : mapping of str to Consent, optional
        By patient key. What is stated here counts before the table's consent column, except that a
        consent that either of them says is withdrawn is withdrawn. Cases of a patient whose consent
        is withdrawn are left out.
    image_hashes : mapping of Path to str, optional
        SHA-256 of files that were hashed in this run; the others are hashed here.
    sources : mapping of str to str, optional
        Source of the cases, by `case_id`, that come from elsewhere.
    parent : str, optional
        Root of the version before.
    progress : Progress

    Raises
    ------
    UsageError
        If a file cannot be read, naming the row of the case and not its identifiers.
    """
    raise NotImplementedError


def store_version(session: Session, version: DatasetVersion, *, actor: str, reason: str) -> int:
    """Store a version, freeze its frozen cases, append the event; return its row.

    The same root again changes nothing.

    Raises
    ------
    LeakError
        If it leaks.
    FrozenSetError
        If a case of the frozen set has another image or label now, or would train.
    """
    raise NotImplementedError


def latest_version(session: Session, spec_name: str) -> DatasetVersion | None:
    """Return the newest version of a spec's data, None if there is none."""
    raise NotImplementedError


def frozen_keys(session: Session, spec_name: str) -> frozenset[str]:
    """Return the keys of the frozen regression set of a spec, without withdrawn cases."""
    raise NotImplementedError


def consents_of_store(session: Session) -> dict[str, Consent]:
    """Return the consent of the patients of the case database who withdrew it, by patient key."""
    raise NotImplementedError
