"""Read a photograph: the main function for pictures.

Files are decoded in worker processes with limits on memory and time, by `triage.imaging.decode`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from triage.decoding.worker import default_pool
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.imaging.picture import Picture
from triage.imaging.resized import Input, ResizedPicture


def read_picture(
    path: str | Path,
    limits: Limits = DEFAULT_LIMITS,
    *,
    photographs_only: bool = True,
    root: str | Path | None = None,
) -> Picture:
    """Read a photograph as RGB frames.

    Parameters
    ----------
    path : str or Path
        A JPEG, PNG, TIFF, WebP, BMP, HEIC, AVIF or DICOM file; its name does not matter.
    limits : Limits
        Bounds that hold before decoding.
    photographs_only : bool
        Refuse DICOM objects other than VL Photographic, Dermoscopic
        Photography and Secondary Capture.
    root : str or Path, optional
        Folder that the path may not leave by links.

    Returns
    -------
    Picture
        Pixels, format and hash; nothing that identifies a person.

    Raises
    ------
    ImageRejected
        If the file is invalid, or if decoding it takes more memory or time than a worker
        may use. The message names the file, and quotes nothing from within it.
    """
    found = default_pool().run("picture", path, **_arguments(limits, photographs_only, root))
    assert isinstance(found, Picture)
    return found


def read_resized(
    path: str | Path,
    inputs: Sequence[Input],
    limits: Limits = DEFAULT_LIMITS,
    *,
    root: str | Path | None = None,
) -> ResizedPicture:
    """Read a photograph once and resize it in the worker, so that little data is transferred.

    Parameters
    ----------
    path, limits, root
        As `read_picture`.
    inputs : sequence of Input
        Size and views that each network takes.

    Raises
    ------
    ImageRejected
        As `read_picture`.
    """
    arguments = _arguments(limits, True, root) | {
        "inputs": [[size, str(views)] for size, views in inputs]
    }
    found = default_pool().run("resized", path, **arguments)
    assert isinstance(found, ResizedPicture)
    assert len(found.inputs) == len(inputs)
    return found


def _arguments(
    limits: Limits, photographs_only: bool, root: str | Path | None
) -> dict[str, object]:
    return {
        "limits": limits.model_dump(),
        "photographs_only": photographs_only,
        # A worker may have started in another folder than the present one.
        "root": None if root is None else os.path.abspath(root),
    }
