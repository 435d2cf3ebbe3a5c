"""Findings of a phantom, and the rules by which they decide its referral.

The rules are for phantoms: they make a referral truth that is stated and repeatable. They are not a
guideline and must not be used for patients. Where a published pathway gives the urgency it is
named; otherwise the class is our default, close to what De Fauw et al. 2018 report of their four
classes without giving rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from triage.vocabulary.clinical import Urgency
from triage.vocabulary.diagnoses import DIAGNOSES


class Finding(StrEnum):
    """What is wrong with a phantom's macula; several may be."""

    ACTIVE_CNV = "active choroidal neovascularisation"
    QUIET_CNV = "fibrovascular PED without fluid"
    FULL_HOLE = "full-thickness macular hole"
    CENTRAL_OEDEMA = "oedema that involves the centre"
    CENTRAL_SEROUS_LARGE = "large central serous detachment"
    OEDEMA_OFF_CENTRE = "oedema that spares the centre"
    CENTRAL_SEROUS_SMALL = "small central serous detachment"
    TRACTION = "vitreomacular traction"
    PARTIAL_HOLE = "partial-thickness macular hole"
    MEMBRANE_DISTORTING = "epiretinal membrane with distortion"
    ATROPHY = "geographic atrophy"
    DRUSEN_CONFLUENT = "large confluent drusen"
    DRUSEN_SMALL = "small drusen"
    MEMBRANE_FLAT = "flat epiretinal membrane"


class Rule(NamedTuple):
    """One row of the table: the urgency and the diagnosis of a finding, and the reason."""

    urgency: Urgency
    diagnosis: str
    reason: str


_URGENT, _SEMI, _ROUTINE, _OBSERVE = Urgency

REFERRAL_RULES: dict[Finding, Rule] = {
    Finding.ACTIVE_CNV: Rule(
        _URGENT, "cnv", "suspected wet AMD is referred within one working day (NICE NG82)"
    ),
    Finding.QUIET_CNV: Rule(
        _SEMI, "cnv", "may become active and needs angiography; not exuding today (our default)"
    ),
    Finding.FULL_HOLE: Rule(
        _SEMI, "full_macular_hole", "closes best when operated within months (our default)"
    ),
    Finding.CENTRAL_OEDEMA: Rule(
        _SEMI, "mro", "sight is at risk and treatable, over weeks (our default)"
    ),
    Finding.CENTRAL_SEROUS_LARGE: Rule(
        _SEMI, "csr", "photoreceptors suffer when fluid stays (our default)"
    ),
    Finding.OEDEMA_OFF_CENTRE: Rule(
        _ROUTINE, "mro", "watched for involvement of the centre (our default)"
    ),
    Finding.CENTRAL_SEROUS_SMALL: Rule(
        _ROUTINE, "csr", "most resolve by themselves within months (our default)"
    ),
    Finding.TRACTION: Rule(_ROUTINE, "vmt", "may release or become a hole (our default)"),
    Finding.PARTIAL_HOLE: Rule(_ROUTINE, "partial_macular_hole", "is mostly stable (our default)"),
    Finding.MEMBRANE_DISTORTING: Rule(_ROUTINE, "erm", "surgery may be offered (our default)"),
    Finding.ATROPHY: Rule(
        _ROUTINE, "geographic_atrophy", "is confirmed and followed by a specialist (our default)"
    ),
    Finding.DRUSEN_CONFLUENT: Rule(
        _ROUTINE, "drusen", "carries a high risk of late AMD (our default)"
    ),
    Finding.DRUSEN_SMALL: Rule(
        _OBSERVE, "drusen", "early AMD that gives no symptoms is watched (our default)"
    ),
    Finding.MEMBRANE_FLAT: Rule(_OBSERVE, "erm", "is harmless without distortion (our default)"),
}
"""One row a finding, in order of urgency; no finding at all is observation."""


def referral_of(findings: Iterable[Finding]) -> Urgency:
    """Return the referral of a phantom with these findings: the most urgent one decides.

    Parameters
    ----------
    findings : iterable of Finding
        Empty for a healthy macula, which is observed.
    """
    urgencies = [REFERRAL_RULES[finding].urgency for finding in findings]
    return min(urgencies, key=lambda urgency: urgency.rank, default=Urgency.OBSERVATION)


def diagnoses_of(findings: Iterable[Finding]) -> dict[str, bool]:
    """Return the ten diagnoses (keys of `DIAGNOSES`) that these findings make."""
    made = {REFERRAL_RULES[finding].diagnosis for finding in findings} or {"normal"}
    return {name: name in made for name in DIAGNOSES}
