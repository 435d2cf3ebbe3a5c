"""Plans of audits: made from a spec or from columns, written, read again, locked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.audit_sources.tables import MADE, frame, write
from triage.audit_sources.make_plan import PlanRequest, make_plan
from triage.auditing.audit_plan import AuditPlan, Axis, Columns, Limit, Margin
from triage.auditing.plan_file import load_plan, plan_problems, plan_text
from triage.auditing.plan_limits import parse_limit
from triage.auditing.plan_lock import lock_path, read_lock, write_lock
from triage.data.spec_files import load_spec, shipped_spec
from triage.decisions.cost_matrix import cost_matrix, largest_cost
from triage.errors import SpecError, UsageError
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS
from triage.ledger.keys import make_key
from triage.vocabulary.clinical import Urgency

COLUMNS = Columns(label="y", probabilities={"mel": "p_mel", "nv": "p_nv"}, patient="patient")


def request(**changes: Any) -> PlanRequest:
    return PlanRequest(**({"created_at": MADE, "columns": COLUMNS} | changes))


@pytest.mark.parametrize("spec", ["derm_phantoms", "derm_ham10000", "oct_phantoms"])
def test_a_plan_from_a_spec(spec: str, tmp_path: Path) -> None:
    given = load_spec(shipped_spec(spec))
    plan = make_plan(PlanRequest(created_at=MADE, spec=given))
    assert [one.name for one in plan.conditions] == [one.name for one in given.conditions]
    assert {one.name for one in plan.conditions if one.known} == {
        one.name for one in given.conditions if one.role == "inlier"
    }
    assert plan.urgency_of == {one.name: one.urgency for one in given.conditions}
    assert plan.costs == cost_matrix(given)
    assert plan.largest_cost == largest_cost(given)
    assert plan.outlier_prevalence == given.outlier_prevalence
    axes = {axis.name: axis for axis in plan.axes}
    for subgroup in given.subgroups:
        assert axes[subgroup.column].bands == subgroup.bands
    assert {axis.property for axis in plan.axes} >= {"risk", "urgency"}
    path = tmp_path / "plan.yaml"
    path.write_text(plan_text(plan))
    assert load_plan(path).sha256() == plan.sha256()


def test_risk_and_urgency_are_those_of_the_condition_where_a_spec_states_them() -> None:
    given = load_spec(shipped_spec("derm_ham10000"))
    plan = make_plan(PlanRequest(created_at=MADE, spec=given, groups=["sex", "risk"]))
    assert [(axis.name, axis.column, axis.property) for axis in plan.axes] == [
        ("sex", "sex", None), ("risk", None, "risk"), ("urgency", None, "urgency"),
    ]  # fmt: skip


def test_a_group_is_crossed_with_the_risk_of_the_condition() -> None:
    given = load_spec(shipped_spec("derm_ham10000"))
    plan = make_plan(PlanRequest(created_at=MADE, spec=given, groups=["sex*risk"]))
    assert [(axis.name, axis.column, axis.property, axis.of) for axis in plan.axes] == [
        ("sex", "sex", None, None), ("sex * risk", None, None, ("sex", "risk")),
        ("risk", None, "risk", None), ("urgency", None, "urgency", None),
    ]  # fmt: skip
    without = request(groups=["sex*risk"])
    assert [axis.column for axis in make_plan(without).axes] == ["sex", "risk", None]


def test_a_plan_from_columns() -> None:
    plan = make_plan(
        request(groups=["sex", "sex*age"], bands={"age": (0, 40, 80)}, outliers=["other"],
                urgencies={"mel": Urgency.URGENT, "nv": Urgency.ROUTINE})
    )  # fmt: skip
    assert [(axis.name, axis.column, axis.of) for axis in plan.axes] == [
        ("sex", "sex", None), ("age", "age", None), ("sex * age", None, ("sex", "age")),
        ("urgency", None, None),
    ]  # fmt: skip
    assert [(one.name, one.known) for one in plan.conditions] == [
        ("mel", True), ("nv", True), ("other", False),
    ]  # fmt: skip
    # Of our default limits those whose columns there are.
    assert [(limit.metric, limit.scope, limit.primary) for limit in plan.limits] == [
        ("accuracy", "overall", True),
        ("accuracy", "groups", False),
    ]
    assert plan.source == "our default, not a clinical standard"


def test_a_name_of_a_skin_tone_scale_is_kept_and_its_method_is_not_stated() -> None:
    plan = make_plan(request(groups=["skin_type", "monk", "forest"]))
    scales = [
        axis.skin_tone and (axis.skin_tone.scale, axis.skin_tone.method) for axis in plan.axes
    ]
    assert scales == [("fitzpatrick", "not stated"), ("monk", "not stated"), None]


def test_only_the_header_of_a_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("y,p_mel,p_nv,patient,sex\nthis,is,no,row,of,a,table\n")
    make_plan(request(groups=["sex"]), path)
    with pytest.raises(UsageError, match=r"no column 'sexx'.*Did you mean 'sex'"):
        make_plan(request(groups=["sexx"]), path)
    write(tmp_path, frame(), "t.parquet")
    with pytest.raises(UsageError, match=r"columns\.patient.*no column 'patiend'"):
        make_plan(
            request(columns=COLUMNS.model_copy(update={"patient": "patiend"})),
            tmp_path / "t.parquet",
        )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("accuracy>=0.80", Limit(metric="accuracy", at_least=0.8)),
        (" overall: ece <= 0.1 ", Limit(metric="ece", at_most=0.1, scope="overall")),
        ("groups:sensitivity_urgent>=0.95",
         Limit(metric="sensitivity_urgent", at_least=0.95, scope="groups")),
        ("clinical_cost<=2.5", Limit(metric="clinical_cost", at_most=2.5)),
        ("calibration_slope>=0.8", Limit(metric="calibration_slope", at_least=0.8)),
    ],
)  # fmt: skip
def test_limits(text: str, expected: Limit) -> None:
    assert parse_limit(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accuracy", "is not a limit"),
        ("accuracy>0.8", "is not a limit"),
        ("somewhere: accuracy>=0.8", "is not a limit"),
        ("accuracy>=x", "'x' is not a number"),
        ("acuracy>=0.8", "Did you mean accuracy?"),
        ("accuracy<=0.8", "write accuracy>=0.8"),
        ("ece>=0.1", "write ece<=0.1"),
        ("accuracy>=80", "between 0 and 1"),
        ("accuracy>=nan", "'nan' is not a number"),
    ],
)
def test_limits_that_are_none(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_limit(text)
    assert words in str(refused.value)


def test_every_metric_has_a_limit_on_its_good_side() -> None:
    for key, metric in AUDIT_METRICS.items():
        sign = "<=" if metric.larger_is_better is False else ">="
        assert parse_limit(f"{key}{sign}0.5").metric == key


def test_a_plan_changed_by_hand_is_refused_with_every_problem(tmp_path: Path) -> None:
    plan = make_plan(request(groups=["sex", "age"]))
    path = tmp_path / "plan.yaml"
    path.write_text(
        plan_text(plan)
        .replace("name: age", "name: sex")
        .replace("metric: accuracy", "metric: acuracy", 1)
        .replace("p_nv", "p_mel")
    )
    with pytest.raises(SpecError) as refused:
        load_plan(path)
    assert len(refused.value.problems) == 3
    assert "'sex' is named twice" in str(refused.value)
    assert "Did you mean accuracy?" in str(refused.value)
    assert "the column 'p_mel' is named twice" in str(refused.value)
    path.write_text(plan_text(plan) + "limts: []\n")
    with pytest.raises(SpecError, match="Did you mean limits"):
        load_plan(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"axes": (Axis(name="overall", column="x"),)}, "cannot be named 'overall'"),
        ({"axes": (Axis(name="both", of=("sex", "age")),)}, "there is no axis 'sex'"),
        ({"axes": (Axis(name="risk", property="risk"),)}, "no condition of the plan states"),
        ({"margins": (Margin(metric="accuracy", axis="sex", at_most=0.1),)}, "no axis 'sex'"),
        ({"margins": (Margin(metric="acc", axis="sex", at_most=0.1),)}, "no metric 'acc'"),
        ({"metrics": ("accuracy", "ecee")}, "Did you mean ece?"),
        ({"outliers": ("mel",)}, "'mel' is a condition that the system knows"),
        ({"limits": (Limit(metric="ece", at_most=0.1), Limit(metric="ece", at_most=0.2))},
         "several limits"),
        ({"limits": (Limit(metric="ece", at_least=0.1),)}, "write ece<=0.1"),
    ],
)  # fmt: skip
def test_problems_between_the_parts(changes: dict[str, Any], words: str) -> None:
    plan = make_plan(request()).model_copy(update=changes)
    assert any(words in problem for problem in plan_problems(plan)), plan_problems(plan)


def test_a_metric_of_the_plans_own_file_is_not_ours_to_know() -> None:
    plan = make_plan(request())
    own = {"limits": (Limit(metric="mine", at_least=3),), "metrics_file": "mine.py"}
    assert plan_problems(plan.model_copy(update=own)) == []


def test_the_hash_is_of_the_content(tmp_path: Path) -> None:
    plan = make_plan(request(groups=["sex"]))
    path = tmp_path / "plan.yaml"
    text = plan_text(plan)
    path.write_text("# another comment\n" + text.replace("{name: sex, column: sex}",
                                                         "{column: sex, name: sex}"))  # fmt: skip
    assert load_plan(path).sha256() == plan.sha256()
    path.write_text(text.replace("at_least: 0.7", "at_least: 0.71"))
    assert load_plan(path).sha256() != plan.sha256()


@pytest.mark.parametrize("signed", [False, True])
def test_a_lock(tmp_path: Path, signed: bool) -> None:
    plan, path = make_plan(request()), tmp_path / "plan.yaml"
    assert read_lock(path) is None
    key = make_key(tmp_path / "key") if signed else None
    write_lock(plan, path, key)
    assert lock_path(path) == tmp_path / "plan.lock"
    found = read_lock(path)
    assert found is not None
    assert found.plan_sha256 == plan.sha256()
    assert found.locked_at == MADE.isoformat()
    assert found.public_key == (key.public if key else None)


@pytest.mark.parametrize("changed", ["plan_sha256", "locked_at", "signature", "public_key"])
def test_a_signed_lock_that_was_changed(tmp_path: Path, changed: str) -> None:
    plan, path = make_plan(request()), tmp_path / "plan.yaml"
    write_lock(plan, path, make_key(tmp_path / "key"))
    content = json.loads(lock_path(path).read_text())
    content[changed] = "0" * len(content[changed])
    lock_path(path).write_text(json.dumps(content))
    with pytest.raises(UsageError, match="signature is not valid"):
        read_lock(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "another"}', "no json"])
def test_a_damaged_lock(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.lock").write_text(text)
    with pytest.raises(UsageError, match="is not the lock of a plan"):
        read_lock(tmp_path / "plan.yaml")


def test_a_plan_is_the_same_after_the_ledger_wrote_its_numbers_as_text() -> None:
    from triage.ledger.events.review_events import exact_numbers

    given = load_spec(shipped_spec("derm_phantoms"))
    plan = make_plan(PlanRequest(created_at=MADE, spec=given))
    again = AuditPlan.model_validate(exact_numbers(plan.model_dump(mode="json")))
    assert again.sha256() == plan.sha256()
