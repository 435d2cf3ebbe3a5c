"""Image-text models (CLIP and its like): images and sentences as vectors in one space.

A reference is that of a backbone, `hf:<local directory or hub name>`. Images go through our
own preprocessing, with the numbers of the model's `preprocessor_config.json`, except that the
whole picture is resized where the model's own would crop its centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from triage.backbones.backbone import Backbone
from triage.backbones.pretrained import (
    REFUSALS,
    plain_config,
    pretrained_model,
    pretrained_preprocessing,
)
from triage.errors import TrainingError, UsageError

TEMPLATE = "a photo of {name}"
SENTENCES = 64
"""Sentences encoded at a time."""
# Without its files, transformers makes a tokenizer to which all words are the same unknown one.
_PROBE = ("a photo", "a thing")


class ImageTextModel:
    """An image-text model in use.

    Parameters
    ----------
    model : Module
        With `get_image_features`, `get_text_features` and `logit_scale`.
    tokenizer : callable
        Turns sentences into the model's `input_ids` and `attention_mask`.
    images : Backbone
        Its image half: L2-normalised vectors, so what embeds cases serves it too.
    """

    def __init__(self, model: Any, tokenizer: Any, images: Backbone) -> None:
        self.images = images
        self._model = model
        self._tokenizer = tokenizer

    @property
    def scale(self) -> float:
        """The factor on cosines that the model was trained with, its inverse temperature."""
        return float(self._model.logit_scale.detach().exp())

    def sentence_vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode T sentences, float32 [T, E], L2-normalised.

        Raises
        ------
        UsageError
            If a sentence is empty.
        """
        if not all(text.strip() for text in texts):
            raise UsageError("a sentence for the image-text model is empty")
        # SigLIP was trained on sentences padded to its full length, CLIP heeds its mask.
        padding = "max_length" if "siglip" in self._model.config.model_type else True
        vectors = [np.zeros((0, self.images.width), np.float32)]
        for start in range(0, len(texts), SENTENCES):
            tokens = self._tokenizer(
                list(texts[start : start + SENTENCES]),
                padding=padding,
                truncation=True,
                return_tensors="pt",
            )
            with torch.inference_mode():
                vectors.append(_unit(self._model.get_text_features(**tokens)).numpy())
        return np.concatenate(vectors)

    def condition_vectors(
        self, names: Sequence[str], template: str = TEMPLATE
    ) -> NDArray[np.float32]:
        """Encode one sentence a condition, float32 [K, E], in the order of the names.

        Parameters
        ----------
        names : sequence of str
            Conditions, as the spec names them.
        template : str
            The sentence, with `{name}` where the condition stands.

        Raises
        ------
        UsageError
            If the template has no place for the name.
        """
        if "{name}" not in template:
            raise UsageError(
                f"the sentence {template!r} has no place for the condition",
                hint="Write {name} where it stands.",
            )
        return self.sentence_vectors([template.replace("{name}", name) for name in names])


class _ImageHalf(nn.Module):
    """The image half of an image-text model: pixels to vectors of length one."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        return _unit(self.model.get_image_features(pixel_values=pixels))  # type: ignore[operator]


def _unit(features: Any) -> Tensor:
    """Normalise what transformers gives: a tensor, or an output that holds the projected one."""
    vectors = features if isinstance(features, Tensor) else features.pooler_output
    return nn.functional.normalize(vectors, dim=-1)


def load_image_text(reference: str) -> ImageTextModel:
    """Load an image-text model; a local directory is never looked up on the network.

    Parameters
    ----------
    reference : str
        `hf:<local directory or hub name>`.

    Raises
    ------
    TrainingError
        If the reference is malformed, or the model or its tokenizer cannot be read.
    """
    library, _, name = reference.partition(":")
    if library != "hf" or not name:
        raise TrainingError(
            f"unknown image-text model {reference!r}", hint="Write hf:<directory or hub name>."
        )
    try:
        model = pretrained_model(name, reference)
        tokenizer = _tokenizer(name)
        config: Any = model.config
        preprocessing = pretrained_preprocessing(name, config.vision_config)
        half = _ImageHalf(model)
        with torch.inference_mode():
            width = half(torch.zeros(1, 3, preprocessing.size, preprocessing.size)).shape[1]
        images = Backbone(
            half,
            reference=reference,
            width=width,
            preprocessing=preprocessing,
            architecture={"library": "hf-image-text", "config": plain_config(config)},
        )
        loaded = ImageTextModel(model, tokenizer, images)
        probe = loaded.sentence_vectors(_PROBE)
        if probe.shape != (2, width) or not loaded.scale > 0:
            raise ValueError("images and sentences do not meet in one space")
        if np.array_equal(probe[0], probe[1]):
            raise ValueError("the tokenizer knows no words")
    except REFUSALS as error:
        raise TrainingError(
            "the image-text model cannot be loaded",
            where=reference,
            hint="Give a directory with the config.json, model.safetensors and tokenizer of a "
            "CLIP-style model, or a hub name when online.",
        ) from error
    return loaded


def _tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    local = Path(name).is_dir()
    return AutoTokenizer.from_pretrained(name, local_files_only=local, trust_remote_code=False)
