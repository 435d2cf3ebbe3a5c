from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.backbones.runtime.needed import needs_openvino, skip_unless_offered
from tests.tiny import write_mobilenet, write_resnet, write_vit
from triage.backbones.backbone import Backbone
from triage.backbones.preprocessing import OpenedImage, Preprocessing
from triage.backbones.runtime import openvino_network
from triage.backbones.runtime.execution import Execution
from triage.errors import TrainingError
from triage.imaging.views import Views
from triage.models.load_backbone import load_backbone

pytestmark = needs_openvino
OPENVINO = Execution("openvino")
ROOT = Path(__file__).resolve().parents[3]


def opened(side: int, views: int, count: int = 5) -> list[OpenedImage]:
    """Pictures of noise; the third one has two frames."""
    rng = np.random.default_rng(0)
    frames = [views * (2 if number == 2 else 1) for number in range(count)]
    return [
        OpenedImage(str(n), rng.integers(0, 256, (many, side, side, 3), dtype=np.uint8))
        for n, many in enumerate(frames)
    ]


def same_by_both(reference: str, stages: int) -> None:
    views = Views.CROPS
    plain = load_backbone(reference, stages=stages, views=views)
    other = load_backbone(reference, stages=stages, views=views, execution=OPENVINO)
    images = opened(plain.pictures.size, views.n_views)
    plain.prepare()
    expected, found = plain.embed_views(images), other.embed_views(images)
    assert found.dtype == np.float32
    assert found.shape == expected.shape == (len(images), 4, plain.width)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(other.embed(images), found.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("write", [write_resnet, write_mobilenet, write_vit])
def test_float32_gives_the_embeddings_of_torch(write, stages: int, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    same_by_both(f"hf:{write(tmp_path / 'network')}", stages)


def test_stages_that_hooks_find_are_converted_too() -> None:
    same_by_both("monai:resnet10_narrow@32", 2)


def test_bfloat16_is_near(tiny_hf: Path) -> None:
    execution = Execution("openvino", "bfloat16")
    skip_unless_offered(execution)
    plain = load_backbone(f"hf:{tiny_hf}").eval()
    images = opened(plain.pictures.size, 1)
    expected = plain.embed(images)
    found = load_backbone(f"hf:{tiny_hf}", execution=execution).embed(images)
    np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())


def test_a_process_compiles_the_same_network_once(tiny_hf: Path) -> None:
    first, again = (load_backbone(f"hf:{tiny_hf}", execution=OPENVINO) for _ in range(2))
    first.prepare()
    again.prepare()
    assert again._compiled[1] is first._compiled[1]
    narrow = load_backbone(f"hf:{tiny_hf}@24", execution=OPENVINO)
    narrow.prepare()
    assert narrow._compiled[1] is not first._compiled[1]


def test_another_precision_is_used_as_soon_as_it_is_set(tiny_hf: Path) -> None:
    half = Execution("openvino", "bfloat16")
    skip_unless_offered(half)
    backbone = load_backbone(f"hf:{tiny_hf}", execution=OPENVINO)
    images = opened(backbone.pictures.size, 1)
    before = backbone.embed(images)
    backbone.execution = half
    assert not np.array_equal(backbone.embed(images), before)
    backbone.execution = OPENVINO
    assert np.array_equal(backbone.embed(images), before)


def test_the_number_of_compiled_networks_is_bounded(
    tiny_hf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_network, "_MOST", 2)
    monkeypatch.setattr(openvino_network, "_compiled", type(openvino_network._compiled)())
    for side in (16, 20, 24):
        load_backbone(f"hf:{tiny_hf}@{side}", execution=OPENVINO).prepare()
    assert len(openvino_network._compiled) == 2


def test_weights_that_change_are_compiled_again(tiny_hf: Path) -> None:
    backbone = load_backbone(f"hf:{tiny_hf}", execution=OPENVINO)
    images = opened(backbone.pictures.size, 1)
    backbone.prepare()
    before = backbone.embed(images)
    for weight in backbone.network.parameters():
        weight.data.mul_(0.5)
    assert np.array_equal(backbone.embed(images), before)  # compiled weights are a copy
    backbone.prepare()
    expected = load_backbone(f"hf:{tiny_hf}").eval()
    expected.load_state_dict(backbone.state_dict())
    np.testing.assert_allclose(backbone.embed(images), expected.embed(images), atol=1e-4)
    assert not np.allclose(backbone.embed(images), before, atol=1e-3)


def test_caches_of_every_execution_are_apart(tiny_hf: Path) -> None:
    ways = [
        Execution(),
        Execution("torch", "bfloat16"),
        OPENVINO,
        Execution("openvino", "bfloat16"),
    ]
    backbones = [load_backbone(f"hf:{tiny_hf}", execution=way) for way in ways]
    assert len({backbone.digest() for backbone in backbones}) == 1
    assert len({backbone.embedding_digest() for backbone in backbones}) == len(ways)
    assert backbones[0].embedding_digest() == backbones[0].digest()


class _Unknown(nn.Module):
    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if pixels.ndim == 4:
            raise RuntimeError("no trace of this")
        return pixels


def test_a_network_that_cannot_be_converted_is_named() -> None:
    backbone = Backbone(
        _Unknown(),
        reference="hf:odd",
        width=3,
        preprocessing=Preprocessing(16),
        architecture={"library": "hf"},
        execution=OPENVINO,
    )
    with pytest.raises(TrainingError, match=r"hf:odd: OpenVINO cannot convert .*--runtime torch"):
        backbone.prepare()


def test_nothing_is_sent_to_the_maker(tiny_hf: Path, tmp_path: Path) -> None:
    """The package's telemetry keeps an identifier in the home folder as soon as it is loaded."""
    code = (
        "import sys\n"
        "from triage.backbones.runtime.execution import Execution\n"
        "from triage.models.load_backbone import load_backbone\n"
        f"load_backbone('hf:{tiny_hf}', execution=Execution('openvino')).prepare()\n"
        "print(sys.modules['openvino_telemetry'])\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "None"
    assert not (tmp_path / "intel").exists()
