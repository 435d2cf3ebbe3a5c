"""Which case next: from the database with requests for labels, and from a table without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select, update

from tests.decisions.make import CLASSES, make_policy, make_predictions, random_probabilities
from tests.pipelines.command import Command
from tests.pipelines.retraining import SOURCE, read
from tests.tiny import TinyBundle
from triage.acquisition import STRATEGIES
from triage.dataset_versions.version import case_key, patient_key
from triage.decisions.cost_matrix import CostMatrix
from triage.learning import select_cases as module
from triage.learning.select_cases import Request, expected_saving, select_from_store
from triage.learning.waiting_pool import FEWEST_READS, reading_minutes, waiting_pool
from triage.ledger.events.learning_events import LabelsRequested
from triage.predictions import Predictions
from triage.store import Store, find_case, open_label_requests
from triage.store.base import utc_now
from triage.store.check import check_store
from triage.store.learning_tables import DatasetMemberRow, DatasetVersionRow, FrozenCaseRow
from triage.store.planted import add_planted
from triage.store.tables import Activity, Case, Event, Image, Patient
from triage.systems.bundle import load_system
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.learning import RequestKind
from triage.vocabulary.modality import Modality


def numbers(store: Store) -> list[int]:
    with store.reading() as session:
        return list(session.scalars(select(Case.id).order_by(Case.id)))


def facts(store: Store, number: int) -> tuple[str, str, list[str]]:
    with store.reading() as session:
        row = session.get(Case, number)
        assert row is not None
        hashes = [str(image.sha256) for image in row.images]
        return row.external_id, row.patient.external_id, hashes


def left_out(store: Store) -> dict[str, int]:
    with store.reading() as session:
        return waiting_pool(session, Modality.PHOTOGRAPHS).left_out


def add_member(store: Store, split: str, case: str, patient: str, images: list[str]) -> None:
    """A data set version with one member, and a row of the frozen set if it is frozen."""
    with store.transaction() as session:
        version = DatasetVersionRow(
            root=f"{split}{case}"[:64], spec_name="s", spec_hash="0" * 64, reason="test",
            made_by="test", made_at=utc_now(),
        )  # fmt: skip
        session.add(version)
        session.flush()
        shared = {
            "case_key": case, "patient_key": patient, "images": images, "condition": "melanoma",
            "label_hash": "0" * 64, "version_id": version.id,
        }  # fmt: skip
        if split == "frozen":
            session.add(FrozenCaseRow(spec_name="s", added_at=utc_now(), **shared))
        session.add(
            DatasetMemberRow(
                position=0, cluster_key="c", licence="", consent="not_recorded", split=split,
                **shared,
            )
        )  # fmt: skip


@pytest.fixture
def choose(filled: Store, tiny_bundle: TinyBundle):
    def run(strategy: str = "bald", n: int = 4, **options: object):
        dry = bool(options.pop("dry_run", False))
        return select_from_store(
            filled,
            tiny_bundle.folder,
            Request(strategy, n, **options),
            actor="engineer",
            dry_run=dry,
            cache_folder=tiny_bundle.cache,
        )

    return run


# The database


def test_the_chosen_are_at_the_head_of_the_list(choose, filled: Store, database: str) -> None:
    first = choose("bald", 3)
    second = choose("margin", 2)
    with filled.reading() as session:
        requests = open_label_requests(session)
        events = session.scalars(select(Event).where(Event.kind == LabelsRequested.kind)).all()
    assert [each.case_id for each in requests] == [
        each.number for found in (second, first) for each in found.chosen
    ]
    assert {each.kind for each in requests} == {RequestKind.SELECTED}
    assert {each.requested_by for each in requests} == {"engineer"}
    assert requests[0].reason == STRATEGIES["margin"].info.reason
    assert len(events) == 2
    assert (first.requested, second.requested) == (3, 2)
    assert second.left_out["asked_for_already"] == 3
    assert not check_store(database).problems


def test_a_reason_names_no_condition_and_no_opinion(choose, filled: Store) -> None:
    choose("batchbald", 4)
    with filled.reading() as session:
        text = " ".join(each.reason for each in open_label_requests(session)).lower()
    system_words = {"urgent", "routine", "probab", "melanoma", "%"}
    assert not [word for word in system_words if word in text]


def test_a_dry_run_stores_nothing(choose, filled: Store) -> None:
    found = choose("random", 5, dry_run=True)
    assert len(found.chosen) == 5
    assert found.requested == 0
    assert "No data set version is recorded" in found.notes[-1]
    with filled.reading() as session:
        assert open_label_requests(session) == []
    assert choose("random", 5, dry_run=True) == found


def test_more_than_there_are(choose, filled: Store) -> None:
    found = choose("random", 500)
    assert len(found.chosen) == found.pool
    assert f"all {found.pool} that there are" in found.notes[0]
    with pytest.raises(module.NotEnoughEvidence, match="no case can be chosen; left out"):
        choose("random", 1)


def test_an_introspective_choice_needs_that_head(choose) -> None:
    with pytest.raises(module.UsageError, match="head: introspective"):
        choose("introspective")


def test_places_are_shared_among_the_levels(choose) -> None:
    found = choose("margin", 6, balance="sex")
    levels = [each.group for each in found.chosen]
    assert max(levels.count(one) for one in {*levels}) <= 6 // len({*levels}) + 1
    with pytest.raises(module.UsageError, match=r"no subgroup 'sexx'.*sex"):
        choose("margin", 6, balance="sexx")


def test_what_is_never_asked_for(filled: Store) -> None:
    a, b, c, d, e, f, g = numbers(filled)[:7]
    with filled.transaction() as session:
        patients = [session.get(Case, number).patient_id for number in (a, b)]
        gone = update(Patient).where(Patient.id == patients[0])
        session.execute(gone.values(consent_withdrawn_at=utc_now()))
        gone = update(Patient).where(Patient.id == patients[1])
        session.execute(gone.values(deleted_at=utc_now()))
        add_planted(session, c, ["melanoma"], Urgency.URGENT, None)
        session.get(Case, e).modality = Modality.OCT_VOLUMES
        session.get(Case, f).state = "revealed"
        session.scalar(select(Image).where(Image.case_id == g)).sha256 = "0" * 64
    read(filled, facts(filled, d)[0], "melanoma")
    found = left_out(filled)
    assert found.pop("consent_withdrawn") >= 2  # a patient may have several cases
    assert found == {
        "kept_for_measurement": 1, "labelled": 1, "other_modality": 1, "opinion_shown": 1,
        "files_changed_or_missing": 1,
    }  # fmt: skip


def test_what_measures_is_never_asked_for(filled: Store) -> None:
    case, patient, images = facts(filled, numbers(filled)[0])
    for split in ("train", "validation", "test", "gate", "frozen", "excluded"):
        for by in ("case", "patient", "picture"):
            add_member(
                filled,
                split,
                case_key(SOURCE, case) if by == "case" else "another case",
                patient_key(SOURCE, patient) if by == "patient" else "another patient",
                images if by == "picture" else [],
            )
            found = left_out(filled)
            if split not in ("train", "excluded"):
                assert set(found) == {"kept_for_measurement"}, (split, by)
            else:
                assert found == ({"in_a_data_set": 1} if by == "case" else {}), (split, by)
            with filled.transaction() as session:
                for kind in (DatasetMemberRow, FrozenCaseRow, DatasetVersionRow):
                    session.execute(delete(kind))


def test_pictures_that_cannot_be_judged(
    choose, monkeypatch: pytest.MonkeyPatch, filled: Store
) -> None:
    score = module.score_cases

    def poor(*given, **options):
        found = score(*given, **options)
        names = list(found.predictions.cases["case_id"])
        return replace(found, quality=dict.fromkeys(names[:-2], "blurred"))

    monkeypatch.setattr(module, "score_cases", poor)
    found = choose("random", 2, dry_run=True)
    assert found.pool == 2
    assert found.left_out["pictures_not_usable"] == len(numbers(filled)) - 2

    def poorest(*given, **options):
        found = score(*given, **options)
        return replace(found, quality=dict.fromkeys(found.predictions.cases["case_id"], "blurred"))

    monkeypatch.setattr(module, "score_cases", poorest)
    with pytest.raises(module.NotEnoughEvidence, match="pictures not usable"):
        choose("random", 2)


def test_what_was_labelled_while_cases_were_scored(
    choose, filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = choose("random", 3, dry_run=True).chosen
    score = module.score_cases

    def slowly(*given, **options):
        read(filled, expected[1].case_id, "melanoma")
        return score(*given, **options)

    monkeypatch.setattr(module, "score_cases", slowly)
    found = choose("random", 3)
    assert found.chosen == (expected[0], expected[2])
    assert "1 of the chosen cases were labelled" in found.notes[-1]


def test_reading_times_are_medians_of_the_source(filled: Store) -> None:
    ids = numbers(filled)
    with filled.reading() as session:
        cases = waiting_pool(session, Modality.PHOTOGRAPHS).cases
        assert reading_minutes(session, cases) == ([1.0] * len(cases), False)
    with filled.transaction() as session:
        for place, number in enumerate(ids[: FEWEST_READS + 1]):
            session.add(
                Activity(
                    case_id=number, reader="ann", seconds_before=60.0 * (place + 1),
                    seconds_after=60.0, last_at=utc_now() - timedelta(days=1),
                )
            )  # fmt: skip
    with filled.reading() as session:
        minutes, measured = reading_minutes(session, cases)
    assert measured
    assert {*minutes} == {float(FEWEST_READS // 2 + 2)}


def test_cost_is_divided_by_the_minutes(choose) -> None:
    one, two = (choose("cost", 5, minutes=each, dry_run=True) for each in (1.0, 2.0))
    assert [each.number for each in one.chosen] == [each.number for each in two.chosen]
    assert [each.value / 2 for each in one.chosen] == pytest.approx(
        [each.value for each in two.chosen]
    )
    assert one.chosen[0].value > 0
    assert "one minute is taken" in choose("cost", 5, dry_run=True).notes[0]


# A table


@pytest.fixture
def table() -> Predictions:
    labels = [CLASSES[0], *[None] * 29]
    return make_predictions(random_probabilities(1, 30), labels)


def test_a_table_alone(table: Predictions) -> None:
    found = module.select_from_table(table, Request("bald", 5))
    assert found.left_out == {"labelled": 1}
    assert found.pool == 29
    assert [each.number for each in found.chosen] == [None] * 5


def test_a_table_in_which_all_are_labelled(table: Predictions) -> None:
    cases = table.cases.assign(label=CLASSES[0])
    found = module.select_from_table(replace(table, cases=cases), Request("margin", 5))
    assert found.pool == 30
    assert "labels were not read" in found.notes[0]


def test_a_table_without_cases(table: Predictions) -> None:
    empty = module._rows(table, np.array([], dtype=np.int64))
    with pytest.raises(module.NotEnoughEvidence, match="no case can be chosen"):
        module.select_from_table(empty, Request("margin", 5))


def test_the_flag_of_an_introspective_head_is_no_condition(table: Predictions) -> None:
    names = tuple(table.cases["case_id"])
    made = module._pool(
        table, names, Request("introspective", 3), None, "introspective", np.ones(30)
    )
    mass = table.probabilities[:, :, table.n_inliers :].sum(axis=2).mean(axis=1)
    assert made.flag == pytest.approx(mass, abs=1e-6)
    assert made.members.shape == (30, 3, table.n_inliers)
    plain = module._pool(table, names, Request("bald", 3), None, "hod", np.ones(30))
    assert plain.flag is None
    assert plain.members.shape == table.probabilities.shape


def test_expected_saving_by_hand(table: Predictions) -> None:
    policy = make_policy()
    decided = table.with_decisions(policy.decide(table))
    cost = decided.decisions["expected_cost"].to_numpy()
    # Without a matrix nothing is lost once the condition is known.
    assert expected_saving(decided, policy) == pytest.approx(cost)
    matrix = CostMatrix(
        conditions=CLASSES,
        urgency=((0, 1, 2, 3), (1, 0, 1, 2), (2, 1, 0, 1), (4, 3, 2, 1), *[(1, 1, 1, 1)] * 2),
        abstain_known=(0.5,) * 6,
        abstain_unknown=(0.2,) * 6,
        wrong_name=1.0,
        named_unknown=1.0,
    )
    policy = make_policy(matrix=matrix, unknown=CLASSES[4:])
    decided = table.with_decisions(policy.decide(table))
    p, q = policy.calibrated(decided), decided.decisions["p_outlier"].to_numpy()
    # The naevus costs 1 at least, and so does what is unknown.
    left = (1 - q) * p[:, 3] + q
    expected = decided.decisions["expected_cost"].to_numpy() - left
    assert (expected > -1e-9).all()
    assert expected_saving(decided, policy) == pytest.approx(expected.clip(0))


def test_expected_saving_needs_decisions(table: Predictions, tiny_bundle: TinyBundle) -> None:
    policy = load_system(tiny_bundle.folder)[0].policy
    with pytest.raises(module.UsageError, match="carry no decisions"):
        expected_saving(replace(table, decisions=None), policy)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"strategy": "bold"}, "Did you mean bald"),
        ({"n": 0}, "below 1"),
        ({"minutes": 0.0}, "minutes above 0"),
        ({"minutes": float("nan")}, "minutes above 0"),
    ],
)
def test_requests_that_cannot_be(change: dict[str, object], words: str) -> None:
    with pytest.raises(module.UsageError, match=words):
        Request(**({"strategy": "bald", "n": 3} | change))


# The verb


def test_the_verb_on_a_database(
    triage: Command, filled: Store, database: str, tiny_bundle: TinyBundle
) -> None:
    arguments = ("select", "--bundle", tiny_bundle.folder, "--db", database, "--n", "4")
    answer = triage(*arguments, "--strategy", "batchbald", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["requested"] == 4
    assert {each["source"] for each in answer.json["chosen"]} == {SOURCE}
    with filled.reading() as session:
        for each in answer.json["chosen"]:
            assert find_case(session, SOURCE, each["case_id"]) == each["number"]
    listed = triage("select", "--db", database, "--list", "--json").json["requests"]
    assert [each["number"] for each in listed] == [each["number"] for each in answer.json["chosen"]]
    assert {each["reason"] for each in listed} == {answer.json["reason"]}
    assert "4 labels are asked for" in triage("select", "--db", database, "--list").out
    again = triage(*arguments, "--dry-run")
    assert again.code == 0
    assert "nothing was stored" in again.out
    assert "left out: 4 (asked for already)" in again.out


def test_the_verb_on_a_table(
    triage: Command, tiny_bundle: TinyBundle, evaluated, tmp_path: Path
) -> None:
    path = tmp_path / "table.parquet"
    evaluated.predictions.save(path)
    answer = triage("select", "--predictions", path, "--strategy", "margin", "--n", "3", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["dry_run"] is True
    assert len(answer.json["chosen"]) == 3
    costs = triage(
        "select", "--predictions", path, "--bundle", tiny_bundle.folder, "--strategy", "cost"
    )
    assert costs.code == 0, costs.err
    assert "cost units a minute" in costs.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--bundle"),
        (("--strategy", "batchbold"), 2, "Did you mean batchbald?"),
        (("--n", "0"), 2, "--n"),
        (("--predictions", "x.parquet", "--db", "sqlite:///x.db"), 2, "without a database"),
        (("--predictions", "absent.parquet"), 2, "absent.parquet"),
    ],
)
def test_wrong_usage(triage: Command, arguments: tuple[str, ...], code: int, words: str) -> None:
    answer = triage("select", *arguments)
    assert answer.code == code
    assert words in answer.err


def test_a_table_of_another_system(
    triage: Command, tiny_bundle: TinyBundle, table: Predictions, tmp_path: Path
) -> None:
    path = tmp_path / "other.parquet"
    table.save(path)
    answer = triage("select", "--predictions", path, "--bundle", tiny_bundle.folder)
    assert answer.code == 2
    assert "other classes" in answer.err
