"""`triage dataset`: snapshot, diff, verify and withdraw from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.data.make import make_content, make_rows
from tests.dataset_versions.make import write_files
from tests.pipelines.command import Command
from tests.store.make import bundle
from triage.hashing import hash_bytes
from triage.store import (
    CaseRecord,
    ImageRecord,
    LabelSource,
    add_case,
    add_label,
    open_store,
    register_bundle,
    verify_ledger,
)
from triage.store.base import utc_now
from triage.store.learning_tables import DatasetVersionRow, TrainingRunRow
from triage.store.tables import Bundle
from triage.vocabulary.bundle_aliases import CHAMPION


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """A folder with a table, its files and `spec.yaml`."""
    root = tmp_path / "clinic"
    write_files(root, make_rows())
    (root / "spec.yaml").write_text(yaml.safe_dump(make_content()))
    return root


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'triage.db'}"


def data(root: Path) -> tuple[str, ...]:
    return "--spec", str(root / "spec.yaml"), "--root", str(root)


def two_splits(root: Path, triage: Command) -> tuple[Path, Path]:
    """A file of training and one that is held out, found by leaving the latter's twin out."""
    from triage.data.dataset import load_dataset
    from triage.data.spec_files import load_spec

    found = load_dataset(load_spec(root / "spec.yaml"), root)
    return found.of_split("train")[0].images[0], found.of_split("test")[0].images[0]


def review(database: str, folder: Path, condition: str = "acne") -> None:
    """A case that is in the database alone, with a label that may train."""
    folder.mkdir(exist_ok=True)
    (folder / "r.png").write_bytes(b"reviewed")
    store = open_store(database, create=True)
    with store.transaction() as session:
        number = add_case(
            session,
            CaseRecord(
                external_id="r1",
                source="ward",
                patient="pr",
                images=(ImageRecord("r.png", str(folder), hash_bytes(b"reviewed")),),
            ),
        )
        add_label(
            session, number, condition, LabelSource.HISTOLOGY, given_by="Lab", ai_visible=False
        )
    store.close()


def test_a_version_in_a_file_alone(clinic: Path, tmp_path: Path, triage: Command) -> None:
    out = tmp_path / "v1.json"
    made = triage("dataset", "snapshot", *data(clinic), "--out", out, "--json")
    assert made.code == 0
    assert made.json["members"] == len(make_rows())
    assert sum(made.json["splits"].values()) == made.json["members"]
    assert (made.json["stored"], made.json["new"]) == (False, True)
    assert not any(row["patient_id"] in out.read_text() for row in make_rows())
    assert triage("dataset", "verify", out, *data(clinic)).code == 0
    (clinic / "acne3.png").write_bytes(b"another picture")
    found = triage("dataset", "verify", out, *data(clinic), "--json")
    assert found.code == 4
    assert not found.json["intact"]
    assert len(found.json["findings"]) == 1
    assert "acne3" not in found.out
    dry = triage("dataset", "snapshot", *data(clinic), "--out", tmp_path / "no", "--dry-run")
    assert dry.code == 0
    assert not (tmp_path / "no").exists()


def test_an_altered_version_and_an_altered_spec(
    clinic: Path, tmp_path: Path, triage: Command
) -> None:
    out = tmp_path / "v1.json"
    triage("dataset", "snapshot", *data(clinic), "--out", out)
    (clinic / "spec.yaml").write_text(yaml.safe_dump(make_content(outlier_prevalence=0.3)))
    found = triage("dataset", "verify", out, *data(clinic))
    assert found.code == 4
    assert "data spec is not the one" in found.out
    out.write_text(out.read_text().replace("acne", "melanoma", 1))
    found = triage("dataset", "verify", out, *data(clinic), "--json")
    assert found.code == 4
    assert "was changed since it was written" in found.json["findings"][0]
    assert triage("dataset", "diff", out, out).code == 4
    assert triage("dataset", "diff", tmp_path / "none", out).code == 2
    assert triage("dataset", "verify", clinic / "spec.yaml", *data(clinic)).code == 2


def test_versions_in_the_database_and_their_difference(
    clinic: Path, database: str, tmp_path: Path, triage: Command
) -> None:
    verb = ("dataset", "snapshot", *data(clinic), "--db", database, "--json")
    first = triage(*verb).json
    assert triage(*verb).json | {"new": True} == first
    review(database, tmp_path / "ward")
    second = triage(*verb).json
    assert (second["parent"], second["members"]) == (first["root"], first["members"] + 1)
    found = triage(
        "dataset", "diff", first["root"][:10], second["root"][:10], "--db", database, "--json"
    )
    assert found.json["counts"]["added"] == 1
    assert found.json["by_condition"] == {"acne": {"added": 1}}
    said = triage("dataset", "diff", first["root"], second["root"], "--db", database)
    assert "1 added" in said.out
    verify = ("dataset", "verify", second["root"], *data(clinic), "--db", database)
    assert triage(*verify).code == 0
    (tmp_path / "ward" / "r.png").unlink()
    assert triage(*verify).code == 4
    left_out = triage(*verb)
    assert left_out.code == 3
    assert left_out.json["left_out"] == [{"case": "r1", "source": "ward", "reason": "missing"}]
    assert triage("dataset", "diff", "000000", first["root"], "--db", database).code == 2
    assert verify_ledger(database).intact


