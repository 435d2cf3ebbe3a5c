"""Tables in files of other people: their columns, and their rows in batches of bounded size."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from triage.audit_sources.shard_tables import ShardTables
from triage.data.csv_start import check_header, check_start
from triage.errors import SpecError, UsageError
from triage.hashing import hash_stream
from triage.named_file import open_named
from triage.predictions import FORMAT
from triage.scored_dataset import is_dataset

MAX_BYTES = 256 << 30
MAX_ROWS = 100_000_000
MAX_COLUMNS = 10_000
MAX_HEADER = 4 << 20
_BATCH_ROWS = 1 << 16
_BLOCK_BYTES = 4 << 20
_NATIVE_BYTES = 64 << 20
_WRONG_ROW = re.compile(r"Expected (?P<expected>\d+) columns, got (?P<actual>\d+)")
_PARQUET = b"PAR1"
_METADATA = b"triage"
_SAVE_AS = "Save the table as CSV in UTF-8 with commas between the values, or as Parquet."
_MALFORMED = (OSError, ValueError, LookupError, TypeError, pa.ArrowException)


@dataclass(frozen=True)
class TableFile:
    """A table that is open for reading.

    Parameters
    ----------
    path : Path
    stream : BinaryIO
    columns : tuple of str
    own : dict, optional
        The header of a predictions table of ours; see `triage.predictions`.
    is_csv : bool
    shards : ShardTables, optional
        Of a folder of scored cases; `stream` is the first of them.
    """

    path: Path
    stream: BinaryIO
    columns: tuple[str, ...]
    is_csv: bool
    own: dict[str, Any] | None = None
    shards: ShardTables | None = None

    @property
    def size(self) -> int:
        """Size of the file in bytes; of a folder, of its tables."""
        return os.fstat(self.stream.fileno()).st_size if self.shards is None else self.shards.size

    def digest(self) -> str:
        """Return the SHA-256 of the file; of a folder, that of the hashes of its tables."""
        if self.shards is not None:
            return self.shards.digest()
        self.stream.seek(0)
        return hash_stream(self.stream)

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Iterate over the rows, only the named columns; those of a CSV file are text.

        Raises
        ------
        UsageError
            If the file is damaged, or has more than `MAX_ROWS` rows.
        """
        self.stream.seek(0)
        read = _csv_batches if self.is_csv else _parquet_batches
        rows = 0
        for batch in read(self, list(names)):
            rows += batch.num_rows
            if rows > MAX_ROWS:
                raise UsageError(f"has more than {MAX_ROWS} rows", where=str(self.path))
            yield batch


@contextmanager
def open_table(path: Path) -> Iterator[TableFile]:
    """Open a CSV or Parquet table, or a folder of scored cases; only its header is read.

    Raises
    ------
    UsageError
        If the file is missing, not a regular file, empty, or no such table.
    PredictionsError
        If the folder is none of scored cases, is incomplete or damaged.
    """
    if is_dataset(path):
        shards = ShardTables.of(path)
        first = _open_parquet(path, io.BytesIO(next(shards.contents())))
        yield replace(first, shards=shards)
        return
    with open_named(path, "table of predictions", UsageError, MAX_BYTES) as stream:
        start = stream.read(4)
        stream.seek(0)
        if not start:
            raise UsageError("is empty", where=str(path), hint="Name a table with rows.")
        if start == _PARQUET:
            yield _open_parquet(path, stream)
        else:
            yield _open_csv(path, stream, start)


def _open_parquet(path: Path, stream: BinaryIO) -> TableFile:
    try:
        with pq.ParquetFile(stream) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
        metadata = (schema.metadata or {}).get(_METADATA)
        own = None if metadata is None else json.loads(metadata)
    except _MALFORMED as error:
        raise _damaged(path) from error
    if rows > MAX_ROWS or len(schema.names) > MAX_COLUMNS:
        raise UsageError(f"has more than {MAX_ROWS} rows or {MAX_COLUMNS} columns", where=str(path))
    for name in schema.names:
        if schema.names.count(name) > 1:
            raise UsageError(f"there are several columns {name!r}", where=str(path))
    if not (isinstance(own, dict) and own.get("format") == FORMAT):
        own = None
    return TableFile(path, stream, tuple(schema.names), is_csv=False, own=own)


