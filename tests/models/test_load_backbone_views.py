"""Backbones whose embedding is of two stages, or of several views of a picture."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.tiny import draw_case, noise, write_mobilenet, write_resnet, write_vit
from triage.backbones.backbone import Backbone
from triage.backbones.preprocessing import Preprocessing
from triage.errors import TrainingError
from triage.hashing import hash_json
from triage.imaging.views import Views
from triage.models.load_backbone import load_backbone, restore_backbone


def embed_pixels(backbone: Backbone, pixels: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return backbone.eval()(pixels).numpy()


def embed(backbone: Backbone) -> torch.Tensor:
    frame = torch.from_numpy(noise(0, backbone.pictures.size))[None]
    return torch.from_numpy(embed_pixels(backbone, backbone.pictures.normalise(frame)))


def test_two_stages_are_the_pooled_embedding_and_the_mean_of_the_earlier_map(
    tiny_hf: Path,
) -> None:
    plain, both = (load_backbone(f"hf:{tiny_hf}", stages=number) for number in (1, 2))
    pixels = plain.preprocessing.normalise(torch.from_numpy(noise(1, 32))[None])
    with torch.inference_mode():
        model = plain.eval().network.model
        states = model(pixel_values=pixels, output_hidden_states=True).hidden_states
        *_, earlier, last = (state.double().numpy() for state in states)
        found = both(pixels)[0].numpy()
    by_hand = [channel.mean() for channel in (*last[0], *earlier[0])]
    np.testing.assert_allclose(found, by_hand, atol=1e-5)
    assert (both.width, both.stages) == (len(by_hand), 2) == (8 + 16, 2)
    assert (plain.width, plain.stages) == (16, 1)
    np.testing.assert_allclose(found[:16], embed_pixels(plain, pixels)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "width"), [("resnet18", 512 + 256), ("densenet121", 2048)])
def test_two_stages_of_monai_networks(name: str, width: int) -> None:
    backbone = load_backbone(f"monai:{name}@32", stages=2)
    assert backbone.width == width == embed(backbone).shape[1]


def test_every_way_to_embed_has_a_digest_of_its_own(tiny_hf: Path) -> None:
    ways = [(stages, views) for stages in (1, 2) for views in Views]
    digests = [
        load_backbone(f"hf:{tiny_hf}", stages=stages, views=views).digest()
        for stages, views in ways
    ]
    assert len(set(digests)) == len(ways)
    assert load_backbone(f"hf:{tiny_hf}").digest() == digests[0]


def test_digests_of_whole_pictures_are_as_before_there_were_views() -> None:
    """So embeddings that were kept then are found."""
    before = {"size": 48, "mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}
    assert Preprocessing(**before).digest == hash_json(before)
    assert Preprocessing(**before, views=Views.CROPS).digest != hash_json(before)


@pytest.mark.parametrize("write", [write_resnet, write_mobilenet, write_vit])
@pytest.mark.parametrize("views", Views)
def test_stages_and_views_survive_saving(write, views: Views, tmp_path: Path) -> None:
    backbone = load_backbone(f"hf:{write(tmp_path / 'net')}", stages=2, views=views)
    backbone.save(tmp_path / "saved")
    restored = restore_backbone(tmp_path / "saved")
    # To the last digit but for attention, whose sums depend on where weights lie in memory.
    close = 1e-6 if write is write_vit else 0
    torch.testing.assert_close(embed(restored), embed(backbone), rtol=0, atol=close)
    assert restored.digest() == backbone.digest()
    assert restored.preprocessing == backbone.preprocessing
    assert restored.preprocessing.views is views
    assert (restored.stages, restored.width) == (2, backbone.width)


def test_a_description_from_before_there_were_views(tiny_hf: Path, tmp_path: Path) -> None:
    backbone = load_backbone(f"hf:{tiny_hf}")
    backbone.save(tmp_path)
    description = json.loads((tmp_path / "backbone.json").read_text())
    assert "stages" not in description["architecture"]
    assert description["preprocessing"].pop("views") == "whole"
    (tmp_path / "backbone.json").write_text(json.dumps(description))
    restored = restore_backbone(tmp_path)
    assert restored.digest() == backbone.digest()
    assert (restored.stages, restored.preprocessing.views) == (1, Views.WHOLE)
    assert torch.equal(embed(restored), embed(backbone))


@pytest.mark.parametrize("kept", [{}, {"stages": 2, "views": Views.CROPS}])
@pytest.mark.parametrize("asked", [{}, {"stages": 2}, {"views": Views.CROPS}])
def test_a_folder_is_embedded_as_asked_however_it_was_saved(
    kept: dict[str, object], asked: dict[str, object], tiny_hf: Path, tmp_path: Path
) -> None:
    load_backbone(f"hf:{tiny_hf}", **kept).save(tmp_path)
    found = load_backbone(f"file:{tmp_path}", **asked)
    expected = load_backbone(f"hf:{tiny_hf}", **asked)
    assert found.digest() == expected.digest()
    assert found.width == expected.width
    assert torch.equal(embed(found), embed(expected))


def test_views_that_are_unknown(tiny_hf: Path, tmp_path: Path) -> None:
    load_backbone(f"hf:{tiny_hf}", views=Views.CROPS).save(tmp_path)
    text = (tmp_path / "backbone.json").read_text()
    (tmp_path / "backbone.json").write_text(text.replace('"crops"', '"tiles"'))
    with pytest.raises(TrainingError, match="cannot be read"):
        load_backbone(f"file:{tmp_path}")


def test_a_network_of_one_stage() -> None:
    backbone = Backbone(
        torch.nn.Flatten(),
        reference="monai:none",
        width=768,
        preprocessing=Preprocessing(16),
        architecture={"library": "monai", "name": "none"},
    )
    with pytest.raises(TrainingError, match=r"monai:none: shows no stage .*Set stages to 1"):
        backbone.with_stages(2)
    assert backbone.with_stages(1).digest() == backbone.digest()


def test_the_plain_backbone_goes_on_as_before(tiny_hf: Path) -> None:
    backbone = load_backbone(f"hf:{tiny_hf}")
    before = embed(backbone)
    both = backbone.with_stages(2)
    embed(both)
    assert torch.equal(embed(backbone), before)
    assert torch.equal(embed(both.with_stages(1)), before)
    assert (backbone.stages, both.stages) == (1, 2)


def test_the_views_of_a_picture_of_two_frames(tiny_hf: Path, tmp_path: Path) -> None:
    """Each view is the mean over the frames of that view alone, and never of another."""
    backbone = load_backbone(f"hf:{tiny_hf}", stages=2, views=Views.CROPS).eval()
    frames = [noise(seed, 40) for seed in range(2)]
    first, *others = (Image.fromarray(frame) for frame in frames)
    first.save(tmp_path / "a.tiff", save_all=True, append_images=others)
    (single,) = draw_case(tmp_path, "b", noise(2)).images
    images = [backbone.preprocessing.open(path) for path in (tmp_path / "a.tiff", single)]
    assert [len(image.frames) for image in images] == [8, 4]
    found = backbone.embed_views(images)
    assert found.shape == (2, 4, backbone.width)
    assert found.dtype == np.float32
    for image, seeds in enumerate([(0, 1), (2,)]):
        for view in range(4):
            alone = []
            for seed in seeds:
                frame = noise(seed, 40)
                cut = [frame, np.fliplr(frame), frame[:30, :30], frame[10:, 10:]][view]
                resized = Image.fromarray(np.ascontiguousarray(cut)).resize((32, 32), 3)
                pixels = torch.from_numpy(np.asarray(resized).copy())[None]
                alone.append(embed_pixels(backbone, backbone.preprocessing.normalise(pixels))[0])
            np.testing.assert_allclose(found[image, view], np.mean(alone, axis=0), atol=1e-5)
    np.testing.assert_allclose(backbone.embed(images), found.mean(1), atol=1e-6)
