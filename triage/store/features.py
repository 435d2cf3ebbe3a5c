"""Vectors of cases, one for each bundle that scored them: what a search of similar cases compares.

They follow from the images and the bundle, and are not part of the record: no event tells of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.errors import StoreError
from triage.hashing import hash_bytes
from triage.store.tables import CaseFeatures
from triage.store.upsert import insert_absent

STORED_TYPE = "<f2"
"""Half precision, little-endian. Rounding a vector of length 1 so changes a cosine by about 1e-5
(relative error of a component 2^-11, errors of many components independent)."""


def add_features(
    session: Session, bundle_id: int, vectors: Mapping[int, NDArray[np.float32]]
) -> None:
    """Store the vectors that a bundle gave some cases; a vector that is there stays.

    Parameters
    ----------
    bundle_id : int
    vectors : mapping of int to float array [D]
        By number of the case; each of length 1.

    Raises
    ------
    StoreError
        If a vector is not finite, empty, or of more than one dimension; or there is no such case
        or bundle.
    """
    rows = [_row(case_id, bundle_id, vector) for case_id, vector in vectors.items()]
    if not rows:
        return
    # One statement for all rows: storing vectors must not slow a batch.
    statement = insert_absent(session, CaseFeatures, ("case_id", "bundle_id"))
    session.connection().execute(statement, rows)


def _row(case_id: int, bundle_id: int, vector: NDArray[np.float32]) -> dict[str, Any]:
    if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
        raise StoreError("A vector is empty, not flat or not finite.", where=f"case {case_id}")
    content = vector.astype(STORED_TYPE).tobytes()
    return {
        "case_id": case_id,
        "bundle_id": bundle_id,
        "dimension": vector.size,
        "vector": content,
        "sha256": hash_bytes(content),
    }


VECTOR_COLUMNS = (
    CaseFeatures.case_id,
    CaseFeatures.dimension,
    CaseFeatures.vector,
    CaseFeatures.sha256,
)
"""Columns that `vectors_of_rows` reads."""


def vectors_of_rows(rows: Sequence[Any], dimension: int) -> tuple[list[int], NDArray[np.float32]]:
    """Return the vectors of rows with `VECTOR_COLUMNS`, brought to length 1 again.

    Parameters
    ----------
    rows : sequence of Row
        Of these columns.
    dimension : int
        D; vectors of another one are left out, and so are rows whose bytes are not those that
        were stored.

    Returns
    -------
    case_ids : list of int, length N
    vectors : float32 array [N, D]
    """
    size = np.dtype(STORED_TYPE).itemsize * dimension
    whole = [
        row
        for row in rows
        if row.dimension == dimension
        and len(row.vector) == size
        and hash_bytes(row.vector) == row.sha256
    ]
    content = b"".join(row.vector for row in whole)
    vectors = np.frombuffer(content, STORED_TYPE).reshape(-1, dimension).astype(np.float32)
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
    usable = np.isfinite(lengths) & (lengths > 0)
    unit: NDArray[np.float32] = vectors[usable] / lengths[usable, None]
    return [row.case_id for row, kept in zip(whole, usable, strict=True) if kept], unit


def features_of(session: Session, case_id: int, bundle_id: int) -> NDArray[np.float32] | None:
    """Return the vector that a bundle gave a case, float32 [D]; None where there is none."""
    row = session.execute(
        select(*VECTOR_COLUMNS).where(
            CaseFeatures.case_id == case_id, CaseFeatures.bundle_id == bundle_id
        )
    ).first()
    if row is None:
        return None
    _, vectors = vectors_of_rows([row], row.dimension)
    return vectors[0] if len(vectors) else None
