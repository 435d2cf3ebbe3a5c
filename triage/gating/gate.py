"""The promotion gate: a challenger judged against the champion on the same cases."""

from __future__ import annotations

from collections.abc import Iterable

from triage.data.spec import DataSpec
from triage.decisions.cost_matrix import largest_cost
from triage.gating import check_keys
from triage.gating.evidence import GateEvidence
from triage.gating.gate_table import GateTable
from triage.gating.improvement import improvement_check
from triage.gating.main_checks import Pair, main_checks, not_done
from triage.gating.measures import case_gains
from triage.gating.policy import GatePolicy, Improvement, LoadedPolicy
from triage.gating.result import CheckResult, GateResult, verdict_of
from triage.gating.same_cases import aligned
from triage.gating.secondary_checks import Tables, bound_checks, secondary_checks
from triage.gating.stability_checks import stability_checks
from triage.hashing import hash_json
from triage.progress import Progress
from triage.vocabulary.subgroup_levels import UNKNOWN

STAGE = "gate"
_MIN_PATIENTS = 10
_STEPS = 5


def run_gate(
    loaded: LoadedPolicy,
    spec: DataSpec,
    champion: GateTable,
    challenger: GateTable,
    evidence: GateEvidence = GateEvidence(),  # noqa: B008  # frozen
    *,
    progress: Progress = lambda *_: None,
) -> GateResult:
    """Judge a challenger by a policy.

    Parameters
    ----------
    loaded : LoadedPolicy
    spec : DataSpec
    champion, challenger : GateTable
        On the same cases.
    evidence : GateEvidence
        What else is known; checks without their evidence are reported as not done.

    Raises
    ------
    UsageError
        If the tables hold different cases or labels.
    """
    policy = loaded.policy
    first, second = aligned(champion, challenger)
    tables = Tables(first, second, champion.plan)
    largest = largest_cost(spec)
    pair = Pair(
        {measure: case_gains(measure, first, second, largest) for measure in check_keys.MEASURES},
        first.axes,
        first.cluster,
    )
    checks: list[CheckResult] = []
    if policy.gate is not None:
        progress(STAGE, 0, _STEPS)
        checks += main_checks(pair, policy.gate)
        checks += _absent_axes(policy, spec, pair)
        progress(STAGE, 1, _STEPS)
        checks += secondary_checks(tables, policy.gate, evidence)
    progress(STAGE, 2, _STEPS)
    least = policy.gate.subgroups.min_patients if policy.gate else _MIN_PATIENTS
    checks += stability_checks(policy, spec, pair, evidence)
    progress(STAGE, 3, _STEPS)
    checks += bound_checks(tables, policy.bounds, least)
    progress(STAGE, 4, _STEPS)
    asked = isinstance(policy.improvement, Improvement)
    rule = policy.improvement if isinstance(policy.improvement, Improvement) else Improvement()
    improved, better = improvement_check(pair, rule, least)
    checks += [improved] if asked else []
    found = tuple(_required(checks, policy))
    progress(STAGE, _STEPS, _STEPS)
    return GateResult(
        verdict=verdict_of(found),
        better=better,
        checks=found,
        policy_hash=loaded.hash,
        policy_signed_by=loaded.signed_by,
        n_cases=len(first),
        n_patients=pair.n_patients,
        gate_set=champion.cases_hash,
        submission=hash_json([champion.content_hash, challenger.content_hash]),
        notes=tuple(_notes(loaded, champion, challenger, pair, evidence)),
    )


def _absent_axes(policy: GatePolicy, spec: DataSpec, pair: Pair) -> Iterable[CheckResult]:
    """Say of each axis of the spec that no table has that it is not gated."""
    if policy.gate is None or policy.gate.subgroups.axes != "all":
        return
    for axis in spec.subgroups:
        if axis.column not in pair.axes:
            yield not_done("accuracy", f"no table has a column {axis.column}", axis.column)


def _required(checks: list[CheckResult], policy: GatePolicy) -> Iterable[CheckResult]:
    """Let the checks that the policy requires decide, also those that were not done."""
    required = policy.required_checks
    for check in checks:
        key_required = check.check in required and not (check.group and check.verdict is None)
        yield check.model_copy(update={"decides": True}) if key_required else check
    for key in sorted(required - {check.check for check in checks}):
        yield not_done(key, "the policy requires it and does not say by what limits", decides=True)


def _notes(
    loaded: LoadedPolicy,
    champion: GateTable,
    challenger: GateTable,
    pair: Pair,
    evidence: GateEvidence,
) -> Iterable[str]:
    if loaded.signed_by is None:
        yield "The policy is not signed."
    if loaded.policy.gate is None:
        yield "The policy is of an earlier release: it gates no subgroup."
    if loaded.policy.gate is not None and not pair.axes:
        yield "The tables have no column of a subgroup: a loss in one group is not looked for."
    if evidence.gate_split_is_reported:
        yield "Reports also show the cases of this gate split."
    missing = sorted({*champion.missing} | {*challenger.missing})
    if missing:
        yield f"Columns that are not in both tables: {', '.join(missing)}."
    if "patient_id" in {*champion.missing} & {*challenger.missing}:
        yield "Every case counts as a patient of its own."
    for name, axis in pair.axes.items():
        if UNKNOWN in axis.levels:
            count = int((axis.codes == axis.levels.index(UNKNOWN)).sum())
            if count:
                yield f"{count} cases have no valid {name}."
