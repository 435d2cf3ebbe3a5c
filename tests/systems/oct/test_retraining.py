"""OCT systems trained again: what is kept, what is trained, and what is mapped once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny import TinyOctBundle
from triage.array_file import load_arrays, save_arrays
from triage.cache_folder import TISSUE_MAPS
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.spec import DataSpec
from triage.errors import TrainingError
from triage.phantoms.oct import write_oct_phantoms
from triage.systems.bundle import load_system, save_bundle
from triage.systems.families import family_of
from triage.systems.family import Fitted
from triage.systems.manifest import BundleManifest
from triage.systems.oct import retraining, tissue_cache
from triage.systems.oct.networks import hypotheses_of, weights_digest
from triage.systems.oct.opening import open_volume
from triage.systems.oct.system import OctSystem
from triage.systems.oct.tissue_cache import TissueCache
from triage.vocabulary.modality import Modality

FAMILY = family_of(Modality.OCT_VOLUMES)


@pytest.fixture(scope="module")
def champion(tiny_oct_bundle: TinyOctBundle) -> tuple[OctSystem, BundleManifest]:
    system, manifest = load_system(tiny_oct_bundle.folder)
    assert isinstance(system, OctSystem)
    return system, manifest


def reviewed(oct_data: Dataset, folder: Path, device: str = "A") -> list[Case]:
    """Six volumes of new patients without annotation, labelled with referral classes."""
    from triage.data.manifest import cases_of_rows, rows_of_spec

    write_oct_phantoms(folder, 6, 5, device=device, size=(6, 32, 32), rare_fraction=0.0)
    spec = oct_data.spec
    found = cases_of_rows(rows_of_spec(spec, folder), spec, folder)
    return [
        replace(
            case, case_id=f"r{n}", patient_id=f"rp{n}", cluster=f"patient:rp{n}", annotation=None
        )
        for n, case in enumerate(found)
    ]


def refit(
    champion: tuple[OctSystem, BundleManifest], dataset: Dataset, tmp: Path, **changes: Any
) -> Fitted[OctSystem]:
    given: dict[str, Any] = {
        "annotated": False,
        "cache_folder": tmp / "cache",
        "checkpoints": tmp / "checkpoints",
        "progress": lambda *_: None,
    }
    return FAMILY.refit(*champion, dataset, "b", **(given | changes))


@pytest.fixture(scope="module")
def second(
    champion: tuple[OctSystem, BundleManifest],
    oct_data: Dataset,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Fitted[OctSystem], Dataset, Path]:
    """Trained again from reviews, and the folder of its cache."""
    tmp = tmp_path_factory.mktemp("second")
    extended = oct_data.with_training_cases(reviewed(oct_data, tmp / "clinic"))
    assert len(extended.cases) == len(oct_data.cases) + 6
    return refit(champion, extended, tmp), extended, tmp


def test_reviews_train_the_referral_stage_alone(
    champion: tuple[OctSystem, BundleManifest], second: tuple[Fitted[OctSystem], Dataset, Path]
) -> None:
    fitted, _, _ = second
    assert fitted.manifest.backbones == champion[1].backbones
    assert fitted.manifest.settings == champion[1].settings
    for name, network in champion[0].referrers.items():
        assert weights_digest(network) != weights_digest(fitted.system.referrers[name])
    assert fitted.system.shift == champion[0].shift
    assert fitted.system.annotations == champion[0].annotations
    assert "only stage 2 was trained" in " ".join(fitted.manifest.notes)


def test_a_retrained_bundle_loads_with_the_same_weights(
    second: tuple[Fitted[OctSystem], Dataset, Path], tmp_path: Path
) -> None:
    fitted, dataset, _ = second
    save_bundle(
        tmp_path / "b", fitted.manifest, fitted.system.policy, dataset.spec, fitted.write_networks
    )
    loaded, manifest = load_system(tmp_path / "b")
    assert isinstance(loaded, OctSystem)
    assert loaded.annotations == fitted.system.annotations
    assert manifest.backbones == fitted.manifest.backbones
    cases = dataset.of_split("test")[:2]
    np.testing.assert_array_equal(
        loaded.score(cases).predictions.probabilities,
        fitted.system.score(cases).predictions.probabilities,
    )


def test_reviewed_volumes_change_what_is_learned(
    champion: tuple[OctSystem, BundleManifest],
    second: tuple[Fitted[OctSystem], Dataset, Path],
    oct_data: Dataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without reviews the same networks come out as in the first training; maps are cached."""
    fitted, _, tmp = second
    monkeypatch.setattr(tissue_cache, "hypotheses_of", lambda *_: pytest.fail("mapped again"))
    same = refit(champion, oct_data, tmp, checkpoints=tmp / "others")
    for name, network in champion[0].referrers.items():
        found = same.system.referrers[name].state_dict()
        assert all(torch.equal(value, found[key]) for key, value in network.state_dict().items())
        assert weights_digest(fitted.system.referrers[name]) != weights_digest(network)


