"""Scans that stand on their head are noticed; sound ones never are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from triage.imaging.oct import Flag
from triage.imaging.oct.claims import finish
from triage.imaging.oct.draft import Draft
from triage.imaging.oct.orientation import depth_asymmetry, looks_upside_down

from .samples import retina

DATA = Path(__file__).parents[4] / "shared" / "data" / "oct"


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
