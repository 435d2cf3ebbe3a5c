"""What holds of every head of the registry."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.contract.problem import (
    DRAW,
    N_INLIERS,
    SETTINGS,
    SHORT,
    accuracy,
    cases,
    learned,
    loss_of,
    new_cases,
    same_weights,
    training_cases,
    untrained,
)
from triage.heads import HEADS, HeadKind, HeadNetwork
from triage.models.case_inputs import EmbeddingInputs
from triage.models.tensor_file import load_tensors, save_tensors
from triage.models.training import predict_logits
from triage.uncertainty.calibration import CALIBRATORS

every = pytest.mark.parametrize("kind", HEADS)


@cache
def trained(kind: HeadKind) -> HeadNetwork:
    """Tests only read it."""
    return learned(kind)


class Killed(BaseException):
    pass


def killed_after_one(epoch: int, best: float) -> None:
    raise Killed


def test_every_kind_is_registered_under_its_name() -> None:
    assert list(HEADS) == list(HeadKind)
    assert all(design.info.key == kind for kind, design in HEADS.items())
    assert all(design.info.title and design.info.source for design in HEADS.values())


@every
@pytest.mark.parametrize("hidden", [0, 8])
@pytest.mark.parametrize("size", [1.0, 1e6])
@pytest.mark.parametrize("count", [1, 12])
def test_losses_and_gradients_are_finite(
    kind: HeadKind, hidden: int, size: float, count: int
) -> None:
    design = HEADS[kind]
    network = untrained(design, hidden=hidden).train()
    training = training_cases(design)
    rows = torch.arange(count) if count == 1 else torch.linspace(0, 89, count).long()
    losses = loss_of(design)(
        network(size * training.inputs.batch(rows, None)), training.targets[rows]
    )
    assert losses.shape == (count,)
    losses.mean().backward()
    gradients = [value.grad for value in network.parameters() if value.grad is not None]
    assert gradients
    assert all(bool(value.isfinite().all()) for value in (losses, *gradients))


@every
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_in_use_it_gives_probabilities_of_its_classes(kind: HeadKind, size: float) -> None:
    network, embeddings = trained(kind), size * cases(DRAW.inliers, 7, 4)
    for rows in (embeddings, embeddings[:1]):
        with torch.no_grad():
            logits = network(rows)
        assert logits.shape == (len(rows), len(HEADS[kind].classes(DRAW)))
        assert logits.dtype == torch.float32
        assert logits.isfinite().all()
        assert torch.allclose(logits.softmax(1).sum(1), torch.ones(len(rows)))


@every
def test_the_clouds_are_learned(kind: HeadKind) -> None:
    fresh = new_cases(3, 150)
    assert accuracy(predict_logits(trained(kind), fresh.inputs), fresh.targets) > 0.9


@every
def test_a_head_without_a_hidden_layer_learns_too(kind: HeadKind) -> None:
    fresh = new_cases(3, 150)
    found = predict_logits(learned(kind, hidden=0), fresh.inputs)
    assert accuracy(found, fresh.targets) > 0.9


@pytest.mark.parametrize("kind", [k for k, d in HEADS.items() if d.info.learns_outliers])
def test_outliers_like_those_it_learned_have_more_outlier_mass(kind: HeadKind) -> None:
    near, out = (
        predict_logits(trained(kind), EmbeddingInputs(cases(of, 60, 9))).softmax(1)
        for of in (DRAW.inliers, DRAW.train)
    )
    if near.shape[1] > N_INLIERS:
        assert out[:, N_INLIERS:].sum(1).median() > near[:, N_INLIERS:].sum(1).quantile(0.9)
    else:  # outlier exposure: no class of their own, but doubt among the others
        assert out.amax(1).median() < near.amax(1).quantile(0.1)


@every
def test_scaled_by_a_temperature_it_is_calibrated(kind: HeadKind) -> None:
    """On clouds that overlap; the error of ten bins of confidence, over new cases."""
    network = learned(kind, spread=1.6)

    def probabilities(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        fresh = new_cases(seed, count, spread=1.6)
        logits = predict_logits(network, fresh.inputs)[:, :N_INLIERS].double()
        return logits.softmax(1).numpy(), fresh.targets.numpy()

    calibrator = CALIBRATORS["temperature"]().fit(*probabilities(5, 300))
    given, truth = probabilities(6, 900)
    calibrated = calibrator.calibrate(given)
    confidence, right = calibrated.max(1), calibrated.argmax(1) == truth
    of_bin = np.minimum((10 * confidence).astype(int), 9)
    surplus = np.bincount(of_bin, weights=confidence - right, minlength=10)
    assert right.mean() > 0.85
    assert np.abs(surplus).sum() / len(truth) < 0.1


@every
def test_a_file_gives_back_the_very_same_logits(kind: HeadKind, tmp_path: Path) -> None:
    save_tensors(tmp_path / "head", trained(kind).state_dict(), {})
    found = load_tensors(tmp_path / "head")
    assert found is not None
    torch.manual_seed(99)
    design = HEADS[kind]
    again = design.build(2, N_INLIERS, len(design.classes(DRAW)), hidden=16, dropout=0.1)
    again.load_state_dict(found[0])
    inputs = new_cases(4).inputs
    assert torch.equal(predict_logits(again, inputs), predict_logits(trained(kind), inputs))


@every
def test_a_seed_decides_the_weights(kind: HeadKind) -> None:
    one = learned(kind, settings=SHORT, seed=3)
    torch.rand(7)
    assert same_weights(one, learned(kind, settings=SHORT, seed=3))
    assert not same_weights(one, learned(kind, settings=SHORT, seed=4))


@every
@pytest.mark.parametrize("mixing", ["none", "camixup"])
def test_a_killed_training_ends_with_the_very_same_weights(
    kind: HeadKind, mixing: str, tmp_path: Path
) -> None:
    whole = learned(kind, settings=SHORT, mixing=mixing)
    file = tmp_path / "checkpoint"
    with pytest.raises(Killed):
        learned(kind, settings=SHORT, mixing=mixing, checkpoint=file, progress=killed_after_one)
    seen: list[int] = []
    resumed = learned(
        kind,
        settings=SHORT,
        mixing=mixing,
        checkpoint=file,
        progress=lambda epoch, _: seen.append(epoch),
    )
    assert seen == [2, 3]
    assert same_weights(whole, resumed)


@every
def test_a_last_batch_of_one_case_does_no_harm(kind: HeadKind) -> None:
    count = len(training_cases(HEADS[kind]).targets)
    one_left = SETTINGS.model_copy(update={"epochs": 2, "batch_size": count - 1})
    all_at_once = SETTINGS.model_copy(update={"epochs": 2, "batch_size": 10 * count})
    for settings in (one_left, all_at_once):
        state = learned(kind, settings=settings).state_dict()
        assert all(bool(value.isfinite().all()) for value in state.values())
