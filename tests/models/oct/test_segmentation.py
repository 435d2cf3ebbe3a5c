import pytest
import torch
from pydantic import ValidationError

from triage.errors import TrainingError
from triage.models.oct.augmentation import augment_bscans
from triage.models.oct.settings import SegmentationSettings
from triage.models.oct.unet import (
    IGNORE,
    AnnotatedVolume,
    SegmentationTask,
    new_segmentation,
    predict_tissue,
)
from triage.models.settings import FitSettings
from triage.models.training_loop import fit_task

SETTINGS = SegmentationSettings(
    rows=32,
    columns=32,
    channels=(8, 16),
    fit=FitSettings(epochs=8, patience=8, batch_size=8, learning_rate=1e-2),
)


def banded(seed: int, slices: int = 6) -> AnnotatedVolume:
    """A bright band on dark ground; class 1 is the band, 2 what lies below."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.zeros(slices, 32, 32, dtype=torch.uint8)
    top = int(torch.randint(8, 16, (), generator=generator))
    labels[:, top : top + 8] = 1
    labels[:, top + 8 :] = 2
    grey = torch.tensor([20.0, 200.0, 100.0])[labels.long()]
    noise = 10 * torch.randn(labels.shape, generator=generator)
    chosen = torch.tensor([1, 4])
    return AnnotatedVolume((grey + noise).clamp(0, 255).byte(), chosen, labels[chosen])


def test_it_learns_bands() -> None:
    task = SegmentationTask([banded(n) for n in range(12)], [banded(99)], SETTINGS, 3)
    network = new_segmentation(SETTINGS, 3, 0)
    before = task.validate(network)
    after = fit_task(network, task, SETTINGS.fit, seed=0)
    assert after < 0.6 * before
    new = banded(7)
    found = predict_tissue(network, new.bscans.numpy(), SETTINGS.context)
    assert found.shape == (6, 3, 32, 32)
    assert found.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert (found.argmax(axis=1)[1] == new.labels[0].numpy()).mean() > 0.9


def test_labels_move_with_their_pixels() -> None:
    labels = torch.zeros(8, 64, 64, dtype=torch.long)
    labels[:, 20:40, 24:40] = 1
    pixels = (2.0 * labels[:, None] - 1.0).repeat(1, 3, 1, 1)
    generator = torch.Generator().manual_seed(3)
    moved, carried = augment_bscans(pixels, labels, generator)
    assert (carried != labels).float().mean() > 0.01
    for image, label in zip(moved[:, 1], carried, strict=True):
        inside, outside = image[label == 1].mean(), image[label == 0].mean()
        bright = image > (inside + outside) / 2
        assert (bright == (label == 1)).float().mean() > 0.97


def test_voxels_nobody_annotated_neither_teach_nor_count() -> None:
    volume = banded(1)
    half = volume.labels.clone()
    half[:, :, 16:] = IGNORE
    task = SegmentationTask(
        [AnnotatedVolume(volume.bscans, volume.annotated, half)], [volume], SETTINGS, 3
    )
    logits = torch.randn(2, 3, 32, 32, requires_grad=True)
    task.loss(logits, half.long()).backward()
    assert logits.grad is not None
    assert (logits.grad[..., 16:] == 0).all()
    assert (logits.grad[..., :16] != 0).any()


def test_too_little_is_said() -> None:
    with pytest.raises(TrainingError, match="too few"):
        SegmentationTask([], [banded(0)], SETTINGS, 3)
    with pytest.raises(TrainingError, match="do not fit"):
        AnnotatedVolume(torch.zeros(4, 8, 8), torch.tensor([0, 1]), torch.zeros(1, 8, 8))


@pytest.mark.parametrize("wrong", [{"context": 2}, {"rows": 34, "channels": (8, 16, 32, 64)}])
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SegmentationSettings(**wrong)  # type: ignore[arg-type]
