"""Roots, differences and files of versions."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dataset_versions.make import digest, member, members, version
from triage.dataset_versions.diff import VersionDiff, diff_versions
from triage.dataset_versions.version import DatasetMember, DatasetVersion, VersionNotIntact
from triage.dataset_versions.version_file import read_version, write_version
from triage.errors import ExitCode, UsageError
from triage.vocabulary.learning import Consent, MemberSplit


def rfc_6962(leaves: list[bytes]) -> bytes:
    """The recursive definition of RFC 6962, 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + rfc_6962(leaves[:half]) + rfc_6962(leaves[half:])).digest()


@settings(max_examples=60, deadline=None)
@given(members(), st.randoms(use_true_random=False))
def test_the_root_is_that_of_the_set_of_members(found: list[DatasetMember], order) -> None:
    recorded = version(*found)
    shuffled = list(found)
    order.shuffle(shuffled)
    assert version(*shuffled) == recorded
    leaves = [
        json.dumps(one.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()
        for one in sorted(found, key=lambda one: one.case_key)
    ]
    assert recorded.root == rfc_6962(leaves).hex()


@settings(max_examples=60, deadline=None)
@given(members(), members())
def test_a_difference_reads_the_same_from_both_ends(
    before: list[DatasetMember], after: list[DatasetMember]
) -> None:
    a, b = version(*before), version(*after)
    there, back = diff_versions(a, b), diff_versions(b, a)
    assert (there.added, there.removed) == (back.removed, back.added)
    for name in ("relabelled", "images_changed", "consent_changed", "licence_changed", "joined"):
        assert getattr(there, name) == getattr(back, name)
    moves = {(move.before, move.after): move.cases for move in there.moved}
    assert {(move.after, move.before): move.cases for move in back.moved} == moves
    assert there.same == (a.root == b.root) == (sum(there.counts().values()) == 0)
    counted = sum(sum(row.values()) for row in there.by_condition.values())
    assert counted == sum(there.counts().values())


def test_what_a_difference_lists() -> None:
    before = version(*(member(name) for name in "abcdefg"))
    after = version(
        member("a", condition="melanoma"),
        member("b", label_hash=digest("read by two")),
        member("c", images=(digest("another file"),)),
        member("d", MemberSplit.EXCLUDED),
        member("e", consent=Consent.GIVEN),
        member("f", licence="CC0"),
        member("new"),
    )
    found = diff_versions(before, after)
    keys = {name: member(name).case_key for name in (*"abcdefg", "new")}
    assert set(found.relabelled) == {keys["a"], keys["b"]}
    assert found.images_changed == (keys["c"],)
    assert [(m.before, m.after, m.cases) for m in found.moved] == [
        ("train", "excluded", (keys["d"],))
    ]
    assert found.consent_changed == (keys["e"],)
    assert found.licence_changed == (keys["f"],)
    assert (found.added, found.removed) == ((keys["new"],), (keys["g"],))
    assert found.by_condition["melanoma"] == {"relabelled": 1}
    assert VersionDiff.model_validate_json(found.model_dump_json()) == found


def test_a_version_of_no_members_and_of_one_twice() -> None:
    assert version().root == hashlib.sha256(b"").hexdigest()
    with pytest.raises(ValueError, match="there twice"):
        version(member("a"), member("a"))


def test_a_file_comes_back_and_is_the_same_whoever_writes_it(tmp_path: Path) -> None:
    recorded = version(member("a"), member("b", MemberSplit.GATE), parent=digest("before"))
    write_version(recorded, tmp_path / "a.json")
    write_version(DatasetVersion.of_members(
        recorded.spec_name, recorded.spec_hash, reversed(recorded.members), recorded.parent
    ), tmp_path / "b.json")  # fmt: skip
    assert read_version(tmp_path / "a.json") == recorded
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize(
    ("old", "new"),
    [("acne", "melanoma"), ('"train"', '"test"'), ('"none"', '"CC0"'), ('"split"', '"slit"')],
)
def test_an_altered_file_is_refused(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_version(version(member("a"), member("b")), path)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(VersionNotIntact, match="was changed since it was written") as refused:
        read_version(path)
    assert refused.value.exit_code is ExitCode.ANSWERED_NO


@pytest.mark.parametrize("text", ["", "[]", "{}", "[" * 100_000, '{"root": "a"}'])
def test_a_file_that_is_no_version(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="is no version"):
        read_version(path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        write_version(version(member("a")), tmp_path / "file" / "a.json")
