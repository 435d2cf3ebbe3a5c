from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from tests.tiny import noise
from triage.backbones.preprocessing import Preprocessing
from triage.errors import TrainingError
from triage.heads import Head
from triage.losses import cross_entropy, hod_loss
from triage.models.case_inputs import EmbeddingInputs, ImageInputs
from triage.models.load_backbone import load_backbone
from triage.models.network import CaseNetwork
from triage.models.settings import FitSettings
from triage.models.training import (
    Labelled,
    calibrated_loss,
    class_weights,
    fit,
    predict_logits,
)
from triage.models.training_loop import rate_at

N_IN, N_CLASSES, WIDTH, SIDE = 3, 5, 6, 32


def blobs(n: int, n_classes: int, seed: int) -> Labelled:
    """Classes as noisy clusters."""
    chance = torch.Generator().manual_seed(seed)
    targets = torch.arange(n) % n_classes
    rows = 4 * torch.eye(N_CLASSES, WIDTH)[targets] + torch.randn(n, WIDTH, generator=chance)
    return Labelled(EmbeddingInputs(rows), targets)


def pictures(n: int, n_classes: int, seed: int) -> Labelled:
    """One or two images a case, classes that differ in brightness."""
    targets = torch.arange(n) % n_classes
    counts = 1 + torch.arange(n) % 2
    shades = torch.repeat_interleave(targets, counts).numpy()
    images = np.stack([noise(seed + i, SIDE) // 4 + 35 * s for i, s in enumerate(shades)])
    inputs = ImageInputs(torch.from_numpy(images.astype(np.uint8)), counts, Preprocessing(SIDE))
    return Labelled(inputs, targets)


def new_head(seed: int = 0) -> Head:
    torch.manual_seed(seed)
    return Head(WIDTH, N_CLASSES, hidden=8, dropout=0.2)


def new_network(reference: str, seed: int = 0) -> CaseNetwork:
    backbone = load_backbone(reference, seed=seed)
    torch.manual_seed(seed)
    head = Head(backbone.width, N_CLASSES, hidden=0, dropout=0.1)
    return CaseNetwork(backbone, head, freeze_normalisation=not reference.startswith("monai:"))


def run(network: torch.nn.Module, make: Any, settings: FitSettings, **options: Any) -> float:
    return fit(
        network,
        make(40, N_CLASSES, 0),
        make(20, N_IN, 1000),
        loss=lambda logits, targets: hod_loss(logits, targets, N_IN),
        n_inliers=N_IN,
        settings=settings,
        seed=7,
        **options,
    )


def weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def assert_same(a: torch.nn.Module, b: torch.nn.Module) -> None:
    one, two = weights(a), weights(b)
    assert all(torch.equal(value, two[name]) for name, value in one.items())


class Killed(BaseException):
    pass


def killer(at: int) -> Any:
    def progress(epoch: int, best: float) -> None:
        if epoch == at:
            raise Killed

    return progress


EPOCHS = FitSettings(epochs=4, patience=4, batch_size=16, learning_rate=1e-2)


@pytest.mark.parametrize("kind", ["head", "monai", "transformers"])
@pytest.mark.parametrize("killed_after", [1, 3])
def test_a_killed_run_ends_with_the_very_same_weights(
    kind: str, killed_after: int, tiny_hf: Path, tmp_path: Path
) -> None:
    reference = {"monai": "monai:resnet10_narrow@32", "transformers": f"hf:{tiny_hf}"}.get(kind)

    def new() -> torch.nn.Module:
        return new_network(reference) if reference else new_head()

    make = pictures if reference else blobs
    whole = new()
    loss = run(whole, make, EPOCHS)
    with pytest.raises(Killed):
        run(new(), make, EPOCHS, checkpoint=tmp_path / "c", progress=killer(killed_after))
    seen: list[int] = []
    resumed = new()
    again = run(
        resumed,
        make,
        EPOCHS,
        checkpoint=tmp_path / "c",
        progress=lambda epoch, _: seen.append(epoch),
    )
    assert seen == list(range(killed_after + 1, 5))
    assert again == loss
    assert_same(whole, resumed)


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first, second = new_head(), new_head()
    loss = run(first, blobs, EPOCHS, checkpoint=tmp_path / "c", checkpoint_every=100)
    seen: list[int] = []
    again = run(
        second, blobs, EPOCHS, checkpoint=tmp_path / "c", progress=lambda e, _: seen.append(e)
    )
    assert (again, seen) == (loss, [])
    assert_same(first, second)


def test_training_learns_and_keeps_the_best_epoch() -> None:
    head = new_head()
    validation = blobs(20, N_IN, 1000)
    settings = FitSettings(epochs=30, patience=30, batch_size=8, learning_rate=1e-2)
    losses: list[float] = []
    best = run(head, blobs, settings, progress=lambda _, loss: losses.append(loss))
    logits = predict_logits(head, validation.inputs)[:, :N_IN]
    assert calibrated_loss(logits, validation.targets) == pytest.approx(best)
    assert best == min(losses) == losses[-1]
    assert (logits.argmax(1) == validation.targets).float().mean() > 0.9


def test_the_same_seed_gives_the_same_weights() -> None:
    one, two = new_head(), new_head()
    run(one, blobs, EPOCHS)
    torch.rand(100)  # whatever happened to the global generator before
    run(two, blobs, EPOCHS)
    assert_same(one, two)


def test_it_stops_when_nothing_improves(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([1.0, 0.5, 0.7, 0.6, 0.9, 0.1])
    monkeypatch.setattr("triage.models.training.calibrated_loss", lambda *_: next(losses))
    seen: list[int] = []
    settings = FitSettings(epochs=50, patience=3, batch_size=16)
    best = run(new_head(), blobs, settings, progress=lambda epoch, _: seen.append(epoch))
    assert best == 0.5
    assert seen == [1, 2, 3, 4, 5]


def test_an_exploding_loss_is_told() -> None:
    settings = FitSettings(epochs=5, batch_size=8, learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"no longer finite in epoch \d.*Lower"):
        run(new_head(), blobs, settings)


def test_an_exploding_validation_loss_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.models.training.calibrated_loss", lambda *_: math.nan)
    with pytest.raises(TrainingError, match="epoch 1"):
        run(new_head(), blobs, EPOCHS)


def test_too_few_cases() -> None:
    with pytest.raises(TrainingError, match="too few"):
        run(new_head(), lambda n, k, s: blobs(1, 1, s), EPOCHS)


def test_a_last_batch_of_one_case_is_left_out() -> None:
    """Batch normalisation cannot train on it."""
    settings = FitSettings(epochs=1, batch_size=3)
    network = new_network("monai:resnet10_narrow@32")
    assert math.isfinite(run(network, lambda n, k, s: pictures(10, k, s), settings))


def test_bfloat16_runs_and_leaves_float32_weights() -> None:
    network = new_network("monai:resnet10_narrow@32")
    settings = FitSettings(epochs=1, batch_size=16)
    assert math.isfinite(run(network, pictures, settings, precision="bfloat16"))
    assert {value.dtype for value in network.parameters()} == {torch.float32}


def test_frozen_normalisation_keeps_its_statistics(tiny_hf: Path) -> None:
    frozen, free = new_network(f"hf:{tiny_hf}"), new_network("monai:resnet10_narrow@32")
    for network, moved in ((frozen, False), (free, True)):
        before = {k: v for k, v in weights(network).items() if k.endswith("running_mean")}
        run(network, pictures, FitSettings(epochs=1, batch_size=16))
        after = weights(network)
        assert before
        assert any(not torch.equal(value, after[name]) for name, value in before.items()) is moved


class Watching(Head):
    """A head that records the targets it received, and whether it had just been trained."""

    def __init__(self, width: int) -> None:
        super().__init__(width, N_CLASSES, hidden=0, dropout=0.0)
        self.batches: list[torch.Tensor] = []
        self.weights_then: list[torch.Tensor] = []

    def after_step(self, targets: torch.Tensor) -> None:
        self.batches.append(targets)
        self.weights_then.append(self.layers[-1].weight.detach().clone())


@pytest.mark.parametrize("whole", [False, True])
def test_a_head_is_told_the_targets_of_every_step_once_it_is_done(whole: bool) -> None:
    settings = FitSettings(epochs=2, batch_size=16, learning_rate=1e-2)
    if whole:
        backbone = load_backbone("monai:resnet10_narrow@32", seed=0)
        head = Watching(backbone.width)
        run(CaseNetwork(backbone, head, freeze_normalisation=False), pictures, settings)
    else:
        head = Watching(WIDTH)
        run(head, blobs, settings)
    assert [len(batch) for batch in head.batches] == [16, 16, 8] * 2
    expected = (torch.arange(40) % N_CLASSES).bincount()
    for epoch in (head.batches[:3], head.batches[3:]):
        assert torch.equal(torch.cat(epoch).bincount(), expected)
    assert all(not torch.equal(one, two) for one, two in pairwise(head.weights_then))


def test_class_weights_by_hand() -> None:
    targets = torch.tensor([0] * 4 + [1] * 1 + [2] * 1)
    assert torch.allclose(class_weights(targets, 3, 0.0), torch.ones(3))
    # Inverse counts 1/4, 1, 1, whose mean over the six cases is (4/4 + 1 + 1) / 6 = 1/2.
    assert torch.allclose(class_weights(targets, 3, 1.0), torch.tensor([0.5, 2.0, 2.0]))
    # 4 ** -1/2 = 1/2: mean over cases (4/2 + 1 + 1) / 6 = 2/3.
    assert torch.allclose(class_weights(targets, 3, 0.5), torch.tensor([0.75, 1.5, 1.5]))


def test_full_balance_gives_every_class_the_same_total() -> None:
    targets = torch.tensor([0] * 50 + [1] * 7 + [2] * 3)
    totals = torch.zeros(3).index_add(0, targets, class_weights(targets, 3, 1.0)[targets])
    assert torch.allclose(totals, torch.full((3,), 20.0))


def test_an_absent_class_does_not_disturb() -> None:
    assert torch.isfinite(class_weights(torch.tensor([0, 0, 2]), 4, 1.0)).all()


@pytest.mark.parametrize("scale", [0.3, 1.0, 5.0])
def test_calibrated_loss_against_a_fine_grid(scale: float) -> None:
    chance = torch.Generator().manual_seed(3)
    targets = torch.randint(0, 4, (60,), generator=chance)
    logits = scale * (torch.randn(60, 4, generator=chance) + 2 * functional.one_hot(targets, 4))
    fine = min(
        float(cross_entropy(logits / t, targets).mean()) for t in torch.logspace(-1, 1, 2001)
    )
    found = calibrated_loss(logits, targets)
    assert fine - 1e-5 <= found <= fine + 0.005


def test_calibrated_loss_does_not_judge_confidence() -> None:
    targets = torch.tensor([0, 1, 2, 0])
    logits = functional.one_hot(torch.tensor([0, 1, 2, 1]), 3).float()
    # Factors that are steps of the grid, so that the same quotients are compared.
    assert calibrated_loss(logits * 10 ** (2 / 16), targets) == pytest.approx(
        calibrated_loss(logits, targets), abs=1e-5
    )


def test_the_learning_rate_rises_then_falls() -> None:
    rates = [rate_at(done) for done in np.linspace(0, 0.999, 200)]
    peak = int(np.argmax(rates))
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == pytest.approx(1, abs=0.02)
    assert 15 <= peak <= 25
    assert all(a < b for a, b in pairwise(rates[: peak + 1]))
    assert all(a > b for a, b in pairwise(rates[peak:]))
    assert 0 <= rates[-1] < 0.001


def test_prediction_does_not_depend_on_the_batch_size() -> None:
    network = new_network("monai:resnet10_narrow@32")
    inputs = pictures(11, N_CLASSES, 5).inputs
    one, many = (predict_logits(network, inputs, batch_size=size) for size in (1, 64))
    assert one.shape == (11, N_CLASSES)
    assert torch.allclose(one, many, atol=1e-5)
