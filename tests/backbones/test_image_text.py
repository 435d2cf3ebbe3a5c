from __future__ import annotations

import json
import shutil
from pathlib import Path
from string import ascii_lowercase
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tiny import noise, noisy_cases, write_resnet
from triage.backbones.image_text import SENTENCES, ImageTextModel, _unit, load_image_text
from triage.backbones.preprocessing import Preprocessing
from triage.errors import TrainingError, UsageError
from triage.models.embedding_cache import EmbeddingCache
from triage.models.embeddings import embed_cases
from triage.uncertainty.observations import ImageText, Observations
from triage.uncertainty.scores import make_score

E = 6


def write_clip(folder: Path) -> Path:
    """A CLIP of a few thousand random weights whose words are single letters."""
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.manual_seed(0)
    letters = [*ascii_lowercase, *(f"{letter}</w>" for letter in ascii_lowercase)]
    tokens = [*letters, "<|startoftext|>", "<|endoftext|>"]
    small = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2}
    config = CLIPConfig(
        text_config={
            **small,
            "num_attention_heads": 2,
            "vocab_size": len(tokens),
            "max_position_embeddings": 40,
            "bos_token_id": len(tokens) - 2,
            "eos_token_id": len(tokens) - 1,
        },
        vision_config={**small, "num_attention_heads": 2, "image_size": 32, "patch_size": 8},
        projection_dim=E,
        logit_scale_init_value=1.5,
    )
    CLIPModel(config).save_pretrained(folder)
    vocabulary = {token: number for number, token in enumerate(tokens)}
    CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=40).save_pretrained(folder)
    settings = {
        "do_center_crop": True,
        "crop_size": {"height": 32, "width": 32},
        "size": {"shortest_edge": 48},
        "image_mean": [0.4, 0.5, 0.6],
        "image_std": [0.2, 0.3, 0.4],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "tiny_clip")


@pytest.fixture(scope="module")
def model(folder: Path) -> ImageTextModel:
    return load_image_text(f"hf:{folder}")


def test_images_are_as_transformers_has_them(folder: Path, model: ImageTextModel) -> None:
    from transformers import CLIPModel

    frames = torch.from_numpy(np.stack([noise(0, 32), noise(1, 32)]))
    pixels = model.images.preprocessing.normalise(frames)
    clip = CLIPModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        found = model.images.eval()(pixels)
        said = clip(pixel_values=pixels, input_ids=torch.tensor([[52, 0, 53]]))
    np.testing.assert_allclose(found, said.image_embeds, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert found.shape == (2, model.images.width) == (2, E)


def test_sentences_are_as_transformers_has_them(folder: Path, model: ImageTextModel) -> None:
    from transformers import CLIPModel, CLIPTokenizer

    texts = ["a photo of acne", "b", "a photo of a long word indeed"]
    clip, tokenizer = (
        CLIPModel.from_pretrained(folder).eval(),
        CLIPTokenizer.from_pretrained(folder),
    )
    found = model.sentence_vectors(texts)
    assert found.dtype == np.float32
    for text, vector in zip(texts, found, strict=True):  # alone: padding changes nothing
        with torch.inference_mode():
            said = clip(
                pixel_values=torch.zeros(1, 3, 32, 32), **tokenizer(text, return_tensors="pt")
            )
        np.testing.assert_allclose(vector, said.text_embeds[0], atol=1e-5)


def test_the_scale_is_the_models(model: ImageTextModel) -> None:
    assert model.scale == pytest.approx(np.exp(1.5))


def test_the_whole_picture_is_resized_to_the_cropped_size(model: ImageTextModel) -> None:
    assert model.images.preprocessing == Preprocessing(32, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
    assert model.images.name == "tiny_clip"


def test_conditions_are_put_into_a_sentence(model: ImageTextModel) -> None:
    names = ["acne", "melanoma"]
    expected = model.sentence_vectors(["a photo of acne", "a photo of melanoma"])
    assert np.array_equal(model.condition_vectors(names), expected)
    found = model.condition_vectors(names, "{name} on skin")
    assert np.array_equal(found, model.sentence_vectors(["acne on skin", "melanoma on skin"]))
    with pytest.raises(UsageError, match=r"no place for the condition.*Write \{name\}"):
        model.condition_vectors(names, "a photo")


def test_many_sentences_and_none(model: ImageTextModel) -> None:
    texts = [f"photo {ascii_lowercase[n % 26]}" for n in range(SENTENCES + 3)]
    found = model.sentence_vectors(texts)
    assert found.shape == (SENTENCES + 3, E)
    np.testing.assert_allclose(found[-3:], model.sentence_vectors(texts[-3:]), atol=1e-6)
    assert model.sentence_vectors([]).shape == (0, E)


def test_sentences_that_are_empty_or_too_long(model: ImageTextModel) -> None:
    with pytest.raises(UsageError, match="a sentence for the image-text model is empty"):
        model.sentence_vectors(["a", " "])
    assert np.isfinite(model.sentence_vectors(["long " * 100])).all()


def test_cases_are_embedded_and_kept_as_with_any_backbone(
    model: ImageTextModel, folder: Path, tmp_path: Path
) -> None:
    cases = noisy_cases(tmp_path, [2, 1, 1])
    digest = model.images.digest()
    assert load_image_text(f"hf:{folder}").images.digest() == digest
    first, opened = embed_cases(cases, model.images, EmbeddingCache(tmp_path / "cache", digest))
    again, _ = embed_cases(cases, model.images, EmbeddingCache(tmp_path / "cache", digest))
    assert np.array_equal(first, again)
    assert len(opened.cases) == 3
    text = ImageText(
        first, model.condition_vectors(["acne"]), model.sentence_vectors([]), model.scale
    )
    score = make_score("image_text").score(Observations(n_inliers=1, image_text=text))
    assert score.shape == (3,)


def test_what_transformers_gives_is_a_tensor_or_an_output() -> None:
    vectors = torch.tensor([[3.0, 4.0]])
    expected = torch.tensor([[0.6, 0.8]])
    assert torch.allclose(_unit(vectors), expected)
    assert torch.allclose(_unit(SimpleNamespace(pooler_output=vectors)), expected)


@pytest.mark.parametrize("reference", ["", "clip", "hf:", "monai:resnet10"])
def test_unknown_references(reference: str) -> None:
    with pytest.raises(TrainingError, match=r"unknown image-text model.*Write hf:"):
        load_image_text(reference)


@pytest.mark.parametrize("lacking", ["config.json", "model.safetensors", "tokenizer.json"])
def test_files_that_are_missing(folder: Path, lacking: str, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / lacking).unlink()
    with pytest.raises(TrainingError, match="image-text model cannot be loaded"):
        load_image_text(f"hf:{copy}")


def test_a_damaged_file(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(TrainingError, match="image-text model cannot be loaded"):
        load_image_text(f"hf:{copy}")


def test_weights_that_lack_a_tensor(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "copy")
    weights = load_file(copy / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingError, match="lack 1 tensors of the network, such as visual_proj"):
        load_image_text(f"hf:{copy}")


def test_a_network_that_knows_no_sentences(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="image-text model cannot be loaded"):
        load_image_text(f"hf:{write_resnet(tmp_path / 'net')}")
    with pytest.raises(TrainingError, match="image-text model cannot be loaded"):
        load_image_text("hf:/no/such/place")
