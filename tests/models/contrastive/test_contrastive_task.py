from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.tiny import noise
from triage.backbones.preprocessing import Preprocessing
from triage.models.case_inputs import ImageInputs
from triage.models.contrastive.contrastive_task import ContrastiveTask
from triage.models.contrastive.nt_xent import nt_xent
from triage.models.contrastive.projection import ContrastiveNetwork
from triage.models.contrastive.settings import PretrainSettings, ViewSettings
from triage.models.contrastive.training_processes import Processes
from triage.models.load_backbone import load_backbone
from triage.models.settings import FitSettings
from triage.models.training_loop import fit_task

SIDE = 32
STILL = ViewSettings(crop=1, jitter_probability=0, blur=0, blur_probability=0)
SETTINGS = PretrainSettings(
    hidden=16, projection=8, fit=FitSettings(epochs=4, batch_size=8, learning_rate=5e-3)
)


def plain(counts: list[int]) -> ImageInputs:
    """Images of one shade each: 10 times the case plus the image's number."""
    shades = [10 * case + number for case, count in enumerate(counts) for number in range(count)]
    images = np.stack([np.full((SIDE, SIDE, 3), shade, np.uint8) for shade in shades])
    return ImageInputs(torch.from_numpy(images), torch.tensor(counts), Preprocessing(SIDE))


def noisy(n: int, seed: int) -> ImageInputs:
    """Cases of two images of one tint each."""
    tints = np.random.default_rng(seed).integers(0, 128, (n, 1, 1, 3))
    images = np.stack([noise(seed + i, SIDE) // 2 + tints[i // 2] for i in range(2 * n)])
    counts = torch.full((n,), 2)
    return ImageInputs(torch.from_numpy(images.astype(np.uint8)), counts, Preprocessing(SIDE))


def task(settings: PretrainSettings = SETTINGS) -> ContrastiveTask:
    return ContrastiveTask(noisy(24, 0), noisy(10, 1000), settings, Processes())


def network(seed: int = 0) -> ContrastiveNetwork:
    backbone = load_backbone(f"monai:resnet10_narrow@{SIDE}", seed=seed)
    torch.manual_seed(seed)
    return ContrastiveNetwork(backbone, hidden=16, projection=8)


@pytest.mark.parametrize("method", ["simclr", "micle"])
def test_a_batch_is_two_normalised_views_of_each_case(method: str) -> None:
    counts = [1, 3, 2, 1, 4]
    settings = PretrainSettings(method=method, views=STILL)
    inputs = plain(counts)
    index = torch.tensor([4, 0, 1])
    made, _ = ContrastiveTask(inputs, inputs, settings, Processes()).batch(
        index, torch.Generator().manual_seed(0)
    )
    assert made.shape == (6, 3, SIDE, SIDE)
    std, mean = (torch.tensor(v).view(3, 1, 1) for v in (inputs.preprocessing.std,
                                                        inputs.preprocessing.mean))  # fmt: skip
    shades = (255 * (made * std + mean)).mean((1, 2, 3)).round().long()
    first, second = shades.chunk(2)
    assert (first // 10).tolist() == (second // 10).tolist() == index.tolist()
    several = torch.tensor(counts)[index] > 1
    assert torch.equal(first != second, several if method == "micle" else torch.zeros(3).bool())


def test_the_loss_is_nt_xent_of_both_halves() -> None:
    outputs = torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    found = task(SETTINGS.model_copy(update={"temperature": 0.3})).loss(outputs, None)
    assert torch.equal(found, nt_xent(outputs[:5], outputs[5:], 0.3))


def test_validation_repeats_itself_and_changes_nothing() -> None:
    net, pretraining = network(), task()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert pretraining.validate(net) == pretraining.validate(net)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_it_learns_what_is_alike() -> None:
    net, pretraining = network(), task(SETTINGS.model_copy(update={"method": "micle"}))
    before = pretraining.validate(net)
    fit = FitSettings(epochs=12, patience=12, batch_size=8, learning_rate=5e-3)
    after = fit_task(net, pretraining, fit, seed=0)
    assert after < before - 0.3  # about 1.0; six epochs gave 0.28 to 0.31, by processor


class Killed(Exception):
    pass


def test_a_killed_run_ends_as_one_that_was_not(tmp_path: Path) -> None:
    def run(name: str, progress: object = None) -> tuple[float, dict[str, torch.Tensor]]:
        net = network()
        loss = fit_task(
            net, task(), SETTINGS.fit, seed=3, checkpoint=tmp_path / name, progress=progress
        )
        return loss, net.state_dict()

    def kill(done: int, _: float) -> None:
        if done == 2:
            raise Killed

    with pytest.raises(Killed):
        run("killed", kill)
    (one, first), (two, second) = run("killed"), run("whole")
    assert one == two
    assert all(torch.equal(value, second[name]) for name, value in first.items())
