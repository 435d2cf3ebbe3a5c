from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipelines.command import Answer, Command
from tests.pipelines.retraining import SOURCE, added, champion_of, policy, put, read
from tests.tiny import TinyBundle
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.spec_files import shipped_spec
from triage.errors import ExitCode, TrainingError, UsageError
from triage.intake.ingest import bundle_record
from triage.store import LabelSource, Store, add_label, champion, find_case, get_case
from triage.systems.bundle import verify_bundle


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
    assert without.code == ExitCode.NOT_ENOUGH_EVIDENCE
    assert "usable labels from reviews" in without.json["error"]
    assert not [path for path in tmp_path.iterdir() if path.name.strip(".").startswith("a")]
    read(filled, *next(iter(truth.items())))
    promoted = run("b")
    assert promoted.code == 0, promoted.err
    assert promoted.json["promoted"] is True
    assert promoted.json["labels"]["trained_on"] == 1
    assert promoted.json["left_out"] == []
    rule.write_text(policy(low=0.9).model_dump_json())
    outdated = run("c")
    assert outdated.code == 2
    assert "is not the champion" in outdated.json["error"]
    refused = run("c", champion=tmp_path / "b")
    assert refused.code == ExitCode.ANSWERED_NO
    assert refused.json["promoted"] is False
    assert champion_of(filled) == verify_bundle(tmp_path / "b").digest()


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
    labels = run(policy()).summary["labels"]
    assert (labels["found"], labels["readers"]) == (3, 2)
