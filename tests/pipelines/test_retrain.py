from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from tests.pipelines.command import Answer, Command
from tests.pipelines.retraining import SOURCE, added, champion_of, policy, put, read
from tests.tiny import TinyBundle
from triage.cache_folder import CACHE_VARIABLE
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.spec_files import shipped_spec
from triage.dataset_versions.stored_versions import frozen_keys, trained_keys
from triage.errors import ExitCode, TrainingError, UsageError
from triage.intake.described_bundle import bundle_record
from triage.learning.retraining.result import RetrainResult
from triage.store import (
    LabelSource,
    Store,
    add_label,
    find_case,
    get_case,
    verify_ledger,
)
from triage.store.bundles import bundle_of_digest
from triage.store.learning_tables import (
    DatasetVersionRow,
    FrozenCaseRow,
    GateRunRow,
    TrainingRunRow,
)
from triage.store.tables import Bundle, Event
from triage.systems.bundle import verify_bundle
from triage.vocabulary.bundle_aliases import CHALLENGER
from triage.vocabulary.learning import GateVerdict


def test_blind_labels_train_and_the_challenger_is_registered(
    filled: Store,
    truth: dict[str, str],
    run,
    trained_on: list[Dataset],
    phantom_data: Dataset,
    tmp_path: Path,
    tiny_bundle: TinyBundle,
) -> None:
    for case, condition in truth.items():
        read(filled, case, condition)
    result = run(policy())
    assert added(trained_on[0], phantom_data) == truth
    manifest = verify_bundle(tmp_path / "challenger")
    assert manifest.digest() == result.bundle
    # Nothing but two people's approval changes which bundle is in use.
    assert champion_of(filled) == tiny_bundle.manifest.digest() == result.champion
    assert alias_of(filled, result.bundle) == CHALLENGER
    assert manifest.settings == tiny_bundle.settings
    assert manifest.data_hash != tiny_bundle.manifest.data_hash
    assert manifest.promotion is not None
    assert manifest.promotion["dataset_version"] == result.dataset_version
    assert manifest.promotion["verdict"] == (result.gate and result.gate.verdict)
    labels = result.labels
    assert labels["trained_on"] == labels["labelled_cases"] == len(truth)
    assert (labels["by_label_source"], labels["ai_visible"]) == ({"blind": len(truth)}, 0)
    assert set(result.reported) >= {"accuracy", "ood_auroc", "clinical_cost"}
    page, data = (tmp_path / f"challenger.retrain_result{end}" for end in (".html", ".json"))
    assert RetrainResult.model_validate_json(data.read_text()) == result
    assert result.bundle[:12] in page.read_text()


def test_the_run_its_data_and_its_gate_run_are_linked(
    filled: Store, truth: dict[str, str], run, database: str
) -> None:
    read(filled, *next(iter(truth.items())))
    result = run(policy())
    assert verify_ledger(database).intact
    with filled.reading() as session:
        (row,) = session.scalars(select(TrainingRunRow))
        version = session.get(DatasetVersionRow, row.dataset_version_id)
        gate = session.get(GateRunRow, row.gate_run_id)
        bundles = {one.id: one.digest for one in session.scalars(select(Bundle))}
        kinds = [event.kind for event in session.scalars(select(Event))]
        assert version is not None
        assert gate is not None
        assert (row.state, version.root) == ("finished", result.dataset_version)
        assert bundles[row.champion_id or 0] == bundles[gate.champion_id or 0] == result.champion
        assert bundles[row.challenger_id or 0] == bundles[gate.challenger_id or 0] == result.bundle
        assert set(row.steps) >= {"snapshot", "train", "calibrate", "evaluate", "compare", "gate"}
        frozen = session.scalars(select(FrozenCaseRow)).all()
    assert len(frozen) == result.splits["frozen"] > 0
    told = [kind for kind in kinds if kind in ("gate_run", "retrained", "dataset_version_made")]
    assert told == ["dataset_version_made", "gate_run", "retrained"]


def test_nothing_held_out_trains_or_validates(
    filled: Store, truth: dict[str, str], run, trained_on: list[Dataset]
) -> None:
    read(filled, *next(iter(truth.items())))
    result = run(policy())
    (data,) = trained_on
    taught = {case.patient_id for case in data.of_split("train", "validation")}
    judged = {case.patient_id for case in data.of_split("gate", "frozen")}
    assert judged
    assert not taught & judged
    with filled.reading() as session:
        keys = trained_keys(session, result.bundle)
        frozen = frozen_keys(session, "derm_phantoms")
    assert keys
    assert not keys & frozen


