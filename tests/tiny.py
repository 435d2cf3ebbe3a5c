"""Small backbones, settings and systems that train in seconds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.learning.train import train
from triage.models.oct.settings import OctSettings, ReferralSettings, SegmentationSettings
from triage.models.settings import FitSettings, TrainSettings
from triage.systems.manifest import BundleManifest

torch.set_num_threads(1)

PREPROCESSOR = {
    "size": {"height": 32, "width": 32},
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
}


def write_resnet(
    folder: Path, *, seed: int = 0, preprocessor: dict[str, Any] | None = None
) -> Path:
    """A transformers ResNet of a few thousand weights, as a local directory."""
    from transformers import ResNetConfig, ResNetModel

    torch.manual_seed(seed)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    return _write(ResNetModel(config), folder, preprocessor)


def write_mobilenet(folder: Path, *, seed: int = 0) -> Path:
    """A transformers MobileNetV1, thinned."""
    from transformers import MobileNetV1Config, MobileNetV1Model

    torch.manual_seed(seed)
    config = MobileNetV1Config(depth_multiplier=0.125, min_depth=4, image_size=32)
    return _write(MobileNetV1Model(config), folder, None)


def write_vit(folder: Path, *, layers: int = 6, seed: int = 0) -> Path:
    """A transformers ViT: sixteen tokens and one of the class, of one number in all layers."""
    from transformers import ViTConfig, ViTModel

    torch.manual_seed(seed)
    config = ViTConfig(
        hidden_size=8,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
    )
    return _write(ViTModel(config), folder, None)


def _write(model: Any, folder: Path, preprocessor: dict[str, Any] | None) -> Path:
    from transformers.utils import logging

    logging.disable_progress_bar()
    model.save_pretrained(folder)
    text = json.dumps(PREPROCESSOR if preprocessor is None else preprocessor)
    (folder / "preprocessor_config.json").write_text(text)
    return folder


def tiny_settings(*backbones: Path | str, **changes: Any) -> TrainSettings:
    """Two small heads on frozen embeddings, by default."""
    given: dict[str, Any] = {
        "backbones": tuple(name if isinstance(name, str) else f"hf:{name}" for name in backbones),
        "members": 2,
        "hidden": 16,
        "fit": FitSettings(epochs=4, patience=4, batch_size=32, learning_rate=1e-2),
    }
    return TrainSettings(**{**given, **changes})


@dataclass(frozen=True)
class TinyBundle:
    """A bundle on disk with what it was made from."""

    folder: Path
    manifest: BundleManifest
    settings: TrainSettings
    cache: Path


@dataclass(frozen=True)
class TinyOctBundle:
    """A bundle for volumes on disk with what it was made from."""

    folder: Path
    manifest: BundleManifest
    settings: OctSettings


def train_tiny(
    dataset: Dataset, backbone: Path, out: Path, cache: Path, **changes: Any
) -> TinyBundle:
    settings = tiny_settings(backbone, **changes)
    return TinyBundle(out, train(dataset, settings, out, cache_folder=cache), settings, cache)


def tiny_oct_settings(**changes: Any) -> OctSettings:
    """Two instances of two small networks on a grid of 32, by default."""
    fit = FitSettings(epochs=2, patience=2, batch_size=8, learning_rate=4e-3)
    given: dict[str, Any] = {
        "instances": 2,
        "precision": "float32",
        "segmentation": SegmentationSettings(
            rows=32, columns=32, channels=(8, 16), bscans_per_volume=2, fit=fit
        ),
        "referral": ReferralSettings(cells=(4, 8, 8), channels=(4, 8), fit=fit),
    }
    return OctSettings(**{**given, **changes})


def train_tiny_oct(dataset: Dataset, out: Path, **changes: Any) -> TinyOctBundle:
    settings = tiny_oct_settings(**changes)
    return TinyOctBundle(out, train(dataset, settings, out), settings)


def draw_case(folder: Path, name: str, *images: np.ndarray) -> Case:
    """A case of PNG images with these pixels, uint8 [H, W, 3]."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, pixels in enumerate(images):
        paths.append(folder / f"{name}-{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return Case(name, f"p-{name}", f"patient:p-{name}", tuple(paths), condition=None)


def noise(seed: int, side: int = 40) -> np.ndarray:
    """A picture of noise, uint8 [side, side, 3]."""
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def noisy_cases(folder: Path, images: Sequence[int]) -> list[Case]:
    """One case an entry, with so many different images."""
    return [
        draw_case(folder, f"c{place}", *(noise(100 * place + n) for n in range(count)))
        for place, count in enumerate(images)
    ]
