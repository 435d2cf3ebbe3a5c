"""The gate on a few generated challengers; the long run is tests.soak.gate_simulation."""

from __future__ import annotations

from tests.gating.tables import spec
from tests.soak.gate_simulation import KINDS, Design, judged
from triage.vocabulary.learning import GateVerdict

DESIGN = Design(cases=6000, urgent=0.4)
RUNS = 2


def test_generated_challengers() -> None:
    data = spec()
    found = {kind: [judged(DESIGN, kind, seed, data) for seed in range(RUNS)] for kind in KINDS}
    assert all(each.verdict is GateVerdict.PASSES for each in found["better"])
    assert all(each.better for each in found["better"])
    assert all(each.verdict is GateVerdict.FAILS for each in found["harmful"])
    assert not any(each.better for each in found["equal"])
    assert not any(each.verdict is GateVerdict.PASSES for each in found["equal"])
