"""The manifest of a bundle, as plain JSON: for pages and reports that load no trained system."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.errors import BundleError
from triage.hashing import hash_json
from triage.named_file import MAX_JSON_BYTES, read_named_text
from triage.store.tables import Bundle

MANIFEST = "manifest.json"


def bundle_manifest(session: Session, digest: str) -> dict[str, Any]:
    """Return the manifest of a bundle, without the digest that it states of itself.

    Parameters
    ----------
    session : Session
    digest : str
        Of the bundle: the SHA-256 of this very content, which is checked.

    Raises
    ------
    BundleError
        If no bundle of that digest is registered, or its manifest is gone or was altered.
    """
    path = session.scalar(select(Bundle.path).where(Bundle.digest == digest))
    if path is None:
        raise BundleError("No system with this digest is registered.", where=digest[:64])
    return manifest_in(Path(path), digest)[0]


def manifest_in(folder: Path, digest: str | None = None) -> tuple[dict[str, Any], str]:
    """Return the manifest of the bundle in a folder, without its digest, and its digest.

    Parameters
    ----------
    folder : Path
    digest : str, optional
        What the digest has to be; by default what the manifest states of itself.

    Raises
    ------
    BundleError
        If it is missing, cannot be read or was altered.
    """
    place = folder / MANIFEST
    text = read_named_text(place, "manifest of a bundle", BundleError, MAX_JSON_BYTES)
    try:
        content = dict(json.loads(text))
        stated = content.pop("digest", None)
        found = hash_json(content)
        same = found == (digest or stated)
    except (ValueError, TypeError, RecursionError):
        same = False
    if not same:
        raise BundleError(
            "The manifest is not the one that was registered."
            if digest
            else "The manifest was altered: its digest is not that of its content.",
            where=str(place),
            hint="Restore the bundle from a backup.",
        )
    return content, found
