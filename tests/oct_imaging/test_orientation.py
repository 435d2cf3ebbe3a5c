"""Scans that stand on their head are noticed; sound ones never are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from tests.shared_data import SHARED
from triage.oct_imaging import Flag
from triage.oct_imaging.claims import finish
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.orientation import depth_asymmetry, looks_upside_down

from .samples import retina

DATA = SHARED / "data" / "oct"


@pytest.mark.parametrize("rows", [48, 128, 496])
def test_upside_down(rows: int) -> None:
    upright = retina(rows=rows, columns=64)
    assert not looks_upside_down(upright)
    assert looks_upside_down(upright[:, ::-1])
    assert depth_asymmetry(upright[:, ::-1]) == pytest.approx(-depth_asymmetry(upright), abs=0.02)


def test_a_volume_upside_down_is_flagged_and_left_as_it_is() -> None:
    turned = retina()[:, ::-1]
    volume = finish(Draft(bscans=turned, kind="test", sha256=""))
    assert Flag.UPSIDE_DOWN in volume.flags
    assert (volume.bscans == turned).all()


def test_white_margins_of_registered_scans_do_not_mislead() -> None:
    padded = retina(rows=96, columns=64)
    padded[:, -12:] = 255
    assert not looks_upside_down(padded)
    assert looks_upside_down(padded[:, ::-1])


def test_what_shows_no_retina_is_not_judged() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 100, 100), np.uint8)
    for volume in (noise, noise * 0, noise[:, :4], noise[:1, :1, :1]):
        assert not looks_upside_down(volume)
        assert not looks_upside_down(volume[:, ::-1])


def filtered(bscan: np.ndarray) -> float:
    """The statistic of one B-scan with all its columns filtered."""
    height, width = bscan.shape
    smooth = gaussian_filter(bscan.astype(np.float32), (0.008 * height, 0.02 * width))
    step = max(1, round(0.01 * height))
    columns = smooth[:, :: max(1, width // 64)]
    change = columns[step:] - columns[:-step]
    return float(np.median(np.log((change.max(axis=0) + 1) / (1 - change.min(axis=0)))))


@pytest.mark.parametrize("shape", [(48, 40), (97, 33), (496, 512), (200, 1), (300, 1536)])
def test_filtering_only_the_columns_looked_at_gives_the_same(shape: tuple[int, int]) -> None:
    volume = retina(1, *shape)
    assert depth_asymmetry(volume) == pytest.approx(filtered(volume[0]), abs=1e-4)


def test_of_a_huge_bscan_a_part_of_the_pixels_is_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The work and the memory for one B-scan have a bound, whatever its sides."""
    seen = []

    def noted(pixels: np.ndarray, *arguments: object, **options: object) -> np.ndarray:
        seen.append(pixels.shape)
        return gaussian_filter1d(pixels, *arguments, **options)

    monkeypatch.setattr("triage.oct_imaging.orientation.gaussian_filter1d", noted)
    for shape in ((7992, 3000), (40, 8192), (8192, 40)):
        upright = retina(1, *shape)
        assert not looks_upside_down(upright)
        assert looks_upside_down(upright[:, ::-1])
    assert max(rows for rows, _ in seen) <= 2048
    assert max(columns for _, columns in seen) <= 128


@pytest.mark.realdata
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no research data in {DATA}")
def test_every_real_scan_is_upright_and_none_is_when_turned() -> None:
    pictures = [
        *DATA.glob("segmentation/*/images/*.png"),
        *DATA.glob("segmentation/vol_layers/*.png"),
        *DATA.glob("segmentation/circular_scan/*.png"),
    ]
    scans = [np.asarray(Image.open(path).convert("L"))[None] for path in pictures]
    with np.load(DATA / "volumes_npz" / "healthy_subject2.npz") as archive:
        scans.append(archive["volume"])
    assert len(scans) > 170
    assert [looks_upside_down(scan) for scan in scans] == [False] * len(scans)
    assert [looks_upside_down(scan[:, ::-1]) for scan in scans] == [True] * len(scans)