def test_another_seed_trains_other_referral_networks_on_the_same_maps(
    champion: tuple[OctSystem, BundleManifest], oct_data: Dataset, tmp_path: Path
) -> None:
    system, manifest = champion
    settings = manifest.settings.model_copy(update={"seed": 7})
    other = manifest.model_copy(update={"settings": settings})
    fitted = refit((system, other), oct_data, tmp_path)
    assert fitted.manifest.backbones == manifest.backbones
    assert fitted.manifest.settings == settings
    for name, network in system.referrers.items():
        assert weights_digest(network) != weights_digest(fitted.system.referrers[name])


def test_volumes_of_a_device_that_stage_1_never_learned_do_not_train(
    champion: tuple[OctSystem, BundleManifest], oct_data: Dataset, tmp_path: Path
) -> None:
    extra = reviewed(oct_data, tmp_path / "clinic", "B")
    fitted = refit(champion, oct_data.with_training_cases(extra), tmp_path)
    notes = " ".join(fitted.manifest.notes)
    assert "6 training volumes are taken unlike" in notes


def annotated_elsewhere(oct_data: Dataset, folder: Path) -> Dataset:
    """Twelve annotated volumes of another device in the training split."""
    from triage.data.manifest import cases_of_rows, rows_of_spec

    write_oct_phantoms(folder, 12, 6, device="B", size=(6, 32, 32), rare_fraction=0.0)
    spec = oct_data.spec
    extra = [
        replace(case, case_id=f"n{n}", patient_id=f"np{n}", cluster=f"patient:np{n}")
        for n, case in enumerate(cases_of_rows(rows_of_spec(spec, folder), spec, folder))
    ]
    assert all(case.annotation is not None for case in extra)
    return oct_data.with_training_cases(extra)


def test_new_annotations_train_the_tissue_stage_further(
    champion: tuple[OctSystem, BundleManifest], oct_data: Dataset, tmp_path: Path
) -> None:
    dataset = annotated_elsewhere(oct_data, tmp_path / "clinic")
    assert not FAMILY.has_new_annotations(champion[0], oct_data)
    assert FAMILY.has_new_annotations(champion[0], dataset)
    before = {name: weights_digest(one) for name, one in champion[0].segmenters.items()}
    fitted = refit(champion, dataset, tmp_path, annotated=True)
    assert {name: weights_digest(one) for name, one in champion[0].segmenters.items()} == before
    assert set(fitted.manifest.backbones) == set(before)
    assert not set(fitted.manifest.backbones.values()) & set(before.values())
    # Two of the twelve are held out to stop the training; the old ones are replayed.
    assert fitted.system.annotations is not None
    assert champion[0].annotations is not None
    assert {*champion[0].annotations} < {*fitted.system.annotations}
    assert len(fitted.system.annotations) == len(champion[0].annotations) + 12
    notes = " ".join(fitted.manifest.notes)
    assert f"10 newly annotated volumes and {len(champion[0].annotations)} that" in notes
    assert not FAMILY.has_new_annotations(fitted.system, dataset)
    distances = fitted.system.shift.distance
    new = [open_volume(case, fitted.system.settings.segmentation) for case in dataset.cases[-12:]]
    features = np.stack([volume.acquisition for volume in new])
    assert (distances(features) <= fitted.system.shift.limit).mean() > 0.7
    assert (champion[0].shift.distance(features) > champion[0].shift.limit).all()


