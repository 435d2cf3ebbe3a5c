"""Folders of pictures, single pictures and NumPy archives."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.imaging.samples import encode, picture
from triage.decoding.read_volume import read_volume
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging import Flag, Spacing
from triage.oct_imaging.limits import VolumeLimits

from .samples import SPACING, meta, npz_bytes, retina, write_folder


def refused(path: Path, limits: VolumeLimits | None = None) -> ImageRejected:
    with pytest.raises(ImageRejected) as caught:
        read_volume(path, limits or VolumeLimits())
    assert str(path.parent) not in str(caught.value)
    return caught.value


def put(tmp_path: Path, data: bytes, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", ["png", "tiff", "bmp"])
def test_a_folder_with_a_sidecar(tmp_path: Path, kind: str) -> None:
    folder = write_folder(tmp_path / "export", retina(12), sidecar=meta(), kind=kind)
    (folder / "Thumbs.db").write_bytes(b"rubbish")
    volume = read_volume(folder)
    assert (volume.bscans == retina(12)).all()  # scan10 after scan9
    assert volume.spacing == Spacing(*SPACING)
    assert (volume.laterality, volume.kind, volume.flags) == ("R", "images", ())
    assert volume.claims["laterality"][0].source == "sidecar laterality"


def test_a_folder_without_a_sidecar_has_no_scale(tmp_path: Path) -> None:
    volume = read_volume(write_folder(tmp_path / "export", retina()))
    assert volume.spacing == Spacing()
    assert set(volume.flags) == {Flag.SPACING_MISSING, Flag.LATERALITY_UNKNOWN}


def test_sidecars_give_order_positions_and_localizer(tmp_path: Path) -> None:
    starts = [[1.0, 1.0 + 0.12 * n] for n in range(5)]
    ends = [[4.0, y] for _, y in starts]
    text = meta(
        images=[f"scan{n}.png" for n in (4, 3, 2, 1, 0)],
        localizer="face.png",
        localizer_spacing_mm=0.02,
        starts=starts,
        ends=ends,
        fixation="macula",
        manufacturer="Lens Works",
    )
    folder = write_folder(tmp_path / "export", retina(), sidecar=text)
    (folder / "face.png").write_bytes(encode(picture(), "png"))
    volume = read_volume(folder)
    assert (volume.bscans == retina()[::-1]).all()
    assert (volume.fixation, volume.device) == ("macula", "Lens Works")
    assert volume.localizer is not None
    assert volume.localizer.pixels.shape == (40, 60)
    assert volume.localizer.lines is not None
    assert np.allclose(volume.localizer.lines[1], [[50, 56], [200, 56]])
    assert volume.flags == ()


def test_positions_may_contradict_the_names(tmp_path: Path) -> None:
    order = [1, 0, 2, 3, 4]
    starts = [[0.0, 0.12 * n] for n in order]
    text = meta(starts=starts, ends=[[6.0, y] for _, y in starts])
    volume = read_volume(write_folder(tmp_path / "export", retina()[order], sidecar=text))
    assert (volume.bscans == retina()).all()
    assert volume.flags == (Flag.ORDER_CONFLICT,)


def test_the_hash_of_a_folder_is_of_names_and_content(tmp_path: Path) -> None:
    first = read_volume(write_folder(tmp_path / "a", retina(), sidecar=meta())).sha256
    assert read_volume(write_folder(tmp_path / "b", retina(), sidecar=meta())).sha256 == first
    other = write_folder(tmp_path / "c", retina(), sidecar=meta(laterality="L"))
    assert read_volume(other).sha256 != first


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", RejectReason.UNREADABLE),
        ("[]", RejectReason.UNREADABLE),
        ('{"images": "Doe.png"}', RejectReason.UNREADABLE),
        ('{"images": ["../Doe.png"]}', RejectReason.INCONSISTENT),
        ('{"images": []}', RejectReason.EMPTY),
        ('{"images": ["scan0.png", "scan0.png"]}', RejectReason.INCONSISTENT),
        ('{"starts": [[0, 1]], "ends": [["Doe", 1]]}', RejectReason.INCONSISTENT),
        (" " * 2**20 + "{}", RejectReason.TOO_LARGE),
    ],
)
def test_sidecars_that_cannot_be_used(tmp_path: Path, text: str, reason: RejectReason) -> None:
    refusal = refused(write_folder(tmp_path / "export", retina(), sidecar=text))
    assert refusal.reason is reason
    assert "Doe" not in str(refusal)


def test_what_a_sidecar_says_beyond_its_keys_is_not_read(tmp_path: Path) -> None:
    text = json.dumps(json.loads(meta()) | {"PatientName": "Doe^Jane", "date": "1970-01-01"})
    volume = read_volume(write_folder(tmp_path / "Doe_Jane", retina(), sidecar=text))
    assert not any(secret in repr(volume) for secret in ("Doe", "1970"))


def test_pictures_that_do_not_go_together(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "sizes", retina())
    (folder / "scan3.png").write_bytes(encode(Image.fromarray(retina(rows=50)[0]), "png"))
    refusal = refused(folder)
    assert refusal.reason is RejectReason.INCONSISTENT
    assert "Picture 4 of 5" in str(refusal)
    folder = write_folder(tmp_path / "broken", retina())
    whole = (folder / "scan2.png").read_bytes()
    (folder / "scan2.png").write_bytes(whole[: len(whole) // 2])
    refusal = refused(folder)
    assert refusal.reason is RejectReason.TRUNCATED
    assert "Picture 3 of 5" in str(refusal)


def test_folders_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty").reason is RejectReason.EMPTY
    limits = VolumeLimits(max_bytes=1000)
    folder = write_folder(tmp_path / "large", retina())
    assert refused(folder, limits).reason is RejectReason.TOO_LARGE
    assert refused(folder, VolumeLimits(max_bscans=3)).reason is RejectReason.TOO_MANY_FRAMES


def test_sixteen_bit_and_real_pictures(tmp_path: Path) -> None:
    stored = retina()
    for kind, dtype in (("png", np.uint16), ("tiff", np.uint16), ("tiff", np.float32)):
        folder = tmp_path / f"{kind}{np.dtype(dtype).name}"
        volume = read_volume(write_folder(folder, (stored * dtype(7)).astype(dtype), kind=kind))
        assert np.corrcoef(volume.bscans.ravel(), stored.ravel())[0, 1] > 0.999


def test_a_single_picture_is_one_bscan_without_scale(tmp_path: Path) -> None:
    bscan = retina()[0]
    for kind in ("png", "tiff", "bmp", "jpeg"):
        volume = read_volume(put(tmp_path, encode(Image.fromarray(bscan), kind), kind))
        assert volume.bscans.shape == (1, 48, 40)
        assert {Flag.SINGLE_BSCAN, Flag.SPACING_MISSING} <= set(volume.flags)
        if kind != "jpeg":
            assert (volume.bscans[0] == bscan).all()
    grey_as_colour = encode(np.stack([bscan] * 3, axis=-1), "jpeg")
    assert read_volume(put(tmp_path, grey_as_colour)).bscans.shape == (1, 48, 40)


def test_the_pages_of_a_tiff_are_bscans(tmp_path: Path) -> None:
    pages = [Image.fromarray(bscan) for bscan in retina()]
    data = encode(pages[0], "tiff", save_all=True, append_images=pages[1:])
    assert (read_volume(put(tmp_path, data)).bscans == retina()).all()


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "bmp"])
def test_a_colour_photograph_offered_as_oct(tmp_path: Path, kind: str) -> None:
    refusal = refused(put(tmp_path, encode(picture(), kind)))
    assert refusal.reason is RejectReason.WRONG_MODALITY
    assert "colour picture" in str(refusal)
    folder = write_folder(tmp_path / "export", retina())
    (folder / f"scan2.{kind}").write_bytes(encode(picture(), kind))
    assert refused(folder).reason is RejectReason.WRONG_MODALITY


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
def test_archives(tmp_path: Path, dtype: type) -> None:
    stored = retina().astype(dtype)
    for compress in (False, True):
        data = npz_bytes(compress, volume=np.asfortranarray(stored), meta=meta(), other=stored)
        volume = read_volume(put(tmp_path, data))
        assert np.corrcoef(volume.bscans.ravel(), retina().ravel())[0, 1] > 0.999
        assert (volume.spacing, volume.laterality) == (Spacing(*SPACING), "R")
        assert (volume.kind, volume.flags) == ("npz", ())
        assert volume.claims["laterality"][0].source == "meta laterality"


def test_archives_without_meta_have_no_scale(tmp_path: Path) -> None:
    volume = read_volume(put(tmp_path, npz_bytes(bscans=retina())))
    assert volume.spacing == Spacing()
    assert set(volume.flags) == {Flag.SPACING_MISSING, Flag.LATERALITY_UNKNOWN}


def test_archives_that_are_no_volume(tmp_path: Path) -> None:
    def reason(**arrays: object) -> RejectReason:
        return refused(put(tmp_path, npz_bytes(**arrays))).reason

    assert reason(train_images=retina()) is RejectReason.WRONG_MODALITY
    assert reason(volume=np.zeros((5, 9, 9, 3), np.uint8)) is RejectReason.WRONG_MODALITY
    assert reason(volume=retina()[0]) is RejectReason.UNSUPPORTED_ENCODING
    assert reason(volume=retina() * 1j) is RejectReason.UNSUPPORTED_ENCODING
    assert reason(volume=np.array(["Doe"])) is RejectReason.UNSUPPORTED_ENCODING
    assert reason(volume=retina()[:0]) is RejectReason.UNREADABLE
    assert reason(volume=retina(), meta=np.zeros(3)) is RejectReason.UNSUPPORTED_ENCODING
    assert reason(volume=retina(), slo=retina()) is RejectReason.UNSUPPORTED_ENCODING
    with zipfile.ZipFile(tmp_path / "text.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    assert refused(tmp_path / "text.zip").reason is RejectReason.WRONG_MODALITY
