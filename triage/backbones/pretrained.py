"""Pretrained models through transformers: from a local directory, or a hub name when online."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from triage.backbones.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from triage.backbones.weights_file import check_files, read_description
from triage.errors import TrainingError

# What transformers raises for files that are missing, damaged, or of another kind of network.
REFUSALS = (
    OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, SafetensorError,
)  # fmt: skip
_COUNTER = "num_batches_tracked"  # of batch normalisation; nothing is computed from it


def pretrained_model(name: str, reference: str) -> nn.Module:
    """Read a model in evaluation mode; a local directory is never looked up on the network.

    Parameters
    ----------
    name : str
        Directory or hub name.
    reference : str
        How the user named it, for messages.

    Raises
    ------
    TrainingError
        If the weights lack tensors of the network.
    Exception
        One of `REFUSALS`, if it cannot be read; the caller says what was wanted.
    """
    from transformers import AutoModel
    from transformers.utils import logging

    local = Path(name).is_dir()
    if local:
        check_files(Path(name))
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    model, loading = AutoModel.from_pretrained(
        name,
        local_files_only=local,
        use_safetensors=True,
        trust_remote_code=False,
        dtype=torch.float32,
        output_loading_info=True,
    )
    lacking = sorted(key for key in loading["missing_keys"] if not key.endswith(_COUNTER))
    if lacking:  # transformers would go on with random numbers in their place
        raise TrainingError(
            f"the weights lack {len(lacking)} tensors of the network, such as {lacking[0]}",
            where=reference,
            hint="Give the weights of this very network.",
        )
    found: nn.Module = model.eval()
    return found


def pretrained_preprocessing(name: str, vision: Any, size: int | None = None) -> Preprocessing:
    """Input size and normalisation that a model was trained with.

    Parameters
    ----------
    name : str
        Directory or hub name.
    vision : object
        The transformers configuration of its vision network.
    size : int, optional
        Another side of the input, pixels.
    """
    settings = _preprocessor_settings(name)
    return Preprocessing(
        _side(settings, vision) if size is None else size,
        tuple(settings.get("image_mean") or IMAGENET_MEAN),
        tuple(settings.get("image_std") or IMAGENET_STD),
    )


def folder_input_size(folder: Path) -> int | None:
    """Side of the input that a local directory states, pixels; None if it cannot be read."""
    try:
        config = json.loads(read_description(folder / "config.json"))
        return _side(_preprocessor_settings(str(folder)), SimpleNamespace(**config))
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def plain_config(config: Any) -> dict[str, Any]:
    """A transformers configuration as plain JSON, without where it came from."""
    settings = json.loads(config.to_json_string(use_diff=False))
    keep_out = {"_name_or_path", "transformers_version", "architectures"}
    return {key: value for key, value in settings.items() if key not in keep_out}


def _preprocessor_settings(name: str) -> dict[str, Any]:
    """Read the numbers of `preprocessor_config.json`; the processors themselves are not needed.

    A local directory without the file gets ImageNet's mean and standard deviation.
    """
    if Path(name).is_dir():
        path = Path(name) / "preprocessor_config.json"
        return dict(json.loads(read_description(path))) if path.is_file() else {}
    from transformers.image_processing_base import ImageProcessingMixin

    return dict(ImageProcessingMixin.get_image_processor_dict(name)[0])


def _side(settings: dict[str, Any], vision: Any) -> int:
    """Side of the input: what the network sees after cropping, which we leave out."""
    cropped = settings.get("do_center_crop") and settings.get("crop_size")
    size = cropped or settings.get("size")
    if isinstance(size, dict):
        size = size.get("height") or size.get("shortest_edge")
    return int(size or getattr(vision, "image_size", None) or 224)
