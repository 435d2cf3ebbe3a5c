"""Phantom cases on disk: pictures and a manifest, whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from triage.data.phantoms.cases import (
    DEFAULT_RARE_FRACTION,
    DEFAULT_SIZE,
    plan_cases,
    render_case,
)
from triage.data.phantoms.plan import CasePlan
from triage.data.phantoms.render import Picture
from triage.errors import UsageError
from triage.hashing import hash_json

GENERATOR_VERSION = 1
"""Raised whenever the same arguments begin to give other pictures."""

_RECORD = "phantoms.json"
_MANIFEST = "manifest.csv"
_TRUTH = "truth.csv"
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
_PARTIAL = ".part"


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
        As for `triage.data.phantoms.generate_cases`.
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
    manifest = folder / _MANIFEST
    _claim(folder, {"arguments": arguments, "hash": hash_json(arguments)})
    if manifest.exists():
        return manifest
    (folder / "images").mkdir(exist_ok=True)

    rows: list[dict[str, object]] = []
    truth: list[dict[str, object]] = []
    for done, plan in enumerate(plans, start=1):
        names = [f"images/{plan.case_id}-{number}.jpg" for number in range(len(plan.views))]
        if not all((folder / name).exists() for name in names):
            for name, picture in zip(names, render_case(plan, size=size).images, strict=True):
                _replace(folder / name, _jpeg(picture))
        rows += [_row(plan, name) for name in names]
        truth.append({"case_id": plan.case_id, "condition": plan.condition.name})
        if progress is not None:
            progress(done)

    columns = [name for name in _COLUMNS if labelled or name != "condition"]
    if not labelled:
        _replace(folder / _TRUTH, _csv(("case_id", "condition"), truth))
    _replace(manifest, _csv(columns, rows))
    return manifest


def _claim(folder: Path, record: Mapping[str, Any]) -> None:
    """Mark a folder as made with these arguments, or refuse one that is not."""
    path = folder / _RECORD
    if path.exists():
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = None
        if known != record:
            raise UsageError(
                "the folder holds phantoms made with other arguments.",
                where=str(folder),
                mend="Choose another folder, or delete this one first.",
            )
        return
    if folder.exists() and not (folder.is_dir() and all(map(_is_partial, folder.iterdir()))):
        raise UsageError(
            "the place is taken by something that is not a set of phantoms.",
            where=str(folder),
            mend="Choose a new or empty folder.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the folder cannot be made ({error.strerror}).",
            where=str(folder),
            mend="Choose a place that can be written to.",
        ) from error
    _replace(path, (json.dumps(record, indent=2) + "\n").encode())


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


def _csv(columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(columns), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _jpeg(picture: Picture) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=_JPEG_QUALITY)
    return stream.getvalue()


def _is_partial(path: Path) -> bool:
    return path.suffix == _PARTIAL


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    partial = path.with_name(path.name + _PARTIAL)
    partial.write_bytes(content)
    os.replace(partial, path)
