"""The command line from outside: every verb and every exit code; bad input has its own file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

import triage as triage_package
from pipelines.cli import app
from pipelines.cli.list import REGISTRIES, Kind, registry
from tests.pipelines.command import Command
from tests.tiny import TinyBundle
from tests.weight_packages import Refuse
from triage.data.spec_files import shipped_spec
from triage.evaluation import METRICS
from triage.heads import HeadKind
from triage.systems.bundle import verify_bundle
from triage.uncertainty.combination import COMBINATION
from triage.uncertainty.scores import SCORES

SPEC = shipped_spec("derm_phantoms")
TRAIN = ("train", "--spec", str(SPEC), "--root", "nowhere", "--out", "b")


def verbs() -> Iterator[tuple[str, Any]]:
    """Every command of the Typer tree with its full name."""

    def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        children = getattr(command, "commands", None)
        if children is None:
            yield name, command
        else:
            for child, found in children.items():
                yield from walk(found, f"{name} {child}")

    return walk(typer.main.get_command(app), "triage")


VERBS = dict(verbs())


def test_the_tree_is_the_documented_one() -> None:
    assert set(VERBS) == {
        f"triage {verb}"
        for verb in (
            "demo", "spec validate", "spec duplicates", "spec prepare", "inspect", "pretrain",
            "train", "evaluate", "segment", "benchmark", "transfer", "score", "ingest", "retrain",
            "select", "report", "ui", "list", "convert-checkpoint", "db upgrade", "db check",
            "db backup", "db restore", "ledger keygen", "ledger checkpoint", "ledger rotate",
            "ledger verify", "user add", "user list", "user disable", "user enable", "user role",
            "user passwd", "policy show", "policy set", "review-figures", "audit plan",
            "audit register", "audit run", "audit compare", "audit verify", "label import",
            "label errors", "gate", "dataset snapshot", "dataset diff", "dataset verify",
            "dataset withdraw",
            "registry list", "registry propose", "registry approve", "registry reject",
            "registry rollback", "registry retire", "registry shadow", "registry diff",
            "registry sign", "registry verify", "registry export",
            "retrain-policy show", "retrain-policy sign", "retrain-policy plan",
            "retrain-policy record",
        )
    }  # fmt: skip


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_json_and_help_with_an_example(name: str, triage: Command) -> None:
    assert any("--json" in parameter.opts for parameter in VERBS[name].params)
    answer = triage(*name.split()[1:], "--help")
    assert answer.code == 0
    assert "--json" in answer.out
    assert re.search(rf"Example:\s+{name}\b", answer.out)
    # The example names only options that there are.
    example = answer.out.partition("Example:")[2].partition("Options:")[0]
    options = {
        option
        for parameter in VERBS[name].params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert set(re.findall(r"--[a-z-]+", example)) <= options


@pytest.mark.parametrize("name", VERBS)
def test_short_help(name: str, triage: Command) -> None:
    words = name.split()[1:]
    assert triage(*words, "-h").out == triage(*words, "--help").out != ""


def test_version(triage: Command) -> None:
    answer = triage("--version")
    assert (answer.code, answer.out) == (0, f"triage {triage_package.__version__}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_can_be_installed(
    shell: str, triage: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise Typer asks which shell runs it, which under make is one without completion.
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    answer = triage("--show-completion", shell)
    assert answer.code == 0
    assert "_TRIAGE_COMPLETE" in answer.out


def in_a_process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What the console script runs, and the names of the modules that were imported for it."""
    heavy = ("torch", "monai", "transformers", "pandas", "numpy", "scipy", "pydicom", "sqlalchemy")
    script = (
        "import sys\n"
        "from pipelines.cli import main\n"
        "try:\n    main()\n"
        f"finally:\n    print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
        check=False,
    )


def test_help_and_completion_load_no_heavy_library() -> None:
    found = in_a_process("--help")
    assert (found.returncode, found.stderr) == (0, "[]\n")
    found = in_a_process(
        _TRIAGE_COMPLETE="complete_bash", COMP_WORDS="triage train --he", COMP_CWORD="2"
    )
    assert "--head" in found.stdout
    assert found.stderr == "[]\n"


@pytest.mark.parametrize("kind", get_args(Kind))
def test_list(kind: str, triage: Command) -> None:
    found = triage("list", kind, "--json")
    assert found.code == 0
    assert found.json["kind"] == kind
    entries = {entry["name"]: entry["title"] for entry in found.json["names"]}
    assert len(entries) > 1
    assert all(entries.values())
    lines = triage("list", kind).out.splitlines()
    assert [line.split()[0] for line in lines] == list(entries)


def test_listed_backbones_have_size_and_licence_and_whether_they_are_installed(
    triage: Command, tiny_hf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "meta_path", [Refuse(), *sys.meta_path])
    monkeypatch.setenv("TRIAGE_WEIGHTS", str(tiny_hf.parent))
    titles = {e["name"]: e["title"] for e in triage("list", "backbones", "--json").json["names"]}
    assert titles["lite:2"].endswith(", 260 pixels, Apache-2.0, not installed")
    assert ", 32 pixels, licence" in titles[f"hf:{tiny_hf}"]


def test_the_listed_names_are_those_of_the_registries(triage: Command) -> None:
    def names(kind: str) -> list[str]:
        return [entry["name"] for entry in triage("list", kind, "--json").json["names"]]

    assert names("heads") == [*HeadKind]
    assert {*get_args(Kind)} == {*REGISTRIES, "metrics"}
    for kind in REGISTRIES.keys() - {"scores", "backbones"}:
        assert names(kind) == [*registry(kind)]
    assert names("scores") == [*SCORES, COMBINATION]
    assert names("metrics") == list(METRICS)
    assert names("backbones")[:10] == [
        "hf:", "lite:", "timm_vit:", "monai:", "file:", "oct:",
        "lite:0", "lite:1", "lite:2", "monai:resnet10_narrow",
    ]  # fmt: skip


