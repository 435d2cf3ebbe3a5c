"""Values of the columns of a table, collected batch by batch into small types."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from triage.csv_file import plain_text
from triage.data.cell_text import cell_text
from triage.data.identifiers import clean_text, is_missing
from triage.errors import UsageError

MAX_VALUES = 10_000
"""Different values of a column of words; more are identifiers or numbers."""
MAPPED_BYTES = 512 << 20
"""Probabilities that take more memory than this stay in a temporary file."""
_COMMA = re.compile(r"-?\d+,\d+")
_TRUE = {"true", "1", "1.0", "yes"}
_FALSE = {"false", "0", "0.0", "no"}


@dataclass(frozen=True)
class Coded:
    """A column of words as places in the list of its different values.

    Parameters
    ----------
    values : tuple of str
        '' stands for a missing value.
    codes : integer array [N]
    """

    values: tuple[str, ...]
    codes: NDArray[Any]

    @classmethod
    def of(cls, words: list[str]) -> Coded:
        """Return the coded form of a list of words."""
        codes, values = pd.factorize(np.array(words, dtype=object))
        return cls(tuple(map(str, values)), codes.astype(np.int32))

    def mapped(self, found: list[int], dtype: type[np.signedinteger[Any]]) -> NDArray[Any]:
        """Return a whole number for each case, from one for each different value."""
        mapped: NDArray[Any] = np.array([*found, 0], dtype=dtype)[self.codes]
        return mapped

    def counts(self) -> dict[str, int]:
        """Return how many cases have each value."""
        found = np.bincount(self.codes, minlength=len(self.values))
        return dict(zip(self.values, found.tolist(), strict=True))


@dataclass
class Words:
    """Collects a column of words.

    Parameters
    ----------
    name : str
        Of the column, for messages.
    role : str
        What names it in the plan.
    """

    name: str
    role: str
    _places: dict[str, int] = field(default_factory=dict)
    _codes: list[NDArray[Any]] = field(default_factory=list)

    def add(self, column: pa.Array, keep: NDArray[np.bool_] | None) -> None:
        """Add the values of a batch."""
        codes, words = distinct_texts(column)
        known = [self._places.setdefault(word, len(self._places)) for word in words]
        if len(self._places) > MAX_VALUES:
            raise UsageError(
                f"column {self.name!r} has more than {MAX_VALUES} different values",
                where=self.role,
                hint="Name a column of words; put numbers into bands.",
            )
        found = np.array([*known, 0], dtype=np.int32)[codes]
        found = found if keep is None else found[keep]
        self._codes.append(found.astype(np.int16))  # MAX_VALUES fits

    def coded(self) -> Coded:
        """Return the whole column."""
        codes = np.concatenate(self._codes) if self._codes else np.zeros(0, dtype=np.int16)
        return Coded(tuple(self._places), codes)


@dataclass
class Numbers:
    """Collects a column of numbers.

    Parameters
    ----------
    missing : bool
        Whether values may be missing, which are then NaN.
    """

    name: str
    role: str
    dtype: type[np.floating[Any]]
    missing: bool = False
    _parts: list[NDArray[Any]] = field(default_factory=list)
    _rows: int = 0

    def add(self, column: pa.Array, keep: NDArray[np.bool_] | None) -> None:
        """Add the values of a batch."""
        values = numbers_of(column, self.name, self.role, self._rows, missing=self.missing)
        self._rows += len(values)
        self._parts.append((values if keep is None else values[keep]).astype(self.dtype))

    def array(self) -> NDArray[Any]:
        """Return the whole column."""
        return np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=self.dtype)


@dataclass
class Identifiers:
    """Collects a column of identifiers as text."""

    name: str
    role: str
    _parts: list[pa.Array] = field(default_factory=list)
    _rows: int = 0

    def add(self, column: pa.Array, keep: NDArray[np.bool_] | None) -> None:
        """Add the values of a batch; UsageError where one is missing."""
        texts = _identifier_texts(column)
        absent = np.flatnonzero(pc.equal(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False))
        if len(absent):
            raise UsageError(
                f"column {self.name!r} has no value in case {self._rows + int(absent[0]) + 1} "
                "(counted from 1)",
                where=self.role,
                hint="Complete it, or leave these cases out.",
            )
        self._rows += len(texts)
        self._parts.append(texts if keep is None else texts.filter(pa.array(keep)))

    def array(self) -> pa.ChunkedArray:
        """Return the whole column."""
        return pa.chunked_array(self._parts, pa.large_string())

    def places(self) -> NDArray[np.int32]:
        """Return the place of each identifier in the list of different ones, int32 [N]."""
        encoded = self.array().dictionary_encode()  # all chunks share one dictionary
        parts = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in encoded.chunks]
        return np.concatenate([np.zeros(0, dtype=np.int32), *parts])


class Probabilities:
    """Collects rows of K probabilities in a temporary file, as float32."""

    def __init__(self, n_classes: int) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the last array of it
        self._classes = n_classes
        self._rows = 0

    def add(self, rows: NDArray[np.float64]) -> None:
        """Add probabilities, float [n, K]."""
        try:
            self._file.write(np.ascontiguousarray(rows, dtype=np.float32).tobytes())
            self._file.flush()
        except OSError as error:
            raise UsageError(
                f"the probabilities cannot be kept in a temporary file ({error.strerror})",
                where=tempfile.gettempdir(),
                hint="Free some space, or name another folder in TMPDIR.",
            ) from error
        self._rows += len(rows)

    def array(self) -> NDArray[np.float32]:
        """Return all rows, float32 [N, K]; mapped from the file where they are many."""
        self._file.seek(0)
        shape = (self._rows, self._classes)
        if self._rows * self._classes * 4 > MAPPED_BYTES:
            return np.memmap(self._file, dtype=np.float32, mode="r", shape=shape)
        found = np.fromfile(self._file, dtype=np.float32).reshape(shape)
        self._file.close()
        return found


def distinct_texts(column: pa.Array) -> tuple[NDArray[np.int64], list[str]]:
    """Return the place of each value in the list of different ones, and these as clean text.

    A missing value is ''. Whole numbers are written without a decimal point.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    _refuse_nested(column)
    encoded = column.dictionary_encode()
    words = [clean_text(plain_text(cell_text(one))) for one in encoded.dictionary.to_pylist()]
    codes = pc.fill_null(encoded.indices, len(words)).to_numpy(zero_copy_only=False)
    return codes.astype(np.int64), [*words, ""] if encoded.indices.null_count else words


