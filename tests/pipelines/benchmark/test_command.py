"""`triage benchmark` on the command line: what it says when it works, and when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.command import Command
from triage.data.spec_files import shipped_spec
from triage.evaluation.benchmarks.results import BenchmarkResult

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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--methods", "mahalonobis"), "Did you mean mahalanobis?"),
        (("--shift", "gausian_blur:3"), "gaussian_blur"),
        (("--shift", "jpeg:9"), "severity"),
        (("--shift", "camera=x"), "no subgroup 'camera'"),
        (("--far", "nowhere"), "holds no image"),
        (("--methods", "knn,vim", "--compare", "knn"), "'knn' is not two methods"),
        (("--methods", "knn,vim", "--compare", "knn,energy"), "energy@softmax is not measured"),
    ],
)
def test_wrong_words_are_named_before_any_work(
    triage: Command, phantom_root: Path, tmp_path: Path, options: tuple[str, str], message: str
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
