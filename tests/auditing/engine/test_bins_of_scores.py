"""Metrics from bins of a score differ from exact ones by no more than their bound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auditing.engine.tables import make_plan, make_table
from triage.auditing.engine import audit_cases
from triage.auditing.engine.audit_cases import N_BINS
from triage.auditing.engine.measure import measure_scope
from triage.auditing.engine.scope import Scopes
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS
from triage.evaluation.metrics.cases import ScoreSteps, distinct_steps

RANKED = ("ood_auroc", "ood_aupr", "ood_fpr95", "aurc", "e_aurc", "aurc_gain")


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(30, 400),
    n_bins=st.integers(1, 40),
    share=st.floats(0.05, 0.9),
    ties=st.booleans(),
)
def test_the_bound_holds(seed: int, n: int, n_bins: int, share: float, ties: bool) -> None:
    g = np.random.default_rng(seed)
    table = make_table(n, n, seed=seed)
    truth = np.where(g.random(n) < share, -1, g.integers(0, 4, n)).astype(np.int16)
    truth[:2] = -1, 0
    score = g.normal(size=n) + (truth == -1)
    score = np.round(score, 1) if ties else score
    cases = Scopes(replace(table, truth=truth, ood_score=score), make_plan()).overall().cases
    edges = np.quantile(score, np.linspace(0, 1, n_bins + 1)[1:-1])
    above = np.searchsorted(edges, score, side="right")
    binned = ScoreSteps(n_bins - 1 - above, n_bins, binned=True)
    for key in RANKED:
        form = AUDIT_METRICS[key].form
        assert form is not None
        assert form.bound is not None
        values, bound = [], 0.0
        for steps in (distinct_steps(score), binned):
            object.__setattr__(cases, "steps", lambda _, steps=steps: steps)
            terms = form.terms(cases)
            sums = form.sums(terms.weighted(np.ones((1, n))), terms)
            values.append(form.value(sums)[0])
            bound = form.bound(sums)
        assert abs(values[0] - values[1]) <= bound + 1e-12, key


def test_large_tables_are_ranked_by_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    table = make_table(20_000, 20_000, seed=2)
    plan = make_plan()
    metrics = [AUDIT_METRICS[key] for key in (*RANKED, "auroc_urgent")]
    exact = measure_scope(Scopes(table, plan).overall(), metrics, plan.intervals, None)
    monkeypatch.setattr(audit_cases, "MOST_DISTINCT", 10_000)
    score = table.ood_score + np.random.default_rng(0).normal(size=20_000) * 1e-4
    table = replace(table, ood_score=score)
    scopes = Scopes(table, plan)
    found = measure_scope(scopes.overall(), metrics, plan.intervals, None)
    for one, other in zip(exact, found, strict=True):
        assert "bins of the score" in other.note
        assert one.note == ""
        assert other.value == pytest.approx(one.value, abs=2e-2 if "fpr" in one.key else 2e-3)
        spread = np.sqrt([(each.influence**2).sum() for each in (one, other)])
        assert spread[0] == pytest.approx(spread[1], rel=0.3)
    few = measure_scope(
        scopes._scope("a", "b", scopes.overall().cases.take(np.arange(N_BINS))),
        metrics, plan.intervals, None,
    )  # fmt: skip
    assert {each.note for each in few} == {""}
