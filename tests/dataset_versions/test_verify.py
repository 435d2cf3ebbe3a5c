"""A version compared with data that changed since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.make import make_content, make_rows, make_spec, write_csv
from tests.dataset_versions.make import RULE, digest, taken, write_files
from triage.data.dataset import Dataset, load_dataset
from triage.dataset_versions.file_content import UNREADABLE, content_hash, hash_images
from triage.dataset_versions.hold_out import assign_splits
from triage.dataset_versions.snapshot import exclude_withdrawn, snapshot
from triage.dataset_versions.verify import VersionCheck, cases_of_table, verify_version
from triage.dataset_versions.version import case_key, patient_key
from triage.errors import UsageError
from triage.hashing import hash_file
from triage.vocabulary.learning import Consent, MemberSplit

SPEC = make_spec(rows=make_content()["rows"] | {"licence": "terms", "consent": "agreed"})


def rows() -> list[dict[str, str]]:
    return [row | {"terms": "", "agreed": ""} for row in make_rows(6)]


def load(root: Path, table: list[dict[str, str]]) -> Dataset:
    write_csv(root / "rows.csv", table)
    return load_dataset(SPEC, root, for_training=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_files(tmp_path, rows())
    return tmp_path


def check(root: Path, change: Callable[[list[dict[str, str]]], object]) -> VersionCheck:
    recorded = taken(load(root, rows()))
    table = rows()
    change(table)
    present = cases_of_table(load(root, table))
    return verify_version(recorded, present, own=present)


def test_nothing_changed(root: Path) -> None:
    found = check(root, lambda table: table.reverse())
    assert (found.findings, found.intact, found.members) == ((), True, len(rows()))


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda table: table.pop(0), "is not in the data any more"),
        (lambda table: table[0].update(condition="melanoma"), "its condition is another"),
        (lambda table: table[0].update(patient_id="another"), "it is another patient's"),
        (lambda table: table[0].update(terms="CC0"), "its licence is another"),
        (lambda table: table[0].update(agreed="given"), "its consent is given, not not_recorded"),
        (lambda table: table[0].update(agreed="withdrawn"), "its consent is withdrawn, not"),
        (lambda table: table[0].update(image=table[1].pop("image")) or table.pop(1),
         "image 1 has another content"),
        (lambda table: table[1].update(case_id="c-acne-0", patient_id="p-acne-0"),
         "it has 2 images, not 1"),
    ],
)  # fmt: skip
def test_one_case_changed(change, finding: str, root: Path) -> None:
    found = check(root, change)
    named = [line for line in found.findings if finding in line]
    assert len(named) == 1
    assert case_key("clinic", "c-acne-0")[:12] in named[0]
    assert "acne-0" not in " ".join(found.findings)


def test_a_file_that_changed_or_went(root: Path) -> None:
    (root / "acne0.png").write_bytes(b"other")
    (root / "acne1.png").unlink()
    recorded = snapshot_before(root)
    found = verify_version(recorded, cases_of_table(load(root, rows())))
    assert len(found.findings) == 2
    assert all("image 1 has another content, or cannot be read" in one for one in found.findings)


def snapshot_before(root: Path):
    known = {root / row["image"]: digest(row["image"]) for row in rows()}
    data = load(root, rows())
    return snapshot(data, source="clinic", splits=assign_splits(data, RULE), image_hashes=known)


def test_new_cases_are_counted_and_no_finding(root: Path) -> None:
    table = rows()
    recorded = taken(load(root, table[1:]))
    present = cases_of_table(load(root, table))
    found = verify_version(recorded, present, own=present)
    assert (found.intact, found.new_cases) == (True, 1)


def test_a_consent_that_was_withdrawn_since(root: Path) -> None:
    data = load(root, rows())
    recorded = taken(data)
    key = patient_key("clinic", "p-acne-0")
    found = verify_version(recorded, cases_of_table(data), withdrawn={key})
    assert [line.partition(": ")[2] for line in found.findings] == [
        "the consent of its patient is withdrawn"
    ]
    later = taken(data, consents={key: Consent.WITHDRAWN})
    assert key not in {one.patient_key for one in later.members}
    splits = exclude_withdrawn(data, assign_splits(data, RULE), {key: Consent.WITHDRAWN})
    assert [c.case_id for c, s in zip(data.cases, splits, strict=True)
            if s is MemberSplit.EXCLUDED] == ["c-acne-0"]  # fmt: skip
    given = taken(data, consents={key: Consent.GIVEN})
    assert {one.consent for one in given.members if one.patient_key == key} == {Consent.GIVEN}


def test_a_snapshot_without_a_case_or_with_one_twice(root: Path) -> None:
    data = load(root, rows())
    everyone = {patient_key("clinic", case.patient_id): Consent.WITHDRAWN for case in data.cases}
    with pytest.raises(UsageError, match="no case is left"):
        taken(data, consents=everyone)
    twice = Dataset(SPEC, data.draw, data.cases[:1] * 2, data.splits[:1] * 2)
    with pytest.raises(UsageError, match="there twice"):
        taken(twice)


def test_content_of_files_folders_and_what_cannot_be_read(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "1.png").write_bytes(b"one")
    (volume / ".hidden").write_bytes(b"")
    first = content_hash(volume)
    (volume / ".hidden").unlink()
    assert content_hash(volume) == first
    (volume / "1.png").rename(volume / "2.png")
    assert content_hash(volume) != first
    assert content_hash(volume / "2.png") == hash_file(volume / "2.png")
    assert content_hash(tmp_path / "none.png") == UNREADABLE
    (tmp_path / "out").symlink_to("/etc/hostname")
    assert content_hash(tmp_path / "out", tmp_path) == UNREADABLE


def test_hashing_tells_its_progress_and_keeps_what_is_known(root: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    data = load(root, rows())
    first = data.cases[0].images[0]
    found = hash_images(data.cases, {first: "known"}, lambda *step: seen.append(step))
    assert found[first] == "known"
    assert seen[-1] == ("hashing files", len(data.cases) - 1, len(data.cases) - 1)
