"""A version of a data set is made; `triage.dataset_versions.stored_versions` stores it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.dataset_versions.file_content import hash_images
from triage.dataset_versions.stored_versions import (
    consents_of_store,
    frozen_keys,
    latest_version,
    store_version,
)
from triage.dataset_versions.version import DatasetMember, DatasetVersion, case_key, patient_key
from triage.errors import UsageError
from triage.hashing import hash_json
from triage.labels.provenance import LabelProvenance
from triage.progress import Progress
from triage.vocabulary.learning import Consent, MemberSplit

__all__ = [
    "consents_of_store", "exclude_withdrawn", "frozen_keys", "latest_version", "snapshot",
    "store_version", "table_label_hash",
]  # fmt: skip


def table_label_hash(case: Case) -> str:
    """Return the hash of a label that only the data set's own table states."""
    return LabelProvenance(value=str(case.condition)).label_hash()


def exclude_withdrawn(
    dataset: Dataset,
    splits: Sequence[MemberSplit],
    consents: Mapping[str, Consent],
    *,
    sources: Mapping[str, str] | None = None,
) -> list[MemberSplit]:
    """Return the splits with every case left out whose patient withdrew consent.

    Parameters
    ----------
    dataset : Dataset
    splits : sequence of MemberSplit
        One a case.
    consents : mapping of str to Consent
        By patient key, of `consents_of_store`.
    sources : mapping of str to str, optional
        As for `snapshot`.
    """
    return [
        MemberSplit.EXCLUDED if _consent(dataset, case, consents, sources) == "withdrawn" else split
        for case, split in zip(dataset.cases, splits, strict=True)
    ]


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
        SHA-256 of files that were hashed in this run; the others are hashed here. A file that
        cannot be read has the hash `UNREADABLE`.
    sources : mapping of str to str, optional
        Source of the cases, by `case_id`, that come from elsewhere.
    parent : str, optional
        Root of the version before.
    progress : Progress

    Raises
    ------
    UsageError
        If no case is left, or a case is there twice.
    """
    elsewhere, known = sources or {}, consents or {}
    kept = [
        (case, split, consent)
        for case, split in zip(dataset.cases, splits, strict=True)
        if (consent := _consent(dataset, case, known, elsewhere)) is not Consent.WITHDRAWN
    ]
    hashes = hash_images((case for case, _, _ in kept), image_hashes, progress)
    members = []
    for case, split, consent in kept:
        place = elsewhere.get(case.case_id, source)
        key = case_key(place, case.case_id)
        members.append(
            DatasetMember(
                case_key=key,
                patient_key=patient_key(place, case.patient_id),
                cluster_key=hash_json(["cluster", source, case.cluster]),
                images=tuple(hashes[path] for path in case.images),
                condition=str(case.condition),
                label_hash=(labels or {}).get(key) or table_label_hash(case),
                licence=case.licence or dataset.spec.licence,
                consent=consent,
                split=split,
            )
        )
    if not members:
        raise UsageError("no case is left", where=dataset.spec.name)
    if len({member.case_key for member in members}) < len(members):
        raise UsageError("a case is there twice", where=dataset.spec.name)
    return DatasetVersion.of_members(dataset.spec.name, _spec_hash(dataset), members, parent)


def _consent(
    dataset: Dataset,
    case: Case,
    consents: Mapping[str, Consent],
    sources: Mapping[str, str] | None,
) -> Consent:
    place = (sources or {}).get(case.case_id, dataset.spec.case_source)
    stated = consents.get(patient_key(place, case.patient_id))
    return case.consent if stated is None or case.consent is Consent.WITHDRAWN else stated


def _spec_hash(dataset: Dataset) -> str:
    return hash_json(dataset.spec.model_dump(mode="json"))
