"""Skin phantoms: synthetic skin-lesion cases with exactly known truth.

A phantom is no diagnosis and no patient. It is a picture drawn from a declared table of appearances
(`CONDITIONS`), on skin of six types, under varying light, with hair, rulers, blur and compression.
Because every number behind a picture is drawn from a seed, the same case always has the same bytes,
and its condition, lesion mask and parameters are known without error. Demonstrations and tests use
phantoms where research data may not be used.
"""

from triage.phantoms.skin.cases import PhantomCase, generate_cases, render_case
from triage.phantoms.skin.conditions import CONDITIONS, PhantomCondition
from triage.phantoms.skin.plan import plan_case
from triage.phantoms.skin.write import write_phantoms

__all__ = [
    "CONDITIONS",
    "PhantomCase",
    "PhantomCondition",
    "generate_cases",
    "plan_case",
    "render_case",
    "write_phantoms",
]
