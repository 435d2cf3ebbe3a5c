"""The version of a data set as it is now: of a spec's table, and of reviewed cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from triage.data.csv_table import read_csv
from triage.data.dataset import Dataset, load_dataset
from triage.data.spec import DataSpec
from triage.dataset_versions.file_content import hash_images
from triage.dataset_versions.leaks import check_leaks
from triage.dataset_versions.snapshot import (
    consents_of_store,
    frozen_keys,
    latest_version,
    store_version,
)
from triage.dataset_versions.twins import same_content, without_twins
from triage.dataset_versions.version import DatasetVersion
from triage.errors import UsageError
from triage.gating.policy import GatePolicy
from triage.labels.reviewed_cases import LeftOut
from triage.learning.retraining.reviewed_labels import ReviewedLabels, reviewed_labels
from triage.learning.retraining.training_data import join_reviews
from triage.progress import Progress
from triage.store import Store
from triage.vocabulary.learning import Consent, MemberSplit

_NO_LABELS = ReviewedLabels((), {}, {}, {})


@dataclass(frozen=True)
class TakenSnapshot:
    """A version that was made.

    Parameters
    ----------
    version : DatasetVersion
    is_new : bool
        Whether the case database does not have it as the newest of the spec already.
    left_out : tuple of LeftOut
        Reviewed cases whose files are not those that were received.
    copies : int
        Cases left out because a later split has their file, or one that looks alike.
    """

    version: DatasetVersion
    is_new: bool
    left_out: tuple[LeftOut, ...]
    copies: int


def take_snapshot(
    spec: DataSpec,
    root: Path,
    policy: GatePolicy,
    store: Store | None = None,
    *,
    duplicates: Sequence[tuple[str, str]] = (),
    leave_out_copies: bool = False,
    progress: Progress = lambda *_: None,
) -> TakenSnapshot:
    """Return the version of a data set; nothing is stored.

    Parameters
    ----------
    spec : DataSpec
        With the roles of its own seed.
    root : Path
    policy : GatePolicy
        Its rules for the hold-out and for labels.
    store : Store, optional
        For reviewed cases, withdrawn consents, the frozen set and the version before.
    duplicates : sequence of pairs of str
        Cases that look alike, of `read_duplicates`: of two splits they stay in the later one.
    leave_out_copies : bool
        Treat cases with a file of the same content in the same way. Otherwise such copies in two
        splits are a leak.
    progress : Progress

    Raises
    ------
    LeakError
        If the version leaks.
    SpecError
        If the data do not fit the spec.
    """
    base = load_dataset(spec, root, for_training=False)
    base, copies = _without_copies(base, duplicates, leave_out_copies, progress)
    labels, consents, frozen, before = _of_store(store, spec, policy)
    data = join_reviews(
        base,
        labels,
        policy.hold_out,
        frozen_keys=frozen,
        consents=consents,
        parent=None if before is None else before.root,
        progress=progress,
    )
    check_leaks(data.version)
    if before is not None and before.root == data.version.root:
        return TakenSnapshot(before, False, data.left_out, copies)
    return TakenSnapshot(data.version, True, data.left_out, copies)


def store_snapshot(store: Store, taken: TakenSnapshot, *, actor: str, reason: str) -> None:
    """Store a version with its frozen set; one that is there changes nothing.

    Raises
    ------
    LeakError, FrozenSetError
        See `store_version`.
    """
    store.write(lambda session: store_version(session, taken.version, actor=actor, reason=reason))


def read_duplicates(path: Path) -> list[tuple[str, str]]:
    """Return pairs of cases that belong together, of a file of `triage spec duplicates --out`.

    Raises
    ------
    UsageError
        If it has not the columns `case_id` and `similar_group`.
    SpecError
        If it is no CSV table.
    """
    table = read_csv(path)
    if not {"case_id", "similar_group"} <= {*table.columns}:
        raise UsageError(
            "has no columns case_id and similar_group",
            where=str(path),
            hint="Name a file of `triage spec duplicates --out`.",
        )
    first: dict[str, str] = {}
    return [
        (first.setdefault(group, case), case)
        for case, group in zip(table["case_id"], table["similar_group"], strict=True)
        if group and first.setdefault(group, case) != case
    ]


def _without_copies(
    base: Dataset, duplicates: Sequence[tuple[str, str]], copies: bool, progress: Progress
) -> tuple[Dataset, int]:
    cluster = {case.case_id: case.cluster for case in base.cases}
    pairs = [(cluster[a], cluster[b]) for a, b in duplicates if a in cluster and b in cluster]
    if copies:
        pairs += same_content(base, hash_images(base.cases, None, progress))
    if not pairs:
        return base, 0
    joined, splits = without_twins(base, [MemberSplit(split) for split in base.splits], pairs)
    placed = tuple(map(str, splits))
    left_out = sum(a != b for a, b in zip(base.splits, placed, strict=True))
    return replace(joined, splits=placed), left_out


def _of_store(
    store: Store | None, spec: DataSpec, policy: GatePolicy
) -> tuple[ReviewedLabels, dict[str, Consent], frozenset[str], DatasetVersion | None]:
    if store is None:
        return _NO_LABELS, {}, frozenset(), None
    with store.reading() as session:
        return (
            reviewed_labels(session, spec, policy.labels),
            consents_of_store(session),
            frozen_keys(session, spec.name),
            latest_version(session, spec.name),
        )
