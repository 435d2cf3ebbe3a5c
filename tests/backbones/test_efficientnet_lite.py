from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.weight_packages import installed
from triage.backbones.efficientnet_lite import LITE_VARIANTS, EfficientNetLite
from triage.backbones.lite_weights import load_lite_weights
from triage.models.load_backbone import load_backbone


@pytest.mark.parametrize(("name", "blocks"), [("0", 16), ("1", 21), ("2", 21)])
def test_the_shape_of_the_networks(name: str, blocks: int) -> None:
    network = EfficientNetLite(LITE_VARIANTS[name]).eval()
    assert len(network.blocks) == blocks
    with torch.inference_mode():
        embedding, maps = network.with_maps(torch.zeros(2, 3, 65, 65))
        assert torch.equal(embedding, network(torch.zeros(2, 3, 65, 65)))
    assert embedding.shape == (2, 1280)
    # Half the side, rounded up, at each stage of stride 2.
    assert [each.shape[-1] for each in maps] == [33, 17, 9, 5, 5, 3, 3]
    first, *_, last = (each.shape[1] for each in maps)
    assert (first, last) == (16, 320 if name != "2" else 352)


@pytest.mark.parametrize("side", [4, 5, 8, 9])
def test_padding_has_its_odd_pixel_at_the_end(side: int) -> None:
    """The first convolution, of stride 2, as TensorFlow defines SAME, number by number."""
    stem = EfficientNetLite(LITE_VARIANTS["0"]).conv_stem
    nn.init.ones_(stem.weight)
    given = np.random.default_rng(side).random((3, side, side), np.float32)
    places = -(-side // 2)
    before = max((places - 1) * 2 + 3 - side, 0) // 2
    expected = np.zeros((places, places))
    for row in range(places):
        for column in range(places):
            top, left = 2 * row - before, 2 * column - before
            seen = given[:, max(top, 0) : top + 3, max(left, 0) : left + 3]
            expected[row, column] = seen.sum()
    with torch.inference_mode():
        found = stem(torch.from_numpy(given)[None])[0, 0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@installed
@pytest.mark.parametrize("name", LITE_VARIANTS)
def test_weights_are_those_of_this_network(name: str) -> None:
    shapes = {key: value.shape for key, value in load_lite_weights(name).items()}
    assert (shapes.pop("fc.weight"), shapes.pop("fc.bias")) == ((1000, 1280), (1000,))
    network = EfficientNetLite(LITE_VARIANTS[name])
    assert shapes == {key: value.shape for key, value in network.state_dict().items()}


@installed
@pytest.mark.parametrize("name", LITE_VARIANTS)
def test_classes_of_sample_pictures(name: str) -> None:
    """ImageNet's: 281, 282 and 285 are a tabby, a tiger cat and an Egyptian cat; 967 espresso."""
    skimage = pytest.importorskip("skimage", reason="scikit-image, with its pictures, is missing")
    folder = Path(skimage.__file__).parent / "data"
    backbone = load_backbone(f"lite:{name}").eval()
    weights = load_lite_weights(name)
    for picture, classes in (("chelsea.png", {281, 282, 285}), ("coffee.png", {967})):
        if not (folder / picture).is_file():
            pytest.skip(f"scikit-image is installed without {picture}")
        embedding = torch.from_numpy(
            backbone.embed([backbone.preprocessing.open(folder / picture)])
        )
        probabilities = (embedding @ weights["fc.weight"].T + weights["fc.bias"]).softmax(1)[0]
        assert int(probabilities.argmax()) in classes
        assert float(probabilities[[*classes]].sum()) > 0.5
