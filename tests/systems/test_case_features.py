"""Vectors of cases for the search of similar ones, from the embedding that systems give anyway."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.tiny import TinyBundle, noisy_cases
from triage.predictions import Predictions
from triage.systems.bundle import load_system
from triage.systems.case_features import case_features


def table(embedding: list[list[float]]) -> Predictions:
    count = len(embedding)
    names = [f"c{n}" for n in range(count)]
    return Predictions(
        cases=pd.DataFrame(
            {"case_id": names, "patient_id": names, "cluster": names, "label": [None] * count}
        ),
        classes=("a", "b"),
        n_inliers=2,
        members=("m",),
        probabilities=np.full((count, 1, 2), 0.5, np.float32),
        embedding=np.array(embedding, np.float32).reshape(count, -1),
    )


def test_the_cosine_is_the_mean_of_the_networks_cosines() -> None:
    """Of two networks, one with values a thousand times as large, by plain loops."""
    rows = [[3, 4, 2000, 1000, 0], [1, 0, 0, 500, 500]]
    found = case_features(table(rows), [slice(0, 2), slice(2, 5)])

    def cosine(one: list[float], other: list[float]) -> float:
        product = sum(x * y for x, y in zip(one, other, strict=True))
        return product / math.sqrt(sum(x * x for x in one) * sum(y * y for y in other))

    expected = (cosine(rows[0][:2], rows[1][:2]) + cosine(rows[0][2:], rows[1][2:])) / 2
    assert sum(float(x) * float(y) for x, y in zip(found["c0"], found["c1"], strict=True)) == (
        pytest.approx(expected, abs=1e-6)
    )
    for vector in found.values():
        assert vector.dtype == np.float32
        assert math.hypot(*vector.tolist()) == pytest.approx(1, abs=1e-6)


def test_cases_of_which_it_says_nothing_have_none() -> None:
    rows = [[1, 2, 3], [0, 0, 3], [1, 2, 0], [1, 2, 3]]
    found = case_features(table(rows), [slice(0, 2), slice(2, 3)], left_out={"c3"})
    assert set(found) == {"c0"}
    assert case_features(table(rows), []) == {}


def test_photographs_have_the_embedding_of_their_predictions(
    tiny_bundle: TinyBundle, tmp_path: Path
) -> None:
    """One backbone, which all members share: the direction of the case embedding."""
    system, _ = load_system(tiny_bundle.folder)
    scored = system.score(noisy_cases(tmp_path, [1, 2, 3]))
    read = [
        name
        for name in scored.predictions.cases["case_id"]
        if name not in scored.quality and name not in scored.other_kind
    ]
    assert set(scored.features) == set(read)
    for name, row in zip(
        scored.predictions.cases["case_id"], scored.predictions.embedding.tolist(), strict=True
    ):
        if name in scored.features:
            length = math.sqrt(sum(x * x for x in row))
            assert scored.features[name].tolist() == pytest.approx(
                [x / length for x in row], abs=1e-5
            )


def test_pictures_of_poor_quality_have_no_vector(tiny_bundle: TinyBundle, tmp_path: Path) -> None:
    from PIL import Image

    cases = noisy_cases(tmp_path, [1, 1])
    Image.new("RGB", (64, 64), (3, 3, 3)).save(cases[0].images[0])
    system, _ = load_system(tiny_bundle.folder)
    scored = system.score(cases)
    assert cases[0].case_id in {*scored.quality, *scored.other_kind}
    assert cases[0].case_id in set(scored.predictions.cases["case_id"])
    assert cases[0].case_id not in scored.features
