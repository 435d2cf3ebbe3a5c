"""The files of a bundle: all lie inside its folder, and the manifest lists each with its hash.

What a bundle's digest covers is what its manifest lists. A link, or a name such as ``../x``, would
let a system use bytes that no hash covers, so both are refused.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from triage.errors import BundleError
from triage.systems.bundle_files import MANIFEST, RESTORE, check_listed, hash_files, listed
from triage.systems.manifest import BundleManifest

__all__ = ["MANIFEST", "check_files", "check_names", "hash_files", "is_inside"]


def is_inside(name: str) -> bool:
    """Whether a name is that of a file below a folder, written with ``/``, on every system.

    Absolute paths, ``.`` and ``..``, doubled or trailing slashes, backslashes, colons (drives of
    Windows) and null characters are refused.
    """
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and str(path) == name
        and not any(mark in name for mark in "\\:\0")
    )


def check_names(folder: Path, manifest: BundleManifest) -> None:
    """Check that a manifest names no file outside its bundle, and lists every file that it uses.

    Parameters
    ----------
    folder : Path
        The bundle, for messages; nothing is read.
    manifest : BundleManifest

    Raises
    ------
    BundleError
        Which names every name that is refused.
    """
    used = {entry.weights for entry in manifest.members}
    keys = {*manifest.backbones, *(entry.backbone for entry in manifest.members)}
    outside = {name for name in used | manifest.files.keys() if not is_inside(name)}
    outside |= {key for key in keys if not is_inside(key) or "/" in key}
    if outside:
        raise BundleError(
            f"its manifest has names that may lead out of the bundle: {listed(outside)}",
            where=str(folder),
            hint=RESTORE,
        )
    if unlisted := used - manifest.files.keys():
        raise BundleError(
            f"its manifest uses files that it lists no hash of: {listed(unlisted)}",
            where=str(folder),
            hint=RESTORE,
        )


def check_files(folder: Path, manifest: BundleManifest) -> None:
    """Compare the files of a bundle's folder with its manifest; see `check_listed`.

    Raises
    ------
    BundleError
    """
    check_listed(folder, manifest.files)