def test_a_challenger_that_fails_is_kept_and_not_in_use(
    filled: Store, truth: dict[str, str], run, tiny_bundle: TinyBundle, tmp_path: Path
) -> None:
    read(filled, *next(iter(truth.items())))
    result = run(policy(require=[{"metric": "accuracy", "low_at_least": 0.9}]))
    assert result.gate is not None
    assert result.gate.verdict is not GateVerdict.PASSES
    assert result.exit_code in (ExitCode.ANSWERED_NO, ExitCode.NOT_ENOUGH_EVIDENCE)
    manifest = verify_bundle(tmp_path / "challenger")
    assert manifest.promotion is not None
    assert manifest.promotion["verdict"] == result.gate.verdict
    assert champion_of(filled) == tiny_bundle.manifest.digest()


def test_labels_given_under_the_ais_eyes_are_left_out_by_default(
    filled: Store, truth: dict[str, str], run, trained_on: list[Dataset], phantom_data: Dataset
) -> None:
    """A reader who changed their mind after the reveal: the blind label trains."""
    (case, condition), (other, same) = list(truth.items())[:2]
    changed = next(name for name in phantom_data.draw.inliers if name != condition)
    read(filled, case, condition, final=changed)
    read(filled, other, same)
    result = run(policy())
    assert added(trained_on[0], phantom_data) == {case: condition, other: same}
    assert result.labels["ai_visible"] == 0


def test_they_train_where_the_policy_says_so_but_weigh_less(
    filled: Store, truth: dict[str, str], run, trained_on: list[Dataset], phantom_data: Dataset
) -> None:
    case, condition = next(iter(truth.items()))
    changed = next(name for name in phantom_data.draw.inliers if name != condition)
    read(filled, case, condition, final=changed)
    run(policy("ai_visible"))
    assert added(trained_on[0], phantom_data) == {case: changed}
    with pytest.raises(UsageError, match="exists already"):
        run(policy("ai_visible", "blind"))


def test_the_strongest_label_counts_and_contradictions_do_not(
    filled: Store, truth: dict[str, str], run, trained_on: list[Dataset], phantom_data: Dataset
) -> None:
    (first, right), (second, _) = list(truth.items())[:2]
    wrong, other = [name for name in phantom_data.draw.inliers if name != right][:2]
    with filled.transaction() as session:
        for case, condition, source in (
            (first, wrong, LabelSource.BLIND),
            (first, right, LabelSource.HISTOLOGY),
            (second, wrong, LabelSource.ADJUDICATED),
            (second, other, LabelSource.ADJUDICATED),
        ):
            number = find_case(session, SOURCE, case)
            assert number is not None
            add_label(session, number, condition, source, given_by="lab", ai_visible=False)
    result = run(policy())
    assert added(trained_on[0], phantom_data) == {first: right}
    assert result.labels["labels_left_out"]["conflicting_cases"] == 1


def test_labels_of_held_out_patients_never_train(
    filled: Store,
    truth: dict[str, str],
    run,
    trained_on: list[Dataset],
    phantom_data: Dataset,
    phantom_root: Path,
    tiny_bundle: TinyBundle,
) -> None:
    """Not under their own name, not as a further case of the patient, and not as the same
    picture under a new name."""
    known = phantom_data.draw.classes
    held_out = [c for c in phantom_data.of_split("test", "validation") if c.condition in known][:6]
    further = [
        Case(f"later-{c.case_id}", c.patient_id, c.cluster, (path,), c.condition)
        for c, path in zip(held_out[:2], _clinic_images(truth, filled), strict=False)
    ]
    renamed = [
        Case(f"new-{c.case_id}", f"new-{c.patient_id}", "patient:new", c.images, c.condition)
        for c in held_out[2:4]
    ]
    put(filled, [*held_out[4:], *renamed], tiny_bundle, phantom_root)
    clinic = further[0].images[0].parents[1]
    put(filled, further, tiny_bundle, clinic)
    for case in (*held_out[4:], *renamed, *further):
        read(filled, case.case_id, str(case.condition))
    allowed = list(truth.items())[-1]
    read(filled, *allowed)
    result = run(policy())
    assert added(trained_on[0], phantom_data) == dict([allowed])
    assert result.labels["of_held_out_images"] == 4


def _clinic_images(truth: dict[str, str], store: Store) -> list[Path]:
    with store.reading() as session:
        found = [get_case(session, find_case(session, SOURCE, case) or 0) for case in truth]
    return [Path(case.images[0].root) / case.images[0].path for case in found]


