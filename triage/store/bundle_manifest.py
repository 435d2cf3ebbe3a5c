"""The manifest of a registered bundle, as plain JSON: for pages that load no trained system."""

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

_FILE = "manifest.json"


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
    place = Path(path) / _FILE
    text = read_named_text(place, "manifest of a bundle", BundleError, MAX_JSON_BYTES)
    try:
        content = dict(json.loads(text))
        content.pop("digest", None)
        same = hash_json(content) == digest
    except (ValueError, TypeError, RecursionError):
        same = False
    if not same:
        raise BundleError(
            "The manifest is not the one that was registered.",
            where=str(place),
            hint="Restore the bundle from a backup.",
        )
    return content
