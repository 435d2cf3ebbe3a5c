"""The command line from outside: every verb, every exit code, and everything bad a user gives it."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
import yaml
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import create_engine, func, select, text

from pipelines.cli import app
from tests.imaging.samples import dicom_dataset, file_bytes, picture, png_bomb
from tests.pipelines.command import Command
from tests.tiny import TinyBundle, noise
from triage.data.spec_files import shipped_spec
from triage.predictions import Predictions
from triage.store import Store, open_store
from triage.store.tables import Case, Prediction
from triage.systems.bundle import verify_bundle

SPEC = shipped_spec("derm_phantoms")
POLICY = SPEC.with_name("retrain_policy.yaml")


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
            "demo", "spec validate", "inspect", "train", "evaluate", "score", "retrain", "report",
            "ui",
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
    options = {option for parameter in VERBS[name].params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", example)) <= options


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
    def broken(_: Path) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("triage.imaging.inspect.inspect_file", broken)
    answer = triage("inspect", "x.jpg")
    assert answer.code == 1
    assert "a defect of this software (ZeroDivisionError)" in answer.err
    assert "secret" not in answer.err


def test_json_errors(triage: Command, tmp_path: Path) -> None:
    answer = triage("spec", "validate", tmp_path / "absent.yaml", "--json")
    assert answer.code == 2
    assert "no such data spec" in answer.json["error"]


# Good input -----------------------------------------------------------------------------


def test_validate_and_inspect(triage: Command, phantom_root: Path) -> None:
    assert triage("spec", "validate", SPEC).code == 0
    found = triage("spec", "validate", SPEC, "--root", phantom_root, "--json")
    assert (found.code, found.json["problems"]) == (0, [])
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


# Bad input ------------------------------------------------------------------------------


@pytest.fixture
def clinic(phantom_root: Path, tmp_path: Path) -> Path:
    return shutil.copytree(phantom_root, tmp_path / "clinic")


def write_spec(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    content = yaml.safe_load(SPEC.read_text())
    change(content)
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def rewrite(manifest: Path, change: Callable[[list[dict[str, str]]], None]) -> None:
    with manifest.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    change(rows)
    with manifest.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def both(triage: Command, spec: Path, root: Path, out: Path) -> str:
    """What `spec validate` and `train` say, which must both refuse and write nothing."""
    validated = triage("spec", "validate", spec, "--root", root)
    trained = triage("train", "--spec", spec, "--root", root, "--out", out)
    assert (validated.code, trained.code) == (2, 2)
    assert not [path for path in out.parent.iterdir() if out.name in path.name]
    return validated.err + trained.err


def test_a_spec_with_a_typo(triage: Command, clinic: Path, tmp_path: Path) -> None:
    def typo(content: dict[str, Any]) -> None:
        content["outlier_prevalense"] = content.pop("outlier_prevalence")

    told = both(triage, write_spec(tmp_path, typo), clinic, tmp_path / "b")
    assert told.count("outlier_prevalense: there is no such key") == 2
    assert "outlier_prevalence: Field required" in told


def test_one_patient_in_two_splits(triage: Command, clinic: Path, tmp_path: Path) -> None:
    def split(content: dict[str, Any]) -> None:
        content["rows"]["split"] = "split"

    def place(rows: list[dict[str, str]]) -> None:
        for number, row in enumerate(rows):
            row["split"] = ("train", "test")[number % 2]

    rewrite(clinic / "manifest.csv", place)
    told = both(triage, write_spec(tmp_path, split), clinic, tmp_path / "b")
    assert "a group belongs in one split" in told


def test_a_condition_with_one_case(triage: Command, clinic: Path, tmp_path: Path) -> None:
    def thin(rows: list[dict[str, str]]) -> None:
        of_one = [row for row in rows if row["condition"] == "pearly nodule"]
        rows[:] = [r for r in rows if r not in of_one or r["case_id"] == of_one[0]["case_id"]]

    rewrite(clinic / "manifest.csv", thin)
    told = both(triage, SPEC, clinic, tmp_path / "b")
    assert "condition 'pearly nodule': 1 independent cases; an inlier needs at least 3" in told


def test_a_missing_image_while_training(
    triage: Command, clinic: Path, tiny_hf: Path, tmp_path: Path
) -> None:
    first = sorted((clinic / "images").iterdir())[0]
    first.unlink()
    validated = triage("spec", "validate", SPEC, "--root", clinic)
    assert validated.code == 2
    assert f"{first.name}: missing file" in validated.err
    trained = triage(
        "train", "--spec", SPEC, "--root", clinic, "--out", tmp_path / "b",
        "--backbone", f"hf:{tiny_hf}", "--members", 1, "--json",
    )  # fmt: skip
    assert trained.code == 3
    assert trained.json["rejected"] == {"missing": 1}
    assert verify_bundle(tmp_path / "b").rejected == {"missing": 1}


def truncated_dicom() -> bytes:
    content = file_bytes(dicom_dataset(picture()))
    return content[: len(content) // 2]


def dicom_without_pixels() -> bytes:
    data = dicom_dataset(picture(), syntax=ExplicitVRLittleEndian)
    del data.PixelData
    return file_bytes(data)


BAD_FILES: dict[str, tuple[str, Callable[[], bytes | None], str]] = {
    "missing": ("gone.jpg", lambda: None, "missing"),
    "zero bytes": ("empty.jpg", lambda: b"", "empty"),
    "text named jpg": ("text.jpg", lambda: b"Dear colleague, ...", "unknown_format"),
    "20,000 x 20,000 PNG": ("bomb.png", lambda: png_bomb(20_000), "too_many_pixels"),
    "truncated DICOM": ("cut.dcm", truncated_dicom, "truncated"),
    "DICOM without pixels": ("blank.dcm", dicom_without_pixels, "no_pixels"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_bad_file_rejects_its_case_and_the_batch_goes_on(
    kind: str,
    triage: Command,
    tiny_bundle: TinyBundle,
    tmp_path: Path,
    database: str,
) -> None:
    name, content, reason = BAD_FILES[kind]
    root = tmp_path / "photos"
    root.mkdir()
    Image.fromarray(noise(1)).save(root / "good.png")
    if (made := content()) is not None:
        (root / name).write_bytes(made)
    (root / "new.csv").write_text(f"image\ngood.png\n{name}\n")
    out = tmp_path / "out.parquet"
    answer = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", root / "new.csv", "--root", root,
        "--out", out, "--db", database, "--json",
    )  # fmt: skip
    assert answer.code == 3
    assert answer.json["counts"] == {"read": 1, "rejected": 1, reason: 1}
    assert list(Predictions.load(out).cases["case_id"]) == ["good.png"]
    listed = out.with_name("out.parquet.rejected.csv").read_text()
    assert f"{name},{reason}," in listed
    assert stored(database) == (2, 2)  # the rejected case waits for a person too
    seen = triage("inspect", root / name, root / "good.png", "--json")
    assert seen.code == 3
    assert [found["reason"] for found in seen.json["files"]] == [reason, None]


def stored(database: str) -> tuple[int, int]:
    """Cases and predictions in a store."""
    store: Store = open_store(database)
    with store.reading() as session:
        counts = [
            session.scalar(select(func.count()).select_from(table)) for table in (Case, Prediction)
        ]
    store.close()
    return int(counts[0] or 0), int(counts[1] or 0)


def uses_of(bundle: Path, root: Path, inbox: Path, out: Path) -> dict[str, tuple[Any, ...]]:
    """Every verb that takes a bundle."""
    data = ("--bundle", bundle, "--spec", SPEC, "--root", root, "--out", out)
    return {
        "evaluate": ("evaluate", *data),
        "report": ("report", *data),
        "retrain": ("retrain", *data, "--policy", POLICY),
        "score": (
            "score", "--bundle", bundle, "--manifest", inbox, "--root", inbox.parent, "--out", out,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("verb", ["evaluate", "report", "retrain", "score"])
def test_a_bundle_with_one_flipped_byte(
    verb: str,
    triage: Command,
    tiny_bundle: TinyBundle,
    phantom_root: Path,
    inbox: Path,
    tmp_path: Path,
    database: str,
) -> None:
    bundle = shutil.copytree(tiny_bundle.folder, tmp_path / "copy")
    weights = next(bundle.glob("members/*"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    open_store(database, create=True).close()
    out = tmp_path / "out"
    use = uses_of(bundle, phantom_root, inbox, out)[verb]
    answer = triage(*use, "--db", database) if verb != "evaluate" else triage(*use)
    assert answer.code == 2
    assert f"does not match its manifest: members/{weights.name}" in answer.err
    assert not out.exists()
    assert stored(database) == (0, 0)


@pytest.fixture(params=["another migration", "unreachable", "no such folder", "no URL", "foreign"])
def bad_database(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """A database URL that cannot be used, and what to say of it."""
    url = f"sqlite:///{tmp_path / 'other.db'}"
    match request.param:
        case "another migration":
            open_store(url, create=True).close()
            engine = create_engine(url)
            with engine.begin() as connection:
                connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
            engine.dispose()
            return url, "is at migration 9999"
        case "unreachable":
            return "postgresql://reader:hunter2@127.0.0.1:1/cases", "reachable"
        case "no such folder":
            return f"sqlite:///{tmp_path / 'absent' / 'cases.db'}", "absent"
        case "no URL":
            return "my database", "not a database URL"
        case _:
            engine = create_engine(url)
            with engine.begin() as connection:
                connection.execute(text("CREATE TABLE payroll (id INTEGER)"))
            engine.dispose()
            return url, "something else"


@pytest.mark.parametrize("verb", ["score", "report", "retrain", "ui"])
def test_a_database_that_cannot_be_used_is_told_before_any_work(
    verb: str,
    bad_database: tuple[str, str],
    triage: Command,
    tiny_bundle: TinyBundle,
    phantom_root: Path,
    inbox: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def working(*_: object) -> None:
        pytest.fail("worked before looking at the database")

    for place in ("pipelines.score", "pipelines.evaluate", "pipelines.retrain"):
        monkeypatch.setattr(f"{place}.load_system", working)
    url, said = bad_database
    uses = uses_of(tiny_bundle.folder, phantom_root, inbox, tmp_path / "out")
    answer = triage(*uses.get(verb, ("ui",)), "--db", url)
    assert answer.code == 2
    assert said in answer.err
    assert "hunter2" not in answer.err
    assert not (tmp_path / "out").exists()


def test_the_database_may_be_named_in_the_environment(
    triage: Command, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[str] = []
    monkeypatch.setattr("ui.launch.run", lambda url, port: served.append(url) or 0)
    open_store(database, create=True).close()
    monkeypatch.setenv("TRIAGE_DATABASE_URL", database)
    assert triage("ui", "--json").json == {"address": "http://127.0.0.1:8501"}
    assert served == [database]


@contextmanager
def stopping_bars(quiet: bool = False) -> Iterator[Any]:
    """Progress bars with an impatient user: Ctrl-C as soon as something is trained."""

    def report(stage: str, done: int, total: int) -> None:
        if "training" in stage and done == 1:
            raise KeyboardInterrupt

    yield report


def test_interrupted_training_goes_on(
    triage: Command,
    phantom_root: Path,
    tiny_hf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def train(name: str) -> tuple[Any, ...]:
        return (
            "train", "--spec", SPEC, "--root", phantom_root, "--out", tmp_path / name / "b",
            "--backbone", f"hf:{tiny_hf}", "--members", 2,
        )  # fmt: skip

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.progress.progress_bars", stopping_bars)
        stopped = triage(*train("stopped"))
    assert stopped.code == 130
    assert "the same command goes on from here" in stopped.err
    assert not (tmp_path / "stopped" / "b").exists()
    assert triage(*train("stopped")).code == 0
    assert triage(*train("whole")).code == 0
    assert [path.name for path in (tmp_path / "stopped").iterdir()] == ["b"]
    one, two = (verify_bundle(tmp_path / name / "b").files for name in ("stopped", "whole"))
    members = [name for name in one if name.startswith("members/")]
    assert len(members) == 2
    assert all(one[name] == two[name] for name in members)


def test_interrupted_scoring_is_repeated_without_duplicates(
    triage: Command,
    tiny_bundle: TinyBundle,
    inbox: Path,
    tmp_path: Path,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    score = (
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "out.parquet", "--db", database,
    )  # fmt: skip
    calls: list[int] = []

    def interrupted(*arguments: Any) -> int:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return add(*arguments)

    from pipelines.ingest import add_prediction as add

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.ingest.add_prediction", interrupted)
        patch.setattr("pipelines.ingest.CHUNK", 2)
        assert triage(*score).code == 130
    assert stored(database) == (2, 2)
    for _ in range(2):
        assert triage(*score).code == 0
        assert stored(database) == (5, 5)


def test_scoring_interrupted_while_embedding_writes_nothing(
    triage: Command,
    tiny_bundle: TinyBundle,
    inbox: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @contextmanager
    def bars(quiet: bool = False) -> Iterator[Any]:
        def report(*_: object) -> None:
            raise KeyboardInterrupt

        yield report

    monkeypatch.setattr("pipelines.progress.progress_bars", bars)
    out = tmp_path / "new" / "out.parquet"
    answer = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", out,
    )  # fmt: skip
    assert answer.code == 130
    assert not out.parent.exists()


def test_a_cache_that_cannot_be_written(
    triage: Command,
    tiny_bundle: TinyBundle,
    inbox: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRIAGE_CACHE", str(tmp_path / "file"))
    answer = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "out.parquet",
    )  # fmt: skip
    assert answer.code == 2
    assert "TRIAGE_CACHE" in answer.err


def test_manifests_that_cannot_be_scored(
    triage: Command, tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path
) -> None:
    for content, said in (
        ("", "is empty"),
        ("picture\na.png\n", "column `image` is missing"),
        ("image\n", "no row to score"),
        ("image\n../secret.png\n", "not a path below the root"),
        ("image\na.png\na.png\n", "listed twice"),
    ):
        inbox.write_text(content)
        answer = triage(
            "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
            "--out", tmp_path / "out.parquet",
        )  # fmt: skip
        assert answer.code == 2
        assert said in answer.err
    assert not list(tmp_path.glob("out*"))


def test_no_readable_case_at_all(
    triage: Command, tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path, database: str
) -> None:
    for image in inbox.parent.glob("*.png"):
        image.unlink()
    answer = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "out.parquet", "--db", database, "--json",
    )  # fmt: skip
    assert answer.code == 3
    assert answer.json["counts"] == {"read": 0, "rejected": 5, "missing": 5}
    assert len(Predictions.load(tmp_path / "out.parquet")) == 0
    assert stored(database) == (5, 5)


def test_evaluating_with_rejected_cases(
    triage: Command, tiny_bundle: TinyBundle, clinic: Path, phantom_data: Any, tmp_path: Path
) -> None:
    lost = phantom_data.of_split("test")[0].images[0]
    (clinic / "images" / lost.name).write_bytes(b"")
    answer = triage(
        "evaluate", "--bundle", tiny_bundle.folder, "--spec", SPEC, "--root", clinic, "--json"
    )
    assert answer.code == 3
    assert answer.json["rejected"] == {"empty": 1}
    assert np.isfinite(answer.json["evaluation"]["overall"]["accuracy"]["value"])


@pytest.mark.parametrize("verb", ["evaluate", "report"])
def test_no_place_for_the_output(
    verb: str,
    triage: Command,
    tiny_bundle: TinyBundle,
    phantom_root: Path,
    inbox: Path,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("mine")
    use = uses_of(tiny_bundle.folder, phantom_root, inbox, tmp_path / "file")[verb]
    answer = triage(*use)
    assert answer.code == 2
    assert str(tmp_path / "file") in answer.err
    assert (tmp_path / "file").read_text() == "mine"