def test_a_listed_name_has_its_source_and_needs(triage: Command) -> None:
    entries = {entry["name"]: entry for entry in triage("list", "heads", "--json").json["names"]}
    assert entries["hod"] == {
        "name": "hod",
        "title": "Hierarchical outlier detection (HOD)",
        "source": "Roy et al. 2022",
        "needs": ["training outliers"],
    }
    assert entries["softmax"]["needs"] == []


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (("list", "head"), "Did you mean heads?"),
        ((*TRAIN, "--head", "sofmax"), "Did you mean softmax?"),
        ((*TRAIN, "--mode", "finetun"), "Did you mean finetune?"),
        (("spec", "validate", str(SPEC).replace("phantoms", "phantms")), SPEC.name),
        (("spec", "prepare", "oct_octdll", "."), "Did you mean oct_octdl?"),
        (("trian",), "Did you mean 'train'"),
        (("train", "--haed", "hod"), "options: --head"),
    ],
)
def test_a_mistyped_choice_is_answered_with_the_nearest(
    arguments: tuple[str, ...], nearest: str, triage: Command
) -> None:
    answer = triage(*arguments)
    assert answer.code == 2
    assert nearest in answer.err
    assert "Value error" not in answer.err


@pytest.mark.parametrize("arguments", [("--nonsense",), ("nonsense",), ("score",), ("spec", "x")])
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...], triage: Command) -> None:
    assert triage(*arguments).code == 2


def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    """As the console script runs it; the JSON on standard output is all there is."""
    (tmp_path / "a.jpg").write_text("no picture")
    script = "from pipelines.cli import main; main()"
    found = subprocess.run(
        [sys.executable, "-c", script, "inspect", "--json", str(tmp_path / "a.jpg")],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert found.returncode == 3
    assert json.loads(found.stdout)["files"][0]["reason"] == "unknown_format"
    assert found.stderr == ""


def test_a_defect_of_ours_is_one_line(triage: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("triage.decoding.inspect_file.inspect_file", broken)
    answer = triage("inspect", "x.jpg")
    assert answer.code == 1
    assert "a defect of this software (ZeroDivisionError)" in answer.err
    assert "secret" not in answer.err


def test_json_errors(triage: Command, tmp_path: Path) -> None:
    answer = triage("spec", "validate", tmp_path / "absent.yaml", "--json")
    assert answer.code == 2
    assert "no such data spec" in answer.json["error"]


def test_validate_and_inspect(triage: Command, phantom_root: Path) -> None:
    assert triage("spec", "validate", SPEC).code == 0
    found = triage("spec", "validate", SPEC, "--root", phantom_root, "--json")
    assert (found.code, found.json["problems"], found.json["warnings"]) == (0, [], [])
    assert found.json["patients"] > 100
    image = next((phantom_root / "images").iterdir())
    seen = triage("inspect", image, "--json")
    assert seen.code == 0
    assert seen.json["files"][0]["width"] == 32


def test_train_then_evaluate_then_report(
    triage: Command, phantom_root: Path, tiny_hf: Path, tmp_path: Path
) -> None:
    data = ("--spec", SPEC, "--root", phantom_root)
    bundle = tmp_path / "b"
    trained = triage(
        "train", *data, "--out", bundle, "--backbone", f"hf:{tiny_hf}", "--members", 1, "--json",
        "--roles-seed", 1, "--seed", 5, "--head", "reject",
    )  # fmt: skip
    assert trained.code == 0, trained.err
    manifest = verify_bundle(bundle)
    assert trained.json["digest"] == manifest.digest()
    assert (manifest.roles.seed, manifest.settings.seed, manifest.head) == (1, 5, "reject")

    out = tmp_path / "evaluation"
    found = triage("evaluate", "--bundle", bundle, *data, "--out", out, "--json")
    assert found.code == 0, found.err
    assert found.json == json.loads((out / "evaluation.json").read_text())
    assert set(found.json["evaluation"]["overall"]) >= {"accuracy", "ood_auroc", "clinical_cost"}

    reported = triage("report", "--bundle", bundle, *data, "--out", tmp_path / "r", "--json")
    assert reported.code == 0, reported.err
    assert all(Path(reported.json[kind]).is_file() for kind in ("html", "json"))


def test_plain_output_shows_the_subgroups(
    triage: Command, tiny_bundle: TinyBundle, phantom_root: Path
) -> None:
    answer = triage(
        "evaluate", "--bundle", tiny_bundle.folder, "--spec", SPEC, "--root", phantom_root
    )
    assert answer.code == 0
    for word in ("skin_type", "age", "sex", "device"):
        assert word in answer.out


@pytest.mark.parametrize(
    "wrong",
    [
        ("--head", "sigmoid"),
        ("--mode", "both"),
        ("--members", 0),
        ("--members", 101),
        ("--seed", -1),
        ("--seed", 2**40),
        ("--backbone", "timm:resnet10"),
        ("--backbone", "hf:/no/such/folder"),
        ("--backbone", "monai:resnet10", "--backbone", "monai:resnet10"),
    ],
)
def test_wrong_settings(
    wrong: tuple[Any, ...], triage: Command, phantom_root: Path, tmp_path: Path
) -> None:
    answer = triage(
        "train", "--spec", SPEC, "--root", phantom_root, "--out", tmp_path / "b", *wrong
    )
    assert answer.code == 2
    assert answer.err.strip()
    assert not list(tmp_path.iterdir())
