"""The first training of a clinic that has no champion: from reviews alone."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.pipelines.command import Answer, Command
from tests.pipelines.retraining import SOURCE, policy
from triage.data.manifest import Case
from triage.data.spec_files import shipped_spec
from triage.errors import ExitCode
from triage.hashing import hash_file
from triage.phantoms.skin import write_phantoms
from triage.store import (
    CaseRecord,
    ImageRecord,
    LabelSource,
    Store,
    add_case,
    add_label,
    champion,
)
from triage.systems.bundle import verify_bundle


@pytest.fixture(scope="session")
def labelled_clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cases of every condition, with their truth beside."""
    folder = tmp_path_factory.mktemp("first")
    write_phantoms(folder, 160, 0, size=32, rare_fraction=0.3, labelled=False, start=70_000)
    return folder


def receive(store: Store, folder: Path, share: float = 1.0) -> int:
    """Store the cases of a folder with a finding of histology each, scored by nobody."""
    images: dict[str, list[str]] = {}
    patients: dict[str, str] = {}
    with (folder / "manifest.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            images.setdefault(row["case_id"], []).append(row["image"])
            patients[row["case_id"]] = row["patient_id"]
    with (folder / "truth.csv").open(newline="") as stream:
        truth = {row["case_id"]: row["condition"] for row in csv.DictReader(stream)}
    chosen = list(images)[: int(share * len(images))]
    with store.transaction() as session:
        for case in chosen:
            number = add_case(
                session,
                CaseRecord(
                    external_id=case,
                    source=SOURCE,
                    patient=patients[case],
                    images=tuple(
                        ImageRecord(name, str(folder), hash_file(folder / name))
                        for name in images[case]
                    ),
                ),
            )
            add_label(
                session, number, truth[case], LabelSource.HISTOLOGY, given_by="lab",
                ai_visible=False,
            )  # fmt: skip
    return len(chosen)


def test_from_reviews_alone(
    store: Store,
    labelled_clinic: Path,
    triage: Command,
    tiny_hf: Path,
    database: str,
    tmp_path: Path,
) -> None:
    rule, empty = tmp_path / "policy.yaml", tmp_path / "empty"
    rule.write_text(policy().policy.model_dump_json())
    (tmp_path / "config.yaml").write_text("hidden: 16\nfit: {epochs: 2, patience: 2}\n")
    empty.mkdir()

    def run(out: str, *more: object) -> Answer:
        return triage(
            "retrain", "--spec", shipped_spec("derm_phantoms"), "--root", empty, "--policy", rule,
            "--out", tmp_path / out, "--db", database, "--backbone", f"hf:{tiny_hf}",
            "--members", 2, "--config", tmp_path / "config.yaml", "--json", *more,
        )  # fmt: skip

    few = run("few")
    assert few.code == ExitCode.NOT_ENOUGH_EVIDENCE
    assert "too few for a first training" in few.json["error"]
    count = receive(store, labelled_clinic)
    plan = run("first", "--dry-run")
    assert plan.code == 0, plan.err
    assert plan.json["champion"] is None
    assert sum(plan.json["splits"].values()) == count
    done = run("first")
    assert done.code == 0, done.err
    assert done.json["gate"] is None
    assert "nothing to compare with" in done.json["verdict"]
    assert done.json["labels"]["by_label_source"]["histology"] > 0
    manifest = verify_bundle(tmp_path / "first")
    assert manifest.digest() == done.json["bundle"]
    assert (manifest.promotion or {})["champion"] is None
    assert len(manifest.members) == 2
    with store.reading() as session:
        # It is a candidate, and two people decide.
        assert champion(session) is None
    assert run("first").json == done.json


def test_cases_of_one_patient_are_in_one_split(labelled_clinic: Path) -> None:
    from triage.data.spec_files import load_spec
    from triage.labels.reviewed_cases import ReviewedCase
    from triage.learning.retraining.first_data import first_dataset
    from triage.learning.retraining.reviewed_labels import ReviewedLabels

    with (labelled_clinic / "truth.csv").open(newline="") as stream:
        truth = {row["case_id"]: row["condition"] for row in csv.DictReader(stream)}
    cases, seen = [], set[str]()
    with (labelled_clinic / "manifest.csv").open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["case_id"] in seen:
                continue
            seen.add(row["case_id"])
            path = labelled_clinic / row["image"]
            image = ImageRecord(row["image"], str(labelled_clinic), hash_file(path))
            name = row["patient_id"]
            case = Case(row["case_id"], name, f"patient:{name}", (path,), truth[row["case_id"]])
            cases.append(ReviewedCase(case, SOURCE, (image,)))
    # The same picture of two patients joins them.
    first, last = cases[0], cases[-1]
    twin = Case("twin", "p-twin", "patient:p-twin", first.case.images, first.case.condition)
    cases.append(ReviewedCase(twin, SOURCE, first.images))
    spec = load_spec(shipped_spec("derm_phantoms"))
    labels = ReviewedLabels(tuple(cases), {}, {}, {})
    dataset, same, left_out = first_dataset(spec, labelled_clinic / "none", labels, None)
    assert len(same) == len(cases)
    assert not left_out
    split = dict(zip((case.case_id for case in dataset.cases), dataset.splits, strict=True))
    assert split["twin"] in (split[first.case.case_id], "excluded")
    by_patient: dict[str, set[str]] = {}
    for case, part in zip(dataset.cases, dataset.splits, strict=True):
        by_patient.setdefault(case.patient_id, set()).add(part)
    assert all(len(parts - {"excluded"}) <= 1 for parts in by_patient.values())
    assert {"train", "validation", "test"} <= set(dataset.splits)
    assert last.case.case_id in split
