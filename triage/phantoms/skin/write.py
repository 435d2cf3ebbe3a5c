"""Writer of phantom cases: pictures and a manifest, written atomically."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from triage.phantoms.folder import MANIFEST, TRUTH, claim_folder, csv_bytes, replace_file
from triage.phantoms.skin.cases import (
    DEFAULT_RARE_FRACTION,
    DEFAULT_SIZE,
    plan_cases,
    render_case,
)
from triage.phantoms.skin.plan import CasePlan
from triage.phantoms.skin.render import Picture

GENERATOR_VERSION = 1
"""Raised whenever the same arguments begin to give other pictures."""

_COLUMNS = (
    "image",
    "case_id",
    "patient_id",
    "condition",
    "skin_type",
    "age",
    "sex",
    "site",
    "device",
)
_JPEG_QUALITY = 92


def write_phantoms(
    folder: Path,
    n_cases: int,
    seed: int,
    *,
    size: int = DEFAULT_SIZE,
    rare_fraction: float = DEFAULT_RARE_FRACTION,
    labelled: bool = True,
    start: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write phantom cases as JPEG files in ``images/`` and a ``manifest.csv``.

    The manifest is written last, so a folder without one is unfinished; called again
    with the same arguments, an unfinished folder is completed and a finished one is
    left as it is. ``phantoms.json`` records the arguments and their hash.

    Parameters
    ----------
    folder : Path
        New, empty, or made by this function with the same arguments.
    n_cases, seed, size, rare_fraction, start
        As for `triage.phantoms.skin.generate_cases`.
    labelled : bool
        Whether the manifest has the column ``condition``. Without it, the conditions
        are written to ``truth.csv`` beside it (case_id, condition), for checks afterwards.
    progress : callable, optional
        Called with the number of finished cases after each case.

    Returns
    -------
    Path
        The manifest: one row a picture, with the columns image (relative to the folder),
        case_id, patient_id, condition, skin_type (empty if unknown), age (years), sex,
        site, device.

    Raises
    ------
    UsageError
        If an argument is out of range, or the folder holds anything else.
    """
    plans = plan_cases(n_cases, seed, size=size, rare_fraction=rare_fraction, start=start)
    arguments = {
        "n_cases": n_cases,
        "seed": seed,
        "size": size,
        "rare_fraction": float(rare_fraction),
        "labelled": labelled,
        "start": start,
        "generator_version": GENERATOR_VERSION,
    }
    manifest = folder / MANIFEST
    claim_folder(folder, arguments)
    if manifest.exists():
        return manifest
    (folder / "images").mkdir(exist_ok=True)

    rows: list[dict[str, object]] = []
    truth: list[dict[str, object]] = []
    for done, plan in enumerate(plans, start=1):
        names = [f"images/{plan.case_id}-{number}.jpg" for number in range(len(plan.views))]
        if not all((folder / name).exists() for name in names):
            for name, picture in zip(names, render_case(plan, size=size).images, strict=True):
                replace_file(folder / name, _jpeg(picture))
        rows += [_row(plan, name) for name in names]
        truth.append({"case_id": plan.case_id, "condition": plan.condition.name})
        if progress is not None:
            progress(done)

    columns = [name for name in _COLUMNS if labelled or name != "condition"]
    if not labelled:
        replace_file(folder / TRUTH, csv_bytes(("case_id", "condition"), truth))
    replace_file(manifest, csv_bytes(columns, rows))
    return manifest


def _row(plan: CasePlan, image: str) -> dict[str, object]:
    patient = plan.patient
    return {
        "image": image,
        "case_id": plan.case_id,
        "patient_id": patient.patient_id,
        "condition": plan.condition.name,
        "skin_type": patient.skin_type if patient.skin_type_recorded else "",
        "age": patient.age,
        "sex": patient.sex,
        "site": plan.site,
        "device": plan.device.name,
    }


def _jpeg(picture: Picture) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=_JPEG_QUALITY)
    return stream.getvalue()
