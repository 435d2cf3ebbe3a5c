"""Out-of-fold predictions and the search for label errors, on phantoms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.pipelines.command import Command
from tests.pipelines.conftest import triage
from tests.review.team import fresh_store
from tests.soak.label_errors import with_errors
from tests.store.make import case
from tests.tiny import TinyBundle, TinyOctBundle, draw_case, tiny_settings
from triage.data.dataset import Dataset
from triage.data.spec import DataSpec
from triage.data.spec_files import shipped_spec
from triage.errors import TrainingError, UsageError
from triage.labels.confident_learning import label_errors
from triage.learning.label_candidates import search_label_errors
from triage.learning.out_of_fold import folds_of, out_of_fold
from triage.models.settings import FitSettings
from triage.store import Store, add_case, open_label_requests
from triage.vocabulary.learning import RequestKind

__all__ = ["triage"]

FIT = FitSettings(epochs=25, patience=25, batch_size=32, learning_rate=1e-2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    yield opened
    opened.close()


def test_a_cluster_is_in_one_fold_whatever_else_there_is() -> None:
    names = [f"p{n // 3}" for n in range(300)]
    folds = folds_of(names, 5)
    assert all(len(set(folds[at : at + 3])) == 1 for at in range(0, 300, 3))
    assert set(folds) == set(range(5))
    assert folds_of(names[30:60], 5).tolist() == folds[30:60].tolist()
    assert folds_of(names, 5, seed=1).tolist() != folds.tolist()


@pytest.fixture
def coloured(phantom_data: Dataset, tmp_path: Path) -> Dataset:
    """Thirty noisy squares of each condition, which differ by their mean colour."""
    rng = np.random.default_rng(0)
    classes = phantom_data.draw.classes
    means = rng.permutation(np.stack(np.meshgrid(*[(50, 200)] * 3), -1).reshape(-1, 3))
    cases, splits = [], []
    for number, name in enumerate(classes):
        for one in range(30):
            colour = (
                means[number % len(means)] + rng.normal(0, 40, (24, 24, 3)) + rng.normal(0, 12, 3)
            )
            pixels = np.clip(colour, 0, 255).astype(np.uint8)
            drawn = draw_case(tmp_path, f"{number}-{one}", pixels)
            cases.append(replace(drawn, condition=name))
            held = name in phantom_data.draw.inliers and one < 6
            splits.append("validation" if held else "train")
    return replace(phantom_data, cases=tuple(cases), splits=tuple(splits))


def test_planted_errors_come_first(coloured: Dataset, tiny_hf: Path, session_cache: Path) -> None:
    """A tenth of the labels are changed; by chance a tenth of the candidates would be them."""
    altered, wrong = with_errors(coloured, "symmetric", 0.1, 0)
    settings = tiny_settings(tiny_hf, fit=FIT, targets="hard")
    predicted = out_of_fold(altered, settings, cache_folder=session_cache, n_folds=4)
    assert predicted.probabilities.shape == (len(predicted.cases), len(predicted.classes))
    np.testing.assert_allclose(predicted.probabilities.sum(1), 1, atol=1e-9)
    kept = {case.case_id for case in coloured.of_split("train", "validation")}
    assert {case.case_id for case in predicted.cases} <= kept
    by_cluster: dict[str, set[int]] = {}
    for one, fold in zip(predicted.cases, predicted.folds, strict=True):
        by_cluster.setdefault(one.cluster, set()).add(int(fold))
    assert all(len(found) == 1 for found in by_cluster.values())
    found = label_errors(predicted.probabilities, predicted.labels)
    hits = [predicted.cases[row].case_id in wrong for row in found.cases]
    planted = sum(one.case_id in wrong for one in predicted.cases)
    assert sum(hits[:planted]) / planted > 0.6
    assert sum(hits) / planted > 0.7


def test_what_it_needs(phantom_data: Dataset, tiny_hf: Path, session_cache: Path) -> None:
    whole = tiny_settings("monai:resnet10_narrow", mode="finetune")
    with pytest.raises(UsageError, match="backbones too"):
        out_of_fold(phantom_data, whole)
    settings = tiny_settings(tiny_hf)
    with pytest.raises(UsageError, match="two folds"):
        out_of_fold(phantom_data, settings, n_folds=1)
    one = dict.fromkeys(phantom_data.draw.inliers[:1], "patient:p")
    joined = tuple(
        replace(case, cluster=one.get(str(case.condition), case.cluster))
        for case in phantom_data.cases
    )
    with pytest.raises(TrainingError, match="too few patients"):
        out_of_fold(
            replace(phantom_data, cases=joined), settings, cache_folder=session_cache, n_folds=2
        )


def test_the_verb_asks_for_what_is_in_the_database(
    phantom_data: Dataset,
    phantom_spec: DataSpec,
    phantom_root: Path,
    tiny_bundle: TinyBundle,
    store: Store,
    triage: Command,
) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    with store.transaction() as session:
        for one in phantom_data.of_split("train"):
            add_case(session, case(one.case_id, source=phantom_spec.case_source))
    verb = (
        "label", "errors", "--bundle", tiny_bundle.folder, "--spec",
        shipped_spec("derm_phantoms"), "--root", phantom_root, "--folds", "2",
    )  # fmt: skip
    answer = triage(*verb, "--db", url, "--request", "3", "--json")
    said = json.loads(answer.out)
    assert answer.code == 0
    assert said["requested"] == 3
    first = [one["case"] for one in said["candidates"] if one["in_database"]][:3]
    margins = [one["margin"] for one in said["candidates"]]
    assert margins == sorted(margins)
    with store.reading() as session:
        asked = open_label_requests(session)
    assert [one.kind for one in asked] == [RequestKind.LABEL_ERROR] * 3
    assert len(first) == 3
    conditions = {*phantom_data.draw.classes}
    assert not any(name in one.reason for one in asked for name in conditions)
    again = triage(*verb, "--db", url, "--request", "3")
    assert "0 requests added" in again.out
    assert triage(*verb, "--request", "3").code == 2


def test_volumes_are_refused(
    tiny_oct_bundle: TinyOctBundle, phantom_spec: DataSpec, phantom_root: Path
) -> None:
    with pytest.raises(UsageError, match="volumes"):
        search_label_errors(tiny_oct_bundle.folder, phantom_spec, phantom_root)
