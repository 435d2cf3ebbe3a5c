from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.decoding.worker.messages import MAX_HEADER, MessageError, read_message, write_message


def filler(data: bytes):  # type: ignore[no-untyped-def]
    stream = io.BytesIO(data)

    def fill(view: memoryview) -> None:
        if stream.readinto(view) < len(view):
            raise EOFError

    return fill


def framed(header: object) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<I", len(text)) + text


def test_headers_and_arrays_come_back() -> None:
    sent = io.BytesIO()
    arrays = [
        np.arange(24, dtype=np.uint8).reshape(2, 3, 4)[:, ::-1],
        np.array(2.5),
        np.empty((0, 3), np.float32),
    ]
    write_message(sent.write, {"type": "x", "name": "caf\u00e9 \udc80"}, arrays)
    header, found = read_message(filler(sent.getvalue()), 1000)
    assert (header["type"], header["name"]) == ("x", "caf\u00e9 \udc80")
    for one, other in zip(arrays, found, strict=True):
        assert one.dtype == other.dtype
        assert one.shape == other.shape
        assert (one == other).all()


@pytest.mark.parametrize(
    "header",
    [
        [],
        {"arrays": 3},
        {"arrays": [["uint8"]]},
        {"arrays": [["object", [1]]]},
        {"arrays": [["uint8", [-1]]]},
        {"arrays": [["uint8", ["a"]]]},
        {"arrays": [["uint8", [1001]]]},
        {"arrays": [["float64", [126]]]},
        {"arrays": [["uint8", [600]], ["uint8", [600]]]},
        {},
    ],
)
def test_a_malformed_message_is_an_error_and_allocates_nothing(header: object) -> None:
    with pytest.raises(MessageError):
        read_message(filler(framed(header) + bytes(2000)), 1000)


def test_a_header_is_bounded() -> None:
    with pytest.raises(MessageError):
        read_message(filler(struct.pack("<I", MAX_HEADER + 1)), 1000)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    try:
        header, _ = read_message(filler(data), 1000)
    except (MessageError, EOFError):
        return
    assert isinstance(header, dict)
