"""Cases added by their files: what is taken, what is refused, what is left behind."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.store.migrated import migrated_url
from tests.ui.make_oct import write_volume
from triage.accounts import Actor, PermissionDenied, Role
from triage.decoding.read_volume import read_volume
from triage.errors import UsageError
from triage.hashing import hash_bytes
from triage.intake import upload_folder
from triage.intake.upload_folder import FilesRefused, GivenFile, look_at, prepare_folder
from triage.intake.uploaded_case import (
    LONGEST_NAME,
    CaseFacts,
    FactsRefused,
    add_uploaded_case,
    possible_modalities,
    warnings_on,
)
from triage.store import Modality, Store, events, get_case, open_store
from triage.vocabulary.event_types import EventType
from triage.vocabulary.laterality import Laterality

ANN = Actor("Ann", Role.READER)
FACTS = CaseFacts("clinic", Modality.PHOTOGRAPHS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with migrated_url("sqlite", tmp_path) as url:
        opened = open_store(url)
        yield opened
        opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "uploads"
    prepare_folder(made)
    return made


def photograph(seed: int = 0, name: str = "Jane Doe.jpg", kind: str = "PNG") -> GivenFile:
    pixels = np.random.default_rng(seed).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return GivenFile(name, stream.getvalue())


def volume(tmp_path: Path, name: str = "Jane Doe OD.npz") -> GivenFile:
    write_volume(tmp_path / "made" / "v.npz")
    return GivenFile(name, (tmp_path / "made" / "v.npz").read_bytes())


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def counted_cases(store: Store) -> int:
    with store.reading() as session:
        return len([one for one in events(session) if one.kind == EventType.CASE_RECEIVED])


def test_several_photographs_are_one_case(store: Store, folder: Path) -> None:
    given = [photograph(1), photograph(2, kind="JPEG")]
    facts = CaseFacts(
        " clinic ",
        Modality.PHOTOGRAPHS,
        "A-1",
        "P-1",
        44,
        groups={"sex": "female", "body_site": ""},
    )
    added = add_uploaded_case(store, folder, given, facts, ANN)
    with store.reading() as session:
        case = get_case(session, added.case_id)
        first = events(session, added.case_id)[0]
    assert (case.external_id, case.patient, case.source) == ("A-1", "P-1", "clinic")
    assert (case.age, case.groups, case.id_derived) == (44, {"sex": "female"}, False)
    assert [image.sha256 for image in case.images] == [hash_bytes(one.content) for one in given]
    assert [Path(image.path).name for image in case.images] == ["1.png", "2.jpg"]
    for image, one in zip(case.images, given, strict=True):
        assert (Path(image.root) / image.path).read_bytes() == one.content
    assert first.actor == "Ann"
    assert not added.was_there


def test_no_name_of_a_file_is_kept(store: Store, folder: Path) -> None:
    added = add_uploaded_case(store, folder, [photograph()], FACTS, ANN)
    with store.reading() as session:
        case = get_case(session, added.case_id)
    assert case.id_derived
    assert case.external_id == Path(case.images[0].path).parent.name
    assert "Jane" not in str(case) + str(files_below(folder))


def test_a_volume_is_a_case_and_its_name_still_says_the_eye(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    facts = CaseFacts("clinic", Modality.OCT_VOLUMES, laterality=Laterality.RIGHT)
    added = add_uploaded_case(store, folder, [volume(tmp_path)], facts, ANN)
    with store.reading() as session:
        case = get_case(session, added.case_id)
    path = Path(case.images[0].root) / case.images[0].path
    found = read_volume(path)
    assert path.name == "1-OD.npz"
    assert found.sha256 == case.images[0].sha256
    assert "file name" in {claim.source for claim in found.claims["laterality"]}
    assert case.laterality is Laterality.RIGHT


def test_the_same_files_again_are_the_same_case(store: Store, folder: Path) -> None:
    given = [photograph(1), photograph(2)]
    first = add_uploaded_case(store, folder, given, FACTS, ANN)
    before = files_below(folder)
    named = CaseFacts("clinic", Modality.PHOTOGRAPHS, "another name")
    for facts, files in ((FACTS, given), (named, given), (FACTS, given[::-1])):
        again = add_uploaded_case(store, folder, files, facts, ANN)
        assert (again.case_id, again.name, again.was_there) == (first.case_id, first.name, True)
    assert files_below(folder) == before
    assert counted_cases(store) == 1
    other = CaseFacts("other clinic", Modality.PHOTOGRAPHS)
    assert not add_uploaded_case(store, folder, given, other, ANN).was_there
    assert not add_uploaded_case(store, folder, given[:1], FACTS, ANN).was_there


@pytest.mark.parametrize(
    "facts",
    [
        CaseFacts("", Modality.PHOTOGRAPHS),
        CaseFacts("x" * 201, Modality.PHOTOGRAPHS),
        CaseFacts("clinic", Modality.PHOTOGRAPHS, "(case) 1"),
        CaseFacts("clinic", Modality.PHOTOGRAPHS, patient="(image) 1"),
        CaseFacts("clinic", Modality.PHOTOGRAPHS, patient="x" * (LONGEST_NAME + 1)),
        CaseFacts("clinic", Modality.PHOTOGRAPHS, patient="a\x00b"),
        CaseFacts("clinic", Modality.PHOTOGRAPHS, groups={"body_site": "a\x00b"}),
        CaseFacts("clinic", Modality.PHOTOGRAPHS, groups={"body_site": "a\ud800b"}),
        CaseFacts("clinic", Modality.PHOTOGRAPHS, groups={"body_site": "x" * (LONGEST_NAME + 1)}),
        CaseFacts("clinic", Modality.PHOTOGRAPHS, age=131),
        CaseFacts("clinic", Modality.PHOTOGRAPHS, age=float("nan")),
    ],
)
def test_facts_that_cannot_be_stored(store: Store, folder: Path, facts: CaseFacts) -> None:
    with pytest.raises(FactsRefused):
        add_uploaded_case(store, folder, [photograph()], facts, ANN)
    assert files_below(folder) == []
    assert counted_cases(store) == 0


def test_words_for_missing_are_no_names(store: Store, folder: Path) -> None:
    facts = CaseFacts("clinic", Modality.PHOTOGRAPHS, "n/a", "unknown", groups={"sex": "unknown"})
    added = add_uploaded_case(store, folder, [photograph()], facts, ANN)
    with store.reading() as session:
        case = get_case(session, added.case_id)
    assert case.id_derived
    assert case.patient.startswith("(case) ")
    assert case.groups == {}


def test_a_name_that_is_taken(store: Store, folder: Path) -> None:
    facts = CaseFacts("clinic", Modality.PHOTOGRAPHS, "A-1")
    add_uploaded_case(store, folder, [photograph(1)], facts, ANN)
    before = files_below(folder)
    with pytest.raises(FactsRefused, match="name"):
        add_uploaded_case(store, folder, [photograph(2)], facts, ANN)
    assert files_below(folder) == before


@pytest.mark.parametrize(
    ("files", "positions"),
    [
        ([GivenFile("a.jpg", b"no picture"), photograph()], [0]),
        ([photograph(), GivenFile("a.jpg", b"")], [1]),
        ([photograph(1), photograph(1)], [1]),
        ([], [None]),
        ([photograph(at) for at in range(13)], [None]),
    ],
)
def test_refused_files(
    store: Store, folder: Path, files: list[GivenFile], positions: list[int | None]
) -> None:
    with pytest.raises(FilesRefused) as refused:
        add_uploaded_case(store, folder, files, FACTS, ANN)
    assert [one.position for one in refused.value.problems] == positions
    assert "Jane" not in str(refused.value)
    assert files_below(folder) == []
    assert counted_cases(store) == 0


def test_sizes_are_checked_before_anything_is_written(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_folder, "MOST_BYTES", 100)
    monkeypatch.setattr(upload_folder, "MOST_BYTES_TOGETHER", 150)
    monkeypatch.setattr(upload_folder, "_written", lambda *_: pytest.fail("written"))
    with pytest.raises(FilesRefused) as refused:
        add_uploaded_case(store, folder, [photograph()], FACTS, ANN)
    assert [one.position for one in refused.value.problems] == [0, None]


def test_files_of_another_kind_than_stated(store: Store, folder: Path, tmp_path: Path) -> None:
    of_volumes = CaseFacts("clinic", Modality.OCT_VOLUMES)
    for files, facts in (
        ([photograph()], of_volumes),
        ([volume(tmp_path)], FACTS),
        ([photograph(), volume(tmp_path)], FACTS),
        ([photograph(), volume(tmp_path)], of_volumes),
    ):
        with pytest.raises(FilesRefused):
            add_uploaded_case(store, folder, files, facts, ANN)
    assert files_below(folder) == []


def test_what_files_can_be_is_guessed(folder: Path, tmp_path: Path) -> None:
    grey = io.BytesIO()
    Image.new("L", (80, 60)).save(grey, "PNG")
    pictures = (Modality.PHOTOGRAPHS, Modality.OCT_BSCANS)
    assert possible_modalities(look_at(folder, [photograph()])) == pictures
    assert possible_modalities(look_at(folder, [GivenFile("", grey.getvalue())])) == pictures[::-1]
    assert possible_modalities(look_at(folder, [volume(tmp_path)])) == (Modality.OCT_VOLUMES,)
    assert possible_modalities(look_at(folder, [photograph(), volume(tmp_path)])) == ()
    assert files_below(folder) == []


@pytest.mark.parametrize("role", [Role.GOVERNANCE, Role.ENGINEER, Role.ADMINISTRATOR, None])
def test_who_may_not(store: Store, folder: Path, role: Role | None) -> None:
    with pytest.raises(PermissionDenied):
        add_uploaded_case(store, folder, [photograph()], FACTS, Actor("Gus", role))
    assert files_below(folder) == []


def test_nothing_is_left_where_the_database_fails(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> int:
        raise UsageError("The database is gone.")

    monkeypatch.setattr("triage.intake.uploaded_case.add_case", fail)
    with pytest.raises(UsageError, match="gone"):
        add_uploaded_case(store, folder, [photograph()], FACTS, ANN)
    assert files_below(folder) == []


def test_a_folder_that_is_no_folder(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UsageError, match="folder"):
            prepare_folder(place)
        with pytest.raises(UsageError, match="folder"):
            add_uploaded_case(store, place, [photograph()], FACTS, ANN)


def test_what_a_killed_process_left_is_deleted_after_a_while(store: Store, folder: Path) -> None:
    old, new = folder / ".unfinished-old", folder / ".unfinished-new"
    for place in (old, new):
        place.mkdir()
        (place / "1").write_bytes(b"x")
    os.utime(old, (0, 0))
    add_uploaded_case(store, folder, [photograph()], FACTS, ANN)
    assert not old.exists()
    assert new.exists()


def test_an_added_case_waits_with_images_that_were_checked(store: Store, folder: Path) -> None:
    added = add_uploaded_case(store, folder, [photograph()], FACTS, ANN)
    with store.reading() as session:
        kinds = [one.kind for one in events(session, added.case_id)]
    assert kinds == [EventType.CASE_RECEIVED, EventType.IMAGES_CHECKED]


def test_names_that_may_identify_the_patient_are_warned_of() -> None:
    facts = CaseFacts("clinic", Modality.PHOTOGRAPHS, patient="1961-04-23")
    assert "a date" in warnings_on(facts)[0]
    assert warnings_on(CaseFacts("clinic", Modality.PHOTOGRAPHS, "A-1", "P-1")) == []
