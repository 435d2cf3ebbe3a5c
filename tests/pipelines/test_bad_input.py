"""Everything bad a user gives it: a clear message, its exit code, and nothing half-written."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian
from sqlalchemy import create_engine, text

from tests.imaging.samples import dicom_dataset, file_bytes, picture, png_bomb
from tests.pipelines.command import Command, stored
from tests.tiny import TinyBundle, noise
from triage.data.spec_files import shipped_spec
from triage.predictions import Predictions
from triage.store import open_store
from triage.systems.bundle import verify_bundle

SPEC = shipped_spec("derm_phantoms")
POLICY = SPEC.with_name("retrain_policy.yaml")


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

    reported = both(triage, write_spec(tmp_path, typo), clinic, tmp_path / "b")
    assert reported.count("outlier_prevalense: there is no such key") == 2
    assert "outlier_prevalence: Field required" in reported


def test_one_patient_in_two_splits(triage: Command, clinic: Path, tmp_path: Path) -> None:
    def split(content: dict[str, Any]) -> None:
        content["rows"]["split"] = "split"

    def place(rows: list[dict[str, str]]) -> None:
        """Two cases of one patient, in different splits; the others where they fall."""
        cases: dict[str, list[str]] = {}
        for row in rows:
            row["split"] = ""
            known = cases.setdefault(row["patient_id"], [])
            known += [row["case_id"]] if row["case_id"] not in known else []
        first, second, *_ = next(found for found in cases.values() if len(found) > 1)
        for row in rows:
            row["split"] = {first: "train", second: "test"}.get(row["case_id"], "")

    rewrite(clinic / "manifest.csv", place)
    reported = both(triage, write_spec(tmp_path, split), clinic, tmp_path / "b")
    assert reported.count("in test and train; a group belongs in one split") == 2


def test_a_condition_with_one_case(triage: Command, clinic: Path, tmp_path: Path) -> None:
    def thin(rows: list[dict[str, str]]) -> None:
        of_one = [row for row in rows if row["condition"] == "pearly nodule"]
        rows[:] = [r for r in rows if r not in of_one or r["case_id"] == of_one[0]["case_id"]]

    rewrite(clinic / "manifest.csv", thin)
    reported = both(triage, SPEC, clinic, tmp_path / "b")
    assert "condition 'pearly nodule': 1 independent cases; an inlier needs at least 3" in reported


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

    retraining = "triage.learning.retraining.request"
    for place in ("triage.intake.score", "triage.learning.evaluate", retraining):
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
    monkeypatch.setattr("ui.launch.run", lambda url, settings: served.append(url) or 0)
    open_store(database, create=True).close()
    monkeypatch.setenv("TRIAGE_DATABASE_URL", database)
    assert triage("ui", "--json").json == {"address": "http://127.0.0.1:8501"}
    assert served == [database]


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


def test_a_path_elsewhere_rejects_its_case_alone(
    triage: Command, tiny_bundle: TinyBundle, inbox: Path, tmp_path: Path, database: str
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(next(inbox.parent.glob("*.png")).read_bytes())
    name = next(iter(inbox.parent.glob("*.png"))).name
    paths = (
        "../secret.png",
        str(secret),
        "C:\\a.png",
        "nowhere/../gone.png",
        name,
    )
    inbox.write_text("image\n" + "\n".join(paths) + "\n", encoding="utf-8")
    answer = triage(
        "score", "--bundle", tiny_bundle.folder, "--manifest", inbox, "--root", inbox.parent,
        "--out", tmp_path / "out.parquet", "--db", database, "--json",
    )  # fmt: skip
    assert answer.code == 3
    counts = answer.json["counts"]
    assert (counts["read"], counts["outside_root"], counts["missing"]) == (1, 2, 2)
    assert any("rows 2, 3 is not a path below" in text for text in answer.json["warnings"])
    assert any("row 4 is a path of another computer" in text for text in answer.json["warnings"])
    assert list(Predictions.load(tmp_path / "out.parquet").cases["case_id"]) == [name]
    assert stored(database) == (5, 5)


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
