"""Small data sets and versions to test with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.data.make import make_rows, make_spec, write_csv
from triage.data.dataset import Dataset, load_dataset
from triage.dataset_versions.hold_out import HoldOutRule, assign_splits
from triage.dataset_versions.snapshot import snapshot
from triage.dataset_versions.version import DatasetMember, DatasetVersion, case_key, patient_key
from triage.hashing import hash_bytes
from triage.vocabulary.learning import Consent, MemberSplit

RULE = HoldOutRule(share_of_test=0.6, frozen_share=0.5)


def digest(text: str) -> str:
    return hash_bytes(text.encode())


def member(name: str, split: MemberSplit = MemberSplit.TRAIN, **changes: Any) -> DatasetMember:
    given = {
        "case_key": case_key("clinic", name),
        "patient_key": patient_key("clinic", f"p-{name}"),
        "cluster_key": digest(f"cluster {name}"),
        "images": (digest(f"image {name}"),),
        "condition": "acne",
        "label_hash": digest("acne"),
        "licence": "none",
        "split": split,
    }
    return DatasetMember.model_validate({**given, **changes})


def version(*members: DatasetMember, **changes: Any) -> DatasetVersion:
    given = {"spec_name": "clinic", "spec_hash": digest("spec")} | changes
    return DatasetVersion.of_members(
        given["spec_name"], given["spec_hash"], members, given.get("parent")
    )


def write_files(root: Path, rows: Iterable[dict[str, str]]) -> None:
    """Write a table, and files of different bytes; nothing here decodes them."""
    listed = list(rows)
    root.mkdir(parents=True, exist_ok=True)
    write_csv(root / "rows.csv", listed)
    for row in listed:
        (root / row["image"]).write_bytes(row["image"].encode())


def clinic(root: Path, rows: Sequence[dict[str, str]] | None = None, **changes: Any) -> Dataset:
    """A data set with its files below `root`."""
    write_files(root, make_rows() if rows is None else rows)
    return load_dataset(make_spec(**changes), root)


def taken(dataset: Dataset, frozen: Iterable[str] = (), **changes: Any) -> DatasetVersion:
    return snapshot(
        dataset,
        source=dataset.spec.case_source,
        splits=assign_splits(dataset, RULE, frozenset(frozen)),
        **changes,
    )


def members() -> st.SearchStrategy[list[DatasetMember]]:
    """Different cases with few patients, images and labels."""
    few = st.sampled_from("abcd").map(digest)
    facts = st.fixed_dictionaries(
        {
            "patient_key": few,
            "cluster_key": few,
            "images": st.lists(few, max_size=2).map(tuple),
            "condition": st.sampled_from(["acne", "melanoma"]),
            "label_hash": few,
            "licence": st.sampled_from(["CC0", "none"]),
            "consent": st.sampled_from([Consent.GIVEN, Consent.NOT_RECORDED]),
            "split": st.sampled_from(list(MemberSplit)),
        }
    )
    cases = st.dictionaries(st.sampled_from([f"c{n}" for n in range(9)]), facts, max_size=8)
    return cases.map(lambda found: [member(name, **given) for name, given in found.items()])
