"""The guard against pictures of another kind in a trained system."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.other_pictures import other_pictures
from tests.tiny import TinyBundle, draw_case
from triage.data.dataset import Dataset
from triage.errors import BundleError
from triage.hashing import hash_file
from triage.reports.model_card_blocks import model_card_facts
from triage.systems.bundle import load_system, read_manifest
from triage.systems.bundle_verification import MANIFEST
from triage.systems.photographs.files import IMAGE_KIND
from triage.systems.photographs.system import System
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import NO_AI_OPINION

OTHER = {AbstainReason.WRONG_MODALITY, AbstainReason.QUALITY}


@pytest.fixture(scope="module")
def system(tiny_bundle: TinyBundle) -> System:
    found = load_system(tiny_bundle.folder)[0]
    assert isinstance(found, System)
    return found


def resealed(folder: Path, **changes: object) -> None:
    """Write the manifest anew, as for the files that are there."""
    manifest = read_manifest(folder)
    files = {name: hash_file(folder / name) for name in manifest.files if (folder / name).exists()}
    manifest = manifest.model_copy(update={"files": files, **changes})
    (folder / MANIFEST).write_text(manifest.to_text(), encoding="utf-8")


def test_generated_pictures_that_are_no_skin_get_no_opinion(system: System, tmp_path: Path) -> None:
    cases = [draw_case(tmp_path, name, pixels) for name, pixels in other_pictures().items()]
    scored = system.score(cases)
    decisions = scored.predictions.decisions
    assert decisions is not None
    assert set(decisions["reason_code"]) <= OTHER
    assert set(decisions["recommendation"]) == {NO_AI_OPINION}
    assert set(decisions["next_action"]) == {AbstainReason.WRONG_MODALITY.next_action}
    # A uniform picture is of poor quality, which is told first.
    reasons = dict(zip(scored.predictions.cases["case_id"], decisions["reason_code"], strict=True))
    assert reasons["uniform"] == AbstainReason.QUALITY
    assert reasons["text"] == AbstainReason.WRONG_MODALITY
    assert "text" in scored.other_kind


def test_pictures_of_the_kind_trained_on_are_seldom_flagged(
    system: System, phantom_data: Dataset
) -> None:
    cases = phantom_data.of_split("test")
    assert len(system.score(cases).other_kind) <= 0.05 * len(cases)


def test_one_page_of_text_among_photographs_is_told(
    system: System, phantom_data: Dataset, tmp_path: Path
) -> None:
    good = next(case for case in phantom_data.of_split("test"))
    assert good.case_id not in system.score([good]).other_kind
    page = draw_case(tmp_path, "page", other_pictures()["text"]).images
    both = replace(good, images=(good.images[0], *page), root=None)
    assert system.score([both]).other_kind[both.case_id].startswith("Picture 2 of 2 ")


def test_nothing_changes_with_a_cache(
    system: System, phantom_data: Dataset, tmp_path: Path
) -> None:
    cases = phantom_data.of_split("test")[:6]
    first, second, third = (
        system.score(cases, folder).predictions.decisions for folder in (None, tmp_path, tmp_path)
    )
    assert first is not None
    assert first.equals(second)
    assert first.equals(third)


def test_every_picture_is_reported_once_a_pass(system: System, phantom_data: Dataset) -> None:
    cases, ticks = phantom_data.of_split("test")[:5], list[int]()
    system.score(cases, progress=ticks.append)
    assert system.passes == 2
    assert sum(ticks) == 2 * sum(len(case.images) for case in cases)


def test_a_bundle_without_the_guard_loads_and_says_so(
    tiny_bundle: TinyBundle, phantom_data: Dataset, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_bundle.folder, tmp_path / "b")
    assert not read_manifest(folder).lacks_image_kind
    (folder / IMAGE_KIND).unlink()
    resealed(folder, image_kind=None)
    system, manifest = load_system(folder)
    assert isinstance(system, System)
    assert (system.image_kind, system.passes) == (None, 1)
    assert system.score(phantom_data.of_split("test")[:3]).other_kind == {}
    assert manifest.lacks_image_kind
    facts = model_card_facts(manifest.model_dump(mode="json"))
    assert ("How it decides", "Guard against pictures of another kind (A1)", "none") in facts


def test_the_guard_is_told_of(tiny_bundle: TinyBundle) -> None:
    summary = tiny_bundle.manifest.image_kind
    assert summary is not None
    card = (tiny_bundle.folder / "model_card.md").read_text(encoding="utf-8")
    assert "## Guard against pictures of another kind" in card
    assert summary.text in " ".join(card.split())
    facts = model_card_facts(tiny_bundle.manifest.model_dump(mode="json"))
    assert summary.text in {value for *_, value in facts}


def test_a_damaged_guard_is_refused(tiny_bundle: TinyBundle, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_bundle.folder, tmp_path / "b")
    (folder / IMAGE_KIND).write_bytes(b"nothing")
    with pytest.raises(BundleError, match="does not match its manifest"):
        load_system(folder)
    resealed(folder)
    with pytest.raises(BundleError, match="do not fit together") as caught:
        load_system(folder)
    assert "damaged" in str(caught.value.__cause__)


def test_a_guard_that_the_manifest_states_is_not_left_out(
    tiny_bundle: TinyBundle, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_bundle.folder, tmp_path / "b")
    (folder / IMAGE_KIND).unlink()
    resealed(folder)
    with pytest.raises(BundleError, match="differ on a guard"):
        load_system(folder)
