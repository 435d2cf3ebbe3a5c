"""Read an OCT volume: the main function for files and folders of volumes.

Volumes are decoded in worker processes with limits on memory and time, by
`triage.oct_imaging.decode`.
"""

from __future__ import annotations

import os
from pathlib import Path

from triage.decoding.worker import default_pool
from triage.oct_imaging.limits import DEFAULT_VOLUME_LIMITS, VolumeLimits
from triage.oct_imaging.volume import OctVolume


def read_volume(
    path: str | Path,
    limits: VolumeLimits = DEFAULT_VOLUME_LIMITS,
    *,
    root: str | Path | None = None,
) -> OctVolume:
    """Read one OCT volume of one eye.

    Parameters
    ----------
    path : str or Path
        A DICOM Ophthalmic Tomography file, a vendor's file or export folder, an `.npz` stack, a
        folder of B-scan pictures with a sidecar, a folder of DICOM files (the instances of one
        volume, one picture of the fundus), or a single grey picture. The content determines which
        it is; the name only adds a claim on the eye, if it holds OD or OS.
    limits : VolumeLimits
        Bounds that hold before decoding.
    root : str or Path, optional
        Folder that the path may not leave by links.

    Returns
    -------
    OctVolume
        With claims and flags; nothing that identifies a person.

    Raises
    ------
    ImageRejected
        If the file is invalid, or if reading it takes more memory or time than a worker
        may use. The message names the file without its folder and quotes nothing from within it.
    """
    given = {"limits": limits.model_dump(), "root": None if root is None else os.path.abspath(root)}
    found = default_pool().run("volume", path, **given)
    assert isinstance(found, OctVolume)
    return found
