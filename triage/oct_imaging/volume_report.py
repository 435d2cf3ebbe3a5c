"""Report on a volume: the OCT part of `triage inspect`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from triage.oct_imaging.volume import OctVolume

_EYES = {"R": "right eye", "L": "left eye", None: "eye unknown"}


class VolumeReport(BaseModel):
    """Facts on one volume; no patient data.

    Parameters
    ----------
    bscans, rows, columns : int
    spacing_mm : tuple of float or None
        Between B-scans, rows and columns; None where unknown.
    laterality : {'R', 'L'} or None
    fixation : str or None
    localizer : bool
        Whether there is a picture of the fundus.
    surfaces : tuple of str
        Names of the vendor's layer boundaries.
    flags : tuple of str
        `triage.oct_imaging.Flag` values.
    claims : dict of tuple of (str, str)
        By field, each statement and its source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    bscans: int
    rows: int
    columns: int
    spacing_mm: tuple[float | None, float | None, float | None]
    laterality: str | None
    fixation: str | None
    localizer: bool
    surfaces: tuple[str, ...]
    flags: tuple[str, ...]
    claims: dict[str, tuple[tuple[str, str], ...]]


def report_volume(volume: OctVolume) -> VolumeReport:
    """Collect the facts on a volume."""
    bscans, rows, columns = volume.bscans.shape
    spacing = volume.spacing
    return VolumeReport(
        bscans=bscans,
        rows=rows,
        columns=columns,
        spacing_mm=(spacing.bscan, spacing.depth, spacing.column),
        laterality=volume.laterality,
        fixation=volume.fixation,
        localizer=volume.localizer is not None,
        surfaces=tuple(volume.surfaces),
        flags=tuple(str(flag) for flag in volume.flags),
        claims={
            name: tuple((claim.value, claim.source) for claim in found)
            for name, found in volume.claims.items()
        },
    )


def volume_sentences(volume: OctVolume) -> str:
    """Describe a volume and its flags in a few sentences."""
    bscans, rows, columns = volume.bscans.shape
    spacing = volume.spacing
    apart = [
        f"{name} {step:.4g} mm"
        for name, step in (
            ("B-scans", spacing.bscan),
            ("rows", spacing.depth),
            ("columns", spacing.column),
        )
        if step is not None
    ]
    scale = f"{', '.join(apart)} apart" if apart else "no scale"
    count = "1 B-scan" if bscans == 1 else f"{bscans} B-scans"
    facts = f"{count} of {rows} x {columns}, {scale}, {_EYES[volume.laterality]}."
    return " ".join([facts, *(flag.sentence for flag in volume.flags)])
