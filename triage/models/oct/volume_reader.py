"""OCT volumes as inputs of a segmentation network: the scale in mm, B-scans on its grid."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.backbones.preprocessing import ImageReader, OpenedImage
from triage.decoding.read_volume import read_volume
from triage.errors import ImageRejected, RejectReason
from triage.hashing import hash_json
from triage.imaging.corruptions import Corruption
from triage.imaging.shown_name import shown_name
from triage.models.oct.scan_grid import to_grid
from triage.oct_imaging.limits import DEFAULT_VOLUME_LIMITS
from triage.oct_imaging.volume import OctVolume


@dataclass(frozen=True)
class OpenedVolume(OpenedImage):
    """A volume on the networks' grid; its frames are B-scans, uint8 [S, rows, columns].

    Parameters
    ----------
    spacing : tuple of float
        mm between B-scans, rows and columns of that grid.
    """

    spacing: tuple[float, float, float] = field(kw_only=True)


@dataclass(frozen=True)
class VolumeReader(ImageReader):
    """Reader of volumes on the grid of segmentation networks.

    Parameters
    ----------
    rows, columns : int
        The grid over a whole B-scan.
    """

    rows: int
    columns: int

    @property
    def max_bytes(self) -> int:
        """Largest file that is read."""
        return DEFAULT_VOLUME_LIMITS.max_bytes

    def open(self, path: Path, root: Path | None = None) -> OpenedVolume:
        """Read a volume; gradability is not assessed, as it needs the tissue map."""
        volume, bscans, spacing = read_on_grid(path, self.rows, self.columns, root=root)
        flags = tuple(map(str, volume.flags))
        return OpenedVolume(volume.sha256, bscans, flags=flags, spacing=spacing)

    def corrupt(self, image: OpenedImage, corruption: Corruption) -> OpenedImage:
        """Corrupt every B-scan independently as a grey picture, as a scanner would."""
        bscans = [
            _grey(corruption.apply(_colours(bscan), hash_json([image.sha256, number])))
            for number, bscan in enumerate(image.frames)
        ]
        return replace(image, frames=np.stack(bscans))


def read_on_grid(
    path: Path, rows: int, columns: int, *, root: Path | None = None
) -> tuple[OctVolume, NDArray[np.uint8], tuple[float, float, float]]:
    """Read a volume and resample it to a grid.

    Parameters
    ----------
    path : Path
    rows, columns : int
        The grid.
    root : Path, optional
        Folder that the path may not leave by links.

    Returns
    -------
    volume : OctVolume
        As it was read.
    bscans : uint8 array [S, rows, columns]
    spacing : tuple of float
        mm between B-scans, rows and columns of the grid.

    Raises
    ------
    ImageRejected
        If the file is refused, holds one B-scan, or does not give its scale: what is read from
        a tissue map rests on sizes in mm, and none is ever assumed.
    """
    volume = read_volume(path, root=root)
    if len(volume.bscans) < 2:
        raise ImageRejected(
            RejectReason.NOT_A_VOLUME,
            "There is one B-scan where a volume is expected.",
            where=shown_name(path),
            hint="Export the whole volume.",
            sha256=volume.sha256,
        )
    spacing = volume.spacing.complete
    if spacing is None:
        raise ImageRejected(
            RejectReason.NO_SCALE,
            "The file does not give the scan's scale, so nothing in it can be measured in mm.",
            where=shown_name(path),
            hint="Export it with its geometry, or write the spacing into its sidecar.",
            sha256=volume.sha256,
        )
    between, depth, column = spacing
    _, height, width = volume.bscans.shape
    on_grid = to_grid(volume.bscans, rows, columns)
    return volume, on_grid, (between, depth * height / rows, column * width / columns)


def _colours(bscan: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(bscan[:, :, None], 3, axis=2)


def _grey(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma of an RGB frame, uint8 [H, W]."""
    return np.asarray(Image.fromarray(frame).convert("L"))
