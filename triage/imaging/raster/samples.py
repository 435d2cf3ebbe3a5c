"""Samples as stored, and their conversion to 8-bit sRGB or to grey at full depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.errors import ImageRejected, RejectReason
from triage.imaging.colour import Conversion, Space, conversion, row_blocks
from triage.imaging.picture import PictureFlag
from triage.imaging.raster.orientation import upright

Block = tuple[tuple[slice, slice], NDArray[Any]]
"""Rows and columns of the page where samples lie, and the samples [h, w, C]."""


@dataclass(frozen=True)
class Layout:
    """Meaning of the channels of a page.

    Parameters
    ----------
    space : {'grey', 'rgb', 'palette', 'cmyk'}
        Meaning of the first 1, 3, 1 or 4 channels.
    bits : int
        Whole samples reach from 0 to 2^bits - 1.
    inverted : bool
        Of grey: 0 is white.
    alpha : {'straight', 'premultiplied'} or None
        Whether the channel after the colours is opacity, and whether the colours have been
        multiplied by it.
    palette : uint8 array [N, 3] or None
        Colours of a palette.
    palette_alpha : uint8 array [N] or None
        Their opacity.
    transparent : tuple of int or None
        The colour that is transparent.
    """

    space: Literal["grey", "rgb", "palette", "cmyk"]
    bits: int = 8
    inverted: bool = False
    alpha: Literal["straight", "premultiplied"] | None = None
    palette: NDArray[np.uint8] | None = field(default=None, repr=False)
    palette_alpha: NDArray[np.uint8] | None = field(default=None, repr=False)
    transparent: tuple[int, ...] | None = None

    @property
    def is_plain(self) -> bool:
        """Whether samples are 8-bit RGB as they are."""
        return self == Layout("rgb")

    @property
    def colours(self) -> int:
        """Channels of colour."""
        return {"grey": 1, "rgb": 3, "palette": 1, "cmyk": 4}[self.space]


@dataclass(frozen=True)
class Page:
    """One picture of a file: its header is read, its samples are read on request.

    Parameters
    ----------
    height, width : int
        Pixels as stored.
    layout : Layout
    blocks : callable
        Decodes the samples, block after block, all of the page; raises `ImageRejected` where they
        are incomplete.
    orientation : int
        EXIF 2.32, 4.6.4, tag 0x0112: 1 to 8.
    profile : bytes or None
        ICC profile.
    device : str or None
        Manufacturer and model of the camera.
    channels, bits : int
        Samples of a pixel and bits of a sample, as stored.
    """

    height: int
    width: int
    layout: Layout
    blocks: Callable[[], Iterator[Block]] = field(repr=False)
    orientation: int = 1
    profile: bytes | None = field(default=None, repr=False)
    device: str | None = None
    channels: int = 3
    bits: int = 8


def page_to_rgb(page: Page) -> tuple[NDArray[np.uint8], PictureFlag | None]:
    """Decode a page to sRGB.

    Parameters
    ----------
    page : Page

    Returns
    -------
    frame : uint8 array [H, W, 3]
        Upright; transparency over white. Deeper grey is scaled by 255 / (2^bits - 1), deeper
        colour loses its low bits.
    flag : PictureFlag or None
        Flags of the conversion by the colour profile.

    Raises
    ------
    ImageRejected
        For incomplete or damaged samples; `UNSUPPORTED_ENCODING` for signed, real or 32-bit ones.
    """
    layout = page.layout
    space: Space = "rgb" if layout.space == "palette" else layout.space
    convert, flag = conversion(page.profile, space)
    frame: NDArray[np.uint8] | None = None
    for place, samples in page.blocks():
        if samples.dtype not in (np.uint8, np.uint16):
            raise ImageRejected(
                RejectReason.UNSUPPORTED_ENCODING,
                "The samples have no defined brightness range (signed, real or 32-bit numbers).",
                hint="Export the picture as 8- or 16-bit grey or RGB.",
            )
        if frame is None:
            # Of RGB decoded in one piece no second copy is made.
            fits = layout.is_plain and samples.shape == (page.height, page.width, 3)
            own = fits and samples.flags.writeable
            frame = samples if own else np.empty((page.height, page.width, 3), np.uint8)
        target = frame[place]
        for rows in row_blocks(*samples.shape[:2]):
            if frame is not samples or convert is not None:
                target[rows] = _block_to_rgb(samples[rows], layout, convert)
    assert frame is not None  # a page has at least one block
    return upright(frame, page.orientation), flag


def page_to_grey(page: Page) -> NDArray[Any]:
    """Decode a page of grey at its stored depth.

    Parameters
    ----------
    page : Page
        With the layout 'grey'.

    Returns
    -------
    uint8, uint16 or float32 array [H, W]
        Upright, 0 black, opacity left out. Integers of more than 16 bits or with a sign are uint16
        where all lie between 0 and 65535, else float32; less than 8 bits are scaled to 8.

    Raises
    ------
    ImageRejected
        For incomplete or damaged samples.
    """
    layout = page.layout
    frame: NDArray[Any] | None = None
    for place, samples in page.blocks():
        grey = samples[..., 0]
        if grey.dtype == np.uint8:
            grey = _to_bytes(grey, layout)
        elif layout.inverted:
            grey = np.array(2**layout.bits - 1, grey.dtype) - grey
        if frame is None:
            frame = np.empty((page.height, page.width), grey.dtype)
        frame[place] = grey
    assert frame is not None  # a page has at least one block
    if frame.dtype not in (np.uint8, np.uint16):
        whole = frame.dtype.kind in "ui" and frame.min() >= 0 and frame.max() < 2**16
        frame = frame.astype(np.uint16 if whole else np.float32)
    return upright(frame, page.orientation)


def _block_to_rgb(
    samples: NDArray[Any], layout: Layout, convert: Conversion | None
) -> NDArray[np.uint8]:
    """Convert [h, w, C] to sRGB over white, [h, w, 3]."""
    if layout.space == "palette":
        return _look_up(samples[..., 0], layout, convert)
    colours = samples[..., : layout.colours]
    shown = _to_bytes(colours, layout)
    opacity = None
    if layout.alpha is not None:
        opacity = _high_byte(samples[..., layout.colours], layout.bits)
    if opacity is not None and layout.alpha == "premultiplied":
        # so that a profile can be applied to the colours themselves
        shown = _divided(shown, opacity)
    if convert is not None and (layout.space != "grey" or convert.mode == "L"):
        rgb = convert(shown)
    elif layout.space == "cmyk":
        inks = Image.fromarray(np.ascontiguousarray(shown), "CMYK")
        rgb = np.asarray(inks.convert("RGB"))
    else:
        rgb = np.repeat(shown, 3, axis=2) if layout.space == "grey" else shown
        if convert is not None:
            rgb = convert(rgb)
    if opacity is not None:
        return _over_white(rgb, opacity)
    if layout.transparent is not None:
        hit = (colours == np.array(layout.transparent, samples.dtype)).all(axis=2)
        rgb = np.where(hit[..., None], np.uint8(255), rgb)
    return rgb


def _to_bytes(colours: NDArray[Any], layout: Layout) -> NDArray[np.uint8]:
    """Scale whole samples to 8 bits."""
    most = 2**layout.bits - 1
    if layout.bits <= 8 or layout.space == "grey":
        scaled: NDArray[np.uint8] = colours
        if layout.bits != 8:
            levels = np.arange(most + 1, dtype=np.uint32)
            scaled = ((levels * 510 + most) // (2 * most)).astype(np.uint8)[colours]
        return np.invert(scaled) if layout.inverted else scaled
    return _high_byte(colours, layout.bits)


def _high_byte(samples: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    raised = samples * (255 // (2**bits - 1)) if bits < 8 else samples >> (bits - 8)
    result: NDArray[np.uint8] = raised.astype(np.uint8, copy=False)
    return result


def _divided(rgb: NDArray[np.uint8], opacity: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Divide colours by the opacity by which they were multiplied."""
    by = np.maximum(opacity, 1)[..., None].astype(np.uint16)
    divided: NDArray[np.uint16] = (rgb * np.uint16(255) + by // 2) // by
    return np.minimum(divided, 255).astype(np.uint8)


def _over_white(rgb: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    opacity = alpha[..., None].astype(np.uint16)
    # at most 255 * 255 + 127, which 16 bits hold
    shown: NDArray[np.uint8] = ((rgb * opacity + 255 * (255 - opacity) + 127) // 255).astype(
        np.uint8
    )
    return shown


def _look_up(index: NDArray[Any], layout: Layout, convert: Conversion | None) -> NDArray[np.uint8]:
    palette = layout.palette
    assert palette is not None
    if index.size and index.max() >= len(palette):
        raise ImageRejected(
            RejectReason.UNREADABLE,
            "The picture uses colours that its palette does not have.",
            hint="Export the picture again as RGB.",
        )
    if convert is not None:
        palette = convert(palette[None])[0]
    if layout.palette_alpha is not None:
        palette = _over_white(palette[None], layout.palette_alpha[None])[0]
    colours: NDArray[np.uint8] = palette[index]
    return colours
