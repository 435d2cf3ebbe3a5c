from functools import partial

import pytest
import torch
from torch.nn import functional

from triage.losses import cross_entropy, hod_loss
from triage.models.oct.referral_network import (
    Readings,
    ReferralNetwork,
    ReferralTask,
    _moved,
    predict_referral,
)
from triage.models.oct.settings import ReferralSettings
from triage.models.settings import FitSettings
from triage.models.training_loop import fit_task

SETTINGS = ReferralSettings(
    cells=(4, 16, 16),
    channels=(6, 8),
    fit=FitSettings(epochs=12, patience=12, batch_size=8, learning_rate=5e-3),
)


def readings(n: int, seed: int) -> Readings:
    """Class 1 has a lesion of tissue 5, class 2 of tissue 9; the one diagnosis is 'class 1'."""
    generator = torch.Generator().manual_seed(seed)
    targets = torch.arange(n) % 3
    cells = torch.zeros(n, 2, 15, 4, 16, 16, dtype=torch.uint8)
    cells[:, :, 0] = 200
    for row, target in enumerate(targets.tolist()):
        if target:
            place = int(torch.randint(3, 11, (), generator=generator))
            cells[row, :, 5 if target == 1 else 9, 1:3, 6:9, place : place + 3] = 250
    return Readings(cells, targets, (targets == 1).float()[:, None].repeat(1, 2))


def a_task(training: Readings, validation: Readings) -> ReferralTask:
    return ReferralTask(
        training,
        validation,
        SETTINGS,
        n_classes=3,
        n_inliers=2,
        head_loss=partial(hod_loss, n_inliers=2),
    )


def test_it_learns_which_tissue_matters() -> None:
    held_out = readings(12, 5)
    known = held_out.targets < 2
    validation = Readings(held_out.cells[known], held_out.targets[known], held_out.diagnoses[known])
    torch.manual_seed(0)
    network = ReferralNetwork(SETTINGS, 3, 2)
    fit_task(network, a_task(readings(60, 0), validation), SETTINGS.fit, seed=0)
    outputs = predict_referral(network, held_out.cells[:, 1])
    assert outputs.shape == (12, 5)
    assert (outputs[:, :3].argmax(1) == held_out.targets).float().mean() > 0.9
    assert ((outputs[:, 3] > 0) == (held_out.diagnoses[:, 0] == 1)).float().mean() > 0.9


def test_unknown_diagnoses_do_not_count() -> None:
    data = readings(6, 1)
    task = a_task(data, data)
    truth = data.diagnoses.clone()
    truth[3:] = float("nan")
    outputs = torch.randn(6, 5, requires_grad=True)
    task.loss(outputs, (data.targets, truth)).backward()
    assert outputs.grad is not None
    assert (outputs.grad[3:, 3:] == 0).all()
    assert (outputs.grad[:3, 3:] != 0).all()


def test_the_loss_by_hand() -> None:
    data = readings(6, 2)
    plain = SETTINGS.model_copy(
        update={"fit": SETTINGS.fit.model_copy(update={"label_smoothing": 0.0, "balance": 0.0})}
    )
    task = ReferralTask(data, data, plain, n_classes=3, n_inliers=3, head_loss=cross_entropy)
    outputs = torch.randn(6, 5)
    expected = functional.cross_entropy(outputs[:, :3], data.targets)
    expected += functional.binary_cross_entropy_with_logits(outputs[:, 3:], data.diagnoses)
    found = task.loss(outputs, (data.targets, data.diagnoses))
    assert float(found) == pytest.approx(float(expected), abs=1e-6)


def test_what_leaves_a_map_does_not_come_back_on_the_other_side() -> None:
    cells = torch.zeros(1, 1, 4, 16, 16, dtype=torch.uint8)
    cells[..., -1] = 9
    for seed in range(20):
        moved = _moved(cells, torch.Generator().manual_seed(seed))
        lit = (moved > 0).any(dim=3).any(dim=2)[0, 0].nonzero().flatten().tolist()
        assert len(lit) <= 1
        assert not lit or lit[0] <= 2 or lit[0] >= 13
    assert cells.sum() == 9 * 4 * 16  # the original stays as it was


def test_the_output_depends_on_the_map_alone() -> None:
    torch.manual_seed(0)
    network = ReferralNetwork(SETTINGS, 3, 2).eval()
    cells = readings(5, 3).cells[:, 0]
    together = predict_referral(network, cells)
    alone = torch.cat([predict_referral(network, cells[n : n + 1]) for n in range(5)])
    assert torch.allclose(together, alone, atol=1e-5)
