"""Labels from a CSV: what is refused and where, what is added once, and what the record says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.command import Command
from tests.review.team import ANN, BOB, LATER, always_twice, decided, never_twice, second
from tests.store.make import scored
from triage.accounts import Actor, PermissionDenied, Role
from triage.data.csv_table import read_csv
from triage.data.spec_files import load_spec, shipped_spec
from triage.errors import SpecError, UsageError
from triage.labels.import_labels import ImportedLabels, import_labels, write_rejected
from triage.labels.label_table import read_labels
from triage.labels.votes import votes_of_case
from triage.store import (
    LabelSource,
    Store,
    WantedLabel,
    close_label_requests,
    events,
    open_label_requests,
    request_labels,
    verify_ledger,
)
from triage.store.base import utc_now
from triage.store.learning_tables import LabelRequestRow
from triage.store.tables import Case, Label, Patient
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.learning import RequestKind
from triage.vocabulary.read_answers import OverrideReason

ENGINEER = Actor("Eve", Role.ENGINEER)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
HISTOLOGY, BLIND = LabelSource.HISTOLOGY, LabelSource.BLIND
CONDITIONS = ("acne", "folliculitis", "melanoma")


def url(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=False)


@pytest.fixture
def numbers(cases: Store) -> dict[str, int]:
    never_twice(cases)
    return {name: scored(cases, name) for name in ("c1", "c2", "c3")}


def table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "labels.csv"
    path.write_bytes(text.encode(encoding))
    return path


def imported(
    store: Store, path: Path, source: LabelSource = HISTOLOGY, **more: Any
) -> ImportedLabels:
    return import_labels(store, path, source, ENGINEER, **more)


def rejected(result: ImportedLabels) -> list[tuple[int, str]]:
    return [(one.number, one.column) for one in result.rejected]


def labels(store: Store) -> list[Label]:
    with store.reading() as session:
        return list(session.query(Label).order_by(Label.id))


def test_histology_is_added_once(cases: Store, numbers: dict[str, int], tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "case_id,condition,laboratory,date\nc1,melanoma,Pathology North,2026-03-31\nc2,acne,,\n",
        "utf-8-sig",
    )
    dry = imported(cases, path, dry_run=True)
    assert (dry.added, labels(cases)) == (2, [])
    first, again = imported(cases, path), imported(cases, path)
    assert (first.added, first.present, again.added, again.present) == (2, 0, 0, 2)
    one, two = labels(cases)
    assert (one.case_id, one.condition, one.source) == (numbers["c1"], "melanoma", "histology")
    assert (one.given_by, one.ai_visible) == ("Pathology North", False)
    assert one.created_at == datetime(2026, 3, 31, tzinfo=UTC)
    assert two.given_by == "not stated"
    with cases.reading() as session:
        (event,) = [one for one in events(session, numbers["c1"]) if one.kind == "label_added"]
    assert (event.actor, event.payload["given_by"]) == ("Eve", "Pathology North")
    assert verify_ledger(url(cases)).chain.counts.get("fact", 0) == 0


def test_rows_that_are_wrong_are_named_and_the_others_added(
    cases: Store, numbers: dict[str, int], tmp_path: Path
) -> None:
    path = table(
        tmp_path,
        "case_id,condition,date,patient\n"
        "c1,acne,,p1\n"
        "c9,acne,,p2\n"
        "c2,melanom,,p3\n"
        "c2,melanoma,31.3.2026,p4\n"
        ",melanoma,,p5\n"
        "c2,n/a,,p6\n"
        "c2,acne,2999-01-01,p7\n",
    )
    result = imported(cases, path)
    assert (result.added, len(labels(cases)), result.ignored) == (1, 1, ("patient",))
    assert rejected(result) == [
        (3, "case_id"), (4, "condition"), (5, "date"), (6, "case_id"), (7, "condition"),
        (8, "date"),
    ]  # fmt: skip
    assert "did you mean 'melanoma'" in result.rejected[1].reason
    out = tmp_path / "rejected.csv"
    write_rejected(out, result)
    listed = read_csv(out)
    assert list(listed["row"]) == ["3", "4", "5", "6", "7", "8"]
    assert list(listed["case_id"]) == ["c9", "c2", "c2", "", "c2", "c2"]


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        (f"{'x' * 201},,", "reader"),
        (",Lab\x07,", "laboratory"),
        ("...,,", "reader"),
        ("Ann,Lab,", "laboratory"),
        (",,", "reader"),
        ("Ann,,1899-12-31T23:00:00+00:00", "date"),
    ],
)
def test_readers_and_dates_that_are_none(
    cases: Store, numbers: dict[str, int], tmp_path: Path, cells: str, column: str
) -> None:
    path = table(tmp_path, f"case_id,condition,reader,laboratory,date\nc1,acne,{cells}\n")
    assert rejected(imported(cases, path, BLIND)) == [(2, column)]
    assert labels(cases) == []


def test_a_date_has_the_time_zone_that_it_states_and_today_is_now(
    cases: Store, numbers: dict[str, int], tmp_path: Path
) -> None:
    path = table(
        tmp_path,
        "case_id,condition,date\nc1,acne,2026-03-31T23:30:00-02:00\nc2,acne,2026-05-01\n",
    )
    assert imported(cases, path, now=NOW).added == 2
    one, two = labels(cases)
    assert (one.created_at, two.created_at) == (datetime(2026, 4, 1, 1, 30, tzinfo=UTC), NOW)


@pytest.mark.parametrize("stored", [False, True])
def test_contradicting_histology_adds_nothing(
    cases: Store, numbers: dict[str, int], tmp_path: Path, stored: bool
) -> None:
    head, one, other = "case_id,condition\n", "c1,acne\n", "c1,melanoma\n"
    if stored:
        imported(cases, table(tmp_path, head + one))
        result = imported(cases, table(tmp_path, head + other))
        assert rejected(result) == [(2, "condition")]
    else:
        result = imported(cases, table(tmp_path, head + one + other + "c2,acne\nc2,acne\n"))
        assert rejected(result) == [(2, "condition"), (3, "condition"), (5, "case_id")]
    assert result.added == (0 if stored else 1)


def test_a_name_that_two_sources_have(
    cases: Store, numbers: dict[str, int], tmp_path: Path
) -> None:
    other = scored(cases, "c1", source="ward")
    assert rejected(imported(cases, table(tmp_path, "case_id,condition\nc1,acne\n"))) == [
        (2, "case_id")
    ]
    path = table(tmp_path, "case_id,case_source,condition\nc1,ward,acne\nc1,attic,acne\n")
    assert rejected(imported(cases, path)) == [(3, "case_source")]
    assert [one.case_id for one in labels(cases)] == [other]
    both = table(tmp_path, "case_id,case_source,condition\nc2,clinic,acne\nc2,,acne\n")
    assert rejected(imported(cases, both)) == [(3, "case_id")]


def test_votes_of_several_readers(cases: Store, numbers: dict[str, int], tmp_path: Path) -> None:
    path = table(tmp_path, "case_id,condition,votes\nc1,acne,acne:3; melanoma:1\nc2,acne,\n")
    result = imported(cases, path, LabelSource.ADJUDICATED)
    assert (result.added, imported(cases, path, LabelSource.ADJUDICATED).present) == (2, 2)
    wide = table(
        tmp_path,
        "case_id,condition,votes:acne,votes:melanoma\nc3,melanoma,1,2\nc1,acne,3,2\nc2,acne,x,\n"
        "c2,melanoma,2,\n",
    )
    result = imported(cases, wide, LabelSource.ADJUDICATED)
    assert rejected(result) == [(3, "votes"), (4, "votes:acne"), (5, "votes")]
    with cases.reading() as session:
        assert votes_of_case(session, numbers["c1"]).blind == {"acne": 3, "melanoma": 1}
        assert votes_of_case(session, numbers["c3"]).blind == {"acne": 1, "melanoma": 2}
    assert verify_ledger(url(cases)).chain.counts.get("fact", 0) == 0


@pytest.mark.parametrize("votes", ["acne", "acne:-1", "acne:1;acne:2", "acne:1;x:2", "acne:9999"])
def test_votes_that_are_none(tmp_path: Path, votes: str) -> None:
    path = table(tmp_path, f"case_id,condition,votes\nc1,acne,{votes}\n")
    found = read_labels(path, LabelSource.ADJUDICATED, CONDITIONS, now=NOW)
    assert [one.column for one in found.rejected] == ["votes"]


def test_blind_reads_given_elsewhere(cases: Store, numbers: dict[str, int], tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "case_id,condition,reader\nc1,acne,Dan\nc1,melanoma,Eli\nc2,acne,\nc3,acne,=1+1\n"
        "c3,acne,\u200b\n",
    )
    result = imported(cases, path, BLIND)
    assert (result.added, rejected(result)) == (3, [(4, "reader"), (6, "reader")])
    again = imported(cases, table(tmp_path, "case_id,condition,reader\nc1,melanoma,DAN\n"), BLIND)
    assert rejected(again) == [(2, "condition")]
    both = table(tmp_path, "case_id,condition,reader,laboratory\nc2,acne,Dan,North\n")
    assert rejected(imported(cases, both, BLIND)) == [(2, "laboratory")]
    write_rejected(tmp_path / "out.csv", result)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("case,condition\nc1,acne\n", "case_id"),
        ("case_id,condition,raeder\nc1,acne,Ann\n", "reader"),
        ("case_id,condition\nc1,acne\n", "needs the column 'reader'"),
        ("case_id,condition,votes,votes:acne\nc1,acne,,1\n", "columns of their own"),
        ("case_id,condition,votes:akne\nc1,acne,1\n", "acne"),
        ("case_id,condition,reader\nc1,acne\n", "row 2"),
        ("", ""),
    ],
)
def test_a_file_that_is_no_table_of_labels(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_labels(table(tmp_path, text), BLIND, CONDITIONS, now=NOW)
    assert part in str(caught.value) + " ".join(caught.value.problems)


def test_another_encoding_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "case_id,condition,reader\nc1,acne,Zo\u00eb\n", "latin-1")
    with pytest.raises(SpecError, match="UTF-8"):
        read_labels(path, BLIND, CONDITIONS, now=NOW)


def test_withdrawn_consent(cases: Store, numbers: dict[str, int], tmp_path: Path) -> None:
    with cases.transaction() as session:
        patient = session.get(Patient, session.get(Case, numbers["c1"]).patient_id)
        patient.consent_withdrawn_at = NOW
    result = imported(cases, table(tmp_path, "case_id,condition\nc1,acne\n"))
    assert rejected(result) == [(2, "case_id")]


def test_who_may_import(cases: Store, numbers: dict[str, int], tmp_path: Path) -> None:
    path = table(tmp_path, "case_id,condition\nc1,acne\n")
    with pytest.raises(PermissionDenied):
        import_labels(cases, path, HISTOLOGY, ANN)


def test_conditions_of_a_spec(cases: Store, numbers: dict[str, int], tmp_path: Path) -> None:
    spec = load_spec(shipped_spec("derm_phantoms"))
    name = spec.conditions[0].name
    path = table(tmp_path, f"case_id,condition\nc1,{name}\nc2,not_listed\n")
    assert imported(cases, path, spec=spec).added == 2


def test_without_a_bundle_nothing_says_which_conditions_there_are(
    cases: Store, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="no bundle"):
        imported(cases, table(tmp_path, "case_id,condition\nc1,acne\n"))


def asked(store: Store, *wanted: int, kind: RequestKind = RequestKind.SELECTED) -> None:
    with store.transaction() as session:
        request_labels(
            session,
            [WantedLabel(number, "Chosen at random.") for number in wanted],
            kind,
            "random",
            actor="Eve",
        )


def still_open(store: Store) -> list[int]:
    with store.reading() as session:
        return [one.case_id for one in open_label_requests(session)]


def test_labels_and_reads_answer_requests(
    cases: Store, numbers: dict[str, int], tmp_path: Path
) -> None:
    one, two, three = numbers.values()
    asked(cases, three, one, two)
    assert still_open(cases) == [three, one, two]
    result = imported(cases, table(tmp_path, "case_id,condition\nc1,acne\n"))
    assert (result.requests_closed, still_open(cases)) == (1, [three, two])
    decided(cases, two)
    assert still_open(cases) == [three]
    always_twice(cases)
    decided(cases, three, reason=OverrideReason.FALSE_FINDING, urgency=Urgency.ROUTINE)
    asked(cases, three, kind=RequestKind.LABEL_ERROR)
    second(cases, three, BOB, at=LATER)
    assert still_open(cases) == []
    found = verify_ledger(url(cases), clock_tolerance_s=None)
    assert found.chain.counts.get("fact", 0) == 0
    with cases.reading() as session:
        rows = session.query(LabelRequestRow).order_by(LabelRequestRow.id)
        assert {row.closed_because for row in rows} == {
            "a label was imported", "a reader decided", "a second reader read it",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "label_error"}, "kind"),
        ({"position": 7}, "position"),
        ({"closed_because": "another"}, "closed_because"),
        ({"closed_at": None}, "closed_at"),
        ({"batch": "0" * 64}, "no event says"),
    ],
)
def test_changed_requests_are_found(
    cases: Store, numbers: dict[str, int], change: dict[str, Any], said: str
) -> None:
    asked(cases, numbers["c1"])
    with cases.transaction() as session:
        close_label_requests(session, numbers["c1"], "given up", actor="Eve", at=utc_now())
        assert close_label_requests(session, numbers["c1"], "given up", actor="Eve") == 0
    assert verify_ledger(url(cases)).chain.counts.get("fact", 0) == 0
    with cases.transaction() as session:
        row = session.query(LabelRequestRow).one()
        for name, value in change.items():
            setattr(row, name, value)
    findings = verify_ledger(url(cases)).chain.findings
    assert any(said in str(one) for one in findings)


def test_the_verb(cases: Store, numbers: dict[str, int], tmp_path: Path, triage: Command) -> None:
    path = table(tmp_path, "case_id,condition\nc1,acne\nc7,acne\n")
    verb = ("label", "import", "--csv", path, "--source", "histology", "--db", url(cases))
    answer = triage(*verb, "--json")
    said = json.loads(answer.out)
    assert (answer.code, said["added"], said["present"]) == (3, 1, 0)
    assert said["rejected"][0]["row"] == 3
    assert said["rejected_file"] == str(tmp_path / "labels.csv.rejected.csv")
    assert read_csv(tmp_path / "labels.csv.rejected.csv")["case_id"].tolist() == ["c7"]
    again = triage(*verb, "--dry-run")
    assert again.code == 3
    assert "0 labels would be added, 1 were there already, 1 rows rejected" in again.out
    missing = triage(*verb[:3], tmp_path / "no.csv", *verb[4:])
    assert (missing.code, "Traceback" in missing.err) == (2, False)
    (tmp_path / "taken").write_text("")
    unwritable = triage(*verb, "--rejected", tmp_path / "taken" / "x.csv")
    assert unwritable.code == 2
    assert "cannot be listed" in unwritable.err


def test_the_verb_says_how_far_the_readers_agree(
    cases: Store, numbers: dict[str, int], tmp_path: Path, triage: Command
) -> None:
    path = table(tmp_path, "case_id,condition,votes\nc1,acne,acne:2\nc2,melanoma,melanoma:2\n")
    verb = ("label", "import", "--csv", path, "--source", "adjudicated", "--db", url(cases))
    assert json.loads(triage(*verb, "--json", "--dry-run").out)["kappa"] == pytest.approx(1)
    assert "Fleiss' kappa 1.00" in triage(*verb).out