def _open_csv(path: Path, stream: BinaryIO, start: bytes) -> TableFile:
    try:
        check_start(start, path)
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        try:
            header = next(csv.reader(_lines(text, path), strict=True), [])
        finally:
            text.detach()
        check_header(header, path)
    except SpecError as error:
        raise UsageError(error.what, where=str(path), hint=error.hint) from error
    except UnicodeDecodeError as error:
        raise UsageError("is not a CSV table in UTF-8", where=str(path), hint=_SAVE_AS) from error
    except csv.Error as error:
        raise UsageError("is not a readable CSV table", where=str(path), hint=_SAVE_AS) from error
    for name in header:
        if header.count(name) > 1:
            raise UsageError(
                f"there are several columns {name!r}", where=str(path), hint="Rename them."
            )
    return TableFile(path, stream, tuple(header), is_csv=True)


def _lines(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    while line := text.readline(MAX_HEADER + 1):
        if len(line) > MAX_HEADER:
            raise UsageError("its first line is too long for a header", where=str(path))
        yield line


def _csv_batches(table: TableFile, names: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        reader = pa_csv.open_csv(
            _native(table),
            pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            pa_csv.ParseOptions(newlines_in_values=True),
            pa_csv.ConvertOptions(
                include_columns=names,
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
            ),
        )
        rows = 0
        for batch in reader:
            rows += batch.num_rows
            yield batch
        _check_rows(table, rows)
    except UsageError:
        raise
    except _MALFORMED as error:  # their messages quote rows
        if wrong := _WRONG_ROW.search(str(error)):
            raise UsageError(
                f"a row has {wrong['actual']} values for {wrong['expected']} columns",
                where=str(table.path),
                hint="Put values that hold a comma into double quotes, and look for "
                "a quotation mark that is never closed.",
            ) from error
        utf8 = "UTF8" in str(error) or "UTF-8" in str(error)
        raise UsageError(
            "is not a CSV table in UTF-8" if utf8 else "is not a readable CSV table",
            where=str(table.path),
            hint=_SAVE_AS if utf8 else "Look for a quotation mark that is never closed.",
        ) from error


def _native(table: TableFile) -> BinaryIO | pa.BufferReader:
    """Return a source of a table's bytes, without Python objects where it is not large.

    Arrow reads ahead in threads of its own. One that still holds a Python object while the
    interpreter ends, soon after an error, aborts the process.
    """
    left = table.size - table.stream.tell()
    if left > _NATIVE_BYTES:
        return table.stream
    content = pa.allocate_buffer(left, resizable=False)
    view = memoryview(content)
    read = 0
    while read < left and (got := table.stream.readinto(view[read:])):  # type: ignore[attr-defined]
        read += got
    return pa.BufferReader(content.slice(0, read))


def _check_rows(table: TableFile, rows: int) -> None:
    """Refuse a file of which rows were swallowed by a quotation mark that is never closed.

    The reader of Arrow takes what follows such a mark for one value, without a word. Where a file
    has as many lines as rows nothing was; else a strict reader counts them again.
    """
    table.stream.seek(0)
    lines, last = 0, b""
    while piece := table.stream.read(1 << 20):
        lines, last = lines + piece.count(b"\n"), piece[-1:]
    if lines + (last != b"\n") == rows + 1:
        return
    table.stream.seek(0)
    text = io.TextIOWrapper(table.stream, encoding="utf-8-sig", errors="replace", newline="")
    try:
        counted = sum(map(bool, csv.reader(text, strict=True))) - 1
    except csv.Error:
        counted = -1
    finally:
        text.detach()
    if counted != rows:
        raise UsageError(
            "is not a readable CSV table: rows are lost in a quoted value",
            where=str(table.path),
            hint="Look for a quotation mark that is never closed.",
        )


def _parquet_batches(table: TableFile, names: list[str]) -> Iterator[pa.RecordBatch]:
    whole = [table.stream] if table.shards is None else map(io.BytesIO, table.shards.contents())
    try:
        for stream in whole:
            with pq.ParquetFile(stream) as file:
                yield from file.iter_batches(_BATCH_ROWS, columns=names, use_threads=False)
    except UsageError:
        raise
    except _MALFORMED as error:
        raise _damaged(table.path) from error


def _damaged(path: Path) -> UsageError:
    return UsageError(
        "is not a readable Parquet table; it may have been cut off",
        where=str(path),
        hint="Write or copy it again.",
    )
