from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

import pipelines.retrain as module
from pipelines.ingest import bundle_record, ingest
from pipelines.policy import RetrainPolicy
from pipelines.retrain import RetrainResult, retrain
from pipelines.score import score_cases
from tests.pipelines.command import Answer, Command
from tests.tiny import TinyBundle
from triage.data.clinical import Urgency
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.phantoms import write_phantoms
from triage.data.spec import DataSpec
from triage.data.spec_files import shipped_spec
from triage.data.unlabelled import read_unlabelled
from triage.errors import TrainingError, UsageError
from triage.review import Certainty, OverrideReason, decide, lock_first_read, open_case, reveal
from triage.store import LabelSource, Store, add_label, champion, find_case, get_case
from triage.systems.bundle import load_system, verify_bundle

SOURCE = "clinic"


def policy(*sources: str, low: float = -1.0, flips: float = 1.0, labels: int = 1) -> RetrainPolicy:
    content: dict[str, Any] = {
        "labels": {"min_labels": labels} | ({"sources": sources} if sources else {}),
        "require": [{"metric": "ood_auroc", "low_at_least": low}],
        "max_negative_flips": flips,
    }
    return RetrainPolicy.model_validate(content)


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty new phantom cases of other patients, with their truth beside."""
    folder = tmp_path_factory.mktemp("clinic")
    write_phantoms(folder, 30, 0, size=32, rare_fraction=0.4, labelled=False, start=50_000)
    return folder


@pytest.fixture
def truth(clinic: Path, phantom_data: Dataset) -> dict[str, str]:
    """True condition of the clinic's cases that may train."""
    with (clinic / "truth.csv").open(newline="") as stream:
        rows = {row["case_id"]: row["condition"] for row in csv.DictReader(stream)}
    return {case: name for case, name in rows.items() if name in phantom_data.draw.classes}


@pytest.fixture
def filled(store: Store, clinic: Path, tiny_bundle: TinyBundle, phantom_spec: DataSpec) -> Store:
    """The store with the clinic's cases, scored by the champion."""
    put(store, read_unlabelled(clinic / "manifest.csv", clinic, phantom_spec), tiny_bundle, clinic)
    return store


def put(store: Store, cases: list[Case], bundle: TinyBundle, root: Path) -> None:
    system, manifest = load_system(bundle.folder)
    scored = score_cases(system, cases, bundle.cache, lambda *_: None)
    ingest(store, cases, scored, manifest, bundle=bundle.folder, root=root, source=SOURCE)


def read(store: Store, case: str, blind: str, final: str | None = None) -> None:
    """One reader's review: a blind first read, and perhaps a decision after the reveal."""
    with store.reading() as session:
        number = find_case(session, SOURCE, case)
    assert number is not None
    opinion = {"urgency": Urgency.ROUTINE, "certainty": Certainty.SURE}
    open_case(store, number, "Dr A")
    lock_first_read(store, number, "Dr A", condition=blind, **opinion)
    if final is not None:
        reveal(store, number, "Dr A")
        reason = OverrideReason.HISTORY
        decide(store, number, "Dr A", condition=final, reason=reason, **opinion)


@pytest.fixture
def trained_on(monkeypatch: pytest.MonkeyPatch) -> list[Dataset]:
    """The data set that each challenger trains on."""
    seen: list[Dataset] = []
    fit_system = module.fit_system

    def recording(dataset: Dataset, *arguments: Any, **options: Any) -> Any:
        seen.append(dataset)
        return fit_system(dataset, *arguments, **options)

    monkeypatch.setattr(module, "fit_system", recording)
    return seen


@pytest.fixture
def run(
    store: Store,
    tiny_bundle: TinyBundle,
    phantom_spec: DataSpec,
    phantom_root: Path,
    tmp_path: Path,
):
    def retrain_with(rule: RetrainPolicy, out: Path = tmp_path / "challenger") -> RetrainResult:
        return retrain(
            tiny_bundle.folder,
            phantom_spec,
            phantom_root,
            rule,
            out,
            store,
            cache_folder=tiny_bundle.cache,
        )

    return retrain_with


