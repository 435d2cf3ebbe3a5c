"""What may not be on two sides of a split."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dataset_versions.make import RULE, clinic, digest, member, members, taken, version
from triage.data.dataset import Dataset
from triage.dataset_versions.file_content import UNREADABLE, hash_images
from triage.dataset_versions.hold_out import assign_splits
from triage.dataset_versions.leaks import LeakError, check_apart, check_leaks, leaks
from triage.dataset_versions.snapshot import snapshot
from triage.dataset_versions.twins import same_content, without_twins
from triage.dataset_versions.version import DatasetMember
from triage.errors import ExitCode
from triage.vocabulary.learning import MemberSplit

SIDES = {"train": 0, "validation": 1, "test": 2, "gate": 3, "frozen": 3}


@settings(max_examples=150, deadline=None)
@given(members())
def test_a_leak_is_found_exactly_where_two_sides_have_something_in_common(
    found: list[DatasetMember],
) -> None:
    placed = [one for one in found if one.split != "excluded"]
    across_splits = any(
        SIDES[a.split] != SIDES[b.split]
        and (
            set(a.images) & set(b.images)
            or a.patient_key == b.patient_key
            or a.cluster_key == b.cluster_key
        )
        for a in placed
        for b in placed
    )
    assert bool(leaks(version(*found))) == across_splits
    if across_splits:
        with pytest.raises(LeakError, match="data leak between splits") as refused:
            check_leaks(version(*found))
        assert refused.value.exit_code is ExitCode.ANSWERED_NO


@pytest.mark.parametrize("split", ["gate", "frozen", "test"])
def test_a_bundle_that_trained_on_what_is_held_out(split: str) -> None:
    data = version(member("a"), member("b", MemberSplit(split)))
    check_leaks(data, {member("a").case_key})
    with pytest.raises(LeakError, match=f"1 cases of {split} are among those"):
        check_leaks(data, {member("b").case_key})


def test_counts_and_files_that_cannot_be_read() -> None:
    same = {"images": (digest("same"),)}
    data = version(
        member("a", **same),
        member("b", MemberSplit.GATE, **same),
        member("c", images=(UNREADABLE,)),
        member("d", MemberSplit.TEST, images=(UNREADABLE,)),
    )
    assert leaks(data) == ["1 images are in both train and gate"]


@pytest.mark.parametrize("common", ["case_key", "patient_key", "images"])
def test_a_frozen_set_of_another_spec_never_trains(common: str) -> None:
    frozen = member("z", MemberSplit.FROZEN)
    check_apart(version(member("a")), [frozen])
    twin = member("a", **{common: getattr(frozen, common)})
    with pytest.raises(LeakError, match="1 cases of training and validation"):
        check_apart(version(twin), [frozen])
    check_apart(version(twin.model_copy(update={"split": MemberSplit.TEST})), [frozen])


def test_the_same_file_in_two_splits_is_found_and_can_be_left_out(tmp_path) -> None:
    data = clinic(tmp_path)
    learner, gate = (data.of_split(name)[0] for name in ("train", "test"))
    gate.images[0].write_bytes(learner.images[0].read_bytes())
    with pytest.raises(LeakError, match="1 images are in both train and"):
        check_leaks(taken(data))
    hashes = hash_images(data.cases)
    pairs = same_content(data, hashes)
    assert pairs == [tuple(sorted((learner.cluster, gate.cluster)))]
    splits = assign_splits(data, RULE)
    joined, placed = without_twins(data, splits, pairs)
    moved = {
        case.case_id: split
        for case, before, split in zip(data.cases, splits, placed, strict=True)
        if before is not split
    }
    assert moved == {learner.case_id: MemberSplit.EXCLUDED}
    check_leaks(snapshot(joined, source="clinic", splits=placed, image_hashes=hashes))


@settings(max_examples=25, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 139), st.integers(0, 139)), max_size=30))
def test_joined_clusters_are_in_one_split_and_none_moves_to_another(
    data: Dataset, pairs: list[tuple[int, int]]
) -> None:
    named = [(data.cases[a].cluster, data.cases[b].cluster) for a, b in pairs if a != b]
    splits = assign_splits(data, RULE)
    joined, placed = without_twins(data, splits, named)
    for before, after in zip(splits, placed, strict=True):
        assert after in (before, MemberSplit.EXCLUDED)
    sides: dict[str, set[int]] = {}
    for case, split in zip(joined.cases, placed, strict=True):
        if split is not MemberSplit.EXCLUDED:
            sides.setdefault(case.cluster, set()).add(SIDES[split])
    assert all(len(found) == 1 for found in sides.values())


def test_no_pair_changes_nothing(data: Dataset) -> None:
    splits = assign_splits(data, RULE)
    joined, placed = without_twins(data, splits, [])
    assert (joined, placed) == (data, splits)
