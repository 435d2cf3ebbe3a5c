"""The frozen `Predictions` table: outputs of an ensemble for each case, written once per scoring.

One Parquet file holds one row a case: identifiers, subgroup columns, the label if
known, every member's class probabilities and the embedding (fixed-size lists of
float32), and, once a policy has been applied, the decision columns. Class order,
member names and provenance travel in the file's schema metadata. Metrics,
thresholds, audit, reports and the browser pages read it; none of them needs torch.

Many cases are a folder of such files, see `triage.scored_dataset`.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from triage.atomic_write import whole_file
from triage.decision import ROUNDING, Decision
from triage.errors import PredictionsError
from triage.named_file import open_named, size_text
from triage.scored_dataset import (
    DatasetManifest,
    Shard,
    is_dataset,
    read_shard_file,
    require_of_shard,
)

FORMAT = "triage-predictions-1"
CASE_COLUMNS = ("case_id", "patient_id", "cluster", "label")
DECISION_COLUMNS = tuple(Decision.model_fields)
EXECUTION = "execution"
"""Key of the provenance: a sentence where the runtime or precision is not the bundle's."""
MAX_BYTES, MAX_CONTENT_BYTES = 4 << 30, 16 << 30
"""Of the file, and of what it says it holds; a million cases of ten members take 10 GiB."""
MAX_ROWS, MAX_COLUMNS = 10_000_000, 1_000
_KEY = b"triage"
_MALFORMED = (OSError, LookupError, ValueError, TypeError, RecursionError, pa.ArrowException)
_PROBABILITIES = ("p_condition", "p_outlier")
_ARRAYS = ("member_probabilities", "embedding")


