"""The function behind `triage inspect`: report what a file is, or why it is refused."""

from __future__ import annotations

from pathlib import Path

from triage.decoding.describe import facts_of_place, refused
from triage.decoding.file_report import FileReport
from triage.decoding.worker import default_pool
from triage.errors import ImageRejected
from triage.imaging.limits import DEFAULT_LIMITS, Limits
from triage.oct_imaging.limits import DEFAULT_VOLUME_LIMITS, VolumeLimits


def inspect_file(
    path: str | Path,
    limits: Limits = DEFAULT_LIMITS,
    volume_limits: VolumeLimits = DEFAULT_VOLUME_LIMITS,
    *,
    photographs_only: bool = True,
    pixels: str | Path | None = None,
) -> FileReport:
    """Report what a file is, or why it is refused; never raises for a bad file.

    Parameters
    ----------
    path : str or Path
        Any file or folder, or none.
    limits : Limits
        Bounds that hold before decoding a photograph.
    volume_limits : VolumeLimits
        Bounds that hold before decoding a volume.
    photographs_only : bool
        Refuse DICOM objects that are neither photographs nor OCT volumes.
    pixels : str or Path, optional
        Write what the system sees as 8-bit RGB PNG: `{pixels}_{frame}.png`, frames or B-scans
        from 0, deeper data scaled as for the networks.

    Returns
    -------
    FileReport
        Of a refused file the facts that its header states.
    """
    path = Path(path)
    try:
        found = default_pool().run(
            "inspect",
            path,
            limits=limits.model_dump(),
            volume_limits=volume_limits.model_dump(),
            photographs_only=photographs_only,
            pixels=None if pixels is None else str(Path(pixels).absolute()),
        )
    except ImageRejected as refusal:  # too much work or memory, or the worker died
        if pixels is not None:
            _remove_unfinished(Path(pixels))
        return refused(facts_of_place(path), refusal)
    assert isinstance(found, FileReport)
    return found


def _remove_unfinished(place: Path) -> None:
    """Remove the pixels of a file whose worker died while writing them."""
    for pattern in (f"{place.name}_*.png", f".{place.name}_*.partial"):
        for path in place.parent.glob(pattern):
            path.unlink(missing_ok=True)
