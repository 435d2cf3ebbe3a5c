"""Layout `phantoms`: OCT volumes as DICOM files with exact tissue maps beside them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from triage.array_file import load_arrays
from triage.data.csv_table import read_csv
from triage.decoding.read_volume import read_volume
from triage.errors import SpecError
from triage.imaging.shown_name import shown_name
from triage.public_sets.annotated import Annotated, Entry, as_classes, file_problem
from triage.public_sets.segmentation_spec import SegmentationSpec

_MANIFEST = "manifest.csv"
_COLUMNS = ("image", "annotation", "case_id", "patient_id")


def find(spec: SegmentationSpec, root: Path) -> list[Entry]:
    """List the volumes that have an annotation.

    Raises
    ------
    SpecError
        If the manifest or a file is missing, or nothing is annotated.
    """
    table = read_csv(root / _MANIFEST)
    if absent := [name for name in _COLUMNS if name not in table.columns]:
        raise SpecError(f"columns {absent} are missing", where=_MANIFEST)
    table = table[table["annotation"] != ""]
    problems = [
        f"row {row}: {problem}"
        for row, record in table.iterrows()
        for name in (record["image"], record["annotation"])
        if (problem := file_problem(root, name))
    ]
    if problems or table.empty:
        raise SpecError(
            "no annotated volume can be read", where=_MANIFEST, problems=tuple(problems)
        )
    return [
        Entry(
            case,
            patient or case,
            partial(_read, spec, root / image, root / annotation, case, patient or case),
        )
        for image, annotation, case, patient in table[list(_COLUMNS)].itertuples(index=False)
    ]


def _read(
    spec: SegmentationSpec, image: Path, annotation: Path, case: str, patient: str
) -> Annotated:
    volume = read_volume(image)
    found = load_arrays(annotation)
    if found is None or "tissue" not in found[0]:
        raise SpecError("is no tissue map, or is damaged", where=shown_name(annotation))
    tissue = found[0]["tissue"]
    if tissue.shape != volume.bscans.shape:
        raise SpecError(
            f"the map has shape {tissue.shape}, the volume {volume.bscans.shape}",
            where=shown_name(annotation),
        )
    masks = as_classes(tissue, spec, shown_name(annotation))
    centres = tuple(range(len(volume.bscans)))
    return Annotated(volume.bscans, centres, masks[None], patient, case, volume.spacing)
