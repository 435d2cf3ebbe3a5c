from __future__ import annotations

from math import exp

import numpy as np
import pytest

from triage.errors import UsageError
from triage.uncertainty.observations import ImageText, Observations
from triage.uncertainty.scores.image_text import ImageTextMatch

KNOWN = np.eye(3)[:2]
NONE = np.zeros((0, 3))


def score(images: list[list[float]], unknown: np.ndarray, scale: float = 2.0) -> np.ndarray:
    text = ImageText(np.array(images), KNOWN, unknown, scale)
    return ImageTextMatch().score(Observations(n_inliers=2, image_text=text))


def test_without_sentences_of_what_is_out() -> None:
    found = score([[1, 0, 0], [0, 0, 1], [0.6, 0.8, 0]], NONE)
    expected = [1 - exp(2) / (exp(2) + 1), 0.5, 1 - exp(1.6) / (exp(1.6) + exp(1.2))]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_with_sentences_of_what_is_out() -> None:
    unknown = np.array([[0.0, 0.0, 1.0], [0.0, 0.6, 0.8]])
    found = score([[1, 0, 0], [0, 0, 1]], unknown)
    first = 2 / (exp(2) + 1 + 2)
    second = (exp(2) + exp(1.6)) / (2 + exp(2) + exp(1.6))
    np.testing.assert_allclose(found, [first, second], rtol=1e-6)
    assert found[1] > found[0]


def test_a_larger_scale_is_surer() -> None:
    near = [[0.9, 0.1, 0.0]]
    assert score(near, NONE, 100.0) < score(near, NONE, 10.0) < score(near, NONE, 1.0)


def test_half_precision() -> None:
    vectors = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float16)
    text = ImageText(vectors, KNOWN.astype(np.float16), NONE.astype(np.float16), 50.0)
    found = ImageTextMatch().of(text)
    np.testing.assert_allclose(found, score(vectors.astype(float).tolist(), NONE, 50.0), rtol=1e-5)


def test_sentences_that_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="a sentence for each inlier condition"):
        ImageTextMatch().of(ImageText(KNOWN, NONE, KNOWN, 1.0))
    with pytest.raises(UsageError, match="different widths"):
        ImageTextMatch().of(ImageText(np.eye(4), KNOWN, NONE, 1.0))
