from __future__ import annotations

import numpy as np
import pytest

from tests.other_pictures import other_pictures
from triage.imaging.picture_statistics import NAMES, SIDE, picture_statistics
from triage.imaging.resized import resize


def described(frame: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, picture_statistics(frame).tolist(), strict=True))


def flat(*colour: int) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), colour, np.uint8)


@pytest.mark.parametrize("name", [*other_pictures(), "black", "white"])
def test_statistics_of_any_picture_are_finite(name: str) -> None:
    pictures = other_pictures() | {"black": flat(0, 0, 0), "white": flat(255, 255, 255)}
    found = picture_statistics(resize(pictures[name], SIDE))
    assert found.shape == (len(NAMES),)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_colour_is_that_of_cie_lab() -> None:
    """The values of pure sRGB red are published: L* 53.24, a* 80.09, b* 67.20."""
    red = described(flat(255, 0, 0))
    lab = [10 * red[f"{name} mean"] for name in ("lightness", "a", "b")]
    assert lab == pytest.approx([53.24, 80.09, 67.20], abs=0.1)
    assert np.expm1(red["chroma 10 %"]) == pytest.approx(np.hypot(80.09, 67.20), abs=0.1)
    assert red["hue concentration"] > 0.95
    assert described(flat(90, 90, 90))["hue concentration"] < 0.05


def test_a_uniform_picture_has_equal_neighbours_and_one_colour() -> None:
    one = described(flat(200, 150, 120))
    assert np.exp(one["equal neighbours"]) == pytest.approx(1.0, abs=0.01)
    assert one["distinct colours"] == 0.0
    assert one["entropy"] == 0.0
    assert one["lightness deviation"] == pytest.approx(0.0, abs=1e-6)


def test_the_spectrum_of_pink_noise_falls_and_that_of_white_noise_is_flat() -> None:
    pictures = other_pictures()
    white = described(resize(pictures["grey noise"][:SIDE, :SIDE], SIDE))
    pink = described(resize(pictures["coloured noise"][:SIDE, :SIDE], SIDE))
    assert white["spectrum slope"] == pytest.approx(0.0, abs=0.3)
    assert pink["spectrum slope"] < -1.0


def test_stripes_have_one_orientation_and_noise_has_all() -> None:
    stripes = np.repeat(np.tile(np.arange(SIDE) // 8 % 2 * 200, (SIDE, 1))[..., None], 3, axis=2)
    found = described(stripes.astype(np.uint8))["orientation entropy"]
    noise = described(resize(other_pictures()["grey noise"], SIDE))["orientation entropy"]
    # log(1.02 - entropy / log(bins)): large where one orientation prevails
    assert found > -0.1
    assert noise < -2
