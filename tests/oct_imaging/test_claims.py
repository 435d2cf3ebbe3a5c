"""What is believed of a file's statements, and what is flagged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from triage.imaging.metadata_removal import device_text
from triage.oct_imaging import Claim, Flag, Localizer, Spacing
from triage.oct_imaging.bscan_order import parallel, spatial_order
from triage.oct_imaging.claims import UNRECOGNISED, file_name_claim, finish
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.intensity import to_bytes

from .samples import retina


def draft(**claims: str | list[str]) -> Draft:
    made = Draft(bscans=retina(), kind="test", sha256="0" * 64)
    full = {"laterality": "R", "bscan_spacing": "0.1", "depth_spacing": "0.004"}
    for name, values in (full | {"column_spacing": "0.01"} | claims).items():
        for index, value in enumerate([values] if isinstance(values, str) else values):
            made.claim(name, value, f"field {index}")
    return made


def raster(offsets: list[float]) -> np.ndarray:
    return np.array([[[0.0, y], [6.0, y]] for y in offsets])


def test_agreeing_statements_hold() -> None:
    volume = finish(draft(laterality=["OD", "right", "R"], depth_spacing=["0.0039", "0.00387"]))
    assert volume.laterality == "R"
    assert volume.spacing == Spacing(0.1, 0.0039, 0.01)
    assert volume.flags == ()
    assert volume.claims["laterality"][1] == Claim("R", "field 1")
    assert [claim.value for claim in volume.claims["depth_spacing"]] == ["0.0039 mm", "0.00387 mm"]


def test_eyes_that_disagree_are_flagged_not_guessed() -> None:
    volume = finish(draft(laterality=["R", "R", "OS"]))
    assert volume.laterality is None
    assert volume.flags == (Flag.LATERALITY_CONFLICT,)


def test_the_file_name_is_a_claim_too() -> None:
    made = draft(laterality="R")
    file_name_claim(made, Path("scan_OS_2.dcm"))
    assert Flag.LATERALITY_CONFLICT in finish(made).flags
    for name in ("model.dcm", "cosmos.vol", "OD_OS.npz", "Os3a.dcm"):
        made = draft(laterality=[])
        file_name_claim(made, Path(name))
        found = finish(made)
        assert found.laterality == ("L" if name.startswith("Os") else None)


def test_a_scale_that_is_contradicted_missing_or_implausible_is_none() -> None:
    volume = finish(draft(depth_spacing=["0.0039", "0.0035"]))
    assert (volume.spacing.depth, volume.flags) == (None, (Flag.SPACING_CONFLICT,))
    for text in ("3.9", "0", "-1", "nan", "inf", "0.0039 apples"):
        volume = finish(draft(depth_spacing=text))
        assert (volume.spacing.depth, volume.flags) == (None, (Flag.SPACING_MISSING,))
        assert volume.claims["depth_spacing"][0].value == UNRECOGNISED
    assert finish(draft(column_spacing=[])).spacing.complete is None


def test_statements_outside_the_vocabulary_are_not_repeated() -> None:
    made = draft(laterality="Doe^Jane 19700101", fixation="Jane")
    made.claim("model", "Maestro2 SN-0815471 Doe^Jane 1970-01-01", "model")
    made.claim("manufacturer", "Topcon\n", "maker")
    volume = finish(made)
    assert (volume.laterality, volume.fixation) == (None, None)
    assert volume.device == "Topcon Maestro2"
    assert not any(secret in repr(volume) for secret in ("Doe", "Jane", "1970", "0815"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("  Carl Zeiss   Meditec\x00 ", "Carl Zeiss Meditec"), ("RTVue-XR 100-2", "RTVue-XR 100-2"),
     ("1/2/1970", ""), ("a" * 100, "a" * 64), ("mail@x", ""), ("3D OCT-2000", "3D OCT-2000")],
)  # fmt: skip
def test_names_of_devices(text: str, shown: str) -> None:
    assert device_text(text) == shown


def test_fixation_on_the_disc_is_told() -> None:
    assert finish(draft(fixation="Macula")).fixation == "macula"
    volume = finish(draft(fixation="disk"))
    assert (volume.fixation, volume.flags) == ("disc", (Flag.NOT_MACULAR,))


def test_positions_that_contradict_the_order_reorder_everything() -> None:
    made = draft()
    shuffled = np.array([2, 0, 1, 3, 4])
    positions = raster([float(n) for n in shuffled])
    made.bscans = made.bscans[shuffled]
    lines = (positions * 10).astype(np.float32)
    made.localizer = Localizer(np.zeros((60, 60), np.uint8), 0.1, lines)
    made.surfaces = {"ILM": np.repeat(shuffled[:, None], 40, axis=1).astype(np.float32)}
    made.positions = positions
    volume = finish(made)
    assert volume.flags == (Flag.ORDER_CONFLICT,)
    assert (volume.bscans == retina()).all()
    assert volume.surfaces["ILM"][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert volume.localizer is not None
    assert volume.localizer.lines is not None
    assert volume.localizer.lines[:, 0, 1].tolist() == [0, 10, 20, 30, 40]


def test_orders_that_hold() -> None:
    assert spatial_order(raster([0, 1, 2, 3])) is None
    assert spatial_order(raster([3, 2, 1, 0])) is None
    assert spatial_order(raster([0, 1, 0.95, 2, 3])) is None  # within the jitter of an eye
    assert spatial_order(raster([1, 1, 1])) is None
    order = spatial_order(raster([3, 2, 0, 1]))
    assert order is not None
    assert order.tolist() == [0, 1, 3, 2]
    angles = np.linspace(0, np.pi, 6, endpoint=False)
    star = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    star = np.stack([-star, star], axis=1)
    assert not parallel(star)
    assert spatial_order(star) is None


def test_a_star_of_scans_has_no_distance_between_neighbours() -> None:
    made = draft()
    angles = np.linspace(0, np.pi, 5, endpoint=False)
    ends = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    made.positions = np.stack([-ends, ends], axis=1)
    assert finish(made).spacing == Spacing(None, 0.004, 0.01)


def test_a_single_bscan_is_flagged() -> None:
    made = draft(bscan_spacing="0.1")
    made.bscans = made.bscans[:1]
    volume = finish(made)
    assert volume.flags == (Flag.SINGLE_BSCAN,)
    assert volume.spacing == Spacing(None, 0.004, 0.01)


def test_sixteen_bits_and_real_numbers_are_scaled_by_their_percentiles() -> None:
    ramp = np.linspace(0, 1, 3 * 50 * 80).reshape(3, 50, 80)
    for dtype, factor in ((np.uint16, 4095), (np.float32, 0.01), (np.float64, 1e6), (np.int16, 99)):
        stored = (ramp * factor).astype(dtype)
        stored[0, 0, 0] = np.iinfo(dtype).max if dtype in (np.uint16, np.int16) else 1e28
        shown = to_bytes(stored)
        assert shown.dtype == np.uint8
        expected = np.clip((ramp - 0.001) / 0.998, 0, 1) * 255
        expected[0, 0, 0] = 255
        assert np.abs(shown - expected).max() < (3 if dtype != np.int16 else 6)


def test_samples_that_are_no_numbers_are_black() -> None:
    stored = np.linspace(0, 1, 2000, dtype=np.float32).reshape(2, 20, 50)
    stored[0, 3, :4] = [np.nan, np.inf, -np.inf, 3.4e38]
    shown = to_bytes(stored)
    assert shown[0, 3, :4].tolist() == [0, 0, 0, 0]
    assert shown.max() == 255
    assert not to_bytes(np.full((2, 3, 4), np.nan)).any()
    assert not to_bytes(np.full((2, 3, 4), 7, np.uint16)).any()
    sparse = np.zeros((2, 100, 100), np.uint16)
    sparse[0, 0, :5] = 1000
    assert to_bytes(sparse).max() == 255
