"""Names of the places that cases come from, by which a case is recognised."""

from __future__ import annotations

from pathlib import Path

from triage.data.identifiers import clean_text, is_missing
from triage.data.spec import MAX_SOURCE_NAME, DataSpec
from triage.errors import UsageError
from triage.hashing import hash_bytes


def source_of(spec: DataSpec) -> str:
    """Return the name of the place that cases come from, as the spec gives it.

    It does not depend on the folder: a manifest that grows and a folder that moves keep it, so
    cases scored before are not stored again.
    """
    return spec.case_source


def checked_source(name: str) -> str:
    """Return a source's name as it is stored.

    Raises
    ------
    UsageError
        If it is empty, a word for 'missing', too long, or cannot be printed.
    """
    clean = clean_text(name)
    if is_missing(clean) or len(clean) > MAX_SOURCE_NAME or not clean.isprintable():
        raise UsageError(
            "is no name of a source",
            where="--source",
            hint=f"Give a name of 1 to {MAX_SOURCE_NAME} characters that can be printed, such as "
            "clinic_north.",
        )
    return clean


def folder_source(root: Path) -> str:
    """Return the source that earlier releases gave to the cases of a folder: its hashed path.

    A database of such a release knows its cases by this name: pass it as the source, also where
    the folder has moved since.
    """
    return f"folder {hash_bytes(str(root.resolve()).encode())[:16]}"