def test_conditions_that_may_not_train(
    filled: Store, truth: dict[str, str], run, phantom_data: Dataset
) -> None:
    """Test outliers stay unseen, and what the reader did not find listed trains nothing."""
    first, second = list(truth)[:2]
    read(filled, first, phantom_data.draw.test[0])
    read(filled, second, "not listed")
    with pytest.raises(TrainingError, match="0 usable labels from reviews"):
        run(policy())


def test_too_few_labels(filled: Store, truth: dict[str, str], run, tmp_path: Path) -> None:
    read(filled, *next(iter(truth.items())))
    with pytest.raises(TrainingError, match=r"1 usable labels .* asks for 2"):
        run(policy(labels=2))
    assert not (tmp_path / "challenger").exists()


def test_no_label_is_needed_where_the_policy_asks_for_none(
    store: Store, run, tmp_path: Path
) -> None:
    """Then challenger and champion are the same but for their names: nothing differs."""
    result = run(policy(labels=0))
    assert all(one["value"] in (0.0, None) for one in result.reported.values())
    with store.reading() as session:
        found = bundle_of_digest(session, result.bundle)
    assert found == bundle_record(verify_bundle(tmp_path / "challenger"), tmp_path / "challenger")


def test_on_the_command_line(
    filled: Store,
    truth: dict[str, str],
    triage: Command,
    tiny_bundle: TinyBundle,
    phantom_root: Path,
    database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tiny_bundle.cache))
    rule = tmp_path / "policy.yaml"
    rule.write_text(policy().policy.model_dump_json())  # JSON is YAML

    def run(out: str, *more: str, champion: Path = tiny_bundle.folder) -> Answer:
        return triage(
            "retrain", "--bundle", champion, "--spec", shipped_spec("derm_phantoms"),
            "--root", phantom_root, "--policy", rule, "--out", tmp_path / out, "--db", database,
            "--json", *more,
        )  # fmt: skip

    def entries() -> set[str]:
        return {str(path) for path in tmp_path.rglob("*") if ".db-" not in path.name}

    without = run("a")
    assert without.code == ExitCode.NOT_ENOUGH_EVIDENCE
    assert "usable labels from reviews" in without.json["error"]
    assert not [path for path in tmp_path.iterdir() if path.name.strip(".").startswith("a")]
    read(filled, *next(iter(truth.items())))
    before = entries()
    plan = run("b", "--dry-run")
    assert plan.code == 0, plan.err
    assert entries() == before
    assert plan.json["labels"]["trained_on"] == 1
    assert plan.json["images"] >= plan.json["cached"] > 0
    assert plan.json["seconds"] > 0
    done = run("b")
    assert done.code == 0, done.err
    assert done.json["verdict"] == "passes: it may be proposed"
    assert done.json["labels"]["trained_on"] == 1
    assert done.json["left_out"] == []
    assert done.json["dataset_version"] == plan.json["dataset_version"]
    assert done.json["run"] == plan.json["run"]
    again = run("b")
    assert again.json == done.json
    rule.write_text("gates: {}\n")
    typo = run("c")
    assert typo.code == 2
    assert "gates" in typo.json["error"]
    assert champion_of(filled) == tiny_bundle.manifest.digest()


def test_settings_are_the_champions(
    triage: Command, tiny_bundle: TinyBundle, phantom_root: Path, database: str, tmp_path: Path
) -> None:
    answer = triage(
        "retrain", "--bundle", tiny_bundle.folder, "--spec", shipped_spec("derm_phantoms"),
        "--root", phantom_root, "--policy", shipped_spec("retrain_policy"), "--members", 3,
        "--out", tmp_path / "b", "--db", database,
    )  # fmt: skip
    assert answer.code == 2
    assert "the settings are the champion's" in answer.err


def test_spellings_of_one_name_are_one_reader(
    filled: Store, truth: dict[str, str], run, tmp_path: Path
) -> None:
    names = ("Dr Wire", "dr  WIRE", "Dr Wier")
    for name, (case, condition) in zip(names, truth.items(), strict=False):
        with filled.transaction() as session:
            number = find_case(session, SOURCE, case)
            assert number is not None
            add_label(
                session, number, condition, LabelSource.BLIND, given_by=name, ai_visible=False
            )
    labels = run(policy()).labels
    assert (labels["labelled_cases"], labels["readers"]) == (3, 2)


def alias_of(store: Store, digest: str) -> str | None:
    with store.reading() as session:
        return session.scalar(select(Bundle.alias).where(Bundle.digest == digest))
