from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from triage.models.contrastive.random_views import blur, crop_and_turn, jitter, random_views
from triage.models.contrastive.settings import ViewSettings

SIDE = 24
NOTHING = ViewSettings(
    crop=1, brightness=0, contrast=0, saturation=0, hue=0, blur=0, blur_probability=0
)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 6, seed: int = 0) -> Tensor:
    return torch.randint(0, 256, (n, SIDE, SIDE, 3), generator=chance(seed), dtype=torch.uint8)


def floats(n: int = 6) -> Tensor:
    return images(n).permute(0, 3, 1, 2).float() / 255


def test_a_view_is_a_picture_and_repeats_with_its_seed() -> None:
    first, again = (random_views(images(), ViewSettings(), chance(3)) for _ in range(2))
    assert first.shape == (6, 3, SIDE, SIDE)
    assert first.dtype == torch.float32
    assert 0 <= first.min() < first.max() <= 1
    assert torch.equal(first, again)
    assert not torch.equal(first, random_views(images(), ViewSettings(), chance(4)))


def test_each_image_gets_a_view_of_its_own() -> None:
    one = images(1).repeat(8, 1, 1, 1)
    views = random_views(one, ViewSettings(), chance())
    assert len(torch.unique(views.flatten(1), dim=0)) == 8


def test_with_nothing_to_change_only_the_pose_does() -> None:
    """All eight poses of a square, and nothing else."""
    one = images(1)
    views = random_views(one.repeat(100, 1, 1, 1), NOTHING, chance())
    picture = one[0].permute(2, 0, 1).float() / 255
    turned = [picture.rot90(k, (1, 2)) for k in range(4)]
    poses = torch.stack([pose for turn in turned for pose in (turn, turn.flip(2))])
    apart = (views[:, None] - poses[None]).abs().amax((2, 3, 4))
    assert apart.min(1).values.max() < 1e-4
    assert set(apart.argmin(1).tolist()) == set(range(8))


def test_a_crop_shows_a_part_no_smaller_than_allowed() -> None:
    """Of a ramp from 0 to 1 a view shows an interval whose length is the crop's side."""
    ramp = (torch.arange(SIDE) + 0.5) / SIDE
    across, down = ramp.expand(SIDE, SIDE), ramp[:, None].expand(SIDE, SIDE)
    pixels = torch.stack([across, down, torch.zeros(SIDE, SIDE)]).repeat(300, 1, 1, 1)
    views = crop_and_turn(pixels, 0.25, chance())
    # The middles of the outermost pixels are one pixel of the view less apart than its edges.
    reach = views[:, :2].amax((2, 3)) - views[:, :2].amin((2, 3))
    sides = reach * SIDE / (SIDE - 1)
    area, ratio = sides.prod(1), sides[:, 0] / sides[:, 1]
    assert 0.2 < area.min() < 0.35
    assert 0.9 < area.max() < 1.01
    assert ratio.min() > 0.7
    assert ratio.max() < 1.4


def test_brightness_is_a_factor_of_each_image() -> None:
    settings = NOTHING.model_copy(update={"brightness": 0.5, "jitter_probability": 1.0})
    pixels = floats(40)
    factor = jitter(pixels, settings, chance()) / pixels.clamp(min=1e-3)
    middle = factor.flatten(1).median(1).values
    assert torch.allclose(jitter(pixels, settings, chance()), middle.view(-1, 1, 1, 1) * pixels,
                          atol=1e-4)  # fmt: skip
    assert 0.5 <= middle.min() < 0.7
    assert 1.3 < middle.max() <= 1.5


def test_contrast_keeps_the_mean_brightness() -> None:
    settings = NOTHING.model_copy(update={"contrast": 0.8, "jitter_probability": 1.0})
    pixels = floats(20)
    changed = jitter(pixels, settings, chance())
    luma = torch.tensor([0.299, 0.587, 0.114])
    means = [torch.einsum("c,bchw->b", luma, each) for each in (pixels, changed)]
    assert torch.allclose(*means, rtol=1e-3)
    spread = changed.std((1, 2, 3)) / pixels.std((1, 2, 3))
    assert spread.min() < 0.6
    assert spread.max() > 1.4


def test_saturation_and_hue_leave_grey_and_brightness() -> None:
    settings = NOTHING.model_copy(update={"saturation": 0.9, "hue": 0.5, "jitter_probability": 1.0})
    grey = torch.rand(5, 1, SIDE, SIDE, generator=chance()).expand(-1, 3, -1, -1)
    assert torch.allclose(jitter(grey, settings, chance()), grey, atol=2e-3)
    pixels = floats()
    luma = torch.tensor([0.299, 0.587, 0.114])
    changed = jitter(pixels, settings, chance())
    seen = [torch.einsum("c,bchw->bhw", luma, each) for each in (pixels, changed)]
    assert torch.allclose(*seen, atol=2e-3)
    assert (pixels - changed).abs().max() > 0.1


def test_hue_turns_the_circle_of_colours() -> None:
    """A weak red turns by what is drawn; the circle of HSV is met within a few degrees."""
    settings = NOTHING.model_copy(update={"hue": 0.1, "jitter_probability": 1.0})
    red = torch.tensor([0.6, 0.5, 0.5]).view(1, 3, 1, 1).expand(200, 3, 4, 4)
    seen = jitter(red, settings, chance())[:, :, 0, 0]
    turns = [colorsys.rgb_to_hsv(*pixel.tolist())[0] for pixel in seen]
    signed = np.array([turn if turn < 0.5 else turn - 1 for turn in turns])
    assert signed.min() < -0.05
    assert signed.max() > 0.05
    assert np.abs(signed).max() < 0.15


def test_colours_of_some_images_stay() -> None:
    settings = ViewSettings(jitter_probability=0.5)
    pixels = floats(60)
    kept = (jitter(pixels, settings, chance()) - pixels).abs().amax((1, 2, 3)) < 1e-4
    assert 15 < kept.sum() < 45


def test_blur_is_a_gaussian() -> None:
    settings = ViewSettings(blur=0.08, blur_probability=1.0)
    point = torch.zeros(9, 3, SIDE, SIDE)
    point[:, :, 12, 12] = 1
    spots = blur(point, settings, chance())
    place = torch.arange(SIDE, dtype=torch.float32) - 12
    for spot in spots[:, 0]:
        sigma = float((spot.sum(0) * place**2).sum().sqrt())
        wanted = ndimage.gaussian_filter(point[0, 0].numpy(), sigma, truncate=6)
        if sigma > 0.5:
            assert np.abs(spot.numpy() - wanted).max() < 0.03
        assert sigma < 0.08 * SIDE + 0.01
    assert torch.allclose(spots.sum((2, 3)), torch.ones(9, 3), atol=1e-4)


def test_blur_of_nothing_changes_nothing() -> None:
    pixels = floats()
    none = ViewSettings(blur=0.0, blur_probability=1.0)
    never = ViewSettings(blur=0.1, blur_probability=0.0)
    assert torch.allclose(blur(pixels, none, chance()), pixels)
    assert torch.allclose(blur(pixels, never, chance()), pixels)


@pytest.mark.parametrize(
    "wrong", [{"crop": 0}, {"hue": 0.6}, {"brightness": 1.1}, {"blur": 0.2}, {"grey": 0.1}]
)
def test_settings_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        ViewSettings(**wrong)
