"""Volumes to descriptors of their tissue maps, from the networks of a bundle and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny import draw_case, noise
from triage.backbones.backbone import Backbone
from triage.backbones.feature_maps import MapStatistics
from triage.data.manifest import Case
from triage.decoding.read_volume import read_volume
from triage.errors import RejectReason, TrainingError
from triage.hashing import hash_file, hash_json
from triage.imaging.corruptions import FAR, Corruption
from triage.imaging.views import Views
from triage.models.embedding_cache import EmbeddingCache
from triage.models.embeddings import embed_cases
from triage.models.load_backbone import load_backbone
from triage.models.oct.settings import OctSettings, SegmentationSettings
from triage.models.oct.tissue_backbone import CELLS, WIDTH, TissueBackbone, tissue_descriptor
from triage.models.oct.unet import new_segmentation, predict_tissue
from triage.models.oct.volume_reader import VolumeReader
from triage.phantoms.oct.write import write_oct_phantoms
from triage.vocabulary.tissues import Tissue

SETTINGS = OctSettings(
    segmentation=SegmentationSettings(rows=32, columns=48, channels=(4, 8)), instances=2
)
BLUR = Corruption("gaussian_blur", 3)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("volumes")
    write_oct_phantoms(folder, 3, 0, size=(8, 48, 48))
    return folder


@pytest.fixture
def cases(root: Path) -> list[Case]:
    paths = sorted((root / "volumes").glob("*.dcm"))
    return [Case(path.stem, "p", path.stem, (path,), None) for path in paths]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """What a backbone needs of a bundle: untrained instances and a manifest that lists them."""
    from safetensors.torch import save_file

    folder = tmp_path / "bundle"
    (folder / "segmentation").mkdir(parents=True)
    for name, seed in (("s0", 0), ("s1", 1)):
        network = new_segmentation(SETTINGS.segmentation, len(Tissue), seed)
        state = {key: value.contiguous() for key, value in network.state_dict().items()}
        save_file(state, folder / "segmentation" / f"{name}.safetensors")
    write_manifest(folder, SETTINGS.model_dump(mode="json"))
    return folder


def write_manifest(folder: Path, settings: dict[str, object]) -> None:
    files = {
        path.relative_to(folder).as_posix(): hash_file(path)
        for path in folder.rglob("*.safetensors")
    }
    content = {"backbones": {"s0": "", "s1": ""}, "settings": settings, "files": files}
    text = json.dumps({"digest": hash_json(content), **content})
    (folder / "manifest.json").write_text(text, encoding="utf-8")


@pytest.fixture
def backbone(bundle: Path) -> Backbone:
    return load_backbone(f"oct:{bundle}")


def memory() -> EmbeddingCache:
    return EmbeddingCache(None, "")


def test_the_descriptor_tells_where_each_tissue_lies() -> None:
    """A flat map: vitreous above, retina, pigment epithelium, choroid below; fluid in a corner."""
    spacing = (0.5, 0.01, 0.05)
    tissue = np.zeros((12, 160, 120), np.uint8)
    tissue[:, 80:118] = Tissue.NEUROSENSORY_RETINA
    tissue[:, 118:122] = Tissue.RPE  # the level: row 120 lies at 0.75 of the field
    tissue[:, 122:] = Tissue.CHOROID
    tissue[:2, 90:100, :15] = Tissue.INTRARETINAL_FLUID
    found = tissue_descriptor(tissue, spacing)
    assert found.shape == (WIDTH,)
    assert found.dtype == np.float32
    share, level = found.reshape(2, len(Tissue), *CELLS.cells[::2])
    np.testing.assert_allclose(share[Tissue.RPE], 4 / 160, atol=3e-3)
    assert share.sum(axis=0) == pytest.approx(1, abs=0.02)  # the field is all inside the scan
    fluid = np.zeros((6, 8))
    fluid[0, 0] = 10 / 160
    np.testing.assert_allclose(share[Tissue.INTRARETINAL_FLUID], fluid, atol=3e-3)
    assert np.count_nonzero(level[Tissue.INTRARETINAL_FLUID]) == 1
    # rows 122 to 160 are the last 38 of 160: their middle lies at 141 / 160
    np.testing.assert_allclose(level[Tissue.CHOROID], 2 * 141 / 160 - 1, atol=0.05)
    assert (level[Tissue.CHOROID] > level[Tissue.NEUROSENSORY_RETINA]).all()
    assert not level[Tissue.SEROUS_PED].any()


def test_a_scanner_with_more_samples_gives_the_same_descriptor() -> None:
    tissue = np.random.default_rng(0).integers(0, 15, (12, 40, 24), dtype=np.uint8)
    tissue[:, 30] = Tissue.RPE
    fine = tissue.repeat(2, axis=0).repeat(3, axis=1).repeat(2, axis=2)
    coarse = tissue_descriptor(tissue, (0.5, 0.04, 0.25))
    found = tissue_descriptor(fine, (0.25, 0.04 / 3, 0.125))
    share, shares = (each[: WIDTH // 2] for each in (coarse, found))
    np.testing.assert_allclose(shares, share, atol=0.02)


def test_instances_are_averaged(cases: list[Case], backbone: Backbone) -> None:
    found, opened = embed_cases(cases, backbone, memory())
    assert opened.cases == cases
    assert found.shape == (3, WIDTH)
    for case, vector in zip(cases, found, strict=True):
        volume = read_volume(case.images[0])
        opened_volume = VolumeReader(32, 48).open(case.images[0])
        count, height, width = volume.bscans.shape
        assert opened_volume.frames.shape == (count, 32, 48)
        between, depth, column = volume.spacing.complete or (0, 0, 0)
        spacing = (between, depth * height / 32, column * width / 48)
        assert opened_volume.spacing == pytest.approx(spacing)
        precision = backbone.settings.precision
        frames = opened_volume.frames
        maps = [predict_tissue(network, frames, 3, precision) for network in backbone.network]
        tissue = np.mean(maps, axis=0).argmax(axis=1).astype(np.uint8)
        np.testing.assert_allclose(vector, tissue_descriptor(tissue, spacing), atol=1e-6)


def test_volumes_are_kept_by_their_content(
    cases: list[Case], backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = (None, BLUR, FAR)
    caches = [EmbeddingCache(tmp_path / "c", backbone.digest()) for _ in range(2)]
    first = [embed_cases(cases, backbone, caches[0], corruption=kind)[0] for kind in kinds]
    for case in cases:
        assert caches[0].get(hash_file(case.images[0])) is not None
    monkeypatch.setattr(TissueBackbone, "embed", None)  # nothing is mapped again
    monkeypatch.setattr(VolumeReader, "open", None)
    again = EmbeddingCache(tmp_path / "c", backbone.digest())
    for kind, expected in zip(kinds, first, strict=True):
        assert np.array_equal(embed_cases(cases, backbone, again, corruption=kind)[0], expected)
    assert not np.allclose(first[0], first[1], atol=1e-3)
    assert not np.allclose(first[0], first[2], atol=1e-3)


def test_a_folder_is_kept_by_its_content(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    folder = tmp_path / "stack"
    folder.mkdir()
    for number in range(4):
        Image.fromarray(noise(number)[:, :, 0]).save(folder / f"{number}.png")
    spacing = {"bscan_spacing_mm": 0.1, "depth_spacing_mm": 0.004, "column_spacing_mm": 0.01}
    (folder / "sidecar.json").write_text(json.dumps(spacing))
    case = Case("s", "p", "s", (folder,), None)
    cache = memory()
    found, opened = embed_cases([case], backbone, cache)
    assert opened.cases == [case]
    monkeypatch.setattr(TissueBackbone, "embed", None)
    assert np.array_equal(embed_cases([case], backbone, cache)[0], found)


def test_every_bscan_is_corrupted_in_its_own_way(cases: list[Case]) -> None:
    reader = VolumeReader(32, 48)
    image = reader.open(cases[0].images[0])
    noisy = [reader.corrupt(image, Corruption("gaussian_noise", 3)) for _ in range(2)]
    assert np.array_equal(noisy[0].frames, noisy[1].frames)
    assert noisy[0].sha256 == image.sha256
    added = noisy[0].frames.astype(int) - image.frames
    assert all(added[number].std() > 5 for number in range(len(added)))
    assert abs(np.corrcoef(added[0].ravel(), added[1].ravel())[0, 1]) < 0.2


def test_what_is_no_volume_is_rejected_and_the_rest_goes_on(
    cases: list[Case], backbone: Backbone, tmp_path: Path
) -> None:
    colour = draw_case(tmp_path, "colour", noise(0))
    grey = draw_case(tmp_path, "grey", noise(1)[:, :, :1].repeat(3, axis=2))
    empty = Case("empty", "p", "e", (tmp_path / "empty.dcm",), None)
    empty.images[0].touch()
    found, opened = embed_cases([colour, cases[0], grey, empty], backbone, memory())
    assert opened.cases == [cases[0]]
    assert len(found) == 1
    assert {name: error.reason for name, error in opened.rejected.items()} == {
        "colour": RejectReason.WRONG_MODALITY,
        "grey": RejectReason.NOT_A_VOLUME,
        "empty": RejectReason.EMPTY,
    }


def test_what_decides_the_embedding_decides_the_digest(bundle: Path, backbone: Backbone) -> None:
    assert load_backbone(f"oct:{bundle}").digest() == backbone.digest()
    segmenters = list(backbone.network.children())
    assert TissueBackbone(segmenters[:1], SETTINGS, "oct:x").digest() != backbone.digest()
    larger = SETTINGS.segmentation.model_copy(update={"rows": 48})
    other = SETTINGS.model_copy(update={"segmentation": larger})
    assert TissueBackbone(segmenters, other, "oct:x").digest() != backbone.digest()
    fewer = SETTINGS.model_copy(update={"seed": 7})  # of training, which the weights tell of
    assert TissueBackbone(segmenters, fewer, "oct:x").digest() == backbone.digest()


def test_stage_two_is_not_needed(bundle: Path, backbone: Backbone) -> None:
    assert not (bundle / "referral").exists()
    assert backbone.name == "bundle"
    assert not any(parameter.isnan().any() for parameter in backbone.parameters())


@pytest.mark.parametrize("damage", ["weights", "manifest", "settings", "absent", "no json"])
def test_a_bundle_that_is_not_intact(bundle: Path, damage: str) -> None:
    manifest = bundle / "manifest.json"
    if damage == "weights":
        path = bundle / "segmentation" / "s1.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    elif damage == "manifest":
        manifest.write_text(manifest.read_text().replace('"rows": 32', '"rows": 48'))
    elif damage == "settings":  # those of a system for photographs
        write_manifest(bundle, {"mode": "embed", "backbones": ["hf:x"]})
    elif damage == "absent":
        manifest.unlink()
    else:
        manifest.write_text("[]")
    with pytest.raises(TrainingError, match="no intact bundle of an OCT system"):
        load_backbone(f"oct:{bundle}")


def test_it_is_refused_where_pictures_are_needed(backbone: Backbone, tmp_path: Path) -> None:
    for work in (lambda: MapStatistics(backbone), lambda: backbone.save(tmp_path / "b")):
        with pytest.raises(TrainingError, match="reads volumes, not pictures"):
            work()


def test_its_weights_stay_as_they_are(cases: list[Case], backbone: Backbone) -> None:
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    embed_cases(cases[:1], backbone, memory())
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("asked", [{"views": Views.CROPS}, {"stages": 2}])
def test_there_are_no_views_or_stages_of_volumes(bundle: Path, asked: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match=r"oct:.*: reads volumes, not pictures"):
        load_backbone(f"oct:{bundle}", **asked)


def test_the_one_view_of_a_volume_is_its_embedding(backbone: Backbone, cases: list[Case]) -> None:
    images = [backbone.preprocessing.open(case.images[0]) for case in cases[:2]]
    found = backbone.embed_views(images)
    assert found.shape == (2, backbone.preprocessing.n_views, backbone.width)
    assert np.array_equal(backbone.embed(images), found[:, 0])
