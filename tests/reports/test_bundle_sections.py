"""Sections that only the report of a bundle has."""

from xml.etree import ElementTree

import numpy as np
import pytest
from scipy.stats import binomtest

from tests.decisions.test_fitting import make_spec, simulate
from tests.decisions.test_rules import fitted
from tests.decisions.test_rules import simulate as simulate_rules
from tests.evaluation.synthetic import make_outcomes
from tests.evaluation.test_metrics import small
from tests.evaluation.test_uncertainty import OUTLIER, decided
from tests.reports.bundle_example import (
    DATA,
    REASONS,
    REVIEWS,
    TALLIES,
    bundle_extra,
    sections,
    table,
    words,
)
from tests.reports.small_audit import audit_report
from triage.decisions.fitting import fit_policy
from triage.decisions.rule_settings import PredictionSetSettings
from triage.errors import UsageError
from triage.evaluation.from_predictions import outcomes_of
from triage.evaluation.policy_costs import RISK, compare_policies
from triage.evaluation.prediction_sets import evaluate_prediction_sets
from triage.evaluation.uncertainty import evaluate_uncertainty
from triage.reports.bundle_extra import BundleExtra, DataFacts
from triage.reports.document import Figure, Table
from triage.reports.names import group
from triage.reports.reviews import review_counts
from triage.reports.sections.bundle_sections import extra_sections


@pytest.fixture(scope="module")
def extra():
    return bundle_extra()


@pytest.fixture(scope="module")
def found(extra):
    return sections(extra)


def test_a_report_of_a_table_has_none_of_them():
    assert extra_sections(audit_report()) == ()
    assert BundleExtra.of(audit_report()) is None


def test_what_was_measured_comes_back_from_the_report(extra):
    report = audit_report(extra=extra.model_dump(mode="json"))
    assert BundleExtra.of(report) == extra


def test_keys_of_sections_and_of_tables_are_unique(found):
    keys = [
        block.key
        for section in found.values()
        for block in section.blocks
        if isinstance(block, Table)
    ]
    assert all(keys)
    assert len(keys) == len({*keys})
    assert list(found) == [
        "bundle_data", "bundle_answers", "bundle_calibration", "bundle_abstention", "reviews",
    ]  # fmt: skip