@dataclass(frozen=True)
class Predictions:
    """Raw outputs of an ensemble for N cases, M members, C classes.

    Parameters
    ----------
    cases : DataFrame, N rows
        Columns `case_id`, `patient_id`, `cluster` (the unit of resampling: cases
        that must never straddle a split) and `label` (condition or None), then
        one string column per subgroup.
    classes : tuple of str, length C
        Inlier conditions first, then the outlier classes of the head (none for softmax).
    n_inliers : int
        How many leading classes are inlier conditions.
    members : tuple of str, length M
        Names of the ensemble members.
    probabilities : float32 array [N, M, C]
        Every member's softmax over all its classes; rows sum to one.
    embedding : float32 array [N, D]
        Case embedding (backbones concatenated).
    provenance : dict of str
        Hashes and versions of what the table was made from.
    decisions : DataFrame, N rows, optional
        One `Decision` a row, a column a field, once a system's policy has been applied.
    """

    cases: pd.DataFrame
    classes: tuple[str, ...]
    n_inliers: int
    members: tuple[str, ...]
    probabilities: NDArray[np.float32]
    embedding: NDArray[np.float32]
    provenance: dict[str, str] = field(default_factory=dict)
    decisions: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        """Check shapes and values; raise PredictionsError on the first violation."""
        for name in ("probabilities", "embedding"):
            if not isinstance(getattr(self, name), np.ndarray):
                raise PredictionsError("is not a NumPy array", where=name)
        n, shape = len(self.cases), self.probabilities.shape
        taken = sorted({*self.subgroup_columns} & {*DECISION_COLUMNS, *_ARRAYS})
        if taken or not self.cases.columns.is_unique:
            raise PredictionsError(f"columns are named twice {taken}", where="predictions")
        missing = [name for name in CASE_COLUMNS if name not in self.cases.columns]
        if missing:
            raise PredictionsError(f"columns {missing} are missing", where="predictions")
        if shape != (n, len(self.members), len(self.classes)):
            expected = (n, len(self.members), len(self.classes))
            raise PredictionsError(f"probabilities have shape {shape}, expected {expected}")
        if self.embedding.ndim != 2 or len(self.embedding) != n:
            raise PredictionsError(f"embedding has shape {self.embedding.shape} for {n} cases")
        if not self.members or len(set(self.classes)) != len(self.classes):
            raise PredictionsError("there is no member, or a class is named twice")
        if not 1 <= self.n_inliers <= len(self.classes):
            raise PredictionsError(f"n_inliers is {self.n_inliers} of {len(self.classes)} classes")
        if self.cases["case_id"].duplicated().any():
            raise PredictionsError("a case appears twice", where="case_id")
        if (self.probabilities < 0).any():
            raise PredictionsError("a member probability is negative")
        if not np.allclose(self.probabilities.sum(axis=2), 1.0, atol=1e-3):  # NaN is not close
            raise PredictionsError("member probabilities do not sum to one")
        if not np.isfinite(self.embedding).all():
            raise PredictionsError("an embedding is not finite")
        if self.decisions is not None:
            _check_decisions(self.decisions, n)

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def inliers(self) -> tuple[str, ...]:
        """Names of the inlier conditions."""
        return self.classes[: self.n_inliers]

    @property
    def subgroup_columns(self) -> tuple[str, ...]:
        """Names of the subgroup columns of `cases`."""
        return tuple(name for name in self.cases.columns if name not in CASE_COLUMNS)

    def mean_probabilities(self) -> NDArray[np.float64]:
        """Uniform average over members, float64 [N, C]."""
        averaged: NDArray[np.float64] = self.probabilities.mean(axis=1, dtype=np.float64)
        return averaged

    def with_decisions(self, decisions: pd.DataFrame) -> Predictions:
        """Return the same table with decision columns attached."""
        return replace(self, decisions=decisions)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one Parquet file, whole or not at all.

        Parameters
        ----------
        path : str or Path
            `~` at its beginning is the user's home folder.

        Raises
        ------
        PredictionsError
            If the file cannot be written.
        """
        path = Path(os.path.expanduser(path))
        frame = self.cases
        if self.decisions is not None:
            frame = pd.concat([frame, self.decisions.set_index(frame.index)], axis=1)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        flat = self.probabilities.reshape(len(self), len(self.members) * len(self.classes))
        for name, array in zip(_ARRAYS, (flat, self.embedding), strict=True):
            table = table.append_column(name, _fixed_list(array))
        header = {
            "format": FORMAT,
            "classes": self.classes,
            "n_inliers": self.n_inliers,
            "members": self.members,
            "subgroups": self.subgroup_columns,
            "provenance": self.provenance,
        }
        table = table.replace_schema_metadata({_KEY: json.dumps(header).encode()})
        try:
            # An open file: pyarrow opens no path whose name is not UTF-8.
            with whole_file(path) as partial, partial.open("wb") as stream:
                pq.write_table(table, stream, compression="zstd")
        except OSError as error:
            raise PredictionsError(
                f"cannot be written: {error.strerror or error}", where=str(path)
            ) from error

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read a table written by `save`, or all shards of a folder of scored cases.

        Parameters
        ----------
        path : Path
            File, or folder that `triage score` wrote.

        Raises
        ------
        PredictionsError
            If the file is missing, not a regular file, too large, no such table, or breaks the
            rules of one; of a folder, if it is incomplete, too large for one table, or a shard is
            missing, damaged or of other cases.
        """
        if not is_dataset(Path(path)):
            with open_named(path, "predictions table", PredictionsError, MAX_BYTES) as stream:
                return cls._of_stream(stream, path)
        if (rows := DatasetManifest.read(Path(path)).scored) > MAX_ROWS:
            raise PredictionsError(
                f"has {rows} scored cases, more than the {MAX_ROWS} of one table",
                where=str(path),
                hint="Read it shard by shard (`Predictions.parts`).",
            )
        return cls.joined([*cls.parts(path)])

    @classmethod
    def parts(cls, path: Path) -> Iterator[Predictions]:
        """Yield the tables of the shards of a folder one after the other; of a file, its table.

        So much of a folder is in memory as one shard takes.

        Raises
        ------
        PredictionsError
            As `load`.
        """
        if not is_dataset(Path(path)):
            yield cls.load(path)
            return
        folder = Path(path)
        manifest = DatasetManifest.read(folder)
        for shard in manifest.shards:
            yield cls.of_shard(folder, manifest, shard)

    @classmethod
    def of_shard(cls, folder: Path, manifest: DatasetManifest, shard: Shard) -> Predictions:
        """Read the table of one shard.

        Raises
        ------
        PredictionsError
            If it is missing, damaged, or not what the manifest tells of.
        """
        data = read_shard_file(folder, shard, shard.predictions)
        found = cls._of_stream(io.BytesIO(data), folder / shard.predictions.name)
        require_of_shard(folder, manifest, shard, found.provenance, len(found))
        return found

    @classmethod
    def joined(cls, tables: Sequence[Predictions]) -> Predictions:
        """Put tables of one system below each other.

        Parameters
        ----------
        tables : sequence of Predictions, at least one
            A table without cases adds nothing; its subgroups and embedding may be missing.

        Raises
        ------
        PredictionsError
            If they are of different classes, members, subgroups or origins.
        """
        parts = [table for table in tables if len(table)] or [tables[0]]
        first = parts[0]
        for table in parts[1:]:
            if (
                (table.classes, table.n_inliers, table.members, table.subgroup_columns)
                != (first.classes, first.n_inliers, first.members, first.subgroup_columns)
                or table.provenance != first.provenance
                or table.embedding.shape[1] != first.embedding.shape[1]
                or (table.decisions is None) is not (first.decisions is None)
            ):
                raise PredictionsError("the tables are of different systems", where="predictions")
        decisions = [table.decisions for table in parts if table.decisions is not None]
        return replace(
            first,
            cases=pd.concat([table.cases for table in parts], ignore_index=True),
            probabilities=np.concatenate([table.probabilities for table in parts]),
            embedding=np.concatenate([table.embedding for table in parts]),
            decisions=pd.concat(decisions, ignore_index=True) if decisions else None,
        )

    @classmethod
    def _of_stream(cls, stream: BinaryIO, path: Path) -> Predictions:
        try:
            # One file: `read_table` would join whatever tables a folder holds.
            with pq.ParquetFile(stream) as file:
                _check_size(file.metadata)
                table = file.read()
            return cls._of_table(table, json.loads((table.schema.metadata or {})[_KEY]))
        except PredictionsError as error:
            raise PredictionsError(error.what, where=str(path)) from error
        except _MALFORMED as error:
            raise PredictionsError(
                "is not a predictions table",
                where=str(path),
                hint="Write it with `triage score`.",
            ) from error

    @classmethod
    def _of_table(cls, table: pa.Table, header: dict[str, Any]) -> Predictions:
        if header["format"] != FORMAT:
            raise PredictionsError(f"has format {header['format']!r}, not {FORMAT!r}")
        members, classes = tuple(header["members"]), tuple(header["classes"])
        flat, embedding = (_matrix(table.column(name)) for name in _ARRAYS)
        frame = table.drop_columns(list(_ARRAYS)).to_pandas()
        decided = [name for name in DECISION_COLUMNS if name in frame.columns]
        return cls(
            cases=frame[[*CASE_COLUMNS, *header["subgroups"]]],
            classes=classes,
            n_inliers=int(header["n_inliers"]),
            members=members,
            probabilities=flat.reshape(len(frame), len(members), len(classes)),
            embedding=embedding,
            provenance=header["provenance"],
            decisions=frame[decided] if decided else None,
        )


