"""Registry of the sets of single B-scans that can be prepared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triage.errors import SpecError, unknown_name
from triage.public_sets import kermany2017, octc8, octdl, octmnist


@dataclass(frozen=True)
class OctSet:
    """One public set of labelled B-scans.

    Parameters
    ----------
    name : str
        Of the set and of its data spec in `data_specs/`.
    title : str
    licence : str
    source : str
        Whom to cite.
    size : str
        Images, and patients where they are known.
    leak : str
        How the published split, or a careless one, leaks, and what is done against it.
    converter : callable
        Writes the manifest beside the data: folder of the set -> path of the manifest.
    """

    name: str
    title: str
    licence: str
    source: str
    size: str
    leak: str
    converter: Callable[[Path], Path]


SETS = {
    entry.name: entry
    for entry in (
        OctSet(
            name="oct_kermany2017",
            title="Kermany OCT2017",
            licence="CC BY 4.0",
            source="Kermany et al. 2018, Cell 172(5):1122-1131; doi 10.17632/rscbjbr9sj, version 2",
            size="84,484 images; patients in the file names",
            leak="train and test share patients and identical images: split by patient and "
            "content, the published split is not used",
            converter=kermany2017.write_manifest,
        ),
        OctSet(
            name="oct_octdl",
            title="OCTDL",
            licence="CC BY 4.0",
            source="Kulyabin et al. 2024, Scientific Data 11:365; doi 10.17632/sncdhf53xc",
            size="2,064 images, 821 patients",
            leak="several images a patient and no published split: split by patient",
            converter=octdl.write_manifest,
        ),
        OctSet(
            name="oct_octc8",
            title="Retinal OCT-C8",
            licence="not verified: read it where you get the set",
            source="Subramanian et al. 2022, ICCCI, doi 10.1109/ICCCI54379.2022.9740985",
            size="24,000 images; patients not identified",
            leak="no patients, classes of several sources: only identical images are kept "
            "together, so every number is optimistic",
            converter=octc8.write_manifest,
        ),
        OctSet(
            name="oct_octmnist",
            title="OCTMNIST (MedMNIST v2)",
            licence="CC BY 4.0",
            source="Yang et al. 2023, Scientific Data 10:41; made from Kermany OCT2017",
            size="109,309 images; patients lost",
            leak="validation was drawn from the training images without regard to patients: only "
            "identical images are kept together, so every number is optimistic",
            converter=octmnist.write_manifest,
        ),
    )
}


def prepare_set(name: str, root: Path) -> Path:
    """Write the manifest of a public set beside its images.

    Parameters
    ----------
    name : str
        Key of `SETS`.
    root : Path
        Folder of the unpacked set; the same folder is later the data spec's root.

    Returns
    -------
    Path
        `manifest.csv` in `root`.

    Raises
    ------
    UsageError
        If there is no such set.
    SpecError
        If the folder is missing or not laid out as published; lists every problem.
    """
    if name not in SETS:
        raise unknown_name("set", name, SETS)
    if not root.is_dir():
        raise SpecError("there is no such folder", where=str(root))
    return SETS[name].converter(root)
