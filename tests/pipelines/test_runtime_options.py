"""`--runtime`, `--embedding-precision` and `list backbones --throughput` on the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.backbones.runtime.needed import needs_openvino
from tests.pipelines.command import Command
from tests.tiny import TinyBundle, TinyOctBundle
from triage import extras
from triage.models import throughput
from triage.predictions import Predictions


@needs_openvino
def test_another_runtime_is_warned_of_and_noted(
    tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path, triage: Command
) -> None:
    def score(out: Path, *more: str) -> list[str]:
        given = ("--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent)
        found = triage("score", *given, "--out", out, "--json", *more)
        assert found.code == 0
        return [warning for warning in found.json["warnings"] if "fitted with" in warning]

    plain, same, other = (tmp_path / f"{name}.parquet" for name in ("plain", "same", "other"))
    assert score(plain) == score(same, "--runtime", "torch") == []
    (warning,) = score(other, "--runtime", "openvino")
    assert warning.startswith("embedded by openvino in float32, but the thresholds were fitted")
    expected, found = Predictions.load(plain), Predictions.load(other)
    assert found.provenance == expected.provenance | {"execution": warning}
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-3)


def test_a_runtime_that_is_not_installed(
    tiny_bundle: TinyBundle,
    inbox: Path,
    tmp_path: Path,
    triage: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extras, "is_installed", lambda _: False)
    found = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "out.parquet", "--runtime", "openvino",
    )  # fmt: skip
    assert found.code == 2
    assert "Install the extra [openvino]" in found.err
    assert not (tmp_path / "out.parquet").exists()


def test_training_of_volumes_takes_no_runtime(
    oct_root: Path, tmp_path: Path, triage: Command
) -> None:
    found = triage(
        "train", "--spec", "data_specs/oct_phantoms.yaml", "--root", oct_root,
        "--out", tmp_path / "b", "--runtime", "openvino",
    )  # fmt: skip
    assert found.code == 2
    assert "--runtime: is no setting for" in found.err


def test_scoring_of_volumes_takes_no_runtime(
    tiny_oct_bundle: TinyOctBundle, inbox: Path, tmp_path: Path, triage: Command
) -> None:
    found = triage(
        "score", "--bundle", tiny_oct_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "out.parquet", "--embedding-precision", "float32",
    )  # fmt: skip
    assert found.code == 2
    assert "--embedding-precision: is for systems that embed pictures" in found.err


def test_the_speed_of_backbones_here_is_measured_on_request(
    tiny_hf: Path, triage: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAGE_WEIGHTS", str(tiny_hf.parent))
    monkeypatch.setattr(extras, "is_installed", lambda _: False)  # of `lite:` networks: slow
    monkeypatch.setattr(throughput, "ROUNDS", 1)
    plain = triage("list", "backbones", "--json").json["names"]
    assert not any("throughput" in row or "here" in row for row in plain)
    found = triage("list", "backbones", "--throughput", "--json").json["names"]
    (measured,) = (row for row in found if "throughput" in row)
    assert measured["name"] == f"hf:{tiny_hf}"
    assert measured["throughput"]["torch in float32"] > 0
    assert "openvino in float32" not in measured["throughput"]
    (line,) = (
        line
        for line in triage("list", "backbones", "--throughput").out.splitlines()
        if line.startswith(measured["name"])
    )
    assert "torch in float32: " in line
    assert "pictures a second" in line


def test_only_backbones_have_a_speed(triage: Command) -> None:
    found = triage("list", "heads", "--throughput")
    assert found.code == 2
    assert "--throughput: is for backbones" in found.err