def _check_decisions(decisions: pd.DataFrame, n: int) -> None:
    """Refuse decisions whose numbers cannot be what their columns are called."""
    if len(decisions) != n:
        raise PredictionsError(f"{len(decisions)} decisions for {n} cases")
    for name in _PROBABILITIES:
        # written so that NaN fails
        if name in decisions and not decisions[name].between(-ROUNDING, 1 + ROUNDING).all():
            raise PredictionsError("holds values that are not between 0 and 1", where=name)
    for name in ("ood_score", "expected_cost", "aleatoric"):
        if name in decisions and not np.isfinite(decisions[name].to_numpy(dtype=np.float64)).all():
            raise PredictionsError("holds values that are not finite", where=name)


def _check_size(metadata: pq.FileMetaData) -> None:
    """Refuse a table by what its footer says, before anything is decompressed."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    if (
        metadata.num_columns > MAX_COLUMNS
        or metadata.num_rows > MAX_ROWS
        or sum(abs(group.total_byte_size) for group in groups) > MAX_CONTENT_BYTES
    ):
        raise PredictionsError(
            f"has more than {MAX_ROWS} rows, {MAX_COLUMNS} columns or "
            f"{size_text(MAX_CONTENT_BYTES)} of content"
        )


def _fixed_list(array: NDArray[np.float32]) -> pa.FixedSizeListArray:
    values = pa.array(np.ascontiguousarray(array, dtype=np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(values, array.shape[1])


def _matrix(column: pa.ChunkedArray) -> NDArray[np.float32]:
    if not pa.types.is_fixed_size_list(column.type):
        raise PredictionsError("an array column is not a list of fixed size")
    width = column.type.list_size
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    matrix: NDArray[np.float32] = np.asarray(flat, dtype=np.float32).reshape(len(column), width)
    return matrix
