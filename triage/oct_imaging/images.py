"""B-scans as pictures: one picture, a stack of pages, or a folder with a sidecar."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_bytes, hash_json
from triage.imaging.decode import read_bytes, refusal_of
from triage.oct_imaging.draft import Draft
from triage.oct_imaging.folder import folder_files
from triage.oct_imaging.grey import picture_kind, read_grey
from triage.oct_imaging.intensity import to_bytes
from triage.oct_imaging.limits import VolumeLimits
from triage.oct_imaging.sidecar import Sidecar
from triage.oct_imaging.volume import Localizer
from triage.regular_file import FileTooLargeError, open_regular, read_regular

SIDECARS = ("sidecar.json", "volume.json")
_LOCALIZERS = frozenset({"localizer", "slo", "fundus"})
_MAX_SIDECAR = 2**20
_MAGIC = 64  # bytes that identify a picture's format


def read_stack(data: bytes, kind: str, limits: VolumeLimits) -> Draft:
    """Read one grey picture, or the pages of a TIFF, as B-scans without a scale.

    Raises
    ------
    ImageRejected
        If the picture is invalid; `WRONG_MODALITY` for a colour picture.
    """
    return Draft(bscans=read_grey(data, kind, limits), kind="images", sha256=hash_bytes(data))


def read_folder(folder: Path, limits: VolumeLimits) -> Draft:
    """Read a folder of grey pictures of equal size, one per B-scan.

    Parameters
    ----------
    folder : Path
        Pictures are identified by their content. `sidecar.json` or `volume.json` gives eye, scale,
        order and positions (`Sidecar`); without `images` in it, pictures are sorted by the
        numbers in their names. One named localizer, slo or fundus is the localizer.
    limits : VolumeLimits
        `max_bytes` bounds the folder.

    Returns
    -------
    Draft

    Raises
    ------
    ImageRejected
        `EMPTY` without pictures, `INCONSISTENT` where they do not go together, and whatever is
        wrong with one of them: the message names it by its position in the order.
    """
    files = folder_files(folder, limits)
    sidecar, hashes = Sidecar(), {}
    for name in SIDECARS:
        if name in files:
            data = _small(files[name])
            sidecar, hashes[name] = Sidecar.parse(data), hash_bytes(data)
            break
    names = [name for name in files if _is_picture(files[name])]
    localizer = sidecar.localizer or next(
        (name for name in names if Path(name).stem.lower() in _LOCALIZERS), None
    )
    if sidecar.images is not None:
        bscans = sidecar.images
    else:
        bscans = sorted((name for name in names if name != localizer), key=_natural)
    if not bscans:
        raise ImageRejected(
            RejectReason.EMPTY,
            "The folder holds no picture.",
            hint="Give a folder of B-scans as PNG, TIFF, JPEG or BMP.",
        )
    wanted = [*bscans, *([localizer] if localizer else [])]
    if not set(wanted) <= set(names) or len(set(wanted)) < len(wanted):
        raise ImageRejected(
            RejectReason.INCONSISTENT,
            "The sidecar lists pictures that are not in the folder, or lists one twice.",
        )
    draft = Draft(
        bscans=_read_all([files[name] for name in bscans], limits, bscans, hashes),
        kind="images",
        sha256="",
    )
    if localizer:
        data = read_bytes(files[localizer], limits.pictures, root=folder)
        hashes[localizer] = hash_bytes(data)
        page = read_grey(data, picture_kind(data) or "", limits, colour=True)[:1]
        draft.localizer = Localizer(to_bytes(page)[0], sidecar.localizer_scale)
    draft.sha256 = hash_json(sorted(hashes.items()))
    sidecar.note(draft)
    return draft


def _read_all(
    paths: list[Path], limits: VolumeLimits, names: list[str], hashes: dict[str, str]
) -> NDArray[Any]:
    """Decode pictures into one array; record their hashes by name."""
    limits.check_shape(len(paths), 1, 1)
    stack: NDArray[Any] | None = None
    for index, path in enumerate(paths):
        try:
            data = read_bytes(path, limits.pictures, root=path.parent)
            hashes[names[index]] = hash_bytes(data)
            pages = read_grey(data, picture_kind(data) or "", limits)
        except ImageRejected as refusal:
            place = f"Picture {index + 1} of {len(paths)}: {refusal.what}"
            raise ImageRejected(refusal.reason, place, hint=refusal.hint) from None
        if len(paths) == 1:
            return pages
        if stack is None:
            limits.check_shape(len(paths), *pages.shape[1:])
            stack = np.empty((len(paths), *pages.shape[1:]), pages.dtype)
        if len(pages) > 1 or pages.shape[1:] != stack.shape[1:] or pages.dtype != stack.dtype:
            raise ImageRejected(
                RejectReason.INCONSISTENT,
                f"Picture {index + 1} of {len(paths)} differs from the first in size, depth or "
                "number of pages.",
                hint="Keep one folder for each volume.",
            )
        stack[index] = pages[0]
    assert stack is not None  # there is at least one path
    return stack


def _small(path: Path) -> bytes:
    try:
        return read_regular(path, _MAX_SIDECAR, root=path.parent)
    except FileTooLargeError:
        raise ImageRejected(
            RejectReason.TOO_LARGE,
            "The sidecar is larger than a mebibyte.",
            hint="Leave out of it what is not read.",
        ) from None
    except OSError as error:
        raise refusal_of(error) from None


def _is_picture(path: Path) -> bool:
    try:
        with open_regular(path, root=path.parent) as stream:
            return picture_kind(stream.read(_MAGIC)) is not None
    except OSError as error:
        raise refusal_of(error) from None


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which scan2 comes before scan10."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in re.split(r"([0-9]+)", name)
    ]
