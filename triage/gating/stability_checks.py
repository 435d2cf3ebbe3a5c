"""Negative flips, new urgent misses on the frozen set, time and memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from triage.data.spec import DataSpec
from triage.errors import UsageError
from triage.gating import check_keys
from triage.gating.evidence import GateEvidence
from triage.gating.gate_table import GateTable, gate_table_of_frame
from triage.gating.main_checks import Pair, not_done
from triage.gating.measures import same_values
from triage.gating.paired_means import CaseGains, paired_mean
from triage.gating.policy import GatePolicy
from triage.gating.result import CheckResult
from triage.gating.same_cases import aligned
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.learning import GateVerdict

_LEVEL, _MIN_PATIENTS = 0.05, 10


def stability_checks(
    policy: GatePolicy, spec: DataSpec, pair: Pair, evidence: GateEvidence
) -> Iterator[CheckResult]:
    """Yield the checks of what changes although the systems may be equally good."""
    rules = policy.gate
    if policy.max_negative_flips is not None or (
        rules is not None and rules.flips_over_seed_rate is not None
    ):
        yield _flips(policy, pair, evidence)
    if rules is None:
        return
    if rules.frozen is not None:
        yield _urgent_misses(rules.frozen.new_urgent_misses, spec, evidence)
    if rules.performance is not None:
        limits = rules.performance
        yield _ratio(
            check_keys.LATENCY, "ms a case", 1e3, limits.latency_ratio,
            evidence.seconds_champion, evidence.seconds_challenger,
        )  # fmt: skip
        yield _ratio(
            check_keys.MEMORY, "MiB", 1 / 2**20, limits.memory_ratio,
            evidence.bytes_champion, evidence.bytes_challenger,
        )  # fmt: skip


def _flips(policy: GatePolicy, pair: Pair, evidence: GateEvidence) -> CheckResult:
    """Judge the share of cases right before and wrong now (Yan et al. 2021, eq. 1)."""
    bound, why = _flip_bound(policy, evidence)
    gains = pair.gains["accuracy"]
    if isinstance(gains, str):
        return not_done(check_keys.FLIPS, gains, decides=policy.gate is None)
    flipped = (gains.champion > gains.challenger).astype(np.float64)
    counted = CaseGains(np.zeros_like(flipped), flipped, gains.where)
    mean = paired_mean(counted, pair.cluster, pair.n_patients)
    if mean.law is None:
        why = "there is no case of a known condition"
        return not_done(check_keys.FLIPS, why, decides=policy.gate is None)
    level = policy.gate.level if policy.gate else _LEVEL
    low, high = replace(mean.law, low=0.0).limits(1 - 2 * level)
    verdict: GateVerdict | None = None
    if bound is not None:
        least = policy.gate.subgroups.min_patients if policy.gate else _MIN_PATIENTS
        verdict = GateVerdict.NOT_ENOUGH_EVIDENCE
        if mean.n_patients >= least:
            if mean.value <= bound:
                verdict = GateVerdict.PASSES
            elif low > bound or policy.gate is None:
                verdict = GateVerdict.FAILS
    shown = f"{100 * mean.value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
    return CheckResult(
        check=check_keys.FLIPS, verdict=verdict, decides=verdict is not None,
        challenger=mean.value, value=mean.value, low=low, high=high, margin=bound,
        unit="proportion", n_cases=mean.n_cases, n_patients=mean.n_patients,
        sentence=f"{shown} right before and wrong now; {why}",
    )  # fmt: skip


def _flip_bound(policy: GatePolicy, evidence: GateEvidence) -> tuple[float | None, str]:
    """The largest share of negative flips and the reason of it, or why there is none."""
    bounds = []
    over = policy.gate.flips_over_seed_rate if policy.gate else None
    if over is not None and evidence.seed_flip_rate is not None:
        rate = evidence.seed_flip_rate
        bounds.append((rate + over, f"{100 * rate:.1f} % between seeds and {100 * over:.1f}"))
    if policy.max_negative_flips is not None:
        bounds.append((policy.max_negative_flips, "the policy's limit"))
    if not bounds:
        return None, "not judged: the flips between two seeds of the champion are not known"
    bound, reason = min(bounds)
    return bound, f"at most {100 * bound:.1f} % ({reason})"


def _urgent_misses(allowed: int, spec: DataSpec, evidence: GateEvidence) -> CheckResult:
    key = check_keys.URGENT_MISSES
    if evidence.frozen_champion is None or evidence.frozen_challenger is None:
        return not_done(key, "no frozen regression set was scored")
    tables = [
        _frozen(frame, spec) for frame in (evidence.frozen_champion, evidence.frozen_challenger)
    ]
    if tables[0] is None or tables[1] is None:
        return not_done(key, "the frozen regression set is empty")
    champion, challenger = aligned(tables[0], tables[1])
    if champion.queue_urgency is None or challenger.queue_urgency is None:
        return not_done(key, "a table has no column recommendation")
    urgent = same_values(champion.true_urgency, Urgency.URGENT.rank)
    before, after = (
        same_values(each.queue_urgency, Urgency.URGENT.rank) for each in (champion, challenger)
    )
    missed = int((urgent & before & ~after).sum())
    total = int(urgent.sum())
    verdict = GateVerdict.PASSES if missed <= allowed else GateVerdict.NOT_ENOUGH_EVIDENCE
    why = f"{missed} of {total} urgent cases of the frozen set are newly missed, at most {allowed}"
    if missed > allowed:
        why += "; a named person has to sign for them"
    return CheckResult(
        check=key, verdict=verdict, decides=True, value=float(missed), margin=float(allowed),
        unit="cases", n_cases=total, n_patients=len(np.unique(champion.cluster[urgent])),
        sentence=why,
    )  # fmt: skip


def _frozen(frame: pd.DataFrame, spec: DataSpec) -> GateTable | None:
    return gate_table_of_frame(frame, spec, "frozen set") if len(frame) else None


def _ratio(
    key: str,
    unit: str,
    scale: float,
    limit: float,
    champion: float | None,
    challenger: float | None,
) -> CheckResult:
    if champion is None or challenger is None:
        return not_done(key, "not measured")
    if champion <= 0 or challenger < 0:
        raise UsageError(f"the champion's {key} is {champion:g}", where="evidence")
    ratio = challenger / champion
    verdict = GateVerdict.PASSES if ratio <= limit else GateVerdict.FAILS
    shown = f"{scale * champion:.3g} to {scale * challenger:.3g} {unit}, {ratio:.2f} times"
    return CheckResult(
        check=key, verdict=verdict, decides=True, champion=float(champion),
        challenger=float(challenger), value=ratio, margin=limit, unit="ratio",
        sentence=f"{shown}, at most {limit:g}",
    )  # fmt: skip
