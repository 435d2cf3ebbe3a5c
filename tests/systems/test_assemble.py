from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiny import tiny_settings
from triage.data.dataset import Dataset
from triage.decisions.costs import outcome_cost
from triage.models.heads import HeadKind
from triage.models.settings import FitSettings
from triage.systems.assemble import (
    describe,
    fix_policy,
    member_entries,
    score_of,
    select_members,
    validation_predictions,
)
from triage.systems.card import model_card
from triage.systems.selection import auroc
from triage.systems.training import Pool, train_pool

SETTINGS = {"members": 2, "candidates": 3, "fit": FitSettings(epochs=2, patience=2)}


@pytest.fixture(scope="module")
def pool(
    phantom_data: Dataset,
    tiny_hf: Path,
    session_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Pool:
    settings = tiny_settings(tiny_hf, selection="diverse", **SETTINGS)
    folder = tmp_path_factory.mktemp("checkpoints")
    return train_pool(phantom_data, settings, cache_folder=session_cache, checkpoints=folder)


def test_each_head_has_its_score() -> None:
    assert [score_of(kind) for kind in (HeadKind.SOFTMAX, HeadKind.REJECT, HeadKind.HOD)] == [
        "max_softmax",
        "outlier_mass",
        "outlier_mass",
    ]


def test_uniform_takes_all_and_diverse_the_best(
    pool: Pool, phantom_data: Dataset, tiny_hf: Path
) -> None:
    uniform = tiny_settings(tiny_hf, **SETTINGS)
    assert select_members(pool, phantom_data, uniform) == list(pool.members)
    diverse = tiny_settings(tiny_hf, selection="diverse", **SETTINGS)
    chosen = select_members(pool, phantom_data, diverse)
    assert len(chosen) == 2
    # The first chosen is the single best by validation AUROC of its outlier mass.
    table = validation_predictions(pool, pool.members, phantom_data, HeadKind.HOD)
    is_outlier = ~table.cases["label"].isin(table.inliers).to_numpy()
    mass = table.probabilities[:, :, table.n_inliers :].astype(float).sum(axis=2)
    single = [auroc(mass[:, m], is_outlier) for m in range(mass.shape[1])]
    assert chosen[0] is pool.members[int(np.argmax(single))]


def test_the_policy_is_set_on_the_validation_split(pool: Pool, phantom_data: Dataset) -> None:
    members = list(pool.members[:2])
    policy, metrics = fix_policy(
        validation_predictions(pool, members, phantom_data, HeadKind.HOD),
        phantom_data,
        HeadKind.HOD,
    )
    table = validation_predictions(pool, members, phantom_data, HeadKind.HOD)
    assert list(table.cases["case_id"]) == [
        case.case_id for case in phantom_data.of_split("validation")
    ]
    truth = table.cases["label"].to_numpy()
    outlier = ~np.isin(truth, table.inliers)
    decisions = policy.decide(table)
    right = decisions["condition"].to_numpy() == truth
    abstained = (decisions["reason_code"] != "").to_numpy()
    assert metrics["accuracy"] == pytest.approx(right[~outlier].mean())
    assert metrics["ood_auroc"] == pytest.approx(auroc(policy.ood_score(table), outlier))
    share = phantom_data.spec.outlier_prevalence
    cost = outcome_cost(phantom_data.spec.costs.outcomes, outlier, right, abstained)
    for name, value in (("abstained", abstained), ("cost", cost)):
        expected = share * value[outlier].mean() + (1 - share) * value[~outlier].mean()
        assert metrics[name] == pytest.approx(expected)


def test_the_description(pool: Pool, phantom_data: Dataset, tiny_hf: Path) -> None:
    settings = tiny_settings(tiny_hf, selection="diverse", **SETTINGS)
    members = [pool.members[1], pool.members[1], pool.members[0]]
    policy, metrics = fix_policy(
        validation_predictions(pool, members, phantom_data, HeadKind.HOD),
        phantom_data,
        HeadKind.HOD,
    )
    manifest = describe(
        "b",
        phantom_data,
        settings,
        policy,
        metrics,
        kind=settings.head,
        members=member_entries(members, pool.losses),
        backbones={key: network.digest() for key, network in pool.backbones.items()},
        rejected=pool.opened.rejected,
    )
    assert [entry.name for entry in manifest.members] == [member.name for member in members]
    assert manifest.backbones == {"tiny_resnet": pool.backbones["tiny_resnet"].digest()}
    assert manifest.roles.test == phantom_data.draw.test
    assert manifest.thresholds["abstain_above"] == policy.saving_threshold
    card = model_card(manifest, policy, phantom_data.spec)
    named = (*manifest.classes, *manifest.roles.validation, *manifest.roles.test)
    assert all(name in card for name in named)
    assert f"{metrics['accuracy']:.3f}" in card
