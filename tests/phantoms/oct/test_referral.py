"""The referral rules: each once, the strongest decides, more is never less urgent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.phantoms.oct import REFERRAL_RULES, Finding, referral_of
from triage.phantoms.oct.referral import diagnoses_of
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.diagnoses import DIAGNOSES

EXPECTED = {
    Finding.ACTIVE_CNV: ("urgent", "cnv"),
    Finding.QUIET_CNV: ("semi_urgent", "cnv"),
    Finding.FULL_HOLE: ("semi_urgent", "full_macular_hole"),
    Finding.CENTRAL_OEDEMA: ("semi_urgent", "mro"),
    Finding.CENTRAL_SEROUS_LARGE: ("semi_urgent", "csr"),
    Finding.OEDEMA_OFF_CENTRE: ("routine", "mro"),
    Finding.CENTRAL_SEROUS_SMALL: ("routine", "csr"),
    Finding.TRACTION: ("routine", "vmt"),
    Finding.PARTIAL_HOLE: ("routine", "partial_macular_hole"),
    Finding.MEMBRANE_DISTORTING: ("routine", "erm"),
    Finding.ATROPHY: ("routine", "geographic_atrophy"),
    Finding.DRUSEN_CONFLUENT: ("routine", "drusen"),
    Finding.DRUSEN_SMALL: ("observation", "drusen"),
    Finding.MEMBRANE_FLAT: ("observation", "erm"),
}
findings = st.sets(st.sampled_from(list(Finding)))


@pytest.mark.parametrize("finding", Finding)
def test_each_rule(finding: Finding) -> None:
    urgency, diagnosis = EXPECTED[finding]
    assert referral_of([finding]) == urgency
    made = diagnoses_of([finding])
    assert [name for name, there in made.items() if there] == [diagnosis]
    rule = REFERRAL_RULES[finding]
    assert "NICE" in rule.reason or "our default" in rule.reason


def test_healthy_is_observed() -> None:
    assert referral_of([]) is Urgency.OBSERVATION
    assert diagnoses_of([])["normal"]
    assert sum(diagnoses_of([]).values()) == 1


def test_every_diagnosis_can_be_made() -> None:
    assert {rule.diagnosis for rule in REFERRAL_RULES.values()} | {"normal"} == set(DIAGNOSES)


@given(findings, st.sampled_from(list(Finding)))
def test_a_finding_more_is_never_less_urgent(found: set[Finding], more: Finding) -> None:
    assert referral_of(found | {more}).rank <= referral_of(found).rank


@given(findings)
def test_the_strongest_decides(found: set[Finding]) -> None:
    ranks = [Urgency(EXPECTED[finding][0]).rank for finding in found]
    assert referral_of(found).rank == min(ranks, default=Urgency.OBSERVATION.rank)
    assert diagnoses_of(found)["normal"] == (not found)
