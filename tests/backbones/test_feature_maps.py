from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import triage.backbones.preprocessing as preprocessing
import triage.models.embeddings as embeddings
from tests.tiny import draw_case, noise, noisy_cases, write_mobilenet, write_resnet
from triage.backbones.backbone import Backbone
from triage.backbones.feature_maps import MapStatistics, gram_statistics
from triage.data.manifest import Case
from triage.decoding.read_picture import read_picture
from triage.errors import RejectReason, TrainingError
from triage.imaging.corruptions import FAR, Corruption
from triage.imaging.views import Views
from triage.models.embedding_cache import EmbeddingCache
from triage.models.load_backbone import load_backbone


@pytest.fixture
def backbone(tiny_hf: Path) -> Backbone:
    return load_backbone(f"hf:{tiny_hf}")


def map_statistics(
    cases: list[Case],
    backbone: Backbone,
    folder: Path | None = None,
    progress: Callable[[int], None] | None = None,
    corruption: Corruption | None = None,
) -> tuple[tuple[np.ndarray, ...], embeddings.Opened]:
    """Statistics of cases, embedded and kept as any backbone's vectors are."""
    statistics = MapStatistics(backbone)
    cache = EmbeddingCache(folder, statistics.digest())
    found, opened = embeddings.embed_cases(cases, statistics, cache, progress, corruption)
    return statistics.split(found), opened


def scaled_row_sums(feature_map: np.ndarray) -> np.ndarray:
    """Of one map [C, ...], by way of its Gram matrix."""
    flat = feature_map.reshape(len(feature_map), -1)
    sums = [sum(float(a @ b) for b in flat) for a in flat]
    return (np.array(sums) - min(sums)) / (max(sums) - min(sums))


def test_maps_against_the_gram_matrix() -> None:
    maps = torch.randn(3, 5, 4, 6, generator=torch.Generator().manual_seed(0))
    found = gram_statistics(maps)
    assert found.shape == (3, 5)
    expected = [scaled_row_sums(one) for one in maps.double().numpy()]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (found.amin(1) == 0).all()
    assert (found.amax(1) == 1).all()


def test_tokens_are_places() -> None:
    maps = torch.randn(2, 5, 4, 6)
    tokens = maps.flatten(2).transpose(1, 2)
    np.testing.assert_allclose(gram_statistics(tokens), gram_statistics(maps), atol=1e-5)


def test_a_statistic_worked_out_by_hand() -> None:
    # F = [[1, 1], [2, 0], [0, 0]]: F F^T has the row sums 4, 6 and 0.
    maps = torch.tensor([[1.0, 1.0], [2.0, 0.0], [0.0, 0.0]])[None, :, None]
    np.testing.assert_allclose(gram_statistics(maps)[0], [4 / 6, 1, 0], atol=1e-6)


def test_maps_that_are_constant() -> None:
    assert torch.equal(gram_statistics(torch.ones(1, 4, 2, 2)), torch.zeros(1, 4))


def test_the_layers_are_the_networks_own(backbone: Backbone) -> None:
    statistics = MapStatistics(backbone)
    pixels = backbone.preprocessing.normalise(torch.from_numpy(noise(0, 32))[None])
    with torch.inference_mode():
        states = (
            backbone.eval()
            .network.model(pixel_values=pixels, output_hidden_states=True)
            .hidden_states
        )
        found = statistics(pixels).numpy()
    assert statistics.widths == tuple(state.shape[1] for state in states)  # three of them
    assert found.shape == (1, statistics.width)
    for part, state in zip(statistics.split(found), states, strict=True):
        np.testing.assert_allclose(part[0], scaled_row_sums(state[0].double().numpy()), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("resnet10_narrow", (32, 64, 128, 256)),
        ("resnet18", (64, 128, 256, 512)),
        ("densenet121", (256, 512, 1024, 1024)),
    ],
)
def test_stages_of_monai_networks(name: str, widths: tuple[int, ...]) -> None:
    backbone = load_backbone(f"monai:{name}@32")
    assert MapStatistics(backbone).widths == widths
    assert MapStatistics(backbone, layers=2).widths == widths[1::2]
    assert MapStatistics(backbone, layers=1).widths == widths[-1:]
    assert not [m for m in backbone.modules() if m._forward_hooks]


