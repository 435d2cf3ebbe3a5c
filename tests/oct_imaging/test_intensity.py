"""Samples of any type to 8 bits: B-scan by B-scan, within their own memory, at once."""

from __future__ import annotations

import numpy as np
import pytest

from triage.oct_imaging.intensity import scale_frames, to_bytes, to_bytes_within

TYPES = ["<u2", ">u2", "<i2", "<i4", "<u8", "<f2", "<f4", ">f4", "<f8"]


def stored(dtype: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    values = rng.normal(600, 200, (7, 93, 61)).clip(0, 2000)
    found = values.astype(dtype)
    if found.dtype.kind == "f":
        found[2, 5, :3] = [np.nan, np.inf, -np.inf]
    return found


@pytest.mark.parametrize("dtype", TYPES)
def test_every_way_gives_the_same(dtype: str) -> None:
    samples = stored(dtype)
    expected = by_definition(samples)
    assert np.array_equal(to_bytes(samples), expected)
    assert np.array_equal(to_bytes(samples.transpose(0, 2, 1)).transpose(0, 2, 1), expected)
    assert np.array_equal(scale_frames(samples.__getitem__, samples.shape), expected)
    assert np.array_equal(to_bytes_within(samples.copy()), expected)


def by_definition(samples: np.ndarray) -> np.ndarray:
    """The whole volume fits into the subset of which percentiles are taken."""
    real = samples.astype(np.float64)
    low, high = np.percentile(real[np.isfinite(real)], (0.1, 99.9))
    scaled = np.rint(np.clip((real - low) * (255 / (high - low)), 0, 255))
    return np.where(np.isfinite(real), scaled, 0).astype(np.uint8)


def test_arrays_of_others_are_left_alone() -> None:
    samples = stored("<u2")
    before = samples.copy()
    for view in (samples[:], samples[::2], samples.transpose(0, 2, 1)):
        assert np.array_equal(to_bytes_within(view), to_bytes(view))
    assert np.array_equal(samples, before)
    read_only = samples.copy()
    read_only.flags.writeable = False
    assert np.array_equal(to_bytes_within(read_only), to_bytes(before))


def test_one_value_everywhere() -> None:
    flat = np.full((3, 5, 7), 9, np.uint16)
    assert not to_bytes(flat).any()
    assert not to_bytes_within(flat).any()


def test_the_subset_of_a_large_volume_is_the_same_in_every_layout() -> None:
    samples = np.random.default_rng(1).integers(0, 4096, (31, 300, 97), dtype=np.uint16)
    assert samples.size > 500_000
    expected = to_bytes(samples.reshape(1, 31 * 300, 97)).reshape(samples.shape)
    assert np.array_equal(to_bytes(samples), expected)
