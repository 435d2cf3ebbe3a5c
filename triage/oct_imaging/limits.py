"""Limits on the size of a volume, checked before it is decoded."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from triage.errors import ImageRejected, RejectReason
from triage.imaging.limits import Limits


class VolumeLimits(BaseModel):
    """Limits that are checked on headers before decoding.

    Parameters
    ----------
    max_bytes : int
        Largest file, largest folder, and largest content of a deflated file, in bytes.
    max_voxels : int
        Most samples of a volume. At the default a volume takes 0.6 GB; reading takes three times
        as much for 8 bits and seven times for 16.
    max_bscans : int
        Most B-scans of a volume.
    max_side : int
        Most rows or columns of a B-scan or localizer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(default=512 * 2**20, gt=0)
    max_whole_bytes: int = Field(default=256 * 2**20, gt=0)
    max_voxels: int = Field(default=250_000_000, gt=0)
    max_bscans: int = Field(default=1024, gt=0)
    max_side: int = Field(default=8192, gt=0)
    max_pixels: int = Field(default=32_000_000, gt=0)

    def check_bytes(self, size: int) -> None:
        """Refuse content of more than `max_bytes`.

        Raises
        ------
        ImageRejected
            With `RejectReason.TOO_LARGE`.
        """
        if size > self.max_bytes:
            raise ImageRejected(
                RejectReason.TOO_LARGE,
                f"The content is larger than {self.max_bytes} bytes.",
                hint="Export fewer B-scans, or raise the limit max_bytes.",
            )

    def check_shape(self, bscans: int, rows: int, columns: int) -> None:
        """Refuse a volume whose decoded size would exceed a limit.

        Raises
        ------
        ImageRejected
            `TOO_MANY_FRAMES`, `TOO_MANY_PIXELS`, or `UNREADABLE` for a volume without extent.
        """
        if min(bscans, rows, columns) < 1:
            raise ImageRejected(
                RejectReason.UNREADABLE, "The header gives the volume no B-scans, rows or columns."
            )
        if bscans > self.max_bscans:
            raise ImageRejected(
                RejectReason.TOO_MANY_FRAMES,
                f"The volume has more than {self.max_bscans} B-scans.",
                hint="Export fewer B-scans, or raise the limit max_bscans.",
            )
        pixels = rows * columns
        if (
            max(rows, columns) > self.max_side
            or pixels > self.max_pixels
            or bscans * pixels > self.max_voxels
        ):
            raise ImageRejected(
                RejectReason.TOO_MANY_PIXELS,
                f"{bscans} x {rows} x {columns} samples are more than the {self.max_voxels} in "
                f"all, {self.max_pixels} a B-scan or {self.max_side} a side that are read.",
                hint="Export the volume smaller, or raise max_voxels, max_pixels and max_side.",
            )

    @property
    def pictures(self) -> Limits:
        """The same limits for the readers that photographs share."""
        return Limits(
            max_bytes=min(self.max_bytes, self.max_whole_bytes),
            max_pixels=self.max_pixels,
            max_frames=self.max_bscans,
            max_total_pixels=self.max_voxels,
        )


DEFAULT_VOLUME_LIMITS = VolumeLimits()
