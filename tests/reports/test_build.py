import pytest

from tests.reports.example import DATA, example
from triage.audit import AuditPlan, Limit, audit
from triage.errors import UsageError
from triage.evaluation import METRICS
from triage.hashing import hash_json
from triage.reports.system import written


@pytest.fixture(scope="module")
def report():
    return example(150)


def test_findings_are_those_of_the_audit(report):
    assert report.findings == audit(report.evaluation, report.plan)


def test_metric_texts_come_from_the_registry(report):
    assert [text.key for text in report.metrics] == list(METRICS)
    assert report.metrics[0].definition == METRICS["accuracy"].definition


def test_gaps_list_exactly_what_lacks_evidence(report):
    listed = {(gap.scope, key) for gap in report.not_enough_evidence for key in gap.metrics}
    expected = {
        (f"{level.axis}: {level.level}", key)
        for level in report.evaluation.subgroups
        for key, found in level.metrics.items()
        if found.evidence == "not enough"
    }
    assert expected
    assert {pair for pair in listed if pair[0] != "All cases"} == expected


def test_limitations_follow_the_inputs(report):
    text = " ".join(report.limitations)
    assert DATA["notes"][0] in text
    assert "skin type is unknown for" in text
    assert "No reviews were read" not in text
    assert "No reviews were read" in " ".join(example(60, reviews=None).limitations)


def test_identity_changes_with_every_input(report):
    plan = AuditPlan(source="a clinic", limits=(Limit(metric="accuracy", at_least=0.6),))
    changes = (
        {"bundle": {"name": "other"}},
        {"data": {"spec": "other"}},
        {"predictions_hash": "0" * 64},
        {"generated_at": "2027"},
        {"plan": plan},
        {"reviews": None},
        {"abstention_reasons": None},
    )
    identities = {example(150, **change).report_id for change in changes}
    assert len(identities | {report.report_id}) == len(changes) + 1
    assert example(150).report_id == report.report_id


def test_manifest_hash_can_be_checked_by_anyone(report):
    assert report.manifest_hash == hash_json(report.manifest)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"data": {"spec": "s", "licenze": "x"}}, "licenze"),
        ({"data": {}}, "spec"),
        ({"reviews": {"decided": "many"}}, "reviews"),
        ({"bundle": {"temperature": float("nan")}}, "manifest"),
        ({"bundle": {"made": object()}}, "manifest"),
    ],
)
def test_malformed_inputs_are_named(change, place):
    with pytest.raises(UsageError, match=place):
        example(30, **change)


def test_json_values_are_written_for_people():
    assert written({"a": [1, 2.50001], "b": True}) == "a = 1, 2.50001; b = yes"