def champion_of(store: Store) -> str | None:
    with store.reading() as session:
        found = champion(session)
    return found.digest if found else None


def added(trained: Dataset, base: Dataset) -> dict[str, str | None]:
    """Cases that the reviews added to training, with their labels."""
    assert trained.cases[: len(base.cases)] == base.cases
    assert trained.splits[: len(base.cases)] == base.splits
    assert set(trained.splits[len(base.cases) :]) <= {"train"}
    return {case.case_id: case.condition for case in trained.cases[len(base.cases) :]}


def test_blind_labels_train_and_a_better_challenger_is_promoted(
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
    assert result.promoted
    assert added(trained_on[0], phantom_data) == truth
    manifest = verify_bundle(tmp_path / "challenger")
    assert manifest.promotion == result.summary
    assert champion_of(filled) == manifest.digest()
    assert manifest.settings == tiny_bundle.settings
    assert manifest.data_hash != tiny_bundle.manifest.data_hash
    labels = result.summary["labels"]
    assert labels["trained_on"] == labels["found"] == len(truth)
    assert (labels["by_source"], labels["ai_visible"]) == ({"blind": len(truth)}, 0)
    # Both were measured on the same frozen split.
    ids = [list(r.predictions.cases["case_id"]) for r in (result.champion, result.challenger)]
    assert ids[0] == ids[1] == [case.case_id for case in phantom_data.of_split("test")]


def test_a_refused_challenger_is_kept_but_not_in_use(
    filled: Store,
    truth: dict[str, str],
    run,
    tiny_bundle: TinyBundle,
    tmp_path: Path,
) -> None:
    read(filled, *next(iter(truth.items())))
    result = run(policy(low=0.9))
    assert not result.promoted
    manifest = verify_bundle(tmp_path / "challenger")
    assert manifest.promotion is not None
    assert manifest.promotion["promoted"] is False
    assert any(not check["holds"] for check in manifest.promotion["checks"])
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
    assert result.summary["labels"]["ai_visible"] == 0


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
    assert result.summary["labels"]["conflicting_cases"] == 1


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
    assert result.summary["labels"]["of_held_out_images"] == 4


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
    """Then challenger and champion are the same but for their names: nothing flips."""
    result = run(policy(labels=0, flips=0.0))
    assert result.promoted
    assert all(d["value"] in (0.0, None) for d in result.summary["differences"].values())
    with store.reading() as session:
        found = champion(session)
    assert found == bundle_record(verify_bundle(tmp_path / "challenger"), tmp_path / "challenger")


def test_on_the_command_line(
    filled: Store,
    truth: dict[str, str],
    triage: Command,
    tiny_bundle: TinyBundle,
    phantom_root: Path,
    database: str,
    tmp_path: Path,
) -> None:
    rule = tmp_path / "policy.yaml"
    rule.write_text(policy().model_dump_json())  # JSON is YAML

    def run(out: str, champion: Path = tiny_bundle.folder) -> Answer:
        return triage(
            "retrain", "--bundle", champion, "--spec", shipped_spec("derm_phantoms"),
            "--root", phantom_root, "--policy", rule, "--out", tmp_path / out, "--db", database,
            "--json",
        )  # fmt: skip

    without = run("a")
    assert without.code == 2
    assert "usable labels from reviews" in without.json["error"]
    assert not [path for path in tmp_path.iterdir() if path.name.strip(".").startswith("a")]
    read(filled, *next(iter(truth.items())))
    promoted = run("b")
    assert promoted.code == 0, promoted.err
    assert promoted.json["promoted"] is True
    assert promoted.json["labels"]["trained_on"] == 1
    rule.write_text(policy(low=0.9).model_dump_json())
    outdated = run("c")
    assert outdated.code == 2
    assert "is not the champion" in outdated.json["error"]
    refused = run("c", champion=tmp_path / "b")
    assert refused.code == 0
    assert refused.json["promoted"] is False
    assert champion_of(filled) == verify_bundle(tmp_path / "b").digest()
