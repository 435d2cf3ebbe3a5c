"""Whether the files of a registered bundle are there, unaltered and signed; loads no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from triage.errors import BundleError
from triage.store.bundle_manifest import manifest_in
from triage.systems.bundle_files import check_listed
from triage.systems.bundle_signature import read_signature, require_trusted


def verified_manifest(path: str, digest: str) -> dict[str, Any]:
    """Check every file of a bundle by its hash, and its signature where keys are configured.

    Parameters
    ----------
    path : str
        Folder, as registered.
    digest : str
        As registered.

    Returns
    -------
    dict
        The manifest, without the digest that it states of itself.

    Raises
    ------
    BundleError
        Which names each file that is missing, altered or not listed.
    """
    folder = Path(path)
    manifest, _ = manifest_in(folder, digest)
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise BundleError("its manifest lists no files", where=str(folder))
    check_listed(folder, {str(name): str(found) for name, found in files.items()})
    require_trusted(folder, digest)
    return manifest


def signature_words(path: str, digest: str) -> str:
    """Return who signed a bundle, in words; '' where nobody did.

    Whether the key is trusted is `verified_manifest`'s business.
    """
    try:
        found = read_signature(Path(path))
    except BundleError:
        return "unreadable"
    if found is None:
        return ""
    return f"key {found.key_id}" if found.digest == digest else "of another bundle"