def _refuse_nested(column: pa.Array) -> None:
    if pa.types.is_nested(column.type):
        raise UsageError("a column that the plan names holds lists", where="table")


def _identifier_texts(column: pa.Array) -> pa.Array:
    if pa.types.is_string(column.type) and pc.all(pc.string_is_ascii(column)).as_py() is not False:
        texts = pc.utf8_trim_whitespace(pc.fill_null(column, ""))
        if not pc.any(pc.starts_with(texts, "'")).as_py():
            return pc.cast(texts, pa.large_string())
    codes, words = distinct_texts(column)
    return pa.array(words, pa.large_string()).take(pa.array(codes))


def numbers_of(
    column: pa.Array, name: str, role: str, first: int, *, missing: bool
) -> NDArray[np.float64]:
    """Return a batch of a column as numbers, float64 [n].

    Parameters
    ----------
    first : int
        Cases before this batch, for messages.
    missing : bool
        Whether values may be missing, which are then NaN.

    Raises
    ------
    UsageError
        If a value is no finite number.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            column = _numeric_texts(column)
        values = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    except (pa.ArrowException, ValueError):
        values = np.array([_number(one) for one in column.to_pylist()], dtype=np.float64)
        _refuse_text(column, values, name, role, first)
    values = np.asarray(values, dtype=np.float64)
    wrong = np.isinf(values) if missing else ~np.isfinite(values)
    if wrong.any():
        raise UsageError(
            f"column {name!r} has a missing or infinite value in case "
            f"{first + int(wrong.argmax()) + 1} (counted from 1)",
            where=role,
            hint="Complete it, or leave these cases out.",
        )
    return values


def _numeric_texts(column: pa.Array) -> pa.Array:
    texts = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(pc.utf8_length(texts), 0), pa.scalar(None, texts.type), texts)


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # any value of a cell
    except (TypeError, ValueError):
        return np.nan


def _refuse_text(
    column: pa.Array, values: NDArray[np.float64], name: str, role: str, first: int
) -> None:
    for place in np.flatnonzero(np.isnan(values)):
        cell = column[int(place)].as_py()
        text = cell_text(cell)
        if is_missing(text):
            continue
        comma = _COMMA.fullmatch(text) is not None
        raise UsageError(
            f"column {name!r} holds {'a decimal comma' if comma else 'text that is no number'} in "
            f"case {first + int(place) + 1} (counted from 1)",
            where=role,
            hint="Write numbers with a decimal point, as in 0.25.",
        )


def truth_values(column: Coded, name: str, role: str) -> NDArray[np.int8]:
    """Return a column of yes and no as 1 and 0; -1 where it is missing, int8 [N].

    Raises
    ------
    UsageError
        If a value is neither true nor false, 1 nor 0, yes nor no.
    """
    found = []
    for word in column.values:
        low = word.casefold()
        if low not in _TRUE | _FALSE and not is_missing(low):
            raise UsageError(
                f"column {name!r} holds values other than true and false", where=role,
                hint="Write true or false, 1 or 0, yes or no.",
            )  # fmt: skip
        found.append(-1 if is_missing(low) else int(low in _TRUE))
    return column.mapped(found, np.int8)
