"""Vectors of cases, one for each bundle that scored them: what a search of similar cases compares.

They follow from the images and the bundle, and are not part of the record: no event tells of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from triage.errors import StoreError
from triage.hashing import hash_bytes
from triage.store.tables import CaseFeatures

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
    table = CaseFeatures.__table__
    assert isinstance(table, Table), "a mapped class stands for a table"
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    statement = (postgresql if on_postgresql else sqlite).insert(table)
    # One statement for all rows: storing vectors must not slow a batch.
    session.connection().execute(
        statement.on_conflict_do_nothing(index_elements=("case_id", "bundle_id")), rows
    )


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


VECTOR_COLUMNS = (CaseFeatures.dimension, CaseFeatures.vector, CaseFeatures.sha256)
"""Columns that `vector_of_row` reads."""


def vector_of_row(dimension: int, content: bytes, sha256: str) -> NDArray[np.float32] | None:
    """Return the vector of a row, brought to length 1 again.

    Parameters
    ----------
    dimension, content, sha256
        `VECTOR_COLUMNS` of the row.

    Returns
    -------
    float32 array [D] or None
        None where the bytes are not those that were stored.
    """
    width = np.dtype(STORED_TYPE).itemsize
    if hash_bytes(content) != sha256 or len(content) != width * dimension:
        return None
    vector = np.frombuffer(content, STORED_TYPE).astype(np.float32)
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        return None
    unit: NDArray[np.float32] = vector / np.float32(length)
    return unit


def features_of(session: Session, case_id: int, bundle_id: int) -> NDArray[np.float32] | None:
    """Return the vector that a bundle gave a case, float32 [D]; None where there is none."""
    row = session.execute(
        select(*VECTOR_COLUMNS).where(
            CaseFeatures.case_id == case_id, CaseFeatures.bundle_id == bundle_id
        )
    ).first()
    return None if row is None else vector_of_row(row.dimension, row.vector, row.sha256)