def test_few_layers_evenly_down_to_the_last(tmp_path: Path) -> None:
    backbone = load_backbone(f"hf:{write_mobilenet(tmp_path / 'net')}")
    every = MapStatistics(backbone, layers=99).widths
    assert len(every) > 8
    assert len(MapStatistics(backbone).widths) == 4
    assert MapStatistics(backbone, layers=1).widths == every[-1:]


def test_the_backbone_goes_on_as_before(backbone: Backbone) -> None:
    pixels = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        before = backbone.eval()(pixels)
        MapStatistics(backbone)(pixels)
        assert torch.equal(backbone(pixels), before)


def test_the_digest_is_of_the_weights_and_the_layers(backbone: Backbone, tiny_hf: Path) -> None:
    again = load_backbone(f"hf:{tiny_hf}")
    assert MapStatistics(backbone).digest() == MapStatistics(again).digest()
    other = load_backbone(f"hf:{tiny_hf}@48")
    made = {
        MapStatistics(backbone, 1),
        MapStatistics(backbone, 2),
        MapStatistics(other, 1),
        backbone,
    }
    assert len({one.digest() for one in made}) == 4


def test_networks_without_maps() -> None:
    backbone = Backbone(
        torch.nn.Flatten(),
        reference="monai:none",
        width=768,
        preprocessing=load_backbone("monai:resnet10_narrow@16").preprocessing,
        architecture={"library": "monai", "name": "none"},
    )
    with pytest.raises(TrainingError, match="monai:none: the backbone shows no feature maps"):
        MapStatistics(backbone)
    with pytest.raises(TrainingError, match="at least one layer"):
        MapStatistics(backbone, layers=0)


def test_cases_are_the_mean_of_their_images(backbone: Backbone, tmp_path: Path) -> None:
    cases = noisy_cases(tmp_path, [2, 1])
    maps, opened = map_statistics(cases, backbone)
    assert opened.cases == cases
    statistics = MapStatistics(backbone)
    for row, case in enumerate(cases):
        frames = np.stack(
            [backbone.preprocessing.resize(read_picture(path).frames[0]) for path in case.images]
        )
        with torch.inference_mode():
            pixels = backbone.preprocessing.normalise(torch.from_numpy(frames))
            expected = statistics(pixels).mean(0).numpy()
        found = np.concatenate([layer[row] for layer in maps])
        np.testing.assert_allclose(found, expected, atol=1e-4)
    assert [layer.dtype for layer in maps] == [np.float32] * 3


def test_they_are_kept_beside_the_embeddings(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases, ticks = noisy_cases(tmp_path, [2, 1]), []
    first, _ = map_statistics(cases, backbone, tmp_path / "cache", ticks.append)
    assert sum(ticks) == 3
    monkeypatch.setattr(preprocessing, "read_resized", None)  # nothing is opened again
    again, _ = map_statistics(cases, backbone, tmp_path / "cache")
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_files_that_cannot_be_read(backbone: Backbone, tmp_path: Path) -> None:
    good, bad = draw_case(tmp_path, "a", noise(0)), draw_case(tmp_path, "b", noise(1))
    bad.images[0].write_bytes(b"")
    maps, opened = map_statistics([good, bad], backbone)
    assert opened.cases == [good]
    assert opened.rejected["b"].reason is RejectReason.EMPTY
    assert [len(layer) for layer in maps] == [1] * 3


def test_corrupted_images(backbone: Backbone, tmp_path: Path) -> None:
    cases = noisy_cases(tmp_path, [1])
    clean, _ = map_statistics(cases, backbone, tmp_path / "cache")
    spoilt, _ = map_statistics(cases, backbone, tmp_path / "cache", corruption=FAR)
    assert not np.allclose(clean[-1], spoilt[-1])


@pytest.mark.parametrize("write", [write_resnet, write_mobilenet])
def test_stages_and_views_of_the_embedding_change_nothing(write, tmp_path: Path) -> None:
    reference = f"hf:{write(tmp_path / 'net')}"
    cases = noisy_cases(tmp_path, [2, 1])
    plain, _ = map_statistics(cases, load_backbone(reference))
    for stages, views in ((2, Views.WHOLE), (1, Views.CROPS), (2, Views.CROPS)):
        backbone = load_backbone(reference, stages=stages, views=views)
        found, _ = map_statistics(cases, backbone)
        assert MapStatistics(backbone).widths == tuple(part.shape[1] for part in plain)
        assert MapStatistics(backbone).digest() == MapStatistics(load_backbone(reference)).digest()
        assert all(np.array_equal(a, b) for a, b in zip(found, plain, strict=True))
