"""Parts of a benchmark specific to OCT: shifts, far volumes, and a warning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from triage.data.dataset import Dataset, load_dataset
from triage.data.manifest import IMAGE_SUFFIXES
from triage.data.spec import DataSpec
from triage.errors import SpecError
from triage.learning.default_backbones import OCT
from triage.oct_imaging.decode import is_volume
from triage.systems.bundle import read_manifest
from triage.systems.manifest import BundleManifest


def volumes_in(folder: Path) -> list[Path]:
    """Volumes below a folder: files, and direct subfolders that hold pictures of B-scans."""
    files = [path for path in folder.rglob("*") if path.is_file() and is_volume(path)]
    taken = {parent for path in files for parent in path.parents}
    pictures = (path for path in folder.glob("*/*") if path.suffix.lower() in IMAGE_SUFFIXES)
    return sorted([*files, *({path.parent for path in pictures} - taken)])


def bundle_digests(references: Sequence[str]) -> list[str]:
    """Digests of the bundles that backbones `oct:<bundle folder>` are taken from.

    Raises
    ------
    BundleError
        If one is none.
    """
    return [_manifest(reference).digest() for reference in references]


def _manifest(reference: str) -> BundleManifest:
    return read_manifest(Path(reference.removeprefix(OCT)))


def seen_by_stage_one(
    reference: str, spec: DataSpec, root: Path, draws: Sequence[Dataset]
) -> str | None:
    """Return a note if stage 1 was trained on these data, so that its maps are too good.

    Parameters
    ----------
    reference : str
        A backbone, `oct:<bundle folder>`.
    spec : DataSpec
    root : Path
    draws : sequence of Dataset
        Of the benchmark.

    Returns
    -------
    str or None
        A note for the page; None where the bundle was trained with another spec.
    """
    manifest = _manifest(reference)
    if manifest.spec_name != spec.name:
        return None
    learned = _learned_from(manifest, spec, root)
    if not learned:
        return (
            f"Stage 1 of the backbone {manifest.name} was trained with the same data spec, on data "
            "that differ from these: if volumes are in both, their tissue maps are too good."
        )
    tested = [case.case_id for data in draws for case in data.of_split("test")]
    share = sum(case in learned for case in tested) / len(tested)
    return (
        f"Stage 1 of the backbone {manifest.name} was trained on these data: {share:.0%} of the "
        "test volumes taught it or stopped its training, and their tissue maps may be better than "
        "those of new volumes. Train it on other volumes to rule that out."
    )


def _learned_from(manifest: BundleManifest, spec: DataSpec, root: Path) -> set[str]:
    """Cases that trained or validated a bundle, if it was trained on these data."""
    try:
        data = load_dataset(spec, root, manifest.roles.seed, need_outliers=False)
    except SpecError:
        return set()
    if data.digest() != manifest.data_hash:
        return set()
    return {case.case_id for case in data.of_split("train", "validation")}
