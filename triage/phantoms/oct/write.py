"""Writer of OCT phantoms: volumes, truth and a manifest, written atomically."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from triage.array_file import MAX_BYTES, Arrays, load_arrays, save_arrays
from triage.extras import require_extra
from triage.hashing import canonical_json
from triage.phantoms.folder import MANIFEST, TRUTH, claim_folder, csv_bytes, replace_file
from triage.phantoms.oct.plan import VolumePlan
from triage.phantoms.oct.volume import OctPhantom, checked_size, generate_volume, plan_volumes
from triage.regular_file import read_regular
from triage.vocabulary.diagnoses import DIAGNOSES

GENERATOR_VERSION = 1
"""Raised whenever the same arguments begin to give other volumes."""
FORMAT = "triage-oct-phantom-1"
"""Of the truth files."""

_LABELS = ("condition", "phenotype", *DIAGNOSES)


def write_oct_phantoms(
    folder: Path,
    n_cases: int,
    seed: int,
    *,
    device: str = "A",
    size: tuple[int, int, int] | None = None,
    rare_fraction: float = 0.2,
    labelled: bool = True,
    annotated: bool = True,
    start: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write phantom volumes as DICOM files in ``volumes/`` and a ``manifest.csv``.

    The manifest is written last, so a folder without one is unfinished; called again with the
    same arguments, an unfinished folder is completed and a finished one is left as it is.
    ``phantoms.json`` records the arguments and their hash.

    Parameters
    ----------
    folder : Path
        New, empty, or made by this function with the same arguments.
    n_cases, seed, device, size, rare_fraction, start
        As for `triage.phantoms.oct.generate_volumes`.
    labelled : bool
        Whether the manifest has the columns annotation, condition, phenotype and the ten
        diagnoses. Without them, ``truth.csv`` beside it has case_id, condition and phenotype,
        for checks afterwards.
    annotated : bool
        Whether ``truth/`` holds each volume's tissue map (``tissue``), surfaces
        (``surfaces/<name>``) and thickness (``thickness_um``) with the drawn numbers as header.
    progress : callable, optional
        Called with the number of finished cases after each case.

    Returns
    -------
    Path
        The manifest: one row a volume, with the columns image and annotation (relative to the
        folder; no annotation where none was written), case_id, patient_id, condition,
        phenotype, the ten diagnoses (0 or 1, empty for rare conditions), eye, age (years),
        sex, device, quality.

    Raises
    ------
    UsageError
        If an argument is out of range, or the folder holds anything else; `MissingExtraError` if
        the extra `oct` is not installed.
    """
    require_extra("oct", "Generated OCT volumes, which are DICOM files,")
    plans = plan_volumes(n_cases, seed, device=device, rare_fraction=rare_fraction, start=start)
    size = checked_size(size, plans[0].device)
    claim_folder(
        folder,
        {
            "n_cases": n_cases,
            "seed": seed,
            "device": device,
            "size": list(size),
            "rare_fraction": float(rare_fraction),
            "labelled": labelled,
            "annotated": annotated,
            "start": start,
            "generator_version": GENERATOR_VERSION,
        },
    )
    manifest = folder / MANIFEST
    if manifest.exists():
        return manifest
    (folder / "volumes").mkdir(exist_ok=True)
    rows = []
    for done, plan in enumerate(plans, start=1):
        row = _row(plan, annotated)
        _write_case(folder, plan, size, row)
        rows.append(row)
        if progress is not None:
            progress(done)
    _write_tables(folder, rows, labelled)
    return manifest


def _write_tables(folder: Path, rows: Sequence[dict[str, object]], labelled: bool) -> None:
    """Write the manifest, last, and before it the truth where the manifest does not hold it."""
    hidden = () if labelled else ("annotation", *_LABELS)
    if not labelled:
        replace_file(folder / TRUTH, csv_bytes(("case_id", "condition", "phenotype"), rows))
    columns = [name for name in rows[0] if name not in hidden]
    replace_file(folder / MANIFEST, csv_bytes(columns, rows))


def _write_case(
    folder: Path, plan: VolumePlan, size: tuple[int, int, int], row: dict[str, object]
) -> None:
    """Write a case's files unless they are there."""
    volume, annotation = folder / str(row["image"]), str(row["annotation"])
    if volume.exists() and (not annotation or load_arrays(folder / annotation)):
        return
    from triage.phantoms.oct.dicom import dicom_bytes  # needs pydicom

    phantom = generate_volume(plan, size)
    if annotation:
        _save_truth(folder / annotation, phantom)
    replace_file(volume, dicom_bytes(phantom))


def _save_truth(path: Path, phantom: OctPhantom) -> None:
    arrays: Arrays = {"tissue": phantom.tissue, "thickness_um": phantom.thickness}
    arrays |= {f"surfaces/{name}": each for name, each in phantom.surfaces.items()}
    header = {
        "format": FORMAT,
        "case_id": phantom.case_id,
        "spacing": list(phantom.spacing),
        "laterality": phantom.laterality,
        **phantom.truth,
    }
    partial = path.with_name(path.name + ".part")
    save_arrays(partial, arrays, header)
    replace_file(path, _settled(read_regular(partial, MAX_BYTES)))


def _settled(content: bytes) -> bytes:
    """Return a safetensors file with a sorted header; the library's order is arbitrary."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = canonical_json(json.loads(content[8:end])).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + content[end:]


def _row(plan: VolumePlan, annotated: bool) -> dict[str, object]:
    diagnoses = plan.diagnoses
    return {
        "image": f"volumes/{plan.case_id}.dcm",
        "annotation": f"truth/{plan.case_id}.safetensors" if annotated else "",
        "case_id": plan.case_id,
        "patient_id": plan.eye.patient_id,
        "condition": plan.condition,
        "phenotype": plan.phenotype.name,
        **{name: int(diagnoses[name]) if diagnoses else "" for name in DIAGNOSES},
        "eye": plan.eye.laterality,
        "age": plan.eye.age,
        "sex": plan.eye.sex,
        "device": plan.device.name,
        "quality": plan.artefacts.quality,
    }