def test_the_same_file_in_two_splits(
    clinic: Path, database: str, tmp_path: Path, triage: Command
) -> None:
    learner, held_out = two_splits(clinic, triage)
    held_out.write_bytes(learner.read_bytes())
    refused = triage("dataset", "snapshot", *data(clinic), "--db", database)
    assert refused.code == 4
    assert "1 images are in both train and" in refused.err
    verb = ("dataset", "snapshot", *data(clinic), "--db", database, "--json")
    made = triage(*verb, "--leave-out-copies")
    assert (made.code, made.json["copies_left_out"]) == (0, 1)
    listed = tmp_path / "similar.csv"
    names = {row["image"]: row["case_id"] for row in make_rows()}
    listed.write_text(
        "case_id,similar_group\n"
        + "".join(f"{names[path.name]},g\n" for path in (learner, held_out))
        + "c-unknown,g\n"
    )
    again = triage(*verb, "--duplicates", listed)
    assert again.json["root"] == made.json["root"]
    listed.write_text("a,b\n1,2\n")
    assert triage(*verb, "--duplicates", listed).code == 2


def test_a_frozen_case_that_changed(clinic: Path, database: str, triage: Command) -> None:
    made = triage("dataset", "snapshot", *data(clinic), "--db", database, "--json").json
    assert made["splits"]["frozen"] > 0
    for row in make_rows():
        (clinic / row["image"]).write_bytes(b"new " + row["image"].encode())
    refused = triage("dataset", "snapshot", *data(clinic), "--db", database)
    assert refused.code == 4
    assert "of the frozen regression set" in refused.err
    assert "have another image" in refused.err


def test_a_file_that_cannot_be_read(clinic: Path, triage: Command) -> None:
    (clinic / "acne0.png").unlink()
    made = triage("dataset", "snapshot", *data(clinic), "--json")
    assert (made.code, made.json["unreadable"]) == (3, 1)


def test_withdrawal(clinic: Path, database: str, tmp_path: Path, triage: Command) -> None:
    review(database, tmp_path / "ward")
    snapshot = ("dataset", "snapshot", *data(clinic), "--db", database, "--json")
    before = triage(*snapshot).json
    withdraw = ("dataset", "withdraw", "--patient", "pr", "--delete", "--db", database)
    would = triage(*withdraw)
    assert would.code == 0
    assert "nothing was changed: add --yes" in would.out
    done = triage(*withdraw, "--yes", "--uploads", tmp_path / "ward", "--json")
    assert done.code == 0
    assert done.json["deletion"]["uploads"] == 1
    assert done.json["withdrawal"]["versions"] == [before["root"]]
    assert not any(name in done.out for name in ('"pr"', "ward", "r1"))
    after = triage(*snapshot).json
    assert after["root"] == done.json["withdrawal"]["new_versions"][0]
    assert after["members"] == before["members"] - 1
    again = triage(*withdraw, "--yes")
    assert again.code == 0
    assert "the patient was deleted before" in again.out
    one = make_rows()[0]["case_id"]
    left = triage("dataset", "withdraw", "--case", one, "--db", database, "--yes", "--json")
    assert left.code == 0
    assert triage(*snapshot).json["members"] == before["members"] - 2
    gone = triage("dataset", "verify", before["root"], *data(clinic), "--db", database)
    assert gone.code == 4
    assert "the consent of its patient is withdrawn" in gone.out
    assert verify_ledger(database).intact


@pytest.mark.parametrize(
    "given",
    [
        ("--patient", "nobody"),
        ("--case", "none", "--source", "ward"),
        (),
        ("--patient", "a", "--case", "b"),
        ("--patient", "a", "--uploads", "no folder"),
    ],
)
def test_a_withdrawal_of_nobody(given: tuple[str, ...], database: str, triage: Command) -> None:
    open_store(database, create=True).close()
    refused = triage("dataset", "withdraw", *given, "--db", database, "--yes")
    assert refused.code == 2


def test_a_champion_that_was_trained_on_what_is_held_out(
    clinic: Path, database: str, triage: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    content: dict[str, Any] = make_content(name="before", source_name="clinic", split={"seed": 1})
    other = clinic / "before.yaml"
    other.write_text(yaml.safe_dump(content))
    policy = clinic / "policy.yaml"
    policy.write_text("hold_out: {frozen_share: 0.0}\n")
    first = triage(
        "dataset", "snapshot", "--spec", other, "--root", clinic, "--db", database, "--json",
        "--policy", policy,
    )  # fmt: skip
    assert first.code == 0, first.err
    made = triage(
        "dataset", "snapshot", *data(clinic), "--db", database, "--policy", policy, "--json"
    )
    assert made.code == 0, made.err
    store = open_store(database)
    with store.transaction() as session:
        number = register_bundle(session, bundle())
        session.get_one(Bundle, number).alias = CHAMPION
        session.add(
            TrainingRunRow(
                key="k",
                state="finished",
                dataset_version_id=session.query(DatasetVersionRow.id).order_by("id").first()[0],
                challenger_id=number,
                policy_hash="p",
                settings_hash="s",
                steps={},
                started_by="Eve",
                started_at=utc_now(),
            )
        )
    store.close()
    found = triage("dataset", "verify", made.json["root"], *data(clinic), "--db", database)
    assert found.code == 4
    assert "leak: the champion was trained on" in found.out
