from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.decisions.make import make_predictions, random_probabilities
from tests.tiny import tiny_settings
from triage.data.dataset import Dataset
from triage.decisions.cost_matrix import case_costs, cost_matrix
from triage.heads import HeadKind
from triage.models.settings import FitSettings
from triage.systems.describe import describe
from triage.systems.fix_policy import few_outliers, fix_policy, score_of
from triage.systems.model_card import model_card
from triage.systems.photographs.ensemble import (
    combine_scores,
    member_entries,
    select_members,
    validation_predictions,
)
from triage.systems.photographs.training import Pool, train_pool
from triage.uncertainty.auroc import auroc
from triage.uncertainty.combination import COMBINATION
from triage.vocabulary.clinical import Urgency

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


def test_a_head_with_more_classes_than_inliers_has_an_outlier_mass() -> None:
    table = make_predictions(random_probabilities(0, 5))
    assert score_of(table) == "outlier_mass"
    inliers = replace(table, classes=table.inliers, probabilities=np.full((5, 3, 4), 0.25))
    assert score_of(inliers) == "max_softmax"


def test_uniform_takes_all_and_diverse_the_best(
    pool: Pool, phantom_data: Dataset, tiny_hf: Path
) -> None:
    uniform = tiny_settings(tiny_hf, **SETTINGS)
    assert select_members(pool, phantom_data, uniform) == list(pool.members)
    diverse = tiny_settings(tiny_hf, selection="diverse", score="own", **SETTINGS)
    chosen = select_members(pool, phantom_data, diverse)
    assert len(chosen) == 2
    # The first chosen is the single best by validation AUROC of its outlier mass.
    table = validation_predictions(pool, pool.members, phantom_data, HeadKind.HOD)
    is_outlier = ~table.cases["label"].isin(table.inliers).to_numpy()
    mass = table.probabilities[:, :, table.n_inliers :].astype(float).sum(axis=2)
    single = [auroc(mass[:, m], is_outlier) for m in range(mass.shape[1])]
    assert chosen[0] is pool.members[int(np.argmax(single))]


def test_members_are_ranked_by_the_score_that_decides(
    pool: Pool, phantom_data: Dataset, tiny_hf: Path, session_cache: Path
) -> None:
    settings = tiny_settings(tiny_hf, selection="diverse", **SETTINGS)
    first = select_members(pool, phantom_data, settings, session_cache)[0]
    whole, _ = combine_scores(pool, pool.members, phantom_data, HeadKind.HOD, session_cache)
    shares = whole.summary.shares
    exact = {key: share / sum(shares.values()) for key, share in shares.items()}
    table = validation_predictions(pool, pool.members, phantom_data, HeadKind.HOD)
    outlier = ~table.cases["label"].isin(table.inliers).to_numpy()
    single = [
        auroc(
            combine_scores(pool, [one], phantom_data, HeadKind.HOD, session_cache, exact)[1],
            outlier,
        )
        for one in pool.members
    ]
    names = [member.name for member in pool.members]
    assert single[names.index(first.name)] >= max(single) - 1e-3


def test_the_policy_is_set_on_the_validation_split(pool: Pool, phantom_data: Dataset) -> None:
    members = list(pool.members[:2])
    policy, metrics = fix_policy(
        validation_predictions(pool, members, phantom_data, HeadKind.HOD),
        phantom_data,
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
    assert policy.unknown == tuple(
        one.name
        for one in phantom_data.spec.conditions
        if one.name in {*phantom_data.draw.train, *phantom_data.draw.validation}
    )
    queue = np.array([Urgency(name).rank for name in decisions["queue_urgency"]])
    cost = case_costs(cost_matrix(phantom_data.spec), list(truth), outlier, right, queue, abstained)
    for name, value in (("abstained", abstained), ("cost", cost)):
        expected = share * value[outlier].mean() + (1 - share) * value[~outlier].mean()
        assert metrics[name] == pytest.approx(expected)


def test_the_description(pool: Pool, phantom_data: Dataset, tiny_hf: Path) -> None:
    settings = tiny_settings(tiny_hf, selection="diverse", **SETTINGS)
    members = [pool.members[1], pool.members[1], pool.members[0]]
    policy, metrics = fix_policy(
        validation_predictions(pool, members, phantom_data, HeadKind.HOD),
        phantom_data,
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


def test_the_combination_is_fitted_on_inliers_and_judged_on_validation(
    pool: Pool, phantom_data: Dataset, tiny_hf: Path, session_cache: Path
) -> None:
    members = list(pool.members[:2])
    combination, scores = combine_scores(pool, members, phantom_data, HeadKind.HOD, session_cache)
    table = validation_predictions(pool, members, phantom_data, HeadKind.HOD)
    outlier = ~table.cases["label"].isin(table.inliers).to_numpy()
    assert len(scores) == len(table)
    assert set(combination.auroc) == set(phantom_data.draw.validation)
    policy, metrics = fix_policy(table, phantom_data, combined=scores)
    assert policy.score == COMBINATION
    assert metrics["ood_auroc"] == pytest.approx(auroc(scores, outlier))
    manifest = describe(
        "b",
        phantom_data,
        tiny_settings(tiny_hf, **SETTINGS),
        policy,
        metrics,
        kind=HeadKind.HOD,
        members=member_entries(members, pool.losses),
        backbones={},
        rejected={},
        combination=combination,
    )
    assert manifest.combination == combination.summary
    card = model_card(manifest, policy, phantom_data.spec)
    assert combination.reason in card
    assert all(f"| {key} |" in card for key in (*combination.summary.shares, COMBINATION))


def test_a_head_taught_by_one_condition_is_warned_of_unless_combined(
    phantom_data: Dataset,
) -> None:
    one = replace(phantom_data, draw=replace(phantom_data.draw, train=("x",)))
    assert "Only 1 outlier" in few_outliers(one, HeadKind.HOD, "outlier_mass")
    assert few_outliers(one, HeadKind.HOD, COMBINATION) == ""
    assert few_outliers(one, HeadKind.SOFTMAX, "max_softmax") == ""
    assert few_outliers(phantom_data, HeadKind.HOD, "outlier_mass") == ""