def test_charts_are_complete_by_themselves(found):
    figures = [b for s in found.values() for b in s.blocks if isinstance(b, Figure)]
    assert len(figures) == 3
    for each in figures:
        root = ElementTree.fromstring(each.svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        style = root.find("{http://www.w3.org/2000/svg}style").text
        classes = {e.get("class") for e in root.iter() if e.get("class")} - {"triage-chart"}
        known = {name for name in classes for word in name.split() if f".{word}" in style}
        assert classes - known <= {"number", "cell-text"}


def test_the_flow_of_cases_and_what_is_said_of_the_data(found):
    section = found["bundle_data"]
    assert table(section, "cases_by_split") == [
        ["Train", "900", "120", "0", "0", "1020"],
        ["Validation", "300", "0", "60", "0", "360"],
        ["Test", "290", "0", "0", "130", "420"],
    ]
    assert table(section, "left_out") == [["truncated", "3"], ["zero bytes", "1"]]
    text = words(section)
    assert DATA["notes"][0] in text
    assert "c" * 64 in text
    bare = words(sections(bundle_extra(data=DataFacts(spec="s")))["bundle_data"])
    assert "Licence not stated" in bare
    assert "Counts by split and role are not stated." in bare
    assert "No case was left out." in bare


def test_every_count_of_the_confusion_matrix(extra, found):
    shown = table(found["bundle_answers"], "confusion")
    assert [row[0] for row in shown] == extra.confusion.rows
    assert [[int(cell) for cell in row[1:]] for row in shown] == extra.confusion.counts


def test_filled_bins_of_confidence(extra, found):
    shown = table(found["bundle_calibration"], "reliability")
    assert [int(row[1]) for row in shown] == [b.count for b in extra.reliability if b.count]


def test_reasons_for_no_opinion(found):
    shown = table(found["bundle_abstention"], "abstention_reasons")
    assert {name: int(count) for name, count in shown} == REASONS
    without = words(sections(bundle_extra(abstention_reasons={}))["bundle_abstention"])
    assert "No case was abstained on." in without


def test_reviews_are_counts_and_rates_with_exact_intervals(found):
    shown = {row[0]: row[1:] for row in table(found["reviews"], "reviews")}
    assert shown["Reviews decided"] == ["40", "–", "–"]
    assert shown["Decision overrides the AI's condition"] == ["4", "31", "12.9 %"]
    interval = binomtest(4, 31).proportion_ci(0.95, method="exact")
    assert f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %" in words(found["reviews"])
    assert table(found["reviews"], "reviews_reasons") == [
        [name, str(count)] for name, count in TALLIES["reasons"].items()
    ]


@pytest.mark.parametrize(
    ("reviews", "reason"), [(None, "no case database"), ([], "there are no reviews")]
)
def test_without_reviews_the_section_says_why(reviews, reason):
    section = sections(bundle_extra(reviews=reviews, review_tallies={}))["reviews"]
    assert reason in section.unavailable
    assert section.blocks == ()


def test_review_counts_with_a_whole_of_zero_have_no_rate():
    counted = review_counts({"decided": 0, "with_opinion": 0, "agreed_finally": 0})
    section = sections(bundle_extra(reviews=counted))["reviews"]
    assert table(section, "reviews")[-1][-1] == "–"
    with pytest.raises(UsageError, match="decided"):
        review_counts({"decided": "many"})
    assert review_counts({"my_own": 3})[0].label == "My own"
    assert {row.label for row in review_counts(REVIEWS)} > {"Reviews decided"}


def test_every_group_of_the_prediction_sets():
    asked = simulate_rules(1)
    policy = fitted(simulate_rules(0), prediction_set=PredictionSetSettings())
    sets = evaluate_prediction_sets(asked.with_decisions(policy.decide(asked)))
    section = sections(bundle_extra(prediction_sets=sets))["bundle_calibration"]
    shown = table(section, "prediction_sets")
    assert [row[0] for row in shown[1:]] == [group(r.axis, r.level) for r in sets.rows[1:]]
    assert [row[3] for row in shown] == [f"{r.mean_size:.2f}" for r in sets.rows]
    assert "Prediction sets" in words(section)
    assert "Prediction sets" not in words(sections(bundle_extra())["bundle_calibration"])


def test_every_group_of_the_doubt_and_one_model_alone():
    doubt = evaluate_uncertainty(decided(), OUTLIER, n_resamples=20)
    volumes = DataFacts(**DATA | {"modality": "oct_volumes"})
    section = sections(bundle_extra(uncertainty=doubt, data=volumes))["bundle_calibration"]
    shown = table(section, "uncertainty")
    for row, cells in zip(doubt.rows, shown, strict=True):
        assert cells[0] == (group(row.axis, row.level) if row.axis else row.level)
        parts = (row.total, row.aleatoric, row.epistemic)
        assert cells[2:] == [f"{each.value:.3f}" for each in parts]
    assert "Mean doubt between the referral classes" in words(section)
    assert "The volumes themselves (aleatoric)" in words(section)
    one = evaluate_uncertainty(decided(members=1), np.zeros_like(OUTLIER), n_resamples=20)
    shown = table(sections(bundle_extra(uncertainty=one))["bundle_calibration"], "uncertainty")
    assert {(row[2], row[4]) for row in shown} == {("one model: not known",) * 2}


def test_every_policy_with_its_cost_and_difference():
    predictions, spec = simulate(160), make_spec()
    policy = fit_policy(predictions, spec, "outlier_mass")
    predictions = predictions.with_decisions(policy.decide(predictions))
    outcomes = outcomes_of(predictions, policy, spec)
    costs = compare_policies(predictions, policy, spec, outcomes, n_resamples=20)
    section = sections(bundle_extra(policy_costs=costs))["bundle_abstention"]
    whole = [row for row in costs.rows if not row.axis]
    shown = table(section, "policy_costs")
    assert [row[0] for row in shown] == [row.policy for row in whole]
    assert [row[2] for row in shown] == [f"{row.cost.value:.3f}" for row in whole]
    by_group = {row[0]: row[1:] for row in table(section, "policy_costs_by_group")}
    high = next(row for row in costs.rows if row.axis == RISK and row.level == "high")
    assert f"{high.cost.value:.3f}" == by_group[group(RISK, "high")][0]
    assert any(b.title == "Abstentions against wrong queues" for b in _figures(section))


def _figures(section):
    return [block for block in section.blocks if isinstance(block, Figure)]


@pytest.mark.parametrize(
    "outcomes",
    [
        small([0], [[0.7, 0.3]]),
        small([-1] * 3, [[0.7, 0.3]] * 3, abstained=np.ones(3, dtype=bool)),
        small([0] * 3, [[1.0]] * 3),
    ],
    ids=["single case", "only outliers, all abstained", "one condition"],
)
def test_the_poorest_evaluation_still_has_its_sections(outcomes):
    found = sections(bundle_extra(outcomes=outcomes))
    answered = not outcomes.abstained.all()
    assert ("It answered no case" in words(found["bundle_abstention"])) != answered
    assert "nan" not in " ".join(words(section) for section in found.values()).lower().split()


def test_names_from_the_data_cannot_become_markup_of_a_chart():
    evil = "<script>alert(1)</script>"
    found = sections(bundle_extra(outcomes=make_outcomes(60, classes=(evil, "b", "c"))))
    (figure,) = _figures(found["bundle_answers"])
    assert "<script" not in figure.svg