def test_nothing_new_to_train_stage_1_on(
    champion: tuple[OctSystem, BundleManifest], oct_data: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="no annotation"):
        refit(champion, oct_data, tmp_path, annotated=True)


def test_a_system_that_does_not_state_its_annotations_is_kept(
    champion: tuple[OctSystem, BundleManifest], oct_data: Dataset, tmp_path: Path
) -> None:
    dataset = annotated_elsewhere(oct_data, tmp_path / "clinic")
    system, _ = champion
    former = OctSystem(
        system.segmenters,
        system.referrers,
        settings=system.settings,
        kind=system.kind,
        classes=system.classes,
        n_inliers=system.n_inliers,
        policy=system.policy,
        shift=system.shift,
        provenance=system.provenance,
    )
    assert retraining.new_annotations(former, dataset) == ()


# the cache of tissue maps


def test_maps_are_kept_by_content_and_networks(
    champion: tuple[OctSystem, BundleManifest], oct_data: Dataset, tmp_path: Path
) -> None:
    system = champion[0]
    segmenters = list(system.segmenters.values())
    volume = open_volume(oct_data.cases[0], system.settings.segmentation)
    cache = TissueCache(tmp_path, segmenters, system.settings)
    expected = hypotheses_of(segmenters, volume.bscans, system.settings)
    np.testing.assert_array_equal(cache.hypotheses(volume), expected)
    np.testing.assert_array_equal(cache.hypotheses(volume), expected)
    assert cache.computed == 1
    other = TissueCache(tmp_path, segmenters[:1], system.settings)
    np.testing.assert_array_equal(other.hypotheses(volume), expected[:1])
    brighter = replace(volume, bscans=volume.bscans // 2)
    cache.hypotheses(brighter)
    assert (cache.computed, other.computed) == (2, 1)
    folder = tmp_path / TISSUE_MAPS / volume.sha256
    assert len(list(folder.iterdir())) == 3
    assert sum(file.stat().st_size for file in folder.iterdir()) < 3 * expected.nbytes


@pytest.mark.parametrize("damage", ["cut", "text", "other", "short"])
def test_a_damaged_map_is_computed_again(
    damage: str,
    champion: tuple[OctSystem, BundleManifest],
    oct_data: Dataset,
    tmp_path: Path,
) -> None:
    system = champion[0]
    segmenters = list(system.segmenters.values())
    volume = open_volume(oct_data.cases[0], system.settings.segmentation)
    cache = TissueCache(tmp_path, segmenters, system.settings)
    expected = cache.hypotheses(volume)
    (path,) = (tmp_path / TISSUE_MAPS / volume.sha256).iterdir()
    found = load_arrays(path)
    assert found is not None
    arrays, header = found
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif damage == "text":
        save_arrays(path, {"packed": arrays["packed"][3:]}, header)
    elif damage == "other":
        save_arrays(path, arrays, {"shape": [1]})
    else:
        save_arrays(path, {"packed": arrays["packed"][:-8]}, header)
    np.testing.assert_array_equal(cache.hypotheses(volume), expected)
    assert cache.computed == 2


def test_without_a_folder_nothing_is_kept(
    champion: tuple[OctSystem, BundleManifest], oct_data: Dataset, oct_spec: DataSpec
) -> None:
    system = champion[0]
    cache = TissueCache(None, list(system.segmenters.values()), system.settings)
    volume = open_volume(oct_data.cases[0], system.settings.segmentation)
    np.testing.assert_array_equal(cache.hypotheses(volume), cache.hypotheses(volume))
    assert cache.computed == 2
