"""Limits on the size of a file, checked before it is decoded."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from triage.errors import ImageRejected, RejectReason


class Limits(BaseModel):
    """Limits that are checked on headers before decoding.

    Parameters
    ----------
    max_bytes : int
        Largest file, and largest content of a deflated file, in bytes.
    max_pixels : int
        Most pixels (height x width) of one frame.
    max_side : int
        Most pixels of a row or column.
    max_aspect : int
        How many times longer one side may be than the other. What is derived from a picture, such
        as a copy with a shorter side of fixed length, grows with it.
    max_frames : int
        Most frames (pages) of one file.
    max_total_pixels : int
        Most pixels of all frames together. Without it a file within the other
        bounds could still require 12 GiB of RGB. A small file at the default
        bounds takes 0.5 to 1.0 GiB to read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_bytes: int = Field(default=256 * 2**20, gt=0)
    max_pixels: int = Field(default=64_000_000, gt=0)
    max_side: int = Field(default=32_768, gt=0)
    max_aspect: int = Field(default=100, gt=0)
    max_frames: int = Field(default=64, gt=0)
    max_total_pixels: int = Field(default=100_000_000, gt=0)

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
                hint="Export the picture smaller, or raise the limit max_bytes.",
            )

    def check_frames(self, frames: int) -> None:
        """Refuse a file of more than `max_frames` frames.

        Raises
        ------
        ImageRejected
            With `RejectReason.TOO_MANY_FRAMES`.
        """
        if frames > self.max_frames:
            raise ImageRejected(
                RejectReason.TOO_MANY_FRAMES,
                f"The file has more than {self.max_frames} frames.",
                hint="Split the file, or raise the limit max_frames.",
            )

    def check_geometry(self, height: int, width: int, frames: int = 1) -> None:
        """Refuse a picture whose decoded size would exceed a limit.

        Raises
        ------
        ImageRejected
            See `check_pixels`; with `RejectReason.BAD_SHAPE` for a picture too narrow.
        """
        self.check_pixels(height, width, frames)
        if max(height, width) > self.max_aspect * min(height, width):
            raise ImageRejected(
                RejectReason.BAD_SHAPE,
                f"{height} x {width} pixels: one side is more than {self.max_aspect} times as "
                "long as the other.",
                hint="Cut the picture to what it shows, or raise the limit max_aspect.",
            )

    def check_pixels(self, height: int, width: int, frames: int = 1) -> None:
        """Refuse too many pixels, whatever the shape of the picture.

        Raises
        ------
        ImageRejected
            With `RejectReason.TOO_MANY_PIXELS` or `TOO_MANY_FRAMES`; with
            `RejectReason.UNREADABLE` for a picture without extent.
        """
        if height < 1 or width < 1 or frames < 1:
            raise ImageRejected(
                RejectReason.UNREADABLE, "The header gives the picture no rows, columns or frames."
            )
        self.check_frames(frames)
        if max(height, width) > self.max_side:
            raise ImageRejected(
                RejectReason.TOO_MANY_PIXELS,
                f"The picture is longer than {self.max_side} pixels.",
                hint="Export the picture smaller, or raise the limit max_side.",
            )
        pixels = height * width
        if pixels > self.max_pixels or pixels * frames > self.max_total_pixels:
            raise ImageRejected(
                RejectReason.TOO_MANY_PIXELS,
                f"{frames} x {height} x {width} pixels are more than the {self.max_pixels} per "
                f"frame or {self.max_total_pixels} in all that are read.",
                hint="Export the picture smaller, or raise max_pixels and max_total_pixels.",
            )


DEFAULT_LIMITS = Limits()
