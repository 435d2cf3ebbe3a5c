"""`triage benchmark` on the command line: what it says when it works, and when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.command import Command
from triage.benchmark.results import BenchmarkResult
from triage.data.spec_files import shipped_spec

SPEC = shipped_spec("derm_phantoms")


def test_json_is_the_result(
    triage: Command, phantom_root: Path, tiny_hf: Path, tmp_path: Path
) -> None:
    arguments = (
        "benchmark", "--spec", SPEC, "--root", phantom_root, "--out", tmp_path / "bench",
        "--backbone", f"hf:{tiny_hf}", "--members", "2", "--repeats", "1", "--resamples", "20",
        "--methods", "max_softmax,knn,none,lac", "--shift", "jpeg:2",
        "--compare", "knn,max_softmax",
    )  # fmt: skip
    answer = triage(*arguments, "--json")
    assert answer.code == 0
    result = BenchmarkResult.model_validate(answer.json)
    assert {row.key for row in result.scores} == {"max_softmax@softmax", "knn@softmax"}
    assert result.members == 2
    assert "--spec derm_phantoms.yaml" in result.command
    assert "--members 2" in result.command
    assert "--shift jpeg:2" in result.command
    assert "--compare knn,max_softmax" in result.command
    (pair,) = result.pairs
    assert (pair.a, pair.b) == ("knn@softmax", "max_softmax@softmax")
    assert str(phantom_root) not in answer.out  # no path of a machine in what is passed on
    shown = triage(*arguments)  # everything is there already
    assert shown.code == 0
    for words in ("near: unseen conditions", "Calibrators", "Prediction sets", "Rules of", "minus"):
        assert words in shown.out
    assert "benchmark.html" in shown.out


def test_settings_of_a_file_and_no_shift(
    triage: Command, phantom_root: Path, tiny_hf: Path, tmp_path: Path
) -> None:
    config = tmp_path / "plain settings.yaml"
    config.write_text("{stages: 1, views: whole, members: 1, hidden: 8, fit: {epochs: 2}}")
    shared = (
        "benchmark", "--spec", SPEC, "--root", phantom_root, "--out", tmp_path / "bench",
        "--backbone", f"hf:{tiny_hf}", "--repeats", "1", "--resamples", "20",
        "--methods", "max_softmax", "--shift", "none", "--members", "1",
    )  # fmt: skip
    answer = triage(*shared, "--config", config, "--json")
    assert answer.code == 0
    result = BenchmarkResult.model_validate(answer.json)
    assert result.members == 1
    (row,) = result.scores
    assert row.shifted == {}
    assert row.far
    assert "--config 'plain settings.yaml'" in result.command
    assert "--shift none" in result.command
    assert str(tmp_path) not in result.command
    assert (tmp_path / "bench/benchmark.html").is_file()
    # What is in the file decides: without it, or with another, this would be another benchmark.
    assert "other settings" in triage(*shared).err
    config.write_text("{stages: 1, views: whole, members: 1, hidden: 9, fit: {epochs: 2}}")
    assert "other settings" in triage(*shared, "--config", config).err


def test_settings_that_do_not_suit_what_is_compared(
    triage: Command, phantom_root: Path, tiny_hf: Path, tmp_path: Path
) -> None:
    config = tmp_path / "s.yaml"
    config.write_text("criterion: focal")
    shared = ("benchmark", "--root", phantom_root, "--out", tmp_path / "b", "--config", config)
    answer = triage(
        *shared, "--spec", SPEC, "--backbone", f"hf:{tiny_hf}", "--methods", "max_softmax@duq"
    )
    assert answer.code == 2
    assert "the head duq has a loss of its own" in answer.err
    volumes = shipped_spec("oct_phantoms")
    answer = triage(*shared, "--spec", volumes, "--backbone", "oct:any", "--methods", "knn")
    assert answer.code == 2
    assert "--config: volumes are compared with the usual settings of heads" in answer.err
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--methods", "mahalonobis"), "Did you mean mahalanobis?"),
        (("--shift", "gausian_blur:3"), "gaussian_blur"),
        (("--shift", "jpeg:9"), "severity"),
        (("--shift", "camera=x"), "no subgroup 'camera'"),
        (("--shift", "none", "--shift", "jpeg:3"), "'none' excludes others"),
        (("--config", "nowhere.yaml"), "no such settings file"),
        (("--far", "nowhere"), "holds no image"),
        (("--methods", "knn,vim", "--compare", "knn"), "'knn' is not two methods"),
        (("--methods", "knn,vim", "--compare", "knn,energy"), "energy@softmax is not measured"),
    ],
)
def test_wrong_words_are_named_before_any_work(
    triage: Command, phantom_root: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    answer = triage(
        "benchmark", "--spec", SPEC, "--root", phantom_root, "--out", tmp_path / "b", *options
    )
    assert answer.code == 2
    assert message in answer.err
    assert not list(tmp_path.rglob("*.safetensors"))


def test_another_benchmark_in_the_folder(
    triage: Command, phantom_root: Path, tiny_hf: Path, tmp_path: Path
) -> None:
    shared = (
        "benchmark", "--spec", SPEC, "--root", phantom_root, "--out", tmp_path, "--repeats", "1",
        "--backbone", f"hf:{tiny_hf}", "--methods", "max_softmax", "--resamples", "20",
    )  # fmt: skip
    assert triage(*shared, "--members", "1").code == 0
    answer = triage(*shared, "--members", "2")
    assert answer.code == 2
    assert "other settings" in answer.err
    assert "--out" in answer.err
