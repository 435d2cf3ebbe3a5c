from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from triage.benchmark.records import Records, cluster_codes
from triage.errors import UsageError

PROTOCOL = {"data": "abc", "shifts": ["gaussian_blur:3"]}


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    records = Records(tmp_path / "bench", PROTOCOL)
    assert not records.has(3, "knn@softmax")
    records.save(3, "knn@softmax", {"test": np.arange(4.0)}, {"fit_seconds": 1.5})
    again = Records(tmp_path / "bench", dict(PROTOCOL))
    arrays, header = again.load(3, "knn@softmax") or ({}, {})
    assert np.array_equal(arrays["test"], np.arange(4.0))
    assert header == {"fit_seconds": 1.5}
    assert again.has(3, "knn@softmax")
    assert not again.has(4, "knn@softmax")


def test_a_damaged_record_counts_as_absent(tmp_path: Path) -> None:
    records = Records(tmp_path, PROTOCOL)
    records.save(0, "energy@softmax", {"test": np.arange(50.0)}, {})
    (place,) = tmp_path.rglob("*.safetensors")
    content = bytearray(place.read_bytes())
    content[-5] ^= 1
    place.write_bytes(bytes(content))
    assert not records.has(0, "energy@softmax")


def test_records_of_another_protocol_are_not_mixed(tmp_path: Path) -> None:
    Records(tmp_path, PROTOCOL)
    with pytest.raises(UsageError, match="other shifts") as caught:
        Records(tmp_path, PROTOCOL | {"shifts": []})
    assert "--out" in str(caught.value)


def test_a_damaged_protocol_is_said_so(tmp_path: Path) -> None:
    Records(tmp_path, PROTOCOL)
    (tmp_path / "protocol.json").write_text("{")
    with pytest.raises(UsageError, match="damaged"):
        Records(tmp_path, PROTOCOL)


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written to"):
        Records(tmp_path / "file" / "bench", PROTOCOL)


def test_cluster_codes_stand_for_clusters_and_hide_them() -> None:
    codes = cluster_codes(["patient:a", "patient:b", "patient:a"])
    assert codes[0] == codes[2] != codes[1]
    assert codes.dtype == np.int64
    assert (codes >= 0).all()
