"""What may lie in a volume's folder, and what is never opened or followed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.imaging.samples import file_bytes
from tests.oct_imaging.vendors import writers
from triage.errors import ImageRejected, RejectReason
from triage.oct_imaging.decode import decode_volume
from triage.oct_imaging.folder import folder_files
from triage.oct_imaging.limits import VolumeLimits

from .samples import meta, opt_dataset, retina, write_folder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")


def dicom_folder(folder: Path) -> Path:
    folder.mkdir()
    (folder / "scan0.dcm").write_bytes(file_bytes(opt_dataset(retina())))
    return folder


def picture_folder(folder: Path) -> Path:
    return write_folder(folder, retina(), sidecar=meta())


def heidelberg_folder(folder: Path) -> Path:
    writers.write_xml(folder)
    return folder


FOLDERS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "dicom": (dicom_folder, "scan0.dcm"),
    "pictures": (picture_folder, "scan2.png"),
    "sidecar": (picture_folder, "sidecar.json"),
    "heidelberg": (heidelberg_folder, "b1.tif"),
    "heidelberg xml": (heidelberg_folder, "export.xml"),
}
each_folder = pytest.mark.parametrize("kind", FOLDERS)


def outcome(path: Path, limits: VolumeLimits | None = None) -> RejectReason | None:
    try:
        decode_volume(path, limits or VolumeLimits())
    except ImageRejected as refusal:
        return refusal.reason if refusal.hint else None
    return None


@each_folder
def test_a_link_out_of_the_folder_is_refused(tmp_path: Path, kind: str) -> None:
    make, name = FOLDERS[kind]
    folder = make(tmp_path / "scan")
    assert outcome(folder) is None
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    assert outcome(folder) is RejectReason.OUTSIDE_ROOT


@each_folder
def test_a_link_within_the_folder_is_fine(tmp_path: Path, kind: str) -> None:
    make, name = FOLDERS[kind]
    folder = make(tmp_path / "scan")
    (folder / "inner").mkdir()
    (folder / name).rename(folder / "inner" / name)
    (folder / name).symlink_to(Path("inner", name))
    (tmp_path / "link").symlink_to(folder)
    assert outcome(folder) is None
    assert outcome(tmp_path / "link") is None


@each_folder
def test_pipes_sockets_and_devices_are_never_opened(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, _ = FOLDERS[kind]
    folder = make(tmp_path / "scan")
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "a.xml")
    monkeypatch.chdir(folder)  # the path of a socket has a bound
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket.dcm")
        assert outcome(folder) is None


def test_a_pipe_in_place_of_a_part(tmp_path: Path) -> None:
    folder = heidelberg_folder(tmp_path / "scan")
    (folder / "b1.tif").unlink()
    os.mkfifo(folder / "b1.tif")
    assert outcome(folder) is RejectReason.MISSING
    writers.write_optovue(tmp_path / "a.OCT", retina().astype("f4"))
    (tmp_path / "a.txt").unlink()
    os.mkfifo(tmp_path / "a.txt")
    assert outcome(tmp_path / "a.OCT") is RejectReason.MISSING
    os.mkfifo(tmp_path / "pipe.vol")
    assert outcome(tmp_path / "pipe.vol") is RejectReason.MISSING
    (tmp_path / "zero.npz").symlink_to("/dev/zero")
    assert outcome(tmp_path / "zero.npz") is RejectReason.MISSING


def test_the_text_of_an_optovue_export_stays_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "scan"
    folder.mkdir()
    writers.write_optovue(folder / "a.OCT", retina().astype("f4"))
    assert outcome(folder / "a.OCT") is None
    (folder / "a.txt").rename(tmp_path / "a.txt")
    (folder / "a.txt").symlink_to(tmp_path / "a.txt")
    assert outcome(folder / "a.OCT") is RejectReason.OUTSIDE_ROOT


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    folder = picture_folder(tmp_path / "scan")
    (folder / ".hidden.png").symlink_to("/etc/passwd")
    (folder / "more").mkdir()
    assert outcome(folder) is None


@pytest.mark.parametrize("name", ["{}.png", ".{}.png"])
def test_a_listing_ends_early(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a folder without end only as many entries are looked at as a volume could have."""
    seen = 0

    class Entry:
        path = str(tmp_path / "file")
        name = ".hidden"

        def __init__(self, number: int) -> None:
            self.name = name_of(number)

        def is_symlink(self) -> bool:
            return False

        def is_file(self) -> bool:
            return True

        def stat(self) -> os.stat_result:
            return os.stat(tmp_path)

    def name_of(number: int) -> str:
        return name.format(number)

    class Entries:
        def __enter__(self) -> Entries:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def __iter__(self) -> Entries:
            return self

        def __next__(self) -> Entry:
            nonlocal seen
            seen += 1
            return Entry(seen)

    monkeypatch.setattr("os.scandir", lambda folder: Entries())
    with pytest.raises(ImageRejected) as caught:
        folder_files(tmp_path, VolumeLimits(max_bscans=10))
    assert caught.value.reason is RejectReason.TOO_MANY_FRAMES
    assert seen < 400


def test_a_folder_of_many_files(tmp_path: Path) -> None:
    for number in range(80):
        (tmp_path / f"{number}.txt").touch()
    assert outcome(tmp_path, VolumeLimits(max_bscans=10)) is RejectReason.TOO_MANY_FRAMES
