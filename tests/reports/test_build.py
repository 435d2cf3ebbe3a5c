import pytest
from scipy.stats import binomtest

from tests.reports.example import BUNDLE, DATA, REVIEWS, example
from triage.auditing import AuditPlan, Limit, judge_plan
from triage.errors import UsageError
from triage.evaluation import METRICS
from triage.hashing import hash_json
from triage.reports.reviews import review_counts
from triage.reports.system import written


@pytest.fixture(scope="module")
def report():
    return example(150)


def test_findings_are_those_of_the_audit(report):
    assert report.findings == judge_plan(report.evaluation, report.plan)


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
    assert "The skin type of" in text
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


def test_manifest_hash_is_the_digest_of_the_bundle(report):
    rest = {key: value for key, value in BUNDLE.items() if key != "digest"}
    assert report.manifest_hash == hash_json(rest) == hash_json(report.manifest)


def test_system_facts_read_the_manifest_and_own_up_to_gaps(report):
    facts = {fact.label: fact.value for fact in report.system}
    assert facts["Members"] == "seed 0, seed 1"
    assert facts["Conditions it knows"] == "acne, melanoma"
    assert facts["Outliers that set its threshold"] == "none"
    assert facts["Thresholds"] == "temperature = 1.31; threshold = 0.42"
    assert facts["Settings hash"] is None


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"data": {"spec": "s", "licenze": "x"}}, "licenze"),
        ({"data": {}}, "spec"),
        ({"reviews": {"reasons": {"R1": "many"}}}, "review_tallies"),
        ({"reviews": {"decided": "many"}}, "decided"),
        ({"bundle": {"temperature": float("nan")}}, "manifest"),
        ({"bundle": {"made": object()}}, "manifest"),
    ],
)
def test_malformed_inputs_are_named(change, place):
    with pytest.raises(UsageError, match=place):
        example(30, **change)


def test_review_counts_become_rates_with_intervals(report):
    rows = {row.label: row for row in report.reviews}
    override = rows["Decision overrides the AI's condition"]
    assert (override.count, override.of) == (31 - 27, 31)
    expected = binomtest(4, 31).proportion_ci(0.95, method="exact")
    assert (override.low, override.high) == pytest.approx((expected.low, expected.high))
    lowered = rows["Decision below semi-urgent where the AI abstained"]
    assert lowered.count == 0
    assert lowered.high > 0.2
    assert rows["Reviews decided"].of is None
    assert report.review_tallies == {"reasons": REVIEWS["reasons"]}
    assert review_counts({"my_own": 3})[0].label == "My own"


def test_json_values_are_written_for_people():
    assert written({"a": [1, 2.50001], "b": True}) == "a = 1, 2.50001; b = yes"
