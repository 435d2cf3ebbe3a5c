"""Messages between the pool and its workers: JSON headers and raw arrays over pipes.

A message is its header's length (4 bytes, little endian), the header (JSON), then the bytes of each
array that the header lists, in C order. Nothing in it can run code, and nothing is allocated that
exceeds the receiver's limit.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_HEADER = 64 * 2**20
_LENGTH = struct.Struct("<I")
_DTYPES = ("uint8", "float32", "float64")

Header = dict[str, Any]
Arrays = list[NDArray[Any]]
Fill = Callable[[memoryview], None]
"""Fills a buffer whole with the next bytes, or raises."""


class MessageError(Exception):
    """An invalid message: the sender is damaged."""


def write_message(
    write: Callable[[bytes | memoryview], object],
    header: Header,
    arrays: Sequence[NDArray[Any]] = (),
) -> None:
    """Write one message.

    Parameters
    ----------
    write : callable
        Takes bytes-like objects and writes them whole.
    header : dict
        Plain JSON types; the key 'arrays' is set here.
    arrays : sequence of array
        Of type uint8, float32 or float64.
    """
    ordered = [np.asarray(array, order="C") for array in arrays]
    listed = [[str(array.dtype), list(array.shape)] for array in ordered]
    text = json.dumps(header | {"arrays": listed}).encode()
    write(_LENGTH.pack(len(text)) + text)
    for array in ordered:
        if array.size:
            write(array.reshape(-1).data.cast("B"))


def read_message(fill: Fill, max_bytes: int) -> tuple[Header, Arrays]:
    """Read one message.

    Parameters
    ----------
    fill : callable
        See `Fill`.
    max_bytes : int
        Most bytes of all arrays.

    Raises
    ------
    MessageError
        If it is no message, or larger.
    """
    (length,) = _LENGTH.unpack(_filled(fill, _LENGTH.size))
    if length > MAX_HEADER:
        raise MessageError("the header is too long")
    try:
        header = json.loads(_filled(fill, length))
        listed = [(str(dtype), tuple(map(int, shape))) for dtype, shape in header["arrays"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MessageError("the header is damaged") from error
    if any(dtype not in _DTYPES or min(shape, default=0) < 0 for dtype, shape in listed):
        raise MessageError("an array is of no known type")
    if sum(np.dtype(dtype).itemsize * prod(shape) for dtype, shape in listed) > max_bytes:
        raise MessageError("the arrays are too large")
    arrays = []
    for dtype, shape in listed:
        array = np.empty(shape, dtype)
        if array.size:
            fill(array.reshape(-1).data.cast("B"))
        arrays.append(array)
    return header, arrays


def _filled(fill: Fill, size: int) -> bytearray:
    content = bytearray(size)
    fill(memoryview(content))
    return content
